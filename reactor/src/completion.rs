//! What each operation's result means, errno by errno. Errnos never travel further up.
//!
//! Always true here:
//! - Each function here is the only reader of its operation's errnos.
//! - An errno that nobody foresaw is carried as `Unexpected` and ends one connection, not the core.
//!
//! Not here: what is done about an outcome (`reactor.rs`).

use rustix::io::Errno;

use crate::op::{Outgoing, Room, Socket};
use crate::ring::Buffer;
use crate::token::Token;

/// One result of one operation.
#[derive(Debug)]
pub struct Completion {
    /// Which operation.
    pub token: Token,
    /// As the kernel says it: a count or descriptor, or a negated errno.
    pub result: i32,
    /// The operation goes on and will complete again.
    pub more: bool,
    /// Memory that comes with it.
    pub loan: Loan,
}

/// Memory that changes hands with a completion.
#[derive(Debug)]
pub enum Loan {
    /// None does.
    Nothing,
    /// Received bytes, lent to us; to be given back by [`crate::Ring::recycle`].
    Buffer(Buffer),
    /// What we had lent for sending.
    Outgoing(Outgoing),
}

impl Loan {
    /// Which kind of buffer it is, if it is one.
    pub(crate) fn room(&self) -> Option<Room> {
        match self {
            Self::Buffer(buffer) => Some(buffer.place().0),
            Self::Nothing | Self::Outgoing(_) => None,
        }
    }
}

/// What one result of an accept means.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum AcceptOutcome {
    Connected(Socket),
    /// The peer gave up before we came to it, or a signal came in between: go on.
    Retry,
    /// No descriptor or memory is left: try again later, never at once.
    Exhausted(Errno),
    Cancelled,
    Unexpected(Errno),
}

pub(crate) fn accept_outcome(result: i32) -> AcceptOutcome {
    match decode(result) {
        Ok(fd) => AcceptOutcome::Connected(Socket::from_raw(fd)),
        Err(errno) if errno == Errno::AGAIN || is_passing(errno) => AcceptOutcome::Retry,
        Err(errno @ (Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM)) => {
            AcceptOutcome::Exhausted(errno)
        }
        Err(Errno::CANCELED) => AcceptOutcome::Cancelled,
        Err(errno) => AcceptOutcome::Unexpected(errno),
    }
}

/// Whether an accept failed because of the connection that it took, or for nothing: the next may
/// succeed.
pub(crate) fn is_passing(errno: Errno) -> bool {
    matches!(
        errno,
        Errno::CONNABORTED
            | Errno::CONNRESET
            | Errno::INTR
            | Errno::PROTO
            | Errno::NETDOWN
            | Errno::NETUNREACH
            | Errno::HOSTUNREACH
            | Errno::HOSTDOWN
            | Errno::NONET
    )
}

/// What one result of a receive means.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum ReceiveOutcome {
    Bytes,
    /// Its direction has ended in good order.
    PeerFinished,
    /// The connection is gone.
    PeerGone,
    /// Every buffer was in use: re-arm once some came home, in order.
    NoBuffer,
    Cancelled,
    Retry,
    Unexpected(Errno),
}

pub(crate) fn receive_outcome(result: i32) -> ReceiveOutcome {
    match decode(result) {
        Ok(0) => ReceiveOutcome::PeerFinished,
        Ok(_) => ReceiveOutcome::Bytes,
        Err(Errno::NOBUFS) => ReceiveOutcome::NoBuffer,
        Err(Errno::CANCELED) => ReceiveOutcome::Cancelled,
        Err(Errno::INTR | Errno::AGAIN) => ReceiveOutcome::Retry,
        Err(errno) if is_peer_gone(errno) => ReceiveOutcome::PeerGone,
        Err(errno) => ReceiveOutcome::Unexpected(errno),
    }
}

/// What the result of a send means.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum SendOutcome {
    /// So many bytes went; perhaps not all.
    Sent(usize),
    PeerGone,
    Cancelled,
    Retry,
    Unexpected(Errno),
}

pub(crate) fn send_outcome(result: i32) -> SendOutcome {
    match decode(result) {
        Ok(count) => SendOutcome::Sent(usize::try_from(count).unwrap_or(0)),
        Err(Errno::CANCELED) => SendOutcome::Cancelled,
        Err(Errno::INTR | Errno::AGAIN) => SendOutcome::Retry,
        Err(errno) if is_peer_gone(errno) => SendOutcome::PeerGone,
        Err(errno) => SendOutcome::Unexpected(errno),
    }
}

/// What the end of a wait for the peer's hang-up means.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum HangUpOutcome {
    PeerFinished,
    Cancelled,
    Unexpected(Errno),
}

pub(crate) fn hang_up_outcome(result: i32) -> HangUpOutcome {
    match decode(result) {
        Ok(_) => HangUpOutcome::PeerFinished,
        Err(Errno::CANCELED) => HangUpOutcome::Cancelled,
        Err(errno) => HangUpOutcome::Unexpected(errno),
    }
}

/// Whether a connection that was there is not any more. One whose packets get no answer ends by
/// what the network last said of it, and else by `ETIMEDOUT`.
fn is_peer_gone(errno: Errno) -> bool {
    matches!(
        errno,
        Errno::CONNABORTED
            | Errno::CONNRESET
            | Errno::HOSTDOWN
            | Errno::HOSTUNREACH
            | Errno::NETDOWN
            | Errno::NETUNREACH
            | Errno::NOTCONN
            | Errno::PIPE
            | Errno::TIMEDOUT
    )
}

fn decode(result: i32) -> Result<i32, Errno> {
    if result < 0 {
        Err(Errno::from_raw_os_error(-result))
    } else {
        Ok(result)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(errno: Errno) -> i32 {
        -errno.raw_os_error()
    }

    #[test]
    fn running_out_of_descriptors_is_not_a_reason_to_try_at_once() {
        for errno in [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM] {
            assert_eq!(
                accept_outcome(failed(errno)),
                AcceptOutcome::Exhausted(errno)
            );
        }
        // It may refuse every accept, before it has taken a connection off the queue.
        assert_eq!(
            accept_outcome(failed(Errno::PERM)),
            AcceptOutcome::Unexpected(Errno::PERM)
        );
        assert_eq!(
            accept_outcome(failed(Errno::CONNABORTED)),
            AcceptOutcome::Retry
        );
        assert_eq!(
            accept_outcome(5),
            AcceptOutcome::Connected(Socket::from_raw(5))
        );
    }

    #[test]
    fn errnos_that_nobody_foresaw_are_named() {
        let errno = Errno::XDEV;
        assert_eq!(
            accept_outcome(failed(errno)),
            AcceptOutcome::Unexpected(errno)
        );
        assert_eq!(
            receive_outcome(failed(errno)),
            ReceiveOutcome::Unexpected(errno)
        );
        assert_eq!(send_outcome(failed(errno)), SendOutcome::Unexpected(errno));
        assert_eq!(
            hang_up_outcome(failed(errno)),
            HangUpOutcome::Unexpected(errno)
        );
    }

    #[test]
    fn an_end_is_not_an_error() {
        assert_eq!(receive_outcome(0), ReceiveOutcome::PeerFinished);
        for errno in [Errno::CONNRESET, Errno::TIMEDOUT, Errno::HOSTUNREACH] {
            assert_eq!(receive_outcome(failed(errno)), ReceiveOutcome::PeerGone);
            assert_eq!(send_outcome(failed(errno)), SendOutcome::PeerGone);
        }
        assert_eq!(
            receive_outcome(failed(Errno::NOBUFS)),
            ReceiveOutcome::NoBuffer
        );
    }
}
