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
//! | | |
//! |---|---|
//! | [`AccessLog`], [`RequestId`], [`Timing`], [`Counters`] | what is going on |
//! | [`SecurityHeaders`], [`Cors`] | what browsers are told |
//! | [`auth`] | who is asking: bearer tokens, passwords, JSON Web Tokens |
//! | [`RateLimit`], [`Timeout`], [`BodyLimit`] | how often, how long, and how much |
//! | [`Compression`], [`Decompression`] | in which coding bodies travel |
//! | [`Health`], [`Metrics`] | what monitors ask |
//! | [`Dashboard`] | a live page of it all |
//!
//! As any layer they nest in the order in which they are written. Write them on the server itself:
//! only its layers are also around answers that no route gives, such as 404 or a preflight's.
//!
//! Always true here:
//! - None of these makes a future, but [`Timeout`].
//! - None allocates for a request, but for what it logs, refuses, or stores with the request, and
//!   for a content coding while it is used.
//! - What they set is there when the head is committed, so streamed answers have it, too. A handler
//!   may replace it, but for what caches must know (`Vary`).
//!
//! Not here: how layers run (`chain.rs`).

mod access_log;
pub mod auth;
mod body_limit;
mod client;
mod compression;
mod cors;
mod counters;
mod dashboard;
mod decompression;
mod health;
mod metrics;
mod number;
mod rate_limit;
mod request_id;
mod security_headers;
mod timeout;
mod timing;

pub use access_log::AccessLog;
pub use body_limit::BodyLimit;
pub use compression::Compression;
pub use cors::Cors;
pub use counters::Counters;
pub use dashboard::Dashboard;
pub use decompression::Decompression;
pub use health::Health;
pub use metrics::{Metrics, Snapshot};
pub use rate_limit::{RateKey, RateLimit};
pub use request_id::RequestId;
pub use security_headers::SecurityHeaders;
pub use timeout::Timeout;
pub use timing::Timing;

pub use crate::coding::{Coding, ENCODERS_BYTES_MAX};

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
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be installed by `with`",
    label = "not a `Middleware`",
    note = "a function is a layer, too: `wrap` takes an asynchronous one of a Context and what is `Next`, `before` and `after` take synchronous ones of a `&Context`"
)]
pub trait Middleware {
    /// Adds its layers to a scope.
    fn install<S>(self, scope: Builder<S>) -> Builder<S>;
}

#[cfg(test)]
mod tests;
