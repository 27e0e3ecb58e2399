//! A chain, or the rest of one below an onion, while it is under way.
//!
//! Always true here:
//! - Cancelling goes from the inside out: the innermost part is dropped, every onion around it sees
//!   its `next.run()` return and goes on with what follows.
//! - A descent that is dropped while it waits runs the after-parts below it first.
//!
//! Not here: the parts (`chain.rs`), the deadline of those that go on (`conversation/`).

use std::cell::Cell;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{self, Poll, Waker};

use ringlane_protocol::StatusCode;
use ringlane_reactor::CloseReason;

use super::{Next, note_panic};
use crate::Context;
use crate::limits::TimeoutAnswer;
use crate::slots::Slot;

/// How the layers below an onion have ended. What happened first below stays, also when a layer in
/// between has made another answer of it; [`Context::status`] tells what is answered.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Outcome {
    /// By returning a response.
    #[default]
    Answered,
    /// By returning an error.
    Failed,
    /// By a panic.
    Panicked,
    /// They were cancelled: the handler's time was up.
    TimedOut,
    /// They were cancelled: the client has left.
    ClientGone,
    /// They were cancelled: the server shut down before they had ended, or their core did.
    ShutDown,
}

/// Why a chain is ended from outside.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Cancel {
    /// The client has left, or the connection is closed for another reason.
    ClientGone,
    TimedOut(TimeoutAnswer),
    /// The core stops.
    ShutDown,
    /// An onion dropped its `next.run()`.
    Dropped,
}

thread_local! {
    static IS_FORSAKEN: Cell<bool> = const { Cell::new(false) };
}

/// Whether what is dropped now is dropped because nobody waits for it any more: its client has
/// left, or the server stops.
pub(crate) fn is_forsaken() -> bool {
    IS_FORSAKEN.try_with(Cell::get).unwrap_or(false)
}

/// While this is there, it is so if that is why.
struct Forsaking(bool);

impl Forsaking {
    fn new(why: Cancel) -> Self {
        let is_forsaken = matches!(why, Cancel::ClientGone | Cancel::ShutDown);
        Self(IS_FORSAKEN.replace(is_forsaken))
    }
}

impl Drop for Forsaking {
    fn drop(&mut self) {
        IS_FORSAKEN.set(self.0);
    }
}

/// The future of [`Next::run`]: the layers below, under way.
#[must_use = "the rest of the chain runs only when this is awaited"]
pub struct Descent {
    pub(super) ctx: Context,
    next: Next,
    state: State,
}

enum State {
    New,
    /// The part at this place has to wait; behind the last layer stands the handler.
    Waiting {
        at: usize,
        slot: Slot,
    },
    Done,
}

impl Descent {
    pub(super) fn new(ctx: &Context, next: Next) -> Self {
        Self {
            ctx: ctx.clone(),
            next,
            state: State::New,
        }
    }

    /// The request that it answers.
    pub(crate) const fn context(&self) -> &Context {
        &self.ctx
    }

    /// Polls it where it stands: nothing in it needs to stay in place.
    pub(crate) fn poll_once(&mut self, cx: &mut task::Context<'_>) -> Poll<Outcome> {
        self.next.chain.note_that_it_runs(&self.ctx);
        Pin::new(self).poll(cx)
    }

    /// Ends it early. Pending if an onion has more to do behind its `next.run()`.
    pub(crate) fn cancel(&mut self, why: Cancel, cx: &mut task::Context<'_>) -> Poll<Outcome> {
        self.ctx.0.run.cancelled.set(Some(why));
        self.poll_once(cx)
    }

    /// Polls it as one that is cancelled, while what is around it is not; or with no time left, so
    /// that it ends now.
    pub(super) fn poll_cancelled(
        &mut self,
        why: Cancel,
        is_out_of_time: bool,
        cx: &mut task::Context<'_>,
    ) -> Poll<Outcome> {
        let ctx = self.ctx.clone();
        let run = &ctx.0.run;
        let cancelled = run.cancelled.get();
        run.cancelled.set(Some(cancelled.unwrap_or(why)));
        let was_out_of_time = run.is_out_of_time.get();
        run.is_out_of_time.set(was_out_of_time || is_out_of_time);
        let progress = self.poll_once(cx);
        run.is_out_of_time.set(was_out_of_time);
        run.cancelled.set(cancelled);
        progress
    }

