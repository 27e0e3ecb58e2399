//! How long the bodies of some routes' requests may be.

use super::Middleware;
use crate::Builder;
use crate::handler::LayerSpec;

/// Lets the bodies of a group's requests have so many bytes, instead of
/// [the limit that holds for all](crate::Limits::body_bytes_max): fewer, or more.
///
/// A request that declares more is answered 413 before its handler is called; one that sends more
/// in chunks, when the handler has read so far. If a group within has a limit of its own, that
/// one counts there. A handler may still
/// [set another](crate::Context::set_body_limit) for what it reads.
///
/// ```
/// use ringlane::middleware::BodyLimit;
/// use ringlane::{Context, Routes, Server, testing::Client};
///
/// async fn length(ctx: Context) -> ringlane::Result<String> {
///     Ok(ctx.body().bytes().await?.len().to_string())
/// }
///
/// let server = Server::builder()
///     .with(BodyLimit::new(10))
///     .post("/note", length)
///     .group("/files", |routes: Routes| routes.with(BodyLimit::new(100)).post("/", length))
///     .build()?;
/// let mut client = Client::new(server)?;
/// assert_eq!(client.post("/note").body("0123456789").send()?.text(), "10");
/// assert_eq!(client.post("/note").body("0123456789+").send()?.status(), 413);
/// assert_eq!(client.post("/files").body("0123456789+").send()?.text(), "11");
/// # Ok::<(), ringlane::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct BodyLimit {
    bytes: u64,
}

impl BodyLimit {
    /// So many bytes; any number.
    pub fn new(bytes: u64) -> Self {
        Self { bytes }
    }
}

impl Middleware for BodyLimit {
    fn install<S>(self, mut scope: Builder<S>) -> Builder<S> {
        scope.scope.layers.push(LayerSpec::BodyLimit(self.bytes));
        scope
    }
}

#[cfg(test)]
mod tests;
