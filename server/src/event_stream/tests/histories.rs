//! Streams that come back: all that was missed, once, or the word that there is a gap.

use super::*;
use crate::topics::{History, Topics};
use crate::websocket::{Message, Socket};

fn kept(history: History) -> Builder {
    server()
        .history("news", history)
        .get("/news", |ctx: Context| ctx.event_stream_of("news"))
        .websocket("/ws", |socket: &Socket, message: Message<'_>| {
            if socket.subscribe("news").is_ok() {
                socket.publish("news", message);
            }
        })
}

fn begin(history: History) -> (Client, Topics) {
    let builder = kept(history);
    let topics = builder.topics();
    (start(builder), topics)
}

fn publish(topics: &Topics, range: std::ops::RangeInclusive<u32>) {
    for number in range {
        assert!(topics.publish("news", number.to_string()));
    }
}

fn back(client: &mut Client, id: &str) -> EventStream {
    let request = client.get("/news").header("Last-Event-ID", id);
    request.event_stream().expect("a stream")
}

/// Opens a stream, reads what there is, and leaves.
fn last_id(client: &mut Client) -> String {
    let mut events = open(client, "/news");
    assert_eq!(heard(&mut events), "");
    events.last_event_id().to_owned()
}

#[test]
fn who_comes_back_gets_all_that_it_has_missed_once() {
    let (mut client, topics) = begin(History::default());
    publish(&topics, 1..=3);
    let mut events = open(&mut client, "/news");
    publish(&topics, 4..=5);
    pass(&mut client, Duration::ZERO);
    assert_eq!(heard(&mut events), "#4 4 | #5 5");
    let id = events.last_event_id().to_owned();
    drop(events);
    publish(&topics, 6..=8);
    let mut events = back(&mut client, &id);
    assert_eq!(heard(&mut events), "#6 6 | #7 7 | #8 8");
    publish(&topics, 9..=9);
    pass(&mut client, Duration::ZERO);
    assert_eq!(heard(&mut events), "#9 9");
}

#[test]
fn an_id_that_is_no_text_is_a_gap() {
    let (mut client, topics) = begin(History::default());
    publish(&topics, 1..=1);
    let connection = client.connect();
    connection.send(b"GET /news HTTP/1.0\r\nLast-Event-ID: \xff\xfe:1\r\n\r\n");
    pass(&mut client, Duration::ZERO);
    let answer = String::from_utf8(connection.read()).expect("text");
    assert!(answer.contains("event: gap\n"), "{answer}");
}

#[test]
fn letters_on_their_way_are_not_replayed_again() {
    let (mut client, topics) = begin(History::default());
    let id = last_id(&mut client);
    let mut early = open(&mut client, "/news");
    let mut streams = Vec::new();
    for number in 1..=5 {
        publish(&topics, number..=number); // its letter is not read before the next request
        let connection = client.connect();
        connection.send(format!("GET /news?last_event_id={id} HTTP/1.0\r\n\r\n",));
        streams.push(connection);
    }
    pass(&mut client, Duration::ZERO);
    let expected: String = (1..=5)
        .map(|number| format!("id: {}:{number}\ndata: {number}\n\n", &id[..16]))
        .collect();
    for connection in streams {
        let answer = String::from_utf8(connection.read()).expect("text");
        assert!(answer.ends_with(&expected), "{answer}");
        assert_eq!(answer.matches("data:").count(), 5, "{answer}");
    }
    assert_eq!(heard(&mut early), "#1 1 | #2 2 | #3 3 | #4 4 | #5 5");
}

#[test]
fn who_has_heard_nothing_yet_knows_where_it_was() {
    let (mut client, topics) = begin(History::default());
    let id = last_id(&mut client);
    publish(&topics, 1..=2);
    assert_eq!(heard(&mut back(&mut client, &id)), "#1 1 | #2 2");
    let (mut client, topics) = begin(History::default());
    publish(&topics, 1..=7);
    let id = last_id(&mut client);
    assert!(id.ends_with(":7"), "{id}");
    publish(&topics, 8..=8);
    assert_eq!(heard(&mut back(&mut client, &id)), "#8 8");
}

