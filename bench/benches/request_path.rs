//! Benchmarks one request between receive and send: parsing, routing, the handler, the answer.
//!
//! No socket and no reactor: what is measured is what a request adds to the kernel's work. The
//! first request is from a client whose headers are new each time, the second from one that repeats
//! them, as nearly all clients do on a connection.
//!
//! Run: `cargo bench -p ringlane-bench --bench request_path`

#![forbid(unsafe_code)]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ringlane::{Context, Server, testing};
use ringlane_reactor::{Application, Detached, Intent};

const PIPELINED: usize = 16;

fn server() -> Server {
    Server::builder()
        .get("/plaintext", |ctx: Context| ctx.text("Hello, World!"))
        .get("/typed", |ctx: Context| {
            ctx.set_content_type("text/plain").text("Hello, World!");
        })
        .get("/users/{id}", |ctx: Context| {
            ctx.text(ctx.param_text("id").unwrap_or_default());
        })
        .get("/async", async |ctx: Context| ctx.text("Hello, World!"))
        .build()
        .expect("four routes that do not collide")
}

/// Two requests that differ in a header.
fn requests(path: &str, count: usize) -> [Vec<u8>; 2] {
    ["wrk", "oha"].map(|agent| {
        let one = format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: {agent}\r\n\r\n");
        one.repeat(count).into_bytes()
    })
}

fn paths(criterion: &mut Criterion) {
    let mut application = testing::application(&server());
    let mut connection = Detached::default();
    let mut conversation = connection.with(&mut [], |io| application.opened(io));
    let mut serve = |input: &mut [u8]| {
        let intent = connection.with(black_box(input), |io| {
            application.advance(&mut conversation, io)
        });
        assert_eq!(intent, Intent::Continue);
        let buffer = connection.output.buffer();
        assert!(buffer.starts_with(b"HTTP/1.1 200 OK\r\n"));
        buffer.clear();
    };
    for (path, count) in [
        ("/plaintext", 1),
        ("/typed", 1),
        ("/users/42", 1),
        ("/async", 1),
        ("/plaintext", PIPELINED),
    ] {
        let [mut one, mut other] = requests(path, count);
        let mut group = criterion.benchmark_group(format!("{path} x {count}"));
        group.throughput(Throughput::Elements(count as u64));
        group.bench_function("repeated headers", |bencher| {
            bencher.iter(|| serve(&mut one));
        });
        let mut turn = false;
        group.bench_function("new headers", |bencher| {
            bencher.iter(|| {
                turn = !turn;
                serve(if turn { &mut one } else { &mut other });
            });
        });
    }
}

criterion_group!(benches, paths);
criterion_main!(benches);
