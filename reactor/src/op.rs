//! Every operation that a reactor ever submits, with the memory that it lends meanwhile.
//!
//! Always true here:
//! - An [`Op`] owns the bytes it lends; the ring keeps them until the last completion.
//! - Adding an operation is adding a variant: each driver's `match` then fails to compile.
//!
//! Not here: the names of operations (`token.rs`), their results (`completion.rs`).

use std::collections::VecDeque;
use std::os::fd::{IntoRawFd, OwnedFd, RawFd};

use bytes::Bytes;

use crate::caught::drop_caught;
use crate::token::{OpKind, Token};

/// A socket, as the ring that made or adopted it names it: a descriptor, or a simulation's number.
///
/// It is a name, not an owner: whoever holds the slot of a connection closes it, once.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Socket(RawFd);

impl Socket {
    /// Names a descriptor that the kernel (or a simulation) made for us.
    pub(crate) const fn from_raw(fd: RawFd) -> Self {
        Self(fd)
    }

    pub(crate) const fn raw(self) -> RawFd {
        self.0
    }
}

/// Takes over the descriptor: from now on it is closed through the ring.
impl From<OwnedFd> for Socket {
    fn from(fd: OwnedFd) -> Self {
        Self(fd.into_raw_fd())
    }
}

/// One operation. Those marked *repeats* complete many times until they say that no more comes.
#[derive(Debug)]
pub enum Op {
    /// Takes one connection; the result is a new socket. Several may be armed at one listener: each
    /// takes another.
    Accept {
        /// A listening socket.
        listener: Socket,
    },
    /// Receives into buffers of the ring as bytes come (*repeats*).
    Receive {
        /// From where.
        socket: Socket,
        /// Into which buffers.
        room: Room,
    },
    /// Sends; may complete short.
    Send {
        /// Where to.
        socket: Socket,
        /// What; comes back with the completion.
        bytes: Outgoing,
    },
    /// Waits until the peer has finished sending or is gone.
    HangUp {
        /// Of which connection.
        socket: Socket,
    },
    /// Asks for the end of another operation, which then completes by itself.
    Cancel {
        /// Its name.
        target: Token,
    },
    /// Waits until another thread has something for this core.
    Notice,
}

impl Op {
    /// Which kind it is: the one that its name must bear.
    #[inline]
    pub const fn kind(&self) -> OpKind {
        match self {
            Self::Accept { .. } => OpKind::Accept,
            Self::Receive { .. } => OpKind::Receive,
            Self::Send { .. } => OpKind::Send,
            Self::HangUp { .. } => OpKind::HangUp,
            Self::Cancel { .. } => OpKind::Cancel,
            Self::Notice => OpKind::Notice,
        }
    }
}

/// Which of the ring's buffers bytes are received into.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Room {
    /// Small ones, of which there are many: right for requests.
    #[default]
    Small,
    /// Large ones, of which there are few, each in memory of its own: right for bodies that come
    /// faster than small ones are read.
    Large,
}

/// Bytes on their way to a peer, and how many of them have gone.
#[derive(Debug)]
pub enum Outgoing {
    /// One buffer, as most answers are.
    Single {
        /// The bytes.
        buffer: Vec<u8>,
        /// How many of them have gone.
        sent: usize,
    },
    /// Several pieces in order, as large bodies are: none is copied.
    Vectored(Box<Pieces>),
}

/// Pieces in order; those that have gone whole are no longer here.
#[derive(Debug, Default)]
pub struct Pieces {
    /// What is left, first to last.
    pub pieces: VecDeque<Piece>,
    /// How many bytes of the first piece have gone.
    pub sent: usize,
}

/// One contiguous run of bytes.
#[derive(Debug)]
pub enum Piece {
    /// A buffer of ours, reused afterwards.
    Buffer(Vec<u8>),
    /// Bytes shared with others.
    Shared(Shared),
}

/// Bytes shared with others. Should the destructor of their owner panic, that ends there.
#[derive(Clone, Debug)]
pub struct Shared(Bytes);

