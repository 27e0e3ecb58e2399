//! A function is no middleware for `with`: the methods for layers are named.

use ringlane::{Context, Server};

fn log(_: &Context) {}

fn main() {
    let _ = Server::builder().with(log);
}
