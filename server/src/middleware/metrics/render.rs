//! Metrics as Prometheus reads them: its text format, version 0.0.4.
//!
//! Always true here:
//! - Names begin with `ringlane_`, units are seconds, and nothing that a client sends is a label.

use std::fmt::{self, Write};
use std::time::Duration;

use super::Metrics;
use crate::{Context, CoreStatus, ServerPhase, ServerStatus};

/// The format, as Prometheus asks for it.
const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Bounds of the time histogram, in microseconds and as they are written.
const BOUNDS: [(u64, &str); 16] = [
    (100, "0.0001"),
    (250, "0.00025"),
    (500, "0.0005"),
    (1_000, "0.001"),
    (2_500, "0.0025"),
    (5_000, "0.005"),
    (10_000, "0.01"),
    (25_000, "0.025"),
    (50_000, "0.05"),
    (100_000, "0.1"),
    (250_000, "0.25"),
    (500_000, "0.5"),
    (1_000_000, "1"),
    (2_500_000, "2.5"),
    (5_000_000, "5"),
    (10_000_000, "10"),
];

/// One number of each core: its name, its kind, what it is.
type OfCore = (
    &'static str,
    &'static str,
    &'static str,
    fn(&CoreStatus) -> u64,
);

const OF_CORES: [OfCore; 18] = [
    (
        "connections",
        "gauge",
        "Connections that are open.",
        |core| core.connections,
    ),
    (
        "connections_accepted_total",
        "counter",
        "Connections accepted.",
        |core| core.accepted,
    ),
    (
        "connections_refused_total",
        "counter",
        "Connections refused at the limit.",
        |core| core.refused,
    ),
    (
        "connections_evicted_total",
        "counter",
        "Idle connections closed at the limit, to make room for others.",
        |core| core.evicted,
    ),
    (
        "requests_begun_total",
        "counter",
        "Requests whose head was complete.",
        |core| core.requests,
    ),
    (
        "heads_refused_total",
        "counter",
        "Heads that were malformed or late.",
        |core| core.heads_refused,
    ),
    (
        "prefaces_refused_total",
        "counter",
        "Connections closed at their PROXY preface.",
        |core| core.prefaces_refused,
    ),
    (
        "panics_total",
        "counter",
        "Handlers and layers that panicked.",
        |core| core.panics,
    ),
    (
        "head_timeouts_total",
        "counter",
        "Connections whose head did not end in time.",
        |core| core.head_timeouts,
    ),
    (
        "idle_timeouts_total",
        "counter",
        "Connections that asked for nothing for too long.",
        |core| core.idle_timeouts,
    ),
    (
        "body_timeouts_total",
        "counter",
        "Requests whose body came too slowly.",
        |core| core.body_timeouts,
    ),
    (
        "handler_timeouts_total",
        "counter",
        "Handlers that took too long.",
        |core| core.handler_timeouts,
    ),
    (
        "write_timeouts_total",
        "counter",
        "Connections whose peer took no bytes.",
        |core| core.write_timeouts,
    ),
    (
        "accepts_failed_total",
        "counter",
        "Accepts without descriptors or memory.",
        |core| core.exhausted,
    ),
    (
        "loop_turns_total",
        "counter",
        "Turns of the event loop.",
        |core| core.turns,
    ),
    (
        "loop_enters_total",
        "counter",
        "Calls into the kernel that submit or wait.",
        |core| core.enters,
    ),
    (
        "core_stalls_total",
        "counter",
        "Times that something kept the core for longer than the stall time.",
        |core| core.stalls,
    ),
    (
        "core_stalled",
        "gauge",
        "1 while something keeps the core for longer than the stall time.",
        |core| u64::from(core.is_stalled),
    ),
];

impl Metrics {
    /// A handler that answers with all metrics, and with what its server counts, in the text format
    /// of [Prometheus](https://prometheus.io/docs/instrumenting/exposition_formats/).
    ///
    /// It is for those who watch the server, not for its clients: do not serve it to everyone.
    pub fn page(&self) -> impl Fn(Context) + Send + Sync + 'static + use<> {
        let metrics = self.clone();
        move |ctx| {
            let mut page = String::new();
            let written = metrics
                .write(&mut page)
                .and_then(|()| write_server(&mut page, &ctx.server_status()));
            debug_assert!(written.is_ok(), "writing to a string does not fail");
            ctx.set_content_type(CONTENT_TYPE).text(page);
        }
    }

    fn write(&self, page: &mut String) -> fmt::Result {
        let snapshot = self.snapshot();
        head(
            page,
            "requests_total",
            "counter",
            "Requests, by the first digit of their status.",
        )?;
        for (at, count) in snapshot.by_class.iter().enumerate() {
            let digit = at + 1;
            writeln!(
                page,
                "ringlane_requests_total{{status=\"{digit}xx\"}} {count}"
            )?;
        }
        head(
            page,
            "requests_ended_early_total",
            "counter",
            "Requests that were not answered by their handler.",
        )?;
        for (how, count) in [
            ("panicked", snapshot.panicked),
            ("timed_out", snapshot.timed_out),
            ("client_gone", snapshot.client_gone),
            ("shut_down", snapshot.shut_down),
        ] {
            writeln!(
                page,
                "ringlane_requests_ended_early_total{{how=\"{how}\"}} {count}"
            )?;
        }
        self.write_times(page)
    }

    fn write_times(&self, page: &mut String) -> fmt::Result {
        let name = "ringlane_request_duration_seconds";
        let times = self.times();
        head(
            page,
            "request_duration_seconds",
            "histogram",
            "From the complete head to the end of the layers.",
        )?;
        for (micros, text) in BOUNDS {
            let count = times.within(Duration::from_micros(micros));
            writeln!(page, "{name}_bucket{{le=\"{text}\"}} {count}")?;
        }
        writeln!(page, "{name}_bucket{{le=\"+Inf\"}} {}", times.count())?;
        writeln!(page, "{name}_sum {}", times.sum().as_secs_f64())?;
        writeln!(page, "{name}_count {}", times.count())
    }
}

fn write_server(page: &mut String, status: &ServerStatus) -> fmt::Result {
    head(page, "ready", "gauge", "Whether the server takes new work.")?;
    let is_ready = u8::from(status.phase == ServerPhase::Ready);
    writeln!(page, "ringlane_ready {is_ready}")?;
    head(page, "uptime_seconds", "gauge", "Since all cores listened.")?;
    writeln!(
        page,
        "ringlane_uptime_seconds {}",
        status.uptime.as_secs_f64()
    )?;
    for (name, kind, help, of) in OF_CORES {
        head(page, name, kind, help)?;
        for core in &status.cores {
            writeln!(
                page,
                "ringlane_{name}{{core=\"{}\"}} {}",
                core.core,
                of(core)
            )?;
        }
    }
    Ok(())
}

fn head(page: &mut String, name: &str, kind: &str, help: &str) -> fmt::Result {
    writeln!(
        page,
        "# HELP ringlane_{name} {help}\n# TYPE ringlane_{name} {kind}"
    )
}
