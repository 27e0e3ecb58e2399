//! What can be known of a running server from any of its threads, while it runs.
//!
//! ```text
//! reactor's words ─┐
//! Counts of a core ┼─► Vitals ──► ServerStatus (a copy, for handlers and for other threads)
//! ready, draining ─┘
//! ```
//!
//! Always true here:
//! - Each word is written by one core; reading it disturbs no request.
//!
//! Not here: what the machine has (`system.rs`), how long requests take (`middleware/metrics.rs`).

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use ringlane_reactor::clock::{self, Instant};
use ringlane_reactor::{Metrics, Stall};
use serde::{Serialize, Serializer};

use crate::core::Counts;
use crate::{Context, Handle};

/// What a server knows of itself.
#[derive(Debug, Default)]
pub(crate) struct Vitals {
    started: OnceLock<Started>,
    counts: Mutex<Vec<Arc<Counts>>>,
    is_withdrawn: AtomicBool,
    is_draining: AtomicBool,
}

/// What is known once all cores listen.
#[derive(Debug)]
struct Started {
    at: Instant,
    reactors: Vec<Arc<Metrics>>,
    driver: String,
}

impl Vitals {
    /// A core begins. One that begins again, on another driver, takes its former place.
    pub(crate) fn join(&self, core: usize) -> Arc<Counts> {
        let counts = Arc::<Counts>::default();
        let mut all = self.all_counts();
        if all.len() <= core {
            all.resize_with(core + 1, Arc::default);
        }
        all[core] = Arc::clone(&counts);
        counts
    }

    /// All cores listen.
    pub(crate) fn start(&self, reactors: &[Arc<Metrics>], driver: &str) {
        let started = Started {
            at: clock::now(),
            reactors: reactors.to_vec(),
            driver: driver.to_owned(),
        };
        let _ = self.started.set(started); // a server is started once: `start` takes it
    }

    /// What moves the bytes, as the start said; empty before it.
    pub(crate) fn driver(&self) -> &str {
        self.started.get().map_or("", |started| &started.driver)
    }

    pub(crate) fn withdraw(&self) {
        self.is_withdrawn.store(true, Ordering::Relaxed);
    }

    /// Notes that the server drains; `true` if it did not before.
    pub(crate) fn drain(&self) -> bool {
        !self.is_draining.swap(true, Ordering::Relaxed)
    }

    /// A core is blocked, or goes on: for the log.
    pub(crate) fn tell_stall(&self, stall: Stall) {
        let Stall { core, lasted, .. } = stall;
        if stall.is_over {
            tracing::warn!(core, ?lasted, "a core that was blocked goes on");
            return;
        }
        let counts = self.all_counts().get(core).map(Arc::clone);
        let route = counts.as_ref().and_then(|counts| counts.last_pattern());
        let route = route.unwrap_or("none");
        tracing::warn!(
            core,
            ?lasted,
            route,
            "a core is blocked: none of its connections is served. What ran last was of this route; \
             what blocks or computes for long belongs into `ringlane::blocking`"
        );
    }

    pub(crate) fn status(&self) -> ServerStatus {
        let started = self.started.get();
        let reactors = started.map_or(&[][..], |started| &started.reactors);
        let all = self.all_counts();
        let of_core = |(core, counts): (usize, &Arc<Counts>)| {
            CoreStatus::read(core, counts, reactors.get(core).map(Arc::as_ref))
        };
        ServerStatus {
            phase: match started {
                _ if self.is_draining.load(Ordering::Relaxed) => ServerPhase::Draining,
                _ if self.is_withdrawn.load(Ordering::Relaxed) => ServerPhase::Withdrawn,
                None => ServerPhase::Starting,
                Some(_) => ServerPhase::Ready,
            },
            uptime: started.map_or(Duration::ZERO, |started| started.at.elapsed()),
            cores: all.iter().enumerate().map(of_core).collect(),
        }
    }

    fn all_counts(&self) -> MutexGuard<'_, Vec<Arc<Counts>>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a server takes new work.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum ServerPhase {
    /// Not all cores listen yet.
    Starting,
    /// It does.
    Ready,
    /// It does, but [says that it does not](crate::Shutdown::withdraw).
    Withdrawn,
    /// It lets what is in flight end.
    Draining,
}

/// A server, as it is at one moment. Each number is exact; they may be a few microseconds apart.
///
/// ```
/// use ringlane::{Context, Json, Server, ServerStatus, testing::Client};
///
/// fn status(ctx: Context) -> Json<ServerStatus> {
///     Json(ctx.server_status())
/// }
///
/// let mut client = Client::new(Server::builder().get("/status", status).build()?)?;
/// let answer = client.get("/status").send()?;
/// assert!(answer.text().starts_with(r#"{"phase":"ready","uptime_seconds":"#));
/// # Ok::<(), ringlane::Error>(())
/// ```
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct ServerStatus {
    /// Whether it takes new work.
    pub phase: ServerPhase,
    /// Since all cores listened.
    #[serde(rename = "uptime_seconds", serialize_with = "seconds")]
    pub uptime: Duration,
    /// Each core, in order.
    pub cores: Vec<CoreStatus>,
}

