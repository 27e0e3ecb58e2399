//! An onion is not asynchronous.

use ringlane::{Context, Next};

fn main() {
    let _ = ringlane::Server::builder().wrap(|ctx: Context, _: Next| ctx.text("x"));
}
