//! Time for handlers and tasks: now, sleeping, repeating, and giving up on what takes too long.
//!
//! All of it follows the core's clock, which is a simulated one in simulations. Everything but
//! [`now`] works only on a core's thread, and panics elsewhere with a message that says so.
//!
//! Not here: the time limits of requests ([`Limits`](crate::Limits)).

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

pub use ringlane_reactor::Sleep;
use ringlane_reactor::clock;
pub use ringlane_reactor::clock::Instant;

/// The present time of the core's clock. Works on any thread.
///
/// ```
/// let started = ringlane::time::now();
/// assert!(started.elapsed().as_secs() < 60);
/// ```
pub fn now() -> Instant {
    clock::now()
}

/// Waits.
///
/// ```
/// use std::time::Duration;
///
/// async fn slowly(_: ringlane::Context) -> &'static str {
///     ringlane::time::sleep(Duration::from_millis(20)).await;
///     "at last"
/// }
/// ```
pub fn sleep(time: Duration) -> Sleep {
    Sleep::until(now() + time)
}

/// Waits until a point in time; not at all if it has passed.
pub fn sleep_until(instant: Instant) -> Sleep {
    Sleep::until(instant)
}

/// Runs a future for so long at most. One that takes longer is dropped where it waits.
///
/// # Errors
///
/// [`Elapsed`] if it took longer; returned from a handler that becomes a 504.
///
/// ```
/// use std::time::Duration;
///
/// async fn impatient(ctx: ringlane::Context) -> ringlane::Result {
///     let body = ringlane::time::timeout(Duration::from_secs(2), ctx.body().text()).await??;
///     ctx.text(body);
///     Ok(())
/// }
/// ```
pub async fn timeout<F: Future>(time: Duration, future: F) -> Result<F::Output, Elapsed> {
    let mut future = pin!(future);
    let mut sleep = sleep(time);
    poll_fn(|cx| {
        if let Poll::Ready(output) = future.as_mut().poll(cx) {
            return Poll::Ready(Ok(output));
        }
        Pin::new(&mut sleep).poll(cx).map(|()| Err(Elapsed(time)))
    })
    .await
}

/// A future took longer than it was given.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Elapsed(Duration);

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "it took longer than {:?}", self.0)
    }
}

impl std::error::Error for Elapsed {}

/// Ticks at regular times, the first one period from now.
///
/// # Panics
///
/// If the period is zero.
///
/// ```
/// use std::time::Duration;
/// use ringlane::{Context, Result, time};
///
/// async fn clock(ctx: Context) -> Result {
///     let mut stream = ctx.stream()?;
///     let mut every_second = time::interval(Duration::from_secs(1));
///     loop {
///         let tick = every_second.tick().await;
///         stream.send(format!("{tick}\n")).await?;
///     }
/// }
/// ```
pub fn interval(period: Duration) -> Interval {
    assert!(!period.is_zero(), "an interval needs a period");
    Interval {
        period,
        sleep: sleep(period),
        count: 0,
    }
}

/// Regular ticks. Made by [`interval`].
#[derive(Debug)]
pub struct Interval {
    period: Duration,
    sleep: Sleep,
    count: u64,
}

impl Interval {
    /// The next tick. Ticks that were missed are skipped: the next one comes when it would have
    /// come anyway.
    pub async fn tick(&mut self) -> Tick {
        poll_fn(|cx| self.poll_tick(cx)).await
    }

    fn poll_tick(&mut self, cx: &mut Context<'_>) -> Poll<Tick> {
        std::task::ready!(Pin::new(&mut self.sleep).poll(cx));
        let due = self.sleep.deadline();
        let late = (now() - due).as_nanos() / self.period.as_nanos();
        let missed = u32::try_from(late).unwrap_or(u32::MAX);
        self.count += 1 + u64::from(missed);
        let tick = Tick {
            count: self.count,
            at: due + self.period.saturating_mul(missed),
        };
        self.sleep.reset(tick.at + self.period);
        Poll::Ready(tick)
    }
}

/// One tick of an [`Interval`]. Displayed as its number.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Tick {
    count: u64,
    at: Instant,
}

impl Tick {
    /// Its number, from 1, those that were skipped included.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// When it was due.
    pub fn at(&self) -> Instant {
        self.at
    }
}

impl fmt::Display for Tick {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.count.fmt(f)
    }
}

#[cfg(test)]
mod tests;
