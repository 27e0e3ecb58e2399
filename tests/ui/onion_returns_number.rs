//! An onion returns what is no response.

use ringlane::{Context, Next};

async fn onion(_: Context, _: Next) -> u32 {
    5
}

fn main() {
    let _ = ringlane::Server::builder().wrap(onion);
}
