//! WebSocket (RFC 6455) on the connection that the request came on, written in either of two ways.
//!
//! ```text
//! callbacks      Builder::websocket ──► Handler::on_open, on_message, on_drain, on_close
//!                no task and no future: an idle socket is a few hundred bytes
//! asynchronous   ctx.websocket()? ──► WebSocket: receive().await, send().await
//!                the handler's own future stays, as for a stream
//! ```
//!
//! Until its answer the request is like any other: the layers around the route run, and may refuse
//! it. Then the connection keeps its place, and the bytes behind the request are the first frames.
//!
//! ```
//! use ringlane::Server;
//! use ringlane::websocket::{Message, Socket};
//!
//! let server = Server::builder()
//!     .websocket("/echo", |socket: &Socket, message: Message<'_>| {
//!         socket.send(message);
//!     })
//!     .build()?;
//! # Ok::<(), ringlane::BuildError>(())
//! ```
//!
//! Always true here:
//! - Who sends more than a client takes is told so; what waits for one client is bounded.
//! - While a client does not take what it is sent, nothing more is read from it.
//! - Each socket that was opened is closed once, with the reason.
//!
//! Not here: frames, compression, the handshake's rules (the protocol's), requests
//! (`conversation.rs`), who else follows a topic (`topics.rs`).

mod asynchronous;
mod callbacks;
mod following;
mod handle;
mod link;
mod mailbox;
mod message;
mod opening;
mod options;
mod reason;
mod upgraded;

pub use asynchronous::WebSocket;
pub use callbacks::Handler;
pub use handle::{Sent, Socket};
pub use mailbox::{INBOX_BYTES_MAX, INBOX_MESSAGES_MAX};
pub use message::Message;
pub use options::Options;
pub use reason::CloseReason;
pub use ringlane_protocol::websocket::{CloseCode, DeflateConfig, Error as ProtocolError, Origins};

#[doc(inline)]
pub use crate::topics::{
    Broadcast, CROSSING_BYTES_MAX, Lagged, SlowClient, SubscribeError, Subscription,
    TOPIC_BYTES_MAX, TOPICS_PER_SOCKET_MAX, Topics,
};

pub(crate) use callbacks::erase;
pub(crate) use link::Sockets;
pub(crate) use opening::Upgrade;
pub(crate) use upgraded::Upgraded;

#[cfg(test)]
mod tests;
