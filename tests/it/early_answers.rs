//! Answers that are made before their request has come whole reach clients that read only once they
//! have sent everything: over the kernel's own sockets, on both drivers.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use ringlane::websocket::Options;
use ringlane::{Context, Driver, Handle, Limits, Result, Server};

use crate::drivers::uring_is_here;

/// So many exchanges of each kind: one that is lost now and then is lost too often.
const EXCHANGES: usize = 32;
/// Far more than the kernel's buffers hold on both ends.
const UPLOAD_BYTES: usize = 3_000_000;

const HANDSHAKE: &str = "GET /socket HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n\
    Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

async fn length(ctx: Context) -> Result<String> {
    Ok(ctx.body().bytes().await?.len().to_string())
}

async fn socket(ctx: Context) -> Result {
    let options = Options::default().max_message_bytes(128 * 1024);
    let mut socket = ctx.websocket_with(&options)?;
    while socket.receive().await?.is_some() {}
    Ok(())
}

fn start(driver: Driver) -> (Handle, SocketAddr) {
    let server = Server::builder()
        .bind("127.0.0.1:0")
        .workers(1)
        .driver(driver)
        .limits(Limits::default().body_bytes_max(1_000_000))
        .post("/length", length)
        .get("/socket", socket);
    let handle = server.build().expect("valid").start().expect("started");
    let address = handle.addresses().next().expect("an address");
    (handle, address)
}

fn stop(handle: Handle) {
    handle.shutdown_handle().stop();
    handle.wait().expect("a clean end");
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("connected");
    let time = Some(Duration::from_secs(20));
    stream.set_read_timeout(time).expect("a timeout");
    stream.set_write_timeout(time).expect("a timeout");
    stream
}

/// Sends all, and only then reads until the server has ended the connection.
fn send_then_read(address: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut stream = connect(address);
    stream.write_all(bytes).expect("all is taken");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("no reset");
    answer
}

/// A request whose body is sent in full, whatever is answered meanwhile.
fn upload(path: &str, is_chunked: bool) -> Vec<u8> {
    let framing = match is_chunked {
        true => "Transfer-Encoding: chunked\r\n\r\n2dc6c0".to_owned(),
        false => format!("Content-Length: {UPLOAD_BYTES}"),
    };
    let mut bytes = format!("POST {path} HTTP/1.1\r\nHost: a\r\n{framing}\r\n").into_bytes();
    if !is_chunked {
        bytes.extend(b"\r\n");
    }
    bytes.extend(vec![b'x'; UPLOAD_BYTES]);
    if is_chunked {
        bytes.extend(b"\r\n0\r\n\r\n");
    }
    bytes
}

fn early_answers_reach_who_is_still_sending(driver: Driver) {
    let (handle, address) = start(driver);
    for (path, is_chunked, expected) in [
        ("/nope", false, "HTTP/1.1 404 "),
        ("/nope", true, "HTTP/1.1 404 "),
        ("/length", false, "HTTP/1.1 413 "),
        ("/length", true, "HTTP/1.1 413 "),
    ] {
        let request = upload(path, is_chunked);
        for exchange in 0..EXCHANGES {
            let answer = send_then_read(address, &request);
            let answer = String::from_utf8_lossy(&answer);
            assert!(answer.starts_with(expected), "{exchange}: {answer}");
            // How long a chunked body is nobody knows; of one that is too large, it is too long.
            let says_so = answer.contains("\r\nConnection: close\r\n");
            let must_say_so = !is_chunked || path == "/length";
            assert!(says_so || !must_say_so, "{path}, {is_chunked}: {answer}");
        }
    }
    stop(handle);
}

/// A frame of a client, with a mask of zeros.
fn frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x80 | opcode, 0x80 | 127];
    bytes.extend((payload.len() as u64).to_be_bytes());
    bytes.extend([0; 4]);
    bytes.extend(payload);
    bytes
}

fn a_socket_that_failed_tells_why_to_who_is_still_sending(driver: Driver) {
    let (handle, address) = start(driver);
    let mut not_utf8 = frame(1, &[0xff; 70_000]);
    not_utf8.extend(frame(2, &vec![0; UPLOAD_BYTES]));
    let mut reserved = frame(3, &[0; 70_000]);
    reserved.extend(frame(2, &vec![0; UPLOAD_BYTES]));
    for (frames, code) in [
        (frame(2, &vec![0; UPLOAD_BYTES]), 1009_u16),
        (not_utf8, 1007),
        (reserved, 1002),
    ] {
        let bytes = [HANDSHAKE.as_bytes(), &frames].concat();
        for exchange in 0..EXCHANGES {
            let answer = send_then_read(address, &bytes);
            let head = answer.windows(4).position(|end| end == b"\r\n\r\n");
            let close = &answer[head.expect("a handshake") + 4..];
            assert_eq!(close.first(), Some(&0x88), "{exchange}: {close:?}");
            assert_eq!(close[2..4], code.to_be_bytes(), "{exchange}: {close:?}");
        }
    }
    stop(handle);
}

#[test]
fn early_answers_reach_who_is_still_sending_over_uring() {
    if uring_is_here() {
        early_answers_reach_who_is_still_sending(Driver::Uring);
    }
}

#[test]
fn early_answers_reach_who_is_still_sending_over_epoll() {
    early_answers_reach_who_is_still_sending(Driver::Epoll);
}

#[test]
fn a_socket_that_failed_tells_why_to_who_is_still_sending_over_uring() {
    if uring_is_here() {
        a_socket_that_failed_tells_why_to_who_is_still_sending(Driver::Uring);
    }
}

#[test]
fn a_socket_that_failed_tells_why_to_who_is_still_sending_over_epoll() {
    a_socket_that_failed_tells_why_to_who_is_still_sending(Driver::Epoll);
}
