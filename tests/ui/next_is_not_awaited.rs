//! An onion forgets to await what is below it.

#![deny(unused_must_use)]

use ringlane::{Context, Next};

fn main() {
    let _ = ringlane::Server::builder().wrap(async |ctx: Context, next: Next| {
        next.run(&ctx);
    });
}
