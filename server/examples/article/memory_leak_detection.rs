//! Memory Leak Detection: connections and requests as they are now, and memory as it is.

use std::time::{SystemTime, UNIX_EPOCH};

use procfs::process::Process;
use procfs::{Current, Meminfo, ProcResult, WithCurrentSystemInfo};
use ringlane::middleware::{Counters, Health};
use ringlane::{Builder, Context, Result, blocking};
use serde_json::{Value, json};

use crate::memory_management::Database;

const MIB: f64 = 1024.0 * 1024.0;

/// `/health` is the article's; `/healthz` and `/readyz` are the library's own, with processor time
/// and a check of the database.
pub(crate) fn routes(server: Builder, counters: &Counters, database: &Database) -> Builder {
    let (counters, database) = (counters.clone(), database.clone());
    let check = async move || {
        let query = "SELECT 1";
        let answer = database.run(move |connection| connection.query_row(query, (), |_| Ok(())));
        answer.await
    };
    server
        .with(Health::new().details(true).check("database", check))
        .get("/health", move |ctx| {
            health_check_endpoint(ctx, counters.clone())
        })
}

async fn health_check_endpoint(ctx: Context, counters: Counters) -> Result {
    let memory = blocking(memory_usage).await??;
    ctx.set_header("Cache-Control", "no-store");
    ctx.json(&json!({
        "status": "healthy",
        "timestamp": unix_seconds(),
        "memory": memory,
        "connections": {
            "active": counters.active_connections(),
            "active_requests": counters.active_requests(),
            "total_processed": counters.total_requests(),
        },
        "uptime_seconds": ctx.server_status().uptime.as_secs_f64(),
    }))
}

/// What this process holds of the machine's memory.
fn memory_usage() -> ProcResult<Value> {
    let machine = Meminfo::current()?;
    let used = Process::myself()?.stat()?.rss_bytes().get();
    let available = machine.mem_available.unwrap_or(machine.mem_free);
    Ok(json!({
        "used_mb": used as f64 / MIB,
        "available_mb": available as f64 / MIB,
        "usage_percent": 100.0 * used as f64 / machine.mem_total.max(1) as f64,
    }))
}

pub(crate) fn unix_seconds() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |time| time.as_secs())
}
