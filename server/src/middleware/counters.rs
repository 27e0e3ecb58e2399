//! How many requests and connections there are, and have been.
//!
//! Always true here:
//! - Each core counts in words of its own, which others only read.
//! - What was counted as begun is counted as ended, whatever ended it.

use std::sync::{Arc, OnceLock};

use super::Middleware;
use super::number::with_text;
use crate::core::{Count, Counts};
use crate::{Builder, Context, Flow};

/// Counts requests and connections, over all cores.
///
/// Install one of its clones and keep another to read it: in a handler, or on any thread. Reading
/// visits a few words of each core. What is [active](Self::active_requests) returns to zero however
/// requests end: answered, failed, panicked, timed out, or left by their clients.
///
/// ```
/// use ringlane::middleware::Counters;
/// use ringlane::{Context, Server, testing::Client};
///
/// let counters = Counters::new();
/// let read = counters.clone();
/// let server = Server::builder()
///     .with(counters.clone().headers())
///     .get("/health", move |ctx: Context| {
///         ctx.text_fmt(format_args!("{} active", read.active_requests()));
///     })
///     .build()?;
/// let answer = Client::new(server)?.get("/health").send()?;
/// assert_eq!(answer.text(), "1 active");
/// assert_eq!(answer.header("x-active-connections"), Some("1"));
/// assert_eq!(answer.header("x-total-requests"), Some("1"));
/// assert_eq!((counters.active_requests(), counters.total_requests()), (0, 1));
/// # Ok::<(), ringlane::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Counters {
    cores: Arc<Cores>,
    headers: bool,
}

/// A list that only grows, by one entry for each core that starts.
#[derive(Debug, Default)]
struct Cores(OnceLock<Arc<Words>>);

/// What one core has counted.
#[derive(Debug, Default)]
#[repr(align(128))] // its own cache lines: other cores write theirs
struct Words {
    active: Count,
    total: Count,
    core: Arc<Counts>,
    next: Cores,
}

impl Counters {
    /// Nothing was counted yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets `X-Active-Connections` and `X-Total-Requests` on every answer, this request and its
    /// connection included. Whoever sees them learns how busy the server is.
    pub fn headers(mut self) -> Self {
        self.headers = true;
        self
    }

    /// Requests that are in the layers below now.
    pub fn active_requests(&self) -> u64 {
        self.cores.sum(|words| words.active.get())
    }

    /// Requests that have come to this layer.
    pub fn total_requests(&self) -> u64 {
        self.cores.sum(|words| words.total.get())
    }

    /// Connections that are open now, idle ones included.
    pub fn active_connections(&self) -> u64 {
        self.cores.sum(|words| words.core.connections.get())
    }

    fn tell(&self, ctx: &Context) {
        let (connections, requests) = (self.active_connections(), self.total_requests());
        with_text(format_args!("{connections}"), |text| {
            ctx.set_header("X-Active-Connections", text);
        });
        with_text(format_args!("{requests}"), |text| {
            ctx.set_header("X-Total-Requests", text);
        });
    }
}

impl Cores {
    fn add(&self, words: &Arc<Words>) {
        let mut end = self;
        while end.0.set(Arc::clone(words)).is_err() {
            let taken = end.0.get();
            end = &taken.expect("what cannot be set is set").next;
        }
    }

    fn sum(&self, of: impl Fn(&Words) -> u64) -> u64 {
        let mut sum = 0;
        let mut at = self;
        while let Some(words) = at.0.get() {
            sum += of(words);
            at = &words.next;
        }
        sum
    }

    /// The words of this core. Both halves of the layer ask, and get the same.
    fn of(&self, core: &Arc<Counts>) -> Arc<Words> {
        let mut at = self;
        while let Some(words) = at.0.get() {
            if Arc::ptr_eq(&words.core, core) {
                return Arc::clone(words);
            }
            at = &words.next;
        }
        let words = Arc::new(Words {
            core: Arc::clone(core),
            ..Words::default()
        });
        self.add(&words);
        words
    }
}

impl Middleware for Counters {
    fn install<S>(self, scope: Builder<S>) -> Builder<S> {
        let cores = Arc::clone(&self.cores);
        // The half that counts down is outside: it runs if and only if the other was reached.
        let scope = scope.after_on_core(move |core| {
            let words = cores.of(&core.counts);
            move |_: &Context| words.active.take_off()
        });
        scope.before_on_core(move |core| {
            let words = self.cores.of(&core.counts);
            let told = self.headers.then(|| self.clone());
            move |ctx: &Context| {
                words.active.add();
                words.total.add();
                if let Some(counters) = &told {
                    counters.tell(ctx);
                }
                Flow::Continue
            }
        })
    }
}
