//! Clients that read slowly, of answers, files, sockets and event streams: over the kernel's own
//! sockets, on both drivers.
//!
//! Not here: the minimum to the byte (`reactor/src/write_progress/tests.rs`).

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::drivers::uring_is_here;
use ringlane::{Context, Driver, Handle, Limits, Result, Server};

/// Far more than the kernel's buffers hold on both ends.
const LARGE: usize = 16 * 1024 * 1024;
const PIECE: usize = 64 * 1024;
const WRITE_TIME: Duration = Duration::from_secs(1);
/// How long anything else may take on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(30);

const PATHS: [&str; 4] = ["/whole", "/file", "/events", "/socket"];

async fn events(ctx: Context) -> Result {
    let mut events = ctx.event_stream()?;
    for _ in 0..LARGE / PIECE {
        events.send("x".repeat(PIECE)).await?;
    }
    Ok(())
}

async fn socket(ctx: Context) -> Result {
    let socket = ctx.websocket()?;
    for _ in 0..LARGE / PIECE {
        socket.send(vec![b'x'; PIECE]).await?;
    }
    Ok(())
}

/// A large file that goes when its test does.
struct LargeFile(PathBuf);

impl LargeFile {
    fn new(name: &str) -> Self {
        let name = format!("ringlane-{name}-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, vec![b'x'; LARGE]).expect("a file");
        Self(path)
    }
}

impl Drop for LargeFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn start(driver: Driver, file: &LargeFile, limits: Limits) -> (Handle, SocketAddr) {
    let path = file.0.clone();
    let server = Server::builder()
        .bind("127.0.0.1:0")
        .workers(1)
        .driver(driver)
        .limits(limits.write_time(WRITE_TIME))
        .drain_time(Duration::from_secs(1))
        .get("/whole", |_| "x".repeat(LARGE))
        .get("/file", move |ctx: Context| {
            let path = path.clone();
            async move { ctx.file(path).await }
        })
        .get("/events", events)
        .get("/socket", socket);
    let handle = server.build().expect("valid").start().expect("started");
    let address = handle.addresses().next().expect("an address");
    (handle, address)
}

fn stop(handle: Handle) {
    handle.shutdown_handle().stop();
    handle.wait().expect("a clean end");
}

fn ask(address: SocketAddr, path: &str) -> TcpStream {
    let mut client = TcpStream::connect(address).expect("connected");
    client.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    rustix::net::sockopt::set_socket_recv_buffer_size(&client, 16 * 1024).expect("an option");
    let fields = match path {
        "/socket" => {
            "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        }
        _ => "",
    };
    let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
    client.write_all(request.as_bytes()).expect("sent");
    client
}

/// Reads without a pause, at most 200 KB in a second, until the time or the connection is over.
/// Whether it still goes on.
fn read_steadily(mut client: &TcpStream, time: Duration) -> bool {
    let started = Instant::now();
    while started.elapsed() < time {
        match client.read(&mut [0; 2048]) {
            Ok(count) if count > 0 => std::thread::sleep(Duration::from_millis(10)),
            Ok(_) | Err(_) => return false,
        }
    }
    true
}

/// Which of the readers of each path are kept for so long.
fn kept(address: SocketAddr, time: Duration) -> [bool; PATHS.len()] {
    let clients = PATHS.map(|path| ask(address, path));
    std::thread::scope(|scope| {
        let readers = clients
            .each_ref()
            .map(|client| scope.spawn(move || read_steadily(client, time)));
        readers.map(|reader| reader.join().expect("it reads"))
    })
}

/// The default asks for 4 KiB, which they take many times over.
fn who_reads_slowly_and_steadily_is_kept(driver: Driver) {
    let file = LargeFile::new(&format!("kept-{driver:?}"));
    let (handle, address) = start(driver, &file, Limits::default());
    assert_eq!(
        kept(address, 4 * WRITE_TIME),
        [true; PATHS.len()],
        "{PATHS:?}"
    );
    stop(handle);
}

/// The same readers, of whom more is asked than they take.
fn who_takes_less_than_the_minimum_is_reset(driver: Driver) {
    let file = LargeFile::new(&format!("reset-{driver:?}"));
    let limits = Limits::default().write_bytes_min(8 * 1024 * 1024);
    let (handle, address) = start(driver, &file, limits);
    assert_eq!(kept(address, PATIENCE), [false; PATHS.len()], "{PATHS:?}");
    stop(handle);
}

#[test]
fn who_reads_slowly_and_steadily_is_kept_over_uring() {
    if uring_is_here() {
        who_reads_slowly_and_steadily_is_kept(Driver::Uring);
    }
}

#[test]
fn who_reads_slowly_and_steadily_is_kept_over_epoll() {
    who_reads_slowly_and_steadily_is_kept(Driver::Epoll);
}

#[test]
fn who_takes_less_than_the_minimum_is_reset_over_uring() {
    if uring_is_here() {
        who_takes_less_than_the_minimum_is_reset(Driver::Uring);
    }
}

#[test]
fn who_takes_less_than_the_minimum_is_reset_over_epoll() {
    who_takes_less_than_the_minimum_is_reset(Driver::Epoll);
}
