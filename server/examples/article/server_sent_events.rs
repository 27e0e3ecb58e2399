//! Section "Server-Sent Events Implementation": what the machine uses, once a second.
//!
//! Always true here:
//! - Processor time is that between two samples: one alone says nothing.
//!
//! Not here: the end of a stream. When the client leaves, the handler is dropped.

use std::fs;
use std::time::{Duration, SystemTime};

use ringlane::event_stream::Event;
use ringlane::{Builder, Context, Result, time};
use serde::Serialize;

const PERIOD: Duration = Duration::from_secs(1);

/// One event.
#[derive(Serialize)]
struct Tick {
    /// Seconds since 1970.
    timestamp: u64,
    metrics: SystemMetrics,
}

/// What cannot be read is `null`.
#[derive(Serialize)]
struct SystemMetrics {
    /// 100 is all processors.
    cpu_usage: Option<f64>,
    /// In bytes, as the next.
    memory_used: Option<u64>,
    memory_total: Option<u64>,
    process_count: Option<usize>,
    /// Seconds since the machine started.
    uptime: Option<u64>,
}

pub(crate) fn routes(server: Builder) -> Builder {
    server.get("/metrics/stream", real_time_metrics_stream)
}

/// A client that comes back goes on counting where it was cut off.
async fn real_time_metrics_stream(ctx: Context) -> Result {
    let last: u32 = ctx
        .last_event_id()
        .and_then(|id| id.parse().ok())
        .unwrap_or(0);
    let mut events = ctx.event_stream()?;
    let mut seconds = time::interval(PERIOD);
    for counter in u64::from(last) + 1.. {
        seconds.tick().await;
        let tick = Tick {
            timestamp: unix_seconds(),
            metrics: collect_system_metrics().await?,
        };
        events
            .send(Event::json(&tick)?.id(counter.to_string()))
            .await?;
    }
    Ok(())
}

async fn collect_system_metrics() -> Result<SystemMetrics> {
    let system = ringlane::usage().await.system;
    let available = system.memory_available_bytes;
    let (process_count, uptime) = ringlane::blocking(|| (process_count(), uptime())).await?;
    Ok(SystemMetrics {
        cpu_usage: system.cpu_percent,
        memory_used: system
            .memory_bytes
            .zip(available)
            .map(|(total, free)| total.saturating_sub(free)),
        memory_total: system.memory_bytes,
        process_count,
        uptime,
    })
}

/// Each process is a folder with a number as its name (proc(5)).
fn process_count() -> Option<usize> {
    let entries = fs::read_dir("/proc").ok()?.flatten();
    let is_number = |name: &[u8]| name.iter().all(u8::is_ascii_digit);
    Some(
        entries
            .filter(|entry| is_number(entry.file_name().as_encoded_bytes()))
            .count(),
    )
}

fn uptime() -> Option<u64> {
    let text = fs::read_to_string("/proc/uptime").ok()?;
    text.split('.').next()?.parse().ok()
}

fn unix_seconds() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |time| time.as_secs())
}
