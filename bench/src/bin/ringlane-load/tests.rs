//! Tests whole runs against a server in this process: both sides count the same.
//!
//! Not here: rates and latencies, which a test cannot know.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use clap::Parser as _;
use ringlane::{Builder, Context, Handle, Limits, Server};

use crate::arguments::Arguments;
use crate::outcome::Outcome;

/// A server with every route that is measured.
fn start() -> (Handle, String) {
    start_with(Server::builder())
}

fn start_with(server: Builder) -> (Handle, String) {
    let server = server.bind("127.0.0.1:0").workers(1);
    let server = ringlane_bench::target::routes(server);
    let handle = server.build().expect("routes that do not collide");
    let handle = handle.start().expect("a server starts");
    let address = handle.addresses().next().expect("one address");
    (handle, address.to_string())
}

/// Runs a line in which `{}` stands for the server's address.
fn load(address: &str, line: &str) -> Outcome {
    let line = line.replace("{}", address);
    let words = std::iter::once("ringlane-load").chain(line.split(' '));
    let arguments = Arguments::try_parse_from(words).expect("a valid line");
    crate::run(&arguments.mode).expect("a run")
}

/// A run that ends after so many, without an error; the time is only there for when it hangs.
#[track_caller]
fn check(line: &str, expected: u64) -> Outcome {
    let (_handle, address) = start();
    let outcome = load(&address, &format!("{line} --seconds 60"));
    assert_eq!(outcome.errors.total(), 0, "{line}: {outcome}");
    assert_eq!(outcome.requests, expected, "{line}: {outcome}");
    outcome
}

#[test]
fn requests_are_as_many_as_were_asked_for() {
    let plain = "http http://{}/plaintext --expect-bytes 13";
    check(&format!("{plain} --requests 1000"), 1000);
    check(&format!("{plain} --requests 1 --connections 1"), 1);
    check(&format!("{plain} --requests 1000 --pipeline 16"), 1000);
    check(&format!("{plain} --requests 200 --rate 20000"), 200);
    check(&format!("{plain} --requests 500 --slow-connections 3"), 500);
}

#[test]
fn connections_are_as_short_as_they_should_be() {
    let line = "http http://{}/plaintext --connections 4 --requests 100 --sources 3";
    let outcome = check(&format!("{line} --requests-per-connection 10"), 100);
    assert!(outcome.connections_opened >= 10, "{outcome}");
    let outcome = check(&format!("{line} --requests-per-connection 1"), 100);
    assert!(outcome.connections_opened >= 100, "{outcome}");
}

#[test]
fn connections_that_the_server_closes_are_replaced() {
    let limits = Limits::default().requests_per_connection_max(Some(2));
    let (handle, address) = start_with(Server::builder().limits(limits));
    let line = "http http://{}/plaintext --connections 4 --requests 40 --seconds 60";
    let outcome = load(&address, line);
    assert_eq!(outcome.errors.total(), 0, "{outcome}");
    assert_eq!(outcome.requests, 40, "{outcome}");
    assert!(outcome.connections_opened >= 20, "{outcome}");
    // The server may not have got to those that stand open at the end.
    let accepted = handle.metrics()[0].accepted.get();
    assert!(
        accepted + outcome.connections_open >= outcome.connections_opened,
        "{accepted} of {outcome}"
    );
}

/// The server's own count is the generator's, and what was under way at the end.
#[test]
fn the_server_counts_the_same() {
    let counted = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&counted);
    let server = Server::builder().get("/counted", move |ctx: Context| {
        counter.fetch_add(1, Ordering::Relaxed);
        ctx.text("one more");
    });
    let (handle, address) = start_with(server);
    let outcome = load(
        &address,
        "http http://{}/counted --connections 8 --requests 5000",
    );
    assert_eq!(counted.load(Ordering::Relaxed), 5000, "{outcome}");
    assert_eq!(handle.metrics()[0].accepted.get(), 8);
    let outcome = load(
        &address,
        "http http://{}/counted --connections 8 --seconds 0.3",
    );
    let counted = counted.load(Ordering::Relaxed) - 5000;
    let least = outcome.requests;
    assert!(
        (least..=least + 8).contains(&counted),
        "{counted}: {outcome}"
    );
}

#[test]
fn bodies_of_every_kind() {
    check(
        "http http://{}/baseline11?a=1&b=2 --requests 50 --expect-bytes 1",
        50,
    );
    let post = "http http://{}/baseline11?a=1&b=2 --requests 50 --body 20 --expect-bytes 2";
    check(post, 50);
    check(&format!("{post} --chunk-bytes 1"), 50);
    let upload = "http http://{}/upload --requests 6 --connections 2 --expect-bytes 7";
    check(&format!("{upload} --body-bytes 3000000"), 6);
    check(
        &format!("{upload} --body-bytes 3000000 --chunk-bytes 65536"),
        6,
    );
    check(
        "http http://{}/bytes/1048576 --requests 20 --expect-bytes 1048576",
        20,
    );
    check(
        "http http://{}/layers/plaintext --requests 20 --expect-bytes 13",
        20,
    );
    check("http http://{}/async --requests 20 --expect-bytes 13", 20);
}

