//! A server for tests of what blocks: `/block/{ms}` keeps its core, `/wait/{ms}` a blocking thread.
//!
//! Arguments: the drain time in milliseconds. It prints `ready ADDRESS` once it serves.

#![forbid(unsafe_code)]

use std::io::Write;
use std::time::Duration;

use ringlane::{Context, Result, Server};

fn main() -> Result {
    tracing_subscriber::fmt()
        .with_writer(ringlane::log::stderr)
        .with_ansi(false)
        .init();
    let drain_time = std::env::args().nth(1).and_then(|text| text.parse().ok());
    let drain_time = Duration::from_millis(drain_time.unwrap_or(10_000));
    let server = Server::builder()
        .bind("127.0.0.1:0")
        .workers(1)
        .drain_time(drain_time)
        .get("/block/{ms}", block)
        .get("/wait/{ms}", wait)
        .get("/", |_| "hello")
        .build()?;
    server.run_with(|handle| {
        for address in handle.addresses() {
            let _ = writeln!(std::io::stdout(), "ready {address}"); // the test fails without it
        }
    })
}

/// What a handler must not do: to block its core.
fn block(ctx: Context) -> Result<&'static str> {
    std::thread::sleep(Duration::from_millis(ctx.param("ms")?));
    Ok("blocked")
}

async fn wait(ctx: Context) -> Result<&'static str> {
    let time = Duration::from_millis(ctx.param("ms")?);
    ringlane::blocking(move || std::thread::sleep(time)).await?;
    Ok("waited")
}
