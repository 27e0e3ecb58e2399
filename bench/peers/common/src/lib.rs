//! What every peer shares, so that a difference between two of them is theirs and not the harness's.
//!
//! A peer's first argument is its port; it listens on 127.0.0.1 and prints `ready` once connections
//! are accepted. All peers answer with the same header fields and, up to
//! the eight letters of the server's name, the same bytes.
//!
//! Not here: pinning and load (the comparison does both from outside), routes (a floor has none, a
//! framework brings its own).

#![forbid(unsafe_code)]

mod answer;
mod terminators;

pub use answer::{Answers, BODY, CONTENT_TYPE, Debt};
pub use terminators::Terminators;

use std::env;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use socket2::{Domain, Socket, Type};

/// How many connections may wait to be accepted: as many as the largest scenario opens at once, and some.
pub const BACKLOG: i32 = 4096;

/// Versions and resources in `/api/v{version}/resource{resource}/{id}`: a thousand routes.
pub const VERSIONS: usize = 10;
/// Resources of each version.
pub const RESOURCES: usize = 100;

/// Messages that a follower may fall behind before it misses some.
pub const FOLLOWERS_BEHIND_MAX: usize = 4096;

/// An answer of `size` bytes, at most 1 MiB.
///
/// ```
/// assert_eq!(bench_peers_common::bytes(1024).len(), 1024);
/// assert_eq!(bench_peers_common::bytes(usize::MAX).len(), 1024 * 1024);
/// ```
pub fn bytes(size: usize) -> &'static [u8] {
    static ALL: [u8; 1024 * 1024] = [b'x'; 1024 * 1024];
    &ALL[..size.min(ALL.len())]
}

/// The port: the first argument.
///
/// # Errors
///
/// No argument, or one that is not a port.
pub fn port() -> io::Result<u16> {
    let usage = || {
        io::Error::new(
            io::ErrorKind::InvalidInput,
            "the first argument is the port",
        )
    };
    env::args()
        .nth(1)
        .and_then(|text| text.parse().ok())
        .ok_or_else(usage)
}

/// A blocking listener on 127.0.0.1 with `TCP_NODELAY`, which accepted connections inherit.
///
/// # Errors
///
/// Whatever binding says, as a taken port.
pub fn listen(port: u16) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.set_tcp_nodelay(true)?;
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)).into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Tells a waiting parent that connections are accepted from now on.
pub fn announce() {
    println!("ready");
}
