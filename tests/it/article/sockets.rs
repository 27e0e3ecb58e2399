//! Tests the options of the server's sockets, as the kernel reports them.

use std::net::SocketAddr;
use std::os::fd::OwnedFd;

use rustix::net::{getpeername, sockopt};
use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};
use serde_json::json;

use super::Article;

/// The server's end of a connection from `peer`. `None` if the system lets nobody look.
fn accepted(article: &Article, peer: SocketAddr) -> Option<OwnedFd> {
    let id = i32::try_from(article.id()).ok().and_then(Pid::from_raw)?;
    let process = pidfd_open(id, PidfdFlags::empty()).ok()?;
    let numbers = std::fs::read_dir(format!("/proc/{}/fd", article.id())).ok()?;
    let numbers = numbers.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let mut sockets =
        numbers.filter_map(|fd| pidfd_getfd(&process, fd, PidfdGetfdFlags::empty()).ok());
    sockets.find(|socket| {
        let address = getpeername(socket).ok().flatten();
        address.and_then(|address| SocketAddr::try_from(address).ok()) == Some(peer)
    })
}

/// Runs with the server's end of a connection, if one can get at it here.
fn check(nodelay: bool, look: impl Fn(&OwnedFd)) {
    let article = Article::with(json!({ "nodelay": nodelay }));
    let mut client = article.connect();
    assert_eq!(client.get("/pool").status, 200); // it is accepted now
    let peer = client.stream.local_addr().expect("an address");
    match accepted(&article, peer) {
        Some(socket) => look(&socket),
        None => eprintln!("another process' sockets cannot be looked at here"),
    }
}

#[test]
fn nodelay_is_on_and_can_be_turned_off() {
    for nodelay in [true, false] {
        check(nodelay, |socket| {
            assert_eq!(sockopt::tcp_nodelay(socket), Ok(nodelay));
        });
    }
}

#[test]
fn lingering_is_not_left_to_the_kernel() {
    check(true, |socket| {
        assert_eq!(sockopt::socket_linger(socket), Ok(None));
    });
}
