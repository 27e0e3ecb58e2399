//! A handler takes no Context.

async fn handler() -> &'static str {
    "x"
}

fn main() {
    let _ = ringlane::Server::builder().get("/", handler);
}
