//! Receive buffers in ordinary memory: made when first needed, the hottest one reused first.
//!
//! Always true here:
//! - Each buffer is either free or lent, and [`Buffer`], which cannot be copied, is the loan.
//! - No more memory is held than the most buffers that were ever lent at one time need.
//!
//! Not here: who waits when all buffers are lent (`exchange.rs`).

use crate::config::Config;
use crate::op::Room;
use crate::ring::{Arrived, Buffer, LARGE_FROM, next_ring};

/// The buffers of one core.
pub(super) struct Pool {
    /// Borne by every buffer that is lent.
    ring: u64,
    small: Shelf,
    large: Shelf,
}

/// Those of one size.
struct Shelf {
    /// Grows to `count`: numbers are lent for the first time in ascending order.
    memory: Vec<Vec<u8>>,
    /// Those that are home; the last is lent next.
    home: Vec<u16>,
    /// Numbers begin here.
    first: u16,
    count: u16,
    bytes: usize,
}

impl Shelf {
    fn new(first: u16, count: u16, bytes: u32) -> Self {
        Self {
            memory: Vec::new(),
            home: (first..=first + (count - 1)).rev().collect(),
            first,
            count,
            bytes: bytes as usize,
        }
    }

    fn lend(&mut self) -> Option<u16> {
        let id = self.home.pop()?;
        let at = usize::from(id - self.first);
        if at == self.memory.len() {
            self.memory.push(Vec::new());
        }
        let place = &mut self.memory[at];
        place.clear();
        place.reserve_exact(self.bytes); // the first time, or when it was taken away
        Some(id)
    }

    fn lent(&self) -> u32 {
        u32::from(self.count) - self.home.len() as u32 // at most `count` are home
    }
}

impl Pool {
    /// As many buffers as are configured.
    pub(super) fn new(config: &Config) -> Self {
        Self {
            ring: next_ring(),
            small: Shelf::new(0, config.buffers, config.buffer_bytes),
            large: Shelf::new(LARGE_FROM, config.large_buffers, config.large_buffer_bytes),
        }
    }

    fn shelf(&mut self, room: Room) -> &mut Shelf {
        match room {
            Room::Small => &mut self.small,
            Room::Large => &mut self.large,
        }
    }

    /// Lends a buffer, to be filled; `None` if all are lent.
    pub(super) fn lend(&mut self, room: Room) -> Option<Buffer> {
        let id = self.shelf(room).lend()?;
        Some(Buffer {
            ring: self.ring,
            id,
            len: 0,
        })
    }

    /// A buffer's memory: empty, with all the room, when it was just lent.
    pub(super) fn memory(&mut self, buffer: &Buffer) -> &mut Vec<u8> {
        let (room, at) = buffer.place();
        &mut self.shelf(room).memory[at]
    }

    /// What was received into a buffer.
    pub(super) fn bytes(&mut self, buffer: &Buffer) -> Arrived<'_> {
        assert!(buffer.ring == self.ring, "a buffer of another ring");
        let (room, _) = buffer.place();
        match room {
            Room::Small => Arrived::Part(self.memory(buffer)),
            Room::Large => Arrived::Whole(self.memory(buffer)),
        }
    }

    /// Takes a buffer home.
    pub(super) fn recycle(&mut self, buffer: Buffer) {
        assert!(buffer.ring == self.ring, "a buffer of another ring");
        let (room, _) = buffer.place();
        self.shelf(room).home.push(buffer.id);
    }

    /// How many are lent.
    pub(super) fn lent(&self) -> u32 {
        self.small.lent() + self.large.lent()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(count: u16) -> Pool {
        Pool::new(&Config {
            buffers: count,
            buffer_bytes: 64,
            large_buffers: count,
            large_buffer_bytes: 256,
            ..Config::default()
        })
    }

    #[test]
    fn large_buffers_are_others_than_the_small_ones() {
        let mut pool = pool(2);
        let rooms = [Room::Small, Room::Large, Room::Small, Room::Large];
        let mut lent = rooms.map(|room| pool.lend(room).expect("a buffer is home"));
        assert_eq!(pool.lend(Room::Large), None);
        assert_eq!(pool.lent(), 4);
        let sizes = lent.each_ref().map(|buffer| pool.memory(buffer).capacity());
        assert_eq!(sizes, [64, 256, 64, 256]);
        for (number, buffer) in lent.iter_mut().enumerate() {
            pool.memory(buffer).extend([number as u8; 10]);
            buffer.len = 10;
        }
        for (number, buffer) in lent.into_iter().enumerate() {
            assert_eq!(*pool.bytes(&buffer), [number as u8; 10]);
            pool.recycle(buffer);
        }
        assert_eq!(pool.lent(), 0);
        assert!(pool.lend(Room::Large).is_some());
    }

    #[test]
    fn memory_that_was_taken_is_made_anew() {
        let mut pool = pool(2);
        for room in [Room::Large, Room::Small, Room::Large] {
            let buffer = pool.lend(room).expect("a buffer is home");
            let memory = pool.memory(&buffer);
            assert_eq!(memory.len(), 0);
            memory.extend(b"abc");
            if let Arrived::Whole(memory) = pool.bytes(&buffer) {
                drop(std::mem::take(memory));
            }
            pool.recycle(buffer);
            let buffer = pool.lend(room).expect("it is home again");
            let size = pool.memory(&buffer).capacity();
            assert_eq!(size, if room == Room::Large { 256 } else { 64 });
            pool.recycle(buffer);
        }
    }

    #[test]
    fn memory_is_made_for_as_many_as_are_lent_at_one_time() {
        let mut pool = pool(4);
        for _ in 0..10 {
            let one = pool.lend(Room::Small).expect("a buffer is home");
            let other = pool.lend(Room::Small).expect("a buffer is home");
            assert_eq!(pool.lent(), 2);
            pool.recycle(one);
            pool.recycle(other);
        }
        assert_eq!((pool.small.memory.len(), pool.lent()), (2, 0));
        assert_eq!(pool.large.memory.len(), 0);
    }

    #[test]
    fn the_last_buffer_is_lent_and_not_one_more() {
        let mut pool = pool(2);
        let lent = [pool.lend(Room::Small), pool.lend(Room::Small)]
            .map(|one| one.expect("a buffer is home"));
        assert_eq!(pool.lend(Room::Small), None);
        let [first, second] = lent;
        pool.recycle(first);
        assert!(pool.lend(Room::Small).is_some());
        pool.memory(&second).extend(b"abc");
        let second = Buffer { len: 3, ..second };
        assert_eq!(*pool.bytes(&second), *b"abc");
    }
}
