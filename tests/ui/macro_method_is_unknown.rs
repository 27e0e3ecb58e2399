//! An attribute names a method that there is not.

#[ringlane::route("/", methods(GET, FETCH))]
fn handler(_: ringlane::Context) {}

fn main() {}
