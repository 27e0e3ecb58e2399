//! What is taken out of a pool, and the place that it has there.
//!
//! Always true here:
//! - A place is given back exactly once, by whoever holds it last: with a resource or without.
//! - A resource is dropped before its place is another's.
//!
//! Not here: who gets it next (`shelf.rs`).

use std::fmt;
use std::future::Future;
use std::ops::{Deref, DerefMut};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::shelf::{Got, Live};
use super::{Inner, Manage};
use ringlane_reactor::contain;

/// The right to have one resource alive. Dropped, it is the next one's in line.
pub(super) struct Place<M: Manage>(Option<Arc<Inner<M>>>);

impl<M: Manage> Place<M> {
    pub(super) fn new(pool: &Arc<Inner<M>>) -> Self {
        Self(Some(Arc::clone(pool)))
    }

    pub(super) fn pool(&self) -> &Arc<Inner<M>> {
        let pool = self.0.as_ref();
        pool.expect("a place knows its pool until it is given back")
    }

    pub(super) fn fill(self, live: Live<M::Resource>) -> Pooled<M> {
        Pooled {
            place: self,
            live: Some(live),
        }
    }

    /// Gives it back together with the resource in it.
    fn give_back(&mut self, live: Live<M::Resource>) {
        if let Some(pool) = self.0.take() {
            pool.shelf.put(live);
        }
    }
}

impl<M: Manage> Drop for Place<M> {
    fn drop(&mut self) {
        if let Some(pool) = self.0.take() {
            pool.shelf.free();
        }
    }
}

/// A resource that was taken out of a [`Pool`](crate::Pool). It goes back when this is dropped, on
/// whichever thread that is.
pub struct Pooled<M: Manage> {
    live: Option<Live<M::Resource>>,
    /// Dropped after the resource.
    place: Place<M>,
}

impl<M: Manage> Pooled<M> {
    /// Drops the resource for good: it is of no more use. Another is made in its place when one is
    /// needed.
    pub fn discard(mut self) {
        drop_caught(self.live.take());
    }
}

/// What an unexpected end of this says.
const TAKEN: &str = "the resource is there until this is dropped";

impl<M: Manage> Deref for Pooled<M> {
    type Target = M::Resource;

    fn deref(&self) -> &M::Resource {
        let live = self.live.as_ref();
        &live.unwrap_or_else(|| unreachable!("{TAKEN}")).resource
    }
}

impl<M: Manage> DerefMut for Pooled<M> {
    fn deref_mut(&mut self) -> &mut M::Resource {
        let live = self.live.as_mut();
        &mut live.unwrap_or_else(|| unreachable!("{TAKEN}")).resource
    }
}

impl<M: Manage> Drop for Pooled<M> {
    fn drop(&mut self) {
        let Some(mut live) = self.live.take() else {
            return;
        };
        let pool = self.place.pool();
        let mut is_broken = true; // if it panics
        let _ = contain(|| is_broken = pool.manager.is_broken(&mut live.resource));
        if is_broken || pool.shelf.is_too_old(&live) {
            drop_caught(live);
        } else {
            self.place.give_back(live);
        }
    }
}

impl<M: Manage<Resource: fmt::Debug>> fmt::Debug for Pooled<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pooled").field(&**self).finish()
    }
}

/// A destructor of a user's may panic: the place must be given back all the same.
pub(super) fn drop_caught<T>(value: T) {
    ringlane_reactor::drop_caught(value);
}

/// Standing in line. Dropped, it leaves the line; what it was handed goes to the next.
pub(super) struct Wait<'a, M: Manage> {
    pub(super) pool: &'a Arc<Inner<M>>,
    pub(super) ticket: u64,
}

impl<M: Manage> Future for Wait<'_, M> {
    type Output = Got<M::Resource>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.pool.shelf.poll(self.ticket, cx)
    }
}

impl<M: Manage> Drop for Wait<'_, M> {
    fn drop(&mut self) {
        match self.pool.shelf.leave(self.ticket) {
            Some(Got::Live(live)) => drop(Place::new(self.pool).fill(live)),
            Some(Got::Place) => drop(Place::new(self.pool)),
            None => {}
        }
    }
}
