//! A handler with a route of its own returns what is no response.

#[ringlane::get("/")]
async fn handler(_: ringlane::Context) -> u32 {
    7
}

fn main() {
    let _ = ringlane::Server::builder().endpoint(handler);
}