    fn begin(&mut self, cx: &mut task::Context<'_>) -> Poll<Outcome> {
        let from = self.next.from;
        let depth = &self.ctx.0.run.depth;
        depth.set(depth.get().max(from));
        let reached = Cell::new(from);
        let run = || self.next.chain.run(from, &self.ctx, cx, &reached);
        match catch_unwind(AssertUnwindSafe(run)) {
            Ok(None) => {}
            Ok(Some(slot)) => {
                let at = reached.get();
                self.state = State::Waiting { at, slot };
                return Poll::Pending;
            }
            Err(payload) => note_panic(&self.ctx, payload),
        }
        self.end(reached.get())
    }

    fn go_on(&mut self, at: usize, mut slot: Slot, cx: &mut task::Context<'_>) -> Poll<Outcome> {
        let advance = || slot.as_mut().advance(&self.ctx, cx);
        match catch_unwind(AssertUnwindSafe(advance)) {
            Ok(Poll::Ready(())) => {}
            Ok(Poll::Pending) => {
                self.state = State::Waiting { at, slot };
                return Poll::Pending;
            }
            Err(payload) => note_panic(&self.ctx, payload),
        }
        self.next.chain.retire(at, slot);
        self.end(at)
    }

    /// It waits once more, and there is no more time.
    fn give_up(&mut self) -> Poll<Outcome> {
        match std::mem::replace(&mut self.state, State::Done) {
            State::Waiting { at, slot } => {
                self.next.chain.retire(at, slot);
                self.end(at)
            }
            State::New | State::Done => Poll::Ready(self.ctx.0.run.outcome.get()),
        }
    }

    /// All parts below have ended but the synchronous after-parts.
    fn end(&mut self, reached: usize) -> Poll<Outcome> {
        self.state = State::Done;
        let Next { chain, from } = &self.next;
        chain.run_after(*from, reached, &self.ctx);
        Poll::Ready(self.ctx.0.run.outcome.get())
    }

    /// Whether the part at this place is an onion that has called its `next`: it has an after-part.
    fn has_descended(&self, at: usize) -> bool {
        at < self.next.chain.layers.len() && self.ctx.0.run.depth.get() > at
    }
}

impl Cancel {
    /// What the end of a connection is to the request on it.
    pub(crate) fn of(reason: CloseReason) -> Self {
        match reason {
            CloseReason::ShutDown => Self::ShutDown,
            _ => Self::ClientGone,
        }
    }

    /// Writes what a cancelled request is answered with, if it still can be.
    fn write(self, ctx: &Context) {
        let outcome = match self {
            Self::ClientGone | Self::Dropped => Outcome::ClientGone,
            Self::TimedOut(_) => Outcome::TimedOut,
            Self::ShutDown => Outcome::ShutDown,
        };
        ctx.0.run.outcome.set(outcome);
        if ctx.is_committed() {
            return;
        }
        // Nobody will read what is no answer to a time-out; logs know these numbers.
        let status = match self {
            Self::TimedOut(answer) => return answer.write(ctx),
            Self::ShutDown => StatusCode::SERVICE_UNAVAILABLE,
            Self::ClientGone | Self::Dropped => {
                StatusCode::from_u16(499).unwrap_or(StatusCode::REQUEST_TIMEOUT)
            }
        };
        ctx.clear_content();
        ctx.set_status(status);
    }
}

impl Future for Descent {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Outcome> {
        let this = &mut *self;
        let cancelled = this.ctx.0.run.cancelled.get();
        match std::mem::replace(&mut this.state, State::Done) {
            State::Done => Poll::Ready(this.ctx.0.run.outcome.get()),
            State::New => match cancelled {
                Some(_) => Poll::Ready(this.ctx.0.run.outcome.get()),
                None => this.begin(cx),
            },
            State::Waiting { at, slot } => match cancelled {
                Some(why) if !this.has_descended(at) => {
                    let forsaking = Forsaking::new(why);
                    this.next.chain.retire(at, slot);
                    drop(forsaking);
                    why.write(&this.ctx);
                    this.end(at)
                }
                Some(_) | None => match this.go_on(at, slot, cx) {
                    Poll::Pending if this.ctx.0.run.is_out_of_time.get() => this.give_up(),
                    progress => progress,
                },
            },
        }
    }
}

/// Last rites. Someone dropped this while it waited: an onion that has its own time limit, or a
/// connection that ended. What is below is cancelled from the inside out by one last poll: every
/// asynchronous after-part runs up to where it waits, and every synchronous one runs whole.
impl Drop for Descent {
    fn drop(&mut self) {
        let State::Waiting { .. } = self.state else {
            return;
        };
        let mut nobody = task::Context::from_waker(Waker::noop());
        let _ = self.poll_cancelled(Cancel::Dropped, true, &mut nobody);
    }
}

impl std::fmt::Debug for Descent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Descent").finish_non_exhaustive()
    }
}
