//! When long-lived connections end as their core drains: not all at once.
//!
//! Always true here:
//! - Each has its own time, in the first half of what a shutdown may take.
//!
//! Not here: ending them (`websocket/upgraded.rs`, `event_stream/`).

use std::cell::Cell;
use std::time::Duration;

/// Deals out times to end at, on one core.
pub(crate) struct Spread {
    time: Duration,
    /// Connections that were numbered.
    numbered: Cell<u32>,
}

impl Spread {
    pub(crate) fn new(drain_time: Duration) -> Self {
        Self {
            time: drain_time / 2,
            numbered: Cell::new(0),
        }
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
