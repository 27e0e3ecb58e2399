//! Tests WebSockets over real sockets: both drivers, several cores, handshake and frames.
//!
//! Not here: each rule by itself; those are tested over simulated connections (`server`).

mod crowd;

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::LazyLock;
use std::time::Duration;

use crate::drivers::uring_is_here;
use ringlane::websocket::{Broadcast, Handler, Message, Options, Socket};
use ringlane::{Context, Driver, Handle, Result, Server};
use ringlane_protocol::websocket::{
    Event, MaskKeys, Receiver, Role, Sender, Settings, Shared, pair,
};

const HANDSHAKE: &str = "HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
/// No more connections are made to find one on each core.
const CONNECTIONS_MAX: usize = 256;

static NUMBERS: LazyLock<Broadcast<u32>> = LazyLock::new(Broadcast::new);

/// Says which core it is on, follows everything, and passes on what comes.
struct Room;

impl Handler for Room {
    type State = ();

    fn on_open(&self, _: &Context, socket: &Socket) -> Result {
        socket.send(format!("{:?}", std::thread::current().id()));
        socket.subscribe("room")?;
        socket.follow(&NUMBERS)?;
        Ok(())
    }

    fn on_message(&self, (): &mut (), socket: &Socket, message: Message<'_>) {
        match message.text().and_then(|text| text.parse::<u32>().ok()) {
            Some(number) => NUMBERS.send(number),
            None => socket.publish("room", message),
        };
    }
}

async fn echo(ctx: Context) -> Result {
    let options = Options::default().max_message_bytes(4 << 20);
    let mut socket = ctx.websocket_with(&options)?;
    while let Some(message) = socket.receive().await? {
        socket.send(message).await?;
    }
    Ok(())
}

fn start(driver: Driver) -> (Handle, SocketAddr) {
    let server = Server::builder()
        .bind("127.0.0.1:0")
        .workers(2)
        .driver(driver)
        .websocket("/room", Room)
        .get("/echo", echo);
    let handle = server.build().expect("valid").start().expect("started");
    let address = handle.addresses().next().expect("an address");
    (handle, address)
}

fn stop(handle: Handle) {
    handle.shutdown_handle().stop();
    handle.wait().expect("a clean end");
}

/// A client's end, over a socket of the kernel's.
pub(crate) struct Client {
    stream: TcpStream,
    receiver: Receiver,
    sender: Sender,
    shared: Shared,
    received: Vec<u8>,
}

impl Client {
    /// Connects, with `more` in one segment behind the handshake.
    pub(crate) fn new(address: SocketAddr, path: &str, more: &[&str]) -> Self {
        let mut stream = TcpStream::connect(address).expect("connected");
        let time = Some(Duration::from_secs(20));
        stream.set_read_timeout(time).expect("a timeout");
        let settings = Settings {
            message_bytes_max: 4 << 20,
            ..Settings::default()
        };
        let (receiver, mut sender) = pair(Role::Client(MaskKeys::new()), &settings, None);
        let mut shared = Shared::new();
        let mut bytes = format!("GET {path} {HANDSHAKE}").into_bytes();
        for text in more {
            sender.text(text, &mut bytes, &mut shared).expect("open");
        }
        stream.write_all(&bytes).expect("sent");
        let mut received = Vec::new();
        let head = loop {
            let end = received.windows(4).position(|bytes| bytes == b"\r\n\r\n");
            if let Some(end) = end {
                break received.drain(..end + 4).collect::<Vec<u8>>();
            }
            read_more(&mut stream, &mut received);
        };
        assert!(head.starts_with(b"HTTP/1.1 101 "), "{head:?}");
        Self {
            stream,
            receiver,
            sender,
            shared,
            received,
        }
    }

    pub(crate) fn send(&mut self, text: &str) {
        let mut bytes = Vec::new();
        let sent = self.sender.text(text, &mut bytes, &mut self.shared);
        sent.expect("it is open");
        self.stream.write_all(&bytes).expect("sent");
    }

    /// The next message.
    pub(crate) fn receive(&mut self) -> String {
        loop {
            let mut replies = Vec::new();
            let (sender, shared) = (&mut self.sender, &mut self.shared);
            let step = self
                .receiver
                .receive(&mut self.received, sender, &mut replies, shared);
            let consumed = step.consumed;
            let text = match step.event {
                Event::Text(text) => Some(text.to_owned()),
                Event::NeedMore => None,
                other => panic!("{other:?}"),
            };
            self.received.drain(..consumed);
            match text {
                Some(text) => return text,
                None => read_more(&mut self.stream, &mut self.received),
            }
        }
    }
}

fn read_more(stream: &mut TcpStream, received: &mut Vec<u8>) {
    let mut bytes = [0; 16 * 1024];
    let count = stream.read(&mut bytes).expect("bytes in time");
    assert!(count > 0, "the server has closed");
    received.extend_from_slice(&bytes[..count]);
}

fn cores_hear_each_other(driver: Driver) {
    let (handle, address) = start(driver);
    let mut by_core: BTreeMap<String, Vec<Client>> = BTreeMap::new();
    for _ in 0..CONNECTIONS_MAX {
        let mut client = Client::new(address, "/room", &[]);
        let core = client.receive();
        by_core.entry(core).or_default().push(client);
        if by_core.len() == 2 && by_core.values().all(|clients| clients.len() >= 3) {
            break;
        }
    }
    assert_eq!(by_core.len(), 2, "the kernel gives both cores connections");
    let mut clients: Vec<Client> = by_core.into_values().flatten().collect();
    for number in 0..100 {
        clients[0].send(&format!("word {number}"));
    }
    for client in &mut clients[1..] {
        for number in 0..100 {
            assert_eq!(client.receive(), format!("word {number}"));
        }
    }
    clients[1].send("42");
    for client in &mut clients {
        assert_eq!(client.receive(), "42");
    }
    drop(clients);
    stop(handle);
}

fn large_and_early_messages_come_back(driver: Driver) {
    let (handle, address) = start(driver);
    let mut client = Client::new(address, "/echo", &["early", "and earlier"]);
    assert_eq!(client.receive(), "early");
    assert_eq!(client.receive(), "and earlier");
    for length in [0, 125, 126, 65_535, 65_536, 3 << 20] {
        let text = "y".repeat(length);
        client.send(&text);
        assert!(client.receive() == text, "{length} bytes");
    }
    drop(client);
    stop(handle);
}

#[test]
fn cores_hear_each_other_over_uring() {
    if uring_is_here() {
        cores_hear_each_other(Driver::Uring);
    }
}

#[test]
fn cores_hear_each_other_over_epoll() {
    cores_hear_each_other(Driver::Epoll);
}

#[test]
fn large_and_early_messages_come_back_over_uring() {
    if uring_is_here() {
        large_and_early_messages_come_back(Driver::Uring);
    }
}

#[test]
fn large_and_early_messages_come_back_over_epoll() {
    large_and_early_messages_come_back(Driver::Epoll);
}
