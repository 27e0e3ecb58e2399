//! Header lines: names, colons, values, line ends, and how handlers read them.

use crate::rows::{Input, Row, check, head, refused};
use Input::{Fields, Whole};
use ringlane_protocol::ParseError as Error;
use ringlane_protocol::{HeadLimits, HeadParser, RequestHead};

const PLAIN: &str = "GET / 1.1 a none keep";

pub(crate) const ROWS: &[Row] = &[
    head(
        "RFC 9112 §5",
        "no white space after the colon",
        Fields(b"A:b\r\n\r\n"),
        PLAIN,
    ),
    head(
        "RFC 9112 §5",
        "an empty value",
        Fields(b"A:\r\n\r\n"),
        PLAIN,
    ),
    head(
        "RFC 9112 §5",
        "a value of white space",
        Fields(b"A: \t \r\n\r\n"),
        PLAIN,
    ),
    head(
        "RFC 9110 §5.5",
        "a colon in the value",
        Fields(b"A: b:c\r\n\r\n"),
        PLAIN,
    ),
    head(
        "RFC 9110 §5.5",
        "obsolete text in the value",
        Fields(b"A: \x80\xff\r\n\r\n"),
        PLAIN,
    ),
    head(
        "RFC 9110 §5.5",
        "a tab within the value",
        Fields(b"A: b\tc\r\n\r\n"),
        PLAIN,
    ),
    head(
        "RFC 9110 §5.3",
        "a name on several lines",
        Fields(b"A: b\r\nA: c\r\n\r\n"),
        PLAIN,
    ),
    head(
        "RFC 9110 §5.6.2",
        "a name of every kind of tchar",
        Fields(b"!#$%&'*+-.^_`|~09azAZ: b\r\n\r\n"),
        PLAIN,
    ),
    head(
        "RFC 9110 §5.1",
        "an underscore is no hyphen",
        Fields(b"Content_Length: 5\r\nTransfer_Encoding: chunked\r\n\r\n"),
        PLAIN,
    ),
    // Names and colons
    refused(
        "RFC 9112 §5.1",
        "a space before the colon",
        Fields(b"A "),
        Error::WhitespaceBeforeColon,
    ),
    refused(
        "RFC 9112 §5.1",
        "a tab before the colon",
        Fields(b"A\t"),
        Error::WhitespaceBeforeColon,
    ),
    refused(
        "RFC 9112 §5",
        "an empty name",
        Fields(b":"),
        Error::InvalidHeaderName,
    ),
    refused(
        "RFC 9112 §5",
        "a line without a colon",
        Fields(b"A\r"),
        Error::InvalidHeaderName,
    ),
    refused(
        "RFC 9110 §5.1",
        "NUL in the name",
        Fields(b"A\0"),
        Error::InvalidHeaderName,
    ),
    refused(
        "RFC 9110 §5.1",
        "a delimiter in the name",
        Fields(b"A("),
        Error::InvalidHeaderName,
    ),
    refused(
        "RFC 9110 §5.1",
        "a quote begins the name",
        Fields(b"\""),
        Error::InvalidHeaderName,
    ),
    refused(
        "RFC 9110 §5.1",
        "a name not in ASCII",
        Fields(b"A\xc3"),
        Error::InvalidHeaderName,
    ),
    refused(
        "RFC 9110 §5.1",
        "DEL in the name",
        Fields(b"A\x7f"),
        Error::InvalidHeaderName,
    ),
    // Folding
    refused(
        "RFC 9112 §5.2",
        "a folded line, by a space",
        Fields(b"A: b\r\n "),
        Error::ObsoleteLineFolding,
    ),
    refused(
        "RFC 9112 §5.2",
        "a folded line, by a tab",
        Fields(b"A: b\r\n\t"),
        Error::ObsoleteLineFolding,
    ),
    refused(
        "RFC 9112 §5.2",
        "the first header folded",
        Whole(b"GET / HTTP/1.1\r\nHost: a\r\n "),
        Error::ObsoleteLineFolding,
    ),
    refused(
        "RFC 9112 §2.2",
        "white space before the first header",
        Whole(b"GET / HTTP/1.1\r\n "),
        Error::InvalidHeaderName,
    ),
    // Values
    refused(
        "RFC 9110 §5.5",
        "NUL in the value",
        Fields(b"A: b\0"),
        Error::InvalidHeaderValue,
    ),
    refused(
        "RFC 9110 §5.5",
        "the first control byte",
        Fields(b"A: \x01"),
        Error::InvalidHeaderValue,
    ),
    refused(
        "RFC 9110 §5.5",
        "a vertical tab in the value",
        Fields(b"A: b\x0b"),
        Error::InvalidHeaderValue,
    ),
    refused(
        "RFC 9110 §5.5",
        "the last control byte",
        Fields(b"A: \x1f"),
        Error::InvalidHeaderValue,
    ),
    refused(
        "RFC 9110 §5.5",
        "DEL in the value",
        Fields(b"A: \x7f"),
        Error::InvalidHeaderValue,
    ),
    // Line ends
    refused(
        "RFC 9112 §2.2",
        "a bare CR in the value",
        Fields(b"A: b\rc"),
        Error::BareCarriageReturn,
    ),
    refused(
        "RFC 9112 §2.2",
        "two CR behind the value",
        Fields(b"A: b\r\r"),
        Error::BareCarriageReturn,
    ),
    refused(
        "RFC 9112 §2.2",
        "a bare LF behind the value",
        Fields(b"A: b\n"),
        Error::BareLineFeed,
    ),
    refused(
        "RFC 9112 §2.2",
        "a bare LF behind the name",
        Fields(b"A\n"),
        Error::BareLineFeed,
    ),
    refused(
        "RFC 9112 §2.2",
        "a bare LF behind the colon",
        Fields(b"A:\n"),
        Error::BareLineFeed,
    ),
    refused(
        "RFC 9112 §2.2",
        "a bare LF as the empty line",
        Fields(b"\n"),
        Error::BareLineFeed,
    ),
    refused(
        "RFC 9112 §2.2",
        "the empty line's CR alone",
        Fields(b"\rA"),
        Error::BareCarriageReturn,
    ),
    refused(
        "RFC 9112 §2.2",
        "two CR in the empty line",
        Fields(b"A: b\r\n\r\r"),
        Error::BareCarriageReturn,
    ),
    refused(
        "RFC 9112 §2.2",
        "a bare LF behind the only header",
        Whole(b"GET / HTTP/1.1\r\nHost: a\n"),
        Error::BareLineFeed,
    ),
    refused(
        "RFC 9112 §2.2",
        "a bare LF that ends a head without headers",
        Whole(b"GET / HTTP/1.0\r\n\n"),
        Error::BareLineFeed,
    ),
];

