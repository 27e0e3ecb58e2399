//! The counts of a run, printed as text or as JSON.
//!
//! Always true here: times carry their unit in their name; what a mode does not count is 0.
//!
//! Not here: what the server used meanwhile (`compare` reads that).

use std::fmt;

use hdrhistogram::Histogram;
use serde::Serialize;

use ringlane_bench::usage::ProcessUsage;

/// What went wrong.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
pub(crate) struct Errors {
    /// Connections that were not made.
    pub(crate) connect: u64,
    /// Connections that ended before they should have.
    pub(crate) read: u64,
    pub(crate) write: u64,
    /// Answers with a status of 400 or more.
    pub(crate) status: u64,
    /// Requests that had no answer for [`crate::STALL`] when the run ended.
    pub(crate) timeout: u64,
    /// Bytes that are no answer, or not the right one.
    pub(crate) content: u64,
    /// Deliveries that were left out.
    pub(crate) missing: u64,
    /// Deliveries that came twice, or too late.
    pub(crate) repeated: u64,
    /// Connections that read nothing and that the server had not given up when the run ended.
    pub(crate) held: u64,
}

impl Errors {
    pub(crate) fn total(&self) -> u64 {
        let Self {
            connect,
            read,
            write,
            status,
            timeout,
            content,
            missing,
            repeated,
            held,
        } = self;
        connect + read + write + status + timeout + content + missing + repeated + held
    }
}

/// The running count of a run.
#[derive(Debug)]
pub(crate) struct Tally {
    /// Answers, echoes or deliveries.
    pub(crate) done: u64,
    pub(crate) bytes: u64,
    pub(crate) connections_opened: u64,
    pub(crate) errors: Errors,
    latency_ns: Histogram<u64>,
}

/// Longer latencies count as this long.
const LATENCY_NS_MAX: u64 = 3600 * 1_000_000_000;

impl Tally {
    pub(crate) fn new() -> Self {
        Self {
            done: 0,
            bytes: 0,
            connections_opened: 0,
            errors: Errors::default(),
            latency_ns: Histogram::new_with_bounds(1, LATENCY_NS_MAX, 3)
                .expect("the bounds and the precision are within what a histogram allows"),
        }
    }

    /// Counts one answer, echo or delivery that took so long.
    pub(crate) fn finish(&mut self, nanoseconds: u64) {
        self.done += 1;
        self.latency_ns.saturating_record(nanoseconds.max(1));
    }
}

/// What a run is reported as.
#[derive(Debug, Serialize)]
pub(crate) struct Outcome {
    mode: &'static str,
    connections: u32,
    microseconds: u64,
    /// Answers, echoes or deliveries.
    pub(crate) requests: u64,
    requests_per_second: f64,
    bytes: u64,
    /// Since the run began, those that replaced others included.
    pub(crate) connections_opened: u64,
    /// At the end.
    pub(crate) connections_open: u64,
    /// By rate: what was due and not sent when the run ended.
    pub(crate) unsent: u64,
    /// Messages that were published.
    pub(crate) published: u64,
    pub(crate) errors: Errors,
    p50_us: f64,
    p90_us: f64,
    p99_us: f64,
    p999_us: f64,
    max_us: f64,
    /// What the server took while the load lasted, if that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) server: Option<ProcessUsage>,
}

impl Outcome {
    pub(crate) fn new(
        mode: &'static str,
        connections: u32,
        nanoseconds: u64,
        tally: &Tally,
    ) -> Self {
        let quantile = |q| match tally.latency_ns.len() {
            0 => 0.0,
            _ => tally.latency_ns.value_at_quantile(q) as f64 / 1000.0,
        };
        Self {
            mode,
            connections,
            microseconds: nanoseconds / 1000,
            requests: tally.done,
            requests_per_second: tally.done as f64 * 1e9 / nanoseconds.max(1) as f64,
            bytes: tally.bytes,
            connections_opened: tally.connections_opened,
            connections_open: 0,
            unsent: 0,
            published: 0,
            errors: tally.errors,
            p50_us: quantile(0.5),
            p90_us: quantile(0.9),
            p99_us: quantile(0.99),
            p999_us: quantile(0.999),
            max_us: quantile(1.0),
            server: None,
        }
    }

    pub(crate) fn json(&self) -> String {
        // Numbers and names alone: there is nothing that JSON could not hold.
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.microseconds as f64 / 1e6;
        writeln!(
            out,
            "{}: {} in {seconds:.2} s, {:.0} per second, {:.1} MiB received",
            self.mode,
            self.requests,
            self.requests_per_second,
            self.bytes as f64 / (1 << 20) as f64,
        )?;
        writeln!(
            out,
            "latency: {:.0} µs at 50 %, {:.0} at 90 %, {:.0} at 99 %, {:.0} at 99.9 %, {:.0} at most",
            self.p50_us, self.p90_us, self.p99_us, self.p999_us, self.max_us,
        )?;
        writeln!(
            out,
            "connections: {} wanted, {} opened, {} open at the end",
            self.connections, self.connections_opened, self.connections_open,
        )?;
        if let Some(used) = &self.server {
            let each_us = used.cpu_ns as f64 / 1e3 / self.requests.max(1) as f64;
            writeln!(out, "the server's CPU: {each_us:.3} µs for each")?;
        }
        if self.published > 0 {
            writeln!(out, "published: {}", self.published)?;
        }
        if self.unsent > 0 {
            writeln!(out, "due and not sent: {}", self.unsent)?;
        }
        if self.errors.total() > 0 {
            writeln!(out, "errors: {:?}", self.errors)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outcome_in_both_forms() {
        let mut tally = Tally::new();
        (1..=1000).for_each(|ms| tally.finish(ms * 1_000_000));
        tally.finish(u64::MAX);
        tally.errors.missing = 2;
        let outcome = Outcome::new("http", 3, 2_000_000_000, &tally);
        let text = outcome.to_string();
        assert!(
            text.starts_with("http: 1001 in 2.00 s, 500 per second"),
            "{text}"
        );
        assert!(text.contains("missing: 2"), "{text}");
        let json: serde_json::Value = serde_json::from_str(&outcome.json()).expect("JSON");
        assert_eq!(json["requests"], 1001);
        assert_eq!(json["errors"]["missing"], 2);
        let p50 = json["p50_us"].as_f64().expect("a number");
        assert!((p50 - 501_000.0).abs() < 1000.0, "{p50}");
        let max = json["max_us"].as_f64().expect("a number");
        assert!(max > 3.5e9, "{max}");
    }

    #[test]
    fn nothing_measured_is_no_latency() {
        let outcome = Outcome::new("idle", 1, 0, &Tally::new());
        assert!(
            outcome.json().contains("\"max_us\":0.0"),
            "{}",
            outcome.json()
        );
    }
}
