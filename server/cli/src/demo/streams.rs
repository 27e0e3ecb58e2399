//! Routes whose bodies pass through without being held.
//!
//! Always true here:
//! - Memory does not grow with the body: one chunk is held at a time.

use ringlane::{Context, Result};

const MIB: u64 = 1024 * 1024;
/// The longest body that `/echo` sends back.
const ECHO_BYTES_MAX: u64 = 16 * MIB;

/// Sends the body back as it comes. A body that turns out too long after the answer has begun ends
/// the answer without its last chunk, so that no client takes a part for the whole.
pub(crate) async fn echo(ctx: Context) -> Result {
    ctx.set_body_limit(ECHO_BYTES_MAX);
    let content_type = ctx
        .header("Content-Type")
        .unwrap_or("application/octet-stream")
        .to_owned();
    let mut body = ctx.body();
    let mut chunk = body.chunk().await?;
    ctx.set_header("Content-Type", content_type);
    let mut answer = ctx.stream()?;
    while let Some(bytes) = chunk {
        answer.send(bytes).await?;
        chunk = body.chunk().await?;
    }
    answer.finish();
    Ok(())
}
