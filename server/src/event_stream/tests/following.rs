//! Streams of topics and broadcasts: who gets what, beside sockets.

use std::sync::LazyLock;

use super::*;
use crate::testing::Received;
use crate::topics::{Broadcast, CROSSING_BYTES_MAX};
use crate::websocket::{Handler, Message, Socket};

static NUMBERS: LazyLock<Broadcast<u32>> = LazyLock::new(Broadcast::new);

struct Room;

impl Handler for Room {
    type State = ();

    fn on_open(&self, _: &Context, socket: &Socket) -> Result {
        socket.subscribe("room")?;
        socket.follow(&NUMBERS)?;
        Ok(())
    }

    fn on_message(&self, (): &mut (), socket: &Socket, message: Message<'_>) {
        socket.publish("room", message);
    }
}

fn rooms() -> Builder {
    server()
        .websocket("/ws", Room)
        .get("/room", |ctx: Context| ctx.event_stream_of("room"))
        .get("/numbers", |ctx: Context| ctx.event_stream_of(&*NUMBERS))
        .get("/later", async |ctx: Context| -> Result {
            ctx.event_stream_of("room")?;
            crate::time::sleep(SECOND).await;
            Ok(())
        })
}

#[test]
fn sockets_and_streams_hear_the_same() {
    let builder = rooms();
    let topics = builder.topics();
    let mut client = start(builder);
    let mut events = open(&mut client, "/room");
    let mut socket = client.get("/ws").websocket().expect("a socket");
    assert_eq!(topics.subscribers("room"), 2);
    assert!(topics.publish("room", "a\nb"));
    assert!(topics.publish("room", b"bytes"));
    assert!(topics.publish("room", Event::data("c").event("named").id("1")));
    assert!(topics.publish("room", Event::comment("aside")));
    assert!(topics.publish("room", Message::from("d")));
    for wrong in [Event::data("x").event("a\nb"), Event::data("x").id("a\0")] {
        assert!(!topics.publish("room", wrong));
    }
    pass(&mut client, Duration::ZERO);
    assert_eq!(heard(&mut events), "a\nb | named#1 c | :aside | #1 d");
    let texts = ["a\nb", "c", "d"].map(|text| Received::Message(text.into()));
    let mut expected = texts.to_vec();
    expected.insert(1, Received::Message(b"bytes".into()));
    assert_eq!(socket.read(), expected);
    socket.send("from the socket");
    pass(&mut client, Duration::ZERO);
    assert_eq!(heard(&mut events), "#1 from the socket");
    assert_eq!(socket.read(), []);
}

#[test]
fn a_broadcast_comes_as_json() {
    let mut client = start(rooms());
    let mut events = open(&mut client, "/numbers");
    let mut socket = client.get("/ws").websocket().expect("a socket");
    let _sends = client.spawn(async { NUMBERS.send(7) });
    pass(&mut client, Duration::ZERO);
    assert_eq!(heard(&mut events), "7");
    assert_eq!(socket.read(), [Received::Message("7".into())]);
}

#[test]
fn what_is_published_before_the_head_is_not_lost() {
    let builder = rooms();
    let topics = builder.topics();
    let mut client = start(builder);
    let connection = client.connect();
    connection.send("GET /later HTTP/1.0\r\n\r\n");
    pass(&mut client, Duration::ZERO);
    topics.publish("room", "early");
    pass(&mut client, 2 * SECOND);
    let answer = String::from_utf8(connection.read()).expect("text");
    assert!(answer.ends_with("\r\n\r\ndata: early\n\n"), "{answer}");
}

#[test]
fn what_a_client_sends_meanwhile_is_dropped() {
    let builder = rooms();
    let topics = builder.topics();
    let mut client = start(builder);
    let mut events = open(&mut client, "/room");
    for _ in 0..64 {
        events.connection().send(vec![b'x'; 64 * 1024]);
        pass(&mut client, Duration::ZERO);
    }
    topics.publish("room", "a");
    pass(&mut client, Duration::ZERO);
    assert_eq!(heard(&mut events), "a");
    events.connection().finish();
    pass(&mut client, Duration::ZERO);
    assert_eq!(topics.subscribers("room"), 0);
}

#[test]
fn a_long_event_comes_whole() {
    let builder = rooms();
    let topics = builder.topics();
    let mut client = start(builder);
    let mut events = open(&mut client, "/room");
    let text = "y".repeat(3 << 20);
    const { assert!(CROSSING_BYTES_MAX > 3 << 20) };
    topics.publish("room", &text);
    pass(&mut client, Duration::ZERO);
    assert!(heard(&mut events) == text);
}
