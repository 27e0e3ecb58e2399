//! Receive buffers in ordinary memory: made when first needed, the hottest one reused first.
//!
//! Always true here:
//! - Each buffer is either free or lent, and [`Buffer`], which cannot be copied, is the loan.
//! - No more memory is held than the most buffers that were ever lent at one time need.
//!
//! Not here: who waits when all buffers are lent (`exchange.rs`).

use crate::ring::{Buffer, next_ring};

/// The buffers of one core.
pub(super) struct Pool {
    /// Borne by every buffer that is lent.
    ring: u64,
    /// Grows to `count`: numbers are lent for the first time in ascending order.
    memory: Vec<Box<[u8]>>,
    /// Those that are home; the last is lent next.
    home: Vec<u16>,
    count: u16,
    bytes: usize,
}

impl Pool {
    /// Room for `count` buffers of `bytes` each.
    pub(super) fn new(count: u16, bytes: u32) -> Self {
        Self {
            ring: next_ring(),
            memory: Vec::new(),
            home: (0..count).rev().collect(),
            count,
            bytes: bytes as usize,
        }
    }

    /// The size of each.
    pub(super) fn bytes_each(&self) -> usize {
        self.bytes
    }

    /// Lends a buffer, to be filled; `None` if all are lent.
    pub(super) fn lend(&mut self) -> Option<Buffer> {
        let id = self.home.pop()?;
        if usize::from(id) == self.memory.len() {
            self.memory.push(vec![0; self.bytes].into_boxed_slice());
        }
        Some(Buffer {
            ring: self.ring,
            id,
            len: 0,
        })
    }

    /// All the room in a buffer.
    pub(super) fn room(&mut self, buffer: &Buffer) -> &mut [u8] {
        &mut self.memory[usize::from(buffer.id)]
    }

    /// What was received into a buffer.
    pub(super) fn bytes(&mut self, buffer: &Buffer) -> &mut [u8] {
        assert!(buffer.ring == self.ring, "a buffer of another ring");
        &mut self.memory[usize::from(buffer.id)][..buffer.len as usize]
    }

    /// Takes a buffer home.
    pub(super) fn recycle(&mut self, buffer: Buffer) {
        assert!(buffer.ring == self.ring, "a buffer of another ring");
        self.home.push(buffer.id);
    }

    /// How many are lent.
    pub(super) fn lent(&self) -> u32 {
        u32::from(self.count) - self.home.len() as u32 // at most `count` are home
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_made_for_as_many_as_are_lent_at_one_time() {
        let mut pool = Pool::new(4, 64);
        for _ in 0..10 {
            let one = pool.lend().expect("a buffer is home");
            let other = pool.lend().expect("a buffer is home");
            assert_eq!(pool.lent(), 2);
            pool.recycle(one);
            pool.recycle(other);
        }
        assert_eq!((pool.memory.len(), pool.lent()), (2, 0));
    }

    #[test]
    fn the_last_buffer_is_lent_and_not_one_more() {
        let mut pool = Pool::new(2, 64);
        let lent = [pool.lend(), pool.lend()].map(|one| one.expect("a buffer is home"));
        assert_eq!(pool.lend(), None);
        let [first, second] = lent;
        pool.recycle(first);
        assert!(pool.lend().is_some());
        pool.room(&second)[..3].copy_from_slice(b"abc");
        let second = Buffer { len: 3, ..second };
        assert_eq!(pool.bytes(&second), b"abc");
    }
}
