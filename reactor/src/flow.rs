//! How much room a connection's receives get, many small buffers or a few large ones; and the lines
//! of those who found none of their kind.
//!
//! Always true here:
//! - It takes [`IN_A_ROW`] receives that say the same to change over, in either direction.
//!
//! Not here: the buffers (`sys/`), how a receive that is armed is exchanged and when a line moves
//! (`exchange.rs`).

use std::collections::VecDeque;
use std::time::Duration;

use crate::clock::Instant;
use crate::op::Room;
use crate::token::{Generation, Slot};

/// How long a connection may be without buffers that others get.
const PATIENCE: Duration = Duration::from_millis(10);

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

/// One connection in a line; those whose turn has come say since when they have waited.
type Waiting = (Option<Instant>, Slot, Generation);

/// Connections that found no buffer, in the order in which they get one.
///
/// The first of them can take every buffer of a turn, and be first again: that is quick, since what
/// it is sent is still in the caches, and unfair. So whoever has waited for [`PATIENCE`] goes
/// before those who have not, and before who has waited less.
#[derive(Debug, Default)]
pub(crate) struct Starved {
    small: VecDeque<Waiting>,
    large: VecDeque<Waiting>,
}

impl Starved {
    /// Joins the line of those who want such buffers, who has had none since then.
    pub(crate) fn join(
        &mut self,
        room: Room,
        (since, now): (Instant, Instant),
        (slot, generation): (Slot, Generation),
    ) {
        let line = self.line(room);
        if now < since + PATIENCE {
            return line.push_back((None, slot, generation));
        }
        let place = line.partition_point(|(other, ..)| other.is_some_and(|other| other <= since));
        line.insert(place, (Some(since), slot, generation));
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

    #[test]
    fn whoever_has_waited_long_goes_first() {
        let mut starved = Starved::default();
        let generation = Generation::default();
        let after = |millis| Instant::default() + Duration::from_millis(millis);
        let mut join = |slot, since, now| {
            let times = (after(since), after(now));
            starved.join(Room::Large, times, (Slot::new(slot), generation));
        };
        join(1, 20, 20);
        join(2, 11, 20);
        join(3, 10, 20); // long enough
        join(4, 20, 20);
        join(5, 5, 20);
        join(6, 10, 20);
        let order: Vec<Slot> = starved
            .next(Room::Large, 5)
            .iter()
            .map(|one| one.1)
            .collect();
        assert_eq!(order, [5, 3, 6, 1, 2].map(Slot::new));
        assert!(starved.is_waited_for(Room::Large) && !starved.is_waited_for(Room::Small));
        assert_eq!(starved.next(Room::Large, 5).len(), 1);
        assert!(starved.is_empty());
    }

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
