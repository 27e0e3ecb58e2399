//! Fine-grained sleeps of tasks and handlers, to the nanosecond the clock gives.
//!
//! Always true here:
//! - A sleep that is dropped leaves nothing behind.
//! - Sleeps that end at the same instant wake in the order in which they were begun.
//!
//! Not here: deadlines of connections, which are coarse and cheaper (`timers.rs`).

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use crate::clock::{self, Instant};
use crate::local;

/// Everyone on one core who sleeps, by when to wake them.
#[derive(Debug, Default)]
pub(crate) struct Sleeps {
    sleepers: BTreeMap<(Instant, u64), Waker>,
    /// Tells sleeps apart that end at the same instant.
    begun: u64,
}

impl Sleeps {
    pub(crate) fn next(&self) -> Option<Instant> {
        self.sleepers
            .first_key_value()
            .map(|(&(until, _), _)| until)
    }

    /// Takes one sleeper whose time has come. The caller wakes it after the borrow ended.
    pub(crate) fn pop_due(&mut self, now: Instant) -> Option<Waker> {
        let entry = self.sleepers.first_entry()?;
        (entry.key().0 <= now).then(|| entry.remove())
    }
}

/// A future that is ready once its time has come.
///
/// It belongs to the core on which it was first awaited.
///
/// ```no_run
/// # async fn example() {
/// use std::time::Duration;
/// use ringlane_reactor::{Sleep, clock};
///
/// Sleep::until(clock::now() + Duration::from_millis(5)).await;
/// # }
/// ```
#[derive(Debug)]
#[must_use = "a sleep does nothing unless it is awaited"]
pub struct Sleep {
    until: Instant,
    /// Its number among the sleeps of its core, while it is among them.
    number: Option<u64>,
}

impl Sleep {
    /// Ready at `until` or soon after; at once if that has passed.
    pub const fn until(until: Instant) -> Self {
        Self {
            until,
            number: None,
        }
    }

    /// When it ends.
    pub const fn deadline(&self) -> Instant {
        self.until
    }

    /// Ends at another time instead.
    pub fn reset(&mut self, until: Instant) {
        self.forget();
        self.until = until;
    }

    fn forget(&mut self) {
        if let Some(number) = self.number.take() {
            let key = (self.until, number);
            // Taken out first, dropped after the borrow: dropping a waker may run foreign code.
            let waker = local::try_with(|local| local.sleeps.borrow_mut().sleepers.remove(&key));
            drop(waker);
        }
    }
}

impl Future for Sleep {
    type Output = ();

    /// # Panics
    ///
    /// If it is polled off a core's thread.
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if clock::now() >= self.until {
            self.forget();
            return Poll::Ready(());
        }
        let waker = cx.waker().clone();
        let (until, known) = (self.until, self.number);
        let (number, replaced) = local::with("sleeping", |local| {
            let mut sleeps = local.sleeps.borrow_mut();
            let number = known.unwrap_or(sleeps.begun);
            sleeps.begun = sleeps.begun.max(number + 1);
            (number, sleeps.sleepers.insert((until, number), waker))
        });
        drop(replaced);
        self.number = Some(number);
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.forget();
    }
}
