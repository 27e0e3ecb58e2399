//! Clients that take less than they are sent, by each policy.

use super::*;
use crate::topics::{History, SlowClient, Topics};

const KIB: usize = 1024;

fn numbered(number: u32) -> String {
    format!("{number:->1024}")
}

/// A stream that nobody reads.
fn begin(policy: SlowClient, history: Option<History>) -> (Client, Topics, EventStream) {
    let options = Options::default()
        .max_backpressure(10 * KIB)
        .slow_client(policy);
    let mut builder = server().get("/news", move |ctx: Context| {
        ctx.event_stream_of_with("news", &options)
    });
    if let Some(history) = history {
        builder = builder.history("news", history);
    }
    let topics = builder.topics();
    let mut client = start(builder);
    let events = open(&mut client, "/news");
    events.connection().pause(true);
    pass(&mut client, Duration::ZERO);
    (client, topics, events)
}

/// Publishes, a turn for each.
fn publish(client: &mut Client, topics: &Topics, range: std::ops::Range<u32>) {
    for number in range {
        assert!(topics.publish("news", numbered(number)));
        pass(client, Duration::ZERO);
    }
}

/// Reads again until nothing more comes; gives numbers and gaps.
fn rest(client: &mut Client, events: &mut EventStream) -> Vec<String> {
    events.connection().pause(false);
    let mut all = Vec::new();
    loop {
        pass(client, Duration::ZERO);
        let items = events.read().expect("a stream of events");
        if items.is_empty() {
            return all;
        }
        all.extend(items.iter().map(|item| match item {
            Item::Event(event) if event.event == "gap" => "gap".to_owned(),
            Item::Event(event) => event.data.trim_start_matches('-').to_owned(),
            other => word(other),
        }));
    }
}

/// Checks that numbers rise, that what is missing is missing where it may be, and gives where.
fn holes(all: &[String]) -> Vec<u32> {
    let numbers: Vec<u32> = all.iter().filter_map(|word| word.parse().ok()).collect();
    let pairs = numbers.windows(2);
    pairs
        .filter(|pair| pair[0] + 1 != pair[1])
        .map(|pair| {
            assert!(pair[0] < pair[1], "{numbers:?}");
            pair[0]
        })
        .collect()
}

#[test]
fn the_newest_are_dropped() {
    let (mut client, topics, mut events) = begin(SlowClient::DropNewest, None);
    publish(&mut client, &topics, 0..1000);
    let all = rest(&mut client, &mut events);
    assert!(holes(&all).is_empty());
    assert_eq!(all.first().map(String::as_str), Some("0"));
    assert!(all.len() < 1000, "some were dropped");
    publish(&mut client, &topics, 1000..1001);
    assert_eq!(rest(&mut client, &mut events), ["1000"]);
}

#[test]
fn the_oldest_are_dropped() {
    let (mut client, topics, mut events) = begin(SlowClient::DropOldest, None);
    publish(&mut client, &topics, 0..1000);
    let all = rest(&mut client, &mut events);
    assert_eq!(holes(&all).len(), 1);
    assert_eq!(all.last().map(String::as_str), Some("999"));
    assert!(all.len() < 1000, "some were dropped");
}

#[test]
fn the_client_is_let_go() {
    let (mut client, topics, mut events) = begin(SlowClient::Close, None);
    publish(&mut client, &topics, 0..1000);
    assert_eq!(topics.subscribers("news"), 0);
    let all = rest(&mut client, &mut events);
    assert!(all.len() < 1000 && !events.is_whole(), "it is cut off");
    assert_eq!(client.connections(), 0);
}

#[test]
fn where_a_history_is_promised_the_gap_is_told() {
    for policy in [SlowClient::DropNewest, SlowClient::DropOldest] {
        let history = Some(History::default().max_events(5000));
        let (mut client, topics, mut events) = begin(policy, history);
        publish(&mut client, &topics, 0..1000);
        let mut all = rest(&mut client, &mut events);
        // Perhaps nothing is published any more.
        assert!(all.contains(&"gap".to_owned()), "{policy:?}: {all:?}");
        publish(&mut client, &topics, 1000..1001);
        all.extend(rest(&mut client, &mut events));
        let gaps: Vec<usize> = (0..all.len()).filter(|at| all[*at] == "gap").collect();
        assert_eq!(gaps.len(), 1, "{policy:?}: {gaps:?}");
        let holes = holes(&all);
        assert_eq!(holes.len(), 1, "{policy:?}");
        assert_eq!(all[gaps[0] - 1], holes[0].to_string(), "{policy:?}");
        assert_eq!(all.last().map(String::as_str), Some("1000"));
    }
}

#[test]
fn a_long_replay_is_not_cut_by_the_maximum() {
    for policy in [
        SlowClient::DropNewest,
        SlowClient::DropOldest,
        SlowClient::Close,
    ] {
        let history = Some(History::default().max_events(5000));
        let (mut client, topics, mut events) = begin(policy, history);
        let id = {
            let _ = events.read().expect("a stream of events");
            events.last_event_id().to_owned()
        };
        drop(events);
        publish(&mut client, &topics, 0..2000);
        let request = client.get("/news").header("Last-Event-ID", id);
        let mut events = request.event_stream().expect("a stream");
        events.connection().pause(true);
        publish(&mut client, &topics, 2000..2005); // while it is on its way
        let all = rest(&mut client, &mut events);
        assert_eq!(all.len(), 2005, "{policy:?}");
        assert!(holes(&all).is_empty(), "{policy:?}");
    }
}
