//! Not trying for a while what keeps failing: a circuit breaker.
//!
//! ```text
//!            failures within the window              open time passed
//!  Closed ──────────────────────────────► Open ──────────────────────► HalfOpen
//!    ▲                                      ▲    a probe failed            │
//!    │                                      └──────────────────────────────┤
//!    └─────────────────────────────────────────────────────────────────────┘
//!                             the probes succeeded
//! ```
//!
//! Always true here:
//! - While it is half open, only as many calls are under way as there are probes.
//! - A call that is dropped before its end has failed, as one does that a deadline ends; unless it
//!   is dropped because its client has left or the server stops, which says nothing of it.
//! - A probe decides within its time, or has failed: no call keeps it half open for longer.
//!
//! Not here: trying again (`retry.rs`).

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::chain;
use crate::time::{self, Instant};

/// Stops calls to something that fails, so that it can recover and nobody waits for it in vain.
/// One breaker is shared by all cores: make it a `static`, or share it by `Arc`.
///
/// ```
/// use std::time::Duration;
/// use ringlane::{Breaker, Context, Result};
///
/// static BACKEND: Breaker = Breaker::new().failures(5).open_time(Duration::from_secs(10));
///
/// # async fn ask_backend() -> Result<String> { Ok("answer".into()) }
/// async fn ask(ctx: Context) -> Result {
///     let answer = BACKEND.run(ask_backend()).await?; // 503 while it is open
///     ctx.text(answer);
///     Ok(())
/// }
/// ```
#[derive(Debug)]
pub struct Breaker {
    failures: u32,
    window: Duration,
    open_time: Duration,
    probes: u32,
    probe_time: Duration,
    state: Mutex<State>,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Closed {
        /// When the window began, with its first failure.
        since: Instant,
        failures: u32,
    },
    Open {
        until: Instant,
    },
    HalfOpen {
        under_way: u32,
        succeeded: u32,
        /// Tells one half-open time from another.
        began: Instant,
        /// When the last probe was let through.
        probed: Instant,
    },
}

const NEW: State = State::Closed {
    since: Instant::NEVER,
    failures: 0,
};

/// What a [`Breaker`] does with calls now.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum BreakerState {
    /// It lets them through.
    Closed,
    /// It stops them.
    Open,
    /// It lets a few through, to see how they fare.
    HalfOpen,
}

impl Breaker {
    /// Opens after 5 failures within 10 s, for 10 s; then one probe decides, within 10 s.
    pub const fn new() -> Self {
        Self {
            failures: 5,
            window: Duration::from_secs(10),
            open_time: Duration::from_secs(10),
            probes: 1,
            probe_time: Duration::from_secs(10),
            state: Mutex::new(NEW),
        }
    }

    /// After how many failures within the [window](Self::window) it opens. Default 5; 0 counts as
    /// 1.
    #[must_use]
    pub const fn failures(mut self, count: u32) -> Self {
        self.failures = count;
        self
    }

    /// In what time these failures have to happen, from the first of them. Default 10 s.
    #[must_use]
    pub const fn window(mut self, time: Duration) -> Self {
        self.window = time;
        self
    }

    /// How long it stops all calls. Default 10 s.
    #[must_use]
    pub const fn open_time(mut self, time: Duration) -> Self {
        self.open_time = time;
        self
    }

    /// How many calls it then lets through; if all succeed, it closes. Default 1; 0 counts as 1.
    #[must_use]
    pub const fn probes(mut self, count: u32) -> Self {
        self.probes = count;
        self
    }

    /// How long probes may take, from when the last of them was let through. One that has not ended
    /// by then has failed, and all calls are stopped again. Default 10 s.
    #[must_use]
    pub const fn probe_time(mut self, time: Duration) -> Self {
        self.probe_time = time;
        self
    }

    /// What it does with calls now.
    pub fn state(&self) -> BreakerState {
        let now = time::now();
        let mut state = self.lock();
        self.end_late_probes(&mut state, now);
        match *state {
            State::Closed { .. } => BreakerState::Closed,
            State::Open { until } if now < until => BreakerState::Open,
            State::Open { .. } | State::HalfOpen { .. } => BreakerState::HalfOpen,
        }
    }

    /// Awaits the call if it is let through, and counts how it ends. A call that is dropped before
    /// its end, as by [`timeout`](crate::time::timeout) or the handler's time limit, has failed.
    ///
    /// # Errors
    ///
    /// The call's own, or [`BreakerOpen`] in its place.
    pub async fn run<T, E>(&self, call: impl Future<Output = Result<T, E>>) -> Result<T, E>
    where
        E: From<BreakerOpen>,
    {
        let permit = self.enter()?;
        let result = call.await;
        permit.end(result.is_ok());
        result
    }

