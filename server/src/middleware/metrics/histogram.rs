//! Times in buckets that grow with them: a log-linear histogram that one core writes.
//!
//! ```text
//! nanoseconds   0 1 2 … 255 | 256 258 … 510 | 512 516 … 1020 | …     128 buckets in each doubling
//! ```
//!
//! Always true here:
//! - A bucket's bounds differ by at most 1/128 of the lower one.
//! - Only one core writes; there is no read-modify-write.

use std::time::Duration;

use crate::core::Count;

/// Buckets in each doubling, as a power of two.
const FINE_BITS: u32 = 7;
/// Times from 2^42 ns (73 minutes) on are in the last bucket.
const NANOS_MAX: u64 = (1 << 42) - 1;
const BUCKETS: usize = index(NANOS_MAX) + 1;
/// Sums are kept in units of so many nanoseconds, so that they last for 37,000 years of requests.
const SUM_UNIT: u64 = 64;

/// The bucket of a time.
const fn index(nanos: u64) -> usize {
    let shift = (u64::BITS - nanos.leading_zeros()).saturating_sub(FINE_BITS + 1);
    ((shift as usize) << FINE_BITS) + (nanos >> shift) as usize // below 256
}

/// The longest time in a bucket.
const fn bound(index: usize) -> u64 {
    let shift = (index >> FINE_BITS).saturating_sub(1);
    let fine = index - (shift << FINE_BITS);
    ((fine as u64 + 1) << shift) - 1
}

pub(in crate::middleware) struct Histogram {
    buckets: Box<[Count]>,
    sum: Count,
    max: Count,
}

impl Default for Histogram {
    fn default() -> Self {
        Self {
            buckets: std::iter::repeat_with(Count::default)
                .take(BUCKETS)
                .collect(),
            sum: Count::default(),
            max: Count::default(),
        }
    }
}

impl Histogram {
    pub(in crate::middleware) fn record(&self, time: Duration) {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.buckets[index(nanos.min(NANOS_MAX))].add();
        self.sum
            .add_all(nanos.saturating_add(SUM_UNIT / 2) / SUM_UNIT);
        self.max.raise_to(nanos);
    }
}

/// Several histograms together, as they were when they were read.
pub(in crate::middleware) struct Merged {
    buckets: Box<[u64]>,
    count: u64,
    sum: u64,
    max: u64,
}

impl Default for Merged {
    fn default() -> Self {
        Self {
            buckets: std::iter::repeat_n(0, BUCKETS).collect(),
            count: 0,
            sum: 0,
            max: 0,
        }
    }
}

impl Merged {
    pub(in crate::middleware) fn add(&mut self, other: &Histogram) {
        for (all, bucket) in self.buckets.iter_mut().zip(&other.buckets) {
            let count = bucket.get();
            *all += count;
            self.count += count;
        }
        self.sum += other.sum.get();
        self.max = self.max.max(other.max.get());
    }

    /// Adds what was read elsewhere.
    pub(in crate::middleware) fn join(&mut self, other: &Self) {
        for (all, bucket) in self.buckets.iter_mut().zip(&other.buckets) {
            *all += bucket;
        }
        self.count += other.count;
        self.sum += other.sum;
        self.max = self.max.max(other.max);
    }

    /// What was recorded since an earlier reading of the same. Its longest time is that of its
    /// last bucket, at most 1/128 too long.
    pub(in crate::middleware) fn since(&self, earlier: Option<&Self>) -> Self {
        let mut since = Self {
            sum: self.sum - earlier.map_or(0, |earlier| earlier.sum.min(self.sum)),
            ..Self::default()
        };
        for (at, bucket) in since.buckets.iter_mut().enumerate() {
            let before = earlier.map_or(0, |earlier| earlier.buckets[at]);
            *bucket = self.buckets[at].saturating_sub(before);
            since.count += *bucket;
            if *bucket > 0 {
                since.max = bound(at).min(self.max);
            }
        }
        since
    }

    pub(in crate::middleware) fn count(&self) -> u64 {
        self.count
    }

    pub(in crate::middleware) fn sum(&self) -> Duration {
        let nanos = u128::from(self.sum) * u128::from(SUM_UNIT);
        Duration::from_nanos_u128(nanos)
    }

    pub(in crate::middleware) fn mean(&self) -> Duration {
        let nanos = u128::from(self.sum) * u128::from(SUM_UNIT);
        Duration::from_nanos_u128(nanos / u128::from(self.count.max(1)))
    }

    pub(in crate::middleware) fn max(&self) -> Duration {
        Duration::from_nanos(self.max)
    }

    /// The time within which so many in a hundred ended: by the nearest-rank method, and the
    /// longest time of its bucket.
    pub(in crate::middleware) fn percentile(&self, percent: f64) -> Duration {
        let rank = (percent / 100.0 * self.count as f64).ceil().max(1.0) as u64;
        let mut below = 0;
        let reaches = |&count: &u64| {
            below += count;
            below >= rank
        };
        let nanos = match self.buckets.iter().position(reaches) {
            Some(last) if last + 1 == BUCKETS => self.max,
            Some(index) => bound(index).min(self.max),
            None => 0,
        };
        Duration::from_nanos(nanos)
    }

