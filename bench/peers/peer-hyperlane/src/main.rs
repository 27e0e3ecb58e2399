//! hyperlane on one current-thread runtime, started as its documentation does.
//!
//! Beside the defaults: `TCP_NODELAY`, and an allocator made for many small objects. It binds by
//! itself, so its backlog is its own.
//!
//! Not here: routes other than the one that is measured.

use std::io;

use bench_peers_common::{BODY, CONTENT_TYPE, announce, port};
use hyperlane::{Context, HttpVersion, Server, ServerConfig, ServerHook, Status, Stream};
use tokio::runtime;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

struct Plaintext;

impl ServerHook for Plaintext {
    async fn new(_: &mut Stream, _: &mut Context) -> Self {
        Self
    }

    async fn handle(self, stream: &mut Stream, context: &mut Context) -> Status {
        let answer: Vec<u8> = context
            .get_mut_response()
            .set_version(HttpVersion::Http1_1)
            .set_status_code(200)
            .set_header("Server", "hyperlan")
            .set_header("Content-Type", CONTENT_TYPE)
            .set_body(BODY)
            .build();
        if stream.try_send(answer).await.is_err() {
            stream.set_closed(true);
            return Status::Reject;
        }
        Status::Continue
    }
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
        let running = server.run().await;
        let running = running.map_err(|error| io::Error::other(error.to_string()))?;
        announce();
        running.wait().await;
        Ok(())
    })
}
