//! Received bytes: the lent buffer when it suffices, a carried tail when it does not.
//!
//! Always true here:
//! - Bytes are shown in the order they came; what is not consumed is shown again with more behind.
//! - A connection whose input is consumed holds no memory for it.
//!
//! Not here: where lent buffers come from (`sys/`), how much may be carried (`reactor.rs`).

/// A connection's input during one call of its application.
///
/// ```
/// use ringlane_reactor::Inbox;
///
/// let mut carry = Vec::new();
/// let mut arrived = *b"hello world";
/// let mut inbox = Inbox::new(&mut arrived, &mut carry);
/// inbox.consume(6);
/// assert_eq!(inbox.bytes(), b"world");
/// inbox.settle(Vec::new);
/// assert_eq!(carry, b"world"); // shown again, with what comes next
/// ```
#[derive(Debug)]
pub struct Inbox<'a> {
    lent: &'a mut [u8],
    carry: &'a mut Vec<u8>,
    consumed: usize,
}

impl<'a> Inbox<'a> {
    /// The bytes that just came, behind those carried from before.
    pub fn new(lent: &'a mut [u8], carry: &'a mut Vec<u8>) -> Self {
        if carry.is_empty() {
            return Self {
                lent,
                carry,
                consumed: 0,
            };
        }
        carry.extend_from_slice(lent);
        Self {
            lent: &mut [],
            carry,
            consumed: 0,
        }
    }

    /// What is not consumed yet.
    pub fn bytes(&self) -> &[u8] {
        let all = match self.carry.is_empty() {
            true => &*self.lent,
            false => self.carry.as_slice(),
        };
        &all[self.consumed..]
    }

    /// [`bytes`](Self::bytes), to be changed where they are. What was changed and not consumed is
    /// shown so again.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        let all = match self.carry.is_empty() {
            true => &mut *self.lent,
            false => self.carry.as_mut_slice(),
        };
        &mut all[self.consumed..]
    }

    /// Takes `count` bytes off the front.
    ///
    /// # Panics
    ///
    /// If there are fewer.
    pub fn consume(&mut self, count: usize) {
        assert!(
            count <= self.bytes().len(),
            "more was consumed than there was"
        );
        self.consumed += count;
    }

    /// Ends the call: what is left is carried, in a buffer from `spare` if none is held yet.
    ///
    /// Gives back the carrying buffer if it is no longer needed, to be reused.
    pub fn settle(self, spare: impl FnOnce() -> Vec<u8>) -> Option<Vec<u8>> {
        if self.carry.is_empty() {
            let left = &self.lent[self.consumed..];
            if left.is_empty() {
                return None;
            }
            if self.carry.capacity() == 0 {
                *self.carry = spare();
            }
            self.carry.extend_from_slice(left);
            return None;
        }
        if self.consumed == self.carry.len() {
            self.carry.clear();
            return Some(std::mem::take(self.carry));
        }
        self.carry.drain(..self.consumed);
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
    #[should_panic(expected = "more was consumed")]
    fn consuming_more_than_there_is_is_our_bug() {
        Inbox::new(&mut [0; 3], &mut Vec::new()).consume(4);
    }
}
