//! xitca-web with one worker, otherwise as its documentation starts it.
//!
//! Beside the defaults: `TCP_NODELAY`, which the listener passes on, and an allocator made for many
//! small objects.
//!
//! Not here: routes other than the one that is measured.

use std::io;

use bench_peers_common::{BODY, CONTENT_TYPE, announce, listen, port};
use xitca_web::App;
use xitca_web::body::ResponseBody;
use xitca_web::handler::handler_service;
use xitca_web::http::WebResponse;
use xitca_web::http::header::{CONTENT_TYPE as CONTENT_TYPE_NAME, HeaderValue, SERVER};
use xitca_web::route::get;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> io::Result<()> {
    let listener = listen(port()?)?;
    let server = App::new()
        .at("/plaintext", get(handler_service(answer)))
        .serve()
        .worker_threads(1)
        .listen(listener)?
        .run();
    announce();
    server.wait()
}

async fn answer() -> WebResponse {
    let mut response = WebResponse::new(ResponseBody::from(BODY));
    let headers = response.headers_mut();
    headers.insert(SERVER, HeaderValue::from_static("xitcaweb"));
    headers.insert(CONTENT_TYPE_NAME, HeaderValue::from_static(CONTENT_TYPE));
    response
}
