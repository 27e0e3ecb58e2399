//! Waits for a server and checks its answer before it is measured.
//!
//! Always true here: what passes the plaintext probe sent exactly TechEmpower's header fields and
//! body, once alone and then sixteen times pipelined; what passes another sent the status and the
//! body that its scenario names.
//!
//! Not here: load.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use crate::scenario::Probe;

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

/// Asks what a scenario is about. Returns how long one answer is, in bytes, where all are alike.
pub(crate) fn ask(port: u16, probe: &Probe) -> io::Result<Option<usize>> {
    if *probe == Probe::plaintext() {
        return answer_bytes(port).map(Some);
    }
    let (method, body) = match &probe.body {
        Some(body) => ("POST", body.as_str()),
        None => ("GET", ""),
    };
    let mut request = format!("{method} {} HTTP/1.1\r\nHost: 127.0.0.1\r\n", probe.path);
    for line in probe.field.iter().flat_map(|field| field.lines()) {
        request += &format!("{line}\r\n");
    }
    if probe.body.is_some() {
        request += &format!("Content-Length: {}\r\n", body.len());
    }
    let mut stream = TcpStream::connect_timeout(&address(port), ANSWER_MAX)?;
    stream.set_read_timeout(Some(ANSWER_MAX))?;
    stream.write_all(format!("{request}\r\n{body}").as_bytes())?;
    let mut answer = Vec::new();
    let mut chunk = vec![0; 64 * 1024];
    while !is_answered(&answer, probe)? {
        match stream.read(&mut chunk)? {
            0 => return Err(io::Error::other("closed the connection while it was asked")),
            count => answer.extend_from_slice(&chunk[..count]),
        }
    }
    Ok(None)
}

/// Whether the answer is whole, as far as the scenario wants to see it; an error if it is wrong.
fn is_answered(answer: &[u8], probe: &Probe) -> io::Result<bool> {
    let Some(end) = answer.windows(4).position(|window| window == b"\r\n\r\n") else {
        return Ok(false);
    };
    let head = String::from_utf8_lossy(&answer[..end]);
    let body = &answer[end + 4..];
    let status = format!("HTTP/1.1 {} ", probe.expect_status.unwrap_or(200));
    // A reason phrase may be missing, the space before it may not (RFC 9112 §4).
    if !head.starts_with(&status) {
        let line = head.lines().next().unwrap_or_default();
        return Err(io::Error::other(format!("gives another answer: {line}")));
    }
    let expected = match (&probe.expect, probe.expect_bytes) {
        (Some(expected), _) => expected.len(),
        (None, Some(bytes)) => bytes,
        (None, None) => return Ok(true),
    };
    let is_wrong = match &probe.expect {
        Some(expected) => !expected.as_bytes().starts_with(body),
        None => body.len() > expected,
    };
    if is_wrong {
        let start = String::from_utf8_lossy(&body[..body.len().min(40)]);
        return Err(io::Error::other(format!("gives another answer: {start}")));
    }
    Ok(body.len() == expected)
}

impl Probe {
    /// The one whose answers are compared field by field.
    fn plaintext() -> Self {
        Self {
            path: "/plaintext".to_owned(),
            body: None,
            expect: Some(BODY.to_owned()),
            expect_bytes: None,
            expect_status: None,
            field: None,
        }
    }
}

/// Asks as wrk will ask. Returns how long one answer is, in bytes.
fn answer_bytes(port: u16) -> io::Result<usize> {
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
    // The reason phrase means nothing (RFC 9112 §4), and not everyone can set it.
    if !lines
        .next()
        .is_some_and(|line| line.starts_with("HTTP/1.1 200 "))
    {
        return wrong("the status line");
    }
    let mut names = Vec::new();
    for line in lines {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        // White space around a value is optional (RFC 9112 §5).
        let (name, value) = (name.to_ascii_lowercase(), value.trim());
        match (name.as_str(), value) {
            ("content-type", "text/plain") | ("content-length", "13") => {}
            ("server" | "date", value) if !value.is_empty() => {}
            // Some cannot be told to leave it out; their length shows in the table.
            ("connection", "keep-alive") | ("keep-alive", _) => continue,
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
    fn answers_of_other_scenarios() {
        let text = Probe {
            expect: Some("55".to_owned()),
            ..Probe::plaintext()
        };
        let long = Probe {
            expect: None,
            expect_bytes: Some(2),
            ..text.clone()
        };
        let upgrade = Probe {
            expect_bytes: None,
            expect_status: Some(101),
            ..long.clone()
        };
        let check = |answer: &str, probe: &Probe| is_answered(answer.as_bytes(), probe).ok();
        let head = "HTTP/1.1 200 OK\r\nA: b\r\n\r\n";
        assert_eq!(check("HTTP/1.1 200 OK\r\nA: b\r\n", &text), Some(false));
        assert_eq!(check(&format!("{head}5"), &text), Some(false));
        assert_eq!(check(&format!("{head}55"), &text), Some(true));
        assert_eq!(check(&format!("{head}56"), &text), None);
        assert_eq!(check(&format!("{head}555"), &text), None);
        assert_eq!(check(&format!("{head}xx"), &long), Some(true));
        assert_eq!(check(&format!("{head}xxx"), &long), None);
        assert_eq!(
            check("HTTP/1.1 101 Switching\r\n\r\n", &upgrade),
            Some(true)
        );
        assert_eq!(check(head, &upgrade), None);
    }

    #[test]
    fn answers() {
        check_row("", "", Ok(()));
        check_row("200 OK", "200 Ok", Ok(()));
        check_row("Content-Length: 13", "content-length:13", Ok(()));
        check_row("200 OK", "404 Not Found", Err("the status line"));
        check_row("text/plain", "text/html", Err("content-type: text/html"));
        check_row("13", "14", Err("Content-Length: 14"));
        check_row("World!", "world!", Err("the body"));
        check_row("Server:", "Connection: keep-alive\r\nServer:", Ok(()));
        check_row(
            "Server:",
            "Connection: close\r\nServer:",
            Err("Connection: close"),
        );
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
