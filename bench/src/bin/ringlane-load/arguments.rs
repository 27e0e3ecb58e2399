//! Parses and checks the command line of `ringlane-load`.
//!
//! Not here: what a mode does with it (`http.rs`, `websocket.rs`, `subscribe.rs`, `idle.rs`).

use std::net::{SocketAddr, SocketAddrV4};
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// More descriptors than this no run may take, whatever the process is allowed.
pub(crate) const CONNECTIONS_MAX: u32 = 19_000;
/// The loopback network has more addresses, but no run needs them.
const SOURCES_MAX: i64 = 250;
const SECONDS_MAX: f64 = 3600.0;
const BYTES_MAX: u64 = 1 << 30;

/// Load for one server, from one thread.
#[derive(Clone, Debug, Parser)]
#[command(name = "ringlane-load", version, about)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) mode: Mode,
}

/// What is sent.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Mode {
    /// Requests: as fast as they are answered, or at a constant rate.
    Http(Http),
    /// Messages of a WebSocket that sends each one back.
    Websocket(Websocket),
    /// Messages published by one and delivered to many.
    Subscribe(Subscribe),
    /// Connections that ask once and are then held.
    Idle(Idle),
}

/// What every mode takes.
#[derive(Args, Clone, Debug)]
pub(crate) struct Common {
    /// The server, as `http://127.0.0.1:8080/path`; only addresses, no names.
    #[arg(value_parser = target)]
    pub(crate) url: Target,
    /// Connections that are open at once.
    #[arg(long, short, default_value_t = 64,
        value_parser = clap::value_parser!(u32).range(1..=i64::from(CONNECTIONS_MAX)))]
    pub(crate) connections: u32,
    /// How long the load lasts once all connections are there.
    #[arg(long, short, default_value = "3", value_parser = seconds)]
    pub(crate) seconds: Duration,
    /// Addresses 127.0.0.1, 127.0.0.2, … that connections come from, in turns: one address has
    /// about 28,000 ports.
    #[arg(long, default_value_t = 1,
        value_parser = clap::value_parser!(u32).range(1..=SOURCES_MAX))]
    pub(crate) sources: u32,
    /// Count the CPU time that this process takes while the load lasts: the server's, without what
    /// it takes to open the connections.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) server_pid: Option<u32>,
    /// Print one line of JSON instead of text.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Requests and answers.
#[derive(Args, Clone, Debug)]
pub(crate) struct Http {
    #[command(flatten)]
    pub(crate) common: Common,
    /// Requests sent together on a connection; the next ones follow when all are answered.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub(crate) pipeline: u32,
    /// Close a connection after this many answers, and open another.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) requests_per_connection: Option<u64>,
    /// Requests per second over all connections, sent when they are due: latencies count from then.
    #[arg(long, conflicts_with = "pipeline", value_parser = rate)]
    pub(crate) rate: Option<f64>,
    /// End after this many requests, if the time is not up before.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) requests: Option<u64>,
    /// Send POST with a body of this many bytes.
    #[arg(long, value_parser = clap::value_parser!(u64).range(0..=BYTES_MAX))]
    pub(crate) body_bytes: Option<u64>,
    /// Send POST with this body.
    #[arg(long, conflicts_with = "body_bytes")]
    pub(crate) body: Option<String>,
    /// Send the body in chunks of this many bytes.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=BYTES_MAX))]
    pub(crate) chunk_bytes: Option<u64>,
    /// Count answers whose body has another length as errors.
    #[arg(long)]
    pub(crate) expect_bytes: Option<u64>,
    /// Clients beside the others that send one byte of a request every 100 ms, and never all.
    #[arg(long, default_value_t = 0,
        value_parser = clap::value_parser!(u32).range(0..=i64::from(CONNECTIONS_MAX)))]
    pub(crate) slow_connections: u32,
}

/// Messages and their echoes.
#[derive(Args, Clone, Debug)]
pub(crate) struct Websocket {
    #[command(flatten)]
    pub(crate) common: Common,
    /// Bytes of a message.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u64).range(0..=BYTES_MAX))]
    pub(crate) size: u64,
    /// Offer permessage-deflate without context takeover, and send every message compressed. The
    /// messages are JSON then, and each echo has to come compressed: that takes 128 bytes.
    #[arg(long)]
    pub(crate) deflate: bool,
    /// Messages of a connection that are under way.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub(crate) window: u32,
    /// End after this many messages, if the time is not up before.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) messages: Option<u64>,
}

/// How deliveries arrive.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Format {
    /// Answers; nothing is delivered.
    Http,
    /// Server-sent events.
    Sse,
    /// Messages of a WebSocket.
    Websocket,
}

