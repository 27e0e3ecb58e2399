//! What was published to a topic, kept for streams that come back.
//!
//! An id is `epoch:number`. The epoch is drawn at random when the server is made, so that an id of
//! a former life is known as such; numbers begin at 1 and have no holes.
//!
//! Always true here:
//! - Who comes back gets all that it has missed, or is told that there is a gap before it gets what
//!   is left.
//! - Numbers rise in the order in which the messages are posted to each core.
//!
//! Not here: who follows (`topics.rs`), how a replay is sent (`event_stream/feed.rs`).

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use ringlane_reactor::clock::Instant;

use super::shipment::{Publication, Shipment};
use crate::limits::{LimitError, outside};

/// The most messages that a history may keep.
pub const HISTORY_EVENTS_MAX: usize = 1_000_000;

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
    age_max: Duration,
}

impl Default for History {
    fn default() -> Self {
        Self {
            events_max: 1000,
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

    /// How long a message is kept. Default one hour, from 1 ms; `Duration::MAX` is for ever. Memory
    /// of what is older is given back when the next message is published or someone follows.
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
            .or_else(|| outside("max_age", self.age_max, least..=Duration::MAX))
    }
}

/// All histories of one server.
pub(super) struct Histories {
    /// Most servers have none, and need not look.
    is_any: AtomicBool,
    epoch: u64,
    by_topic: RwLock<HashMap<Box<str>, Arc<Kept>>>,
}

impl Default for Histories {
    fn default() -> Self {
        Self {
            is_any: AtomicBool::new(false),
            epoch: RandomState::new().hash_one(std::process::id()),
            by_topic: RwLock::default(),
        }
    }
}

impl Histories {
    pub(super) fn of(&self, topic: &str) -> Option<Arc<Kept>> {
        // Relaxed: who was not told of a history otherwise does not rely on it.
        if !self.is_any.load(Ordering::Relaxed) {
            return None;
        }
        let all = self.by_topic.read().unwrap_or_else(PoisonError::into_inner);
        all.get(topic).map(Arc::clone)
    }

    pub(super) fn keep(&self, topic: &str, history: History) {
        let mut all = self
            .by_topic
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let kept = all.entry(topic.into()).or_insert_with(|| {
            Arc::new(Kept {
                epoch: self.epoch,
                ring: Mutex::default(),
            })
        });
        kept.ring().history = history;
        self.is_any.store(true, Ordering::Relaxed);
    }
}

/// What is kept of one topic.
pub(super) struct Kept {
    epoch: u64,
    ring: Mutex<Ring>,
}

struct Ring {
    history: History,
    /// The number of the next message.
    next: u64,
    /// Those before it, the oldest first.
    shipments: VecDeque<(Instant, Arc<Shipment>)>,
}

impl Default for Ring {
    fn default() -> Self {
        Self {
            history: History::default(),
            next: 1,
            shipments: VecDeque::new(),
        }
    }
}

/// What a follower gets before what is new.
pub(crate) struct Replay {
    /// Where what follows begins: the id of the message before it.
    pub(crate) position: String,
    /// Why something may be missing there, if so.
    pub(crate) gap: Option<&'static str>,
    pub(crate) shipments: VecDeque<Arc<Shipment>>,
    /// The number of the first message that is not among these.
    pub(crate) next: u64,
}

impl Kept {
    /// Numbers a message, keeps it, and has it posted before the next one is numbered.
    pub(super) fn append(
        &self,
        message: Publication<'static>,
        now: Instant,
        post: impl FnOnce(&Arc<Shipment>) -> bool,
    ) -> bool {
        let mut ring = self.ring();
        let number = ring.next;
        let shipment = Arc::new(Shipment::numbered(message, number, self.id(number)));
        ring.next += 1;
        ring.shipments.push_back((now, Arc::clone(&shipment)));
        ring.prune(now);
        post(&shipment)
    }

    /// What was published since the message of id `last`; without an id, nothing.
    pub(super) fn replay(&self, last: Option<&str>, now: Instant) -> Replay {
        let mut ring = self.ring();
        ring.prune(now);
        let next = ring.next;
        let first = next - ring.shipments.len() as u64;
        let (from, gap) = match last.map(|last| self.number_of(last)) {
            None => (next, None),
            Some(Some(last)) if last >= next => (first, Some("unknown")),
            Some(Some(last)) if last + 1 < first => (first, Some("expired")),
            Some(Some(last)) => (last + 1, None),
            Some(None) => (first, Some("restarted")),
        };
        let behind = ring.shipments.iter().rev();
        let missed = usize::try_from(next - from).unwrap_or(usize::MAX);
        let mut shipments: VecDeque<_> = behind
            .take(missed)
            .map(|(_, shipment)| Arc::clone(shipment))
            .collect();
        shipments.make_contiguous().reverse();
        Replay {
            position: self.id(from - 1),
            gap,
            shipments,
            next,
        }
    }

    fn id(&self, number: u64) -> String {
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
}

impl Ring {
    fn prune(&mut self, now: Instant) {
        while let Some((at, _)) = self.shipments.front()
            && (self.shipments.len() > self.history.events_max || now - *at > self.history.age_max)
        {
            self.shipments.pop_front();
        }
    }
}

#[cfg(test)]
mod tests;
