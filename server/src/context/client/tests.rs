//! Who is taken for the client, and every way known to be taken for someone else.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

use crate::testing::Client;
use crate::{Builder, Context, ForwardingHeader, Result, Server};

/// The test client, as a peer.
const PEER: &str = "198.51.100.1";
const NOBODY: &[&str] = &[];
const OURS: &[&str] = &["198.51.100.0/24", "10.0.0.0/8", "2001:db8:1::/48"];

fn said(ctx: Context) -> String {
    let address = ctx.client_address();
    let address = address.map_or_else(|| "-".to_owned(), |address| address.to_string());
    format!("{address} {} {}", ctx.client_scheme(), ctx.client_host())
}

fn server(trusted: &[&str], header: ForwardingHeader) -> Builder {
    Server::builder()
        .trusted_proxies(trusted)
        .forwarding_header(header)
        .get("/", said)
}

/// What the server makes of a request of the test client with these headers.
#[track_caller]
fn check(trusted: &[&str], header: ForwardingHeader, headers: &[(&str, &str)], expected: &str) {
    check_at(server(trusted, header), "/", headers, expected);
}

#[track_caller]
fn check_at(server: Builder, target: &str, headers: &[(&str, &str)], expected: &str) {
    let server = server.build().expect("a server");
    let mut client = Client::new(server).expect("a core is free");
    let mut request = client.get(target);
    for (name, value) in headers {
        request = request.header(name, *value);
    }
    let answer = request.send().expect("an answer");
    assert_eq!(answer.text(), expected, "{headers:?}");
}

#[track_caller]
fn check_x(lines: &[&str], address: &str) {
    let headers: Vec<_> = lines
        .iter()
        .map(|line| ("X-Forwarded-For", *line))
        .collect();
    let expected = format!("{address} http test");
    check(OURS, ForwardingHeader::XForwardedFor, &headers, &expected);
}

#[track_caller]
fn check_forwarded(lines: &[&str], expected: &str) {
    let headers: Vec<_> = lines.iter().map(|line| ("Forwarded", *line)).collect();
    check(OURS, ForwardingHeader::Forwarded, &headers, expected);
}

#[test]
fn a_peer_that_is_not_trusted_is_the_client_whatever_it_says() {
    let own = format!("{PEER} http test");
    let lies = [
        ("X-Forwarded-For", "10.0.0.1"),
        ("X-Forwarded-For", "1.2.3.4"),
        ("Forwarded", "for=1.2.3.4;proto=https;host=evil.example"),
        ("X-Real-IP", "1.2.3.4"),
        ("X-Forwarded-Proto", "https"),
        ("X-Forwarded-Host", "evil.example"),
    ];
    for header in [ForwardingHeader::XForwardedFor, ForwardingHeader::Forwarded] {
        check(NOBODY, header, &lies, &own);
        check(&["10.0.0.0/8"], header, &lies, &own);
        check(&["unix:"], header, &lies, &own);
    }
}

#[test]
fn only_the_header_that_was_chosen_is_read() {
    let both = [
        ("X-Forwarded-For", "203.0.113.1"),
        ("Forwarded", "for=203.0.113.2"),
    ];
    check(
        OURS,
        ForwardingHeader::XForwardedFor,
        &both,
        "203.0.113.1 http test",
    );
    check(
        OURS,
        ForwardingHeader::Forwarded,
        &both,
        "203.0.113.2 http test",
    );
    check(
        OURS,
        ForwardingHeader::XForwardedFor,
        &both[1..],
        &format!("{PEER} http test"),
    );
    check(
        OURS,
        ForwardingHeader::Forwarded,
        &both[..1],
        &format!("{PEER} http test"),
    );
}

#[test]
fn the_chain_is_walked_from_the_right_to_the_first_who_is_not_ours() {
    check_x(&[], PEER);
    check_x(&["203.0.113.9"], "203.0.113.9");
    check_x(&["1.2.3.4, 203.0.113.9"], "203.0.113.9");
    check_x(&["1.2.3.4, 203.0.113.9, 10.0.0.3"], "203.0.113.9");
    check_x(
        &["1.2.3.4", "203.0.113.9", "10.0.0.3,10.0.0.4"],
        "203.0.113.9",
    );
    check_x(&["10.0.0.9, 203.0.113.9, 10.0.0.3"], "203.0.113.9");
    check_x(&["[2001:db8:2::7]:4711, 2001:db8:1::1"], "2001:db8:2::7");
    check_x(&["::ffff:203.0.113.9, ::ffff:10.0.0.1"], "203.0.113.9");
    check_x(&["203.0.113.9:4711 , 10.0.0.1:80"], "203.0.113.9");
    // All of them ours: the one farthest out.
    check_x(&["10.0.0.7, 10.0.0.8"], "10.0.0.7");
}

#[test]
fn what_cannot_be_read_leaves_the_last_that_was_trusted() {
    check_x(&["garbage"], PEER);
    check_x(&["1.2.3.4, garbage, 10.0.0.3"], "10.0.0.3");
    check_x(&["1.2.3.4, unknown"], PEER);
    check_x(&["1.2.3.4, , 10.0.0.3,"], "1.2.3.4");
    check_x(&["1.2.3.4;10.0.0.3"], PEER);
    check_x(&["1.2.3.4", ""], "1.2.3.4");
    let own = format!("{PEER} http test");
    check_forwarded(&["for=1.2.3.4, for=\"10.0.0.1"], &own);
    check_forwarded(&["for=1.2.3.4, for=_hidden"], &own);
    check_forwarded(&["for=1.2.3.4, for=10.0.0.5;for=1.2.3.4"], &own);
    check_forwarded(&["for=1.2.3.4, proto=ftp"], &own);
    check_forwarded(&["for=\", for=203.0.113.9"], "203.0.113.9 http test");
}

