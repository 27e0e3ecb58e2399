//! How much room a connection's receives get, many small buffers or a few large ones; and the lines
//! of those who found none of their kind.
//!
//! Always true here:
//! - It takes [`IN_A_ROW`] receives that say the same to change over, in either direction.
//!
//! Not here: the buffers (`sys/`), how a receive that is armed is exchanged and when a line moves
//! (`exchange.rs`).

use std::collections::VecDeque;
use std::num::NonZeroU32;

use crate::op::Room;
use crate::token::{Generation, Slot};

/// So many receives in a row that fill a small buffer, or do not, decide.
const IN_A_ROW: u8 = 3;

/// What a connection's latest receives were like.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Flow {
    room: Room,
    otherwise: u8,
}

impl Flow {
    /// The room that its next receive should have.
    #[inline]
    pub(crate) fn room(self) -> Room {
        self.room
    }

    /// Notes a receive that filled a small buffer, or would have, or one that did not.
    #[inline]
    pub(crate) fn note(&mut self, fills_small: bool) {
        if fills_small == (self.room == Room::Large) {
            self.otherwise = 0;
        } else {
            self.doubt();
        }
    }

    /// One more receive that speaks for the other room: so many in a row decide.
    #[cold]
    fn doubt(&mut self) {
        self.otherwise += 1;
        if self.otherwise == IN_A_ROW {
            let room = match self.room {
                Room::Small => Room::Large,
                Room::Large => Room::Small,
            };
            *self = Self { room, otherwise: 0 };
        }
    }
}

/// When a connection found no buffer for the first time since it got one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Ticket(NonZeroU32);

impl Ticket {
    /// Numbers begin anew after all were given out; no two that wait are that far apart.
    fn is_before(self, other: Self) -> bool {
        self.0.get().wrapping_sub(other.0.get()).cast_signed() < 0
    }
}

/// One connection in a line.
type Waiting = (Ticket, Slot, Generation);

/// Connections that found no buffer, in the order in which they get one.
///
/// Whose turn it is may come too late, when another has taken all buffers of the turn: then it
/// comes again before anybody's who got some meanwhile.
#[derive(Debug, Default)]
pub(crate) struct Starved {
    small: VecDeque<Waiting>,
    large: VecDeque<Waiting>,
    tickets: u32,
}

impl Starved {
    pub(crate) fn ticket(&mut self) -> Ticket {
        self.tickets = self.tickets.checked_add(1).unwrap_or(1);
        Ticket(NonZeroU32::new(self.tickets).unwrap_or(NonZeroU32::MIN))
    }

    /// Joins the line of those who want such buffers.
    pub(crate) fn join(&mut self, room: Room, waiting: Waiting) {
        let line = self.line(room);
        let place = line.partition_point(|(ticket, ..)| ticket.is_before(waiting.0));
        line.insert(place, waiting);
    }

    /// Takes those whose turn it is, of whom some may have ended.
    pub(crate) fn next(&mut self, room: Room, count: u16) -> Vec<Waiting> {
        let line = self.line(room);
        let count = line.len().min(usize::from(count));
        line.drain(..count).collect()
    }

    #[inline]
    pub(crate) fn is_waited_for(&self, room: Room) -> bool {
        match room {
            Room::Small => !self.small.is_empty(),
            Room::Large => !self.large.is_empty(),
        }
    }

    fn line(&mut self, room: Room) -> &mut VecDeque<Waiting> {
        match room {
            Room::Small => &mut self.small,
            Room::Large => &mut self.large,
        }
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.small.is_empty() && self.large.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(history: &str, expected: Room) {
        let mut flow = Flow::default();
        for receive in history.chars() {
            match receive {
                'f' => flow.note(true),
                _ => flow.note(false),
            }
        }
        assert_eq!(flow.room(), expected, "{history}");
    }

    #[test]
    fn three_receives_in_a_row_decide() {
        for small in ["", "-", "ff", "ff-ff", "fff---", "fff---ff", "ff-f"] {
            check(small, Room::Small);
        }
        for large in ["fff", "ffff", "-fff", "fff--", "fff--f--", "fff---fff"] {
            check(large, Room::Large);
        }
    }
}
