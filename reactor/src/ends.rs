//! Which cores still run, and how long whoever waits for their end has to wait at most.
//!
//! Always true here:
//! - Once the cores were told to end, waiting for them has a bound that needs nothing of theirs: a
//!   core that is blocked reads no letter.
//!
//! Not here: what a core does when it ends (`ending.rs`).

use std::fmt;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::Thread;
use std::time::Duration;

use crate::clock::{self, Instant};

/// What a core may take beyond the time that a drain gives it, to close what is left.
const CLOSING_TIME: Duration = Duration::from_secs(2);
/// What a core may take to end when it is to end at once.
const STOPPING_TIME: Duration = Duration::from_secs(1);

/// Shared by the cores, by who ends them and by who waits for them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ends(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    /// Cores that run, by number.
    running: Vec<usize>,
    /// When they should all have ended.
    deadline: Instant,
    /// Woken when all have ended.
    watchdog: Option<Thread>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            running: Vec::new(),
            deadline: Instant::NEVER,
            watchdog: None,
        }
    }
}

impl Ends {
    /// Counts a core that begins, until what is returned is dropped.
    pub(crate) fn enter(&self, core: usize) -> Running {
        self.lock().running.push(core);
        Running {
            ends: self.clone(),
            core,
        }
    }

    pub(crate) fn is_running(&self, core: usize) -> bool {
        self.lock().running.contains(&core)
    }

    pub(crate) fn are_some_running(&self) -> bool {
        !self.lock().running.is_empty()
    }

    /// Has a thread that is parked woken when all have ended.
    pub(crate) fn tell_at_the_end(&self, watchdog: Thread) {
        self.lock().watchdog = Some(watchdog);
        self.0.changed.notify_all();
    }

    /// Waits until [`tell_at_the_end`](Self::tell_at_the_end) was called, or all have ended.
    pub(crate) fn await_watchdog(&self) {
        let mut state = self.lock();
        while state.watchdog.is_none() && !state.running.is_empty() {
            let waited = self.0.changed.wait(state);
            state = waited.unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The cores were told to drain within `grace`.
    pub(crate) fn drain(&self, grace: Duration) {
        self.end_by(clock::now() + grace + CLOSING_TIME);
    }

    /// The cores were told to end at once.
    pub(crate) fn stop(&self) {
        self.end_by(clock::now() + STOPPING_TIME);
    }

    fn end_by(&self, deadline: Instant) {
        let mut state = self.lock();
        state.deadline = state.deadline.min(deadline);
        drop(state);
        self.0.changed.notify_all();
    }

    /// Waits until all cores have ended, or should have.
    pub(crate) fn wait(&self) -> Result<(), Overdue> {
        let mut state = self.lock();
        while !state.running.is_empty() {
            let left = state.deadline - clock::now();
            if left.is_zero() {
                let mut cores = state.running.clone();
                cores.sort_unstable();
                return Err(Overdue(cores));
            }
            let waited = self.0.changed.wait_timeout(state, left);
            (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        }
        Ok(())
    }

    /// A panic while it was locked left nothing half-done: each section here is a few moves.
    fn lock(&self) -> MutexGuard<'_, State> {
        let state = self.0.state.lock();
        state.unwrap_or_else(PoisonError::into_inner)
    }
}

/// A core that runs.
#[derive(Debug)]
pub(crate) struct Running {
    ends: Ends,
    core: usize,
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut state = self.ends.lock();
        state.running.retain(|&core| core != self.core);
        let is_last = state.running.is_empty();
        let watchdog = state.watchdog.take_if(|_| is_last);
        drop(state);
        if let Some(watchdog) = watchdog {
            watchdog.unpark();
        }
        self.ends.0.changed.notify_all();
    }
}

/// Cores that should have ended and have not.
#[derive(Debug)]
pub(crate) struct Overdue(pub(crate) Vec<usize>);

impl fmt::Display for Overdue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("these did not end in time, as what they run blocks:")?;
        for (index, core) in self.0.iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            write!(f, "{comma} core {core}")?;
        }
        Ok(())
    }
}

impl From<Overdue> for io::Error {
    fn from(overdue: Overdue) -> Self {
        Self::new(io::ErrorKind::TimedOut, overdue.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_run_are_waited_for() {
        let ends = Ends::default();
        let running = [ends.enter(0), ends.enter(1)];
        ends.drain(Duration::from_secs(60));
        let ending = std::thread::spawn(move || drop(running));
        assert!(ends.wait().is_ok());
        assert!(ending.join().is_ok());
    }

    #[test]
    fn the_earliest_deadline_counts_and_the_late_are_named() {
        let ends = Ends::default();
        let _late = [ends.enter(3), ends.enter(1)];
        drop(ends.enter(2));
        ends.stop();
        ends.drain(Duration::MAX); // later: it changes nothing
        let overdue = ends.wait().expect_err("two still run");
        assert_eq!(overdue.0, [1, 3]);
        let error = io::Error::from(overdue);
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(error.to_string().ends_with(": core 1, core 3"), "{error}");
    }

    #[test]
    fn who_waits_already_learns_of_the_deadline() {
        let ends = Ends::default();
        let _late = ends.enter(0);
        let theirs = ends.clone();
        let waiting = std::thread::spawn(move || theirs.wait());
        ends.stop();
        let waited = waiting.join().expect("no panic");
        assert_eq!(waited.expect_err("it still runs").0, [0]);
    }
}
