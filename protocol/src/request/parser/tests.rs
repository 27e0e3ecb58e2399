//! Compares the parser's two paths: neither accepts what the other rejects.

use super::{HeadLimits, HeadParser, RequestHead, Scan, skip_empty_lines};
use crate::{METHOD_BYTES_MAX, ParseError};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

const LIMITS: HeadLimits = HeadLimits {
    head_bytes_max: 200,
    headers_max: 4,
    target_bytes_max: 30,
};

/// What the scanner says to the whole of `input`: the head's length, nothing yet, or an error.
fn scanned(input: &[u8]) -> Result<Option<usize>, ParseError> {
    let mut scan = Scan::START;
    scan.advance(input, &LIMITS)
}

/// What the fast path says to it: whether the head is grammatical, and how long it is.
fn filled(input: &[u8]) -> Option<Result<usize, ParseError>> {
    let window = &input[..input.len().min(LIMITS.head_bytes_max)];
    let start = skip_empty_lines(window);
    let filled = RequestHead::new().fill(&window[start..], &LIMITS);
    filled.map(|judged| judged.map(|consumed| start + consumed))
}

/// The scanner accepts a head if and only if the fast path finds it grammatical.
#[track_caller]
fn check(input: &[u8]) {
    match (scanned(input), filled(input)) {
        (Ok(Some(end)), Some(Ok(consumed))) => assert_eq!(end, consumed, "{input:?}"),
        // What the lines mean together is no matter of grammar.
        (Ok(Some(_)), Some(Err(_))) => {}
        (Ok(None) | Err(_), None) => {}
        (scanned, filled) => panic!("scanner {scanned:?}, fast path {filled:?}: {input:?}"),
    }
}

/// Every byte, at every place of a head, in place of the one that is there and before it.
#[test]
fn the_two_ways_agree_about_every_byte_everywhere() {
    let head = b"\r\nGE /a?b HTTP/1.1\r\nHost: c\r\nD:e \t\r\n\r\n";
    for at in 0..head.len() {
        for byte in 0..=u8::MAX {
            for behind in [at, at + 1] {
                check(&[&head[..at], &[byte], &head[behind..]].concat());
            }
        }
    }
}

#[test]
fn the_two_ways_agree_about_limits() {
    for len in 0..=METHOD_BYTES_MAX + 2 {
        let method = "M".repeat(len);
        check(format!("{method} / HTTP/1.0\r\n\r\n").as_bytes());
        let target = "/".repeat(len);
        check(format!("GET {target} HTTP/1.0\r\n\r\n").as_bytes());
        let fields = "A: b\r\n".repeat(len);
        check(format!("GET / HTTP/1.0\r\n{fields}\r\n").as_bytes());
        let empty_lines = "\r\n".repeat(len);
        check(format!("{empty_lines}GET / HTTP/1.0\r\n\r\n").as_bytes());
        let value = "b".repeat(3 * len);
        check(format!("GET / HTTP/1.0\r\nA: {value}\r\n\r\n").as_bytes());
    }
}

proptest! {
    #[test]
    fn the_two_ways_agree_about_pieces(pieces in vec(select(pieces()), 0..12)) {
        check(&pieces.concat());
    }
}

fn pieces() -> Vec<&'static [u8]> {
    let pieces: [&[u8]; 18] = [
        b"GET / HTTP/1.1\r\n",
        b"GET ",
        b"/a?b",
        b" HTTP/1.0\r\n",
        b"Host: a\r\n",
        b"A:b \r\n",
        b"\r\n",
        b"\r\n\r\n",
        b"\n",
        b"\r",
        b" ",
        b"\t",
        b":",
        b"\0",
        b"\xc3\xa9",
        b"#",
        b"B",
        b"1.1",
    ];
    pieces.to_vec()
}

/// Feeding byte by byte must not cost the square of the bytes: each is looked at once.
#[test]
fn a_slow_peer_costs_no_more_than_a_fast_one() {
    let input = b"GET / HTTP/1.1\r\nHost: a\r\nA: some value\r\n\r\n";
    let mut parser = HeadParser::new();
    let mut head = RequestHead::new();
    for end in 1..input.len() {
        let before = parser.scan.searched();
        assert!(parser.parse(&input[..end], &LIMITS, &mut head).is_ok());
        assert_eq!((before, parser.scan.searched()), (end - 1, end));
    }
}
