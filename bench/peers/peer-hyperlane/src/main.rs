//! hyperlane on one current-thread runtime, started as its documentation does.
//!
//! Beside the defaults: `TCP_NODELAY`, and an allocator made for many small objects. It binds by
//! itself, so its backlog is its own. It sends no `Date` by itself, so handlers add it, and it knows
//! header fields by their names in small letters only.
//!
//! Not here: routes other than those that are measured.

use std::io;
use std::time::SystemTime;

use bench_peers_common::{BODY, CONTENT_TYPE, announce, port};
use hyperlane::{Context, HttpVersion, Server, ServerConfig, ServerHook, Status, Stream};
use serde::Serialize;
use tokio::runtime;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

struct Plaintext;

impl ServerHook for Plaintext {
    async fn new(_: &mut Stream, _: &mut Context) -> Self {
        Self
    }

    async fn handle(self, stream: &mut Stream, context: &mut Context) -> Status {
        answer(stream, context, CONTENT_TYPE, BODY).await
    }
}

#[derive(Serialize)]
struct Greeting {
    message: &'static str,
}

struct Json;

impl ServerHook for Json {
    async fn new(_: &mut Stream, _: &mut Context) -> Self {
        Self
    }

    async fn handle(self, stream: &mut Stream, context: &mut Context) -> Status {
        match serde_json::to_vec(&Greeting { message: BODY }) {
            Ok(body) => answer(stream, context, "application/json", body).await,
            Err(_) => Status::Reject,
        }
    }
}

async fn answer(
    stream: &mut Stream,
    context: &mut Context,
    content_type: &str,
    body: impl AsRef<[u8]>,
) -> Status {
    let answer: Vec<u8> = context
        .get_mut_response()
        .set_version(HttpVersion::Http1_1)
        .set_status_code(200)
        .set_header("server", "hyperlan")
        .set_header("date", httpdate::fmt_http_date(SystemTime::now()))
        .set_header("content-type", content_type)
        .set_body(body)
        .build();
    if stream.try_send(answer).await.is_err() {
        stream.set_closed(true);
        return Status::Reject;
    }
    Status::Continue
}

fn main() -> io::Result<()> {
    let port = port()?;
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut config = ServerConfig::default();
        config.set_address(format!("127.0.0.1:{port}"));
        config.set_nodelay(Some(true));
        let mut server = Server::default();
        server.server_config(config);
        server.route::<Plaintext>("/plaintext");
        server.route::<Json>("/json");
        let running = server.run().await;
        let running = running.map_err(|error| io::Error::other(error.to_string()))?;
        announce();
        running.wait().await;
        Ok(())
    })
}
