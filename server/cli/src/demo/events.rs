//! The stream of metrics: what the process uses and has done, once a second.
//!
//! Always true here:
//! - It is measured once for all who follow, and from the first visit on.
//! - Who was cut off gets what it has missed of the last minutes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ringlane::event_stream::Event;
use ringlane::topics::History;
use ringlane::{Builder, Context, Result, time};
use serde::Serialize;

const TOPIC: &str = "demo-metrics";
const PERIOD: Duration = Duration::from_secs(1);
/// Seconds that are kept for those who come back.
const KEPT_MAX: usize = 300;

/// What is sent each second. What cannot be read is `null`.
#[derive(Serialize)]
struct Metrics {
    /// 100 is one processor.
    cpu_percent: Option<f64>,
    memory_bytes: Option<u64>,
    connections: u64,
    /// Since the start.
    requests: u64,
}

pub(crate) fn routes(server: Builder) -> Builder {
    let has_begun = Arc::new(AtomicBool::new(false));
    server
        .history(TOPIC, History::default().max_events(KEPT_MAX))
        .get("/events", move |ctx: Context| {
            if !has_begun.swap(true, Ordering::Relaxed) {
                let _runs_by_itself = ringlane::spawn(measure(ctx.clone()));
            }
            ctx.event_stream_of(TOPIC)
        })
}

/// Publishes for as long as the core lives.
async fn measure(ctx: Context) {
    let topics = ctx.topics();
    loop {
        if let Ok(event) = now(&ctx).await {
            topics.publish(TOPIC, event.event("metrics"));
        }
        time::sleep(PERIOD).await;
    }
}

async fn now(ctx: &Context) -> Result<Event> {
    let process = ringlane::usage().await.process;
    let status = ctx.server_status();
    Event::json(&Metrics {
        cpu_percent: process.cpu_percent,
        memory_bytes: process.memory_bytes,
        connections: status.sum(|core| core.connections),
        requests: status.sum(|core| core.requests),
    })
}
