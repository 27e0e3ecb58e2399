//! Until when a connection is kept: the first answer after its lifetime says that it closes.
//!
//! Always true here:
//! - A connection is kept as long as is set at most, and about nine tenths of that at least.
//! - Connections that were opened one after another, however quickly, end far from each other.
//! - Each connection holds two bytes for it. They are right for 64 lifetimes; whoever has had no
//!   answer for longer than that may be kept for some more.
//!
//! Not here: what that ends (`answer.rs`), idle connections, the lifetimes of sockets and streams.

use std::time::Duration;

use ringlane_reactor::clock::Instant;

/// A lifetime is so many bits long, in the units in which it is compared.
const LENGTH_BITS: u32 = 9;
/// 2^32 divided by the golden ratio: its multiples spread evenly over all 32-bit numbers.
const SPREAD: u32 = 0x9e37_79b9;

/// Gives connections their lifetimes, and tells when they are over.
#[derive(Debug)]
pub(super) struct Lifetimes {
    longest: Duration,
    /// A unit is 2 to the power of this, in nanoseconds.
    unit_bits: u32,
    given: u32,
}

/// When one connection's lifetime ends: the low bits of that time.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Lifetime(u16);

impl Lifetimes {
    pub(super) fn new(longest: Duration) -> Self {
        let nanos = u64::try_from(longest.as_nanos()).unwrap_or(u64::MAX);
        Self {
            longest: Duration::from_nanos(nanos),
            unit_bits: (u64::BITS - nanos.leading_zeros()).saturating_sub(LENGTH_BITS),
            given: 0,
        }
    }

    /// The lifetime of a connection that is opened now, up to a tenth shorter than the longest, so
    /// that clients that came together do not come back together.
    pub(super) fn give(&mut self, now: Instant) -> Lifetime {
        self.given = self.given.wrapping_add(1);
        let share = f64::from(self.given.wrapping_mul(SPREAD)) / f64::from(u32::MAX);
        let end = now + self.longest.mul_f64(1.0 - share / 10.0);
        Lifetime(self.in_units(end))
    }

    #[inline]
    pub(super) fn is_over(&self, lifetime: Lifetime, now: Instant) -> bool {
        let since = self.in_units(now).wrapping_sub(lifetime.0);
        since < 1 << (u16::BITS - 1) // else the end is still to come
    }

    /// The low bits of a time in units: enough to compare it with another that is not far.
    #[inline]
    fn in_units(&self, time: Instant) -> u16 {
        (time.as_nanos() >> self.unit_bits) as u16
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn lifetimes_are_spread_over_the_last_tenth() {
        // Also where their low bits begin anew.
        for start in [7_777_777_777, u64::MAX / 3, (1 << 50) - 1] {
            let (longest, now) = (100 * SECOND, Instant::from_nanos(start));
            let mut lifetimes = Lifetimes::new(longest);
            let all: Vec<Lifetime> = (0..1000).map(|_| lifetimes.give(now)).collect();
            let over = |at: Duration| {
                let over = all.iter().filter(|&&one| lifetimes.is_over(one, now + at));
                over.count()
            };
            assert_eq!(over(Duration::ZERO), 0);
            assert_eq!(over(89 * SECOND), 0);
            for second in 90..100 {
                let ended = over((second + 1) * SECOND) - over(second * SECOND);
                assert!((60..150).contains(&ended), "{ended} in second {second}");
            }
            assert_eq!(over(longest), 1000);
            assert_eq!(over(64 * longest), 1000);
        }
    }

    #[test]
    fn what_has_no_end_is_never_over() {
        let now = Instant::from_nanos(1);
        let mut lifetimes = Lifetimes::new(Duration::MAX);
        for _ in 0..1000 {
            let lifetime = lifetimes.give(now);
            for years in [0, 1, 30, 300] {
                let later = now + Duration::from_secs(years * 365 * 24 * 3600);
                assert!(!lifetimes.is_over(lifetime, later));
            }
        }
    }
}
