//! A text is registered as a handler.

fn main() {
    let _ = ringlane::Server::builder().get("/", "hello");
}
