//! An attribute has two paths.

#[ringlane::get("/a", "/b")]
fn handler(_: ringlane::Context) {}

fn main() {}
