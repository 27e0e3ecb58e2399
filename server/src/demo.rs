//! What `ringlane demo` serves: a page that shows what runs, and the routes of load generators.
//!
//! Always true here:
//! - Paths and answers are fixed: suites and load generators rely on them.
//!
//! Not here: production serving.

#[path = "../examples/chat/room.rs"]
mod chat;
mod events;
mod page;
mod sockets;
mod streams;

use std::sync::{Arc, OnceLock};

use ringlane::middleware::{Dashboard, Health};
use ringlane::{Builder, Context, Error, Json, Result, StatusCode};
use serde::Serialize;

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
    events::routes(chat::routes(server))
        .get("/", move |ctx: Context| {
            page::show(&ctx, facts.get(), has_dashboard);
        })
        .get("/plaintext", plaintext)
        .get("/json", json)
        .get("/users/{id}", user)
        .get("/nocontent", |_| StatusCode::NO_CONTENT)
        .with(Health::new())
        .get("/pipeline", |ctx: Context| ctx.text("ok"))
        .get("/baseline11", baseline)
        .post("/baseline11", baseline_with_body)
        .post("/echo", streams::echo)
        .post("/upload", streams::upload)
        .websocket_with("/ws", sockets::options(), sockets::echo)
}

/// TechEmpower's plaintext test, with the very content type that it shows.
fn plaintext(ctx: Context) {
    ctx.set_content_type("text/plain").text("Hello, World!");
}

/// TechEmpower's JSON test: serialised anew for each request, as it demands.
fn json(_: Context) -> Json<Message> {
    Json(Message {
        message: "Hello, World!",
    })
}

#[derive(Serialize)]
struct Message {
    message: &'static str,
}

fn user(ctx: Context) {
    ctx.text(ctx.param_text("id").unwrap_or_default());
}

/// HttpArena's baseline: the sum of two numbers in the query.
fn baseline(ctx: Context) -> Result {
    let sum = query_sum(&ctx)?;
    ctx.text_fmt(format_args!("{sum}"));
    Ok(())
}

/// The same, plus the number in the body.
async fn baseline_with_body(ctx: Context) -> Result {
    let body = ctx.body().text().await?;
    let number: i64 = body
        .trim()
        .parse()
        .map_err(|_| Error::new(StatusCode::BAD_REQUEST, "the body must be a whole number"))?;
    let sum = query_sum(&ctx)?.saturating_add(number);
    ctx.text_fmt(format_args!("{sum}"));
    Ok(())
}

fn query_sum(ctx: &Context) -> Result<i64> {
    Ok(ctx
        .query::<i64>("a")?
        .saturating_add(ctx.query::<i64>("b")?))
}
