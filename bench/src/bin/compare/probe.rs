//! Whether a server is up, and whether it gives the one answer that makes figures comparable.
//!
//! Always true here: what passes sent exactly TechEmpower's header fields and body, once alone and
//! then sixteen times pipelined.
//!
//! Not here: load.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

const START_MAX: Duration = Duration::from_secs(10);
const ANSWER_MAX: Duration = Duration::from_secs(5);
const ANSWER_BYTES_MAX: usize = 1024;
const PIPELINED: usize = 16;
const BODY: &str = "Hello, World!";
const REQUEST: &str = "GET /plaintext HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";

/// A port that nobody listens on now.
pub(crate) fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
        .local_addr()?
        .port())
}

/// Waits until the port accepts; `alive` says whether that can still happen.
pub(crate) fn wait_for(port: u16, mut alive: impl FnMut() -> io::Result<()>) -> io::Result<()> {
    let deadline = Instant::now() + START_MAX;
    while Instant::now() < deadline {
        alive()?;
        if TcpStream::connect(address(port)).is_ok() {
            return Ok(());
        }
        thread::sleep(Duration::from_millis(10));
    }
    Err(io::Error::new(
        io::ErrorKind::TimedOut,
        "does not listen after 10 seconds",
    ))
}

/// Asks as wrk will ask. Returns how long one answer is, in bytes.
pub(crate) fn answer_bytes(port: u16) -> io::Result<usize> {
    let mut stream = TcpStream::connect_timeout(&address(port), ANSWER_MAX)?;
    stream.set_read_timeout(Some(ANSWER_MAX))?;
    stream.write_all(REQUEST.as_bytes())?;
    let first = read(&mut stream, None)?;
    check(&first)?;
    stream.write_all(REQUEST.repeat(PIPELINED).as_bytes())?;
    let rest = read(&mut stream, Some(first.len() * PIPELINED))?;
    for answer in rest.chunks(first.len()) {
        check(answer)?;
    }
    Ok(first.len())
}

/// Reads up to the end of a first body, or `length` bytes.
fn read(stream: &mut TcpStream, length: Option<usize>) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let whole = match length {
            Some(length) => bytes.len() >= length,
            None => bytes.ends_with(BODY.as_bytes()),
        };
        if whole {
            return Ok(bytes);
        }
        if bytes.len() > length.unwrap_or(ANSWER_BYTES_MAX) {
            return Err(io::Error::other("the answer does not end with the body"));
        }
        match stream.read(&mut chunk)? {
            0 => return Err(io::Error::other("closed the connection while it was asked")),
            count => bytes.extend_from_slice(&chunk[..count]),
        }
    }
}

/// Whether this is the answer that all have to give.
fn check(answer: &[u8]) -> io::Result<()> {
    let wrong = |what: &str| Err(io::Error::other(format!("gives another answer: {what}")));
    let text = String::from_utf8_lossy(answer);
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return wrong("no end of its head");
    };
    let mut lines = head.split("\r\n");
    if lines.next() != Some("HTTP/1.1 200 OK") {
        return wrong("the status line");
    }
    let mut names = Vec::new();
    for line in lines {
        let (name, value) = line.split_once(": ").unwrap_or((line, ""));
        let name = name.to_ascii_lowercase();
        match (name.as_str(), value) {
            ("content-type", "text/plain") | ("content-length", "13") => {}
            ("server" | "date", value) if !value.is_empty() => {}
            _ => return wrong(line),
        }
        names.push(name);
    }
    names.sort();
    if names != ["content-length", "content-type", "date", "server"] {
        return wrong("a header field is missing or there twice");
    }
    if body == BODY {
        Ok(())
    } else {
        wrong("the body")
    }
}

fn address(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "HTTP/1.1 200 OK\r\nServer: exampled\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\n\
        content-type: text/plain\r\nContent-Length: 13\r\n\r\nHello, World!";

    #[track_caller]
    fn check_row(from: &str, to: &str, expected: Result<(), &str>) {
        let answer = GOOD.replace(from, to);
        let result = check(answer.as_bytes()).map_err(|error| error.to_string());
        let expected = expected.map_err(|what| format!("gives another answer: {what}"));
        assert_eq!(result, expected);
    }

    #[test]
    fn answers() {
        check_row("", "", Ok(()));
        check_row("200 OK", "404 Not Found", Err("the status line"));
        check_row("text/plain", "text/html", Err("content-type: text/html"));
        check_row("13", "14", Err("Content-Length: 14"));
        check_row("World!", "world!", Err("the body"));
        check_row(
            "Server: exampled\r\n",
            "",
            Err("a header field is missing or there twice"),
        );
        check_row(
            "Server: exampled\r\n",
            "Server: a\r\nServer: b\r\n",
            Err("a header field is missing or there twice"),
        );
        check_row("Server", "X-Powered-By", Err("X-Powered-By: exampled"));
        check_row("\r\n\r\n", "\r\n", Err("no end of its head"));
    }
}
