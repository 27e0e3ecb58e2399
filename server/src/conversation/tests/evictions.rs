//! At the limit of connections those between two requests make room, and no others.

use super::{SECOND, Talk, outline, server};
use crate::websocket::{Message, Socket};
use crate::{Builder, Context, Result, time};

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

fn routes() -> Builder {
    server()
        .connections_per_core_max(1)
        .get("/", |_| "index")
        .get("/sleep", async |ctx: Context| -> Result {
            time::sleep(20 * SECOND).await;
            ctx.text("slept");
            Ok(())
        })
        .post("/", async |ctx: Context| -> Result<String> {
            Ok(ctx.body().bytes().await?.len().to_string())
        })
        .get("/events", |ctx: Context| ctx.event_stream_of("news"))
        .websocket("/ws", |_: &Socket, _: Message<'_>| ())
}

/// Has a second connection come two seconds after the first has said this, and tells whether it
/// was served.
#[track_caller]
fn check(first_says: &str, is_served: bool) {
    let mut talk = Talk::with(routes());
    talk.send(first_says).pass(2 * SECOND);
    let second = talk.client.connect();
    second.send(GET);
    talk.pass(2 * SECOND);
    let answer = outline(&second.read());
    assert_eq!(answer == ["200 index"], is_served, "{answer:?}");
    assert_eq!(talk.connection.is_finished(), is_served, "{first_says:?}");
}

#[test]
fn a_connection_between_two_requests_makes_room() {
    check(GET, true);
    check("", true); // before its first
    check("\r\n", true); // that is no request
}

#[test]
fn a_connection_with_a_request_under_way_stays() {
    check("GET / HT", false);
    check("GET /sleep HTTP/1.1\r\nHost: a\r\n\r\n", false);
    check(
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab",
        false,
    );
}

#[test]
fn what_has_become_something_else_stays() {
    check("GET /events HTTP/1.1\r\nHost: a\r\n\r\n", false);
    check(
        "GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        false,
    );
}
