//! Buckets of tokens in one table of fixed size, which many cores may use at once.
//!
//! A bucket is one number: the time at which it will be full. Taking a token moves that time on by
//! what one token takes to come; there is none left once it is further away than a full bucket's
//! worth. (The generic cell rate algorithm of ITU-T I.371 says the same.)
//!
//! Always true here:
//! - A key is looked for in eight places, and nothing allocates or waits.
//! - Cores that take from a bucket at the same time never take more than it holds.
//! - Where a key is given another's place at the very moment when a third core takes from it, one
//!   batch may be taken from the wrong bucket; that is all that a race can do.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ringlane_reactor::clock::Instant;

/// Places in which a key is looked for.
pub(super) const PLACES: usize = 8;
/// A bucket that takes longer to fill is none.
const FILL_TIME_MAX: Duration = Duration::from_secs(31 * 24 * 3600);

/// How fast buckets fill, and how large they are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rate {
    /// From one token to the next, in nanoseconds.
    interval: u64,
    burst: u32,
}

impl Rate {
    /// # Panics
    ///
    /// If a bucket would take longer than 31 days to fill.
    pub(super) fn new(requests: u32, window: Duration, burst: u32) -> Self {
        let interval = window.as_nanos() / u128::from(requests.max(1));
        let rate = Self {
            interval: u64::try_from(interval).unwrap_or(u64::MAX).max(1),
            burst,
        };
        let fill_time = rate.interval.checked_mul(u64::from(burst));
        let is_short = fill_time.is_some_and(|nanos| Duration::from_nanos(nanos) <= FILL_TIME_MAX);
        assert!(is_short, "a burst comes together within 31 days");
        rate
    }

    pub(super) fn burst(self) -> u32 {
        self.burst
    }

    /// How long an empty bucket takes to fill.
    pub(super) fn fill_time(self) -> Duration {
        Duration::from_nanos(self.fill())
    }

    fn fill(self) -> u64 {
        self.interval * u64::from(self.burst)
    }

    /// Tokens in a bucket that will be full then.
    fn tokens(self, full_at: u64, now: u64) -> u32 {
        let missing = full_at.saturating_sub(now);
        let tokens = self.fill().saturating_sub(missing) / self.interval;
        u32::try_from(tokens).unwrap_or(self.burst)
    }
}

pub(super) struct Table {
    rate: Rate,
    lines: Box<[Line]>,
}

/// The places of one key, side by side in memory.
#[derive(Default)]
#[repr(align(128))]
struct Line([Place; PLACES]);

#[derive(Default)]
struct Place {
    /// The key's hash; zero where there is none.
    owner: AtomicU64,
    /// When its bucket will be full.
    full_at: AtomicU64,
}

impl Table {
    /// For so many keys at least.
    pub(super) fn new(rate: Rate, keys: usize) -> Self {
        let lines = keys.div_ceil(PLACES).max(1);
        Self {
            rate,
            lines: std::iter::repeat_with(Line::default).take(lines).collect(),
        }
    }

    pub(super) fn rate(&self) -> Rate {
        self.rate
    }

    /// Takes up to so many tokens, and one at least; or tells how long to wait for that one.
    pub(super) fn take(&self, hash: u64, count: u32, now: Instant) -> Result<u32, Duration> {
        let now = now.as_nanos();
        let place = self.claim(hash);
        let mut taken = 0;
        let took = place
            .full_at
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |full_at| {
                taken = self.rate.tokens(full_at, now).min(count);
                let moved = u64::from(taken) * self.rate.interval;
                (taken > 0).then(|| full_at.max(now).saturating_add(moved))
            });
        match took {
            Ok(_) => Ok(taken),
            Err(full_at) => {
                // One token is there when the bucket lacks all but one.
                let lacking = self.rate.fill() - self.rate.interval;
                let wait = full_at.saturating_sub(now).saturating_sub(lacking);
                Err(Duration::from_nanos(wait))
            }
        }
    }

    /// Puts back what was taken and not used.
    pub(super) fn give_back(&self, hash: u64, count: u32) {
        if let Some(place) = self.find(hash) {
            let moved = u64::from(count) * self.rate.interval;
            let back = |full_at: u64| Some(full_at.saturating_sub(moved));
            // The closure always gives a value, so this does not fail.
            let _ = place
                .full_at
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, back);
        }
    }

    /// Tokens that are left in a bucket.
    pub(super) fn left(&self, hash: u64, now: Instant) -> u32 {
        let full_at = self
            .find(hash)
            .map_or(0, |place| place.full_at.load(Ordering::Relaxed));
        self.rate.tokens(full_at, now.as_nanos())
    }

    fn line(&self, hash: u64) -> &[Place; PLACES] {
        // The hash as a fraction of the table: its upper bits choose.
        let at = (u128::from(hash) * self.lines.len() as u128) >> 64;
        let line = self.lines.get(at as usize);
        &line.expect("a fraction of the length is within it").0
    }

    fn find(&self, hash: u64) -> Option<&Place> {
        let is_it = |place: &&Place| place.owner.load(Ordering::Relaxed) == hash;
        self.line(hash).iter().find(is_it)
    }

    /// The key's place: its own, or a free one, or that of the fullest bucket.
    fn claim(&self, hash: u64) -> &Place {
        let line = self.line(hash);
        for _ in 0..PLACES {
            if let Some(place) = self.find(hash) {
                return place;
            }
            let fullest = line
                .iter()
                .min_by_key(|place| place.full_at.load(Ordering::Relaxed));
            let place = fullest.expect("a line has eight places");
            let owner = place.owner.load(Ordering::Relaxed);
            let claimed =
                place
                    .owner
                    .compare_exchange(owner, hash, Ordering::Relaxed, Ordering::Relaxed);
            if claimed.is_ok() {
                place.full_at.store(0, Ordering::Relaxed);
                return place;
            }
        }
        // Others were faster each time. Sharing a bucket with one of them does for once.
        let [first, ..] = line;
        first
    }
}
