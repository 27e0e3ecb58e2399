//! Whether a server lives, and whether it takes new work: for those who start and balance servers.
//!
//! Always true here:
//! - Liveness depends on nothing but the server itself: who restarts it cannot mend a database.
//! - What a check says in its error reaches the log and no client.
//!
//! Not here: the numbers (`status.rs`, `system.rs`).

use std::collections::BTreeMap;
use std::fmt::Display;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use ringlane_reactor::clock;
use serde::Serialize;

use super::Middleware;
use crate::system::{self, ProcessUsage, SystemUsage};
use crate::{Builder, Context, CoreStatus, Result, ServerPhase, StatusCode, task, time};

type Check = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = bool>>> + Send + Sync>;

/// Two routes, `GET /healthz` and `GET /readyz`, that answer in JSON.
///
/// `/healthz` answers 200 as long as the server answers at all, with the memory and processor time
/// of process and machine, and with connections and requests of all cores. Processor times are
/// those since the request for it before, one second ago or more.
///
/// `/readyz` answers 200 if the server takes new work, and 503 if it does not: while not all cores
/// listen, once it [drains](crate::Shutdown::drain) or was [withdrawn](crate::Shutdown::withdraw),
/// and while one of the [checks](Self::check) fails.
///
/// Both tell about the server what its clients need not know: keep them from the public.
///
/// ```
/// use ringlane::middleware::Health;
/// use ringlane::{Server, testing::Client};
///
/// # async fn ping() -> std::io::Result<()> { Ok(()) }
/// let server = Server::builder()
///     .with(Health::new().check("database", async || ping().await))
///     .build()?;
/// let mut client = Client::new(server)?;
/// assert!(client.get("/healthz").send()?.text().starts_with(r#"{"status":"ok","#));
/// let ready = client.get("/readyz").send()?;
/// assert_eq!(ready.text(), r#"{"status":"ready","checks":{"database":"ok"}}"#);
/// # Ok::<(), ringlane::Error>(())
/// ```
#[must_use = "it does nothing until it is installed"]
pub struct Health {
    live_path: String,
    ready_path: String,
    checks: Vec<(String, Check)>,
    check_time: Duration,
}

impl Health {
    /// Without checks.
    pub fn new() -> Self {
        Self {
            live_path: "/healthz".to_owned(),
            ready_path: "/readyz".to_owned(),
            checks: Vec::new(),
            check_time: Duration::from_secs(2),
        }
    }

    /// Has the server be ready only if this succeeds. All checks run at one time, on the core of
    /// the request, anew for each request. One that panics fails.
    pub fn check<E: Display + 'static>(
        mut self,
        name: impl Into<String>,
        check: impl AsyncFn() -> std::result::Result<(), E> + Send + Sync + 'static,
    ) -> Self {
        let name = name.into();
        let (check, told) = (Arc::new(check), name.clone());
        let run: Check = Arc::new(move || {
            let (check, name) = (Arc::clone(&check), told.clone());
            Box::pin(async move {
                let result = check().await;
                if let Err(error) = &result {
                    tracing::warn!(%error, check = name, "a check of readiness has failed");
                }
                result.is_ok()
            })
        });
        self.checks.push((name, run));
        self
    }

    /// How long the checks may take together. Default 2 s. Those that take longer have failed.
    pub fn check_time(mut self, time: Duration) -> Self {
        self.check_time = time;
        self
    }

    /// Answers liveness on the paths of another pattern. Default `/healthz`.
    pub fn live_path(mut self, pattern: &str) -> Self {
        pattern.clone_into(&mut self.live_path);
        self
    }

    /// Answers readiness on the paths of another pattern. Default `/readyz`.
    pub fn ready_path(mut self, pattern: &str) -> Self {
        pattern.clone_into(&mut self.ready_path);
        self
    }
}

impl Default for Health {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for Health {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<_> = self.checks.iter().map(|(name, _)| name).collect();
        f.debug_struct("Health")
            .field("checks", &names)
            .finish_non_exhaustive()
    }
}

impl Middleware for Health {
    fn install<S>(self, scope: Builder<S>) -> Builder<S> {
        system::begin();
        let (live_path, ready_path) = (self.live_path.clone(), self.ready_path.clone());
        let health = Arc::new(self);
        scope
            .get(&live_path, live)
            .get(&ready_path, move |ctx| ready(ctx, Arc::clone(&health)))
    }
}

#[derive(Serialize)]
struct Live {
    status: &'static str,
    /// Seconds since 1970 (UTC).
    timestamp: u64,
    uptime_seconds: f64,
    process: ProcessUsage,
    system: SystemUsage,
    connections: Connections,
    requests: u64,
    cores: Vec<CoreStatus>,
}

#[derive(Serialize)]
struct Connections {
    active: u64,
    total: u64,
    refused: u64,
}

async fn live(ctx: Context) -> Result {
    let usage = system::usage().await;
    let server = ctx.server_status();
    let live = Live {
        status: "ok",
        timestamp: clock::unix_nanos() / 1_000_000_000,
        uptime_seconds: server.uptime.as_secs_f64(),
        process: usage.process,
        system: usage.system,
        connections: Connections {
            active: server.sum(|core| core.connections),
            total: server.sum(|core| core.accepted),
            refused: server.sum(|core| core.refused),
        },
        requests: server.sum(|core| core.requests),
        cores: server.cores,
    };
    ctx.set_header("Cache-Control", "no-store");
    ctx.json(&live)
}

#[derive(Serialize)]
struct Ready<'a> {
    status: &'static str,
    checks: BTreeMap<&'a str, &'static str>,
}

async fn ready(ctx: Context, health: Arc<Health>) -> Result {
    let mut running = Vec::new();
    for (name, check) in &health.checks {
        running.push((name, Running(task::spawn(check()))));
    }
    let deadline = time::now() + health.check_time;
    let mut checks = BTreeMap::new();
    for (name, mut check) in running {
        let ended = time::timeout(deadline - time::now(), &mut check.0).await;
        let word = match ended {
            Ok(Ok(true)) => "ok",
            Ok(Ok(false) | Err(_)) => "failed",
            Err(_) => "timed out",
        };
        checks.insert(name.as_str(), word);
    }
    let status = match ctx.server_status().phase {
        ServerPhase::Ready if checks.values().all(|&word| word == "ok") => "ready",
        ServerPhase::Ready => "failing",
        ServerPhase::Starting => "starting",
        ServerPhase::Withdrawn => "withdrawn",
        ServerPhase::Draining => "draining",
    };
    if status != "ready" {
        ctx.set_status(StatusCode::SERVICE_UNAVAILABLE);
    }
    ctx.set_header("Cache-Control", "no-store");
    ctx.json(&Ready { status, checks })
}

/// A check under way, which ends when nobody waits for it any more.
struct Running(task::Task<bool>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(test)]
mod tests;
