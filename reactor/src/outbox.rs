//! Bytes waiting to go out, in order: small ones gathered in one buffer, large ones as they are.
//!
//! Always true here:
//! - Bytes leave in the order they were written.
//! - An outbox with nothing in it holds no memory once its call has ended.
//!
//! Not here: bytes already lent to the ring (`op.rs`), when they are sent (`reactor.rs`).

use std::collections::VecDeque;

use bytes::Bytes;

use crate::caught::drop_caught;
use crate::op::{Outgoing, Piece, Pieces};

/// A body at least this long travels as its own piece; a shorter one is copied to the buffer.
pub const PIECE_BYTES_MIN: usize = 16 * 1024;
/// At most so many pieces go in one send; more go in the next.
pub const PIECES_PER_SEND_MAX: usize = 64;

/// What a connection is to send next.
///
/// ```
/// use ringlane_reactor::Outbox;
///
/// let mut outbox = Outbox::default();
/// outbox.buffer().extend_from_slice(b"hello");
/// assert_eq!(outbox.len(), 5);
/// ```
#[derive(Debug, Default)]
pub struct Outbox {
    /// Whole pieces that go before `tail`.
    #[expect(
        clippy::box_collection,
        reason = "rarely there: an idle connection pays one word"
    )]
    pieces: Option<Box<VecDeque<Piece>>>,
    /// How many bytes these are.
    pieces_bytes: usize,
    tail: Vec<u8>,
}

impl Outbox {
    /// Where to append bytes. Only append: what is there already is part of the message.
    pub fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.tail
    }

    /// Appends shared bytes: without a copy from [`PIECE_BYTES_MIN`] on.
    pub fn append(&mut self, bytes: Bytes) {
        if bytes.len() < PIECE_BYTES_MIN {
            self.tail.extend_from_slice(&bytes);
            return drop_caught(bytes);
        }
        let pieces = self.pieces.get_or_insert_default();
        if !self.tail.is_empty() {
            self.pieces_bytes += self.tail.len();
            pieces.push_back(Piece::Buffer(std::mem::take(&mut self.tail)));
        }
        self.pieces_bytes += bytes.len();
        pieces.push_back(Piece::Shared(bytes.into()));
    }

    /// Bytes that wait here. Those already lent to the ring do not count.
    pub fn len(&self) -> usize {
        self.pieces_bytes + self.tail.len()
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Drops what waits here.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Provides a warm buffer before a call.
    #[inline]
    pub(crate) fn warm(&mut self, spare: impl FnOnce() -> Vec<u8>) {
        if self.tail.capacity() == 0 {
            self.tail = spare();
        }
    }

    /// Gives the buffer back after a call that wrote nothing.
    #[inline]
    pub(crate) fn cool(&mut self) -> Option<Vec<u8>> {
        (self.tail.is_empty() && self.tail.capacity() > 0).then(|| std::mem::take(&mut self.tail))
    }

    /// Takes what one send can carry, if it is one buffer and not nothing.
    #[inline]
    pub(crate) fn take_buffer(&mut self) -> Option<Vec<u8>> {
        let is_one = self.pieces.is_none() && !self.tail.is_empty();
        is_one.then(|| std::mem::take(&mut self.tail))
    }

    /// Takes what one send can carry; `None` if nothing waits.
    pub(crate) fn take(&mut self) -> Option<Outgoing> {
        if let Some(buffer) = self.take_buffer() {
            return Some(Outgoing::Single { buffer, sent: 0 });
        }
        let pieces = self.pieces.as_mut()?;
        if !self.tail.is_empty() {
            self.pieces_bytes += self.tail.len();
            pieces.push_back(Piece::Buffer(std::mem::take(&mut self.tail)));
        }
        let now: VecDeque<_> = pieces
            .drain(..pieces.len().min(PIECES_PER_SEND_MAX))
            .collect();
        self.pieces_bytes -= now
            .iter()
            .map(|piece| piece.as_slice().len())
            .sum::<usize>();
        if pieces.is_empty() {
            self.pieces = None;
        }
        Some(Outgoing::Vectored(Box::new(Pieces {
            pieces: now,
            sent: 0,
        })))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::caught::tests::Bomb;

    /// Bytes that panic when they are dropped.
    struct Owner(Vec<u8>, Bomb);

    impl AsRef<[u8]> for Owner {
        fn as_ref(&self) -> &[u8] {
            let Self(bytes, _bomb) = self;
            bytes
        }
    }

    #[test]
    fn bytes_whose_owner_panics_can_be_copied_and_cleared() {
        let mut outbox = Outbox::default();
        for len in [PIECE_BYTES_MIN - 1, PIECE_BYTES_MIN, PIECE_BYTES_MIN] {
            outbox.append(Bytes::from_owner(Owner(vec![1; len], Bomb)));
        }
        assert_eq!(outbox.len(), 3 * PIECE_BYTES_MIN - 1);
        outbox.clear();
        assert!(outbox.is_empty());
    }

    fn drain(outbox: &mut Outbox) -> (Vec<u8>, usize) {
        let (mut all, mut sends) = (Vec::new(), 0);
        while let Some(mut outgoing) = outbox.take() {
            sends += 1;
            while outgoing.left() > 0 {
                let step = outgoing.front().len();
                all.extend_from_slice(outgoing.front());
                outgoing.advance(step, drop);
            }
        }
        (all, sends)
    }

    #[test]
    fn order_is_kept_and_only_large_bodies_are_pieces() {
        for body in [PIECE_BYTES_MIN - 1, PIECE_BYTES_MIN] {
            let mut outbox = Outbox::default();
            let mut expected = Vec::new();
            for letter in [b'a', b'b', b'c'] {
                outbox.buffer().push(letter);
                outbox.append(Bytes::from(vec![letter; body]));
                expected.push(letter);
                expected.extend(vec![letter; body]);
            }
            assert_eq!(outbox.pieces.is_some(), body == PIECE_BYTES_MIN);
            assert_eq!(outbox.len(), expected.len());
            assert_eq!(drain(&mut outbox), (expected, 1));
            assert!(outbox.is_empty());
        }
    }

    #[test]
    fn more_pieces_than_one_send_carries_go_in_the_next() {
        for (count, sends) in [(PIECES_PER_SEND_MAX, 1), (PIECES_PER_SEND_MAX + 1, 2)] {
            let mut outbox = Outbox::default();
            for _ in 0..count {
                outbox.append(Bytes::from(vec![1; PIECE_BYTES_MIN]));
            }
            let (all, made) = drain(&mut outbox);
            assert_eq!((all.len(), made), (count * PIECE_BYTES_MIN, sends));
        }
    }
}
