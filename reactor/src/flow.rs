//! How much room a connection's next receive gets: many small buffers, or a large one at a time.
//!
//! Always true here:
//! - It takes [`IN_A_ROW`] receives that say the same to change over, in either direction.
//!
//! Not here: the buffers (`sys/`), how a receive that is armed is exchanged (`exchange.rs`).

use crate::op::Room;

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
            self.change_over();
        }
    }

    #[cold]
    fn change_over(&mut self) {
        self.otherwise += 1;
        if self.otherwise == IN_A_ROW {
            let room = match self.room {
                Room::Small => Room::Large,
                Room::Large => Room::Small,
            };
            *self = Self { room, otherwise: 0 };
        }
    }

    /// No large buffer was left: there are small ones.
    pub(crate) fn found_none_large(&mut self) {
        *self = Self::default();
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
                '-' => flow.note(false),
                _ => flow.found_none_large(),
            }
        }
        assert_eq!(flow.room(), expected, "{history}");
    }

    #[test]
    fn three_receives_in_a_row_decide() {
        for small in ["", "-", "ff", "ff-ff", "fff---", "fffx", "fffxff", "ff-f"] {
            check(small, Room::Small);
        }
        for large in ["fff", "ffff", "-fff", "fff--", "fff--f--", "fffxfff"] {
            check(large, Room::Large);
        }
    }
}
