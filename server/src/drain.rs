//! When long-lived connections end as their core drains: not all at once.
//!
//! Always true here:
//! - Each has its own time, in the first half of what a shutdown may take.
//! - Requests that still wait shortly before its end are answered before it.
//!
//! Not here: ending them (`websocket/upgraded.rs`, `event_stream/`).

use std::cell::Cell;
use std::time::Duration;

use ringlane_reactor::clock::Instant;

/// What is left of a shutdown's time for answers to requests that wait: a tenth, but so much at
/// most.
const LAST_CALL: Duration = Duration::from_secs(1);

/// Deals out times to end at, on one core.
pub(crate) struct Spread {
    time: Duration,
    /// How long after the core began to drain what still waits is answered.
    last_call_after: Duration,
    last_call: Cell<Option<Instant>>,
    /// Connections that were numbered.
    numbered: Cell<u32>,
}

impl Spread {
    pub(crate) fn new(drain_time: Duration) -> Self {
        Self {
            time: drain_time / 2,
            last_call_after: drain_time - (drain_time / 10).min(LAST_CALL),
            last_call: Cell::new(None),
            numbered: Cell::new(0),
        }
    }

    /// When requests that still wait are to be answered. The core drains, from now on at the
    /// latest.
    pub(crate) fn last_call(&self, now: Instant) -> Instant {
        let at = self.last_call.get();
        let at = at.unwrap_or_else(|| now + self.last_call_after);
        self.last_call.set(Some(at));
        at
    }

    /// A number for one more connection.
    pub(crate) fn next_number(&self) -> u32 {
        let number = self.numbered.get();
        self.numbered.set(number.wrapping_add(1));
        number
    }

    /// How long after the server began to shut down the connection of that number is ended, so that
    /// not all clients come back at once.
    pub(crate) fn share(&self, number: u32) -> Duration {
        // Multiples of the golden ratio are spread evenly, however many there are.
        let share = number.wrapping_mul(0x9E37_79B9);
        self.time.mul_f64(f64::from(share) / f64::from(u32::MAX))
    }
}
