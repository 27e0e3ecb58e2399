//! Request lines: empty lines before them, methods, spaces, versions.

use crate::rows::{Input, Row, check, head, refused};
use Input::{Line, Long, Whole};
use ringlane_protocol::ParseError as Error;

pub(crate) const ROWS: &[Row] = &[
    head(
        "RFC 9112 §3",
        "the smallest request",
        Whole(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
        "GET / 1.1 a none keep",
    ),
    head(
        "RFC 9112 §2.2",
        "one empty line before the request",
        Line(b"\r\nGET / HTTP/1.1"),
        "GET / 1.1 a none keep",
    ),
    head(
        "RFC 9112 §2.2",
        "as many empty lines as are ignored",
        Line(b"\r\n\r\n\r\n\r\nGET / HTTP/1.1"),
        "GET / 1.1 a none keep",
    ),
    refused(
        "RFC 9112 §2.2",
        "one empty line more",
        Whole(b"\r\n\r\n\r\n\r\n\r"),
        Error::TooManyEmptyLines,
    ),
    refused(
        "RFC 9112 §2.2",
        "a bare LF before the request",
        Whole(b"\n"),
        Error::BareLineFeed,
    ),
    refused(
        "RFC 9112 §2.2",
        "a bare LF after an empty line",
        Whole(b"\r\n\n"),
        Error::BareLineFeed,
    ),
    refused(
        "RFC 9112 §2.2",
        "a bare CR before the request",
        Whole(b"\rG"),
        Error::BareCarriageReturn,
    ),
    refused(
        "RFC 9112 §2.2",
        "two CR before the request",
        Whole(b"\r\r"),
        Error::BareCarriageReturn,
    ),
    refused(
        "RFC 9112 §2.2",
        "white space before the request",
        Whole(b" "),
        Error::InvalidMethod,
    ),
    // Methods
    head(
        "RFC 9110 §9.1",
        "a method that no standard knows",
        Line(b"BREW / HTTP/1.1"),
        "BREW / 1.1 a none keep",
    ),
    head(
        "RFC 9110 §9.1",
        "a method in lower case is another method",
        Line(b"get / HTTP/1.1"),
        "get / 1.1 a none keep",
    ),
    head(
        "RFC 9110 §5.6.2",
        "a method of every kind of tchar",
        Line(b"!#$%&'*+-.^_`|~09azAZ / HTTP/1.1"),
        "!#$%&'*+-.^_`|~09azAZ / 1.1 a none keep",
    ),
    head(
        "RFC 9112 §3",
        "a method as long as we read",
        Long {
            before: b"",
            fill: b"METH",
            times: 16,
            after: b" / HTTP/1.1\r\nHost: a\r\n\r\n",
        },
        "METHMETHMETHMETHMETHMETHMETHMETHMETHMETHMETHMETHMETHMETHMETHMETH / 1.1 a none keep",
    ),
    refused(
        "RFC 9112 §3",
        "a method one byte longer",
        Long {
            before: b"M",
            fill: b"METH",
            times: 16,
            after: b"",
        },
        Error::MethodTooLong,
    ),
    refused(
        "RFC 9110 §5.6.2",
        "a delimiter in the method",
        Whole(b"GE/"),
        Error::InvalidMethod,
    ),
    refused(
        "RFC 9110 §5.6.2",
        "a tab after the method",
        Whole(b"GET\t"),
        Error::InvalidMethod,
    ),
    refused(
        "RFC 9110 §5.6.2",
        "NUL as the first byte",
        Whole(b"\0"),
        Error::InvalidMethod,
    ),
    refused(
        "RFC 9110 §5.6.2",
        "a method that is not ASCII",
        Whole(b"G\xc3"),
        Error::InvalidMethod,
    ),
    refused(
        "RFC 9112 §3",
        "the first byte of TLS",
        Whole(b"\x16"),
        Error::InvalidMethod,
    ),
    refused(
        "RFC 9112 §3",
        "a header where the request line should be",
        Whole(b"Host:"),
        Error::InvalidMethod,
    ),
    refused(
        "RFC 9112 §3",
        "a method and nothing else",
        Whole(b"GET\r"),
        Error::InvalidMethod,
    ),
    refused(
        "RFC 9112 §2.2",
        "a bare LF after the method",
        Whole(b"GET\n"),
        Error::BareLineFeed,
    ),
    // Spaces
    refused(
        "RFC 9112 §3",
        "two spaces after the method",
        Whole(b"GET  "),
        Error::InvalidTarget,
    ),
    refused(
        "RFC 9112 §3",
        "two spaces after the target",
        Whole(b"GET /  "),
        Error::InvalidVersion,
    ),
    refused(
        "RFC 9112 §3",
        "a tab after the target",
        Whole(b"GET /\t"),
        Error::InvalidTarget,
    ),
    refused(
        "RFC 9112 §3",
        "a space after the version",
        Whole(b"GET / HTTP/1.1 "),
        Error::InvalidVersion,
    ),
    refused(
        "RFC 9112 §3",
        "no target",
        Whole(b"GET \r"),
        Error::InvalidTarget,
    ),
    refused(
        "RFC 9112 §3.2",
        "a space within the target",
        Whole(b"GET /a b"),
        Error::InvalidVersion,
    ),
    refused(
        "RFC 9112 §2.2",
        "a bare LF after the target",
        Whole(b"GET /\n"),
        Error::BareLineFeed,
    ),
    refused(
        "RFC 9112 §2.2",
        "a bare LF after the version",
        Whole(b"GET / HTTP/1.1\n"),
        Error::BareLineFeed,
    ),
    refused(
        "RFC 9112 §2.2",
        "a bare CR after the version",
        Whole(b"GET / HTTP/1.1\rH"),
        Error::BareCarriageReturn,
    ),
    refused(
        "RFC 9112 §2.2",
        "two CR after the version",
        Whole(b"GET / HTTP/1.1\r\r"),
        Error::BareCarriageReturn,
    ),
    // Versions
    head(
        "RFC 9112 §2.3",
        "the version before ours",
        Whole(b"GET / HTTP/1.0\r\n\r\n"),
        "GET / 1.0 - none close",
    ),
    refused(
        "RFC 9112 §2.3",
        "a request of HTTP/0.9",
        Whole(b"GET /\r"),
        Error::InvalidVersion,
    ),
    refused(
        "RFC 9112 §2.3",
        "a version in lower case",
        Whole(b"GET / h"),
        Error::InvalidVersion,
    ),
    refused(
        "RFC 9112 §2.3",
        "a version in mixed case",
        Whole(b"GET / HTTp"),
        Error::InvalidVersion,
    ),
    refused(
        "RFC 9112 §2.3",
        "a version without a name",
        Whole(b"GET / 1"),
        Error::InvalidVersion,
    ),
    refused(
        "RFC 9112 §2.3",
        "another protocol's name",
        Whole(b"GET / HTTPS"),
        Error::InvalidVersion,
    ),
    refused(
        "RFC 9112 §2.3",
        "a space before the slash",
        Whole(b"GET / HTTP "),
        Error::InvalidVersion,
    ),
    refused(
        "RFC 9112 §2.3",
        "no dot between the digits",
        Whole(b"GET / HTTP/11"),
        Error::InvalidVersion,
    ),
    refused(
        "RFC 9112 §2.3",
        "a comma between the digits",
        Whole(b"GET / HTTP/1,"),
        Error::InvalidVersion,
    ),
    refused(
        "RFC 9112 §2.3",
        "no minor digit",
        Whole(b"GET / HTTP/1.\r"),
        Error::InvalidVersion,
    ),
    refused(
        "RFC 9112 §2.3",
        "two minor digits",
        Whole(b"GET / HTTP/1.10"),
        Error::InvalidVersion,
    ),
    refused(
        "RFC 9112 §2.3",
        "a letter instead of a digit",
        Whole(b"GET / HTTP/x"),
        Error::InvalidVersion,
    ),
    refused(
        "RFC 9110 §15.6.6",
        "a minor version above ours",
        Whole(b"GET / HTTP/1.2\r\n"),
        Error::UnsupportedVersion,
    ),
    refused(
        "RFC 9110 §15.6.6",
        "a major version above ours",
        Whole(b"GET / HTTP/2.0\r\n"),
        Error::UnsupportedVersion,
    ),
    refused(
        "RFC 9110 §15.6.6",
        "a major version below ours",
        Whole(b"GET / HTTP/0.9\r\n"),
        Error::UnsupportedVersion,
    ),
    refused(
        "RFC 9113 §3.4",
        "the preface of HTTP/2",
        Whole(b"PRI * HTTP/2.0\r\n"),
        Error::UnsupportedVersion,
    ),
];

#[test]
fn request_lines() {
    check(ROWS);
}

#[test]
fn methods_keep_their_bytes() {
    let mut parser = ringlane_protocol::HeadParser::new();
    let mut record = ringlane_protocol::RequestHead::new();
    let input = b"PATCH / HTTP/1.0\r\n\r\n";
    assert!(
        parser
            .parse(input, &Default::default(), &mut record)
            .is_ok()
    );
    assert_eq!(record.method(), ringlane_protocol::Method::PATCH);
}
