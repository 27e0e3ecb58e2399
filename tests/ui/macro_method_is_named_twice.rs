//! An attribute names a method twice.

#[ringlane::route("/", methods(GET, POST, GET))]
fn handler(_: ringlane::Context) {}

fn main() {}
