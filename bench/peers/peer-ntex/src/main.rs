//! ntex on its own io_uring driver, one worker, otherwise as its documentation starts it.
//!
//! Beside the defaults: `TCP_NODELAY`, and an allocator made for many small objects.
//!
//! Not here: routes other than the one that is measured.

use std::io;

use bench_peers_common::{BODY, CONTENT_TYPE, announce, listen, port};
use ntex::http::header::{CONTENT_TYPE as CONTENT_TYPE_NAME, HeaderValue, SERVER};
use ntex::web::{self, App, HttpResponse, HttpServer};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[ntex::main]
async fn main() -> io::Result<()> {
    let listener = listen(port()?)?;
    let server = HttpServer::new(async || App::new().route("/plaintext", web::get().to(answer)))
        .workers(1)
        .listen(listener)?
        .run();
    announce();
    server.await
}

async fn answer() -> HttpResponse {
    let mut response = HttpResponse::Ok().body(BODY);
    let headers = response.headers_mut();
    headers.insert(SERVER, HeaderValue::from_static("ntex-web"));
    headers.insert(CONTENT_TYPE_NAME, HeaderValue::from_static(CONTENT_TYPE));
    response
}
