//! A handler borrows the Context.

async fn handler(ctx: &ringlane::Context) {
    ctx.text("x");
}

fn main() {
    let _ = ringlane::Server::builder().get("/", handler);
}
