//! Which topics have a history, and how much of each is kept.
//!
//! Always true here:
//! - What is older than its history keeps it is given back while any history of the server is used,
//!   also of topics that nobody uses.
//!
//! Not here: what is kept (`history/kept.rs`), who follows (`topics.rs`).

mod kept;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use ringlane_reactor::clock::Instant;

use crate::limits::{LimitError, outside};
use kept::Kept;

pub(crate) use kept::{Cursor, Missed, Replay};

/// The most messages that a history may keep.
pub const HISTORY_EVENTS_MAX: usize = 1_000_000;
/// The most bytes that a history may be allowed.
pub const HISTORY_BYTES_MAX: usize = 64 << 30;
/// The most topics of one server that may have a history.
pub const HISTORIES_MAX: usize = 65_536;

/// How often histories are looked through for what is too old, in nanoseconds.
const SWEEP_PERIOD: u64 = 1_000_000_000;
/// Histories that are looked through at once: all of them in 256 seconds at the latest.
const SWEPT_AT_ONCE: usize = HISTORIES_MAX / 256;

/// How much of what was published to a topic is kept.
///
/// ```
/// use std::time::Duration;
/// use ringlane::topics::History;
/// use ringlane::{Context, Server};
///
/// let history = History::default().max_events(500).max_age(Duration::from_secs(600));
/// let server = Server::builder()
///     .history("news", history)
///     .get("/news", |ctx: Context| ctx.event_stream_of("news"))
///     .build()?;
/// # Ok::<(), ringlane::BuildError>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct History {
    events_max: usize,
    bytes_max: usize,
    age_max: Duration,
}

impl Default for History {
    fn default() -> Self {
        Self {
            events_max: 1000,
            bytes_max: 16 * 1024 * 1024,
            age_max: Duration::from_secs(3600),
        }
    }
}

impl History {
    /// How many messages are kept. Default 1,000, up to [a million](HISTORY_EVENTS_MAX).
    ///
    /// ```
    /// let history = ringlane::topics::History::default().max_events(10);
    /// ```
    #[must_use]
    pub fn max_events(mut self, count: usize) -> Self {
        self.events_max = count;
        self
    }

    /// How many bytes the kept messages may take, as streams get them, each with 32 bytes more for
    /// its place. Default 16 MiB, up to [64 GiB](HISTORY_BYTES_MAX). Beyond it the oldest go; a
    /// message that alone is larger is not kept. Text and events count; messages of bytes are
    /// nothing for streams.
    ///
    /// ```
    /// let history = ringlane::topics::History::default().max_bytes(1024 * 1024);
    /// ```
    #[must_use]
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.bytes_max = bytes;
        self
    }

    /// How long a message is kept. Default one hour, from 1 ms; `Duration::MAX` is for ever. Memory
    /// of what is older is given back when the next message is published or someone follows; if
    /// that is to or of another topic that has a history, within five minutes.
    ///
    /// ```
    /// let history = ringlane::topics::History::default().max_age(std::time::Duration::MAX);
    /// ```
    #[must_use]
    pub fn max_age(mut self, age: Duration) -> Self {
        self.age_max = age;
        self
    }

    /// What is out of its range.
    pub(crate) fn check(&self) -> Option<LimitError> {
        let least = Duration::from_millis(1);
        outside("max_events", self.events_max, 0..=HISTORY_EVENTS_MAX)
            .or_else(|| outside("max_bytes", self.bytes_max, 0..=HISTORY_BYTES_MAX))
            .or_else(|| outside("max_age", self.age_max, least..))
    }
}

/// All histories of one server.
#[derive(Default)]
pub(super) struct Histories {
    /// Most servers have none, and need not look.
    is_any: AtomicBool,
    all: RwLock<All>,
    /// When some were looked through last, in nanoseconds.
    swept_at: AtomicU64,
    /// How many were looked through.
    swept: AtomicUsize,
}

#[derive(Default)]
struct All {
    by_topic: HashMap<Box<str>, Arc<Kept>>,
    /// The same, to be looked through in turns.
    in_turn: Vec<Arc<Kept>>,
    /// No history that is dropped has reached this number.
    numbers_from: u64,
}

impl Histories {
    pub(super) fn of(&self, topic: &str, now: Instant) -> Option<Arc<Kept>> {
        // Relaxed: who was not told of a history otherwise does not rely on it.
        if !self.is_any.load(Ordering::Relaxed) {
            return None;
        }
        let all = self.all.read().unwrap_or_else(PoisonError::into_inner);
        let kept = all.by_topic.get(topic).map(Arc::clone)?;
        self.sweep(&all, now);
        Some(kept)
    }

    pub(super) fn keep(
        &self,
        topic: &str,
        history: History,
        now: Instant,
    ) -> Result<(), LimitError> {
        let mut all = self.all.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(kept) = all.by_topic.get(topic) {
            kept.set(history, now);
            return Ok(());
        }
        let count = all.in_turn.len() + 1;
        outside("histories", count, 0..=HISTORIES_MAX).map_or(Ok(()), Err)?;
        let kept = Arc::new(Kept::new(history, all.numbers_from));
        all.in_turn.push(Arc::clone(&kept));
        all.by_topic.insert(topic.into(), kept);
        self.is_any.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// A topic has no history any more. Tells whether it had one.
    pub(super) fn forget(&self, topic: &str) -> bool {
        let mut all = self.all.write().unwrap_or_else(PoisonError::into_inner);
        let Some(kept) = all.by_topic.remove(topic) else {
            return false;
        };
        all.in_turn.retain(|other| !Arc::ptr_eq(other, &kept));
        // Who follows the topic waits for numbers from its own on, should it get a history anew.
        all.numbers_from = all.numbers_from.max(kept.end());
        true
    }

    /// Gives back what is too old of some histories, if it is time to.
    fn sweep(&self, all: &All, now: Instant) {
        // Relaxed: whoever is the one to do it takes locks.
        let (last, now_nanos) = (self.swept_at.load(Ordering::Relaxed), now.as_nanos());
        let is_due = now_nanos >= last.saturating_add(SWEEP_PERIOD);
        let ours = |last, now| {
            let order = Ordering::Relaxed;
            self.swept_at
                .compare_exchange(last, now, order, order)
                .is_ok()
        };
        if !is_due || !ours(last, now_nanos) {
            return;
        }
        let count = all.in_turn.len();
        let start = self.swept.fetch_add(SWEPT_AT_ONCE, Ordering::Relaxed) % count;
        let (before, from) = all.in_turn.split_at(start);
        for kept in from.iter().chain(before).take(SWEPT_AT_ONCE) {
            kept.prune(now);
        }
    }
}

#[cfg(test)]
mod tests;