    /// How many took so long at most; those in the bucket that this cuts are taken for longer.
    pub(in crate::middleware) fn within(&self, time: Duration) -> u64 {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let end = index(nanos.min(NANOS_MAX).saturating_add(1).min(NANOS_MAX));
        self.buckets[..end].iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_follow_one_another_and_are_as_narrow_as_promised() {
        let mut next = 0;
        for at in 0..BUCKETS {
            assert_eq!(index(next), at, "the first of {at}");
            assert_eq!(index(bound(at)), at, "the last of {at}");
            assert!((bound(at) - next) * 128 <= next, "{at} is too wide");
            next = bound(at) + 1;
        }
        assert_eq!(next, NANOS_MAX + 1);
    }

    /// The exact answer, by sorting.
    fn sorted_percentile(times: &[u64], percent: f64) -> u64 {
        let rank = (percent / 100.0 * times.len() as f64).ceil().max(1.0);
        times[rank as usize - 1]
    }

    #[test]
    fn percentiles_agree_with_sorting() {
        let mut random = fastrand::Rng::with_seed(7);
        for count in [1, 2, 3, 10, 99, 100, 1000, 10_000] {
            for spread in [1, 8, 20, 30, 41] {
                // Even in the logarithm, as waiting times are; two cores' worth.
                let cores = [Histogram::default(), Histogram::default()];
                let mut times = Vec::new();
                for at in 0..count {
                    let bits = random.u32(1..=spread);
                    let nanos = random.u64(0..1 << bits);
                    times.push(nanos);
                    cores[at % 2].record(Duration::from_nanos(nanos));
                }
                times.sort_unstable();
                let mut all = Merged::default();
                cores.iter().for_each(|core| all.add(core));
                assert_eq!(all.count(), count as u64);
                for percent in [0.0, 1.0, 50.0, 90.0, 99.0, 99.9, 100.0] {
                    let exact = sorted_percentile(&times, percent);
                    let ours = all.percentile(percent).as_nanos() as u64;
                    assert!(
                        exact <= ours && (ours - exact) * 128 <= exact,
                        "p{percent} of {count} up to 2^{spread}: {ours}, exactly {exact}"
                    );
                }
                assert_eq!(all.max().as_nanos() as u64, times[count - 1]);
                let mean = times.iter().sum::<u64>() / count as u64;
                let off = (all.mean().as_nanos() as u64).abs_diff(mean);
                assert!(off <= SUM_UNIT, "{off} ns off {mean}");
            }
        }
    }

    #[test]
    fn nothing_and_too_much_are_told_as_they_are() {
        let mut all = Merged::default();
        assert_eq!((all.percentile(50.0), all.mean()), Default::default());
        let core = Histogram::default();
        for time in [
            Duration::MAX,
            Duration::from_nanos(NANOS_MAX),
            Duration::ZERO,
        ] {
            core.record(time);
        }
        all.add(&core);
        assert_eq!(all.count(), 3);
        assert_eq!(all.percentile(100.0), Duration::from_nanos(u64::MAX));
        assert_eq!(all.percentile(1.0), Duration::ZERO);
        assert_eq!(all.within(Duration::ZERO), 1);
        assert_eq!(all.within(Duration::from_secs(600)), 1);
    }

    #[test]
    fn what_came_since_is_what_both_readings_differ_in() {
        let core = Histogram::default();
        let read = || {
            let mut merged = Merged::default();
            merged.add(&core);
            merged
        };
        core.record(Duration::from_secs(9));
        let earlier = read();
        for millis in 1..=100 {
            core.record(Duration::from_millis(millis));
        }
        let since = read().since(Some(&earlier));
        assert_eq!(since.count(), 100);
        assert_eq!(since.mean().as_micros() / 100, 505);
        let longest = since.percentile(100.0).as_micros();
        assert!((100_000..=100_800).contains(&longest), "{longest}");
        let none = read().since(Some(&read()));
        assert_eq!((none.count(), none.max()), (0, Duration::ZERO));
        let mut all = none;
        all.join(&earlier);
        all.join(&since);
        assert_eq!((all.count(), all.max()), (101, Duration::from_secs(9)));
        assert_eq!(read().since(None).count(), 101);
    }

    #[test]
    fn counting_up_to_a_bound_is_exact_to_a_bucket() {
        let core = Histogram::default();
        for millis in 1..=1000 {
            core.record(Duration::from_millis(millis));
        }
        let mut all = Merged::default();
        all.add(&core);
        for millis in [1, 10, 100, 500, 1000] {
            let ours = all.within(Duration::from_millis(millis));
            assert!(
                ours <= millis && ours >= millis - 1 - millis / 128,
                "{ours}, exactly {millis}"
            );
        }
        assert_eq!(all.within(Duration::from_secs(10)), 1000);
    }
}
