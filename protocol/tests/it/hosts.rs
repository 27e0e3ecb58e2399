//! `Host`: how often, and what it may say.

use crate::rows::{Input, Row, check, head, refused};
use Input::{Host, Whole};
use ringlane_protocol::ParseError as Error;
use ringlane_protocol::{HeadLimits, HeadParser, RequestHead};

pub(crate) const ROWS: &[Row] = &[
    refused(
        "RFC 9112 §3.2",
        "no Host",
        Whole(b"GET / HTTP/1.1\r\n\r\n"),
        Error::MissingHost,
    ),
    refused(
        "RFC 9112 §3.2",
        "two different hosts",
        Whole(b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"),
        Error::RepeatedHost,
    ),
    refused(
        "RFC 9112 §3.2",
        "the same host twice",
        Whole(b"GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n"),
        Error::RepeatedHost,
    ),
    refused(
        "RFC 9112 §3.2",
        "two hosts in HTTP/1.0",
        Whole(b"GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n"),
        Error::RepeatedHost,
    ),
    refused(
        "RFC 9112 §3.2",
        "an invalid host in HTTP/1.0",
        Whole(b"GET / HTTP/1.0\r\nHost: a/\r\n\r\n"),
        Error::InvalidHost,
    ),
    head(
        "RFC 9112 §3.2",
        "HTTP/1.0 may name its host",
        Whole(b"GET / HTTP/1.0\r\nHost: a\r\n\r\n"),
        "GET / 1.0 a none close",
    ),
    head(
        "RFC 9110 §5.1",
        "its name in any case",
        Whole(b"GET / HTTP/1.1\r\nhOsT: a\r\n\r\n"),
        "GET / 1.1 a none keep",
    ),
    head(
        "RFC 9110 §7.2",
        "a name and a port",
        Host(b"example.org:8080"),
        "GET / 1.1 example.org:8080 none keep",
    ),
    head(
        "RFC 3986 §3.2.3",
        "an empty port",
        Host(b"a:"),
        "GET / 1.1 a: none keep",
    ),
    head(
        "RFC 3986 §3.2.3",
        "the largest port",
        Host(b"a:65535"),
        "GET / 1.1 a:65535 none keep",
    ),
    head(
        "RFC 3986 §3.2.2",
        "an IPv4 address",
        Host(b"127.0.0.1"),
        "GET / 1.1 127.0.0.1 none keep",
    ),
    head(
        "RFC 3986 §3.2.2",
        "an IPv6 address",
        Host(b"[2001:db8::1]"),
        "GET / 1.1 [2001:db8::1] none keep",
    ),
    head(
        "RFC 3986 §3.2.2",
        "an IPv6 address that ends as IPv4, with a port",
        Host(b"[::ffff:127.0.0.1]:80"),
        "GET / 1.1 [::ffff:127.0.0.1]:80 none keep",
    ),
    head(
        "RFC 3986 §3.2.2",
        "an address of a later version",
        Host(b"[v1.a:b]"),
        "GET / 1.1 [v1.a:b] none keep",
    ),
    head(
        "RFC 3986 §3.2.2",
        "every kind of byte a name may hold",
        Host(b"a-._~!$&'()*+,;=Z9"),
        "GET / 1.1 a-._~!$&'()*+,;=Z9 none keep",
    ),
    head(
        "RFC 3986 §3.2.2",
        "an escape in the name",
        Host(b"%C3%A9.example"),
        "GET / 1.1 %C3%A9.example none keep",
    ),
    head(
        "RFC 9110 §5.5",
        "white space around the host",
        Host(b"\t a \t"),
        "GET / 1.1 a none keep",
    ),
    refused(
        "RFC 9110 §4.2.1",
        "an empty Host",
        Host(b""),
        Error::InvalidHost,
    ),
    refused(
        "RFC 9110 §4.2.1",
        "a port alone",
        Host(b":80"),
        Error::InvalidHost,
    ),
    refused(
        "RFC 9110 §4.2.4",
        "a user in Host",
        Host(b"user@a"),
        Error::InvalidHost,
    ),
    refused(
        "RFC 9110 §7.2",
        "a path in Host",
        Host(b"a/b"),
        Error::InvalidHost,
    ),
    refused(
        "RFC 9110 §7.2",
        "a URI in Host",
        Host(b"http://a"),
        Error::InvalidHost,
    ),
    refused(
        "RFC 9110 §7.2",
        "two hosts on one line",
        Host(b"a, b"),
        Error::InvalidHost,
    ),
    refused(
        "RFC 3986 §3.2.2",
        "a space in the name",
        Host(b"a b"),
        Error::InvalidHost,
    ),
    refused(
        "RFC 3986 §3.2.2",
        "a name that is not ASCII",
        Host(b"\xc3\xa9"),
        Error::InvalidHost,
    ),
    refused(
        "RFC 3986 §3.2.2",
        "a backslash in the name",
        Host(b"a\\b"),
        Error::InvalidHost,
    ),
    refused(
        "RFC 3986 §3.2.2",
        "a name in quotes",
        Host(b"\"a\""),
        Error::InvalidHost,
    ),
    refused(
        "RFC 3986 §2.1",
        "an escape cut short",
        Host(b"a%4"),
        Error::InvalidHost,
    ),
    refused(
        "RFC 3986 §2.1",
        "an escape of no digits",
        Host(b"a%zz"),
        Error::InvalidHost,
    ),
    refused(
        "RFC 3986 §3.2.3",
        "a port that TCP does not have",
        Host(b"a:65536"),
        Error::InvalidHost,
    ),
    refused(
        "RFC 3986 §3.2.3",
        "a port that overflows",
        Host(b"a:4294967376"),
        Error::InvalidHost,
    ),
    refused(
        "RFC 3986 §3.2.3",
        "a port with a sign",
        Host(b"a:-1"),
        Error::InvalidHost,
    ),
    refused(
        "RFC 3986 §3.2.3",
        "two ports",
        Host(b"a:1:2"),
        Error::InvalidHost,
    ),
    refused(
        "RFC 3986 §3.2.2",
        "an IPv6 address without brackets",
        Host(b"::1"),
        Error::InvalidHost,
    ),
    refused(
        "RFC 3986 §3.2.2",
        "a bracket that is not closed",
        Host(b"[::1"),
        Error::InvalidHost,
    ),
    refused(
        "RFC 3986 §3.2.2",
        "a port behind the bracket without a colon",
        Host(b"[::1]80"),
        Error::InvalidHost,
    ),
    refused(
        "RFC 3986 §3.2.2",
        "empty brackets",
        Host(b"[]"),
        Error::InvalidHost,
    ),
    refused(
        "RFC 3986 §3.2.2",
        "a name in brackets",
        Host(b"[a]"),
        Error::InvalidHost,
    ),
    refused(
        "RFC 3986 §3.2.2",
        "a later version without an address",
        Host(b"[v1.]"),
        Error::InvalidHost,
    ),
    refused(
        "RFC 3986 §3.2.2",
        "a later version that is no number",
        Host(b"[vx.a]"),
        Error::InvalidHost,
    ),
    refused(
        "RFC 6874 §2",
        "a zone in the address",
        Host(b"[fe80::1%25eth0]"),
        Error::InvalidHost,
    ),
];

#[test]
fn hosts() {
    check(ROWS);
}

/// A record remembers the last valid host; an empty or other one must not pass for it.
#[test]
fn a_reused_record_checks_each_host_afresh() {
    let (limits, mut record) = (HeadLimits::default(), RequestHead::new());
    let mut parse = |host: &[u8]| {
        let input = Host(b"").bytes();
        let at = input.len() - 4;
        let input = [&input[..at], host, b"\r\n\r\n"].concat();
        HeadParser::new()
            .parse(&input, &limits, &mut record)
            .map(|_| ())
    };
    assert_eq!(parse(b""), Err(Error::InvalidHost));
    assert_eq!(parse(b"a"), Ok(()));
    assert_eq!(parse(b"a"), Ok(()));
    assert_eq!(parse(b""), Err(Error::InvalidHost));
    assert_eq!(parse(b"a b"), Err(Error::InvalidHost));
    assert_eq!(parse(b"a b"), Err(Error::InvalidHost));
    assert_eq!(parse(b"a"), Ok(()));
}

#[test]
fn a_host_is_its_authority_without_the_port() {
    let (limits, mut record) = (HeadLimits::default(), RequestHead::new());
    for (authority, host) in [
        ("a", "a"),
        ("a:", "a"),
        ("a:80", "a"),
        ("[::1]", "[::1]"),
        ("[::1]:80", "[::1]"),
    ] {
        let input = format!("GET / HTTP/1.1\r\nHost: {authority}\r\n\r\n");
        assert!(
            HeadParser::new()
                .parse(input.as_bytes(), &limits, &mut record)
                .is_ok()
        );
        assert_eq!((record.authority(), record.host()), (authority, host));
    }
}
