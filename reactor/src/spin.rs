//! How long a core looks for completions before it sleeps, as far as that has been worth it.
//!
//! Always true here:
//! - The window is never longer than the configured maximum, and none without one.
//! - A core that was woken late again and again does not spin at all: it grows back only once
//!   something came within the maximum.
//!
//! Not here: the spinning (`Ring::spin`).

use std::time::Duration;

use crate::ring::Wait;

/// The first window, as a part of the maximum.
const FIRST_PART: u32 = 8;
/// A window that has shrunk below this part of the maximum is none.
const LAST_PART: u32 = 64;

/// The window of one core.
#[derive(Debug)]
pub(crate) struct Spin {
    max: Duration,
    window: Duration,
}

impl Spin {
    /// It begins with the whole maximum; zero means never.
    pub(crate) fn new(max: Duration) -> Self {
        Self { max, window: max }
    }

    /// How long to spin before a wait, if at all.
    #[inline]
    pub(crate) fn window(&self, wait: Wait) -> Option<Duration> {
        let window = match wait {
            Wait::NotAtAll => return None,
            Wait::AtMost(time) => self.window.min(time),
            Wait::ForEver => self.window,
        };
        (!window.is_zero()).then_some(window)
    }

    /// Whether waits are to be timed at all.
    #[inline]
    pub(crate) fn is_on(&self) -> bool {
        !self.max.is_zero()
    }

    /// Learns from how long a wait has lasted, what was spun of it included.
    pub(crate) fn learn(&mut self, waited: Duration) {
        if waited > self.max {
            self.window /= 2;
            if self.window < self.max / LAST_PART {
                self.window = Duration::ZERO;
            }
        } else if waited > self.window {
            self.window = (self.window * 2).clamp(self.max / FIRST_PART, self.max);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX: Duration = Duration::from_micros(64);

    const fn micros(count: u64) -> Duration {
        Duration::from_micros(count)
    }

    /// Gives the window after waits of so many microseconds.
    fn after(waits: &[u64]) -> Duration {
        let mut spin = Spin::new(MAX);
        for wait in waits {
            spin.learn(micros(*wait));
        }
        spin.window(Wait::ForEver).unwrap_or_default()
    }

    #[test]
    fn long_waits_end_it_by_halves() {
        assert_eq!(after(&[]), MAX);
        assert_eq!(after(&[64]), MAX);
        assert_eq!(after(&[65]), micros(32));
        assert_eq!(after(&[65; 6]), micros(1));
        assert_eq!(after(&[65; 7]), Duration::ZERO);
        assert_eq!(after(&[65; 100]), Duration::ZERO);
    }

    #[test]
    fn short_waits_bring_it_back() {
        let off = [65; 7];
        assert_eq!(after(&[&off[..], &[1]].concat()), micros(8));
        assert_eq!(after(&[&off[..], &[1, 8]].concat()), micros(8), "enough");
        assert_eq!(after(&[&off[..], &[1, 9]].concat()), micros(16));
        assert_eq!(after(&[&off[..], &[64; 4]].concat()), MAX);
        assert_eq!(after(&[&off[..], &[64; 9]].concat()), MAX);
    }

    #[test]
    fn nothing_is_spun_away_beyond_the_wait() {
        let spin = Spin::new(MAX);
        assert_eq!(spin.window(Wait::NotAtAll), None);
        assert_eq!(spin.window(Wait::AtMost(micros(5))), Some(micros(5)));
        assert_eq!(spin.window(Wait::AtMost(Duration::ZERO)), None);
        assert_eq!(spin.window(Wait::AtMost(MAX * 2)), Some(MAX));
    }

    #[test]
    fn without_a_maximum_there_is_no_window() {
        let mut spin = Spin::new(Duration::ZERO);
        assert!(!spin.is_on());
        for wait in [0, 1, 1000] {
            spin.learn(micros(wait));
            assert_eq!(spin.window(Wait::ForEver), None);
        }
    }
}
