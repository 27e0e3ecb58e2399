//! An endpoint is a handler without a route.

fn handler(_: ringlane::Context) {}

fn main() {
    let _ = ringlane::Server::builder().endpoint(handler);
}
