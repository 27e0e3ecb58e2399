//! An attribute has no path.

#[ringlane::get]
fn handler(_: ringlane::Context) {}

fn main() {}