#[test]
fn fields() {
    check(ROWS);
}

fn parse(fields: &'static [u8]) -> RequestHead {
    let mut record = RequestHead::new();
    let parsed =
        HeadParser::new().parse(&Fields(fields).bytes(), &HeadLimits::default(), &mut record);
    assert!(parsed.is_ok(), "{parsed:?}");
    record
}

#[test]
fn values_are_found_by_name_in_any_case_and_in_order() {
    let record = parse(b"Accept: b\r\nX-Long:\t c d \t\r\naccept:\r\n\r\n");
    assert_eq!(record.header("ACCEPT"), Some(&b"b"[..]));
    assert_eq!(record.header("x-long"), Some(&b"c d"[..]));
    assert_eq!(record.header("accep"), None);
    assert_eq!(
        record.header_all("Accept").collect::<Vec<_>>(),
        [&b"b"[..], b""]
    );
    let names: Vec<_> = record.headers().map(|(name, _)| name).collect();
    assert_eq!(names, ["Host", "Accept", "X-Long", "accept"]);
    assert_eq!(record.headers().len(), 4);
}

#[test]
fn a_cleared_record_holds_nothing() {
    let mut record = parse(b"Content-Length: 5\r\nConnection: upgrade\r\nUpgrade: b\r\n\r\n");
    record.clear();
    assert_eq!(crate::rows::outline(&record), "GET  1.1 - none close");
    assert_eq!(record.headers().count(), 0);
    assert_eq!((record.target(), record.host()), ("", ""));
}

/// A shorter head after a longer one must not show what the longer one left.
#[test]
fn a_refilled_record_shows_only_the_last_request() {
    let mut record = parse(b"A: long value\r\nTransfer-Encoding: chunked\r\n\r\n");
    let input = b"GET / HTTP/1.0\r\n\r\n";
    let parsed = HeadParser::new().parse(input, &HeadLimits::default(), &mut record);
    assert!(parsed.is_ok());
    assert_eq!(crate::rows::outline(&record), "GET / 1.0 - none close");
    assert_eq!(record.headers().count(), 0);
}
