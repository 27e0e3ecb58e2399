//! Received bytes: the lent buffer when it suffices, a carried tail when it does not.
//!
//! Always true here:
//! - Bytes are shown in the order they came; what is not consumed is shown again with more behind.
//! - A connection whose input is consumed holds no memory for it.
//! - What came in memory of its own, and did not have to be put behind other bytes, can be taken
//!   without being copied.
//!
//! Not here: where lent buffers come from (`sys/`), how much may be carried (`reactor.rs`).

use bytes::{Buf as _, Bytes, BytesMut};

use crate::ring::Arrived;

/// A connection's input during one call of its application.
///
/// ```
/// use ringlane_reactor::Inbox;
///
/// let mut carry = Vec::new();
/// let mut arrived = *b"hello world";
/// let mut inbox = Inbox::new(&mut arrived[..], &mut carry);
/// inbox.consume(6);
/// assert_eq!(inbox.bytes(), b"world");
/// inbox.settle(Vec::new);
/// assert_eq!(carry, b"world"); // shown again, with what comes next
/// ```
#[derive(Debug)]
pub struct Inbox<'a> {
    source: Source<'a>,
    carry: &'a mut Vec<u8>,
    consumed: usize,
}

/// Where the bytes are that an inbox shows.
#[derive(Debug)]
enum Source<'a> {
    Arrived(Arrived<'a>),
    /// All of them in `carry`, which held some before.
    Carried,
    /// What is left of them since some were taken: none of it is consumed. Boxed, since every
    /// request pays for the size of an inbox.
    Taken(Box<BytesMut>),
}

impl<'a> Inbox<'a> {
    /// The bytes that just came, behind those carried from before.
    #[inline]
    pub fn new(arrived: impl Into<Arrived<'a>>, carry: &'a mut Vec<u8>) -> Self {
        let arrived = arrived.into();
        let source = if carry.is_empty() {
            Source::Arrived(arrived)
        } else {
            carry.extend_from_slice(&arrived);
            Source::Carried
        };
        Self {
            source,
            carry,
            consumed: 0,
        }
    }

    /// What is not consumed yet.
    #[inline]
    pub fn bytes(&self) -> &[u8] {
        let all = match &self.source {
            Source::Arrived(arrived) => &**arrived,
            Source::Carried => self.carry.as_slice(),
            Source::Taken(left) => left,
        };
        &all[self.consumed..]
    }

