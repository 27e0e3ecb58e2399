//! A function has two routes.

#[ringlane::get("/")]
#[ringlane::post("/")]
fn handler(_: ringlane::Context) {}

fn main() {}
