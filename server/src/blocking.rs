//! Work that would block a core, on threads of its own: few of them, and a queue with an end.
//!
//! Always true here:
//! - Threads are started when there is work for them, and end when there has been none for a while.
//! - Work whose handler was cancelled before it began is not done.
//! - Work that panics ends alone; whoever awaits it is told.
//!
//! Not here: work that waits without blocking (`task.rs`).

mod pool;

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use pool::Pool;

pub use pool::{BLOCKING_QUEUE_MAX, BLOCKING_THREADS_MAX, FILE_QUEUE_MAX, FILE_THREADS_MAX};

/// Runs a function on a thread where it may block: files, databases, long computations.
///
/// At most [`BLOCKING_THREADS_MAX`] run at a time in the process; as many as
/// [`BLOCKING_QUEUE_MAX`] wait. A function that has begun runs to its end, also if nobody awaits it
/// any more. This works from any thread, for any executor. Answers with files, and what the server
/// reads for its own pages, have threads of their own.
///
/// ```
/// use ringlane::{Context, Result};
///
/// async fn report(ctx: Context) -> Result {
///     let text = ringlane::blocking(|| std::fs::read_to_string("report.txt")).await??;
///     ctx.text(text);
///     Ok(())
/// }
/// ```
pub fn blocking<T, F>(work: F) -> Blocking<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    run_in(&pool::HANDLERS, work)
}

/// As [`blocking`], for the files of answers: handlers that block keep no download waiting.
pub(crate) fn with_file<T, F>(work: F) -> Blocking<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    run_in(&pool::FILES, work)
}

/// As [`blocking`], for what the server asks the system: nothing that clients can fill is in its
/// way.
pub(crate) fn with_system<T, F>(work: F) -> Blocking<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    run_in(&pool::SYSTEM, work)
}

fn run_in<T, F>(pool: &'static Pool, work: F) -> Blocking<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let shared = Arc::new(Mutex::new(Shared {
        result: None,
        waiting: None,
        is_wanted: true,
    }));
    let theirs = Arc::clone(&shared);
    let outstanding = Outstanding::new();
    let job = move || {
        let _outstanding = outstanding; // until the result is there, or nobody wants it
        if !lock(&theirs).is_wanted {
            return;
        }
        let result = catch_unwind(AssertUnwindSafe(work)).map_err(BlockingError::Panicked);
        Shared::end(&theirs, result);
    };
    if let Err(error) = pool.run(Box::new(job)) {
        lock(&shared).result = Some(Err(error));
    }
    Blocking(shared)
}

/// Why [`blocking`] work gave no result.
#[derive(Debug)]
#[non_exhaustive]
pub enum BlockingError {
    /// [`BLOCKING_QUEUE_MAX`] functions were waiting already, or [`FILE_QUEUE_MAX`] files. Returned
    /// from a handler this becomes a 503 with `Retry-After`.
    QueueFull,
    /// It panicked, with this payload.
    Panicked(Box<dyn Any + Send>),
    /// The system gave no thread to run it on.
    NoThread(std::io::Error),
}

impl fmt::Display for BlockingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::QueueFull => f.write_str("too much blocking work is waiting"),
            Self::Panicked(payload) => match message(payload.as_ref()) {
                Some(message) => write!(f, "blocking work panicked: {message}"),
                None => f.write_str("blocking work panicked"),
            },
            Self::NoThread(error) => write!(f, "no thread for blocking work: {error}"),
        }
    }
}

impl std::error::Error for BlockingError {}

fn message(payload: &(dyn Any + Send)) -> Option<&str> {
    let text = payload.downcast_ref::<&'static str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str))
}

/// The result of [`blocking`] work. Dropped before the work has begun, it is not done.
#[must_use = "the result is there when this is awaited"]
pub struct Blocking<T>(Arc<Mutex<Shared<T>>>);

struct Shared<T> {
    result: Option<Result<T, BlockingError>>,
    waiting: Option<Waker>,
    is_wanted: bool,
}

impl<T> Shared<T> {
    fn end(shared: &Mutex<Self>, result: Result<T, BlockingError>) {
        let mut shared = lock(shared);
        shared.result = Some(result);
        let waiting = shared.waiting.take();
        drop(shared);
        if let Some(waker) = waiting {
            waker.wake();
        }
    }
}

thread_local! {
    static OUTSTANDING: Arc<AtomicUsize> = Arc::default();
}

/// Counts the work that one thread has given away and that is not done.
struct Outstanding(Arc<AtomicUsize>);

impl Outstanding {
    fn new() -> Self {
        // A thread that is ending is not asked any more.
        let count = OUTSTANDING.try_with(Arc::clone).unwrap_or_default();
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Outstanding {
    fn drop(&mut self) {
        // Release: whoever sees the count sees the wake that came before.
        self.0.fetch_sub(1, Ordering::Release);
    }
}

/// Whether work that this thread has given away is not done.
pub(crate) fn is_busy_for_this_thread() -> bool {
    OUTSTANDING.with(|count| count.load(Ordering::Acquire)) > 0
}

/// A panic while it was locked left nothing half-done: each section here is a few moves.
fn lock<T>(shared: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<T> Future for Blocking<T> {
    type Output = Result<T, BlockingError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let waker = cx.waker().clone();
        let mut shared = lock(&self.0);
        if let Some(result) = shared.result.take() {
            return Poll::Ready(result);
        }
        let replaced = shared.waiting.replace(waker);
        drop(shared);
        drop(replaced);
        Poll::Pending
    }
}

impl<T> Drop for Blocking<T> {
    fn drop(&mut self) {
        lock(&self.0).is_wanted = false;
    }
}

impl<T> fmt::Debug for Blocking<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Blocking").finish_non_exhaustive()
    }
}

#[cfg(test)]
pub(crate) mod tests;