impl ServerStatus {
    /// One number of all cores together.
    ///
    /// ```
    /// # fn show(status: &ringlane::ServerStatus) {
    /// println!("{} connections", status.sum(|core| core.connections));
    /// # }
    /// ```
    pub fn sum(&self, of: impl Fn(&CoreStatus) -> u64) -> u64 {
        self.cores.iter().map(of).sum()
    }
}

pub(crate) fn seconds<S: Serializer>(time: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_f64(time.as_secs_f64())
}

/// One core, as it is at one moment.
#[derive(Clone, Copy, Debug, Serialize)]
#[non_exhaustive]
pub struct CoreStatus {
    /// Its number, from 0.
    pub core: usize,
    /// Connections that are open.
    pub connections: u64,
    /// Connections accepted so far.
    pub accepted: u64,
    /// Connections refused because the limit was reached.
    pub refused: u64,
    /// Idle connections closed at the limit, to make room for others.
    pub evicted: u64,
    /// Requests whose head was complete, those under way included. Those that came in one burst are
    /// added together, when the core has looked at all of it.
    pub requests: u64,
    /// Heads that were malformed or did not come in time.
    pub heads_refused: u64,
    /// Connections that did not begin with the PROXY preface that they owed.
    pub prefaces_refused: u64,
    /// Handlers and layers that panicked.
    pub panics: u64,
    /// After-parts of middleware that did not end within their grace time.
    pub graces_exceeded: u64,
    /// Contexts that were held beyond their request.
    pub contexts_kept: u64,
    /// Requests whose head did not come in [its time](crate::Limits::head_time).
    pub head_timeouts: u64,
    /// Connections closed because no request came in [their time](crate::Limits::idle_time).
    pub idle_timeouts: u64,
    /// Requests whose body came [too slowly](crate::Limits::body_progress_time).
    pub body_timeouts: u64,
    /// Handlers that ran out of [their time](crate::Limits::handler_time).
    pub handler_timeouts: u64,
    /// Connections closed because the peer took no bytes in time.
    pub write_timeouts: u64,
    /// Accepts that failed because descriptors or memory had run out.
    pub exhausted: u64,
    /// Turns of the event loop.
    pub turns: u64,
    /// Calls into the kernel that submit or wait.
    pub enters: u64,
    /// Completions taken from the kernel.
    pub completions: u64,
    /// Receives that found no buffer and had to wait in line.
    pub starved: u64,
    /// Times that something kept the core for longer than
    /// [`stall_time`](crate::Builder::stall_time).
    pub stalls: u64,
    /// Whether something does so now: none of its connections is served.
    pub is_stalled: bool,
}

impl CoreStatus {
    fn read(core: usize, counts: &Counts, reactor: Option<&Metrics>) -> Self {
        let of_reactor = |word: fn(&Metrics) -> u64| reactor.map_or(0, word);
        Self {
            core,
            connections: of_reactor(|words| words.connections.get()),
            accepted: of_reactor(|words| words.accepted.get()),
            refused: of_reactor(|words| words.refused.get()),
            evicted: of_reactor(|words| words.evicted.get()),
            requests: counts.requests.get(),
            heads_refused: counts.heads_refused.get(),
            prefaces_refused: counts.prefaces_refused.get(),
            panics: counts.panics.get(),
            graces_exceeded: counts.graces_exceeded.get(),
            contexts_kept: counts.contexts_kept.get(),
            head_timeouts: counts.head_timeouts.get(),
            idle_timeouts: counts.idle_timeouts.get(),
            body_timeouts: counts.body_timeouts.get(),
            handler_timeouts: counts.handler_timeouts.get(),
            write_timeouts: of_reactor(|words| words.write_timeouts.get()),
            exhausted: of_reactor(|words| words.exhausted.get()),
            turns: of_reactor(|words| words.turns.get()),
            enters: of_reactor(|words| words.enters.get()),
            completions: of_reactor(|words| words.completions.get()),
            starved: of_reactor(|words| words.starved.get()),
            stalls: of_reactor(|words| words.stalls.get()),
            is_stalled: of_reactor(|words| words.stalled.get()) > 0,
        }
    }
}

impl Context {
    /// The server that this request is served by, as it is now. It reads some words of every core
    /// and allocates: for pages that show it, not for every request.
    pub fn server_status(&self) -> ServerStatus {
        self.0.core.vitals.status()
    }
}

impl Handle {
    /// The server as it is now: connections, requests, and what went wrong, for each core.
    ///
    /// It costs the requests nothing.
    pub fn status(&self) -> ServerStatus {
        self.vitals().status()
    }
}

#[cfg(test)]
mod tests;
