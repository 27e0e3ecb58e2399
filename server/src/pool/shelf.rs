//! The books of a pool: what is idle, how many are alive, and who waits in line.
//!
//! Always true here:
//! - While anyone waits, nothing is idle and no place is free.
//! - Whoever came first is served first, and only those who are in line are served.
//! - Nobody is woken, and nothing of a user's is dropped, while the lock is held.
//!
//! Not here: making, checking and dropping resources (`pool.rs`, `pooled.rs`).

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::PoolStatus;
use crate::time::{self, Instant};

pub(super) struct Terms {
    pub(super) max: NonZeroUsize,
    pub(super) waiting_max: usize,
    pub(super) idle_time: Duration,
    pub(super) life_time: Duration,
}

/// A resource and its age.
pub(super) struct Live<R> {
    pub(super) resource: R,
    pub(super) born: Instant,
    /// When it came back last.
    pub(super) used: Instant,
}

impl<R> Live<R> {
    pub(super) fn new(resource: R) -> Self {
        let now = time::now();
        Self {
            resource,
            born: now,
            used: now,
        }
    }
}

/// What someone is given.
pub(super) enum Got<R> {
    /// A resource, in its place.
    Live(Live<R>),
    /// A place, in which a resource may be made.
    Place,
}

/// What someone is told who asks.
pub(super) enum Asked<R> {
    Got(Got<R>),
    /// To wait, with this number.
    Wait(u64),
    Full,
}

pub(super) struct Shelf<R> {
    terms: Terms,
    state: Mutex<State<R>>,
}

struct State<R> {
    /// The one that was used last is at the end, and is taken first.
    idle: Vec<Live<R>>,
    alive: usize,
    /// By ticket; those who were given something and have not taken it yet are in front.
    line: VecDeque<Waiting<R>>,
    tickets: u64,
}

struct Waiting<R> {
    ticket: u64,
    got: Option<Got<R>>,
    waker: Option<Waker>,
}

impl<R> Shelf<R> {
    pub(super) fn new(terms: Terms) -> Self {
        let state = State {
            idle: Vec::new(),
            alive: 0,
            line: VecDeque::new(),
            tickets: 0,
        };
        Self {
            terms,
            state: Mutex::new(state),
        }
    }

    /// Takes out what was idle for too long. Its places are taken until they are freed.
    pub(super) fn take_expired(&self) -> Vec<Live<R>> {
        let now = time::now();
        let mut state = self.lock();
        let is_expired =
            |live: &mut Live<R>| now - live.used > self.terms.idle_time || self.is_old(live, now);
        state.idle.extract_if(.., is_expired).collect()
    }

    pub(super) fn ask(&self) -> Asked<R> {
        let mut state = self.lock();
        let waiting = state.waiting();
        if waiting == 0 {
            if let Some(live) = state.idle.pop() {
                return Asked::Got(Got::Live(live));
            }
            if state.alive < self.terms.max.get() {
                state.alive += 1;
                return Asked::Got(Got::Place);
            }
        }
        if waiting >= self.terms.waiting_max {
            return Asked::Full;
        }
        let ticket = state.tickets;
        state.tickets += 1;
        state.line.push_back(Waiting {
            ticket,
            got: None,
            waker: None,
        });
        Asked::Wait(ticket)
    }

    /// A resource has come back, with its place.
    pub(super) fn put(&self, mut live: Live<R>) {
        live.used = time::now();
        let mut state = self.lock();
        let waker = match state.give(Got::Live(live)) {
            Ok(waker) => waker,
            Err(Got::Live(live)) => {
                state.idle.push(live);
                None
            }
            Err(Got::Place) => None,
        };
        drop(state);
        wake(waker);
    }

    /// A place has come back, empty.
    pub(super) fn free(&self) {
        let mut state = self.lock();
        let waker = state.give(Got::Place).unwrap_or_else(|_| {
            state.alive -= 1;
            None
        });
        drop(state);
        wake(waker);
    }

    pub(super) fn poll(&self, ticket: u64, cx: &mut Context<'_>) -> Poll<Got<R>> {
        let waker = cx.waker().clone();
        let mut state = self.lock();
        let Some(at) = state.find(ticket) else {
            return Poll::Pending; // it was ready before
        };
        if let Some(got) = state.line[at].got.take() {
            state.line.remove(at);
            return Poll::Ready(got);
        }
        let replaced = state.line[at].waker.replace(waker);
        drop(state);
        drop(replaced);
        Poll::Pending
    }

    /// Someone does not wait any more. Gives what they were given and did not take.
    pub(super) fn leave(&self, ticket: u64) -> Option<Got<R>> {
        let mut state = self.lock();
        let at = state.find(ticket)?;
        let waiting = state.line.remove(at);
        drop(state);
        waiting?.got
    }

    pub(super) fn is_too_old(&self, live: &Live<R>) -> bool {
        self.is_old(live, time::now())
    }

    fn is_old(&self, live: &Live<R>, now: Instant) -> bool {
        now - live.born > self.terms.life_time
    }

    pub(super) fn status(&self) -> PoolStatus {
        let state = self.lock();
        PoolStatus {
            alive: state.alive,
            idle: state.idle.len(),
            waiting: state.waiting(),
        }
    }

    /// A panic while it was locked left nothing half-done: each section here is a few moves.
    fn lock(&self) -> MutexGuard<'_, State<R>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<R> State<R> {
    /// How many in line have not been given anything.
    fn waiting(&self) -> usize {
        self.line.len() - self.line.partition_point(|waiting| waiting.got.is_some())
    }

    fn find(&self, ticket: u64) -> Option<usize> {
        let found = self
            .line
            .binary_search_by_key(&ticket, |waiting| waiting.ticket);
        found.ok()
    }

    /// Gives it to the first in line, or back if there is none.
    fn give(&mut self, got: Got<R>) -> Result<Option<Waker>, Got<R>> {
        let first = self.line.partition_point(|waiting| waiting.got.is_some());
        match self.line.get_mut(first) {
            Some(waiting) => {
                waiting.got = Some(got);
                Ok(waiting.waker.take())
            }
            None => Err(got),
        }
    }
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}
