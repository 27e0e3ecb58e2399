//! Tests the cost of a WebSocket: no allocation for an echo, a few hundred bytes while idle.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use ringlane::{Context, Driver, Result, Server};
use stats_alloc::Region;

use super::memory::{Process, private_dirty};
use super::{start, stop};
use crate::ALLOCATOR;

const HANDSHAKE: &str = "HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
/// RFC 6455 §5.7: `Hello`, with a mask and without.
const QUESTION: &[u8; 11] = b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
const ANSWER: &[u8; 7] = b"\x81\x05Hello";

const WARM_SOCKETS: usize = 1_000;
const IDLE_SOCKETS: usize = 15_000;

pub(super) async fn echo(ctx: Context) -> Result {
    let mut socket = ctx.websocket()?;
    while let Some(message) = socket.receive().await? {
        socket.send(message).await?;
    }
    Ok(())
}

fn connect(address: SocketAddr, path: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).expect("connected");
    stream.set_nodelay(true).expect("no delay");
    let request = format!("GET {path} {HANDSHAKE}");
    stream.write_all(request.as_bytes()).expect("sent");
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        let mut bytes = [0; 1024];
        let count = stream.read(&mut bytes).expect("an answer");
        assert!(count > 0, "the server has closed");
        answer.extend_from_slice(&bytes[..count]);
    }
    assert!(answer.starts_with(b"HTTP/1.1 101 "), "a socket");
    stream
}

fn round(stream: &mut TcpStream) {
    let mut answer = [0; ANSWER.len()];
    stream.write_all(QUESTION).expect("sent");
    stream.read_exact(&mut answer).expect("an answer");
    assert_eq!(&answer, ANSWER);
}

#[track_caller]
fn check_allocations(driver: Driver) {
    let (handle, address) = start(Server::builder().driver(driver));
    let mut stream = connect(address, "/socket");
    (0..1_000).for_each(|_| round(&mut stream));
    let region = Region::new(ALLOCATOR);
    (0..10_000).for_each(|_| round(&mut stream));
    let change = region.change();
    assert_eq!(change.allocations, 0, "{change:?}");
    assert_eq!(change.reallocations, 0, "{change:?}");
    drop(stream);
    handle.shutdown_handle().stop();
    stop(handle);
}

#[test]
fn an_echo_by_callbacks_allocates_nothing() {
    check_allocations(Driver::Auto);
}

#[test]
fn an_echo_over_epoll_allocates_nothing() {
    check_allocations(Driver::Epoll);
}

/// Opens a socket that has echoed once.
fn echoed(address: SocketAddr, path: &str) -> TcpStream {
    let mut stream = connect(address, path);
    round(&mut stream);
    stream
}

/// Holds connections that were opened so, and expects what the server holds for each.
#[track_caller]
pub(super) fn check_memory(path: &str, most: usize, open_one: fn(SocketAddr, &str) -> TcpStream) {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    rustix::process::setrlimit(
        rustix::process::Resource::Nofile,
        rustix::process::Rlimit {
            current: limit.maximum,
            maximum: limit.maximum,
        },
    )
    .expect("the soft limit can be raised to the hard one");
    let descriptors = limit.maximum.map_or(usize::MAX, |count| count as usize);
    let idle = IDLE_SOCKETS.min(descriptors.saturating_sub(1_000));
    assert!(idle >= 1_000, "RLIMIT_NOFILE is too low: {descriptors}");
    let mut server = Process::start();
    let open = |server: &Process, count: usize| -> Vec<TcpStream> {
        let one = |_| open_one(server.address, path);
        (0..count).map(one).collect()
    };
    drop(open(&server, WARM_SOCKETS));
    server.await_connections(0);
    let before = private_dirty(server.child.id());
    let held = open(&server, idle);
    server.await_connections(idle);
    let after = private_dirty(server.child.id());
    assert_eq!(server.state(), (idle, 0), "no receive buffer is held");
    let each = after.saturating_sub(before) / idle;
    eprintln!("{path}: {each} bytes for each of {idle} idle connections");
    assert!(each <= most, "{each} bytes for each idle connection");
    drop(held);
    server.await_connections(0);
    server.end();
}

#[test]
fn an_idle_socket_with_callbacks_holds_little() {
    check_memory("/socket", 640, echoed);
}

#[test]
fn an_idle_asynchronous_socket_holds_little_more() {
    check_memory("/asynchronous", 2048, echoed);
}
