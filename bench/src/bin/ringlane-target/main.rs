//! `ringlane-target PORT [guarded | two-workers]`: ringlane with every route that is measured, one
//! worker; guarded, within the layers that most servers want.
//!
//! Not here: the routes (`src/target.rs`).

#![forbid(unsafe_code)]
#![expect(
    clippy::print_stdout,
    reason = "whoever waits for the server reads this line"
)]

use std::io;

use ringlane::middleware::{Counters, RequestId, SecurityHeaders};
use ringlane::{Result, Server};

fn main() -> Result {
    let mut arguments = std::env::args().skip(1);
    let port = arguments.next().and_then(|text| text.parse::<u16>().ok());
    let mode = arguments.next();
    let (Some(port), mode @ (None | Some("guarded" | "two-workers")), None) =
        (port, mode.as_deref(), arguments.next())
    else {
        let usage = "usage: ringlane-target PORT [guarded | two-workers]";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, usage).into());
    };
    let mut server = Server::builder()
        .bind(&format!("127.0.0.1:{port}"))
        .workers(if mode == Some("two-workers") { 2 } else { 1 })
        .backlog(4096);
    if mode == Some("guarded") {
        server = server
            .with(RequestId::new())
            .with(SecurityHeaders::new())
            .with(Counters::new());
    }
    let server = ringlane_bench::target::routes(server).build()?;
    server.run_with(|_| println!("ready"))
}
