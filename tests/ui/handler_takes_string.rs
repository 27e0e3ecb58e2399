//! A handler takes something other than the Context.

fn handler(_: String) {}

fn main() {
    let _ = ringlane::Server::builder().get("/", handler);
}
