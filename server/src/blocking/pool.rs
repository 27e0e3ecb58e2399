//! The process' threads for blocking work.
//!
//! Always true here:
//! - A function that is queued has a thread that will come for it.
//! - These threads run on every CPU of the process, whichever core asked for them.
//! - Handlers, files and the server's own questions to the system have threads and a queue each:
//!   none waits for another.
//!
//! Not here: results (`blocking.rs`).

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::process::getpid;
use rustix::thread::{sched_getaffinity, sched_setaffinity};

use super::BlockingError;
use ringlane_reactor::contain;

/// Threads that run [`blocking`](crate::blocking()) work at a time, in the whole process. Files
/// have [others](FILE_THREADS_MAX).
pub const BLOCKING_THREADS_MAX: usize = 64;
/// Functions that may wait for such a thread.
pub const BLOCKING_QUEUE_MAX: usize = 4096;
/// Threads that open and read the [files](crate::Context::file) of answers at a time, in the whole
/// process.
pub const FILE_THREADS_MAX: usize = 32;
/// Files that may wait for such a thread to be opened. Those that are being sent wait as long as
/// they must.
pub const FILE_QUEUE_MAX: usize = 4096;
/// Threads that ask the system for what the server shows of it.
const SYSTEM_THREADS_MAX: usize = 2;
/// Such questions that may wait.
const SYSTEM_QUEUE_MAX: usize = 64;
/// How long a thread without work stays.
const IDLE_TIME: Duration = Duration::from_secs(10);

pub(super) type Job = Box<dyn FnOnce() + Send>;

pub(super) struct Pool {
    /// What its threads are called, before their number.
    name: &'static str,
    threads_max: usize,
    queue_max: usize,
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

/// What handlers give away.
pub(super) static HANDLERS: Pool = Pool::new(
    "ringlane-blocking",
    BLOCKING_THREADS_MAX,
    BLOCKING_QUEUE_MAX,
);
/// Files of answers.
pub(super) static FILES: Pool = Pool::new("ringlane-files", FILE_THREADS_MAX, FILE_QUEUE_MAX);
/// What the server asks for itself.
pub(super) static SYSTEM: Pool = Pool::new("ringlane-system", SYSTEM_THREADS_MAX, SYSTEM_QUEUE_MAX);

impl Pool {
    pub(super) const fn new(name: &'static str, threads_max: usize, queue_max: usize) -> Self {
        Self {
            name,
            threads_max,
            queue_max,
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
        if state.queue.len() >= self.queue_max {
            return Err(BlockingError::QueueFull);
        }
        // Threads that were called and have not come yet count as idle, their work as queued.
        if state.queue.len() >= state.idle && state.threads < self.threads_max {
            let name = format!("{}-{}", self.name, state.started);
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
