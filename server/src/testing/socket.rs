//! A WebSocket as a test's client has it.

use std::io;
use std::time::Duration;

use ringlane_protocol::websocket::{
    DeflateParameters, Event, MaskKeys, Receiver, Role, Sender, Settings, Shared, pair,
};

use super::{Connection, Request};
use crate::Result;
use crate::websocket::{CloseCode, Message};

/// The sample key of RFC 6455 §1.3, and what a server makes of it.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
/// The largest message that a client takes.
const MESSAGE_BYTES_MAX: usize = 256 * 1024 * 1024;

/// Something that a server sent on a socket.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Received {
    /// A message.
    Message(Message<'static>),
    /// A ping, which was answered.
    Ping,
    /// A pong.
    Pong,
    /// A close frame, which was answered: its code (1005 if there was none) and its reason.
    Close(u16, String),
}

/// A client's end of a WebSocket. What it sends arrives, and what it is sent comes, when its
/// [`Client`](super::Client) runs. Dropping it closes the connection.
///
/// ```
/// use std::time::Duration;
/// use ringlane::testing::{Client, Received};
/// use ringlane::websocket::{Message, Socket};
/// use ringlane::{Result, Server};
///
/// # fn main() -> Result {
/// let echo = |socket: &Socket, message: Message<'_>| { socket.send(message); };
/// let server = Server::builder().websocket("/echo", echo).build()?;
/// let mut client = Client::new(server)?;
/// let mut socket = client.get("/echo").websocket()?;
/// socket.send("hello");
/// client.run(Duration::ZERO)?;
/// assert_eq!(socket.read(), [Received::Message("hello".into())]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct WebSocket {
    connection: Connection,
    receiver: Receiver,
    sender: Sender,
    shared: Shared,
    protocol: Option<String>,
    /// Bytes that came with the answer's head.
    early: Vec<u8>,
}

impl Request<'_> {
    /// Sends the request as a WebSocket handshake, and gives the socket.
    ///
    /// # Errors
    ///
    /// If the server does not answer with a valid 101.
    pub fn websocket(self) -> Result<WebSocket> {
        self.websocket_after(Duration::ZERO)
    }

    /// The same with a server that may take some (simulated) time to answer.
    ///
    /// # Errors
    ///
    /// As [`websocket`](Self::websocket).
    pub fn websocket_after(self, time: Duration) -> Result<WebSocket> {
        let request = self
            .header("Connection", "Upgrade")
            .header("Upgrade", "websocket")
            .header("Sec-WebSocket-Version", "13")
            .header("Sec-WebSocket-Key", KEY);
        let bytes = request.serialise();
        let client = request.client;
        let connection = client.connect();
        connection.send(&bytes);
        client.run(time)?;
        WebSocket::begin(connection)
    }
}

impl WebSocket {
    fn begin(connection: Connection) -> Result<Self> {
        let received = connection.read();
        let refused = || {
            let text = String::from_utf8_lossy(&received);
            io::Error::other(format!("no valid 101: {text}"))
        };
        let end = received.windows(4).position(|bytes| bytes == b"\r\n\r\n");
        let (head, early) = received.split_at(end.ok_or_else(refused)? + 4);
        let head = String::from_utf8_lossy(head);
        let header = |name: &str| {
            head.lines().find_map(|line| {
                let (known, value) = line.split_once(": ")?;
                known.eq_ignore_ascii_case(name).then(|| value.to_owned())
            })
        };
        let is_valid = head.starts_with("HTTP/1.1 101 ")
            && header("Sec-WebSocket-Accept").as_deref() == Some(ACCEPT);
        if !is_valid {
            return Err(refused().into());
        }
        let deflate = header("Sec-WebSocket-Extensions")
            .and_then(|value| DeflateParameters::from_answer(value.as_bytes()));
        let settings = Settings {
            message_bytes_max: MESSAGE_BYTES_MAX,
            ..Settings::default()
        };
        let role = Role::Client(MaskKeys::new());
        let (receiver, sender) = pair(role, &settings, deflate.as_ref());
        Ok(Self {
            connection,
            receiver,
            sender,
            shared: Shared::new(),
            protocol: header("Sec-WebSocket-Protocol"),
            early: early.to_owned(),
        })
    }

    /// Sends a message. Behind a close frame nothing is sent.
    pub fn send<'m>(&mut self, message: impl Into<Message<'m>>) {
        let mut output = Vec::new();
        let _ = match message.into() {
            Message::Text(text) => self.sender.text(&text, &mut output, &mut self.shared),
            Message::Binary(bytes) => self.sender.binary(&bytes, &mut output, &mut self.shared),
        };
        self.connection.send(output);
    }

    /// Sends a ping.
    pub fn ping(&mut self, payload: &[u8]) {
        let mut output = Vec::new();
        let _ = self.sender.ping(payload, &mut output); // not behind a close frame
        self.connection.send(output);
    }

    /// Sends a close frame.
    pub fn close(&mut self, code: CloseCode, reason: &str) {
        let mut output = Vec::new();
        let _ = self.sender.close(code, reason, &mut output); // once
        self.connection.send(output);
    }

    /// Takes what has come since the last call. Pings and close frames are answered.
    pub fn read(&mut self) -> Vec<Received> {
        let mut input = std::mem::take(&mut self.early);
        input.extend(self.connection.read());
        let (mut heard, mut output) = (Vec::new(), Vec::new());
        let mut rest = input.as_mut_slice();
        loop {
            let (sender, shared) = (&mut self.sender, &mut self.shared);
            let step = self.receiver.receive(rest, sender, &mut output, shared);
            let consumed = step.consumed;
            heard.push(match step.event {
                Event::NeedMore => break,
                Event::Text(text) => Received::Message(Message::from(text).into_owned()),
                Event::Binary(bytes) => Received::Message(Message::from(bytes).into_owned()),
                Event::Ping(_) => Received::Ping,
                Event::Pong(_) => Received::Pong,
                Event::Close(None) => Received::Close(1005, String::new()),
                Event::Close(Some(frame)) => {
                    Received::Close(frame.code.get(), frame.reason.to_owned())
                }
                Event::Failed(error) => Received::Close(1006, error.to_string()),
            });
            rest = &mut rest[consumed..];
        }
        if !output.is_empty() {
            self.connection.send(output);
        }
        heard
    }

    /// The sub-protocol that the server chose.
    pub fn protocol(&self) -> Option<&str> {
        self.protocol.as_deref()
    }

    /// The connection, for bytes as they are.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }
}
