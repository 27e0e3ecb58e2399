//! Streams of events over a simulated connection, written down as what comes.

mod asynchronous;
mod following;
mod heads;
mod histories;
mod replays;
mod slow;

use std::time::Duration;

use super::{Event, Options};
use crate::testing::{Client, EventStream, Item};
use crate::{Builder, Context, Result, Server};

const SECOND: Duration = Duration::from_secs(1);

fn server() -> Builder {
    Server::builder()
}

fn start(builder: Builder) -> Client {
    let server = builder.build().expect("the test's server is well-formed");
    Client::new(server).expect("a core is free for the test")
}

fn open(client: &mut Client, target: &str) -> EventStream {
    client.get(target).event_stream().expect("a stream")
}

fn pass(client: &mut Client, time: Duration) {
    client.run(time).expect("the core runs");
}

/// What has come, in words: `name#id data`.
fn heard(events: &mut EventStream) -> String {
    let items = events.read().expect("a stream of events");
    let mut words: Vec<String> = items.iter().map(word).collect();
    if events.is_whole() {
        words.push("end".to_owned());
    }
    if events.connection().is_finished() {
        words.push("closed".to_owned());
    }
    words.join(" | ")
}

fn word(item: &Item) -> String {
    match item {
        Item::Event(event) => {
            let name = match event.event.as_str() {
                "message" => "",
                name => name,
            };
            let id = match event.id.split_once(':') {
                Some((_, number)) => format!("#{number}"),
                None if event.id.is_empty() => String::new(),
                None => format!("#{}", event.id),
            };
            format!("{name}{id} {}", event.data).trim().to_owned()
        }
        Item::Comment(text) => format!(":{text}"),
        Item::Retry(time) => format!("retry {time:?}"),
    }
}

/// All bytes of an answer on a connection of its own.
fn raw(client: &mut Client, request: &str) -> String {
    let connection = client.connect();
    connection.send(request);
    pass(client, Duration::ZERO);
    String::from_utf8(connection.read()).expect("text")
}

/// A handler that never ends by itself.
async fn silent(ctx: Context) -> Result {
    let events = ctx.event_stream()?;
    std::future::pending::<()>().await;
    drop(events);
    Ok(())
}
