//! An asynchronous handler returns what is no response.

async fn handler(_: ringlane::Context) -> u32 {
    5
}

fn main() {
    let _ = ringlane::Server::builder().get("/", handler);
}
