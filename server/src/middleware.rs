//! Layers that most servers want, each installed by [`Builder::with`](crate::Builder::with).
//!
//! ```
//! use ringlane::middleware::{AccessLog, Cors, RequestId, SecurityHeaders};
//! use ringlane::{Context, Server};
//!
//! let server = Server::builder()
//!     .with(AccessLog::new())
//!     .with(RequestId::new())
//!     .with(SecurityHeaders::new())
//!     .with(Cors::new().origin("https://app.example.org"))
//!     .get("/", |ctx: Context| ctx.text("hello"))
//!     .build()?;
//! # Ok::<(), ringlane::BuildError>(())
//! ```
//!
//! As any layer they nest in the order in which they are written. Write them on the server itself:
//! only its layers are also around answers that no route gives, such as 404 or a preflight's.
//!
//! Always true here:
//! - None of these makes a future, nor allocates for a request (but what a log line needs).
//! - What they set is there when the head is committed, so streamed answers have it, too. A handler
//!   may replace it.
//!
//! Not here: how layers run (`chain.rs`).

mod access_log;
mod cors;
mod health;
mod metrics;
mod request_id;
mod security_headers;

pub use access_log::AccessLog;
pub use cors::Cors;
pub use health::Health;
pub use metrics::{Metrics, Snapshot};
pub use request_id::RequestId;
pub use security_headers::SecurityHeaders;

use crate::Builder;

/// One or more layers that belong together.
///
/// ```
/// use ringlane::middleware::Middleware;
/// use ringlane::{Builder, Context, Server};
///
/// /// Says how old the answer is allowed to grow.
/// struct Uncached;
///
/// impl Middleware for Uncached {
///     fn install<S>(self, scope: Builder<S>) -> Builder<S> {
///         scope.before(|ctx: &Context| { ctx.set_header("Cache-Control", "no-store"); })
///     }
/// }
///
/// let server = Server::builder().with(Uncached).get("/", |_| "now").build()?;
/// # Ok::<(), ringlane::BuildError>(())
/// ```
pub trait Middleware {
    /// Adds its layers to a scope.
    fn install<S>(self, scope: Builder<S>) -> Builder<S>;
}

#[cfg(test)]
mod tests;
