//! What a client that comes back and reads nothing holds of what it has missed.

use super::*;
use crate::testing::Connection;
use crate::topics::{History, Topics};

const KIB: usize = 1024;
const COUNT: usize = 2000;
/// The bytes of one event, about.
const SIZE: usize = 64 * KIB;

/// A topic with a long history, and the id of what came before it.
fn begin() -> (Client, Topics, String) {
    let history = History::default().max_events(COUNT).max_bytes(1 << 30);
    let builder = server()
        .history("news", history)
        .get("/news", |ctx: Context| ctx.event_stream_of("news"));
    let topics = builder.topics();
    let mut client = start(builder);
    let mut events = open(&mut client, "/news");
    assert_eq!(heard(&mut events), "");
    let id = events.last_event_id().to_owned();
    drop(events);
    let text = "a".repeat(SIZE);
    for _ in 0..COUNT {
        assert!(topics.publish("news", text.as_str()));
        pass(&mut client, Duration::ZERO);
    }
    (client, topics, id)
}

/// A stream of which nothing is read from the start, not in chunks.
fn paused(client: &mut Client, id: &str) -> Connection {
    let connection = client.connect();
    connection.pause(true);
    connection.send(format!("GET /news?last_event_id={id} HTTP/1.0\r\n\r\n"));
    pass(client, Duration::ZERO);
    connection
}

/// All that still comes.
fn rest(client: &mut Client, connection: &Connection) -> String {
    connection.pause(false);
    let mut bytes = Vec::new();
    loop {
        pass(client, Duration::ZERO);
        let read = connection.read();
        if read.is_empty() {
            return String::from_utf8(bytes).expect("text");
        }
        bytes.extend(read);
    }
}

#[test]
fn a_client_that_reads_nothing_holds_nothing_of_the_history() {
    let (mut client, topics, id) = begin();
    let streams = [(); 3].map(|()| paused(&mut client, &id));
    let pieces = topics.kept_pieces("news");
    assert_eq!(pieces.len(), COUNT);
    let none = History::default().max_events(0);
    topics.keep_history("news", none).expect("it is in range");
    let held: usize = pieces
        .iter()
        .filter(|piece| !piece.is_unique())
        .map(crate::event_stream::Piece::len)
        .sum();
    // What the connection was given, and one event on top: the same for all three.
    let most = 64 * KIB + SIZE + KIB;
    assert!(held <= most, "{held} bytes are held");
    drop(pieces);
    for connection in streams {
        let answer = rest(&mut client, &connection);
        let came = answer.matches("data: aaaa").count();
        assert!((1..=2).contains(&came), "{came} events came");
        let epoch = &id[..16];
        let end = format!("id: {epoch}:2000\nevent: gap\ndata: {{\"reason\":\"slow\"}}\n\n");
        let tail = &answer[answer.len() - 100..];
        assert!(answer.ends_with(&end), "{tail}");
    }
}

#[test]
fn who_reads_on_gets_a_long_history_whole() {
    let (mut client, _, id) = begin();
    let connection = paused(&mut client, &id);
    let answer = rest(&mut client, &connection);
    assert_eq!(answer.matches("data: aaaa").count(), COUNT);
    assert_eq!(answer.matches("gap").count(), 0);
    let ids = answer.lines().filter(|line| line.starts_with("id: "));
    let numbers: Vec<usize> = ids
        .filter_map(|id| id.rsplit_once(':')?.1.parse().ok())
        .collect();
    assert!(numbers.iter().copied().eq(0..=COUNT), "{numbers:?}");
}
