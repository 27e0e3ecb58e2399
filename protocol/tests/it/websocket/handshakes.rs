//! The handshake: each rule of RFC 6455 §4.2.1 broken once, and the answer's fields.

use ringlane_protocol::websocket::{HandshakeError as Error, Origins, Policy, accept_key};
use ringlane_protocol::{HeadLimits, HeadParser, Parsed, RequestHead, ResponseHeaders};

/// RFC 6455 §1.2, in its parts.
const LINE: &str = "GET /chat HTTP/1.1\r\n";
const HOST: &str = "Host: server.example.com\r\n";
const UPGRADE: &str = "Upgrade: websocket\r\n";
const CONNECTION: &str = "Connection: Upgrade\r\n";
const KEY: &str = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
const VERSION: &str = "Sec-WebSocket-Version: 13\r\n";

pub(crate) fn parse(head: &str) -> RequestHead {
    let mut record = RequestHead::new();
    let input = format!("{head}\r\n");
    let parsed = HeadParser::new().parse(input.as_bytes(), &HeadLimits::default(), &mut record);
    let consumed = input.len();
    assert_eq!(parsed, Ok(Parsed::Complete { consumed }), "{head}");
    record
}

/// A valid handshake and these lines.
pub(crate) fn with(lines: &str) -> RequestHead {
    parse(&[LINE, HOST, UPGRADE, CONNECTION, KEY, VERSION, lines].concat())
}

#[track_caller]
fn refused(parts: &[&str], error: Error, status: u16) {
    let head = parse(&parts.concat());
    let refused = Policy::default().accept(&head).map(drop);
    assert_eq!(refused, Err(error), "{}", parts.concat());
    assert_eq!(error.status().as_u16(), status);
}

