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

/// What was shown and not consumed, until more comes.
///
/// ```
/// assert!(ringlane_reactor::Carry::default().is_empty());
/// ```
#[derive(Debug, Default)]
pub struct Carry(Option<Box<Carried>>);

/// Apart, since most connections carry nothing and pay one word for it.
#[derive(Debug)]
struct Carried {
    memory: Vec<u8>,
    /// So much of it was consumed: never all.
    start: usize,
}

impl Carry {
    /// All of it.
    #[inline]
    pub fn bytes(&self) -> &[u8] {
        match &self.0 {
            Some(carried) => &carried.memory[carried.start..],
            None => &[],
        }
    }

    #[inline]
    fn bytes_mut(&mut self) -> &mut [u8] {
        match &mut self.0 {
            Some(carried) => &mut carried.memory[carried.start..],
            None => &mut [],
        }
    }

    /// How many bytes.
    #[inline]
    pub fn len(&self) -> usize {
        self.bytes().len()
    }

    /// Whether there are none; then it holds no memory either.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    fn push(&mut self, more: &[u8], spare: impl FnOnce() -> Vec<u8>) {
        let carried = self.0.get_or_insert_with(|| {
            let (memory, start) = (spare(), 0);
            Box::new(Carried { memory, start })
        });
        carried.memory.extend_from_slice(more);
    }

    /// Takes bytes off the front. The rest is moved only when it is the smaller part: however
    /// little is consumed at a time, no more bytes are moved than were consumed.
    fn consume(&mut self, count: usize) -> Option<Vec<u8>> {
        let carried = self.0.as_mut()?;
        carried.start += count;
        if carried.start == carried.memory.len() {
            let mut memory = self.0.take()?.memory;
            memory.clear();
            return Some(memory);
        }
        if carried.start > carried.memory.len() / 2 {
            carried.memory.drain(..carried.start);
            carried.start = 0;
        }
        None
    }
}

/// A connection's input during one call of its application.
///
/// ```
/// use ringlane_reactor::{Carry, Inbox};
///
/// let mut carry = Carry::default();
/// let mut arrived = *b"hello world";
/// let mut inbox = Inbox::new(&mut arrived[..], &mut carry);
/// inbox.consume(6);
/// assert_eq!(inbox.bytes(), b"world");
/// inbox.settle(Vec::new);
/// assert_eq!(carry.bytes(), b"world"); // shown again, with what comes next
/// ```
#[derive(Debug)]
pub struct Inbox<'a> {
    source: Source<'a>,
    carry: &'a mut Carry,
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
    pub fn new(arrived: impl Into<Arrived<'a>>, carry: &'a mut Carry) -> Self {
        let arrived = arrived.into();
        let source = if carry.is_empty() {
            Source::Arrived(arrived)
        } else {
            carry.push(&arrived, Vec::new);
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
            Source::Carried => self.carry.bytes(),
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
            Source::Carried => self.carry.bytes_mut(),
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
            Source::Carried => return self.carry.consume(self.consumed),
        };
        if !left.is_empty() {
            self.carry.push(left, spare);
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
                let mut carry = Carry::default();
                let mut seen = Vec::new();
                let mut arrived = message.to_owned();
                let (first, second) = arrived.split_at_mut(cut);
                let mut inbox = Inbox::new(first, &mut carry);
                seen.extend_from_slice(&inbox.bytes()[..take_first]);
                inbox.consume(take_first);
                assert_eq!(inbox.settle(Vec::new), None);
                assert_eq!(carry.bytes(), &message[take_first..cut]);
                let mut inbox = Inbox::new(second, &mut carry);
                seen.extend_from_slice(inbox.bytes());
                let rest = inbox.bytes().len();
                inbox.consume(rest);
                let _ = inbox.settle(Vec::new);
                assert_eq!(seen, message, "cut {cut}, first {take_first}");
                assert!(carry.is_empty(), "an idle connection holds nothing");
            }
        }
    }

    /// Else one who sends much and is answered little by little would keep a core busy with moving.
    #[test]
    fn what_is_carried_is_not_moved_for_each_part_that_is_consumed() {
        let mut carry = Carry::default();
        let mut arrived: Vec<u8> = (0..=255).cycle().take(1000).collect();
        let message = arrived.clone();
        let _ = Inbox::new(&mut arrived[..], &mut carry).settle(Vec::new);
        let (mut moved, mut at) = (0, 0);
        while !carry.is_empty() {
            let place = carry.bytes().as_ptr();
            let mut inbox = Inbox::new(&mut [][..], &mut carry);
            assert_eq!(inbox.bytes(), &message[at..]);
            inbox.consume(1);
            at += 1;
            let _ = inbox.settle(Vec::new);
            if carry.bytes().as_ptr() != place.wrapping_add(1) {
                moved += carry.len();
            }
        }
        assert_eq!(at, 1000);
        assert!(moved <= 1000, "{moved} bytes were moved");
        // What comes later is put behind what is left.
        let _ = Inbox::new(&mut b"abc".to_owned()[..], &mut carry).settle(Vec::new);
        let mut inbox = Inbox::new(&mut [][..], &mut carry);
        inbox.consume(1);
        let _ = inbox.settle(Vec::new);
        let mut more = *b"de";
        assert_eq!(Inbox::new(&mut more[..], &mut carry).bytes(), b"bcde");
    }

    #[test]
    fn what_is_changed_where_it_lies_is_shown_so_again() {
        let mut carry = Carry::default();
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
        let (mut carry, mut memory) = (Carry::default(), b"0123456789".to_vec());
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
        assert_eq!(carry.bytes(), b"x9");
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
        let (mut carry, mut arrived) = (Carry::default(), *b"abc");
        let mut inbox = Inbox::new(&mut arrived[..], &mut carry);
        assert_eq!(inbox.take(1), None);
        assert_eq!(inbox.bytes(), b"abc");
    }

    #[test]
    #[should_panic(expected = "more was consumed")]
    fn consuming_more_than_there_is_is_our_bug() {
        Inbox::new(&mut [0; 3][..], &mut Carry::default()).consume(4);
    }
}
