//! Nothing tells what error an asynchronous block has; `ringlane::ok()` would.

fn main() {
    let _ = ringlane::Server::builder().get("/", |ctx| async move {
        let _: u64 = ctx.param("id")?;
        Ok(())
    });
}
