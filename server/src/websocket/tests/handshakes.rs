//! What a handshake must be, and what is answered to one that is not.

use super::{echo, echo_server, server, start};
use crate::testing::Client;
use crate::websocket::{DeflateConfig, Handler, Message, Options, Origins, Socket};
use crate::{Context, Method, Result};

const FIELDS: [(&str, &str); 4] = [
    ("Connection", "keep-alive, Upgrade"),
    ("Upgrade", "WebSocket"),
    ("Sec-WebSocket-Version", "13"),
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
];

/// The status of the answer to a handshake with one field changed, or left out.
fn status(client: &mut Client, method: Method, name: &str, value: Option<&str>) -> u16 {
    let mut request = client.request(method, "/ws");
    for (known, usual) in FIELDS {
        match value {
            Some(value) if known == name => request = request.header(name, value),
            None if known == name => {}
            _ => request = request.header(known, usual),
        }
    }
    if let Some(value) = value.filter(|_| FIELDS.iter().all(|(known, _)| *known != name)) {
        request = request.header(name, value);
    }
    request.send().expect("an answer").status().as_u16()
}

#[test]
fn each_rule_that_is_broken_has_its_status() {
    let mut client = start(echo_server(Options::default().origins(Origins::SameHost)));
    let rows = [
        ("Connection", None, 400),
        ("Connection", Some("keep-alive"), 400),
        ("Upgrade", None, 426),
        ("Upgrade", Some("h2c"), 426),
        ("Sec-WebSocket-Version", None, 426),
        ("Sec-WebSocket-Version", Some("8"), 426),
        ("Sec-WebSocket-Key", None, 400),
        ("Sec-WebSocket-Key", Some("dGhlIHNhbXBsZQ=="), 400),
        ("Origin", Some("http://elsewhere.example"), 403),
    ];
    for (name, value, expected) in rows {
        let answered = status(&mut client, Method::GET, name, value);
        assert_eq!(answered, expected, "{name}: {value:?}");
    }
    assert_eq!(status(&mut client, Method::POST, "", None), 405);
    assert_eq!(status(&mut client, Method::HEAD, "", None), 405);
}

#[test]
fn a_refusal_says_what_would_be_accepted_and_keeps_the_connection() {
    let mut client = start(echo_server(Options::default()).get("/", |_| "index"));
    let answer = client.get("/ws").send().expect("an answer");
    assert_eq!(answer.status(), 426);
    assert_eq!(answer.header("Upgrade"), Some("websocket"));
    assert_eq!(answer.header("Connection"), Some("upgrade"));
    assert_eq!(answer.header("Sec-WebSocket-Version"), Some("13"));
    let connection = client.connect();
    connection.send("GET /ws HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n");
    client
        .run(std::time::Duration::ZERO)
        .expect("the core runs");
    let text = String::from_utf8(connection.read()).expect("text");
    assert!(
        text.starts_with("HTTP/1.1 426") && text.ends_with("index"),
        "{text}"
    );
}

#[test]
fn neither_an_old_client_nor_a_body_is_upgraded() {
    let fields = FIELDS
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .concat();
    for (line, body) in [
        ("GET /ws HTTP/1.0\r\nHost: a\r\n", ""),
        ("GET /ws HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n", "ab"),
        (
            "GET /ws HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n",
            "0\r\n\r\n",
        ),
    ] {
        let mut client = start(echo_server(Options::default()));
        let connection = client.connect();
        connection.send(format!("{line}{fields}\r\n{body}"));
        client
            .run(std::time::Duration::ZERO)
            .expect("the core runs");
        let text = String::from_utf8(connection.read()).expect("text");
        assert!(text.starts_with("HTTP/1.1 400 "), "{line}: {text}");
    }
}

#[test]
fn the_best_protocol_that_both_speak_is_chosen() {
    struct Named;
    impl Handler for Named {
        type State = ();
        fn on_open(&self, _: &Context, socket: &Socket) -> Result {
            socket.send(socket.protocol().unwrap_or("none"));
            Ok(())
        }
        fn on_message(&self, (): &mut (), _: &Socket, _: Message<'_>) {}
    }
    let options = Options::default().protocols(["chat.v2", "chat.v1"]);
    let mut client = start(server().websocket_with("/ws", options, Named));
    for (offer, chosen) in [
        (Some("chat.v1, chat.v2"), Some("chat.v2")),
        (Some("chat.v1"), Some("chat.v1")),
        (Some("soap"), None),
        (None, None),
    ] {
        let mut request = client.get("/ws");
        if let Some(offer) = offer {
            request = request.header("Sec-WebSocket-Protocol", offer);
        }
        let mut socket = request.websocket().expect("a socket");
        assert_eq!(socket.protocol(), chosen);
        assert_eq!(super::heard(&mut socket), chosen.unwrap_or("none"));
    }
}

#[test]
fn messages_are_compressed_if_both_want_it() {
    let text = "over and over ".repeat(1000);
    for (config, offers) in [
        (Some(DeflateConfig::SHARED), true),
        (Some(DeflateConfig::DEDICATED), true),
        (Some(DeflateConfig::SHARED), false),
        (None, true),
    ] {
        let options = Options::default().compression(config);
        let mut client = start(echo_server(options));
        let mut request = client.get("/ws");
        if offers {
            request = request.header("Sec-WebSocket-Extensions", "permessage-deflate");
        }
        let mut socket = request.websocket().expect("a socket");
        for _ in 0..3 {
            socket.send(&text);
            client
                .run(std::time::Duration::ZERO)
                .expect("the core runs");
            assert_eq!(super::heard(&mut socket), "14000 bytes");
        }
    }
}

#[test]
fn other_routes_of_the_path_and_other_paths_are_not_touched() {
    let mut client = start(server().websocket("/ws", echo).post("/ws", |_| "posted"));
    let answer = client.post("/ws").send().expect("an answer");
    assert_eq!(answer.text(), "posted");
}

#[test]
fn options_out_of_range_are_told_at_the_start() {
    let wrong = Options::default().max_message_bytes(0);
    let built = server()
        .group("/a", |routes| routes.websocket_with("/ws", wrong, echo))
        .build();
    let text = built.expect_err("it is wrong").to_string();
    assert!(text.contains("max_message_bytes"), "{text}");
}
