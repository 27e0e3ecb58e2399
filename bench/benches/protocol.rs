//! Benchmarks parsing requests and writing answers, without a socket.
//!
//! Aimed at: a load generator's head within 60 ns, a browser's within 350 ns, both with the copy
//! into the record; the head of a plain 200 within 20 ns. `httparse` alone stands beside them: what
//! it costs, no rule of ours can save.
//!
//! Run: `cargo bench -p ringlane-bench --bench protocol`

#![forbid(unsafe_code)]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ringlane_protocol::{
    BodyDecoder, BodyPart, Framing, HeadLimits, HeadParser, Parsed, RequestHead, ResponseBody,
    ResponseHead, ResponseHeaders, ServerFields, StatusCode, Version, chunked, write_date,
};
use std::hint::black_box;
use std::mem::MaybeUninit;

/// What wrk sends.
const WRK: &[u8] = b"GET /plaintext HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n";

/// What a browser sends: 15 headers, about 600 bytes.
const BROWSER: &[u8] = b"GET /wiki/Server HTTP/1.1\r\n\
    Host: www.example.org\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n\
    Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n\
    Accept-Language: en-GB,en;q=0.5\r\n\
    Accept-Encoding: gzip, deflate, br, zstd\r\n\
    Referer: https://www.example.org/wiki/Main_Page\r\n\
    DNT: 1\r\n\
    Connection: keep-alive\r\n\
    Cookie: session=0123456789abcdef; theme=dark\r\n\
    Upgrade-Insecure-Requests: 1\r\n\
    Sec-Fetch-Dest: document\r\n\
    Sec-Fetch-Mode: navigate\r\n\
    Sec-Fetch-Site: same-origin\r\n\
    Sec-Fetch-User: ?1\r\n\
    Priority: u=0, i\r\n\r\n";

fn heads(criterion: &mut Criterion) {
    let limits = HeadLimits::default();
    let mut group = criterion.benchmark_group("request_head");
    for (name, input) in [("wrk", WRK), ("browser", BROWSER)] {
        let mut head = RequestHead::new();
        let mut parse = |input: &[u8]| {
            let parsed = HeadParser::new().parse(black_box(input), &limits, &mut head);
            let consumed = input.len();
            assert_eq!(parsed, Ok(Parsed::Complete { consumed }));
        };
        group.throughput(Throughput::Bytes(input.len() as u64));
        // The same length, and one header in another case.
        let other = String::from_utf8_lossy(input).replace("Host:", "HOST:");
        let mut turn = false;
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                turn = !turn;
                parse(if turn { input } else { other.as_bytes() });
            });
        });
        group.bench_function(format!("{name}, repeated"), |bencher| {
            bencher.iter(|| parse(input));
        });
        group.bench_function(format!("{name}, httparse alone"), |bencher| {
            bencher.iter(|| {
                let mut headers = [const { MaybeUninit::uninit() }; 32];
                let mut request = httparse::Request::new(&mut []);
                let parsed = request.parse_with_uninit_headers(black_box(input), &mut headers);
                assert_eq!(parsed, Ok(httparse::Status::Complete(input.len())));
            });
        });
    }
    // The other way: every byte through the scanner, then the same copy.
    group.bench_function("browser in two pieces", |bencher| {
        let mut head = RequestHead::new();
        bencher.iter(|| {
            let mut parser = HeadParser::new();
            let first = parser.parse(black_box(&BROWSER[..300]), &limits, &mut head);
            assert_eq!(first, Ok(Parsed::Partial));
            let parsed = parser.parse(black_box(BROWSER), &limits, &mut head);
            let consumed = BROWSER.len();
            assert_eq!(parsed, Ok(Parsed::Complete { consumed }));
        });
    });
    group.finish();
}

fn lookups(criterion: &mut Criterion) {
    let mut head = RequestHead::new();
    let parsed = HeadParser::new().parse(BROWSER, &HeadLimits::default(), &mut head);
    assert!(parsed.is_ok());
    let mut group = criterion.benchmark_group("request_head lookup");
    group.bench_function("path", |bencher| {
        bencher.iter(|| assert_eq!(black_box(&head).path().len(), 12));
    });
    group.bench_function("last of 15 headers", |bencher| {
        bencher.iter(|| assert!(black_box(&head).header("priority").is_some()));
    });
    group.finish();
}

fn bodies(criterion: &mut Criterion) {
    let mut input = Vec::new();
    for _ in 0..16 {
        chunked::write_chunk(&mut input, &[b'x'; 1024]);
    }
    input.extend_from_slice(chunked::LAST_CHUNK);
    let mut group = criterion.benchmark_group("body");
    group.throughput(Throughput::Bytes(input.len() as u64));
    group.bench_function("16 chunks of 1 KiB", |bencher| {
        bencher.iter(|| {
            let mut decoder = BodyDecoder::new(Framing::Chunked);
            let (mut at, mut data_bytes) = (0, 0);
            while !decoder.is_finished() {
                let step = decoder
                    .decode(black_box(&input[at..]))
                    .expect("valid chunks");
                at += step.consumed;
                if let BodyPart::Data(data) = step.part {
                    data_bytes += data.len();
                }
            }
            assert_eq!(data_bytes, 16 * 1024);
        });
    });
    group.finish();
}

fn answers(criterion: &mut Criterion) {
    let mut headers = ResponseHeaders::new();
    let mut out = Vec::with_capacity(1024);
    let mut group = criterion.benchmark_group("response");
    group.bench_function("set content-type", |bencher| {
        bencher.iter(|| {
            headers.clear();
            headers.set(
                black_box("Content-Type"),
                black_box("text/plain; charset=utf-8"),
            )
        });
    });
    for (name, server) in [
        ("plain 200", None),
        ("plain 200 with server", Some("ringlane")),
    ] {
        let mut own = ServerFields::new(server);
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                out.clear();
                own.set_time(black_box(784_111_777));
                ResponseHead {
                    status: black_box(StatusCode::OK),
                    headers: &headers,
                    content_type: Some("text/plain"),
                    body: ResponseBody::Length(black_box(13)),
                    version: Version::HTTP_11,
                    head_request: false,
                    keep_alive: true,
                    own: &own,
                    upgrade: None,
                }
                .write(black_box(&mut out));
            });
        });
    }
    group.bench_function("date", |bencher| {
        bencher.iter(|| write_date(black_box(784_111_777)))
    });
    group.finish();
}

criterion_group!(benches, heads, lookups, bodies, answers);
criterion_main!(benches);
