//! A core that a handler blocks: signals and a shutdown's deadline end the server all the same.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use ringlane::middleware::Health;
use ringlane::{Context, Server};
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
fn the_log_names_the_route_that_blocks_a_core() {
    let mut server = Blocker::start(100);
    let errors = server.child.stderr.take().expect("piped");
    let _client = server.block();
    let mut lines = BufReader::new(errors).lines().map_while(Result::ok);
    let told = lines.find(|line| line.contains("a core is blocked"));
    let told = told.expect("a line before the log ends");
    assert!(
        told.contains("core=0") && told.contains("/block/{ms}"),
        "{told}"
    );
}

/// A core that is blocked is counted, seen by those who ask, and later goes on.
#[test]
fn a_blocked_core_shows_in_the_status_and_at_readyz() {
    let (release, is_released) = std::sync::mpsc::channel::<()>();
    let is_released = std::sync::Mutex::new(is_released);
    let health = |fails| {
        Health::new()
            .fail_on_stall(fails)
            .ready_path(if fails { "/f" } else { "/r" })
    };
    let server = Server::builder()
        .bind("127.0.0.1:0")
        .workers(2)
        .stall_time(Duration::from_millis(50))
        .with(health(false).live_path("/live"))
        .with(health(true))
        .get("/block", move |_: Context| {
            let is_released = is_released.lock().expect("no panic");
            let _ = is_released.recv(); // until the test ends, however it does
            "blocked"
        });
    let handle = server.build().expect("a server").start().expect("started");
    let address = handle.addresses().next().expect("an address");
    let ask = |path: &str| {
        let mut stream = TcpStream::connect(address).expect("connected");
        let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).expect("sent");
        stream
    };
    let mut blocked = ask("/block");
    let stalled = || {
        handle
            .status()
            .cores
            .iter()
            .filter(|core| core.is_stalled)
            .count()
    };
    wait_until(|| stalled() == 1);
    // The kernel deals connections: some reach the core that is not blocked.
    for (path, status, word) in [("/r", "200", "ready"), ("/f", "503", "stalled")] {
        let told = wait_for(|| {
            let mut stream = ask(path);
            let patience = Some(Duration::from_millis(200));
            stream.set_read_timeout(patience).expect("set");
            let mut answer = String::new();
            stream.read_to_string(&mut answer).ok().map(|_| answer)
        });
        assert!(told.starts_with(&format!("HTTP/1.1 {status} ")), "{told}");
        assert!(told.contains(&format!("\"status\":\"{word}\"")), "{told}");
        assert!(told.contains("\"stalled_cores\":["), "{told}");
    }
    release.send(()).expect("it waits");
    let mut answer = String::new();
    blocked.read_to_string(&mut answer).expect("an answer");
    assert!(answer.ends_with("blocked"), "{answer}");
    wait_until(|| stalled() == 0);
    let status = handle.status();
    assert_eq!(status.sum(|core| core.stalls), 1, "{status:?}");
    handle.shutdown();
    handle.wait().expect("ended");
}

fn wait_until(mut is_so: impl FnMut() -> bool) {
    wait_for(|| is_so().then_some(()));
}

fn wait_for<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "it does not come");
        std::thread::sleep(Duration::from_millis(5));
    }
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
