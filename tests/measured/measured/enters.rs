//! Tests that system calls are per turn, not per request.

use super::{Client, start, stop};
use ringlane::Server;
use ringlane_tests::kernel_allows_io_uring;

const ROUNDS: u64 = 2_000;

/// How often the server called into the kernel per request, over connections used in turn.
fn enters_per_request(pipelined: usize) -> Option<f64> {
    let (handle, address) = start(Server::builder());
    let driver = handle.driver().to_owned();
    let is_uring = driver.contains("driver io_uring");
    assert!(is_uring || !kernel_allows_io_uring(), "{driver}");
    let mut client = Client::new(address, "/plaintext", pipelined);
    client.round();
    let before = handle.metrics()[0].enters.get();
    for _ in 0..ROUNDS {
        client.round();
    }
    let enters = handle.metrics()[0].enters.get() - before;
    drop(client);
    stop(handle);
    // Epoll is counted in another way.
    is_uring.then(|| enters as f64 / (ROUNDS * pipelined as u64) as f64)
}

#[test]
fn one_connection_needs_little_more_than_one_call_for_each_request() {
    if let Some(enters) = enters_per_request(1) {
        assert!(enters <= 1.2, "{enters} for each request");
    }
}

#[test]
fn sixteen_pipelined_requests_share_their_calls() {
    if let Some(enters) = enters_per_request(16) {
        assert!(enters <= 1.0 / 8.0, "{enters} for each request");
    }
}
