//! The simulated ring's receive buffers, with the same proof of ownership as the kernel's have.
//!
//! Always true here:
//! - A buffer is free, filled (on its way to the reactor) or lent to it, and changes in that order.
//!
//! Not here: when they are filled (`execute.rs`).

use std::collections::VecDeque;

use crate::ring::{Buffer, next_ring};

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Place {
    Free,
    Filled,
    Lent,
}

/// Every receive buffer of one simulated ring.
#[derive(Debug)]
pub(super) struct Buffers {
    /// Borne by every buffer that is lent.
    ring: u64,
    arena: Vec<u8>,
    bytes_each: usize,
    places: Vec<Place>,
    /// First freed, first filled, as the kernel does it.
    free: VecDeque<u16>,
}

impl Buffers {
    pub(super) fn new(count: u16, bytes_each: u32) -> Self {
        let bytes_each = bytes_each as usize;
        Self {
            ring: next_ring(),
            arena: vec![0; usize::from(count) * bytes_each],
            bytes_each,
            places: vec![Place::Free; usize::from(count)],
            free: (0..count).collect(),
        }
    }

    pub(super) fn bytes_each(&self) -> usize {
        self.bytes_each
    }

    pub(super) fn any_free(&self) -> bool {
        !self.free.is_empty()
    }

    /// Copies bytes to a free buffer; `None` if there is none.
    pub(super) fn fill(&mut self, bytes: &[u8]) -> Option<Buffer> {
        let id = self.free.pop_front()?;
        self.places[usize::from(id)] = Place::Filled;
        let start = usize::from(id) * self.bytes_each;
        self.arena[start..start + bytes.len()].copy_from_slice(bytes);
        let len = u32::try_from(bytes.len()).expect("a buffer is no longer than its u32 length");
        Some(Buffer {
            ring: self.ring,
            id,
            len,
        })
    }

    /// The buffer is handed to the reactor.
    pub(super) fn lend(&mut self, buffer: &Buffer) {
        let place = &mut self.places[usize::from(buffer.id)];
        assert_eq!(*place, Place::Filled, "a buffer was lent twice");
        *place = Place::Lent;
    }

    pub(super) fn bytes(&mut self, buffer: &Buffer) -> &mut [u8] {
        self.assert_lent(buffer, "read");
        let start = usize::from(buffer.id) * self.bytes_each;
        &mut self.arena[start..start + buffer.len as usize]
    }

    /// The buffer comes home, and what it held is overwritten.
    pub(super) fn recycle(&mut self, buffer: Buffer) {
        self.assert_lent(&buffer, "given back");
        let start = usize::from(buffer.id) * self.bytes_each;
        self.arena[start..start + self.bytes_each].fill(0xdb);
        self.places[usize::from(buffer.id)] = Place::Free;
        self.free.push_back(buffer.id);
    }

    #[cfg(test)]
    pub(super) fn ring(&self) -> u64 {
        self.ring
    }

    fn assert_lent(&self, buffer: &Buffer, what: &str) {
        assert!(buffer.ring == self.ring, "a buffer of another ring");
        let place = self.places.get(usize::from(buffer.id));
        assert_eq!(
            place,
            Some(&Place::Lent),
            "buffer {} was {what} while it was not lent",
            buffer.id
        );
    }
}
