//! How many requests, how they ended, and how long they took.
//!
//! ```text
//! core 0 ─► Tally (histogram, counts) ─┐
//! core 1 ─► Tally                      ├─► merged when someone reads
//! core n ─► Tally                     ─┘
//! ```
//!
//! Always true here:
//! - Each tally is written by one core; a request costs no allocation and no word that another core
//!   writes.
//!
//! Not here: the histogram (`metrics/histogram.rs`), its pages (`metrics/render.rs`), what is
//! counted of connections (`status.rs`).

pub(super) mod histogram;
mod render;

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use ringlane_reactor::{CORES_MAX, local};
use serde::{Serialize, Serializer};

use super::Middleware;
use crate::core::Count;
use crate::status::seconds;
use crate::time::{self, Instant};
use crate::{Builder, Context, Outcome};
use histogram::{Histogram, Merged};

/// Records every request: its time from the complete head to the end of its layers, its status, and
/// whether a panic, a deadline or the client's leave ended it.
///
/// Install it as the outermost layer and keep a clone, which can be read from any thread. Heads
/// that never became a request are in [`ServerStatus`](crate::ServerStatus).
///
/// ```
/// use ringlane::middleware::Metrics;
/// use ringlane::{Context, Json, Server, testing::Client};
///
/// let metrics = Metrics::new();
/// let theirs = metrics.clone();
/// let server = Server::builder()
///     .with(metrics.clone())
///     .get("/", |_| "hello")
///     .get("/stats", move |_: Context| Json(theirs.snapshot()))
///     .get("/metrics", metrics.page()) // for Prometheus
///     .build()?;
/// let mut client = Client::new(server)?;
/// client.get("/").send()?;
/// let snapshot = metrics.snapshot();
/// assert_eq!((snapshot.requests, snapshot.error_rate), (1, 0.0));
/// assert!(client.get("/metrics").send()?.text().contains("ringlane_requests_total"));
/// # Ok::<(), ringlane::Error>(())
/// ```
#[derive(Clone)]
pub struct Metrics(Arc<Tallies>);

struct Tallies {
    since: Instant,
    /// By the core's number in this process.
    of_cores: Box<[OnceLock<Box<Tally>>]>,
}

/// What one core has recorded.
#[derive(Default)]
#[repr(align(128))] // its own cache lines: other cores write theirs
struct Tally {
    times: Histogram,
    /// By the first digit of the status, less one.
    classes: [Count; CLASSES],
    errors: Count,
    panicked: Count,
    timed_out: Count,
    client_gone: Count,
    shut_down: Count,
}

/// 1xx to 5xx; statuses beyond, which nothing defines, are the last one's.
const CLASSES: usize = 5;

impl Metrics {
    /// Nothing recorded yet; its time begins now.
    pub fn new() -> Self {
        let of_cores = std::iter::repeat_with(OnceLock::new).take(CORES_MAX);
        Self(Arc::new(Tallies {
            since: time::now(),
            of_cores: of_cores.collect(),
        }))
    }

    /// Everything recorded so far, of all cores together. Requests that end meanwhile may be in one
    /// of its numbers and not yet in another.
    pub fn snapshot(&self) -> Snapshot {
        let times = self.times();
        let elapsed = self.0.since.elapsed();
        let class = |digit: usize| self.sum(|tally| &tally.classes[digit - 1]);
        let errors = self.sum(|tally| &tally.errors);
        let per = |count: u64, of: f64| if of > 0.0 { count as f64 / of } else { 0.0 };
        Snapshot {
            requests: times.count(),
            errors,
            error_rate: 100.0 * per(errors, times.count() as f64),
            rate: per(times.count(), elapsed.as_secs_f64()),
            elapsed,
            mean: times.mean(),
            p50: times.percentile(50.0),
            p90: times.percentile(90.0),
            p99: times.percentile(99.0),
            p999: times.percentile(99.9),
            max: times.max(),
            by_class: [class(1), class(2), class(3), class(4), class(5)],
            panicked: self.sum(|tally| &tally.panicked),
            timed_out: self.sum(|tally| &tally.timed_out),
            client_gone: self.sum(|tally| &tally.client_gone),
            shut_down: self.sum(|tally| &tally.shut_down),
        }
    }

