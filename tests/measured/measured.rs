//! Measurements of a running server, and the client that they share.

mod allocations;
mod enters;
mod events;
mod memory;
mod sockets;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use ringlane::websocket::{Message, Socket};
use ringlane::{Builder, Context, Handle};

/// Routes as they are measured: synchronous with and without a parameter, and asynchronous but
/// ready at once.
fn routes(server: Builder) -> Builder {
    server
        .get("/plaintext", |ctx: Context| ctx.text("Hello, World!"))
        .get("/users/{id}", |ctx: Context| {
            ctx.text(ctx.param_text("id").unwrap_or_default())
        })
        .get("/ready", async |ctx: Context| ctx.text("ready at once"))
        .get("/news", |ctx: Context| ctx.event_stream_of("news"))
        .websocket("/socket", |socket: &Socket, message: Message<'_>| {
            socket.send(message);
        })
        .get("/asynchronous", sockets::echo)
}

fn start(server: Builder) -> (Handle, SocketAddr) {
    let server = routes(server).bind("127.0.0.1:0").workers(1);
    let handle = server.build().expect("valid").start().expect("started");
    let address = handle.addresses().next().expect("an address");
    (handle, address)
}

fn stop(handle: Handle) {
    handle.shutdown();
    handle.wait().expect("a clean end");
}

/// A client that allocates nothing once it is connected.
struct Client {
    stream: TcpStream,
    request: Vec<u8>,
    answer_len: usize,
    received: Vec<u8>,
}

impl Client {
    /// Connects, makes one request, and remembers how long its answer is.
    fn new(address: SocketAddr, path: &str, pipelined: usize) -> Self {
        let mut stream = TcpStream::connect(address).expect("connected");
        stream.set_nodelay(true).expect("no delay");
        let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n").into_bytes();
        stream.write_all(&request).expect("sent");
        let mut received = vec![0; 64 * 1024];
        let answer_len = stream.read(&mut received).expect("an answer");
        assert!(
            received.starts_with(b"HTTP/1.1 200 OK\r\n"),
            "a good answer"
        );
        Self {
            stream,
            request: request.repeat(pipelined),
            answer_len,
            received,
        }
    }

    /// Sends all its requests at once and takes in all the answers.
    fn round(&mut self) {
        let answers = self.request.iter().filter(|&&byte| byte == b'/').count() / 2;
        let expected = self.answer_len * answers;
        self.stream.write_all(&self.request).expect("sent");
        self.stream
            .read_exact(&mut self.received[..expected])
            .expect("the answers");
        assert!(self.received[..expected].ends_with(&self.received[..self.answer_len]));
    }
}
