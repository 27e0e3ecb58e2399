//! Performance Debugging: which request it was, when it began, how long it took, and an end to
//! those that take too long.

use std::time::Duration;

use ringlane::middleware::{RequestId, Timeout, Timing};
use ringlane::{Builder, Context, Result, time};

use crate::technical_foundation::ApplicationConfig;

/// `X-Request-ID`, `X-Request-Start`, `X-Processing-Time`, and a line of the log for each start.
pub(crate) fn layers(server: Builder) -> Builder {
    server
        .with(RequestId::new())
        .with(Timing::new().processing_time().request_start())
        .before(log_start)
}

fn log_start(ctx: &Context) {
    if !tracing::enabled!(tracing::Level::INFO) {
        return;
    }
    let id = ctx.request_id().unwrap_or_default();
    let peer = ctx.peer_address().map(|address| address.to_string());
    let (method, path) = (ctx.method(), ctx.path());
    let user_agent = ctx.header("User-Agent");
    tracing::info!(peer, user_agent, "Request {id} started: {method} {path}");
}

/// The article's `timeout_wrapper_handler`, around every route. What is dropped writes nothing.
pub(crate) fn timeout(config: &ApplicationConfig) -> Timeout {
    Timeout::new(config.timeout())
        .status(408)
        .json()
        .message("Request took too long to process")
}

pub(crate) fn routes(server: Builder) -> Builder {
    server.endpoint(actual_request_handler)
}

/// Takes `?millis=…`, or no time.
#[ringlane::get("/work")]
async fn actual_request_handler(ctx: Context) -> Result<&'static str> {
    let millis = ctx.optional_query("millis")?.unwrap_or_default();
    time::sleep(Duration::from_millis(millis)).await;
    ctx.set_header("X-Worked", millis.to_string());
    Ok("Request processed successfully")
}