    /// [`bytes`](Self::bytes), to be changed where they are. What was changed and not consumed is
    /// shown so again.
    #[inline]
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        let all = match &mut self.source {
            Source::Arrived(arrived) => &mut **arrived,
            Source::Carried => self.carry.as_mut_slice(),
            Source::Taken(left) => left,
        };
        &mut all[self.consumed..]
    }

    /// Takes `count` bytes off the front.
    ///
    /// # Panics
    ///
    /// If there are fewer.
    #[inline]
    pub fn consume(&mut self, count: usize) {
        assert!(
            count <= self.bytes().len(),
            "more was consumed than there was"
        );
        self.consumed += count;
    }

    /// Takes `count` bytes off the front together with the memory that they lie in, if they came in
    /// memory of their own; all of that stays as long as any part of it is kept. `None`, and
    /// nothing is taken, if they would have to be copied.
    ///
    /// # Panics
    ///
    /// If there are fewer.
    pub fn take(&mut self, count: usize) -> Option<BytesMut> {
        if let Source::Arrived(Arrived::Whole(memory)) = &mut self.source {
            let memory = std::mem::take(*memory);
            self.source = Source::Taken(Box::new(BytesMut::from(Bytes::from(memory))));
        }
        let Source::Taken(left) = &mut self.source else {
            return None;
        };
        left.advance(std::mem::take(&mut self.consumed));
        Some(left.split_to(count))
    }

    /// Ends the call: what is left is carried, in a buffer from `spare` if none is held yet.
    ///
    /// Gives back the carrying buffer if it is no longer needed, to be reused.
    #[inline]
    pub fn settle(self, spare: impl FnOnce() -> Vec<u8>) -> Option<Vec<u8>> {
        let left = match &self.source {
            Source::Arrived(arrived) => &arrived[self.consumed..],
            Source::Taken(left) => &left[self.consumed..],
            Source::Carried if self.consumed == self.carry.len() => {
                self.carry.clear();
                return Some(std::mem::take(self.carry));
            }
            Source::Carried => {
                self.carry.drain(..self.consumed);
                return None;
            }
        };
        if !left.is_empty() {
            if self.carry.capacity() == 0 {
                *self.carry = spare();
            }
            self.carry.extend_from_slice(left);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_lost_whatever_the_cuts() {
        let message = b"0123456789";
        for cut in 0..=message.len() {
            for take_first in 0..=cut {
                let mut carry = Vec::new();
                let mut seen = Vec::new();
                let mut arrived = message.to_owned();
                let (first, second) = arrived.split_at_mut(cut);
                let mut inbox = Inbox::new(first, &mut carry);
                seen.extend_from_slice(&inbox.bytes()[..take_first]);
                inbox.consume(take_first);
                assert_eq!(inbox.settle(Vec::new), None);
                assert_eq!(carry, message[take_first..cut]);
                let mut inbox = Inbox::new(second, &mut carry);
                seen.extend_from_slice(inbox.bytes());
                let rest = inbox.bytes().len();
                inbox.consume(rest);
                let _ = inbox.settle(Vec::new);
                assert_eq!(seen, message, "cut {cut}, first {take_first}");
                assert_eq!(carry.capacity(), 0, "an idle connection holds nothing");
            }
        }
    }

    #[test]
    fn what_is_changed_where_it_lies_is_shown_so_again() {
        let mut carry = Vec::new();
        let mut arrived = *b"abcd";
        let mut inbox = Inbox::new(&mut arrived[..2], &mut carry);
        inbox.bytes_mut().make_ascii_uppercase();
        inbox.consume(1);
        let _ = inbox.settle(Vec::new);
        let mut inbox = Inbox::new(&mut arrived[2..], &mut carry);
        assert_eq!(inbox.bytes(), b"Bcd");
        inbox.bytes_mut()[1..].make_ascii_uppercase();
        inbox.consume(1);
        assert_eq!(inbox.bytes(), b"CD");
    }

    #[test]
    fn what_came_in_memory_of_its_own_is_taken_with_it() {
        let (mut carry, mut memory) = (Vec::new(), b"0123456789".to_vec());
        let start = memory.as_ptr();
        let mut inbox = Inbox::new(Arrived::Whole(&mut memory), &mut carry);
        inbox.consume(2);
        let taken = inbox.take(3).expect("it can be");
        assert_eq!(taken, "234");
        assert_eq!(taken.as_ptr(), start.wrapping_add(2), "it was copied");
        assert_eq!(inbox.bytes(), b"56789");
        inbox.consume(1);
        assert_eq!(inbox.take(2).expect("again"), "67");
        inbox.bytes_mut()[0] = b'x';
        let _ = inbox.settle(Vec::new);
        assert_eq!(carry, b"x9");
        assert_eq!(memory.capacity(), 0, "the ring has lost it");
        // Behind what is carried it has to be put, and so it is copied.
        memory.extend_from_slice(b"ab");
        let mut inbox = Inbox::new(Arrived::Whole(&mut memory), &mut carry);
        assert_eq!(inbox.take(4), None);
        assert_eq!(inbox.bytes(), b"x9ab");
        inbox.consume(4);
        let _ = inbox.settle(Vec::new);
        assert_eq!(memory, b"ab", "the ring keeps it");
    }

    #[test]
    fn memory_that_is_shared_with_others_cannot_be_taken() {
        let (mut carry, mut arrived) = (Vec::new(), *b"abc");
        let mut inbox = Inbox::new(&mut arrived[..], &mut carry);
        assert_eq!(inbox.take(1), None);
        assert_eq!(inbox.bytes(), b"abc");
    }

    #[test]
    #[should_panic(expected = "more was consumed")]
    fn consuming_more_than_there_is_is_our_bug() {
        Inbox::new(&mut [0; 3][..], &mut Vec::new()).consume(4);
    }
}
