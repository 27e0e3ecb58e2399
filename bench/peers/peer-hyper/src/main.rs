//! hyper on one current-thread runtime: HTTP/1 only, pipelined answers flushed together.
//!
//! The settings are those of hyper's own entry in TechEmpower's benchmarks: no header timeout (no
//! timer is set), `TCP_NODELAY`, and an allocator made for many small objects. Paths are matched by
//! hand, as hyper's examples do: it has no router.

mod routes;

use std::io;

use bench_peers_common::{announce, listen, port};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::runtime;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> io::Result<()> {
    let listener = listen(port()?)?;
    listener.set_nonblocking(true)?;
    let runtime = runtime::Builder::new_current_thread().enable_io().build()?;
    runtime.block_on(serve(listener))
}

async fn serve(listener: std::net::TcpListener) -> io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    announce();
    let mut http = http1::Builder::new();
    http.pipeline_flush(true);
    loop {
        let (stream, _) = listener.accept().await?;
        // An error here is a client that left: nothing to report.
        tokio::spawn(http.serve_connection(TokioIo::new(stream), service_fn(routes::answer)));
    }
}
