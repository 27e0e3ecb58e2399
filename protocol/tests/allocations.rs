//! Tests that parsing and writing on a warm connection allocate nothing.
//!
//! A program of its own, because the counting allocator counts every thread of a process.

#![forbid(unsafe_code)]

use ringlane_protocol::{
    BodyDecoder, BodyPart, HeadLimits, HeadParser, Parsed, RequestHead, ResponseBody, ResponseHead,
    ResponseHeaders, ServerFields, chunked,
};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use std::alloc::System;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const INPUTS: [&[u8]; 3] = [
    b"GET /a?b HTTP/1.1\r\nHost: example.org\r\nAccept: */*\r\n\r\n",
    b"GET http://[::1]:80/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\nA:b\r\nC:d\r\nE:f\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: b\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
];

/// What a connection keeps from request to request.
struct Warm {
    parser: HeadParser,
    head: RequestHead,
    headers: ResponseHeaders,
    own: ServerFields,
    out: Vec<u8>,
}

/// Reads one request, cut at `cut`, and answers it with its own body.
fn serve(warm: &mut Warm, input: &[u8], cut: usize) {
    let limits = HeadLimits::DEFAULT;
    let mut parsed = warm.parser.parse(&input[..cut], &limits, &mut warm.head);
    if parsed == Ok(Parsed::Partial) {
        parsed = warm.parser.parse(input, &limits, &mut warm.head);
    }
    let Ok(Parsed::Complete { consumed: mut at }) = parsed else {
        panic!("{parsed:?}");
    };
    warm.headers.clear();
    warm.headers
        .set("Content-Type", "text/plain")
        .expect("a valid header");
    warm.headers
        .set("content-type", warm.head.path())
        .expect("a valid header");
    warm.own.set_time(784_111_777 + cut as u64);
    warm.out.clear();
    let head = ResponseHead {
        status: ringlane_protocol::StatusCode::OK,
        headers: &warm.headers,
        content_type: None,
        body: ResponseBody::Chunked,
        version: warm.head.version(),
        head_request: false,
        keep_alive: warm.head.keep_alive(),
        own: &warm.own,
        upgrade: None,
    };
    head.write(&mut warm.out);
    let mut body = BodyDecoder::new(warm.head.framing());
    while !body.is_finished() {
        let step = body.decode(&input[at..]).expect("valid chunks");
        at += step.consumed;
        if let BodyPart::Data(data) = step.part {
            chunked::write_chunk(&mut warm.out, data);
        }
    }
    warm.out.extend_from_slice(chunked::LAST_CHUNK);
}

#[test]
fn a_warm_connection_allocates_nothing() {
    let mut warm = Warm {
        parser: HeadParser::new(),
        head: RequestHead::new(),
        headers: ResponseHeaders::new(),
        own: ServerFields::new(Some("ringlane")),
        out: Vec::new(),
    };
    let rounds = |warm: &mut Warm| {
        for input in INPUTS {
            for cut in 0..=30 {
                serve(warm, input, cut);
            }
        }
    };
    rounds(&mut warm);
    let region = Region::new(ALLOCATOR);
    rounds(&mut warm);
    let change = region.change();
    assert_eq!((change.allocations, change.reallocations), (0, 0));
    // The test can fail: what is asked for is counted.
    drop(std::hint::black_box(Box::new([0; 8])));
    assert_eq!(region.change().allocations, 1);
}