#[test]
fn scheme_and_host_are_the_word_of_the_proxy_that_names_the_client() {
    check_forwarded(
        &["for=1.2.3.4;proto=http;host=evil.example, \
           for=203.0.113.9;proto=HTTPS;host=\"a.example:8443\", for=10.0.0.1;proto=http;host=b"],
        "203.0.113.9 https a.example:8443",
    );
    check_forwarded(
        &["for=203.0.113.9;proto=https;host=a@b"],
        "203.0.113.9 https test",
    );
    let x = |proto, host, expected| {
        let headers = [
            ("X-Forwarded-For", "203.0.113.9"),
            ("X-Forwarded-Proto", "http"),
            ("X-Forwarded-Proto", proto),
            ("X-Forwarded-Host", host),
        ];
        let server = server(OURS, ForwardingHeader::XForwardedFor);
        let server = server.forwarded_host(true).forwarded_proto(true);
        check_at(server, "/", &headers, expected);
    };
    x("https", "a.example", "203.0.113.9 https a.example");
    x(
        "http, https",
        "evil, a.example:1",
        "203.0.113.9 https a.example:1",
    );
    x("https, http", "a b", "203.0.113.9 http test");
    x("javascript", "", "203.0.113.9 http test");
    x("\thttps ", "\ta.example\t", "203.0.113.9 https a.example");
    x("https\u{a0}", "\u{2000}a.example", "203.0.113.9 http test");
}

#[test]
fn host_and_scheme_are_read_where_proxies_set_them() {
    let headers = [
        ("X-Forwarded-For", "203.0.113.9"),
        ("X-Forwarded-Proto", "https"),
        ("X-Forwarded-Host", "a.example"),
    ];
    for (host, proto, expected) in [
        (false, false, "203.0.113.9 http test"),
        (true, false, "203.0.113.9 http a.example"),
        (false, true, "203.0.113.9 https test"),
        (true, true, "203.0.113.9 https a.example"),
    ] {
        let told = |header| {
            let server = server(OURS, header);
            server.forwarded_host(host).forwarded_proto(proto)
        };
        check_at(
            told(ForwardingHeader::XForwardedFor),
            "/",
            &headers,
            expected,
        );
        let own = format!("{PEER} http test");
        check_at(told(ForwardingHeader::Forwarded), "/", &headers, &own);
        let stranger = server(NOBODY, ForwardingHeader::XForwardedFor);
        let stranger = stranger.forwarded_host(host).forwarded_proto(proto);
        check_at(stranger, "/", &headers, &own);
    }
}

#[test]
fn a_target_with_a_host_says_more_than_host() {
    for trusted in [NOBODY, OURS] {
        for (target, host) in [
            ("http://a.example/", "a.example"),
            ("http://a.example:81/?b", "a.example:81"),
            ("/http://a.example/", "test"),
        ] {
            let server = Server::builder().trusted_proxies(trusted).fallback(said);
            check_at(server, target, &[], &format!("{PEER} http {host}"));
        }
    }
    let server = server(OURS, ForwardingHeader::XForwardedFor).forwarded_host(true);
    let forwarded = [("X-Forwarded-Host", "b.example")];
    check_at(
        server,
        "http://a.example/",
        &forwarded,
        &format!("{PEER} http b.example"),
    );
}

#[test]
fn no_more_than_the_most_elements_are_read() {
    let chain = |ours: usize| {
        let mut elements = vec!["203.0.113.9".to_owned()];
        elements.extend((0..ours).map(|at| format!("10.0.0.{at}")));
        elements.join(", ")
    };
    check_x(&[&chain(super::FORWARDING_HOPS_MAX - 1)], "203.0.113.9");
    check_x(&[&chain(super::FORWARDING_HOPS_MAX)], "10.0.0.0");
    check_x(&[&chain(super::FORWARDING_HOPS_MAX + 1)], "10.0.0.1");
}

#[test]
fn a_unix_socket_has_no_address_but_what_a_trusted_proxy_says() -> Result {
    let ask = |trusted: &[&str], name: &str| -> Result<String> {
        let path = std::env::temp_dir().join(format!("ringlane-{}-{name}", std::process::id()));
        let server = server(trusted, ForwardingHeader::XForwardedFor)
            .bind(&format!("unix:{}", path.display()))
            .workers(1);
        let handle = server.build()?.start()?;
        let mut stream = UnixStream::connect(&path)?;
        stream.write_all(
            b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-Forwarded-For: 203.0.113.9\r\n\r\n",
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        handle.shutdown();
        handle.wait()?;
        let body = answer.split("\r\n\r\n").nth(1);
        Ok(body.unwrap_or_default().to_owned())
    };
    assert_eq!(ask(OURS, "untrusted")?, "- http a");
    assert_eq!(ask(&["unix:"], "trusted")?, "203.0.113.9 http a");
    Ok(())
}
