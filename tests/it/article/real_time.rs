//! Tests the example's chat and its event stream of metrics.
//!
//! Not here: names of users, which the room's own tests ask; browsers (`chat.rs`,
//! `event_source.rs`); followers by the thousand (`websocket/crowd.rs`, `event_stream.rs`).

use std::collections::HashSet;
use std::io::Read;

use serde_json::{Value, json};

use super::Article;
use super::process::{Client, eventually, request};
use crate::websocket;

/// Someone in the room.
struct Visitor(websocket::Client);

impl Visitor {
    /// Joins, and hears the welcome.
    fn join(article: &Article) -> Self {
        let mut visitor = Self(websocket::Client::new(article.address, "/chat/ws", &[]));
        let welcome = visitor.hear();
        let content = welcome["content"].as_str().unwrap_or_default();
        assert!(content.starts_with("Welcome, anonymous_"), "{welcome}");
        assert_eq!(welcome["message_type"], "System");
        visitor
    }

    fn say(&mut self, content: &str, kind: &str) {
        let said = json!({ "username": "Ann", "content": content, "message_type": kind });
        self.0.send(&said.to_string());
    }

    fn hear(&mut self) -> Value {
        serde_json::from_str(&self.0.receive()).expect("a message of the chat")
    }
}

#[test]
fn a_message_reaches_everyone_once_and_in_order() {
    let article = Article::start();
    let mut visitors = [(); 5].map(|()| Visitor::join(&article));
    for number in 0..50 {
        visitors[0].say(&number.to_string(), "Text");
    }
    for (place, visitor) in visitors.iter_mut().enumerate() {
        for _ in place + 1..5 {
            let notice = visitor.hear()["content"].to_string();
            assert!(notice.contains("joined the chat"), "{notice}");
        }
        for number in 0..50 {
            assert_eq!(visitor.hear()["content"], number.to_string());
        }
    }
}

#[test]
fn joins_and_leaves_are_announced_to_the_others() {
    let article = Article::start();
    let mut ann = Visitor::join(&article);
    let other = Visitor::join(&article);
    let joined = ann.hear()["content"].as_str().map(str::to_owned);
    let joined = joined.expect("a text");
    drop(other);
    let left = joined.replace("joined", "left");
    assert_eq!(ann.hear()["content"], left, "and nothing in between");
}

#[test]
fn an_invalid_message_is_ignored() {
    let article = Article::start();
    let mut ann = Visitor::join(&article);
    for nonsense in ["", "{", "[]", r#"{"content":"no name"}"#] {
        ann.0.send(nonsense);
    }
    ann.say("still here", "Text");
    assert_eq!(ann.hear()["content"], "still here");
}

#[test]
fn each_message_has_an_id_of_its_own() {
    let article = Article::start();
    let mut ann = Visitor::join(&article);
    let mut ids = HashSet::new();
    for _ in 0..100 {
        ann.say("the same again", "Text");
        let id = ann.hear()["id"].as_str().map(str::to_owned);
        let id = id.expect("a text");
        assert_eq!((id.len(), id.as_bytes()[14]), (36, b'4'), "{id}");
        assert!(ids.insert(id));
    }
}

#[test]
fn markup_is_escaped_once_and_long_texts_are_cut() {
    let article = Article::start();
    let mut ann = Visitor::join(&article);
    ann.say("<b> & &lt;", "Text");
    assert_eq!(ann.hear()["content"], "&lt;b&gt; &amp; &amp;lt;");
    ann.say(&"ü".repeat(1001), "Text");
    assert_eq!(ann.hear()["content"], "ü".repeat(1000));
}

#[test]
fn each_kind_of_message_arrives_as_it_was_sent() {
    let article = Article::start();
    let mut ann = Visitor::join(&article);
    for kind in ["Text", "Image", "File"] {
        ann.say("x", kind);
        assert_eq!(ann.hear()["message_type"], kind);
    }
    ann.say("x", "System");
    assert_eq!(
        ann.hear()["message_type"],
        "Text",
        "nobody speaks for the server"
    );
}

/// Asks for the stream, and reads so many events of it.
fn events(client: &mut Client, headers: &[(&str, &str)], count: usize) -> (String, Vec<Value>) {
    client.write(&request("GET", "/metrics/stream", headers, ""));
    let mut text = String::new();
    let mut bytes = [0; 4096];
    while text.matches("\n\n").count() < count {
        let read = client.stream.read(&mut bytes).expect("an event in time");
        assert!(read > 0, "the stream has ended: {text}");
        text += &String::from_utf8_lossy(&bytes[..read]);
    }
    let data = text.lines().filter_map(|line| line.strip_prefix("data:"));
    let parsed = data.map(|data| serde_json::from_str(data).expect("JSON"));
    let parsed = parsed.collect();
    (text, parsed)
}

#[test]
fn events_come_each_second_with_growing_ids() {
    let article = Article::start();
    let (text, data) = events(&mut article.connect(), &[], 3);
    let head = text.split("\r\n\r\n").next().unwrap_or_default();
    let head = head.to_ascii_lowercase();
    assert!(head.contains("content-type: text/event-stream"), "{head}");
    assert!(head.contains("cache-control: no-cache"), "{head}");
    let ids = text.lines().filter_map(|line| line.strip_prefix("id:"));
    let ids: Vec<_> = ids.map(str::trim).collect();
    assert_eq!(ids[..3], ["1", "2", "3"]);
    let at = |place: usize| data[place]["timestamp"].as_u64().expect("seconds");
    assert!(at(2) > at(0), "{data:?}");
    let headers = [("Last-Event-ID", "41")];
    let (text, _) = events(&mut article.connect(), &headers, 1);
    assert!(text.contains("id: 42\n"), "{text}");
}

#[test]
fn an_unknown_last_event_id_starts_anew() {
    let article = Article::start();
    for id in ["18446744073709551615", "4294967296", "-1", "x"] {
        let headers = [("Last-Event-ID", id)];
        let (text, _) = events(&mut article.connect(), &headers, 1);
        assert!(text.contains("id: 1\n"), "{id}: {text}");
    }
    let headers = [("Last-Event-ID", "4294967295")];
    let (text, _) = events(&mut article.connect(), &headers, 1);
    assert!(text.contains("id: 4294967296\n"), "{text}");
}

#[test]
fn a_disconnect_ends_its_event_stream() {
    let article = Article::start();
    let mut client = article.connect();
    events(&mut client, &[], 1);
    let active = || article.get("/nowhere").number("x-active-connections");
    assert!(
        eventually(|| active() == 2.0),
        "the stream and the question"
    );
    drop(client);
    assert!(eventually(|| active() == 1.0));
}

#[test]
fn events_carry_figures_of_the_machine() {
    let article = Article::start();
    let (_, data) = events(&mut article.connect(), &[], 2);
    let metrics = &data[1]["metrics"];
    let number = |name: &str| {
        let value = metrics[name].as_f64();
        value.unwrap_or_else(|| panic!("{name}: {metrics}"))
    };
    assert!((0.0..=100.0).contains(&number("cpu_usage")), "{metrics}");
    assert!(number("memory_used") > 0.0, "{metrics}");
    assert!(number("memory_used") < number("memory_total"), "{metrics}");
    assert!(number("process_count") >= 2.0, "{metrics}");
    assert!(number("uptime") > 0.0, "{metrics}");
}
