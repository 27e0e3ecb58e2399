//! How much room a connection's receives get, many small buffers or a few large ones; and the lines
//! of those who found none of their kind.
//!
//! Always true here:
//! - It takes [`IN_A_ROW`] receives that say the same to change over, in either direction.
//!
//! Not here: the buffers (`sys/`), how a receive that is armed is exchanged and when a line moves
//! (`exchange.rs`).

use std::collections::VecDeque;

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

/// Connections that found no buffer, in the order in which they get one.
#[derive(Debug, Default)]
pub(crate) struct Starved {
    small: VecDeque<(Slot, Generation)>,
    large: VecDeque<(Slot, Generation)>,
}

impl Starved {
    /// The line of those who want such buffers.
    pub(crate) fn waiting_for(&mut self, room: Room) -> &mut VecDeque<(Slot, Generation)> {
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
