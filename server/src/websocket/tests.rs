//! Sockets over a simulated connection, written down as what is sent and what comes back.

mod asynchronous;
mod broadcasts;
mod callbacks;
mod clocks;
mod handshakes;
mod slow;
mod topics;

use std::time::Duration;

use super::{Message, Options, Socket};
use crate::testing::{Client, Received, WebSocket};
use crate::{Builder, Server};

const SECOND: Duration = Duration::from_secs(1);

fn server() -> Builder {
    Server::builder()
}

fn start(builder: Builder) -> Client {
    let server = builder.build().expect("the test's server is well-formed");
    Client::new(server).expect("a core is free for the test")
}

fn echo(socket: &Socket, message: Message<'_>) {
    socket.send(message);
}

fn echo_server(options: Options) -> Builder {
    server().websocket_with("/ws", options, echo)
}

/// One socket of a server's, and what it has heard.
struct Talk {
    client: Client,
    socket: WebSocket,
}

impl Talk {
    #[track_caller]
    fn with(builder: Builder) -> Self {
        let mut client = start(builder);
        let socket = client.get("/ws").websocket().expect("a socket");
        Self { client, socket }
    }

    fn send<'m>(&mut self, message: impl Into<Message<'m>>) -> &mut Self {
        self.socket.send(message);
        self.pass(Duration::ZERO)
    }

    fn pass(&mut self, time: Duration) -> &mut Self {
        self.client.run(time).expect("the core runs");
        self
    }

    /// Expects what has come since the last call, in words.
    #[track_caller]
    fn expect(&mut self, expected: &str) -> &mut Self {
        let heard = heard(&mut self.socket);
        assert_eq!(heard, expected);
        self.pass(Duration::ZERO) // what it has answered by itself
    }

    /// Expects that the server has ended the connection.
    #[track_caller]
    fn expect_end(&mut self) {
        self.pass(Duration::ZERO);
        assert!(self.socket.connection().is_finished(), "it goes on");
        self.pass(2 * SECOND);
        assert_eq!(self.client.connections(), 0, "the server holds it still");
    }
}

/// What has come on a socket, in words: long messages as their length.
fn heard(socket: &mut WebSocket) -> String {
    let mut words: Vec<String> = socket.read().iter().map(word).collect();
    if socket.connection().is_finished() {
        words.push("end".to_owned());
    }
    words.join(" | ")
}

fn word(received: &Received) -> String {
    match received {
        Received::Message(message) if message.len() > 100 => format!("{} bytes", message.len()),
        Received::Message(Message::Text(text)) => text.to_string(),
        Received::Message(Message::Binary(bytes)) => format!("{bytes:?}"),
        Received::Ping => "ping".to_owned(),
        Received::Pong => "pong".to_owned(),
        Received::Close(code, reason) if reason.is_empty() => format!("close {code}"),
        Received::Close(code, reason) => format!("close {code} {reason}"),
    }
}
