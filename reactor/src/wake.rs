//! Wakers: one word that names a core and a place on it, and the bits they set there.
//!
//! Always true here:
//! - A wake cannot overflow: it is one bit per place. It allocates only when a place is woken whose
//!   words are not there yet, and takes a lock only to wake a core that sleeps.
//! - A wake that is set before its core looks is seen before that core sleeps.
//! - A waker outlives what it names without harm: the worst is one poll for nothing.
//!
//! Not here: what is polled (`tasks.rs`, `reactor.rs`), the packing into a pointer
//! (`sys/waker.rs`).

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::task::Waker;
use std::thread::Thread;

use crate::local;
use crate::mailbox::Bell;
use crate::sys;
use crate::token::Slot;

/// Most cores that one process may run at a time.
pub const CORES_MAX: usize = 1024;
/// Most connections, and most tasks, that one core may hold.
pub const PLACES_MAX: usize = CHUNKS * CHUNK_BITS;

const CHUNKS: usize = 64;
const CHUNK_BITS: usize = 1 << 16;
const WORDS: usize = CHUNK_BITS / 64;

/// What can be woken on a core.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Place {
    Connection(u32),
    Task(u32),
}

/// | bits   | field | meaning                                   |
/// |--------|-------|-------------------------------------------|
/// | 0..32  | index | of the connection or task                 |
/// | 32     | task  | set if the index is a task's              |
/// | 33..43 | core  | where it lives                            |
///
/// No generation: a wake of an earlier life is a poll for nothing, which futures must bear anyway.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Name {
    pub(crate) core: u16,
    pub(crate) place: Place,
}

impl Name {
    pub(crate) const fn pack(self) -> usize {
        let (task, index) = match self.place {
            Place::Connection(index) => (0, index),
            Place::Task(index) => (1, index),
        };
        (self.core as usize) << 33 | task << 32 | index as usize
    }

    pub(crate) const fn unpack(word: usize) -> Self {
        let index = word as u32;
        let task = (word >> 32) & 1 == 1;
        let place = if task {
            Place::Task(index)
        } else {
            Place::Connection(index)
        };
        Self {
            core: (word >> 33) as u16,
            place,
        }
    }

    pub(crate) fn waker(self) -> Waker {
        sys::waker::packed(self)
    }

    /// What a waker does, on whatever thread.
    pub(crate) fn wake(self) {
        let here = local::try_with(|local| {
            let mine = local.core() == self.core;
            if mine {
                local.ready().borrow_mut().push(self.place);
            }
            mine
        });
        if here != Some(true) {
            self.wake_remote();
        }
    }

    fn wake_remote(self) {
        let Some(station) = STATIONS.get(usize::from(self.core)).and_then(OnceLock::get) else {
            return;
        };
        match self.place {
            Place::Connection(index) => station.connections.set(index),
            Place::Task(index) => station.tasks.set(index),
        }
        station.ring();
    }
}

/// Makes the reactor look at one connection again. Cheap to copy, usable from any thread.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ConnectionWaker(Name);

impl ConnectionWaker {
    pub(crate) fn new(core: u16, slot: Slot) -> Self {
        Self(Name {
            core,
            place: Place::Connection(slot.get()),
        })
    }

    /// Has the connection's application called.
    pub fn wake(self) {
        self.0.wake();
    }

    /// The same as a waker for futures.
    pub fn to_waker(self) -> Waker {
        self.0.waker()
    }
}

/// Places of this core that were woken by the core itself, in order, each once.
#[derive(Debug, Default)]
pub(crate) struct Ready {
    queue: Vec<Place>,
    connections: Vec<u64>,
    tasks: Vec<u64>,
}

