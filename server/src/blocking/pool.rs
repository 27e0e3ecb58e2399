//! The process' threads for blocking work.
//!
//! Always true here:
//! - A function that is queued has a thread that will come for it.
//! - These threads run on every CPU of the process, whichever core asked for them.
//!
//! Not here: results (`blocking.rs`).

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::process::getpid;
use rustix::thread::{sched_getaffinity, sched_setaffinity};

use super::BlockingError;
use ringlane_reactor::contain;

/// Threads that run [`blocking`](crate::blocking()) work at a time, in the whole process.
pub const BLOCKING_THREADS_MAX: usize = 64;
/// Functions that may wait for such a thread.
pub const BLOCKING_QUEUE_MAX: usize = 4096;
/// How long a thread without work stays.
const IDLE_TIME: Duration = Duration::from_secs(10);

pub(super) type Job = Box<dyn FnOnce() + Send>;

pub(super) struct Pool {
    state: Mutex<State>,
    work: Condvar,
}

struct State {
    queue: VecDeque<Job>,
    threads: usize,
    /// Of these, threads that wait for work.
    idle: usize,
    /// Names threads apart.
    started: u64,
}

/// The one that all work of the process goes to.
pub(super) static POOL: Pool = Pool::new();

impl Pool {
    pub(super) const fn new() -> Self {
        Self {
            state: Mutex::new(State {
                queue: VecDeque::new(),
                threads: 0,
                idle: 0,
                started: 0,
            }),
            work: Condvar::new(),
        }
    }

    /// Queues a function, and sees to it that a thread comes for it.
    pub(super) fn run(&'static self, job: Job) -> Result<(), BlockingError> {
        let mut state = self.lock();
        if state.queue.len() >= BLOCKING_QUEUE_MAX {
            return Err(BlockingError::QueueFull);
        }
        // Threads that were called and have not come yet count as idle, their work as queued.
        if state.queue.len() >= state.idle && state.threads < BLOCKING_THREADS_MAX {
            let name = format!("ringlane-blocking-{}", state.started);
            let thread = std::thread::Builder::new().name(name);
            match thread.spawn(|| self.serve()) {
                Ok(_detached) => {
                    state.threads += 1;
                    state.started += 1;
                }
                Err(error) if state.threads == 0 => return Err(BlockingError::NoThread(error)),
                Err(_) => {} // those that are there will come for it
            }
        }
        state.queue.push_back(job);
        self.work.notify_one();
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The life of a thread.
    fn serve(&self) {
        unpin();
        let mut state = self.lock();
        loop {
            while let Some(job) = state.queue.pop_front() {
                drop(state);
                // Work that panics is caught before; what it captured may still panic when dropped.
                let _ = contain(job);
                state = self.lock();
            }
            state.idle += 1;
            let waited = self.work.wait_timeout(state, IDLE_TIME);
            let (woken, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
            state = woken;
            state.idle -= 1;
            if state.queue.is_empty() && timeout.timed_out() {
                state.threads -= 1;
                return;
            }
        }
    }
}

/// Lets this thread run wherever the process' first thread may. It was started by a core, whose CPU
/// it would have to share otherwise: a thread inherits where it may run.
fn unpin() {
    if let Ok(cpus) = sched_getaffinity(Some(getpid())) {
        let _ = sched_setaffinity(None, &cpus); // refused, the work is done all the same
    }
}