impl From<Bytes> for Shared {
    fn from(bytes: Bytes) -> Self {
        Self(bytes)
    }
}

impl Drop for Shared {
    #[inline]
    fn drop(&mut self) {
        drop_caught(std::mem::take(&mut self.0));
    }
}

impl Piece {
    /// The bytes.
    pub fn as_slice(&self) -> &[u8] {
        match self {
            Self::Buffer(buffer) => buffer,
            Self::Shared(Shared(bytes)) => bytes,
        }
    }
}

impl Outgoing {
    /// How many bytes are still to go.
    pub fn left(&self) -> usize {
        match self {
            Self::Single { buffer, sent } => buffer.len() - sent,
            Self::Vectored(pieces) => {
                let all: usize = pieces
                    .pieces
                    .iter()
                    .map(|piece| piece.as_slice().len())
                    .sum();
                all - pieces.sent
            }
        }
    }

    /// Notes that `count` more bytes have gone. Buffers that are done are given to `home`.
    pub fn advance(&mut self, count: usize, mut home: impl FnMut(Vec<u8>)) {
        assert!(count <= self.left(), "more bytes went than there were");
        match self {
            Self::Single { sent, .. } => *sent += count,
            Self::Vectored(pieces) => {
                pieces.sent += count;
                while let Some(first) = pieces.pieces.front()
                    && pieces.sent >= first.as_slice().len()
                {
                    pieces.sent -= first.as_slice().len();
                    if let Some(Piece::Buffer(buffer)) = pieces.pieces.pop_front() {
                        home(buffer);
                    }
                }
            }
        }
    }

    /// The first run of bytes that is still to go.
    pub fn front(&self) -> &[u8] {
        match self {
            Self::Single { buffer, sent } => &buffer[*sent..],
            Self::Vectored(pieces) => pieces
                .pieces
                .front()
                .map_or(&[], |piece| &piece.as_slice()[pieces.sent..]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::caught::tests::Bomb;

    #[test]
    fn bytes_whose_owner_panics_when_they_have_gone_end_nothing_else() {
        struct Owner(Bomb);
        impl AsRef<[u8]> for Owner {
            fn as_ref(&self) -> &[u8] {
                let Self(_bomb) = self;
                b"body"
            }
        }
        let piece = || Piece::Shared(Bytes::from_owner(Owner(Bomb)).into());
        let pieces = VecDeque::from([piece(), piece(), piece()]);
        let mut outgoing = Outgoing::Vectored(Box::new(Pieces { pieces, sent: 0 }));
        outgoing.advance(5, drop);
        assert_eq!(outgoing.left(), 7);
        drop(outgoing); // two at once: if these were not caught, the process would end
    }

    #[test]
    fn what_has_gone_is_forgotten_piece_by_piece() {
        let pieces = VecDeque::from([
            Piece::Buffer(b"head".to_vec()),
            Piece::Shared(Bytes::from_static(b"body").into()),
            Piece::Buffer(b"tail".to_vec()),
        ]);
        for first_step in 0..=12 {
            let mut home = Vec::new();
            let copy = pieces.iter().map(|piece| match piece {
                Piece::Buffer(buffer) => Piece::Buffer(buffer.clone()),
                Piece::Shared(bytes) => Piece::Shared(bytes.clone()),
            });
            let mut outgoing = Outgoing::Vectored(Box::new(Pieces {
                pieces: copy.collect(),
                sent: 0,
            }));
            outgoing.advance(first_step, |buffer| home.push(buffer));
            assert_eq!(outgoing.left(), 12 - first_step);
            let expected = &b"headbodytail"[first_step..];
            assert!(expected.starts_with(outgoing.front()), "after {first_step}");
            assert_eq!(outgoing.front().is_empty(), expected.is_empty());
            outgoing.advance(12 - first_step, |buffer| home.push(buffer));
            assert_eq!(outgoing.left(), 0);
            assert_eq!(home, [b"head".to_vec(), b"tail".to_vec()]);
        }
    }
}
