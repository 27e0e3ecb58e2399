//! Server-sent events (WHATWG HTML §9.2) on the connection that the request came on, written in
//! either of two ways.
//!
//! ```text
//! asynchronous   ctx.event_stream()? ──► EventStream: send(Event).await, closed().await
//!                the handler's own future stays, as for a stream
//! following      ctx.event_stream_of("news")? ──► what is published to a topic or a broadcast
//!                no task and no future: an idle client is a few hundred bytes
//! ```
//!
//! The head is sent before the first event. A client that leaves is noticed at once, and what was
//! there for it is dropped. One that is silent is sent a comment now and then, so that nothing in
//! between takes the connection for dead.
//!
//! ```
//! use ringlane::event_stream::Event;
//! use ringlane::{Context, Result, Server};
//!
//! async fn count(ctx: Context) -> Result {
//!     let mut events = ctx.event_stream()?;
//!     for number in 0..3 {
//!         events.send(Event::data(number.to_string()).event("number")).await?;
//!     }
//!     Ok(())
//! }
//!
//! let server = Server::builder()
//!     .get("/count", count)
//!     .get("/news", |ctx: Context| ctx.event_stream_of("news"))
//!     .build()?;
//! # Ok::<(), ringlane::BuildError>(())
//! ```
//!
//! Always true here:
//! - No value that is sent can end its field or its event.
//! - What waits for one client is bounded.
//!
//! Not here: the format (the protocol's), topics and histories (`topics.rs`), chunks and codings of
//! asynchronous streams (`conversation/active.rs`).

mod asynchronous;
mod event;
mod feed;
mod following;
mod options;
mod pulse;
mod subscribing;

pub use asynchronous::EventStream;
pub use event::Event;
pub use options::Options;
pub use ringlane_protocol::event_stream::FieldError;
pub use subscribing::Source;

pub(crate) use event::Piece;
pub(crate) use feed::Waiting;
pub(crate) use following::Following;
pub(crate) use pulse::{Due, Pulse};
pub(crate) use subscribing::Subscribed;

/// What a client that hears nothing else is sent: a comment.
pub(crate) const HEARTBEAT: &[u8] = b":\n\n";

#[cfg(test)]
mod tests;