    /// Asks to make a call. [`end`](BreakerCall::end) says how it went: for calls of which not
    /// every error is a failure of the other side.
    ///
    /// # Errors
    ///
    /// If it stops the call.
    pub fn enter(&self) -> Result<BreakerCall<'_>, BreakerOpen> {
        let now = time::now();
        let mut state = self.lock();
        self.end_late_probes(&mut state, now);
        if let State::Open { until } = *state {
            if now < until {
                return Err(BreakerOpen {
                    retry_after: until - now,
                });
            }
            *state = State::HalfOpen {
                under_way: 0,
                succeeded: 0,
                began: now,
                probed: now,
            };
        }
        let probe_of = match &mut *state {
            State::Closed { .. } => None,
            State::HalfOpen {
                under_way,
                succeeded,
                began,
                probed,
            } if *under_way + *succeeded < self.probes.max(1) => {
                *under_way += 1;
                *probed = now;
                Some(*began)
            }
            State::HalfOpen { .. } | State::Open { .. } => {
                let retry_after = Duration::ZERO;
                return Err(BreakerOpen { retry_after });
            }
        };
        Ok(BreakerCall {
            breaker: self,
            probe_of,
        })
    }

    fn ended(&self, probe_of: Option<Instant>, succeeded: Option<bool>) {
        let now = time::now();
        let mut state = self.lock();
        match (&mut *state, probe_of, succeeded) {
            (State::Closed { since, failures }, None, Some(false)) => {
                if *since == Instant::NEVER || now - *since > self.window {
                    (*since, *failures) = (now, 0);
                }
                *failures += 1;
                if *failures >= self.failures.max(1) {
                    *state = self.open(now);
                }
            }
            (
                State::HalfOpen {
                    under_way,
                    succeeded: probes,
                    began,
                    ..
                },
                Some(time),
                ended,
            ) if time == *began => {
                *under_way -= 1;
                match ended {
                    None => {}
                    Some(false) => *state = self.open(now),
                    Some(true) => {
                        *probes += 1;
                        if *probes >= self.probes.max(1) {
                            *state = NEW;
                        }
                    }
                }
            }
            _ => {} // of a time that is over, or a success as usual
        }
    }

    /// Probes that have taken too long have failed when their time was over.
    fn end_late_probes(&self, state: &mut State, now: Instant) {
        if let State::HalfOpen {
            under_way, probed, ..
        } = *state
            && under_way > 0
            && now - probed >= self.probe_time
        {
            *state = self.open(probed + self.probe_time);
        }
    }

    fn open(&self, now: Instant) -> State {
        State::Open {
            until: now + self.open_time,
        }
    }

    /// A panic while it was locked left nothing half-done: each section here is a few moves.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Breaker {
    fn default() -> Self {
        Self::new()
    }
}

/// A call that a [`Breaker`] has let through. Dropped without a word it has failed, unless its
/// client has left or the server stops.
#[derive(Debug)]
#[must_use = "a call whose end is not told has failed"]
pub struct BreakerCall<'a> {
    breaker: &'a Breaker,
    /// When the half-open time began, if this is one of its probes.
    probe_of: Option<Instant>,
}

impl BreakerCall<'_> {
    /// Says whether the call succeeded.
    pub fn end(self, succeeded: bool) {
        self.breaker.ended(self.probe_of, Some(succeeded));
        std::mem::forget(self); // what its drop does is done
    }

    /// Says that the call's end tells nothing of the other side: it counts neither way, and holds
    /// no probe's place. For calls that are given up because another was quicker.
    ///
    /// ```
    /// use ringlane::{Breaker, BreakerState};
    ///
    /// # let server = ringlane::Server::builder().get("/", |_| {
    /// let breaker = Breaker::new().failures(1);
    /// breaker.enter()?.abandon();
    /// assert_eq!(breaker.state(), BreakerState::Closed);
    /// # ringlane::ok()
    /// # }).build().unwrap();
    /// # ringlane::testing::Client::new(server).unwrap().get("/").send().unwrap();
    /// ```
    pub fn abandon(self) {
        self.breaker.ended(self.probe_of, None);
        std::mem::forget(self); // likewise
    }
}

impl Drop for BreakerCall<'_> {
    fn drop(&mut self) {
        let failed = (!chain::is_forsaken()).then_some(false);
        self.breaker.ended(self.probe_of, failed);
    }
}

/// The call was not made: what it is for has failed too often. Returned from a handler this becomes
/// a 503 that says when to try again (`Retry-After`).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct BreakerOpen {
    retry_after: Duration,
}

impl BreakerOpen {
    /// When calls are let through again; zero if probes are under way.
    pub fn retry_after(&self) -> Duration {
        self.retry_after
    }
}

impl fmt::Display for BreakerOpen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a service that is needed keeps failing; try again later")
    }
}

impl std::error::Error for BreakerOpen {}

#[cfg(test)]
mod tests;
