//! What becomes of the server when nobody takes its log: nothing.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::binary;

/// A demo that logs all it can to somewhere.
struct Logging(Child, String);

impl Logging {
    fn start(errors: Stdio) -> Self {
        let mut child = Command::new(binary())
            .args(["demo", "--log", "debug", "--bind", "127.0.0.1:0"])
            .args(["--workers", "2", "--drain-time", "2"])
            .env_remove("RUST_LOG")
            .stdout(Stdio::piped())
            .stderr(errors)
            .spawn()
            .expect("started");
        let mut line = String::new();
        let mut output = BufReader::new(child.stdout.take().expect("piped"));
        output.read_line(&mut line).expect("a line");
        let address = line.trim().strip_prefix("listening on http://");
        let address = address.and_then(|rest| rest.split(',').next());
        let address = address.expect("the line that says so").to_owned();
        Self(child, address)
    }

    fn exchange(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(&self.1).expect("connected");
        let patience = Some(Duration::from_secs(20));
        stream.set_read_timeout(patience).expect("a timeout");
        stream.write_all(request.as_bytes()).expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        answer
    }

    /// Malformed requests, each of which is a line of the log, and then a drain.
    fn serves_and_ends(mut self, refusals: usize) {
        for _ in 0..refusals {
            let answer = self.exchange("nonsense\r\n\r\n");
            assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
        }
        let asked = "GET /plaintext HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
        let answer = self.exchange(asked);
        assert!(answer.ends_with("Hello, World!"), "{answer}");
        let id = i32::try_from(self.0.id()).ok().and_then(Pid::from_raw);
        kill_process(id.expect("an id"), Signal::TERM).expect("signalled");
        let began = Instant::now();
        let status = loop {
            match self.0.try_wait().expect("asked") {
                Some(status) => break status,
                None if began.elapsed() > Duration::from_secs(20) => panic!("it has not ended"),
                None => std::thread::sleep(Duration::from_millis(10)),
            }
        };
        assert!(status.success(), "{status:?}");
    }
}

impl Drop for Logging {
    fn drop(&mut self) {
        let _ = self.0.kill(); // it may have ended already
        let _ = self.0.wait();
    }
}

#[test]
fn a_log_without_a_reader_from_the_start_is_lost_and_nothing_else() {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    Logging::start(Stdio::from(writer)).serves_and_ends(20);
}

#[test]
fn a_reader_of_the_log_that_leaves_takes_nothing_with_it() {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    let demo = Logging::start(Stdio::from(writer));
    drop(reader);
    demo.serves_and_ends(20);
}

/// A line has some 100 bytes and a pipe 64 KiB: 1,500 do not fit.
#[test]
fn a_reader_of_the_log_that_stops_reading_stops_nothing() {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    Logging::start(Stdio::from(writer)).serves_and_ends(1_500);
    drop(reader);
}

#[test]
fn a_full_disk_loses_the_log_and_nothing_else() {
    let full = File::options().write(true).open("/dev/full");
    let full = full.expect("the device that is always full");
    Logging::start(Stdio::from(full)).serves_and_ends(20);
}
