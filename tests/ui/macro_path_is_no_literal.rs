//! The path of an attribute is a constant.

const PATH: &str = "/";

#[ringlane::get(PATH)]
fn handler(_: ringlane::Context) {}

fn main() {}
