//! Memory for futures that is used again: one list per handler and core, typed.
//!
//! A box that is pinned for good holds `Option<F>`. A future is written into it, polled there and
//! dropped there; the box stays.
//!
//! Always true here:
//! - Once as many boxes exist as requests wait at a time, a run allocates nothing.
//! - No list is borrowed while a future is made, polled or dropped.
//!
//! Not here: who polls, and when (`chain/descent.rs`).

use std::any::Any;
use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::task::{self, Poll, ready};

use crate::{Context, IntoResponse};

/// What one list may keep, in bytes and in boxes.
const KEPT_BYTES_MAX: usize = 1024 * 1024;
const KEPT_MAX: usize = 1024;

/// A run that waits.
pub(crate) type Slot = Pin<Box<dyn Running>>;

pub(crate) trait Running {
    /// Polls the future; writes its answer when it is ready.
    fn advance(self: Pin<&mut Self>, ctx: &Context, cx: &mut task::Context<'_>) -> Poll<()>;

    /// Drops the future and brings the box back to the list it came from.
    fn retire(self: Pin<Box<Self>>, home: &dyn Any);
}

impl<F: Future<Output: IntoResponse> + 'static> Running for Option<F> {
    fn advance(mut self: Pin<&mut Self>, ctx: &Context, cx: &mut task::Context<'_>) -> Poll<()> {
        let Some(future) = self.as_mut().as_pin_mut() else {
            return Poll::Ready(());
        };
        let answer = ready!(future.poll(cx));
        self.set(None); // what the future held is gone before its answer is written
        answer.into_response(ctx);
        Poll::Ready(())
    }

    fn retire(mut self: Pin<Box<Self>>, home: &dyn Any) {
        self.as_mut().set(None);
        if let Some(list) = home.downcast_ref::<FreeList<F>>() {
            list.put(self);
        }
    }
}

/// Empty boxes for one type of future.
pub(crate) struct FreeList<F>(RefCell<Vec<Pin<Box<Option<F>>>>>);

impl<F> Default for FreeList<F> {
    fn default() -> Self {
        Self(RefCell::default())
    }
}

impl<F> FreeList<F> {
    /// How many boxes are kept: few if they are large.
    const BOXES_MAX: usize = {
        let fitting = KEPT_BYTES_MAX / (size_of::<Option<F>>() + 1);
        if fitting < KEPT_MAX {
            fitting + 1
        } else {
            KEPT_MAX
        }
    };

    fn put(&self, slot: Pin<Box<Option<F>>>) {
        let mut free = self.0.borrow_mut();
        if free.len() < Self::BOXES_MAX {
            free.push(slot);
        }
    }

    fn take(&self) -> Pin<Box<Option<F>>> {
        let free = self.0.borrow_mut().pop();
        free.unwrap_or_else(|| Box::pin(None))
    }
}

impl<F: Future<Output: IntoResponse> + 'static> FreeList<F> {
    /// Polls a new future once; gives its slot if it has to wait.
    #[inline]
    pub(crate) fn start(
        &self,
        make: impl FnOnce() -> F,
        ctx: &Context,
        cx: &mut task::Context<'_>,
    ) -> Option<Slot> {
        let mut slot = self.take();
        slot.as_mut().set(Some(make()));
        if slot.as_mut().advance(ctx, cx).is_pending() {
            return Some(slot);
        }
        self.put(slot);
        None
    }
}
