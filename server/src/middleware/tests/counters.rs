//! What is counted as begun is counted as ended.

use std::future::pending;
use std::panic::resume_unwind;
use std::time::Duration;

use super::super::{Counters, Timing};
use crate::testing::{Client, Connection};
use crate::{Builder, Bytes, Context, Limits, Result, Server};

const SECOND: Duration = Duration::from_secs(1);
/// Requests that end in each way.
const EACH: u64 = 100_000;
/// Connections at a time.
const CROWD: u64 = 1_000;

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

fn crowd(client: &mut Client, path: &str) -> Vec<Connection> {
    let connections: Vec<_> = (0..CROWD).map(|_| client.connect()).collect();
    for connection in &connections {
        connection.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"));
    }
    client.run(Duration::ZERO).expect("the core runs");
    connections
}

#[test]
fn all_return_to_zero_after_100_000_panics_aborts_and_time_outs_each() {
    let counters = Counters::new();
    let server = server(&counters).build().expect("valid");
    let mut client = Client::new(server).expect("a core is free for the test");
    for _ in 0..EACH / CROWD {
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
    assert_eq!(counters.active_requests(), 0);
    assert_eq!(counters.active_connections(), 0);
    assert_eq!(counters.total_requests(), 4 * EACH);
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
    assert!(second >= first + 250, "{first}, {second}");
    let answer = client.get("/nowhere").send().expect("an answer");
    assert!(answer.header("server-timing").is_some());
}
