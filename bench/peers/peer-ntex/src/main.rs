//! ntex on its own io_uring driver, one worker, otherwise as its documentation starts it.
//!
//! Beside the defaults: `TCP_NODELAY`, and an allocator made for many small objects.
//!
//! Not here: WebSockets and event streams.

// Ten layers are ten types, each in the next, and each of them three deep.
#![recursion_limit = "256"]

mod layer;
mod routes;

use std::io;

use bench_peers_common::{announce, listen, port};
use ntex::web::{App, HttpServer};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[ntex::main]
async fn main() -> io::Result<()> {
    let listener = listen(port()?)?;
    let server = HttpServer::new(async || App::new().configure(routes::configure))
        .workers(1)
        .listen(listener)?
        .run();
    announce();
    server.await
}
