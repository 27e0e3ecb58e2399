//! `ringlane-load`: load for one server of the loopback network, from one thread.
//!
//! Requests in a closed loop or at a constant rate, pipelined or on short connections; WebSocket
//! echoes; fan-out over WebSocket and Server-Sent Events; connections that wait.
//!
//! Always true here:
//! - Only addresses of the loopback network are loaded, with a bounded count of connections and for
//!   a bounded time.
//! - What the server sends is checked: who answers faster by answering wrongly has errors.
//!
//! Not here: starting servers, comparing them (`compare`).

#![forbid(unsafe_code)]
#![expect(
    clippy::print_stdout,
    reason = "the figures are what this program is for"
)]

mod answer;
mod arguments;
mod deflate;
mod delivery;
mod engine;
mod frame;
mod http;
mod line;
mod outcome;
mod schedule;
mod subscribe;
#[cfg(test)]
mod tests;
mod websocket;

use std::io;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser as _;

use crate::arguments::{Arguments, Format, Mode};
use crate::engine::Engine;
use crate::http::Http;
use crate::outcome::Outcome;
use crate::subscribe::Subscribe;
use crate::websocket::Websocket;

/// What has no answer for so long when a run ends counts as an error.
pub(crate) const STALL: Duration = Duration::from_secs(2);

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments.mode) {
        Ok(outcome) if arguments.mode.common().json => println!("{}", outcome.json()),
        Ok(outcome) => print!("{outcome}"),
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn run(mode: &Mode) -> io::Result<Outcome> {
    let common = mode.common();
    match mode {
        Mode::Http(http) => Engine::run(common, http.slow_connections, Http::new(http)),
        Mode::Websocket(websocket) if websocket.deflate && websocket.size < deflate::BYTES_MIN => {
            Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "--deflate takes messages of 128 bytes at least: --size",
            ))
        }
        Mode::Websocket(websocket) => Engine::run(common, 0, Websocket::new(websocket)),
        Mode::Subscribe(subscribe) if subscribe.format == Format::Http => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "answers deliver nothing: subscribe takes --format sse or websocket",
        )),
        Mode::Subscribe(subscribe) => {
            let more = 1 + subscribe.stalled_connections;
            Engine::run(common, more, Subscribe::new(subscribe))
        }
        Mode::Idle(idle) => Engine::run(common, 0, Subscribe::idle(idle)),
    }
}
