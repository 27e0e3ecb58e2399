//! An onion is registered as a handler.

use ringlane::{Context, Next};

fn main() {
    let _ = ringlane::Server::builder()
        .get("/", async |ctx: Context, next: Next| next.run(&ctx).await);
}
