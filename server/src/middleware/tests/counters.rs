//! What is counted as begun is counted as ended.

use std::future::pending;
use std::panic::resume_unwind;
use std::time::Duration;

use ringlane_reactor::{Application, CloseReason, Detached, Intent};

use super::super::{Counters, Timing};
use crate::testing::{self, Client, Connection};
use crate::{Builder, Bytes, Context, Limits, Result, Server};

const SECOND: Duration = Duration::from_secs(1);
/// Connections at a time.
const CROWD: u64 = 50;

fn server(counters: &Counters) -> Builder {
    Server::builder()
        .limits(Limits::default().handler_time(10 * SECOND))
        .with(counters.clone())
        .get("/", |_| "ok")
        // As `panic!` does, but without a word on the terminal.
        .get("/panic", |_| -> () {
            resume_unwind(Box::new("on purpose"))
        })
        .get("/late_panic", async |_| {
            crate::time::sleep(SECOND).await;
            resume_unwind(Box::new("on purpose"))
        })
        .get("/wait", async |_| pending::<()>().await)
}

/// One connection with one request, up to where it waits or is over.
fn ended<A: Application>(app: &mut A, path: &str, end: impl FnOnce(&mut A, &mut A::Conversation)) {
    let mut connection = Detached::default();
    let mut conversation = connection.with(&mut [], |io| app.opened(io));
    let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
    let _ = connection.with(&mut request.into_bytes(), |io| {
        app.advance(&mut conversation, io)
    });
    end(app, &mut conversation);
    app.closed(conversation, CloseReason::PeerGone);
}

#[test]
fn all_return_to_zero_after_100_000_panics_aborts_and_time_outs_each() {
    const EACH: u64 = 100_000;
    let counters = Counters::new();
    let server = server(&counters).build().expect("valid");
    let mut app = testing::application(&server);
    for _ in 0..EACH {
        ended(&mut app, "/panic", |_, _| {
            assert_eq!(counters.active_requests(), 0);
        });
        ended(&mut app, "/wait", |_, _| {
            assert_eq!(counters.active_requests(), 1);
            assert_eq!(counters.active_connections(), 1);
        });
        ended(&mut app, "/wait", |app, conversation| {
            let intent = Detached::default().with(&mut [], |io| app.timed_out(conversation, io));
            assert_eq!(intent, Intent::Continue); // answered, and kept
            assert_eq!(counters.active_requests(), 0);
        });
    }
    assert_eq!(counters.active_requests(), 0);
    assert_eq!(counters.active_connections(), 0);
    assert_eq!(counters.total_requests(), 3 * EACH);
}

fn crowd(client: &mut Client, path: &str) -> Vec<Connection> {
    let connections: Vec<_> = (0..CROWD).map(|_| client.connect()).collect();
    for connection in &connections {
        connection.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"));
    }
    client.run(Duration::ZERO).expect("the core runs");
    connections
}

#[test]
fn crowds_on_a_whole_core_are_counted_out() {
    let counters = Counters::new();
    let server = server(&counters).build().expect("valid");
    let mut client = Client::new(server).expect("a core is free for the test");
    for _ in 0..10 {
        let panicked = crowd(&mut client, "/panic");
        assert_eq!(counters.active_requests(), 0);
        drop(panicked);
        let panicked = crowd(&mut client, "/late_panic");
        assert_eq!(counters.active_requests(), CROWD);
        client.run(2 * SECOND).expect("the core runs");
        drop(panicked);
        let aborted = crowd(&mut client, "/wait");
        assert_eq!(counters.active_requests(), CROWD);
        assert_eq!(counters.active_connections(), CROWD);
        drop(aborted);
        client.run(Duration::ZERO).expect("the core runs");
        assert_eq!(counters.active_requests(), 0);
        let timed_out = crowd(&mut client, "/wait");
        client.run(11 * SECOND).expect("the core runs");
        assert_eq!(counters.active_requests(), 0);
        drop(timed_out);
        client.run(Duration::ZERO).expect("the core runs");
    }
    assert_eq!(counters.active_connections(), 0);
    assert_eq!(counters.total_requests(), 40 * CROWD);
}

#[test]
fn the_last_rites_of_a_core_count_too() {
    let counters = Counters::new();
    let server = server(&counters).build().expect("valid");
    let mut client = Client::new(server).expect("a core is free for the test");
    let waiting = crowd(&mut client, "/wait");
    assert_eq!(counters.active_requests(), CROWD);
    drop(client);
    assert_eq!(counters.active_requests(), 0);
    assert_eq!(counters.active_connections(), 0);
    drop(waiting);
}

#[test]
fn cores_are_counted_together() {
    let counters = Counters::new();
    for _ in 0..3 {
        let counters = counters.clone();
        let core = std::thread::spawn(move || {
            let server = server(&counters).build().expect("valid");
            let mut client = Client::new(server).expect("a core is free for the test");
            for _ in 0..5 {
                client.get("/").send().expect("an answer");
            }
        });
        core.join().expect("the core has run");
    }
    assert_eq!(
        (counters.active_requests(), counters.total_requests()),
        (0, 15)
    );
}

#[test]
fn timing_is_told_of_whole_answers_and_the_start_of_all() {
    let server = Server::builder()
        .with(Timing::new().processing_time().request_start())
        .get("/", async |_| crate::time::sleep(SECOND / 4).await)
        .get("/stream", async |ctx: Context| -> Result {
            let mut stream = ctx.stream()?;
            stream.send(Bytes::from_static(b"streamed")).await?;
            stream.finish();
            Ok(())
        });
    let server = server.build().expect("valid");
    let mut client = Client::new(server).expect("a core is free for the test");
    let start = |value: Option<&str>| value.and_then(|text| text.parse::<u64>().ok());
    let answer = client.get("/").send().expect("an answer");
    assert_eq!(answer.header("server-timing"), Some("total;dur=250.000"));
    assert_eq!(answer.header("x-processing-time"), Some("250.000"));
    let first = start(answer.header("x-request-start")).expect("a time");
    let answer = client.get("/stream").send().expect("an answer");
    assert_eq!(answer.header("server-timing"), None);
    let second = start(answer.header("x-request-start")).expect("a time");
    assert_eq!(
        second,
        first + 250,
        "no time passes between two requests of a test"
    );
    let answer = client.get("/nowhere").send().expect("an answer");
    assert!(answer.header("server-timing").is_some());
}
