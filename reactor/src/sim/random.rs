//! Chance, all of it from one seed: the same seed draws the same numbers on every machine and in
//! every version.
//!
//! Not here: what is drawn for (`faults.rs`, `execute.rs`).

use std::time::Duration;

/// A generator of pseudo-random numbers: SplitMix64.
///
/// ```
/// use ringlane_reactor::sim::Random;
///
/// let (mut one, mut other) = (Random::new(7), Random::new(7));
/// assert_eq!(one.next_u64(), other.next_u64());
/// assert!(one.below(10) < 10);
/// ```
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// The sequence of this seed.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub const fn next_u64(&mut self) -> u64 {
        // The three constants are those of the published algorithm (Steele, Lea, Flood, 2014).
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from zero to one less than `bound`.
    ///
    /// # Panics
    ///
    /// If `bound` is zero.
    pub const fn below(&mut self, bound: usize) -> usize {
        assert!(bound > 0, "there is no number below zero");
        let wide = self.next_u64() as u128 * bound as u128;
        (wide >> 64) as usize
    }

    /// `true` so often: never for 0, always for 1.
    pub fn chance(&mut self, probability: f64) -> bool {
        const STEPS: f64 = (1_u64 << 53) as f64;
        probability > 0.0 && ((self.next_u64() >> 11) as f64 / STEPS) < probability
    }

    /// One of several.
    ///
    /// # Panics
    ///
    /// If there is none.
    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    /// A span from zero to `max`.
    pub fn span(&mut self, max: Duration) -> Duration {
        let nanos = usize::try_from(max.as_nanos()).unwrap_or(usize::MAX - 1);
        Duration::from_nanos(self.below(nanos + 1) as u64)
    }

    /// A generator of its own, so that what one draws does not change what the other does.
    pub const fn fork(&mut self) -> Self {
        Self(self.next_u64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sequence_is_the_published_one() {
        let mut random = Random::new(1_234_567);
        let expected = [
            6_457_827_717_110_365_317,
            3_203_168_211_198_807_973,
            9_817_491_932_198_370_423,
            4_593_380_528_125_082_431,
            16_408_922_859_458_223_821,
        ];
        for number in expected {
            assert_eq!(random.next_u64(), number);
        }
    }

    #[test]
    fn draws_stay_in_their_range_and_reach_its_ends() {
        let mut random = Random::new(1);
        let mut seen = [0; 3];
        for _ in 0..1000 {
            seen[random.below(3)] += 1;
            assert!(random.span(Duration::from_nanos(2)) <= Duration::from_nanos(2));
            assert!(!random.chance(0.0));
            assert!(random.chance(1.0));
        }
        assert!(seen.iter().all(|&count| count > 250), "{seen:?}");
        assert_eq!(random.below(1), 0);
    }
}