#[test]
fn a_full_ring_tells_of_the_gap() {
    let (mut client, topics) = begin(History::default().max_events(3));
    let id = last_id(&mut client);
    publish(&topics, 1..=3);
    assert_eq!(heard(&mut back(&mut client, &id)), "#1 1 | #2 2 | #3 3");
    publish(&topics, 4..=4);
    let mut events = back(&mut client, &id);
    assert_eq!(
        heard(&mut events),
        r#"gap#1 {"reason":"expired"} | #2 2 | #3 3 | #4 4"#
    );
    publish(&topics, 5..=5);
    pass(&mut client, Duration::ZERO);
    assert_eq!(heard(&mut events), "#5 5");
    topics
        .keep_history("news", History::default().max_events(0))
        .expect("it is in its range");
    publish(&topics, 6..=6);
    let id = events.last_event_id().to_owned();
    let mut events = back(&mut client, &id);
    assert_eq!(heard(&mut events), r#"gap#6 {"reason":"expired"}"#);
    assert_eq!(heard(&mut back(&mut client, events.last_event_id())), "");
}

#[test]
fn age_tells_of_the_gap() {
    let (mut client, topics) = begin(History::default().max_age(10 * SECOND));
    let id = last_id(&mut client);
    let publish = |client: &mut Client, number: u32| {
        let topics = topics.clone();
        let _publishes = client.spawn(async move { topics.publish("news", number.to_string()) });
        pass(client, Duration::ZERO);
    };
    publish(&mut client, 1);
    pass(&mut client, 6 * SECOND);
    publish(&mut client, 2);
    pass(&mut client, 4 * SECOND);
    assert_eq!(heard(&mut back(&mut client, &id)), "#1 1 | #2 2");
    pass(&mut client, SECOND);
    let mut events = back(&mut client, &id);
    assert_eq!(heard(&mut events), r#"gap#1 {"reason":"expired"} | #2 2"#);
    pass(&mut client, 10 * SECOND);
    let id = events.last_event_id().to_owned();
    assert_eq!(heard(&mut back(&mut client, &id)), "", "nothing was missed");
}

#[test]
fn a_restart_is_told_as_a_gap() {
    let (mut client, _) = begin(History::default());
    let id = last_id(&mut client);
    drop(client);
    let (mut client, topics) = begin(History::default());
    publish(&topics, 1..=2);
    let mut events = back(&mut client, &id);
    let told = r#"gap#0 {"reason":"restarted"} | #1 1 | #2 2"#;
    assert_eq!(heard(&mut events), told);
    let now = events.last_event_id().to_owned();
    assert_eq!(heard(&mut back(&mut client, &now)), "");
    let epoch = &now[..16];
    for wrong in [
        "7",
        "x:1",
        ":1",
        &format!("{epoch}:"),
        &format!("{epoch}:+1"),
    ] {
        assert_eq!(heard(&mut back(&mut client, wrong)), told, "{wrong}");
    }
    for wrong in [3, u64::MAX] {
        let mut events = back(&mut client, &format!("{epoch}:{wrong}"));
        assert!(heard(&mut events).starts_with(r#"gap#0 {"reason":"unknown"} | #1 1"#));
    }
}

#[test]
fn sockets_follow_what_is_kept_and_publish_to_it() {
    let (mut client, topics) = begin(History::default());
    let mut socket = client.get("/ws").websocket().expect("a socket");
    let mut events = open(&mut client, "/news");
    socket.send("a");
    pass(&mut client, Duration::ZERO);
    assert_eq!(heard(&mut events), "#1 a");
    assert_eq!(socket.read(), [], "its own");
    topics.publish("news", Event::data("b").event("named").id("not this"));
    topics.publish("news", b"for sockets");
    pass(&mut client, Duration::ZERO);
    assert_eq!(heard(&mut events), "named#2 b");
    assert_eq!(socket.read().len(), 2);
}

#[test]
fn a_history_out_of_its_range_is_named() {
    let limit = crate::topics::HISTORY_EVENTS_MAX;
    let bytes = crate::topics::HISTORY_BYTES_MAX;
    let age = Duration::from_micros(999);
    let wrong = [
        (History::default().max_events(limit + 1), "max_events"),
        (History::default().max_bytes(bytes + 1), "max_bytes"),
        (History::default().max_age(age), "max_age"),
    ];
    for (history, name) in wrong {
        let error = kept(history).build().expect_err("it is refused");
        assert!(error.to_string().contains(name), "{error}");
    }
    let most = History::default().max_events(limit).max_bytes(bytes);
    assert!(kept(most).build().is_ok());
}
