//! A chat: everyone in one room, messages as JSON, a page to try it with.
//!
//! ```text
//! cargo run --example chat -- [ADDRESS]
//! ```
//!
//! Open <http://127.0.0.1:8080/chat> twice, or wherever it says that it listens.

#![forbid(unsafe_code)]

mod room;

use std::io::Write;

use ringlane::{Result, Server};

fn main() -> Result {
    let address = std::env::args().nth(1);
    let address = address.as_deref().unwrap_or("127.0.0.1:8080");
    let server = room::routes(Server::builder().bind(address)).build()?;
    server.run_with(|handle| {
        for address in handle.addresses() {
            // Whoever started this may wait for the line; nobody has to.
            let _ = writeln!(std::io::stdout(), "listening on http://{address}");
        }
    })
}
