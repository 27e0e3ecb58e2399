//! What one core counts of its requests while a page is open.
//!
//! Not here: what is counted always (`status.rs`).

use std::sync::OnceLock;

use ringlane_protocol::Method;
use rustix::thread::{Pid, gettid};

use crate::context::exchange::DownloadState;
use crate::core::Count;
use crate::middleware::metrics::histogram::{Histogram, Merged};
use crate::{Context, Outcome};

/// 1xx to 5xx; statuses beyond, which nothing defines, are the last one's.
pub(super) const CLASSES: usize = 5;

/// One core's thread, and its requests while they are watched.
#[repr(align(128))] // its own cache lines: other cores write theirs
pub(super) struct Lane {
    pub(super) thread: Pid,
    pub(super) times: OnceLock<Histogram>,
    /// By the first digit of the status, less one.
    classes: [Count; CLASSES],
    errors: Count,
    body_bytes: Count,
}

/// What lanes have counted up to one moment.
#[derive(Default)]
pub(super) struct LaneCounts {
    pub(super) times: Merged,
    pub(super) classes: [u64; CLASSES],
    pub(super) errors: u64,
    pub(super) body_bytes: u64,
}

impl Lane {
    pub(super) fn here() -> Self {
        Self {
            thread: gettid(),
            times: OnceLock::new(),
            classes: Default::default(),
            errors: Count::default(),
            body_bytes: Count::default(),
        }
    }

    pub(super) fn record(&self, ctx: &Context) {
        let status = usize::from(ctx.status().as_u16());
        self.classes[(status / 100).clamp(1, CLASSES) - 1].add();
        let outcome = ctx.0.run.outcome.get();
        if status >= 500 || matches!(outcome, Outcome::Panicked | Outcome::TimedOut) {
            self.errors.add();
        }
        if ctx.0.exchange.download.state.get() != DownloadState::Unused {
            return; // a stream takes as long as it lasts, and goes on
        }
        self.times.get_or_init(Histogram::default).record(ctx.age());
        if *ctx.method() != Method::HEAD {
            let length = ctx.0.reply.body.borrow().bytes().len();
            self.body_bytes.add_all(length as u64);
        }
    }

    pub(super) fn tally(&self) -> LaneCounts {
        let mut times = Merged::default();
        if let Some(counted) = self.times.get() {
            times.add(counted);
        }
        LaneCounts {
            times,
            classes: self.classes.each_ref().map(Count::get),
            errors: self.errors.get(),
            body_bytes: self.body_bytes.get(),
        }
    }
}
