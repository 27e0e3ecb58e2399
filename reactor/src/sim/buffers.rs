//! The simulated ring's receive buffers, with the same proof of ownership as the kernel's have.
//!
//! Always true here:
//! - A buffer is free, filled (on its way to the reactor) or lent to it, and changes in that order.
//!
//! Not here: when they are filled (`execute.rs`).

use std::collections::VecDeque;

use crate::config::Config;
use crate::op::Room;
use crate::ring::{Arrived, Buffer, LARGE_FROM, next_ring};

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
    small: Group,
    large: Group,
}

/// Those of one size.
#[derive(Debug)]
struct Group {
    /// By place. Large ones may be taken away while they are lent.
    memory: Vec<Vec<u8>>,
    bytes_each: usize,
    places: Vec<Place>,
    /// First freed, first filled, as the kernel does it.
    free: VecDeque<u16>,
}

impl Group {
    fn new(count: u16, bytes_each: u32) -> Self {
        let bytes_each = bytes_each as usize;
        Self {
            memory: vec![Vec::new(); usize::from(count)],
            bytes_each,
            places: vec![Place::Free; usize::from(count)],
            free: (0..count).collect(),
        }
    }
}

impl Buffers {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            ring: next_ring(),
            small: Group::new(config.buffers, config.buffer_bytes),
            large: Group::new(config.large_buffers, config.large_buffer_bytes),
        }
    }

    fn group(&self, room: Room) -> &Group {
        match room {
            Room::Small => &self.small,
            Room::Large => &self.large,
        }
    }

    fn group_mut(&mut self, room: Room) -> &mut Group {
        match room {
            Room::Small => &mut self.small,
            Room::Large => &mut self.large,
        }
    }

    pub(super) fn bytes_each(&self, room: Room) -> usize {
        self.group(room).bytes_each
    }

    pub(super) fn any_free(&self, room: Room) -> bool {
        !self.group(room).free.is_empty()
    }

    /// Copies bytes to a free buffer; `None` if there is none.
    pub(super) fn fill(&mut self, room: Room, bytes: &[u8]) -> Option<Buffer> {
        let group = self.group_mut(room);
        let number = group.free.pop_front()?;
        let at = usize::from(number);
        group.places[at] = Place::Filled;
        assert!(bytes.len() <= group.bytes_each, "more than a buffer holds");
        group.memory[at] = bytes.to_vec();
        let id = match room {
            Room::Small => number,
            Room::Large => number + LARGE_FROM,
        };
        let len = u32::try_from(bytes.len()).expect("a buffer is no longer than its u32 length");
        Some(Buffer {
            ring: self.ring,
            id,
            len,
        })
    }

    /// The buffer is handed to the reactor.
    pub(super) fn lend(&mut self, buffer: &Buffer) {
        let (room, at) = buffer.place();
        let place = &mut self.group_mut(room).places[at];
        assert_eq!(*place, Place::Filled, "a buffer was lent twice");
        *place = Place::Lent;
    }

    pub(super) fn bytes(&mut self, buffer: &Buffer) -> Arrived<'_> {
        self.assert_lent(buffer, "read");
        let (room, at) = buffer.place();
        let memory = &mut self.group_mut(room).memory[at];
        match room {
            Room::Small => Arrived::Part(memory),
            Room::Large => Arrived::Whole(memory),
        }
    }

    /// The buffer comes home, and what it held is overwritten.
    pub(super) fn recycle(&mut self, buffer: Buffer) {
        self.assert_lent(&buffer, "given back");
        let (room, at) = buffer.place();
        let group = self.group_mut(room);
        group.memory[at].fill(0xdb);
        group.places[at] = Place::Free;
        group.free.push_back(at as u16); // it came from there
    }

    #[cfg(test)]
    pub(super) fn ring(&self) -> u64 {
        self.ring
    }

    fn assert_lent(&self, buffer: &Buffer, what: &str) {
        assert!(buffer.ring == self.ring, "a buffer of another ring");
        let (room, at) = buffer.place();
        let place = self.group(room).places.get(at);
        assert_eq!(
            place,
            Some(&Place::Lent),
            "buffer {} was {what} while it was not lent",
            buffer.id
        );
    }
}