#[test]
fn the_example_of_the_rfc_is_accepted() {
    let policy = Policy::default();
    let head = with("Origin: http://example.com\r\nSec-WebSocket-Protocol: chat, superchat\r\n");
    let accepted = policy.accept(&head).expect("a valid handshake");
    let mut headers = ResponseHeaders::new();
    assert_eq!(accepted.set_headers(&mut headers), Ok(()));
    let fields: Vec<_> = headers.iter().collect();
    let accept = ("Sec-WebSocket-Accept", &b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="[..]);
    assert_eq!(fields, [accept]);
}

#[test]
fn each_rule_broken_has_its_own_answer() {
    let all = [HOST, UPGRADE, CONNECTION, KEY, VERSION].concat();
    for method in ["POST", "HEAD", "OPTIONS", "get"] {
        let line = format!("{method} / HTTP/1.1\r\n");
        refused(&[&line, &all], Error::MethodNotGet, 405);
    }
    refused(&["GET / HTTP/1.0\r\n", &all], Error::VersionTooLow, 400);
    refused(&[LINE, HOST], Error::NoUpgrade, 426);
    refused(
        &[LINE, HOST, CONNECTION, KEY, VERSION],
        Error::NoUpgrade,
        426,
    );
    for other in [
        "Upgrade: h2c\r\n",
        "Upgrade: websockets\r\n",
        "Upgrade:\r\n",
    ] {
        refused(
            &[LINE, HOST, other, CONNECTION, KEY, VERSION],
            Error::NoUpgrade,
            426,
        );
    }
    for other in ["", "Connection: keep-alive\r\n", "Connection: upgraded\r\n"] {
        let parts = [LINE, HOST, UPGRADE, other, KEY, VERSION];
        refused(&parts, Error::ConnectionWithoutUpgrade, 400);
    }
    for other in ["", "8", "0", "14", "013", "13, 8", "thirteen"] {
        let other = format!("Sec-WebSocket-Version: {other}\r\n");
        let parts = [LINE, HOST, UPGRADE, CONNECTION, KEY, &other];
        refused(&parts, Error::UnsupportedVersion, 426);
    }
    let parts = [LINE, HOST, UPGRADE, CONNECTION, KEY];
    refused(&parts, Error::UnsupportedVersion, 426);
    let parts = [LINE, HOST, UPGRADE, CONNECTION, KEY, VERSION, VERSION];
    refused(&parts, Error::UnsupportedVersion, 426);
    for body in ["Content-Length: 1\r\n", "Transfer-Encoding: chunked\r\n"] {
        refused(&[LINE, &all, body], Error::UnexpectedBody, 400);
    }
    for list in [
        "chat,,superchat",
        "chat superchat",
        "\"chat\"",
        "",
        "chat,",
        "a/b",
    ] {
        let list = format!("Sec-WebSocket-Protocol: {list}\r\n");
        refused(&[LINE, &all, &list], Error::InvalidProtocol, 400);
    }
}

/// Lists in any case, over several lines, beside other members (RFC 6455 §4.2.1 (3), (4)).
#[test]
fn upgrade_and_connection_are_lists_in_any_case() {
    for (upgrade, connection) in [
        ("Upgrade: WebSocket\r\n", "Connection: upgrade\r\n"),
        (
            "Upgrade: h2c, WEBSOCKET\r\n",
            "Connection: keep-alive, Upgrade\r\n",
        ),
        (
            "Upgrade: h2c\r\nUpgrade: websocket\r\n",
            "Connection: keep-alive\r\nConnection: ,UPGRADE ,\r\n",
        ),
    ] {
        let head = parse(&[LINE, HOST, upgrade, connection, KEY, VERSION].concat());
        assert!(
            Policy::default().accept(&head).is_ok(),
            "{upgrade}{connection}"
        );
    }
    let head = with("Content-Length: 0\r\n");
    assert!(Policy::default().accept(&head).is_ok());
}

/// A key shorter than 24 bytes, or longer, made another server slice out of bounds.
#[test]
fn a_key_is_16_bytes_in_base64() {
    let refuse = |lines: &str| {
        let parts = [LINE, HOST, UPGRADE, CONNECTION, VERSION, lines];
        refused(&parts, Error::InvalidKey, 400);
    };
    refuse("");
    refuse(&KEY.repeat(2));
    let good = "dGhlIHNhbXBsZSBub25jZQ==";
    for len in 0..good.len() {
        refuse(&format!("Sec-WebSocket-Key: {}\r\n", &good[..len]));
    }
    for bad in [
        "dGhlIHNhbXBsZSBub25jZQ===",
        "dGhlIHNhbXBsZSBub25jZWE=",         // 17 bytes
        "dGhlIHNhbXBsZSBub25jZWFi",         // 18 bytes
        "dGhlIHNhbXBsZSBub25jZQ==AAAAAAAA", // padding within
        "dGhlIHNhbXBsZSBub25j!Q==",
        "dGhlIHNhbXBsZSBub25j-Q==", // another alphabet
        "dGhl IHNhbXBsZSBub25jZQ=",
        "========================",
        "dGhlIHNhbXBsZSBub25jZ\u{e9}==",
    ] {
        refuse(&format!("Sec-WebSocket-Key: {bad}\r\n"));
    }
    refuse(&format!("Sec-WebSocket-Key: {}\r\n", "A".repeat(8000)));
    for good in ["AAAAAAAAAAAAAAAAAAAAAA==", "/+/+/+/+/+/+/+/+/+/+/w=="] {
        let line = format!("Sec-WebSocket-Key: {good}\r\n");
        let head = parse(&[LINE, HOST, UPGRADE, CONNECTION, VERSION, &line].concat());
        assert!(Policy::default().accept(&head).is_ok(), "{good}");
    }
}

#[test]
fn keys_are_answered_as_other_servers_do() {
    // RFC 6455 §1.3, and a pair that clients' own tests use.
    assert_eq!(
        &accept_key(b"dGhlIHNhbXBsZSBub25jZQ=="),
        b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    );
    assert_eq!(
        &accept_key(b"x3JJHMbDL1EzLkh9GBhXDw=="),
        b"HSmrc0sMlYUkAGmm5OPpG2HaGWk="
    );
}

#[test]
fn the_server_prefers_among_the_clients_protocols() {
    let policy = Policy {
        protocols: ["v3", "v2", "v1"].map(str::to_owned).to_vec(),
        ..Policy::default()
    };
    for (lines, chosen) in [
        ("", None),
        ("Sec-WebSocket-Protocol: v1\r\n", Some("v1")),
        ("Sec-WebSocket-Protocol: v1, v2\r\n", Some("v2")),
        (
            "Sec-WebSocket-Protocol: v0 ,v1\r\nSec-WebSocket-Protocol: v3\r\n",
            Some("v3"),
        ),
        ("Sec-WebSocket-Protocol: v4, V1\r\n", None),
    ] {
        let head = with(lines);
        let accepted = policy.accept(&head).expect("a valid handshake");
        assert_eq!(accepted.protocol, chosen, "{lines}");
        let mut headers = ResponseHeaders::new();
        assert_eq!(accepted.set_headers(&mut headers), Ok(()));
        let named = headers.get("sec-websocket-protocol");
        assert_eq!(named, chosen.map(str::as_bytes));
    }
}

#[test]
fn origins_are_held_to_the_policy() {
    let listed = ["https://a.example", "http://localhost:3000", "null"].map(str::to_owned);
    let (any, same) = (Origins::Any, Origins::SameHost);
    let listed = Origins::Listed(listed.to_vec());
    // The host of the handshakes is server.example.com.
    for (origins, origin, passes) in [
        (&any, "https://anywhere.example", true),
        (&any, "not even an origin", true),
        (&same, "http://server.example.com", true),
        (&same, "HTTPS://Server.Example.COM", true),
        (&same, "http://server.example.com:80", true),
        (&same, "https://server.example.com:443", true),
        (&same, "http://server.example.com:8080", false),
        (&same, "http://server.example.com:443", false),
        (&same, "http://example.com", false),
        (&same, "http://server.example.com.evil.example", false),
        (&same, "http://evil.example/server.example.com", false),
        (&same, "http://", false),
        (&same, "server.example.com", false),
        (&same, "ftp://server.example.com", false),
        (&same, "null", false),
        (&same, "\u{e9}\u{e9}\u{e9}\u{e9}", false),
        (&listed, "https://a.example", true),
        (&listed, "https://A.example", true),
        (&listed, "http://localhost:3000", true),
        (&listed, "http://localhost", false),
        (&listed, "http://a.example", false),
        (&listed, "null", true),
        (&listed, "http://server.example.com", false),
    ] {
        let policy = Policy {
            origins: origins.clone(),
            ..Policy::default()
        };
        let expected = if passes {
            Ok(None)
        } else {
            Err(Error::ForbiddenOrigin)
        };
        let judge = |lines: &str| {
            let accepted = policy
                .accept(&with(lines))
                .map(|accepted| accepted.protocol.map(drop));
            accepted.map(|_| None::<()>)
        };
        assert_eq!(
            judge(&format!("Origin: {origin}\r\n")),
            expected,
            "{origins:?} {origin}"
        );
        assert_eq!(judge(""), Ok(None), "no page, no origin");
        let twice = format!("Origin: {origin}\r\n").repeat(2);
        assert_eq!(judge(&twice).is_ok(), *origins == Origins::Any);
    }
    assert_eq!(Error::ForbiddenOrigin.status().as_u16(), 403);
}

/// A port in `Host` counts like one in `Origin`.
#[test]
fn a_host_with_a_port_is_another_host() {
    let policy = Policy {
        origins: Origins::SameHost,
        ..Policy::default()
    };
    for (host, origin, passes) in [
        ("a:8080", "http://a:8080", true),
        ("a:8080", "http://a", false),
        ("a:80", "http://a", true),
        ("a:443", "http://a", false),
        ("[::1]:8080", "http://[::1]:8080", true),
    ] {
        let fields = format!("Host: {host}\r\nOrigin: {origin}\r\n");
        let head = parse(&[LINE, &fields, UPGRADE, CONNECTION, KEY, VERSION].concat());
        assert_eq!(policy.accept(&head).is_ok(), passes, "{host} {origin}");
    }
}

/// RFC 6455 §4.4, RFC 9110 §15.5.6 and §15.5.22: refusals say what would be accepted.
#[test]
fn refusals_name_what_is_accepted() {
    let fields = |error: Error| {
        let mut headers = ResponseHeaders::new();
        assert_eq!(error.set_headers(&mut headers), Ok(()));
        let fields = headers
            .iter()
            .map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value)));
        (fields.collect::<Vec<_>>(), error.upgrade())
    };
    let version = vec!["Sec-WebSocket-Version: 13".to_owned()];
    assert_eq!(
        fields(Error::UnsupportedVersion),
        (version.clone(), Some("websocket"))
    );
    assert_eq!(fields(Error::NoUpgrade), (version, Some("websocket")));
    assert_eq!(
        fields(Error::MethodNotGet),
        (vec!["Allow: GET".to_owned()], None)
    );
    assert_eq!(fields(Error::InvalidKey), (vec![], None));
}