/// Fan-out.
#[derive(Args, Clone, Debug)]
pub(crate) struct Subscribe {
    #[command(flatten)]
    pub(crate) common: Common,
    /// How deliveries arrive.
    #[arg(long, value_enum)]
    pub(crate) format: Format,
    /// Where the publisher, one more connection, posts its messages.
    #[arg(long, default_value = "/publish")]
    pub(crate) publish: String,
    /// Bytes of a message.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u64).range(41..=65_536))]
    pub(crate) size: u64,
    /// Messages per second; without it, each is published when those before it are delivered.
    #[arg(long, value_parser = rate)]
    pub(crate) rate: Option<f64>,
    /// Without a rate: messages that may be on their way to some subscriber.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=1024))]
    pub(crate) window: u64,
    /// Subscribers beside the others that read nothing once they are there. They ask for the same
    /// path with `?stalls` behind it; whom the server has not given up at the end is an error.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=1000))]
    pub(crate) stalled_connections: u32,
    /// End when this many messages are delivered to all, if the time is not up before.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) messages: Option<u64>,
}

/// Connections that wait.
#[derive(Args, Clone, Debug)]
pub(crate) struct Idle {
    #[command(flatten)]
    pub(crate) common: Common,
    /// What is asked for once.
    #[arg(long, value_enum)]
    pub(crate) format: Format,
}

impl Mode {
    pub(crate) fn common(&self) -> &Common {
        match self {
            Self::Http(http) => &http.common,
            Self::Websocket(websocket) => &websocket.common,
            Self::Subscribe(subscribe) => &subscribe.common,
            Self::Idle(idle) => &idle.common,
        }
    }
}

/// Where a server is, and what is asked of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Target {
    pub(crate) address: SocketAddrV4,
    /// Path and query.
    pub(crate) path: String,
}

fn target(text: &str) -> Result<Target, String> {
    let rest = text
        .strip_prefix("http://")
        .or_else(|| text.strip_prefix("ws://"))
        .ok_or("the address must begin with http:// or ws://")?;
    let (address, path) = match rest.find('/') {
        Some(at) => rest.split_at(at),
        None => (rest, "/"),
    };
    if path.bytes().any(|byte| !byte.is_ascii_graphic()) {
        return Err("the path must be printable ASCII without spaces".to_owned());
    }
    let address = match address.parse() {
        Ok(SocketAddr::V4(address)) if address.ip().is_loopback() => address,
        Ok(_) => return Err("only addresses of the loopback network are loaded".to_owned()),
        Err(_) => return Err("the host must be an address with a port".to_owned()),
    };
    let path = path.to_owned();
    Ok(Target { address, path })
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok();
    let seconds = seconds.filter(|seconds| *seconds > 0.0 && *seconds <= SECONDS_MAX);
    let seconds = seconds.ok_or_else(|| format!("not more than 0 and at most {SECONDS_MAX}"))?;
    Ok(Duration::from_secs_f64(seconds))
}

fn rate(text: &str) -> Result<f64, String> {
    let rate: Option<f64> = text.parse().ok();
    rate.filter(|rate| (0.001..=10_000_000.0).contains(rate))
        .ok_or_else(|| "not a rate from 0.001 to 10,000,000 per second".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, valid: bool) {
        let words = line.split(' ').filter(|word| !word.is_empty());
        let parsed = Arguments::try_parse_from(std::iter::once("ringlane-load").chain(words));
        assert_eq!(parsed.is_ok(), valid, "{line}: {parsed:?}");
    }

    #[test]
    fn command_lines() {
        let url = "http://127.0.0.1:1/a?b=c";
        check(&format!("http {url}"), true);
        check(&format!("http {url} --connections 19000"), true);
        check(&format!("http {url} --connections 19001"), false);
        check(&format!("http {url} --connections 0"), false);
        check(&format!("http {url} --pipeline 1024"), true);
        check(&format!("http {url} --pipeline 1025"), false);
        check(&format!("http {url} --rate 10 --pipeline 2"), false);
        check(&format!("http {url} --rate 0"), false);
        check(&format!("http {url} --rate NaN"), false);
        check(&format!("http {url} --seconds 3600"), true);
        check(&format!("http {url} --seconds 3600.1"), false);
        check(&format!("http {url} --seconds NaN"), false);
        check(&format!("http {url} --sources 251"), false);
        check(&format!("subscribe {url} --format sse --size 41"), true);
        check(&format!("subscribe {url} --format sse --size 40"), false);
        check(&format!("idle {url}"), false);
        check("websocket ws://127.0.0.2:1", true);
        check("http https://127.0.0.1:1/", false);
        check("http http://localhost:1/", false);
        check("http http://192.0.2.1:1/", false);
        check("http http://127.0.0.1:1/ü", false);
        check("http http://127.0.0.1/", false);
    }

    #[test]
    fn targets() {
        let target = target("ws://127.0.0.1:80").expect("valid");
        assert_eq!(target.path, "/");
        assert_eq!(target.address.port(), 80);
    }
}
