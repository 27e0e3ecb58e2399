//! A Context is used where work may block.

use ringlane::{Context, Result};

async fn handler(ctx: Context) -> Result {
    ringlane::blocking(move || ctx.text("x")).await?;
    Ok(())
}

fn main() {
    let _ = ringlane::Server::builder().get("/", handler);
}
