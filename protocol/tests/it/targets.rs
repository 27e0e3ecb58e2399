//! The four forms of a target, and what each decides.

use crate::rows::{Input, Row, check, head, refused};
use Input::{Line, Whole};
use ringlane_protocol::ParseError as Error;

pub(crate) const ROWS: &[Row] = &[
    // Origin-form
    head(
        "RFC 9112 §3.2.1",
        "a path of two segments",
        Line(b"GET /a/b HTTP/1.1"),
        "GET /a/b 1.1 a none keep",
    ),
    head(
        "RFC 9112 §3.2.1",
        "a path and a query",
        Line(b"GET /a?b=c&d HTTP/1.1"),
        "GET /a ?b=c&d 1.1 a none keep",
    ),
    head(
        "RFC 9112 §3.2.1",
        "an empty query",
        Line(b"GET /a? HTTP/1.1"),
        "GET /a ? 1.1 a none keep",
    ),
    head(
        "RFC 3986 §3.4",
        "a question mark within the query",
        Line(b"GET /?a?b HTTP/1.1"),
        "GET / ?a?b 1.1 a none keep",
    ),
    head(
        "RFC 9112 §3.2.1",
        "a path that looks like an authority",
        Line(b"GET //b/c HTTP/1.1"),
        "GET //b/c 1.1 a none keep",
    ),
    head(
        "RFC 3986 §2.1",
        "an escaped slash stays escaped",
        Line(b"GET /a%2Fb HTTP/1.1"),
        "GET /a%2Fb 1.1 a none keep",
    ),
    head(
        "RFC 3986 §6.2.2.2",
        "escapes that are not needed are decoded, once",
        Line(b"GET /%61dm%69n/%2541%7E%2d%5f%2E%3a?%61 HTTP/1.1"),
        "GET /admin/%2541~-_.%3a ?%61 1.1 a none keep",
    ),
    head(
        "RFC 3986 §6.2.2.2",
        "in absolute-form, too",
        Line(b"GET http://a/%7Eb/%7 HTTP/1.1"),
        "GET /~b/%7 1.1 a none keep",
    ),
    head(
        "RFC 3986 §2.1",
        "a malformed escape is the decoder's business",
        Line(b"GET /%zz HTTP/1.1"),
        "GET /%zz 1.1 a none keep",
    ),
    head(
        "RFC 3986 §5.2.4",
        "dot segments stay",
        Line(b"GET /a/../b/. HTTP/1.1"),
        "GET /a/../b/. 1.1 a none keep",
    ),
    head(
        "RFC 3986 §2.2",
        "visible bytes outside the grammar, which browsers send",
        Line(b"GET /\"<>\\^`{|} HTTP/1.1"),
        "GET /\"<>\\^`{|} 1.1 a none keep",
    ),
    head(
        "RFC 3986 §3.3",
        "parameters belong to the path",
        Line(b"GET /a;b=c:d@e HTTP/1.1"),
        "GET /a;b=c:d@e 1.1 a none keep",
    ),
    refused(
        "RFC 9112 §3.2",
        "a fragment",
        Whole(b"GET /a#"),
        Error::InvalidTarget,
    ),
    refused(
        "RFC 9112 §3.2",
        "a fragment behind the query",
        Whole(b"GET /a?b#"),
        Error::InvalidTarget,
    ),
    refused(
        "RFC 3986 §2",
        "raw UTF-8 in the path",
        Whole(b"GET /\xc3"),
        Error::InvalidTarget,
    ),
    refused(
        "RFC 3986 §2",
        "raw UTF-8 in the query",
        Whole(b"GET /?\xc3"),
        Error::InvalidTarget,
    ),
    refused(
        "RFC 3986 §2",
        "NUL in the target",
        Whole(b"GET /\0"),
        Error::InvalidTarget,
    ),
    refused(
        "RFC 3986 §2",
        "DEL in the target",
        Whole(b"GET /\x7f"),
        Error::InvalidTarget,
    ),
    refused(
        "RFC 9112 §3.2",
        "a path without its slash",
        Line(b"GET a HTTP/1.1"),
        Error::InvalidTarget,
    ),
    refused(
        "RFC 9112 §3.2",
        "a query without a path",
        Line(b"GET ?a HTTP/1.1"),
        Error::InvalidTarget,
    ),
    // Absolute-form
    head(
        "RFC 9112 §3.2.2",
        "the target's authority overrides Host",
        Line(b"GET http://example.org/a?b HTTP/1.1"),
        "GET /a ?b 1.1 example.org none keep",
    ),
    head(
        "RFC 9110 §4.2.2",
        "https is a scheme of HTTP too",
        Line(b"GET https://b/ HTTP/1.1"),
        "GET / 1.1 b none keep",
    ),
    head(
        "RFC 3986 §3.1",
        "a scheme in upper case",
        Line(b"GET HTTP://b/ HTTP/1.1"),
        "GET / 1.1 b none keep",
    ),
    head(
        "RFC 9110 §4.2.3",
        "an empty path means the root",
        Line(b"GET http://b HTTP/1.1"),
        "GET / 1.1 b none keep",
    ),
    head(
        "RFC 9110 §4.2.3",
        "an empty path before a query",
        Line(b"GET http://b?c/d HTTP/1.1"),
        "GET / ?c/d 1.1 b none keep",
    ),
    head(
        "RFC 9112 §3.2.2",
        "an authority with a port",
        Line(b"GET http://b:81/ HTTP/1.1"),
        "GET / 1.1 b:81 none keep",
    ),
    head(
        "RFC 3986 §3.2.2",
        "an IPv6 address in the target",
        Line(b"GET http://[::1]:81/ HTTP/1.1"),
        "GET / 1.1 [::1]:81 none keep",
    ),
    head(
        "RFC 9112 §3.2.2",
        "in HTTP/1.0 without Host",
        Whole(b"GET http://b/ HTTP/1.0\r\n\r\n"),
        "GET / 1.0 b none close",
    ),
    refused(
        "RFC 9112 §3.2.2",
        "Host is required beside it",
        Whole(b"GET http://b/ HTTP/1.1\r\n\r\n"),
        Error::MissingHost,
    ),
    refused(
        "RFC 9112 §3.2",
        "an invalid Host beside a valid authority",
        Whole(b"GET http://b/ HTTP/1.1\r\nHost: a/b\r\n\r\n"),
        Error::InvalidHost,
    ),
    refused(
        "RFC 9110 §4.2.1",
        "an empty host",
        Line(b"GET http:///a HTTP/1.1"),
        Error::InvalidTarget,
    ),
    refused(
        "RFC 9110 §4.2.4",
        "a user before the host",
        Line(b"GET http://user@b/ HTTP/1.1"),
        Error::InvalidTarget,
    ),
    refused(
        "RFC 9110 §4.2",
        "another scheme",
        Line(b"GET ftp://b/ HTTP/1.1"),
        Error::InvalidTarget,
    ),
    refused(
        "RFC 9110 §4.2.1",
        "one slash behind the scheme",
        Line(b"GET http:/b HTTP/1.1"),
        Error::InvalidTarget,
    ),
    refused(
        "RFC 3986 §3.1",
        "an empty scheme",
        Line(b"GET ://b/ HTTP/1.1"),
        Error::InvalidTarget,
    ),
    refused(
        "RFC 3986 §3.2.3",
        "a port in letters",
        Line(b"GET http://b:http/ HTTP/1.1"),
        Error::InvalidTarget,
    ),
    refused(
        "RFC 3986 §3.2.2",
        "an unclosed bracket in the target",
        Line(b"GET http://[::1/ HTTP/1.1"),
        Error::InvalidTarget,
    ),
    // Authority-form
    head(
        "RFC 9112 §3.2.3",
        "a name and a port",
        Line(b"CONNECT b:443 HTTP/1.1"),
        "CONNECT  1.1 b:443 none keep",
    ),
    head(
        "RFC 9112 §3.2.3",
        "an IPv6 address and a port",
        Line(b"CONNECT [::1]:443 HTTP/1.1"),
        "CONNECT  1.1 [::1]:443 none keep",
    ),
    refused(
        "RFC 9112 §3.2.3",
        "no port",
        Line(b"CONNECT b HTTP/1.1"),
        Error::InvalidTarget,
    ),
    refused(
        "RFC 9110 §9.3.6",
        "an empty port",
        Line(b"CONNECT b: HTTP/1.1"),
        Error::InvalidTarget,
    ),
    refused(
        "RFC 9112 §3.2.3",
        "a path behind the port",
        Line(b"CONNECT b:443/ HTTP/1.1"),
        Error::InvalidTarget,
    ),
    refused(
        "RFC 9112 §3.2.3",
        "CONNECT of a path",
        Line(b"CONNECT /a HTTP/1.1"),
        Error::InvalidTarget,
    ),
    refused(
        "RFC 9112 §3.2.3",
        "CONNECT of a URI",
        Line(b"CONNECT http://b:443/ HTTP/1.1"),
        Error::InvalidTarget,
    ),
    refused(
        "RFC 9112 §3.2.3",
        "authority-form with another method",
        Line(b"GET b:443 HTTP/1.1"),
        Error::InvalidTarget,
    ),
    // Asterisk-form
    head(
        "RFC 9112 §3.2.4",
        "the server as a whole",
        Line(b"OPTIONS * HTTP/1.1"),
        "OPTIONS * 1.1 a none keep",
    ),
    head(
        "RFC 9112 §3.2.4",
        "a URI without a path means the server as a whole",
        Line(b"OPTIONS http://b HTTP/1.1"),
        "OPTIONS * 1.1 b none keep",
    ),
    head(
        "RFC 9112 §3.2.4",
        "a URI with a path does not",
        Line(b"OPTIONS http://b/ HTTP/1.1"),
        "OPTIONS / 1.1 b none keep",
    ),
    head(
        "RFC 9112 §3.2.4",
        "nor does one with a query",
        Line(b"OPTIONS http://b?c HTTP/1.1"),
        "OPTIONS / ?c 1.1 b none keep",
    ),
    refused(
        "RFC 9112 §3.2.4",
        "an asterisk with another method",
        Line(b"GET * HTTP/1.1"),
        Error::InvalidTarget,
    ),
    refused(
        "RFC 9112 §3.2.4",
        "two asterisks",
        Line(b"OPTIONS ** HTTP/1.1"),
        Error::InvalidTarget,
    ),
    refused(
        "RFC 9112 §3.2.4",
        "CONNECT of the server as a whole",
        Line(b"CONNECT * HTTP/1.1"),
        Error::InvalidTarget,
    ),
];

#[test]
fn targets() {
    check(ROWS);
}
