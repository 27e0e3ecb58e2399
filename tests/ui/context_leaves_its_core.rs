//! A Context is moved to another thread.

use ringlane::Context;

fn main() {
    let _ = ringlane::Server::builder().get("/", |ctx: Context| {
        std::thread::spawn(move || ctx.text("x"));
    });
}
