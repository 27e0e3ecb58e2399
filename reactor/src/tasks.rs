//! Tasks that outlive the call that began them: futures of one core, polled when woken.
//!
//! Always true here:
//! - A task never leaves its core, so it need not be `Send`.
//! - A task that panics ends alone; whoever awaits it is told.
//! - Nothing here is borrowed while a task runs or is dropped: it may spawn, wake and end others.
//!
//! Not here: when tasks run (`reactor.rs`), the handlers of connections, which are no tasks.

use std::any::Any;
use std::cell::RefCell;
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use slab::Slab;

use crate::caught::{contain, drop_caught};
use crate::local::{self, Local};
use crate::wake::{Name, PLACES_MAX, Place};

type Future_ = Pin<Box<dyn Future<Output = ()>>>;

/// The tasks of one core. A task that is being polled is not in its place.
#[derive(Default)]
pub(crate) struct Tasks {
    places: Slab<Option<Future_>>,
}

impl fmt::Debug for Tasks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tasks")
            .field("count", &self.places.len())
            .finish()
    }
}

/// Why a task gave no result.
#[derive(Debug)]
#[non_exhaustive]
pub enum TaskError {
    /// It was ended by [`Task::abort`], or its core has stopped.
    Cancelled,
    /// It panicked, with this payload.
    Panicked(Box<dyn Any + Send>),
}

impl fmt::Display for TaskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cancelled => "the task was cancelled",
            Self::Panicked(_) => "the task panicked",
        })
    }
}

impl std::error::Error for TaskError {}

/// A spawned task: await it for its result. Dropping this lets the task go on by itself.
#[derive(Debug)]
pub struct Task<T> {
    shared: Rc<RefCell<Shared<T>>>,
    index: usize,
}

#[derive(Debug)]
struct Shared<T> {
    result: Option<Result<T, TaskError>>,
    waiting: Option<Waker>,
    ended: bool,
}

impl<T> Drop for Shared<T> {
    /// A result that nobody took: its destructor is a user's.
    fn drop(&mut self) {
        drop_caught(self.result.take());
        drop_caught(self.waiting.take());
    }
}

/// Begins a task on this core. It runs from the next turn on.
///
/// # Panics
///
/// Off a core's thread, or if [`PLACES_MAX`] tasks are there already.
pub fn spawn<F: Future + 'static>(future: F) -> Task<F::Output> {
    let shared = Rc::new(RefCell::new(Shared {
        result: None,
        waiting: None,
        ended: false,
    }));
    let ending = Ending(Rc::clone(&shared));
    let task = async move {
        let result = CaughtUnwind(Some(Box::pin(future))).await;
        ending.end(result.map_err(TaskError::Panicked));
    };
    let index = local::with("spawning a task", |local| {
        let mut tasks = local.tasks.borrow_mut();
        assert!(
            tasks.places.len() < PLACES_MAX,
            "no more than {PLACES_MAX} tasks fit on one core"
        );
        let index = tasks.places.insert(Some(Box::pin(task)));
        local.ready().borrow_mut().push(place(index));
        index
    });
    Task { shared, index }
}

fn place(index: usize) -> Place {
    Place::Task(index as u32) // below PLACES_MAX
}

impl<T> Task<T> {
    /// Drops the task's future where it waits. Awaiting the task then gives
    /// [`TaskError::Cancelled`], unless it had ended before.
    pub fn abort(&self) {
        if self.shared.borrow().ended {
            return;
        }
        let index = self.index;
        let future = local::try_with(|local| {
            local
                .tasks
                .borrow_mut()
                .places
                .get_mut(index)
                .and_then(Option::take)
        });
        // Its guard notes the end. A task that aborts itself is not in its place and goes on.
        if let Some(future) = future.flatten() {
            drop_caught(future);
            local::try_with(|local| local.tasks.borrow_mut().places.try_remove(index));
        }
    }

    /// Whether it has ended, in whatever way.
    pub fn is_finished(&self) -> bool {
        self.shared.borrow().ended
    }
}

impl<T> Future for Task<T> {
    type Output = Result<T, TaskError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let waker = cx.waker().clone();
        let mut shared = self.shared.borrow_mut();
        match shared.result.take() {
            Some(result) => Poll::Ready(result),
            None if shared.ended => Poll::Ready(Err(TaskError::Cancelled)),
            None => {
                let old = shared.waiting.replace(waker);
                drop(shared);
                drop(old);
                Poll::Pending
            }
        }
    }
}

/// Notes how a task ended, also if it is dropped before it did.
struct Ending<T>(Rc<RefCell<Shared<T>>>);

impl<T> Ending<T> {
    fn end(&self, result: Result<T, TaskError>) {
        let mut shared = self.0.borrow_mut();
        if shared.ended {
            return;
        }
        shared.ended = true;
        shared.result = Some(result);
        let waiting = shared.waiting.take();
        drop(shared);
        if let Some(waker) = waiting {
            waker.wake();
        }
    }
}

impl<T> Drop for Ending<T> {
    fn drop(&mut self) {
        self.end(Err(TaskError::Cancelled));
    }
}

/// Polls a future and turns a panic in it, or in its destructor, into an error.
struct CaughtUnwind<F>(Option<Pin<Box<F>>>);

impl<F: Future> Future for CaughtUnwind<F> {
    type Output = Result<F::Output, Box<dyn Any + Send>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let polled = catch_unwind(AssertUnwindSafe(|| {
            let future = self.0.as_mut().expect("a task is not polled after its end");
            future.as_mut().poll(cx)
        }));
        let result = match polled {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(result)) => result,
            Err(payload) => {
                drop_caught(self.0.take());
                return Poll::Ready(Err(payload));
            }
        };
        let future = self.0.take();
        match catch_unwind(AssertUnwindSafe(|| drop(future))) {
            Ok(()) => Poll::Ready(Ok(result)),
            Err(payload) => {
                drop_caught(result);
                Poll::Ready(Err(payload))
            }
        }
    }
}

/// Polls one task that was woken. A wake for a place that is empty meanwhile is for nothing.
pub(crate) fn run(local: &Local, index: u32) {
    let index = index as usize;
    let taken = local
        .tasks
        .borrow_mut()
        .places
        .get_mut(index)
        .and_then(Option::take);
    let Some(mut future) = taken else { return };
    let waker = Name {
        core: local.core(),
        place: place(index),
    }
    .waker();
    // What a task may do is caught inside it; this is for what is not foreseen there.
    let polled = contain(|| future.as_mut().poll(&mut Context::from_waker(&waker)));
    if polled.is_some_and(|polled| polled.is_pending()) {
        if let Some(place) = local.tasks.borrow_mut().places.get_mut(index) {
            *place = Some(future);
        }
        return;
    }
    drop_caught(future);
    local.tasks.borrow_mut().places.try_remove(index);
}

/// Drops every task, and those that are spawned meanwhile by destructors.
pub(crate) fn end_all(local: &Local) {
    loop {
        let tasks = std::mem::take(&mut local.tasks.borrow_mut().places);
        if tasks.is_empty() {
            return;
        }
        for (_, future) in tasks {
            drop_caught(future);
        }
    }
}

#[cfg(test)]
mod tests;