#[test]
fn wrong_answers_are_errors() {
    let (_handle, address) = start();
    let outcome = load(&address, "http http://{}/nowhere --requests 30");
    assert_eq!(outcome.errors.status, 30, "{outcome}");
    let outcome = load(
        &address,
        "http http://{}/plaintext --requests 30 --expect-bytes 12",
    );
    assert_eq!(outcome.errors.content, 30, "{outcome}");
}

#[test]
fn every_echo_comes_back() {
    check("websocket ws://{}/ws --messages 1000", 1000);
    check(
        "websocket ws://{}/ws --messages 1000 --window 16 --size 200",
        1000,
    );
    check(
        "websocket ws://{}/ws --messages 40 --connections 4 --size 100000 --window 4",
        40,
    );
    check(
        "websocket ws://{}/ws --messages 10 --connections 1 --size 0",
        10,
    );
}

#[test]
fn every_compressed_echo_comes_back() {
    let line = "websocket ws://{}/ws-deflate --deflate";
    check(&format!("{line} --size 128 --messages 1000"), 1000);
    check(
        &format!("{line} --size 1024 --messages 1000 --window 16"),
        1000,
    );
    let long = "--size 100000 --messages 40 --connections 4 --window 4";
    check(&format!("{line} {long}"), 40);
}

#[test]
fn a_server_that_does_not_compress_is_wrong() {
    let (_handle, address) = start();
    let line = format!("websocket ws://{address}/ws --deflate --size 128 --connections 3");
    let words = std::iter::once("ringlane-load").chain(line.split(' '));
    let arguments = Arguments::try_parse_from(words).expect("a valid line");
    let error = crate::run(&arguments.mode).expect_err("not one connection is as it should be");
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
    let words = std::iter::once("ringlane-load").chain(line.split(' '));
    let short = words.map(|word| if word == "128" { "127" } else { word });
    let arguments = Arguments::try_parse_from(short).expect("a valid line");
    let error = crate::run(&arguments.mode).expect_err("too short to be compressed");
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
}

/// This process is the server's and the generator's at once.
#[test]
fn the_server_s_time_is_counted_while_the_load_lasts() {
    let id = std::process::id();
    let line = "websocket ws://{}/ws --messages 1000";
    assert!(check(line, 1000).server.is_none());
    let outcome = check(&format!("{line} --server-pid {id}"), 1000);
    assert!(
        outcome.server.is_some_and(|used| used.cpu_ns > 0),
        "{outcome}"
    );
    assert!(
        outcome.json().contains("\"server\":{\"cpu_ns\":"),
        "{outcome}"
    );
}

#[test]
fn every_subscriber_gets_every_message_once() {
    for (path, format) in [("topic", "websocket"), ("events", "sse")] {
        let line = format!("subscribe http://{{}}/{path} --format {format} --connections 20");
        let outcome = check(&format!("{line} --messages 50"), 1000);
        assert_eq!(outcome.published, 50);
        check(
            &format!("{line} --messages 50 --window 8 --size 1000"),
            1000,
        );
        check(&format!("{line} --messages 50 --rate 2000"), 1000);
    }
}

#[test]
fn who_reads_nothing_is_given_up_and_harms_nobody() {
    let line = "subscribe http://{}/topic --format websocket --connections 20 --messages 60";
    let stalled = format!("{line} --stalled-connections 1");
    // Three seconds: the kernel's buffers are full long before, and then one to close.
    let outcome = check(&format!("{stalled} --rate 20"), 1200);
    assert_eq!(outcome.connections_opened, 22, "{outcome}");
    // A message or two fit in the kernel: whoever is still there is counted.
    let (_handle, address) = start();
    let outcome = load(&address, &stalled.replace("60", "1"));
    assert_eq!(outcome.errors.held, 1, "{outcome}");
    assert_eq!(outcome.errors.total(), 1, "{outcome}");
}

#[test]
fn idle_connections_stay() {
    let (_handle, address) = start();
    for (path, format) in [
        ("plaintext", "http"),
        ("topic", "websocket"),
        ("events", "sse"),
    ] {
        let line = format!("idle http://{{}}/{path} --format {format} --connections 50");
        let outcome = load(&address, &format!("{line} --seconds 0.2"));
        assert_eq!(outcome.errors.total(), 0, "{outcome}");
        assert_eq!(outcome.connections_open, 50, "{outcome}");
        assert_eq!(outcome.requests, 50, "{outcome}");
    }
}

#[test]
fn nobody_there_is_an_error() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("its address");
    drop(listener);
    let line = format!("http http://{address}/ --connections 3");
    let words = std::iter::once("ringlane-load").chain(line.split(' '));
    let arguments = Arguments::try_parse_from(words).expect("a valid line");
    assert!(crate::run(&arguments.mode).is_err());
}
