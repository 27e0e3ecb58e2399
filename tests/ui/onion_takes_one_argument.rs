//! An onion takes no Next.

use ringlane::Context;

fn main() {
    let _ = ringlane::Server::builder().wrap(async |ctx: Context| ctx.text("x"));
}
