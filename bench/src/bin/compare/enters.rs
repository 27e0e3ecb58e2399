//! Reads ringlane's own count of system calls from `/healthz`.
//!
//! Always true here:
//! - Only ringlane is asked, and outside of what is measured.
//! - Who does not say has no figure, which is no failure.
//!
//! Not here: when to ask, and what the difference of two answers means (`measure.rs`).

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use serde::Deserialize;

use crate::contender::Role;

const ANSWER_MAX: Duration = Duration::from_secs(5);
const ANSWER_BYTES_MAX: u64 = 1024 * 1024;
const REQUEST: &str = "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n";

/// What is read of an answer.
#[derive(Deserialize)]
struct Health {
    cores: Vec<Core>,
}

#[derive(Deserialize)]
struct Core {
    enters: u64,
}

/// Calls that submitted or waited since the server on `port` started, on all its cores.
pub(crate) fn ask(role: Role, port: u16) -> Option<u64> {
    match role {
        Role::Ringlane | Role::Variant => parse(&answer(port)?),
        Role::Extra | Role::Floor | Role::Peer => None,
    }
}

fn answer(port: u16) -> Option<Vec<u8>> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, ANSWER_MAX).ok()?;
    stream.set_read_timeout(Some(ANSWER_MAX)).ok()?;
    stream.write_all(REQUEST.as_bytes()).ok()?;
    let mut answer = Vec::new();
    let mut limited = stream.take(ANSWER_BYTES_MAX);
    limited.read_to_end(&mut answer).ok()?;
    Some(answer)
}

fn parse(answer: &[u8]) -> Option<u64> {
    let body = answer.strip_prefix(b"HTTP/1.1 200 ")?;
    let end = body.windows(4).position(|window| window == b"\r\n\r\n")?;
    let health: Health = serde_json::from_slice(&body[end + 4..]).ok()?;
    Some(health.cores.iter().map(|core| core.enters).sum())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringlane::Server;
    use ringlane::middleware::Health;

    #[test]
    fn answers() {
        let head = "HTTP/1.1 200 OK\r\nA: b\r\n\r\n";
        let parse = |answer: String| parse(answer.as_bytes());
        let cores = r#"{"status":"ok","cores":[{"core":0,"enters":3},{"core":1,"enters":4}]}"#;
        assert_eq!(parse(format!("{head}{cores}")), Some(7));
        assert_eq!(parse(format!("{head}{{}}")), None);
        assert_eq!(parse(format!("{head}{}", &cores[1..])), None);
        assert_eq!(parse(cores.to_owned()), None);
        assert_eq!(parse("HTTP/1.1 404 Not Found\r\n\r\n".to_owned()), None);
        assert_eq!(parse("HTTP/1.1 200 OK\r\n".to_owned()), None);
        assert_eq!(parse(String::new()), None);
    }

    #[test]
    fn ringlane_says_it_and_peers_are_not_asked() -> ringlane::Result {
        let server = Server::builder()
            .bind("127.0.0.1:0")
            .workers(1)
            .with(Health::new().details(true))
            .build()?;
        let handle = server.start()?;
        let port = handle
            .addresses()
            .next()
            .map_or(0, |address| address.port());
        let first = ask(Role::Ringlane, port);
        let second = ask(Role::Variant, port);
        assert!(first > Some(0) && second > first, "{first:?}, {second:?}");
        assert_eq!(ask(Role::Peer, port), None);
        handle.shutdown();
        Ok(())
    }
}
