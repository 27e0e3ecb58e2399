//! What `ringlane demo` serves: a page that shows what runs, and the routes of load generators.
//!
//! Always true here:
//! - Paths and answers are fixed: suites and load generators rely on them.
//!
//! Not here: production serving.

mod benchmarks;
#[path = "../../examples/chat/room.rs"]
mod chat;
mod events;
mod page;
mod sockets;
mod streams;

use std::sync::{Arc, OnceLock};

use ringlane::middleware::{Dashboard, Health};
use ringlane::{Builder, Context, StatusCode};

/// What the page shows of the running server; known once it has started.
#[derive(Debug, Default)]
pub(crate) struct Facts(OnceLock<(String, usize)>);

impl Facts {
    /// Notes the driver's description and the count of workers.
    pub(crate) fn set(&self, driver: &str, workers: usize) {
        let _ = self.0.set((driver.to_owned(), workers)); // a server starts once
    }

    fn get(&self) -> (&str, usize) {
        self.0
            .get()
            .map_or(("starting", 0), |(driver, workers)| (driver, *workers))
    }
}

/// All routes of the demo.
pub(crate) fn routes(server: Builder, dashboard: Option<Dashboard>, facts: &Arc<Facts>) -> Builder {
    let (facts, has_dashboard) = (Arc::clone(facts), dashboard.is_some());
    let server = match dashboard {
        Some(dashboard) => server.with(dashboard),
        None => server,
    };
    benchmarks::routes(events::routes(chat::routes(server)))
        .get("/", move |ctx: Context| {
            page::show(&ctx, facts.get(), has_dashboard);
        })
        .get("/users/{id}", benchmarks::item)
        .get("/nocontent", |_| StatusCode::NO_CONTENT)
        .with(Health::new().details(has_dashboard)) // for the same eyes
        .get("/pipeline", |ctx: Context| ctx.text("ok"))
        .post("/echo", streams::echo)
        .websocket_with("/ws", sockets::options(), sockets::echo)
}
