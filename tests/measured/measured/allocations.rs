//! Tests that a small request on a warm connection allocates nothing.

use std::time::Duration;

use stats_alloc::Region;

use super::{Client, start, stop};
use crate::ALLOCATOR;
use ringlane::middleware::{
    AccessLog, BodyLimit, Compression, Counters, Decompression, Metrics, RateLimit, RequestId,
    SecurityHeaders, Timing,
};
use ringlane::{Builder, Context, Driver, Server};

const WARM_UP: usize = 1_000;
const REQUESTS: usize = 10_000;

/// Counts every allocation of the process, the client's (none) and the server's, over 10,000
/// requests.
#[track_caller]
fn check(path: &str, driver: Driver, pipelined: usize) {
    check_of(Server::builder().driver(driver), path, pipelined);
}

#[track_caller]
fn check_of(server: Builder, path: &str, pipelined: usize) {
    let (handle, address) = start(server);
    let mut client = Client::new(address, path, pipelined);
    for _ in 0..WARM_UP / pipelined {
        client.round();
    }
    let region = Region::new(ALLOCATOR);
    for _ in 0..REQUESTS / pipelined {
        client.round();
    }
    let change = region.change();
    assert_eq!(change.allocations, 0, "{path}: {change:?}");
    assert_eq!(change.reallocations, 0, "{path}: {change:?}");
    drop(client);
    stop(handle);
}

#[test]
fn a_synchronous_handler() {
    check("/plaintext", Driver::Auto, 1);
}

#[test]
fn a_parameter() {
    check("/users/42", Driver::Auto, 1);
}

#[test]
fn an_asynchronous_handler_that_is_ready_at_once() {
    check("/ready", Driver::Auto, 1);
}

#[test]
fn pipelined_requests() {
    check("/plaintext", Driver::Auto, 16);
}

#[test]
fn over_epoll() {
    check("/plaintext", Driver::Epoll, 1);
}

#[test]
fn layers_that_do_not_wait() {
    // What is left has six digits throughout: answers of one length are what the client takes.
    let often = RateLimit::new(999_999, Duration::from_secs(1));
    let server = Server::builder()
        .before(|ctx: &Context| {
            ctx.set_header("X-Before", "yes");
        })
        .after(|ctx| {
            ctx.set_header("X-After", "yes");
        })
        .with(AccessLog::new()) // nobody listens
        .with(RequestId::new())
        .with(SecurityHeaders::new())
        .with(Counters::new()) // its headers would change the answers' length
        .with(Timing::new().processing_time().request_start())
        .with(often.clone().headers("often"))
        .with(often.per_core());
    check_of(server, "/plaintext", 1);
}

#[test]
fn content_codings_that_nobody_asks_for() {
    let server = Server::builder()
        .with(Compression::new().bytes_min(1))
        .with(Decompression::new())
        .with(BodyLimit::new(1));
    check_of(server, "/plaintext", 1);
}

#[test]
fn metrics_of_every_request() {
    let metrics = Metrics::new();
    check_of(Server::builder().with(metrics.clone()), "/plaintext", 16);
    let recorded = metrics.snapshot().requests;
    assert!(
        recorded >= (WARM_UP / 16 * 16 + REQUESTS) as u64,
        "{recorded}"
    );
}

#[test]
fn a_client_behind_a_trusted_proxy() {
    let server = Server::builder()
        .trusted_proxies(["127.0.0.0/8"])
        .before(|ctx: &Context| assert!(ctx.client_address().is_some()));
    check_of(server, "/plaintext", 1);
}

#[test]
fn what_allocates_is_counted() {
    let region = Region::new(ALLOCATOR);
    drop(std::hint::black_box(vec![1_u8; 100]));
    assert_eq!(region.change().allocations, 1);
}