    fn times(&self) -> Merged {
        let mut all = Merged::default();
        for tally in self.tallies() {
            all.add(&tally.times);
        }
        all
    }

    fn sum(&self, of: impl Fn(&Tally) -> &Count) -> u64 {
        self.tallies().map(|tally| of(tally).get()).sum()
    }

    fn tallies(&self) -> impl Iterator<Item = &Tally> {
        let all = self.0.of_cores.iter();
        all.filter_map(|tally| tally.get().map(Box::as_ref))
    }

    fn record(&self, ctx: &Context) {
        let place = local::core().and_then(|core| self.0.of_cores.get(usize::from(core)));
        let Some(place) = place else {
            return; // layers run on cores
        };
        let tally = place.get_or_init(Box::default);
        let status = usize::from(ctx.status().as_u16());
        tally.times.record(ctx.age());
        tally.classes[(status / 100).clamp(1, CLASSES) - 1].add();
        let ended_early = match ctx.0.run.outcome.get() {
            Outcome::Answered | Outcome::Failed => None,
            Outcome::Panicked => Some((&tally.panicked, true)),
            Outcome::TimedOut => Some((&tally.timed_out, true)),
            Outcome::ClientGone => Some((&tally.client_gone, false)),
            Outcome::ShutDown => Some((&tally.shut_down, false)),
        };
        if let Some((count, _)) = ended_early {
            count.add();
        }
        if status >= 500 || ended_early.is_some_and(|(_, is_error)| is_error) {
            tally.errors.add();
        }
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Middleware for Metrics {
    fn install<S>(self, scope: Builder<S>) -> Builder<S> {
        scope.after(move |ctx: &Context| self.record(ctx))
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Metrics").field(&self.snapshot()).finish()
    }
}

/// What [`Metrics`] have recorded up to one moment. As JSON, times are in milliseconds but for
/// `elapsed_seconds`.
#[derive(Clone, Copy, Debug, Serialize)]
#[non_exhaustive]
pub struct Snapshot {
    /// Requests that have ended.
    pub requests: u64,
    /// Of these, requests that were answered with 5xx, panicked, or ran out of time.
    pub errors: u64,
    /// Errors in a hundred requests.
    pub error_rate: f64,
    /// Requests per second, on average.
    pub rate: f64,
    /// Since the metrics were made.
    #[serde(rename = "elapsed_seconds", serialize_with = "seconds")]
    pub elapsed: Duration,
    /// The mean time of a request.
    #[serde(rename = "mean_ms", serialize_with = "millis")]
    pub mean: Duration,
    /// The time within which half of the requests ended. Percentiles are at most 1/128 too long,
    /// and those beyond 73 minutes are not told apart.
    #[serde(rename = "p50_ms", serialize_with = "millis")]
    pub p50: Duration,
    /// That of nine in ten.
    #[serde(rename = "p90_ms", serialize_with = "millis")]
    pub p90: Duration,
    /// That of 99 in 100.
    #[serde(rename = "p99_ms", serialize_with = "millis")]
    pub p99: Duration,
    /// That of 999 in 1,000.
    #[serde(rename = "p999_ms", serialize_with = "millis")]
    pub p999: Duration,
    /// The longest time, exactly.
    #[serde(rename = "max_ms", serialize_with = "millis")]
    pub max: Duration,
    /// Requests by the first digit of their status, from 1xx to 5xx.
    pub by_class: [u64; CLASSES],
    /// Requests that a panic ended.
    pub panicked: u64,
    /// Requests that ran out of [their time](crate::Limits::handler_time).
    pub timed_out: u64,
    /// Requests whose client left before the answer.
    pub client_gone: u64,
    /// Requests that a shutdown cut off.
    pub shut_down: u64,
}

fn millis<S: Serializer>(time: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_f64(time.as_secs_f64() * 1000.0)
}

#[cfg(test)]
mod tests;
