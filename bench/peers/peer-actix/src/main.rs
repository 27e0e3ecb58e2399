//! actix-web with one worker, otherwise as its documentation starts it.
//!
//! Beside the defaults: `TCP_NODELAY` and an allocator made for many small objects, as in its own
//! entry in TechEmpower's benchmarks. The optional features (compression, cookies, HTTP/2) are off.
//!
//! Not here: routes other than those that are measured.

use std::io;

use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE as CONTENT_TYPE_NAME, HeaderValue, SERVER};
use actix_web::web::{self, Bytes};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, rt};
use actix_ws::Message;
use bench_peers_common::{BACKLOG, BODY, CONTENT_TYPE, announce, port};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> io::Result<()> {
    let port = port()?;
    rt::System::new().block_on(async move {
        let routes = || {
            App::new()
                .route("/plaintext", web::get().to(answer))
                .route("/async", web::get().to(answer))
                .route("/ws", web::get().to(echo))
        };
        let server = HttpServer::new(routes)
            .workers(1)
            .backlog(BACKLOG as u32)
            .tcp_nodelay(true)
            .bind(("127.0.0.1", port))?
            .run();
        announce();
        server.await
    })
}

async fn answer() -> HttpResponse<Bytes> {
    let mut response = HttpResponse::with_body(StatusCode::OK, Bytes::from_static(BODY.as_bytes()));
    let headers = response.headers_mut();
    headers.insert(SERVER, HeaderValue::from_static("actixweb"));
    headers.insert(CONTENT_TYPE_NAME, HeaderValue::from_static(CONTENT_TYPE));
    response
}

/// Sends each message back.
async fn echo(request: HttpRequest, body: web::Payload) -> actix_web::Result<HttpResponse> {
    let (response, mut session, stream) = actix_ws::handle(&request, body)?;
    let mut stream = stream.max_frame_size(1 << 20);
    rt::spawn(async move {
        while let Some(Ok(message)) = stream.recv().await {
            let sent = match message {
                Message::Text(text) => session.text(text).await,
                Message::Binary(bytes) => session.binary(bytes).await,
                Message::Ping(bytes) => session.pong(&bytes).await,
                _ => break,
            };
            if sent.is_err() {
                return;
            }
        }
        // The client may be gone already.
        let _ = session.close(None).await;
    });
    Ok(response)
}
