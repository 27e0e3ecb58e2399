//! What keeps the memory that is lent to the kernel from being given back early.

use std::io::Write;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;

use super::*;
use crate::config::Config;
use crate::op::{Outgoing, Room};
use crate::sys::epoll::Epoll;
use crate::token::{Generation, Slot};

/// Whether this machine has io_uring. Fails where the kernel allows it and it does not work.
pub(crate) fn is_here() -> bool {
    let Err(error) = Uring::open(&Config::default()) else {
        return true;
    };
    let setting = std::fs::read_to_string("/proc/sys/kernel/io_uring_disabled");
    let is_allowed = setting.is_ok_and(|text| text.trim() == "0");
    assert!(!is_allowed, "the kernel allows io_uring, and yet: {error}");
    eprintln!("NOT RUN: {error}");
    false
}

fn token(kind: OpKind) -> Token {
    Token::new(kind, Slot::new(0), Generation::default())
}

fn pair() -> (Socket, UnixStream) {
    let (near, far) = UnixStream::pair().expect("two sockets");
    (OwnedFd::from(near).into(), far)
}

/// The first buffer that a ring lends.
fn lent(ring: &mut impl Ring) -> Buffer {
    let (socket, mut far) = pair();
    ring.push(
        Op::Receive {
            socket,
            room: Room::Small,
        },
        token(OpKind::Receive),
    );
    far.write_all(b"hello").expect("sending");
    ring.submit_and_wait(Wait::AtMost(Duration::from_secs(10)))
        .expect("the ring is of use");
    let completion = ring.next_completion().expect("bytes are there");
    let Loan::Buffer(buffer) = completion.loan else {
        panic!("they are in no buffer: {completion:?}");
    };
    buffer
}

fn panics(act: impl FnOnce()) -> bool {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(act)).is_err()
}

#[test]
fn the_name_of_a_send_is_for_sends_alone() {
    if !is_here() {
        return;
    }
    let mut ring = Uring::open(&Config::default()).expect("it is here");
    let (socket, _far) = pair();
    let buffer = vec![1; 4 << 20]; // more than the peer has room for
    let bytes = Outgoing::Single { buffer, sent: 0 };
    ring.push(Op::Send { socket, bytes }, token(OpKind::Send));
    // Its completion would have given the memory of the send back, while the kernel reads it.
    assert!(panics(
        || ring.push(Op::HangUp { socket }, token(OpKind::Send))
    ));
}

#[test]
fn a_buffer_goes_home_to_its_own_ring_only() {
    let config = Config::default();
    let mut epolls = [(); 2].map(|()| Epoll::open(&config).expect("epoll is there"));
    let buffer = lent(&mut epolls[0]);
    assert!(panics(|| drop(epolls[1].bytes(&buffer).to_vec())));
    assert!(panics(|| epolls[1].recycle(buffer)));
    if !is_here() {
        return;
    }
    let [mut one, mut other] = [(); 2].map(|()| Uring::open(&config).expect("it is here"));
    let (first, second) = (lent(&mut one), lent(&mut other));
    assert!(panics(|| drop(one.bytes(&second).to_vec())));
    assert_eq!(*one.bytes(&first), *b"hello");
    assert!(panics(|| one.recycle(second)));
    one.recycle(first);
}

#[test]
fn lost_completions_end_the_ring_and_short_memory_does_not() {
    let error = io::Error::from_raw_os_error;
    assert!(!is_temporary(&error(libc::EBADR)));
    for errno in [
        libc::ENOMEM,
        libc::EAGAIN,
        libc::EBUSY,
        libc::EINTR,
        libc::ETIME,
    ] {
        assert!(is_temporary(&error(errno)));
    }
}
