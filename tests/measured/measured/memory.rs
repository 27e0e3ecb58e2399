//! Tests the memory of an idle connection.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use super::{start, stop};
use ringlane::Server;

const WARM_CONNECTIONS: usize = 1_000;
const WARM_REQUESTS: usize = 20_000;
const MIB: usize = 1024 * 1024;
const ENV: &str = "RINGLANE_TEST_MEMORY_SERVER";

fn request(stream: &mut TcpStream, answer: &mut [u8]) {
    stream
        .write_all(b"GET /plaintext HTTP/1.1\r\nHost: a\r\n\r\n")
        .expect("sent");
    let count = stream.read(answer).expect("an answer");
    assert!(answer[..count].starts_with(b"HTTP/1.1 200 OK\r\n") && answer[..count].ends_with(b"!"));
}

/// Memory that only process `id` holds, in bytes.
pub(super) fn private_dirty(id: u32) -> usize {
    let path = format!("/proc/{id}/smaps_rollup");
    let rollup = std::fs::read_to_string(path).expect("smaps_rollup");
    let line = rollup
        .lines()
        .find(|line| line.starts_with("Private_Dirty:"))
        .expect("the line");
    let kib = line
        .split_whitespace()
        .nth(1)
        .and_then(|text| text.parse::<usize>().ok());
    kib.expect("a number of KiB") * 1024
}

/// The server, when this binary is started again to be it: says its address, ends with its input.
#[test]
fn server_process() {
    if std::env::var_os(ENV).is_none() {
        return; // the test below starts it
    }
    let (handle, address) = start(Server::builder());
    eprintln!("serving {address}");
    let control = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    eprintln!("control {}", control.local_addr().expect("an address"));
    let (mut stream, _) = control.accept().expect("the test");
    let mut command = [0];
    while stream.read(&mut command).expect("a command") == 1 {
        let metrics = &handle.metrics()[0];
        let lent = metrics.buffers_lent.get();
        let state = format!("{} {lent}", metrics.connections.get()); // in one write
        stream.write_all(state.as_bytes()).expect("said");
    }
    stop(handle);
}

pub(super) struct Process {
    pub(super) child: std::process::Child,
    pub(super) address: SocketAddr,
    control: TcpStream,
}

impl Process {
    pub(super) fn start() -> Self {
        use std::io::BufRead;
        let binary = std::env::current_exe().expect("this binary");
        let mut child = std::process::Command::new(binary)
            .args(["--exact", "measured::memory::server_process", "--nocapture"])
            .env(ENV, "1")
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .expect("started");
        let mut lines = std::io::BufReader::new(child.stderr.take().expect("piped")).lines();
        let mut address = |word: &str| -> SocketAddr {
            let line = lines
                .by_ref()
                .map_while(Result::ok)
                .find(|line| line.starts_with(word));
            let line = line.expect("an address");
            line[word.len()..].trim().parse().expect("an address")
        };
        let serving = address("serving");
        let control = TcpStream::connect(address("control")).expect("connected");
        Self {
            child,
            address: serving,
            control,
        }
    }

    /// Open connections and buffers that are not home.
    pub(super) fn state(&mut self) -> (usize, usize) {
        self.control.write_all(b"?").expect("asked");
        let mut text = [0; 64];
        let count = self.control.read(&mut text).expect("told");
        let text = std::str::from_utf8(&text[..count]).expect("text");
        let mut numbers = text
            .split_whitespace()
            .map(|word| word.parse().expect("a number"));
        (
            numbers.next().expect("connections"),
            numbers.next().expect("buffers"),
        )
    }

    pub(super) fn await_connections(&mut self, wanted: usize) {
        let started = Instant::now();
        while self.state().0 != wanted {
            assert!(
                started.elapsed() < Duration::from_secs(20),
                "{:?}",
                self.state()
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub(super) fn end(mut self) {
        drop(self.control);
        assert!(self.child.wait().expect("ended").success());
    }
}

#[test]
fn an_idle_connection_holds_at_most_512_bytes() {
    // As many as descriptors allow, up to 15,000.
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
    let idle = 15_000.min(descriptors.saturating_sub(1_000));
    assert!(
        idle >= 1_000,
        "RLIMIT_NOFILE is too low for this test: {descriptors}"
    );

    let mut server = Process::start();
    let mut answer = vec![0; 1024];
    let connect = || TcpStream::connect(server.address).expect("connected");
    let mut warm: Vec<_> = (0..WARM_CONNECTIONS).map(|_| connect()).collect();
    for round in 0..WARM_REQUESTS / WARM_CONNECTIONS {
        for stream in &mut warm {
            // Every other round they all talk at once.
            if round % 2 == 0 {
                request(stream, &mut answer);
            } else {
                stream
                    .write_all(b"GET /plaintext HTTP/1.1\r\nHost: a\r\n\r\n")
                    .expect("sent");
            }
        }
        if round % 2 == 1 {
            warm.iter_mut().for_each(|stream| {
                assert!(stream.read(&mut answer).expect("an answer") > 0);
            });
        }
    }
    drop(warm);
    server.await_connections(0);
    let before = private_dirty(server.child.id());
    assert!(before <= 16 * MIB, "{before} bytes without any connection");

    let mut held = Vec::with_capacity(idle);
    for _ in 0..idle {
        let mut stream = TcpStream::connect(server.address).expect("connected");
        request(&mut stream, &mut answer);
        held.push(stream);
    }
    server.await_connections(idle);
    let after = private_dirty(server.child.id());
    assert_eq!(server.state(), (idle, 0), "no receive buffer is held");
    let each = after.saturating_sub(before) / idle;
    eprintln!("{before} bytes warm, {each} bytes for each of {idle} idle connections");
    assert!(
        each <= 512,
        "{each} bytes for each idle connection ({before} to {after})"
    );
    drop(held);
    server.end();
}
