//! An attribute for several methods names none.

#[ringlane::route("/")]
fn handler(_: ringlane::Context) {}

fn main() {}
