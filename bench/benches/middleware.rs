//! Benchmarks layers: none, one, five and ten synchronous ones, and each built-in one.
//!
//! No socket and no reactor, as in `request_path`: the differences to no layer at all are what the
//! layers cost. The plain layers do next to nothing, so theirs is the cost of being called.
//!
//! Run: `cargo bench -p ringlane-bench --bench middleware`

#![forbid(unsafe_code)]

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use ringlane::middleware::auth::{Bearer, Refusal};
use ringlane::middleware::{
    Counters, RateKey, RateLimit, RequestId, SecurityHeaders, Timeout, Timing,
};
use ringlane::{Builder, Context, Next, Server, testing};
use ringlane_reactor::{Application, Detached, Intent};

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: wrk\r\nX-Key: a\r\n\r\n";
const AUTHORISED: &[u8] =
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: wrk\r\nAuthorization: Bearer abc\r\n\r\n";

/// Calls `run` with a function that serves one request.
fn serving(builder: Builder, request: &[u8], run: impl FnOnce(&mut dyn FnMut())) {
    let server = builder.get("/", |ctx: Context| ctx.text("Hello, World!"));
    let server = server.build().expect("one route does not collide");
    let mut application = testing::application(&server);
    let mut connection = Detached::default();
    let mut request = request.to_owned();
    let mut conversation = connection.with(&mut [], |io| application.opened(io));
    run(&mut || {
        let intent = connection.with(black_box(&mut request), |io| {
            application.advance(&mut conversation, io)
        });
        assert_eq!(intent, Intent::Continue);
        let buffer = connection.output.buffer();
        assert!(buffer.starts_with(b"HTTP/1.1 200 OK\r\n"));
        buffer.clear();
    });
}

fn repeated(layer: impl Fn(Builder) -> Builder, count: usize) -> Builder {
    (0..count).fold(Server::builder(), |server, _| layer(server))
}

/// Adds one layer.
type Layer = fn(Builder) -> Builder;

fn plain(criterion: &mut Criterion) {
    let kinds: [(&str, Layer); 3] = [
        ("before", |server| {
            server.before(|ctx: &Context| {
                black_box(ctx);
            })
        }),
        ("after", |server| {
            server.after(|ctx| {
                black_box(ctx);
            })
        }),
        ("onion", |server| {
            server.wrap(async |ctx: Context, next: Next| next.run(&ctx).await)
        }),
    ];
    for (kind, layer) in kinds {
        let mut group = criterion.benchmark_group(kind);
        for count in [0, 1, 5, 10] {
            serving(repeated(layer, count), REQUEST, |serve| {
                let id = BenchmarkId::from_parameter(count);
                group.bench_function(id, |bencher| bencher.iter(&mut *serve));
            });
        }
    }
}

fn verify(_: &Context, token: &str) -> Result<usize, Refusal> {
    Ok(token.len())
}

fn built_in(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("built in");
    let new = Server::builder;
    let limit = || RateLimit::new(1_000_000_000, Duration::from_millis(1)).burst(u32::MAX);
    let rows = [
        ("none", new(), REQUEST),
        ("request id", new().with(RequestId::new()), REQUEST),
        (
            "security headers",
            new().with(SecurityHeaders::new()),
            REQUEST,
        ),
        ("counters", new().with(Counters::new()), REQUEST),
        (
            "request id, security headers, counters",
            new()
                .with(RequestId::new())
                .with(SecurityHeaders::new())
                .with(Counters::new()),
            REQUEST,
        ),
        (
            "counters with headers",
            new().with(Counters::new().headers()),
            REQUEST,
        ),
        ("timing", new().with(Timing::new()), REQUEST),
        (
            "rate limit",
            new().with(limit().key(|ctx| ctx.header("X-Key").map(RateKey::of))),
            REQUEST,
        ),
        (
            "rate limit per core",
            new().with(
                limit()
                    .per_core()
                    .key(|ctx| ctx.header("X-Key").map(RateKey::of)),
            ),
            REQUEST,
        ),
        ("bearer", new().with(Bearer::new(verify)), AUTHORISED),
        (
            "timeout",
            new().with(Timeout::new(Duration::from_secs(30))),
            REQUEST,
        ),
    ];
    for (name, server, request) in rows {
        serving(server, request, |serve| {
            group.bench_function(name, |bencher| bencher.iter(&mut *serve));
        });
    }
}

criterion_group!(benches, plain, built_in);
criterion_main!(benches);
