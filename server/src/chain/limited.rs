//! A descent with a time limit of its own: how one group or one route is limited.
//!
//! Always true here:
//! - What is cancelled is what is below, and only that: the layers around go on as after any
//!   answer.
//! - What is below has the server's grace time to end, as after any deadline, and then ends.
//!
//! Not here: the limit of all handlers (`conversation/clocks.rs`).

use std::future::Future;
use std::pin::Pin;
use std::task::{self, Poll, ready};
use std::time::Duration;

use super::{Cancel, Descent, Outcome};
use crate::limits::TimeoutAnswer;
use crate::time::{self, Instant};

/// A descent that is cancelled when its time is up.
pub(crate) struct Limited {
    descent: Descent,
    answer: TimeoutAnswer,
    sleep: time::Sleep,
    stage: Stage,
}

#[derive(Clone, Copy)]
enum Stage {
    /// The time runs.
    Running,
    /// The head of the answer is committed: there is no limit any more.
    Unlimited,
    /// The time was up, and what was cancelled may still end in order.
    Grace,
}

impl Descent {
    /// Limits the time until the head of the answer is committed. Whoever takes longer is cancelled
    /// and answered with `answer`.
    pub(crate) fn within(self, time: Duration, answer: TimeoutAnswer) -> Limited {
        let since: Instant = time::now();
        Limited {
            descent: self,
            answer,
            sleep: time::sleep_until(since + time),
            stage: Stage::Running,
        }
    }
}

impl Limited {
    fn poll_cancelled(&mut self, is_last: bool, cx: &mut task::Context<'_>) -> Poll<Outcome> {
        let why = Cancel::TimedOut(self.answer);
        self.descent.poll_cancelled(why, is_last, cx)
    }
}

impl Future for Limited {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Outcome> {
        let this = &mut *self;
        match this.stage {
            Stage::Unlimited => return this.descent.poll_once(cx),
            Stage::Running => {
                if let Poll::Ready(outcome) = this.descent.poll_once(cx) {
                    return Poll::Ready(outcome);
                }
                if this.descent.ctx.is_committed() {
                    this.stage = Stage::Unlimited;
                    return Poll::Pending;
                }
                ready!(Pin::new(&mut this.sleep).poll(cx));
                this.stage = Stage::Grace;
                let grace = this.descent.ctx.0.core.limits.grace_time;
                this.sleep.reset(time::now() + grace);
            }
            Stage::Grace => {}
        }
        if let Poll::Ready(outcome) = this.poll_cancelled(false, cx) {
            return Poll::Ready(outcome);
        }
        ready!(Pin::new(&mut this.sleep).poll(cx));
        this.descent.ctx.0.core.counts.graces_exceeded.add();
        this.poll_cancelled(true, cx)
    }
}
