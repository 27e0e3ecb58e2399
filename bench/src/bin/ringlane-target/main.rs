//! `ringlane-target PORT`: ringlane with every route that is measured, one worker.
//!
//! Not here: the routes (`src/target.rs`).

#![forbid(unsafe_code)]
#![expect(
    clippy::print_stdout,
    reason = "whoever waits for the server reads this line"
)]

use ringlane::{Result, Server};

fn main() -> Result {
    let usage = "the first argument is the port";
    let port: u16 = std::env::args()
        .nth(1)
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| std::io::Error::new(std::io::ErrorKind::InvalidInput, usage))?;
    let server = Server::builder()
        .bind(&format!("127.0.0.1:{port}"))
        .workers(1)
        .backlog(4096);
    let handle = ringlane_bench::target::routes(server).build()?.start()?;
    println!("ready");
    handle.wait_for_signal()
}
