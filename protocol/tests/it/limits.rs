//! Each limit of a head, at its maximum and one beyond it.

use crate::rows::{Expected, Input, Row, check, check_within, head, refused};
use Input::{Fields, Line, Long, Whole};
use ringlane_protocol::ParseError as Error;
use ringlane_protocol::{HEADERS_CEILING, HeadLimits, HeadParser, Parsed, RequestHead};

/// With the limits that a server starts with.
pub(crate) const ROWS: &[Row] = &[
    refused(
        "RFC 9112 §3",
        "a target one byte over 8 KiB",
        Long {
            before: b"GET ",
            fill: b"/",
            times: 8193,
            after: b"",
        },
        Error::TargetTooLong,
    ),
    refused(
        "RFC 6585 §5",
        "header 101 begins",
        Long {
            before: b"GET / HTTP/1.1\r\n",
            fill: b"A:b\r\n",
            times: 100,
            after: b"C",
        },
        Error::TooManyHeaders,
    ),
    refused(
        "RFC 6585 §5",
        "16 KiB and no end",
        Long {
            before: b"GET / HTTP/1.1\r\nA: ",
            fill: b"a",
            times: 16 * 1024 - 19,
            after: b"",
        },
        Error::HeadTooLarge,
    ),
];

const SMALL: HeadLimits = HeadLimits {
    head_bytes_max: 64,
    headers_max: 3,
    target_bytes_max: 20,
};

/// With limits small enough to be filled by hand: 64 bytes, 3 headers, 20 bytes of target.
pub(crate) const SMALL_ROWS: &[Row] = &[
    head(
        "RFC 9112 §3",
        "a target as long as its limit",
        Line(b"GET /901234567890123456? HTTP/1.1"),
        "GET /901234567890123456 ? 1.1 a none keep",
    ),
    refused(
        "RFC 9112 §3",
        "a target one byte longer than its limit",
        Whole(b"GET /90123456789012345678"),
        Error::TargetTooLong,
    ),
    refused(
        "RFC 9112 §3",
        "a malformed byte right behind the longest target",
        Whole(b"GET /9012345678901234567\0"),
        Error::InvalidTarget,
    ),
    head(
        "RFC 6585 §5",
        "as many headers as their limit",
        Fields(b"A: b\r\nC: d\r\n\r\n"),
        "GET / 1.1 a none keep",
    ),
    refused(
        "RFC 6585 §5",
        "one header more than their limit",
        Fields(b"A: b\r\nC: d\r\nE"),
        Error::TooManyHeaders,
    ),
    head(
        "RFC 6585 §5",
        "a head as long as its limit",
        Fields(b"A: 90123456789012345678901234567890\r\n\r\n"),
        "GET / 1.1 a none keep",
    ),
    refused(
        "RFC 6585 §5",
        "a head one byte longer than its limit",
        Fields(b"A: 901234567890123456789012345678901\r\n\r"),
        Error::HeadTooLarge,
    ),
    refused(
        "RFC 6585 §5",
        "a name that fills the head",
        Fields(b"A23456789012345678901234567890123456789"),
        Error::HeadTooLarge,
    ),
    head(
        "RFC 9112 §2.2",
        "empty lines count towards the head",
        Whole(b"\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\nA: 9012345678901234567890123456\r\n\r\n"),
        "GET / 1.1 a none keep",
    ),
    refused(
        "RFC 9112 §2.2",
        "empty lines that fill the head",
        Whole(b"\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\nA: 90123456789012345678901234567\r\n\r"),
        Error::HeadTooLarge,
    ),
];

#[test]
fn small_limits() {
    check_within(SMALL_ROWS, &SMALL);
}

#[test]
fn default_limits() {
    check(ROWS);
}

/// A request line may be cut by the limit of the head before that of its target.
#[test]
fn a_request_line_that_fills_the_head_is_a_target_too_long() {
    let limits = HeadLimits {
        head_bytes_max: 24,
        ..SMALL
    };
    let rule = "RFC 9112 §3";
    for input in [
        &b"GET /90123456789012345678"[..24],
        b"GET /9012345678 HTTP/1.1",
    ] {
        let row = |input| refused(rule, "a full head", input, Error::TargetTooLong);
        check_within(&[row(Whole(input))], &limits);
    }
}

/// The largest heads of the default limits are accepted.
#[test]
fn default_limits_are_reached() {
    let input = |before: &[u8], fill: &[u8], times: usize, after: &[u8]| {
        [before, &fill.repeat(times), after].concat()
    };
    let largest = [
        input(b"GET ", b"/", 8192, b" HTTP/1.1\r\nHost: a\r\n\r\n"),
        input(b"GET / HTTP/1.1\r\nHost: a\r\n", b"A:b\r\n", 99, b"\r\n"),
        input(
            b"GET / HTTP/1.1\r\nHost: a\r\nA:",
            b"b",
            16 * 1024 - 31,
            b"\r\n\r\n",
        ),
    ];
    for input in largest {
        for cut in [0, 1, input.len() / 2, input.len() - 1] {
            let (mut parser, mut record) = (HeadParser::new(), RequestHead::new());
            let first = parser.parse(&input[..cut], &HeadLimits::default(), &mut record);
            assert_eq!(first, Ok(Parsed::Partial));
            let parsed = parser.parse(&input, &HeadLimits::default(), &mut record);
            assert_eq!(
                parsed,
                Ok(Parsed::Complete {
                    consumed: input.len()
                })
            );
        }
    }
}

/// No configuration reads more headers than the ceiling.
#[test]
fn headers_have_a_ceiling() {
    let limits = HeadLimits {
        head_bytes_max: 1 << 20,
        headers_max: usize::MAX,
        ..HeadLimits::default()
    };
    for (headers, expected) in [
        (HEADERS_CEILING - 1, Ok(())),
        (HEADERS_CEILING, Err(Error::TooManyHeaders)),
    ] {
        let fields = "A:b\r\n".repeat(headers);
        let input = format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
        let mut record = RequestHead::new();
        let parsed = HeadParser::new().parse(input.as_bytes(), &limits, &mut record);
        assert_eq!(
            parsed.map(|_| ()),
            expected,
            "{headers} headers beside Host"
        );
    }
}

/// Rows of limits are written for their exact length; a row that misses it proves nothing.
#[test]
fn rows_at_a_limit_have_its_length() {
    let lengths = SMALL_ROWS.iter().filter_map(|row| {
        let at_limit = row.cause.contains("head") && row.cause.contains("its limit");
        at_limit.then(|| {
            (
                row.input.bytes().len(),
                matches!(row.expected, Expected::Head(_)),
            )
        })
    });
    assert_eq!(lengths.collect::<Vec<_>>(), [(64, true), (64, false)]);
}
