//! A chat: everyone in one room, messages as JSON, a page to try it with.
//!
//! Run it with `cargo run --example chat` and open <http://127.0.0.1:8080/chat> twice.

#![forbid(unsafe_code)]

mod room;

use ringlane::{Result, Server};

fn main() -> Result {
    room::routes(Server::builder().bind("127.0.0.1:8080"))
        .build()?
        .run()
}
