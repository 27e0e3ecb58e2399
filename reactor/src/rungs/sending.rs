//! The part of a ring's self-test that sends.
//!
//! A send that is submitted quietly says only that it did not take all. Should a kernel not say so,
//! or say a wrong count, answers would lose bytes in the middle; so that is tried before it is
//! relied on, with more than the socket has room for.
//!
//! Not here: the part that receives (`rungs.rs`).

use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use rustix::io::Errno;
use rustix::net::{AddressFamily, RecvFlags, SocketFlags, SocketType, recv, socketpair, sockopt};

use super::{RingError, explain, untrustworthy, wait};
use crate::completion::Loan;
use crate::op::{Op, Outgoing, Socket};
use crate::ring::Ring;
use crate::sys::uring::Uring;
use crate::token::{Generation, OpKind, Slot, Token};

/// Several times what the socket has room for.
const MESSAGE_BYTES: usize = 32 * 1024;
const ROOM_BYTES: usize = 4096;
/// So many sends are tried at most; each takes a few KiB.
const SENDS_MAX: usize = 200;

/// Sends a message through a socket that is too small for it, and compares what arrives.
pub(super) fn test(ring: &mut Uring) -> Result<(), RingError> {
    let (near, far) = pair().map_err(|errno| explain(errno.into()))?;
    let message: Vec<u8> = (0..MESSAGE_BYTES).map(|at| (at % 251) as u8).collect();
    let buffer = message.clone();
    let mut outgoing = Outgoing::Single { buffer, sent: 0 };
    let mut received = Vec::new();
    for _ in 0..SENDS_MAX {
        let (count, back) = send(ring, &near, outgoing)?;
        outgoing = back;
        take(&far, &mut received);
        if count > outgoing.left() {
            return Err(untrustworthy("a send took more than it was given"));
        }
        outgoing.advance(count, drop);
        if received.len() != MESSAGE_BYTES - outgoing.left() {
            return Err(untrustworthy("a send did not tell how much it had taken"));
        }
        if outgoing.left() == 0 {
            return match received == message {
                true => Ok(()),
                false => Err(untrustworthy("what was sent is not what arrived")),
            };
        }
    }
    Err(untrustworthy("a message could not be sent whole"))
}

fn pair() -> Result<(OwnedFd, OwnedFd), Errno> {
    let (family, flags) = (AddressFamily::UNIX, SocketFlags::CLOEXEC);
    let (near, far) = socketpair(family, SocketType::STREAM, flags, None)?;
    sockopt::set_socket_send_buffer_size(&near, ROOM_BYTES)?;
    Ok((near, far))
}

/// One send: how much it took, and what was lent for it.
fn send(ring: &mut Uring, to: &OwnedFd, bytes: Outgoing) -> Result<(usize, Outgoing), RingError> {
    let socket = Socket::from_raw(to.as_raw_fd());
    let token = Token::new(OpKind::Send, Slot::new(0), Generation::default());
    ring.push(Op::Send { socket, bytes }, token);
    for _ in 0..100 {
        wait(ring)?;
        while let Some(completion) = ring.next_completion() {
            if let Loan::Outgoing(bytes) = completion.loan {
                // `EAGAIN`: it took nothing, which is an answer as well.
                let is_none = completion.result == -Errno::AGAIN.raw_os_error();
                return match usize::try_from(completion.result) {
                    Ok(count) => Ok((count, bytes)),
                    Err(_) if is_none => Ok((0, bytes)),
                    Err(_) => Err(untrustworthy("a send failed")),
                };
            }
        }
    }
    Err(untrustworthy("a send did not end"))
}

/// Takes what has arrived.
fn take(from: impl AsFd, received: &mut Vec<u8>) {
    let mut piece = [0; 4096];
    while let Ok((count @ 1.., _)) = recv(&from, &mut piece, RecvFlags::DONTWAIT) {
        received.extend_from_slice(&piece[..count]);
    }
}
