//! From one core to the others: what is said to many goes to each core once, as a letter.
//!
//! Always true here:
//! - What one thread sends arrives at each core in the order in which it was sent.
//! - So many bytes at most are on their way to one core; what is one too many is refused.
//!
//! Not here: who gets it there (`topics.rs`, `broadcast.rs`), the letters (the reactor's).

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use ringlane_reactor::{Letter, Post, contain, local};

/// Bytes that may be on their way to one core for all topics of a server, or one broadcast.
pub const CROSSING_BYTES_MAX: usize = 64 * 1024 * 1024;
/// What a letter costs beside the message.
const LETTER_BYTES: usize = 256;

/// The cores that want to hear.
#[derive(Default)]
pub(super) struct Crossing(RwLock<Vec<Lane>>);

struct Lane {
    core: u16,
    post: Post,
    /// Bytes on their way.
    bytes: Arc<AtomicUsize>,
}

/// Which cores a letter goes to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Whom {
    /// All but the one that this thread is inside.
    Others,
    All,
}

impl Crossing {
    /// From now on the core that this thread is inside hears.
    pub(super) fn join(&self) {
        let (Some(core), Some(post)) = (local::core(), local::post()) else {
            return; // an application that is run by hand has no other cores
        };
        let mut lanes = self.write();
        lanes.retain(|lane| lane.core != core); // of an earlier life
        lanes.push(Lane {
            core,
            post,
            bytes: Arc::default(),
        });
    }

    /// This core does not hear any more.
    pub(super) fn leave(&self) {
        let here = local::core();
        self.write().retain(|lane| Some(lane.core) != here);
    }

    /// Has `arrive` run on every one of these cores that hears. Tells whether all of them took it.
    pub(super) fn send<F: FnOnce() + Send + 'static>(
        &self,
        whom: Whom,
        bytes: usize,
        arrive: impl Fn() -> F,
    ) -> bool {
        let cost = LETTER_BYTES + bytes;
        let here = local::core();
        let mut is_whole = true;
        for lane in self.read().iter().filter(|lane| lane.is_of(whom, here)) {
            // Relaxed: a count, which orders nothing.
            let before = lane.bytes.fetch_add(cost, Ordering::Relaxed);
            let back = Home(Arc::clone(&lane.bytes), cost);
            if before >= CROSSING_BYTES_MAX {
                is_whole = false;
                continue; // and `back` takes it off again
            }
            let arrive = arrive();
            let letter = Letter::Run(Box::new(move || {
                let _home = back;
                // A user's type may do anything when it is dropped or serialised.
                let _ = contain(arrive);
            }));
            is_whole &= lane.post.send(letter).is_ok();
        }
        is_whole
    }

    /// Whether there is anyone of these.
    pub(super) fn reaches(&self, whom: Whom) -> bool {
        let here = local::core();
        self.read().iter().any(|lane| lane.is_of(whom, here))
    }

    /// Whether the core that this thread is inside, if it is inside one, hears.
    pub(super) fn reaches_this(&self) -> bool {
        let here = local::core();
        here.is_none() || self.read().iter().any(|lane| Some(lane.core) == here)
    }

    fn read(&self) -> RwLockReadGuard<'_, Vec<Lane>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Vec<Lane>> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lane {
    fn is_of(&self, whom: Whom, here: Option<u16>) -> bool {
        whom == Whom::All || Some(self.core) != here
    }
}

/// Takes bytes off the count of those on their way when they have arrived, or were lost.
struct Home(Arc<AtomicUsize>, usize);

impl Drop for Home {
    fn drop(&mut self) {
        self.0.fetch_sub(self.1, Ordering::Relaxed);
    }
}
