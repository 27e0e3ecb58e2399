//! The routes of benchmark suites, shared with `bench/src/target.rs`, which includes this file.
//!
//! Always true here:
//! - Paths and answers are fixed: suites and load generators rely on them.
//! - The library's public interface alone is used, and nothing is tuned.

use ringlane::{Builder, Context, Error, Json, Result, StatusCode};
use serde::Serialize;

/// The longest body that `/upload` counts.
const UPLOAD_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Adds the routes.
pub(crate) fn routes(server: Builder) -> Builder {
    server
        .get("/plaintext", plaintext)
        .get("/json", json)
        .get("/baseline11", baseline)
        .post("/baseline11", baseline_with_body)
        .post("/upload", upload)
}

/// TechEmpower's plaintext test, with the very content type that it shows.
pub(crate) fn plaintext(ctx: Context) {
    ctx.set_content_type("text/plain").text("Hello, World!");
}

/// TechEmpower's JSON test: serialised anew for each request, as it demands.
fn json(_: Context) -> Json<Greeting> {
    Json(Greeting {
        message: "Hello, World!",
    })
}

#[derive(Serialize)]
struct Greeting {
    message: &'static str,
}

/// Answers with the parameter `id`.
pub(crate) fn item(ctx: Context) {
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

/// Answers with the body's length in bytes; one chunk is held at a time.
async fn upload(ctx: Context) -> Result {
    ctx.set_body_limit(UPLOAD_BYTES_MAX);
    let mut body = ctx.body();
    let mut count = 0;
    while let Some(chunk) = body.chunk().await? {
        count += chunk.len();
    }
    ctx.text_fmt(format_args!("{count}"));
    Ok(())
}
