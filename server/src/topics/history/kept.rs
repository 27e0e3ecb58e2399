//! What was published to a topic, kept for streams that come back.
//!
//! An id is `epoch:number`. The epoch is drawn at random when the history is made, so that an id of
//! a former life is known as such; numbers begin at 1 and have no holes.
//!
//! Always true here:
//! - Who comes back gets all that it has missed, or is told that there is a gap before it gets what
//!   is left.
//! - A client that is sent what it has missed holds none of it: it has a place in the ring, and is
//!   told of a gap if the ring has moved past it.
//! - Numbers rise in the order in which the messages are posted to each core.
//!
//! Not here: who follows (`topics.rs`), how a replay is sent (`event_stream/feed.rs`).

use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ringlane_reactor::clock::Instant;

use super::History;
use crate::event_stream::Piece;
use crate::topics::shipment::{Publication, Shipment};

/// What a kept message costs beside its bytes.
const ENTRY_BYTES: usize = 32;
/// A ring with room for no more than so many messages keeps its room.
const ROOM_KEPT: usize = 64;

/// What is kept of one topic.
pub(crate) struct Kept {
    epoch: u64,
    ring: Mutex<Ring>,
}

struct Ring {
    history: History,
    /// The number of the next message.
    next: u64,
    /// Those before it, the oldest first.
    entries: VecDeque<Entry>,
    /// What these count.
    bytes: usize,
    /// The topic has no history any more.
    is_over: bool,
}

struct Entry {
    at: Instant,
    /// As streams get it; `None` if it is nothing for them.
    piece: Option<Piece>,
}

/// What a follower gets before what is new.
pub(crate) struct Replay {
    /// Where what follows begins: the id of the message before it.
    pub(crate) position: String,
    /// Why something may be missing there, if so.
    pub(crate) gap: Option<&'static str>,
    pub(crate) missed: Cursor,
}

/// A place in what is kept, up to where what is new begins.
pub(crate) struct Cursor {
    kept: Arc<Kept>,
    /// The number of the message that comes next.
    from: u64,
    /// The number of the first message that is not to come.
    pub(crate) end: u64,
}

/// What comes next of what was missed.
pub(crate) enum Missed {
    Piece(Piece),
    /// What stood here is not kept any more: the id of the message before what comes next.
    Gap(String),
}

impl Cursor {
    pub(crate) fn is_at_end(&self) -> bool {
        self.from >= self.end
    }

    pub(crate) fn advance(&mut self) -> Option<Missed> {
        while !self.is_at_end() {
            match self.kept.piece(self.from) {
                Ok(piece) => {
                    self.from += 1;
                    if let Some(piece) = piece {
                        return Some(Missed::Piece(piece));
                    }
                }
                Err(first) => {
                    self.from = first.min(self.end);
                    return Some(Missed::Gap(self.kept.id(self.from - 1)));
                }
            }
        }
        None
    }
}

impl Kept {
    pub(super) fn new(history: History, numbers_from: u64) -> Self {
        let ring = Ring {
            history,
            next: numbers_from.max(1),
            entries: VecDeque::new(),
            bytes: 0,
            is_over: false,
        };
        Self {
            epoch: RandomState::new().hash_one(std::process::id()),
            ring: Mutex::new(ring),
        }
    }

    /// Numbers a message, keeps it, and has it posted before the next one is numbered.
    pub(in crate::topics) fn append(
        &self,
        message: Publication<'static>,
        now: Instant,
        post: impl FnOnce(&Arc<Shipment>) -> bool,
    ) -> bool {
        let mut ring = self.ring();
        if ring.is_over {
            return post(&Arc::new(Shipment::new(message)));
        }
        let number = ring.next;
        let shipment = Arc::new(Shipment::numbered(message, number, self.id(number)));
        ring.next += 1;
        ring.push(now, shipment.whole_piece().cloned());
        post(&shipment)
    }

