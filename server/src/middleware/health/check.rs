//! One check of readiness: run once at a time for all who ask, its result kept for a moment.
//!
//! Always true here:
//! - However many ask, on whatever cores, one run is under way at most.
//! - A run ends within its time, whether or not anybody still waits for it.
//!
//! Not here: what the results mean (`health.rs`).

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use slab::Slab;

use crate::time::{self, Instant};
use crate::{Task, task};

/// Begins a run. Its future stays on the core that begins it.
pub(super) type Run = Box<dyn Fn() -> Pin<Box<dyn Future<Output = bool>>> + Send + Sync>;

/// What a run has shown.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum CheckResult {
    Passed,
    Failed,
    TimedOut,
}

/// A check, shared by all cores.
pub(super) struct Check {
    pub(super) name: String,
    run: Run,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    last: Option<(CheckResult, Instant)>,
    is_running: bool,
    /// Runs that have ended so far: who waits for one knows by it that it has.
    ended: u64,
    waiting: Slab<Waker>,
}

impl Check {
    pub(super) fn new(name: String, run: Run) -> Self {
        Self {
            name,
            run,
            state: Mutex::default(),
        }
    }

    /// Its result: the last one if that is younger than `fresh`, else that of the run under way, or
    /// of a new one. A run that takes longer than `at_most` is ended.
    pub(super) fn ask(self: &Arc<Self>, fresh: Duration, at_most: Duration) -> Asked {
        let mut state = self.lock();
        let mut asked = Asked {
            check: Arc::clone(self),
            known: None,
            ended: state.ended,
            key: None,
        };
        if let Some((verdict, at)) = state.last
            && time::now() - at < fresh
        {
            asked.known = Some(verdict);
        } else if !state.is_running {
            state.is_running = true;
            drop(state);
            self.begin(at_most);
        }
        asked
    }

    /// On a task of its own: whoever asked may leave, and others may wait for it.
    fn begin(self: &Arc<Self>, at_most: Duration) {
        let under_way = UnderWay {
            check: Arc::clone(self),
            verdict: CheckResult::Failed,
        };
        let _goes_on = task::spawn(async move {
            let mut under_way = under_way;
            let mut run = Running(task::spawn((under_way.check.run)()));
            under_way.verdict = match time::timeout(at_most, &mut run.0).await {
                Ok(Ok(true)) => CheckResult::Passed,
                Ok(Ok(false) | Err(_)) => CheckResult::Failed,
                Err(_) => CheckResult::TimedOut,
            };
        });
    }

    /// A panic while it was locked left nothing half-done: each section here is a few moves.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A run. However it ends, also with its core, those who wait for it learn of it.
struct UnderWay {
    check: Arc<Check>,
    verdict: CheckResult,
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let mut state = self.check.lock();
        state.last = Some((self.verdict, time::now()));
        state.is_running = false;
        state.ended += 1;
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        waiting.into_iter().for_each(|(_, waker)| waker.wake());
    }
}

/// The task of a run, which ends when nobody waits for it any more.
struct Running(Task<bool>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A result that is known or waited for.
pub(super) struct Asked {
    check: Arc<Check>,
    known: Option<CheckResult>,
    /// Runs that had ended when this was asked.
    ended: u64,
    /// Where its waker lies while that run is under way.
    key: Option<usize>,
}

impl Future for Asked {
    type Output = CheckResult;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<CheckResult> {
        if let Some(verdict) = self.known {
            return Poll::Ready(verdict);
        }
        let waker = cx.waker().clone();
        let check = Arc::clone(&self.check);
        let mut state = check.lock();
        if state.ended != self.ended {
            let last = state
                .last
                .map_or(CheckResult::Failed, |(verdict, _)| verdict);
            return Poll::Ready(last);
        }
        match self.key.and_then(|key| state.waiting.get_mut(key)) {
            Some(place) => place.clone_from(&waker),
            None => self.key = Some(state.waiting.insert(waker)),
        }
        Poll::Pending
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        let Some(key) = self.key else { return };
        let mut state = self.check.lock();
        if state.ended == self.ended {
            let left = state.waiting.try_remove(key);
            drop(state);
            drop(left);
        }
    }
}
