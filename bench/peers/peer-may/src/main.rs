//! may_minihttp: a server without a framework, on stackful coroutines, one worker.
//!
//! The settings are those of its entry in TechEmpower's benchmarks, apart from the one worker. It
//! writes its own server name of one letter and `200 Ok`, and sets no `TCP_NODELAY` where it
//! accepts.
//!
//! Not here: routes other than the one that is measured.

use std::io;

use bench_peers_common::{BODY, announce, port};
use may_minihttp::{HttpServer, HttpService, Request, Response};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Clone)]
struct Service;

impl HttpService for Service {
    fn call(
        &mut self,
        request: Request<'_, '_, '_>,
        response: &mut Response<'_>,
    ) -> io::Result<()> {
        if request.path() == "/plaintext" {
            response.header("Content-Type: text/plain").body(BODY);
        } else {
            response.status_code(404, "Not Found");
        }
        Ok(())
    }
}

fn main() -> io::Result<()> {
    let port = port()?;
    may::config().set_workers(1);
    let server = HttpServer(Service).start(("127.0.0.1", port))?;
    announce();
    server
        .join()
        .map_err(|_| io::Error::other("the server panicked"))
}