    /// What was published since the message of id `last`; without an id, nothing.
    pub(in crate::topics) fn replay(self: &Arc<Self>, last: Option<&str>, now: Instant) -> Replay {
        let mut ring = self.ring();
        ring.prune(now);
        let (first, next) = (ring.first(), ring.next);
        drop(ring);
        let (from, gap) = match last.map(|last| self.number_of(last)) {
            None => (next, None),
            Some(Some(last)) if last >= next => (first, Some("unknown")),
            Some(Some(last)) if last + 1 < first => (first, Some("expired")),
            Some(Some(last)) => (last + 1, None),
            Some(None) => (first, Some("restarted")),
        };
        let missed = Cursor {
            kept: Arc::clone(self),
            from,
            end: next,
        };
        Replay {
            position: self.id(from - 1),
            gap,
            missed,
        }
    }

    /// The message of that number, or else the number of the oldest that is kept.
    fn piece(&self, number: u64) -> Result<Option<Piece>, u64> {
        let ring = self.ring();
        let first = ring.first();
        let place = number.checked_sub(first).ok_or(first)?;
        let entry = usize::try_from(place).map(|place| ring.entries.get(place));
        let entry = entry.ok().flatten().ok_or(ring.next)?;
        Ok(entry.piece.clone())
    }

    /// From now on so much is kept.
    pub(super) fn set(&self, history: History, now: Instant) {
        let mut ring = self.ring();
        ring.history = history;
        ring.prune(now);
    }

    /// Keeps nothing more. Gives the number that comes next.
    pub(super) fn end(&self) -> u64 {
        let mut ring = self.ring();
        ring.is_over = true;
        ring.entries = VecDeque::new();
        ring.bytes = 0;
        ring.next
    }

    /// Gives back what is too old, unless someone is busy with it.
    pub(super) fn prune(&self, now: Instant) {
        if let Ok(mut ring) = self.ring.try_lock() {
            ring.prune(now);
        }
    }

    pub(super) fn id(&self, number: u64) -> String {
        format!("{:016x}:{number}", self.epoch)
    }

    /// The number in an id of this life.
    fn number_of(&self, id: &str) -> Option<u64> {
        let (epoch, number) = id.split_once(':')?;
        let number = number.parse().ok()?;
        // An id is what it was written as, to the letter.
        (epoch.len() == 16 && self.id(number) == id).then_some(number)
    }

    /// A panic while it was locked left nothing half-done: the ring changes in one go.
    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    pub(in crate::topics) fn pieces(&self) -> Vec<Piece> {
        let ring = self.ring();
        let pieces = ring.entries.iter().map(|entry| entry.piece.clone());
        pieces.flatten().collect()
    }

    #[cfg(test)]
    pub(super) fn epoch(&self) -> u64 {
        self.epoch
    }
}

impl Ring {
    /// The number of the oldest message that is kept, or of the next one.
    fn first(&self) -> u64 {
        self.next - self.entries.len() as u64
    }

    fn push(&mut self, now: Instant, piece: Option<Piece>) {
        let entry = Entry { at: now, piece };
        self.bytes += entry.cost();
        self.entries.push_back(entry);
        self.prune(now);
    }

    fn prune(&mut self, now: Instant) {
        while let Some(oldest) = self.entries.front()
            && (self.entries.len() > self.history.events_max
                || self.bytes > self.history.bytes_max
                || now - oldest.at > self.history.age_max)
        {
            self.bytes -= oldest.cost();
            self.entries.pop_front();
        }
        let (count, room) = (self.entries.len(), self.entries.capacity());
        if room > ROOM_KEPT && count < room / 4 {
            self.entries.shrink_to(count * 2);
        }
    }
}

impl Entry {
    fn cost(&self) -> usize {
        ENTRY_BYTES + self.piece.as_ref().map_or(0, Piece::len)
    }
}

const _: () = assert!(size_of::<Entry>() <= 56);
