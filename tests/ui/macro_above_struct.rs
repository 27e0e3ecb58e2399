//! An attribute stands above a type.

#[ringlane::get("/")]
struct Users;

fn main() {}
