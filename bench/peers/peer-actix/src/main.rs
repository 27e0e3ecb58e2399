//! actix-web with one worker, otherwise as its documentation starts it.
//!
//! Beside the defaults: `TCP_NODELAY` and an allocator made for many small objects, as in its own
//! entry in TechEmpower's benchmarks. The optional features (compression, cookies, HTTP/2) are off.
//!
//! Not here: fan-out and event streams.

mod echo;
mod routes;

use std::io;

use actix_web::{App, HttpServer, rt};
use bench_peers_common::{BACKLOG, announce, port};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> io::Result<()> {
    let port = port()?;
    rt::System::new().block_on(async move {
        let server = HttpServer::new(|| App::new().configure(routes::configure))
            .workers(1)
            .backlog(BACKLOG as u32)
            .tcp_nodelay(true)
            .bind(("127.0.0.1", port))?
            .run();
        announce();
        server.await
    })
}
