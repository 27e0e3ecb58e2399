//! What happened between two readings, as the page is told.
//!
//! Always true here:
//! - Rates are of the time that passed, whether it was a second or more.
//! - Where nothing happened that a number could be of, it is `null`.
//!
//! Not here: where readings come from (`reading.rs`), when they are taken (`sampler.rs`).

use std::time::Duration;

use serde::Serialize;

use super::lane::{CLASSES, LaneCounts};
use super::reading::Reading;
use crate::middleware::metrics::histogram::Merged;
use crate::status::CoreStatus;

/// One second of a server. Rates are per second; totals are since the start.
#[derive(Serialize)]
pub(super) struct Sample {
    /// When it was taken, in milliseconds since 1970 (UTC).
    at_ms: u64,
    /// Over which time.
    seconds: f64,
    uptime_seconds: f64,
    requests_per_second: f64,
    requests: u64,
    /// In microseconds; of requests that ended in this time, as are the three below.
    latency: Option<Latency>,
    /// Answers per second by the first digit of their status, from 1xx to 5xx.
    classes_per_second: [f64; CLASSES],
    /// Of these, 5xx, panics, and requests that ran out of time.
    errors_per_second: f64,
    /// Of answers that were no streams.
    body_bytes_per_second: f64,
    connections: u64,
    accepted_per_second: f64,
    memory_bytes: Option<u64>,
    cores: Vec<CoreSample>,
    driver: Driver,
    timeouts: Timeouts,
    refused: u64,
    heads_refused: u64,
    panics: u64,
}

#[derive(Serialize)]
struct Latency {
    p50: f64,
    p90: f64,
    p99: f64,
    p999: f64,
    max: f64,
}

#[derive(Serialize)]
struct CoreSample {
    requests_per_second: f64,
    connections: u64,
    /// Of one processor; 100 is all of it.
    cpu_percent: Option<f64>,
    p99: Option<f64>,
}

#[derive(Serialize)]
struct Driver {
    enters_per_request: Option<f64>,
    completions_per_turn: Option<f64>,
    turns_per_second: f64,
    enters_per_second: f64,
    /// Receives that found no buffer (ENOBUFS).
    starved: u64,
    /// Accepts that found no descriptor or memory.
    exhausted: u64,
    stalls: u64,
}

#[derive(Serialize)]
struct Timeouts {
    head: u64,
    idle: u64,
    body: u64,
    handler: u64,
    write: u64,
}

impl Sample {
    pub(super) fn between(earlier: &Reading, now: &Reading) -> Self {
        let span = Span::of(earlier, now);
        let status = &now.status;
        let all = |of: fn(&CoreStatus) -> u64| status.sum(of);
        let mut times = Merged::default();
        let cores: Vec<CoreSample> = (0..status.cores.len())
            .map(|core| {
                let of_core = span.times(core);
                times.join(&of_core);
                span.core(core, &of_core)
            })
            .collect();
        let requests = span.sum(|core| core.requests);
        let turns = span.sum(|core| core.turns);
        let enters = span.sum(|core| core.enters);
        let completions = span.sum(|core| core.completions);
        Self {
            at_ms: now.unix_ms,
            seconds: round(span.seconds),
            uptime_seconds: round(status.uptime.as_secs_f64()),
            requests_per_second: span.per_second(requests),
            requests: all(|core| core.requests),
            latency: Latency::of(&times),
            classes_per_second: std::array::from_fn(|class| {
                span.per_second(span.tallied(|tally| tally.classes[class]))
            }),
            errors_per_second: span.per_second(span.tallied(|tally| tally.errors)),
            body_bytes_per_second: span.per_second(span.tallied(|tally| tally.body_bytes)),
            connections: all(|core| core.connections),
            accepted_per_second: span.per_second(span.sum(|core| core.accepted)),
            memory_bytes: now.usage.memory_bytes,
            cores,
            driver: Driver {
                enters_per_request: ratio(enters, requests),
                completions_per_turn: ratio(completions, turns),
                turns_per_second: span.per_second(turns),
                enters_per_second: span.per_second(enters),
                starved: all(|core| core.starved),
                exhausted: all(|core| core.exhausted),
                stalls: all(|core| core.stalls),
            },
            timeouts: Timeouts {
                head: all(|core| core.head_timeouts),
                idle: all(|core| core.idle_timeouts),
                body: all(|core| core.body_timeouts),
                handler: all(|core| core.handler_timeouts),
                write: all(|core| core.write_timeouts),
            },
            refused: all(|core| core.refused),
            heads_refused: all(|core| core.heads_refused),
            panics: all(|core| core.panics),
        }
    }
}

impl Latency {
    fn of(times: &Merged) -> Option<Self> {
        let percentile = |percent| micros(times.percentile(percent));
        (times.count() > 0).then(|| Self {
            p50: percentile(50.0),
            p90: percentile(90.0),
            p99: percentile(99.0),
            p999: percentile(99.9),
            max: percentile(100.0),
        })
    }
}

/// Two readings, and the time between them.
struct Span<'a> {
    earlier: &'a Reading,
    now: &'a Reading,
    seconds: f64,
}

impl<'a> Span<'a> {
    fn of(earlier: &'a Reading, now: &'a Reading) -> Self {
        let seconds = (now.at - earlier.at).as_secs_f64();
        Self {
            earlier,
            now,
            seconds,
        }
    }

    fn sum(&self, of: fn(&CoreStatus) -> u64) -> u64 {
        self.now
            .status
            .sum(of)
            .saturating_sub(self.earlier.status.sum(of))
    }

    fn per_second(&self, count: u64) -> f64 {
        match self.seconds > 0.0 {
            true => round(count as f64 / self.seconds),
            false => 0.0,
        }
    }

    fn times(&self, core: usize) -> Merged {
        let now = self.now.tallies.get(core).map(|tally| &tally.times);
        let earlier = self.earlier.tallies.get(core).map(|tally| &tally.times);
        now.map_or_else(Merged::default, |now| now.since(earlier))
    }

    /// Of all cores. One that began again counts from zero.
    fn tallied(&self, of: impl Fn(&LaneCounts) -> u64) -> u64 {
        let now = self.now.tallies.iter().enumerate();
        let since = now.map(|(core, tally)| {
            let earlier = self.earlier.tallies.get(core).map_or(0, &of);
            of(tally).saturating_sub(earlier)
        });
        since.sum()
    }

    fn core(&self, core: usize, times: &Merged) -> CoreSample {
        let now = &self.now.status.cores[core];
        let before = self.earlier.status.cores.get(core);
        let requests = now.requests - before.map_or(0, |before| before.requests).min(now.requests);
        CoreSample {
            requests_per_second: self.per_second(requests),
            connections: now.connections,
            cpu_percent: self.cpu_percent(core),
            p99: (times.count() > 0).then(|| micros(times.percentile(99.0))),
        }
    }

    fn cpu_percent(&self, core: usize) -> Option<f64> {
        let time = |reading: &Reading| *reading.usage.threads.get(core)?;
        let busy = time(self.now)?.saturating_sub(time(self.earlier)?);
        let percent = 100.0 * busy.as_secs_f64() / self.seconds;
        // The two clocks are read one after the other; a thread has no more than one processor.
        (self.seconds > 0.0).then(|| round(percent.min(100.0)))
    }
}

fn ratio(count: u64, of: u64) -> Option<f64> {
    (of > 0).then(|| (1000.0 * count as f64 / of as f64).round() / 1000.0)
}

fn micros(time: Duration) -> f64 {
    round(time.as_secs_f64() * 1e6)
}

/// One digit behind the point: samples travel to every page, and are kept.
fn round(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}
