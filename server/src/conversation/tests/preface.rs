//! Connections that begin with a PROXY preface: in time, in any cut, and not otherwise.

use std::time::Duration;

use ringlane_protocol::PROXY_BYTES_MAX;

use super::{SECOND, Talk, check, server};
use crate::{Address, Builder, Context, Limits, OtherPeers};

/// The network of the test's clients.
const PEERS: [&str; 1] = ["198.51.100.0/24"];
const V1: &str = "PROXY TCP4 203.0.113.9 192.0.2.80 50000 80\r\n";
const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

fn ends(ctx: Context) -> String {
    let text = |end: Option<Address>| end.map(|end| end.to_string()).unwrap_or_default();
    let client = ctx.client_address();
    let client = client.map_or_else(String::new, |address| address.to_string());
    let (peer, local) = (text(ctx.peer_address()), text(ctx.local_address()));
    // The port of a test's client is any.
    format!("{} {local} {client}", peer.replace(['[', ']'], ""))
}

fn routes(from: &[&str], others: OtherPeers) -> Builder {
    let limits = Limits::default()
        .head_time(10 * SECOND)
        .idle_time(60 * SECOND);
    server()
        .limits(limits)
        .proxy_protocol(from, others)
        .get("/", ends)
}

fn owing() -> Builder {
    routes(&PEERS, OtherPeers::Serve)
}

fn refused(talk: &Talk) -> u64 {
    talk.client.http().core.counts.prefaces_refused.get()
}

#[test]
fn the_connections_ends_are_those_that_the_preface_tells() {
    let told = "200 203.0.113.9:50000 192.0.2.80:80 203.0.113.9";
    check(
        owing,
        &format!("{V1}{GET}{GET}"),
        &format!("{told} | {told}"),
    );
    let v6 = "PROXY TCP6 2001:db8::9 ::1 1 2\r\n";
    check(
        owing,
        &format!("{v6}{GET}"),
        "200 2001:db8::9:1 [::1]:2 2001:db8::9",
    );
    let mut talk = Talk::with(owing());
    talk.send(V1)
        .pass(9 * SECOND)
        .expect("")
        .send(GET)
        .expect(told);
    talk.send(GET).expect(told); // on every request of the connection
    assert_eq!(refused(&talk), 0);
}

#[test]
fn the_peer_that_a_preface_tells_is_no_proxy_unless_it_is_trusted() {
    let both = || owing().trusted_proxies(["203.0.113.9"]);
    let get = "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 1.2.3.4\r\n\r\n";
    check(
        both,
        &format!("{V1}{get}"),
        "200 203.0.113.9:50000 192.0.2.80:80 1.2.3.4",
    );
    let only_the_socket = || owing().trusted_proxies(PEERS);
    let told = "200 203.0.113.9:50000 192.0.2.80:80 203.0.113.9";
    check(only_the_socket, &format!("{V1}{get}"), told);
}

#[test]
fn where_nothing_is_told_the_sockets_ends_count() {
    let mut talk = Talk::with(owing());
    talk.send(b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0").send(GET);
    let heard = talk.heard();
    assert!(heard.starts_with("200 198.51.100.1:"), "{heard}");
    let mut talk = Talk::with(owing());
    talk.send("PROXY UNKNOWN\r\n").send(GET);
    assert!(talk.heard().ends_with(" 192.0.2.1:80 198.51.100.1"));
}

#[test]
fn a_preface_that_is_missing_or_malformed_ends_the_connection_without_a_word() {
    for input in [GET, "PROXY TCP4 1 2 3 4\r\n", "\r\n\r\n\0\r\nQUIT\n\x11"] {
        let mut talk = Talk::with(owing());
        talk.send(input).send(GET).expect("end");
        assert_eq!(refused(&talk), 1, "{input}");
    }
    // A second one is no request.
    let mut talk = Talk::with(owing());
    talk.send(format!("{V1}{V1}"));
    assert!(talk.heard().starts_with("400 close"), "{}", talk.heard());
}

#[test]
fn a_preface_has_the_time_of_a_head() {
    let mut talk = Talk::with(owing());
    talk.pass(9 * SECOND)
        .expect("")
        .pass(2 * SECOND)
        .expect("end");
    assert_eq!(refused(&talk), 1);
    let mut talk = Talk::with(owing());
    let (first, rest) = V1.split_at(20);
    talk.send(first).pass(9 * SECOND).send(rest).expect("");
    talk.pass(59 * SECOND).send(GET).pass(Duration::ZERO);
    assert!(
        talk.heard().starts_with("200 203.0.113.9:"),
        "{}",
        talk.heard()
    );
    let mut talk = Talk::with(owing());
    talk.send(first).pass(11 * SECOND).expect("end");
    assert_eq!(refused(&talk), 1);
}

#[test]
fn who_only_looks_whether_the_port_is_open_is_not_counted() {
    let mut talk = Talk::with(owing());
    talk.finish().expect("end");
    assert_eq!(refused(&talk), 0);
    let mut talk = Talk::with(owing());
    talk.send("PROXY").finish().expect("end");
    assert_eq!(refused(&talk), 1);
}

#[test]
fn the_longest_preface_is_taken_however_small_the_input_may_be() {
    let preface = |bytes: usize| {
        let length = u16::try_from(bytes - 16).expect("two bytes");
        let head = [b"\r\n\r\n\0\r\nQUIT\n\x21\0", &length.to_be_bytes()[..]].concat();
        [head, vec![7; usize::from(length)], GET.into()].concat()
    };
    let small = || {
        let config = crate::Config {
            input_bytes_max: 1024,
            ..crate::Config::default()
        };
        let limits = Limits::default().head_bytes_max(512);
        owing().limits(limits).reactor(config)
    };
    let mut talk = Talk::with(small());
    talk.send(preface(PROXY_BYTES_MAX));
    assert!(
        talk.heard().starts_with("200 198.51.100.1:"),
        "{}",
        talk.heard()
    );
    let mut talk = Talk::with(small());
    talk.send(preface(PROXY_BYTES_MAX + 1)).expect("end");
}

#[test]
fn peers_that_are_not_listed_are_served_plainly_or_refused() {
    let elsewhere = ["10.0.0.0/8", "unix:"];
    let mut talk = Talk::with(routes(&elsewhere, OtherPeers::Serve));
    talk.send(GET);
    assert!(
        talk.heard().starts_with("200 198.51.100.1:"),
        "{}",
        talk.heard()
    );
    let mut talk = Talk::with(routes(&elsewhere, OtherPeers::Serve));
    talk.send(V1); // it may not say so
    assert!(talk.heard().starts_with("400 close"), "{}", talk.heard());
    let mut talk = Talk::with(routes(&elsewhere, OtherPeers::Refuse));
    talk.expect("end");
    assert_eq!(refused(&talk), 1);
}

#[test]
fn a_server_that_ends_waits_a_second_for_a_preface() {
    let ends_with = |rest: &str| {
        let mut talk = Talk::with(owing());
        talk.send("PROXY");
        talk.client.shut_down(60 * SECOND);
        talk.pass(SECOND / 2).expect("");
        talk.connection.send(rest);
        // The last connection's end is the core's.
        let _ = talk.client.run(SECOND);
        talk.received.extend(talk.connection.read());
        talk.heard()
    };
    assert_eq!(ends_with(""), "end");
    let told = "200 close 203.0.113.9:50000 192.0.2.80:80 203.0.113.9";
    let in_time = ends_with(&format!("{}{GET}", &V1[5..]));
    assert!(in_time.starts_with(told), "{in_time}");
}
