//! A core that a handler blocks: signals and a shutdown's deadline end the server all the same.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// What a blocked handler takes: far longer than any end may.
const BLOCKED_MILLIS: u64 = 60_000;
/// What an end may take on a machine that is busy with other things.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running server of `src/bin/blocker.rs`.
struct Blocker {
    child: Child,
    address: String,
}

impl Blocker {
    fn start(drain_millis: u64) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_blocker"))
            .arg(drain_millis.to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("started");
        let mut line = String::new();
        let mut output = BufReader::new(child.stdout.take().expect("piped"));
        output.read_line(&mut line).expect("a line");
        let address = line.trim().strip_prefix("ready ").expect("the line");
        Self {
            address: address.to_owned(),
            child,
        }
    }

    /// Sends a request that keeps the core, and returns once the handler has it.
    fn block(&self) -> TcpStream {
        let mut first = TcpStream::connect(&self.address).expect("connected");
        let ask = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
        // The first answer says that this connection is served; the next request blocks.
        first.write_all(ask("/").as_bytes()).expect("sent");
        assert!(first.read(&mut [0; 1024]).expect("an answer") > 0);
        let path = format!("/block/{BLOCKED_MILLIS}");
        first.write_all(ask(&path).as_bytes()).expect("sent");
        let mut second = TcpStream::connect(&self.address).expect("connected");
        second
            .set_read_timeout(Some(Duration::from_millis(300)))
            .expect("set");
        second.write_all(ask("/").as_bytes()).expect("sent");
        second
            .read(&mut [0; 1024])
            .expect_err("no answer: the core is blocked");
        first
    }

    fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        kill_process(id.expect("an id"), signal).expect("signalled");
    }

    /// Waits for its end, and returns what it said.
    fn end(mut self) -> (ExitStatus, String) {
        let began = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("asked") {
                break status;
            }
            assert!(began.elapsed() < PATIENCE, "it has not ended");
            std::thread::sleep(Duration::from_millis(10));
        };
        let mut said = String::new();
        let mut errors = self.child.stderr.take().expect("piped");
        errors.read_to_string(&mut said).expect("text");
        (status, said)
    }
}

impl Drop for Blocker {
    fn drop(&mut self) {
        let _ = self.child.kill(); // it may have ended already
        let _ = self.child.wait();
    }
}

#[test]
fn a_second_signal_ends_a_server_whose_core_is_blocked() {
    let server = Blocker::start(600_000);
    let _client = server.block();
    server.signal(Signal::INT);
    server.signal(Signal::TERM); // of another kind: neither can be taken for the other
    let (status, said) = server.end();
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(said.contains("core 0"), "{said}");
}

#[test]
fn the_drain_time_bounds_a_server_whose_core_is_blocked() {
    let server = Blocker::start(100);
    let _client = server.block();
    server.signal(Signal::TERM);
    let (status, said) = server.end();
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(said.contains("core 0"), "{said}");
}
