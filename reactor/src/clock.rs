//! Time as the reactor tells it: nanoseconds that only grow, and seconds since 1970.
//!
//! Always true here:
//! - [`now`] is the only place below the server that reads a clock; a turn reads it once.
//! - On a thread that runs a simulation, time is what the simulation says and never the machine's.
//!
//! Not here: deadlines (`timers.rs`), sleeping tasks (`sleeps.rs`).

use std::cell::Cell;
use std::ops::{Add, Sub};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// A point in time, in nanoseconds on the monotonic clock.
///
/// Unlike [`std::time::Instant`] it follows the simulated clock where there is one, so that code
/// that uses it can be tested without waiting.
///
/// ```
/// use std::time::Duration;
/// use ringlane_reactor::clock;
///
/// let started = clock::now();
/// assert!(started + Duration::from_secs(1) > started);
/// assert!(started.elapsed() < Duration::from_secs(60));
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Instant(u64);

impl Instant {
    /// Later than any moment that comes: "no deadline".
    pub const NEVER: Self = Self(u64::MAX);

    /// The instant `nanos` nanoseconds after the clock's own zero.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the clock's own zero.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// How long ago this was; zero if it is still to come.
    pub fn elapsed(self) -> Duration {
        now() - self
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    /// Stops at [`Instant::NEVER`] instead of overflowing.
    fn add(self, span: Duration) -> Self {
        let nanos = u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(nanos))
    }
}

impl Sub<Duration> for Instant {
    type Output = Self;

    /// Stops at the clock's own zero.
    fn sub(self, span: Duration) -> Self {
        let nanos = u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
        Self(self.0.saturating_sub(nanos))
    }
}

impl Sub for Instant {
    type Output = Duration;

    /// Zero if `earlier` is in truth later.
    fn sub(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

/// Both clocks of a simulation, in nanoseconds.
#[derive(Clone, Copy)]
struct Simulated {
    monotonic: u64,
    unix: u64,
}

thread_local! {
    static SIMULATED: Cell<Option<Simulated>> = const { Cell::new(None) };
}

/// The time now: the machine's monotonic clock, or the simulation's if this thread runs one.
pub fn now() -> Instant {
    match SIMULATED.get() {
        Some(simulated) => Instant(simulated.monotonic),
        None => Instant(read(ClockId::Monotonic)),
    }
}

/// Nanoseconds since 1970 (UTC), likewise.
pub fn unix_nanos() -> u64 {
    SIMULATED
        .get()
        .map_or_else(|| read(ClockId::Realtime), |simulated| simulated.unix)
}

/// Makes this thread's time a simulated one that stands still until it is set again.
pub(crate) fn simulate(monotonic: Instant, unix_nanos: u64) {
    SIMULATED.set(Some(Simulated {
        monotonic: monotonic.0,
        unix: unix_nanos,
    }));
}

/// Gives this thread the machine's clocks back.
pub(crate) fn stop_simulating() {
    SIMULATED.set(None);
}

fn read(clock: ClockId) -> u64 {
    const NANOS_PER_SECOND: u64 = 1_000_000_000;
    let time = clock_gettime(clock);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0); // before 1970: a machine without a clock
    seconds * NANOS_PER_SECOND + u64::try_from(time.tv_nsec).unwrap_or(0)
}

/// One turn's view of both clocks. The wall clock is read once a second, not once a turn.
#[derive(Debug)]
pub(crate) struct TurnClock {
    now: Instant,
    unix_seconds: u64,
    /// When the wall clock shows its next second.
    next_second: Instant,
}

impl TurnClock {
    pub(crate) fn new() -> Self {
        let mut clock = Self {
            now: now(),
            unix_seconds: 0,
            next_second: Instant(0),
        };
        clock.read_wall();
        clock
    }

    pub(crate) fn refresh(&mut self) {
        self.now = now();
        if self.now >= self.next_second {
            self.read_wall();
        }
    }

    fn read_wall(&mut self) {
        const NANOS_PER_SECOND: u64 = 1_000_000_000;
        let nanos = unix_nanos();
        self.unix_seconds = nanos / NANOS_PER_SECOND;
        let left = NANOS_PER_SECOND - nanos % NANOS_PER_SECOND;
        self.next_second = self.now + Duration::from_nanos(left);
    }

    pub(crate) fn now(&self) -> Instant {
        self.now
    }

    pub(crate) fn unix_seconds(&self) -> u64 {
        self.unix_seconds
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_stops_at_the_ends() {
        assert_eq!(Instant::NEVER + Duration::from_secs(1), Instant::NEVER);
        assert_eq!(Instant(5) + Duration::MAX, Instant::NEVER);
        assert_eq!(Instant(5) - Instant(9), Duration::ZERO);
        assert_eq!(Instant(9) - Instant(5), Duration::from_nanos(4));
    }

    #[test]
    fn the_wall_clock_is_read_again_when_its_second_ends() {
        let second = 1_000_000_000;
        simulate(Instant(10), 100 * second + 600_000_000);
        let mut clock = TurnClock::new();
        assert_eq!(clock.unix_seconds(), 100);
        simulate(Instant(10 + 399_999_999), 100 * second + 999_999_999);
        clock.refresh();
        assert_eq!(clock.unix_seconds(), 100);
        simulate(Instant(10 + 400_000_000), 101 * second);
        clock.refresh();
        assert_eq!(clock.unix_seconds(), 101);
        stop_simulating();
    }
}
