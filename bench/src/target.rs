//! The routes that scenarios measure; every peer has the same.
//!
//! Always true here:
//! - Nothing is tuned that a user could not tune, or would not.
//!
//! Not here: routes that the demo has as well (`server/cli/src/demo/benchmarks.rs`), how a server
//! is started (`src/bin/ringlane-target`), what is sent to it (scenarios).

use std::time::Duration;

use bytes::Bytes;
use ringlane::middleware::Health;
use ringlane::topics::Topics;
use ringlane::websocket::{DeflateConfig, Handler, Message, Options, SlowClient, Socket};
use ringlane::{Builder, Context, Next, Result, Routes, StatusCode};

use benchmarks::plaintext;

#[path = "../../server/cli/src/demo/benchmarks.rs"]
mod benchmarks;

/// The longest message that comes back.
const BODY_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// The longest answer that can be asked for.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;
/// Versions and resources: a thousand routes together.
const VERSIONS: usize = 10;
const RESOURCES: usize = 100;

/// The topic that everyone follows.
const TOPIC: &str = "all";
/// What those who will read nothing follow as well: together more than the kernel holds for them.
const FLOOD: &str = "flood";
const FLOOD_BYTES: usize = 256 * 1024;

/// Adds every route that a scenario asks for.
///
/// ```
/// use ringlane::{Server, testing};
///
/// let server = ringlane_bench::target::routes(Server::builder()).build()?;
/// let mut client = testing::Client::new(server)?;
/// assert_eq!(client.get("/baseline11?a=1&b=2").send()?.text(), "3");
/// assert_eq!(client.get("/api/v9/resource99/7").send()?.text(), "7");
/// # Ok::<(), ringlane::Error>(())
/// ```
pub fn routes(server: Builder) -> Builder {
    let topics = server.topics();
    let server = benchmarks::routes(server)
        .get("/async", async |ctx: Context| plaintext(ctx))
        .get("/events", |ctx: Context| ctx.event_stream_of(TOPIC))
        .post("/publish", move |ctx: Context| publish(ctx, topics.clone()))
        .websocket_with("/ws", echo_options(), echo)
        .websocket_with("/ws-deflate", deflating_options(), echo)
        .websocket_with("/topic", follower_options(), Follower)
        .group("/layers", layers)
        .with(Health::new().details(true));
    (0..VERSIONS).fold(sized(server), |server, version| {
        (0..RESOURCES).fold(server, |server, resource| {
            server.get(
                &format!("/api/v{version}/resource{resource}/{{id}}"),
                benchmarks::item,
            )
        })
    })
}

/// Answers from memory: `/bytes/1024`, and every power of two from there to the longest.
fn sized(server: Builder) -> Builder {
    let all = Bytes::from(vec![b'x'; ANSWER_BYTES_MAX]);
    let sizes = (10..=20).map(|power| 1 << power);
    sizes.fold(server, |server, size: usize| {
        let bytes = all.slice(..size);
        server.get(&format!("/bytes/{size}"), move |ctx: Context| {
            ctx.bytes(bytes.clone());
        })
    })
}

/// The same answer through ten asynchronous layers that do nothing.
fn layers(routes: Routes) -> Routes {
    let routes = (0..10).fold(routes, |routes, _| {
        routes.wrap(async |ctx: Context, next: Next| {
            next.run(&ctx).await;
        })
    });
    routes.get("/plaintext", plaintext)
}

/// Sends the body to everyone who follows, whichever way.
async fn publish(ctx: Context, topics: Topics) -> Result {
    let message = ctx.body().text().await?;
    topics.publish(TOPIC, message);
    if topics.subscribers(FLOOD) > 0 {
        topics.publish(FLOOD, vec![0; FLOOD_BYTES]);
    }
    ctx.set_status(StatusCode::NO_CONTENT);
    Ok(())
}

fn echo_options() -> Options {
    Options::default()
        .max_message_bytes(BODY_BYTES_MAX as usize)
        .compression(None)
}

/// As each client asks for it; everything is compressed.
fn deflating_options() -> Options {
    echo_options()
        .compression(Some(DeflateConfig::SHARED))
        .compression_min_bytes(1)
}

fn echo(socket: &Socket, message: Message<'_>) {
    socket.send(message);
}

/// Who cannot keep up is closed, and may come again.
fn follower_options() -> Options {
    Options::default()
        .slow_client(SlowClient::Close)
        .close_timeout(Duration::from_secs(1))
}

/// Follows the topic from its first moment.
struct Follower;

impl Handler for Follower {
    type State = ();

    fn on_open(&self, ctx: &Context, socket: &Socket) -> Result {
        socket.subscribe(TOPIC)?;
        if ctx.target().ends_with("?stalls") {
            socket.subscribe(FLOOD)?;
        }
        Ok(())
    }

    fn on_message(&self, (): &mut (), _: &Socket, _: Message<'_>) {}
}
