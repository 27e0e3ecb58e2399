//! Whether a server lives, and whether it takes new work: for those who start and balance servers.
//!
//! Always true here:
//! - Liveness depends on nothing but the server itself: who restarts it cannot mend a database. It
//!   waits for nothing that clients can fill.
//! - What a check says in its error reaches the log and no client.
//!
//! Not here: the numbers (`status.rs`, `system.rs`), how checks are run (`health/check.rs`).

mod check;

use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use ringlane_reactor::clock;
use serde::Serialize;

use super::Middleware;
use crate::system::{self, ProcessUsage, SystemUsage};
use crate::{Builder, Context, CoreStatus, Result, ServerPhase, StatusCode};
use check::{Check, CheckResult, Run};

/// Two routes, `GET /healthz` and `GET /readyz`, that answer in JSON.
///
/// `/healthz` answers 200 as long as the server answers at all: it waits for nothing, and says only
/// that. With [`details`](Self::details) it says more.
///
/// `/readyz` answers 200 if the server takes new work, and 503 if it does not: while not all cores
/// listen, once it [drains](crate::Shutdown::drain) or was [withdrawn](crate::Shutdown::withdraw),
/// and while one of the [checks](Self::check) fails. It names the checks: keep it from the public.
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
/// assert!(client.get("/healthz").send()?.text().starts_with(r#"{"status":"ok"}"#));
/// let ready = client.get("/readyz").send()?;
/// assert_eq!(ready.text(), r#"{"status":"ready","checks":{"database":"ok"}}"#);
/// # Ok::<(), ringlane::Error>(())
/// ```
#[must_use = "it does nothing until it is installed"]
pub struct Health {
    live_path: String,
    ready_path: String,
    has_details: bool,
    checks: Vec<Arc<Check>>,
    check_time: Duration,
    fresh_time: Duration,
    fails_on_stall: bool,
}

impl Health {
    /// Without checks.
    pub fn new() -> Self {
        Self {
            live_path: "/healthz".to_owned(),
            ready_path: "/readyz".to_owned(),
            has_details: false,
            checks: Vec::new(),
            check_time: Duration::from_secs(2),
            fresh_time: Duration::from_secs(1),
            fails_on_stall: false,
        }
    }

    /// Has `/healthz` tell the memory and processor time of process and machine, and connections
    /// and requests of all cores. Default no: clients need not know. Processor times are those
    /// since the request for it before, one second ago or more.
    ///
    /// ```
    /// use ringlane::middleware::Health;
    /// use ringlane::{Server, testing::Client};
    ///
    /// let server = Server::builder().with(Health::new().details(true)).build()?;
    /// let live = Client::new(server)?.get("/healthz").send()?;
    /// assert!(live.text().contains(r#""memory_bytes":"#));
    /// # Ok::<(), ringlane::Error>(())
    /// ```
    pub fn details(mut self, yes: bool) -> Self {
        self.has_details = yes;
        self
    }

    /// Has the server be ready only if this succeeds. All checks run at one time, each once at a
    /// time however many requests wait for it, on the core of the first; the others, and those that
    /// come within the [fresh time](Self::fresh_time), get the same result. One that panics fails.
    pub fn check<E: Display + 'static>(
        mut self,
        name: impl Into<String>,
        check: impl AsyncFn() -> std::result::Result<(), E> + Send + Sync + 'static,
    ) -> Self {
        let name = name.into();
        let (check, told) = (Arc::new(check), name.clone());
        let run: Run = Box::new(move || {
            let (check, name) = (Arc::clone(&check), told.clone());
            Box::pin(async move {
                let result = check().await;
                if let Err(error) = &result {
                    tracing::warn!(%error, check = name, "a check of readiness has failed");
                }
                result.is_ok()
            })
        });
        self.checks.push(Arc::new(Check::new(name, run)));
        self
    }

    /// How long the checks may take together. Default 2 s. Those that take longer have failed.
    pub fn check_time(mut self, time: Duration) -> Self {
        self.check_time = time;
        self
    }

    /// How long the result of a check is told before it is run anew. Default 1 s; at zero each
    /// request that finds no run under way begins one.
    pub fn fresh_time(mut self, time: Duration) -> Self {
        self.fresh_time = time;
        self
    }

    /// Has the server not be ready while a core is [stalled](crate::Builder::stall_time): who
    /// connects to it then may be given to that core and wait. Default no, as all servers of a
    /// group may be kept by the same request; `/readyz` names the stalled cores in any case.
    pub fn fail_on_stall(mut self, yes: bool) -> Self {
        self.fails_on_stall = yes;
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
        let names: Vec<_> = self.checks.iter().map(|check| &check.name).collect();
        f.debug_struct("Health")
            .field("checks", &names)
            .finish_non_exhaustive()
    }
}

impl Middleware for Health {
    fn install<S>(self, scope: Builder<S>) -> Builder<S> {
        let (live_path, ready_path) = (self.live_path.clone(), self.ready_path.clone());
        let scope = match self.has_details {
            true => {
                system::begin();
                scope.get(&live_path, live_in_detail)
            }
            false => scope.get(&live_path, live),
        };
        let health = Arc::new(self);
        scope.get(&ready_path, move |ctx| ready(ctx, Arc::clone(&health)))
    }
}

fn live(ctx: Context) -> Result {
    #[derive(Serialize)]
    struct Live {
        status: &'static str,
    }
    ctx.set_header("Cache-Control", "no-store");
    ctx.json(&Live { status: "ok" })
}

#[derive(Serialize)]
struct LiveInDetail {
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

async fn live_in_detail(ctx: Context) -> Result {
    let usage = system::usage().await;
    let server = ctx.server_status();
    let live = LiveInDetail {
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
    /// Cores that something blocks, if there are any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    stalled_cores: Vec<usize>,
}

async fn ready(ctx: Context, health: Arc<Health>) -> Result {
    let ask = |check: &Arc<Check>| check.ask(health.fresh_time, health.check_time);
    let asked: Vec<_> = health.checks.iter().map(ask).collect(); // all begin before one is awaited
    let mut checks = BTreeMap::new();
    for (check, asked) in health.checks.iter().zip(asked) {
        let word = match asked.await {
            CheckResult::Passed => "ok",
            CheckResult::Failed => "failed",
            CheckResult::TimedOut => "timed out",
        };
        checks.insert(check.name.as_str(), word);
    }
    let server = ctx.server_status();
    let stalled = server.cores.iter().filter(|core| core.is_stalled);
    let stalled_cores: Vec<usize> = stalled.map(|core| core.core).collect();
    let status = match server.phase {
        ServerPhase::Ready if health.fails_on_stall && !stalled_cores.is_empty() => "stalled",
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
    ctx.json(&Ready {
        status,
        checks,
        stalled_cores,
    })
}

#[cfg(test)]
mod tests;
