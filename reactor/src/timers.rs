//! Deadlines of connections: one each, on a wheel of coarse ticks.
//!
//! Always true here:
//! - A deadline fires at its time or up to one tick later, never before.
//! - Moving a deadline later costs nothing here: it is looked at when the old one fires.
//! - A slot is on the wheel at most once; taking it off takes a constant time.
//!
//! Not here: what a deadline means (`reactor.rs`), fine sleeps (`sleeps.rs`).

use std::time::Duration;

use crate::clock::Instant;

/// One tick, as a power of two of nanoseconds: 67 ms.
const TICK_BITS: u32 = 26;
const TICK: Duration = Duration::from_nanos(1 << TICK_BITS);
/// Ticks in one round of the wheel: 34 s. Deadlines beyond are looked at once a round.
const BUCKETS: usize = 512;
const NONE: u32 = u32::MAX;

/// One slot's place on the wheel.
#[derive(Clone, Copy, Debug)]
struct Link {
    previous: u32,
    next: u32,
    /// The tick at which it fires; [`OFF`] if it is not on the wheel.
    tick: u64,
}

const OFF: u64 = u64::MAX;
const UNLINKED: Link = Link {
    previous: NONE,
    next: NONE,
    tick: OFF,
};

/// The deadlines of one core.
#[derive(Debug)]
pub(crate) struct Wheel {
    /// First slot of each bucket's list.
    heads: Box<[u32; BUCKETS]>,
    /// Bit n: bucket n is not empty.
    occupied: [u64; BUCKETS / 64],
    links: Vec<Link>,
    /// Everything before this tick has fired.
    current: u64,
    /// How many slots are on the wheel.
    armed: usize,
}

impl Wheel {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            heads: Box::new([NONE; BUCKETS]),
            occupied: [0; BUCKETS / 64],
            links: Vec::new(),
            current: tick_of(now),
            armed: 0,
        }
    }

    /// Skips the time in which nothing was armed: a deadline is placed from the present on, not
    /// from when the last one fired.
    #[inline]
    pub(crate) fn catch_up(&mut self, now: Instant) {
        if self.armed == 0 {
            self.current = self.current.max(tick_of(now));
        }
    }

    /// Sees to it that `slot` is looked at, at or after `deadline`. Gives the time by which it is:
    /// a deadline that is not before that needs no arming.
    pub(crate) fn arm(&mut self, slot: usize, deadline: Instant) -> Instant {
        if slot >= self.links.len() {
            self.links.resize(slot + 1, UNLINKED);
        }
        let horizon = self.current + BUCKETS as u64 - 1;
        let tick = (tick_of(deadline).saturating_add(1)).clamp(self.current + 1, horizon);
        let armed = self.links[slot].tick;
        if armed <= tick {
            return start_of(armed); // it fires before, and is then moved
        }
        self.disarm(slot);
        self.armed += 1;
        let bucket = bucket_of(tick);
        let next = self.heads[bucket];
        self.links[slot] = Link {
            previous: NONE,
            next,
            tick,
        };
        if next != NONE {
            self.links[next as usize].previous = slot as u32;
        }
        self.heads[bucket] = slot as u32;
        self.occupied[bucket / 64] |= 1 << (bucket % 64);
        start_of(tick)
    }

    /// Takes a slot off the wheel.
    pub(crate) fn disarm(&mut self, slot: usize) {
        let Some(link) = self.links.get_mut(slot) else {
            return;
        };
        let Link {
            previous,
            next,
            tick,
        } = std::mem::replace(link, UNLINKED);
        if tick == OFF {
            return;
        }
        self.armed -= 1;
        let bucket = bucket_of(tick);
        match previous {
            NONE => self.heads[bucket] = next,
            _ => self.links[previous as usize].next = next,
        }
        if next != NONE {
            self.links[next as usize].previous = previous;
        }
        if self.heads[bucket] == NONE {
            self.occupied[bucket / 64] &= !(1 << (bucket % 64));
        }
    }

    /// Takes one slot off whose tick has come. Whoever it belongs to arms it again if need be.
    pub(crate) fn pop_due(&mut self, now: Instant) -> Option<usize> {
        let last = tick_of(now);
        while self.current < last {
            match self.next_occupied() {
                Some(tick) if tick <= last => {
                    let slot = self.heads[bucket_of(tick)] as usize;
                    // Not past this tick yet: its bucket may hold more.
                    self.current = self.current.max(tick - 1);
                    self.disarm(slot);
                    return Some(slot);
                }
                _ => self.current = last,
            }
        }
        None
    }

    /// When to look again; `None` if nothing is armed.
    pub(crate) fn next(&self) -> Option<Instant> {
        let tick = self.next_occupied()?;
        Some(start_of(tick))
    }

    /// The first tick after `current` whose bucket is not empty.
    fn next_occupied(&self) -> Option<u64> {
        let start = bucket_of(self.current + 1);
        let words = self.occupied.len();
        for step in 0..=words {
            let word = (start / 64 + step) % words;
            let mut bits = self.occupied[word];
            if step == 0 {
                bits &= u64::MAX << (start % 64);
            } else if step == words {
                bits &= !(u64::MAX << (start % 64));
            }
            if bits != 0 {
                let bucket = word * 64 + bits.trailing_zeros() as usize;
                let ahead = (bucket + BUCKETS - start) % BUCKETS;
                return Some(self.current + 1 + ahead as u64);
            }
        }
        None
    }
}

fn tick_of(instant: Instant) -> u64 {
    instant.as_nanos() >> TICK_BITS
}

fn start_of(tick: u64) -> Instant {
    Instant::from_nanos(tick << TICK_BITS)
}

fn bucket_of(tick: u64) -> usize {
    (tick % BUCKETS as u64) as usize
}

const _: () = assert!(BUCKETS.is_multiple_of(64));
/// The coarseness of deadlines: they fire up to so much later than asked for.
pub const DEADLINE_TICK: Duration = TICK;

#[cfg(test)]
mod tests;