impl Ready {
    pub(crate) fn push(&mut self, place: Place) {
        let (bits, index) = match place {
            Place::Connection(index) => (&mut self.connections, index as usize),
            Place::Task(index) => (&mut self.tasks, index as usize),
        };
        if index >= PLACES_MAX {
            return; // no such place was ever given out
        }
        let word = index / 64;
        if word >= bits.len() {
            bits.resize((word + 1).next_power_of_two(), 0);
        }
        let bit = 1 << (index % 64);
        if bits[word] & bit == 0 {
            bits[word] |= bit;
            self.queue.push(place);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Takes everything woken so far, in order. `into` is swapped in, so that nothing is allocated.
    pub(crate) fn take(&mut self, into: &mut Vec<Place>) {
        debug_assert!(into.is_empty());
        std::mem::swap(&mut self.queue, into);
        for place in into {
            match *place {
                Place::Connection(index) => {
                    self.connections[index as usize / 64] &= !(1 << (index % 64));
                }
                Place::Task(index) => self.tasks[index as usize / 64] &= !(1 << (index % 64)),
            }
        }
    }
}

/// Where other threads leave word for one core.
pub(crate) struct Station {
    connections: Bits,
    tasks: Bits,
    sleeping: AtomicBool,
    bell: Mutex<Option<Bell>>,
    taken: AtomicBool,
    /// Who watches the core, and whether it sleeps until the core wakes up.
    watchdog: Mutex<Option<Thread>>,
    calls_watchdog: AtomicBool,
    /// The core has no place for another connection, as of its last turn.
    full: AtomicBool,
}

static STATIONS: [OnceLock<Station>; CORES_MAX] = [const { OnceLock::new() }; CORES_MAX];

impl Station {
    /// Takes a free station for a new core. `None` if [`CORES_MAX`] are in use.
    pub(crate) fn claim(bell: Bell) -> Option<(u16, &'static Self)> {
        for (core, station) in STATIONS.iter().enumerate() {
            let station = station.get_or_init(Self::new);
            if !station.taken.swap(true, Ordering::SeqCst) {
                *station.lock_bell() = Some(bell);
                return u16::try_from(core).ok().map(|core| (core, station));
            }
        }
        None
    }

    pub(crate) fn release(&self) {
        *self.lock_bell() = None;
        self.set_full(false);
        self.set_watchdog(None);
        self.drain(drop); // stale wakes are nothing to the next core that lives here
        self.taken.store(false, Ordering::SeqCst);
    }

    fn new() -> Self {
        Self {
            connections: Bits::new(),
            tasks: Bits::new(),
            sleeping: AtomicBool::new(false),
            bell: Mutex::new(None),
            taken: AtomicBool::new(false),
            watchdog: Mutex::new(None),
            calls_watchdog: AtomicBool::new(false),
            full: AtomicBool::new(false),
        }
    }

    fn lock_bell(&self) -> std::sync::MutexGuard<'_, Option<Bell>> {
        self.bell.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes the core if it sleeps. To be called after the word was left.
    pub(crate) fn ring(&self) {
        // SeqCst here and in `fall_asleep`: either the core sees the word, or we see it sleeping.
        if self.sleeping.load(Ordering::SeqCst)
            && self.sleeping.swap(false, Ordering::SeqCst)
            && let Some(bell) = &*self.lock_bell()
        {
            bell.ring();
        }
    }

    /// Tells other cores whether there is a place for another connection.
    pub(crate) fn set_full(&self, full: bool) {
        if self.is_full() != full {
            self.full.store(full, Ordering::Relaxed); // a hint, and nothing hangs on its order
        }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.full.load(Ordering::Relaxed)
    }

    /// Announces that the core is about to sleep. Whoever calls looks for words once more after it.
    pub(crate) fn fall_asleep(&self) {
        self.sleeping.store(true, Ordering::SeqCst);
    }

    pub(crate) fn wake_up(&self) {
        self.sleeping.store(false, Ordering::SeqCst);
        // SeqCst here and in `watchdog.rs`: either we see that it is to be called, or it sees the
        // core awake.
        if self.calls_watchdog.load(Ordering::SeqCst) {
            self.call_watchdog();
        }
    }

    pub(crate) fn is_asleep(&self) -> bool {
        self.sleeping.load(Ordering::SeqCst)
    }

    pub(crate) fn set_watchdog(&self, watchdog: Option<Thread>) {
        *self.lock_watchdog() = watchdog;
    }

    /// Whether the core has its watchdog woken once it wakes up.
    pub(crate) fn call_watchdog_on_wake(&self, yes: bool) {
        self.calls_watchdog.store(yes, Ordering::SeqCst);
    }

    #[cold]
    fn call_watchdog(&self) {
        self.call_watchdog_on_wake(false);
        if let Some(watchdog) = &*self.lock_watchdog() {
            watchdog.unpark();
        }
    }

    fn lock_watchdog(&self) -> std::sync::MutexGuard<'_, Option<Thread>> {
        self.watchdog.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether any place was woken from elsewhere.
    pub(crate) fn has_words(&self) -> bool {
        self.connections.any() || self.tasks.any()
    }

    /// Hands out every place woken from elsewhere since the last call.
    pub(crate) fn drain(&self, mut each: impl FnMut(Place)) {
        self.connections
            .drain(|index| each(Place::Connection(index)));
        self.tasks.drain(|index| each(Place::Task(index)));
    }
}

/// A set of indices that many threads add to and one empties: a bit each, with two summaries above.
struct Bits {
    /// Bit n: chunk n has something.
    top: AtomicU64,
    chunks: [OnceLock<Box<Chunk>>; CHUNKS],
}

struct Chunk {
    /// Bit n of word m: word 64 m + n has something.
    summary: [AtomicU64; WORDS / 64],
    words: [AtomicU64; WORDS],
}

impl Bits {
    const fn new() -> Self {
        Self {
            top: AtomicU64::new(0),
            chunks: [const { OnceLock::new() }; CHUNKS],
        }
    }

    fn set(&self, index: u32) {
        let (chunk_at, within) = (index as usize / CHUNK_BITS, index as usize % CHUNK_BITS);
        let Some(chunk) = self.chunks.get(chunk_at) else {
            return;
        };
        let chunk = chunk.get_or_init(Chunk::new);
        let word = within / 64;
        // Bottom up, and `drain` empties top down: a bit set meanwhile is found the next time.
        chunk.words[word].fetch_or(1 << (within % 64), Ordering::SeqCst);
        chunk.summary[word / 64].fetch_or(1 << (word % 64), Ordering::SeqCst);
        self.top.fetch_or(1 << chunk_at, Ordering::SeqCst);
    }

    fn any(&self) -> bool {
        self.top.load(Ordering::SeqCst) != 0
    }

    fn drain(&self, mut each: impl FnMut(u32)) {
        if !self.any() {
            return;
        }
        for_each_bit(self.top.swap(0, Ordering::SeqCst), |chunk_at| {
            let Some(chunk) = self.chunks[chunk_at].get() else {
                return;
            };
            for (group, summary) in chunk.summary.iter().enumerate() {
                for_each_bit(summary.swap(0, Ordering::SeqCst), |word_in_group| {
                    let word = group * 64 + word_in_group;
                    for_each_bit(chunk.words[word].swap(0, Ordering::SeqCst), |bit| {
                        each((chunk_at * CHUNK_BITS + word * 64 + bit) as u32);
                    });
                });
            }
        });
    }
}

impl Chunk {
    fn new() -> Box<Self> {
        Box::new(Self {
            summary: [const { AtomicU64::new(0) }; WORDS / 64],
            words: [const { AtomicU64::new(0) }; WORDS],
        })
    }
}

fn for_each_bit(mut bits: u64, mut each: impl FnMut(usize)) {
    while bits != 0 {
        each(bits.trailing_zeros() as usize);
        bits &= bits - 1;
    }
}

/// Shared by everything that runs on one core: who was woken here.
pub(crate) type ReadyCell = RefCell<Ready>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_survive_packing() {
        for core in [0, 1, 1023] {
            for index in [0, 1, u32::MAX] {
                for place in [Place::Connection(index), Place::Task(index)] {
                    let name = Name { core, place };
                    assert_eq!(Name::unpack(name.pack()), name);
                }
            }
        }
    }

    #[test]
    fn each_place_is_handed_out_once_at_every_edge() {
        let bits = Bits::new();
        let last = PLACES_MAX as u32 - 1;
        for index in [0, 63, 64, 65_535, 65_536, last, last + 1, 0] {
            bits.set(index);
        }
        let mut seen = Vec::new();
        bits.drain(|index| seen.push(index));
        assert_eq!(
            seen,
            [0, 63, 64, 65_535, 65_536, last],
            "one beyond the last is no place"
        );
        assert!(!bits.any());
    }

    #[test]
    fn no_wake_is_lost_between_threads() {
        const EACH: u32 = 20_000;
        let bits = Bits::new();
        let mut woken = vec![false; 4 * EACH as usize];
        std::thread::scope(|scope| {
            for part in 0..4 {
                let bits = &bits;
                scope.spawn(move || (0..EACH).for_each(|index| bits.set(index * 4 + part)));
            }
            while woken.contains(&false) {
                bits.drain(|index| woken[index as usize] = true);
            }
        });
    }

    #[test]
    fn a_place_woken_twice_is_polled_once() {
        let mut ready = Ready::default();
        for place in [Place::Task(3), Place::Connection(3), Place::Task(3)] {
            ready.push(place);
        }
        let mut taken = Vec::new();
        ready.take(&mut taken);
        assert_eq!(taken, [Place::Task(3), Place::Connection(3)]);
        taken.clear();
        ready.push(Place::Task(3));
        ready.take(&mut taken);
        assert_eq!(taken, [Place::Task(3)]);
    }
}
