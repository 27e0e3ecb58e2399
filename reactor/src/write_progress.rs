//! Whether peers take what is sent to them, judged by what their kernels acknowledge.
//!
//! The completion of a send does not tell: the kernel lets a send that waits for room go on only
//! when about a third of the socket's buffer is free, which a slow reader of a large buffer may
//! need minutes for. So a send that is in flight is looked at several times within the time-out.
//!
//! Always true here:
//! - Only a connection whose send was short, or was looked at, has an entry.
//! - A peer that acknowledges nothing for the whole time-out is given up then, not later.
//! - A peer that acknowledges less than the minimum within the time-out is given up at its end.
//!
//! Not here: when a connection is looked at (`exchange.rs`, `ending.rs`).

use std::collections::HashMap;
use std::time::Duration;

use crate::clock::Instant;
use crate::config::Config;
use crate::token::Slot;

/// How many times within the time-out a send in flight is looked at.
const LOOKS: u32 = 8;
/// A table that was larger than this is given back when its last entry goes.
const KEPT_MAX: usize = 1024;

/// The sends of one core that are being watched.
#[derive(Debug)]
pub(crate) struct WriteProgress {
    watched: HashMap<Slot, Watch>,
    timeout: Duration,
    bytes_min: u64,
    /// How long after one look the next one follows.
    pub(crate) interval: Duration,
}

/// What is known of one connection.
#[derive(Clone, Copy, Debug)]
struct Watch {
    /// What the peer had not acknowledged at the last look; `None` if the kernel cannot tell.
    unacknowledged: Option<u64>,
    /// The peer has taken nothing since.
    since: Instant,
    /// Since then, which is less than the time-out ago, it has taken so many bytes.
    counted_from: Instant,
    taken: u64,
}

impl WriteProgress {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            watched: HashMap::new(),
            timeout: config.write_timeout,
            bytes_min: config.write_bytes_min,
            interval: config.write_timeout / LOOKS,
        }
    }

    /// The kernel has taken `count` more bytes, but not all that it was given.
    pub(crate) fn sent(
        &mut self,
        slot: Slot,
        count: usize,
        unacknowledged: Option<u64>,
        now: Instant,
    ) {
        let new = || Watch::new(unacknowledged, now);
        let watch = self.watched.entry(slot).or_insert_with(new);
        watch.look(unacknowledged, count as u64, now);
    }

    /// Looks at a send that began at `began`, or went on then. When to look again; `None` if the
    /// peer has taken nothing for the whole time-out, or less than the minimum.
    pub(crate) fn look(
        &mut self,
        slot: Slot,
        unacknowledged: Option<u64>,
        (began, now): (Instant, Instant),
    ) -> Option<Instant> {
        let new = || Watch::new(unacknowledged, began);
        let watch = self.watched.entry(slot).or_insert_with(new);
        watch.look(unacknowledged, 0, now);
        let count_ends = watch.counted_from + self.timeout;
        if now >= count_ends {
            if watch.taken < self.bytes_min {
                return None;
            }
            (watch.counted_from, watch.taken) = (now, 0);
        }
        let end = watch.since + self.timeout;
        (now < end).then(|| end.min(now + self.interval))
    }

    /// The send is through, or its connection ends.
    pub(crate) fn forget(&mut self, slot: Slot) {
        self.watched.remove(&slot);
        if self.watched.is_empty() && self.watched.capacity() > KEPT_MAX {
            self.watched = HashMap::new();
        }
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.watched.len()
    }
}

impl Watch {
    fn new(unacknowledged: Option<u64>, since: Instant) -> Self {
        Self {
            unacknowledged,
            since,
            counted_from: since,
            taken: 0,
        }
    }

    /// The kernel has taken `sent` bytes since the last look, and now has so many that the peer has
    /// not acknowledged. It takes more of what is sent only because the peer did.
    fn look(&mut self, unacknowledged: Option<u64>, sent: u64, now: Instant) {
        let taken = match (self.unacknowledged, unacknowledged) {
            (Some(before), Some(after)) => (before + sent).saturating_sub(after),
            (None, _) | (_, None) => sent,
        };
        self.taken += taken;
        if taken > 0 || sent > 0 {
            self.since = now;
        }
        self.unacknowledged = unacknowledged;
    }
}

#[cfg(test)]
mod tests;
