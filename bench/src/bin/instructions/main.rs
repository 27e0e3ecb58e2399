//! `instructions COUNT`: serves so many plaintext requests without a socket, to be counted by
//! callgrind.
//!
//! What a request costs between receive and send is the difference of two runs over the difference
//! of their counts (`.ci/instructions` does that): starting up falls out of it.
//!
//! Not here: time (`benches/request_path.rs` measures that).

#![forbid(unsafe_code)]

use std::io;

use ringlane::{Context, Result, Server, testing};
use ringlane_reactor::{Application, Detached, Intent};

fn main() -> Result {
    let usage = "the first argument is the count of requests";
    let count: u32 = std::env::args()
        .nth(1)
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, usage))?;
    let server = Server::builder()
        .get("/plaintext", |ctx: Context| {
            ctx.set_content_type("text/plain").text("Hello, World!");
        })
        .build()?;
    let mut application = testing::application(&server);
    let mut connection = Detached::default();
    let mut conversation = connection.with(&mut [], |io| application.opened(io));
    let mut request = *b"GET /plaintext HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
    for _ in 0..count {
        let intent = connection.with(&mut request, |io| {
            application.advance(&mut conversation, io)
        });
        let buffer = connection.output.buffer();
        if intent != Intent::Continue || !buffer.starts_with(b"HTTP/1.1 200 OK\r\n") {
            return Err(io::Error::other("the request was not answered").into());
        }
        buffer.clear();
    }
    Ok(())
}
