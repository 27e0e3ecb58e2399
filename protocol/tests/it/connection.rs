//! Tests persistence, upgrades and expectations.

use crate::rows::{Input, Row, check, head, refused};
use Input::{Fields, Whole};
use ringlane_protocol::ParseError as Error;
use ringlane_protocol::{HeadLimits, HeadParser, Parsed, RequestHead};

const KEEP: &str = "GET / 1.1 a none keep";
const CLOSE: &str = "GET / 1.1 a none close";

pub(crate) const ROWS: &[Row] = &[
    head(
        "RFC 9112 §9.6",
        "close",
        Fields(b"Connection: close\r\n\r\n"),
        CLOSE,
    ),
    head(
        "RFC 9110 §7.6.1",
        "close in mixed case",
        Fields(b"cOnnection: ClosE\r\n\r\n"),
        CLOSE,
    ),
    head(
        "RFC 9110 §7.6.1",
        "close at the end of a list",
        Fields(b"Connection: keep-alive ,\tclose\r\n\r\n"),
        CLOSE,
    ),
    head(
        "RFC 9110 §7.6.1",
        "close on a second line",
        Fields(b"Connection: keep-alive\r\nConnection: close\r\n\r\n"),
        CLOSE,
    ),
    head(
        "RFC 9110 §7.6.1",
        "a longer word",
        Fields(b"Connection: closed\r\n\r\n"),
        KEEP,
    ),
    head(
        "RFC 9110 §7.6.1",
        "a header's name as option",
        Fields(b"Connection: TE\r\n\r\n"),
        KEEP,
    ),
    head(
        "RFC 9110 §5.6.1",
        "empty members",
        Fields(b"Connection: , ,close,\r\n\r\n"),
        CLOSE,
    ),
    head(
        "RFC 9110 §7.6.1",
        "no option at all",
        Fields(b"Connection:\r\n\r\n"),
        KEEP,
    ),
    head(
        "RFC 9112 §9.3",
        "HTTP/1.0 that asks to stay",
        Whole(b"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"),
        "GET / 1.0 - none keep",
    ),
    head(
        "RFC 9112 §9.3",
        "HTTP/1.0 that asks for both",
        Whole(b"GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n"),
        "GET / 1.0 - none close",
    ),
    head(
        "RFC 9110 §7.6.1",
        "HTTP/1.0 that asks by Keep-Alive alone",
        Whole(b"GET / HTTP/1.0\r\nKeep-Alive: timeout=5\r\n\r\n"),
        "GET / 1.0 - none close",
    ),
    // Upgrade
    head(
        "RFC 9110 §7.8",
        "an upgrade",
        Fields(b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n"),
        "GET / 1.1 a none keep upgrade websocket",
    ),
    head(
        "RFC 9110 §7.8",
        "an upgrade in a list of options",
        Fields(b"Upgrade: websocket\r\nConnection: keep-alive, upgrade\r\n\r\n"),
        "GET / 1.1 a none keep upgrade websocket",
    ),
    head(
        "RFC 9110 §7.8",
        "a protocol that no option names",
        Fields(b"Upgrade: websocket\r\n\r\n"),
        KEEP,
    ),
    head(
        "RFC 9110 §7.8",
        "an option without a protocol",
        Fields(b"Connection: upgrade\r\n\r\n"),
        KEEP,
    ),
    head(
        "RFC 9110 §7.8",
        "an upgrade of HTTP/1.0",
        Whole(b"GET / HTTP/1.0\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"),
        "GET / 1.0 - none close",
    ),
    // Expect
    head(
        "RFC 9110 §10.1.1",
        "a length after 100-continue",
        Fields(b"Expect: 100-continue\r\nContent-Length: 5\r\n\r\n"),
        "GET / 1.1 a length 5 keep continue",
    ),
    head(
        "RFC 9110 §10.1.1",
        "chunks after 100-continue in upper case",
        Fields(b"Expect: 100-CONTINUE\r\nTransfer-Encoding: chunked\r\n\r\n"),
        "GET / 1.1 a chunked keep continue",
    ),
    head(
        "RFC 9110 §10.1.1",
        "100-continue twice",
        Fields(b"Expect: 100-continue, 100-continue\r\nContent-Length: 5\r\n\r\n"),
        "GET / 1.1 a length 5 keep continue",
    ),
    head(
        "RFC 9110 §10.1.1",
        "100-continue without a body",
        Fields(b"Expect: 100-continue\r\n\r\n"),
        KEEP,
    ),
    head(
        "RFC 9110 §10.1.1",
        "100-continue with an empty body",
        Fields(b"Expect: 100-continue\r\nContent-Length: 0\r\n\r\n"),
        "GET / 1.1 a length 0 keep",
    ),
    head(
        "RFC 9110 §10.1.1",
        "no expectation at all",
        Fields(b"Expect:\r\n\r\n"),
        KEEP,
    ),
    head(
        "RFC 9110 §10.1.1",
        "100-continue in HTTP/1.0",
        Whole(b"POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n"),
        "POST / 1.0 - length 5 close",
    ),
    head(
        "RFC 9110 §10.1.1",
        "an unknown expectation in HTTP/1.0",
        Whole(b"GET / HTTP/1.0\r\nExpect: tea\r\n\r\n"),
        "GET / 1.0 - none close",
    ),
    refused(
        "RFC 9110 §10.1.1",
        "an unknown expectation",
        Fields(b"Expect: tea\r\n\r\n"),
        Error::UnknownExpectation,
    ),
    refused(
        "RFC 9110 §10.1.1",
        "an unknown expectation beside 100-continue",
        Fields(b"Expect: 100-continue\r\nExpect: tea\r\n\r\n"),
        Error::UnknownExpectation,
    ),
    refused(
        "RFC 9110 §10.1.1",
        "100-continue with a parameter",
        Fields(b"Expect: 100-continue;a=b\r\n\r\n"),
        Error::UnknownExpectation,
    ),
    refused(
        "RFC 9112 §6.3",
        "a broken framing is told before an unknown expectation",
        Fields(b"Expect: tea\r\nContent-Length: x\r\n\r\n"),
        Error::InvalidContentLength,
    ),
];

#[test]
fn connections() {
    check(ROWS);
}

/// The same parser reads request after request from one input.
#[test]
fn pipelined_requests_come_one_by_one() {
    let input = b"GET /1 HTTP/1.1\r\nHost: a\r\n\r\n\r\nGET /2 HTTP/1.0\r\n\r\nGET /3";
    let (limits, mut record) = (HeadLimits::default(), RequestHead::new());
    let (mut parser, mut at) = (HeadParser::new(), 0);
    let mut paths = Vec::new();
    while let Ok(Parsed::Complete { consumed }) = parser.parse(&input[at..], &limits, &mut record) {
        at += consumed;
        paths.push(record.path().to_owned());
        assert!(!parser.has_begun());
        let _ = parser.has_begun();
    }
    assert_eq!(paths, ["/1", "/2"]);
    assert_eq!(&input[at..], b"GET /3");
    assert!(parser.has_begun());
}

/// Silence before a request is no error, silence within one is.
#[test]
fn only_bytes_of_a_request_line_begin_a_request() {
    let (limits, mut record) = (HeadLimits::default(), RequestHead::new());
    let mut parser = HeadParser::new();
    for (input, begun) in [
        (&b""[..], false),
        (b"\r", false),
        (b"\r\n", false),
        (b"\r\nG", true),
        (b"\r\nGET / HTTP/1.1\r\n\r", true),
    ] {
        assert_eq!(
            parser.parse(input, &limits, &mut record),
            Ok(Parsed::Partial)
        );
        assert_eq!(parser.has_begun(), begun, "{input:?}");
    }
}
