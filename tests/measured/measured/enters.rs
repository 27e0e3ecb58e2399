//! Calls into the kernel are per turn, not per request.

use std::time::Duration;

use super::{Client, start, stop};
use ringlane::{Config, Server};

const ROUNDS: u64 = 2_000;

/// How often the server called into the kernel per request, over connections used in turn.
fn enters_per_request(pipelined: usize) -> Option<f64> {
    let config = Config {
        coalesce: Duration::from_millis(10),
        ..Config::default()
    };
    let (handle, address) = start(Server::builder().reactor(config));
    let is_uring = handle.driver().contains("io_uring");
    let mut client = Client::new(address, "/plaintext", pipelined);
    client.round();
    let before = handle.metrics()[0].enters.get();
    for _ in 0..ROUNDS {
        client.round();
    }
    let enters = handle.metrics()[0].enters.get() - before;
    drop(client);
    stop(handle);
    is_uring.then(|| enters as f64 / (ROUNDS * pipelined as u64) as f64)
}

/// Whether a wait can be bounded below its timeout: Linux 6.12.
fn kernel_coalesces() -> bool {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").expect("Linux");
    let mut numbers = release
        .split(['.', '-'])
        .map_while(|part| part.parse::<u32>().ok());
    (numbers.next(), numbers.next()) >= (Some(6), Some(12))
}

#[test]
fn one_connection_needs_little_more_than_one_call_for_each_request() {
    match enters_per_request(1) {
        Some(enters) if kernel_coalesces() => assert!(enters <= 1.2, "{enters} for each request"),
        Some(enters) => assert!(
            enters <= 2.2,
            "{enters} for each request on an older kernel"
        ),
        None => {} // epoll: another way of counting
    }
}

#[test]
fn sixteen_pipelined_requests_share_their_calls() {
    if let Some(enters) = enters_per_request(16) {
        assert!(enters <= 1.0 / 8.0, "{enters} for each request");
    }
}
