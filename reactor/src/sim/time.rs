//! The thread's simulated time: it stands still until a wait lets it go on.
//!
//! Always true here:
//! - All worlds of a thread share one time, so one that is made inside another does not turn back
//!   the other's clock; the machine's time returns with the end of the last.
//!
//! Not here: when time goes on (`ring.rs`).

use std::cell::Cell;
use std::time::Duration;

use crate::clock::{self, Instant};

/// When simulated time begins: late enough that a test may look back an hour.
const START: Instant = Instant::from_nanos(3_600_000_000_000);
/// The wall clock at that moment: 2023-11-14, 22:13:20 UTC.
const START_UNIX: Duration = Duration::from_secs(1_700_000_000);

thread_local! {
    static HOLDERS: Cell<usize> = const { Cell::new(0) };
}

/// While one lives on a thread, time is simulated there.
#[derive(Debug)]
pub(super) struct Time(());

impl Time {
    pub(super) fn hold() -> Self {
        if HOLDERS.get() == 0 {
            set(START);
        }
        HOLDERS.set(HOLDERS.get() + 1);
        Self(())
    }

    pub(super) fn now(&self) -> Instant {
        clock::now()
    }

    /// Lets time go on; it never goes back.
    pub(super) fn advance_to(&self, instant: Instant) {
        if instant > clock::now() {
            set(instant);
        }
    }
}

impl Drop for Time {
    fn drop(&mut self) {
        HOLDERS.set(HOLDERS.get() - 1);
        if HOLDERS.get() == 0 {
            clock::stop_simulating();
        }
    }
}

fn set(instant: Instant) {
    let unix = START_UNIX + (instant - START);
    clock::simulate(instant, u64::try_from(unix.as_nanos()).unwrap_or(u64::MAX));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn worlds_share_a_time_and_give_it_back() {
        let outer = Time::hold();
        assert_eq!(outer.now(), START);
        outer.advance_to(START + Duration::from_secs(1));
        {
            let inner = Time::hold();
            assert_eq!(inner.now(), START + Duration::from_secs(1));
            inner.advance_to(START + Duration::from_secs(3));
            inner.advance_to(START);
        }
        assert_eq!(outer.now(), START + Duration::from_secs(3));
        assert_eq!(clock::unix_nanos(), 1_700_000_003_000_000_000);
        drop(outer);
        assert_ne!(clock::unix_nanos(), 1_700_000_003_000_000_000);
    }
}
