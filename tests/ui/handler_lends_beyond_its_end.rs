//! A handler returns what it borrowed of its Context.

use ringlane::Context;

fn main() {
    let _ = ringlane::Server::builder().get("/", |ctx: Context| ctx.path());
}
