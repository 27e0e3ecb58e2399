//! Tests forwarding headers, read from the right: well-formed, odd, and forged.

use ringlane_protocol::forwarded::{self, Hop, MalformedHop, Node};

fn ip(text: &str) -> Node {
    Node::Ip(text.parse().expect("an address"))
}

fn said(node: Node) -> Result<Hop<'static>, MalformedHop> {
    Ok(Hop {
        node,
        scheme: None,
        host: None,
    })
}

#[track_caller]
fn check(value: &str, expected: &[Result<Node, MalformedHop>]) {
    let nodes: Vec<_> = forwarded::hops(value.as_bytes())
        .map(|hop| hop.map(|hop| hop.node))
        .collect();
    assert_eq!(nodes, expected, "{value}");
}

const NO: Result<Node, MalformedHop> = Err(MalformedHop);

#[test]
fn the_examples_of_rfc_7239_are_read() {
    check("for=\"_gazonk\"", &[Ok(Node::Hidden)]);
    check(
        "For=\"[2001:db8:cafe::17]:4711\"",
        &[Ok(ip("2001:db8:cafe::17"))],
    );
    check(
        "for=192.0.2.43, for=198.51.100.17",
        &[Ok(ip("198.51.100.17")), Ok(ip("192.0.2.43"))],
    );
    let one = b"for=192.0.2.60;proto=http;by=203.0.113.43;host=example.org:8080";
    let hop = Hop {
        node: ip("192.0.2.60"),
        scheme: Some("http"),
        host: Some("example.org:8080"),
    };
    assert_eq!(forwarded::hops(one).collect::<Vec<_>>(), [Ok(hop)]);
}

#[test]
fn odd_elements_are_read_and_wrong_ones_are_not() {
    for (value, node) in [
        ("for=192.0.2.1:80", Ok(ip("192.0.2.1"))),
        ("for=\"192.0.2.1:_port\"", Ok(ip("192.0.2.1"))),
        ("for=[::1]", Ok(ip("::1"))),
        ("for=\"[::1]\" ; proto=https", Ok(ip("::1"))),
        ("proto=https", Ok(Node::Hidden)),
        ("for=unknown", Ok(Node::Hidden)),
        ("FOR=Unknown;", Ok(Node::Hidden)),
        ("for=_a.b-c", Ok(Node::Hidden)),
        ("for=192.0.2.1;ext=\"a, b; c\"", Ok(ip("192.0.2.1"))),
        ("for=192.0.2.1;for=192.0.2.2", NO),
        ("for=192.0.2.1;proto=a;proto=b", NO),
        ("for=::1", NO),
        ("for=\"::1\"", NO),
        ("for=\"[::1\"", NO),
        ("for=\"[::1]x\"", NO),
        ("for=\"[fe80::1%eth0]\"", NO),
        ("for=192.0.2.1:", NO),
        ("for=192.0.2.1:123456", NO),
        ("for=192.0.2.01", NO),
        ("for=192.0.2", NO),
        ("for=evil.example", NO),
        ("for=_", NO),
        ("for=", NO),
        ("for=\"\"", NO),
        ("for", NO),
        ("=192.0.2.1", NO),
        ("for=\"192.0.2.1\"x", NO),
        ("for=\"192.0.2.1", NO),
        ("for=192.0.2.1\"", NO),
        ("for=\"192.0.2.\\1\"", NO),
        ("192.0.2.1", NO),
    ] {
        check(value, &[node]);
    }
    check("", &[]);
    check(" , ,\t", &[]);
    let hop = |value: &'static [u8]| forwarded::hops(value).next();
    let host = |value| hop(value).and_then(Result::ok).and_then(|hop| hop.host);
    assert_eq!(host(b"for=_a;host=\"a.example:1\""), Some("a.example:1"));
    assert_eq!(host(b"for=_a;host=a@b.example"), None);
}

#[test]
fn what_stands_to_the_left_does_not_count() {
    for lie in [
        "for=\"",
        "for=192.0.2.66;x=\"",
        "for=192.0.2.66;x=\"\\",
        "\\\"",
        "\"\"\"",
        "for=\"a\\\"",
        ",,,;;;===",
        "for=192.0.2.66, for=\"[",
    ] {
        for own in [
            "for=198.51.100.7",
            "for=\"198.51.100.7\"",
            "for=\"198.51.100.7:80\";x=\"a, b\"",
        ] {
            let value = format!("{lie}, {own}");
            let first = forwarded::hops(value.as_bytes()).next();
            let node = first.map(|hop| hop.map(|hop| hop.node));
            assert_eq!(node, Some(Ok(ip("198.51.100.7"))), "{value}");
        }
    }
    let escaped = br#"for=192.0.2.1;x="a\", for=192.0.2.66, \\", for=198.51.100.7"#;
    let mut hops = forwarded::hops(escaped);
    assert_eq!(hops.next(), Some(said(ip("198.51.100.7"))));
    assert_eq!(hops.next(), Some(Err(MalformedHop)));
    assert_eq!(hops.next(), None);
}

#[test]
fn lists_of_addresses_are_read_from_the_right() {
    let nodes: Vec<_> = forwarded::x_forwarded_for(
        b"evil, 192.0.2.1 , 2001:db8::1,[2001:db8::2]:80,,192.0.2.3:1024,unknown, 1.2.3",
    )
    .collect();
    assert_eq!(
        nodes,
        [
            NO,
            Ok(Node::Hidden),
            Ok(ip("192.0.2.3")),
            Ok(ip("2001:db8::2")),
            Ok(ip("2001:db8::1")),
            Ok(ip("192.0.2.1")),
            NO,
        ]
    );
    assert_eq!(forwarded::x_forwarded_for(b"\xff").next(), Some(NO));
    assert_eq!(forwarded::x_forwarded_for(b"").next(), None);
}
