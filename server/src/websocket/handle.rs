//! The handle of a socket: what callbacks are lent, and what may be kept to send later.

use std::fmt;
use std::rc::Rc;

use ringlane_protocol::websocket::{CLOSE_REASON_BYTES_MAX, CloseCode};

use super::link::{Link, Phase};
use super::{CloseReason, Message};

/// What became of a message.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Sent {
    /// It is on its way.
    Sent,
    /// It is on its way, but the client does not keep up: as much waits
    /// [as may](crate::websocket::Options::max_backpressure). Before the next one, wait for
    /// [`on_drain`](crate::websocket::Handler::on_drain).
    Buffered,
    /// It is not sent: too much waits already, or the socket is closed.
    Dropped,
}

/// One socket. Cheap to clone; it stays on its core. Once the socket is closed, a handle that was
/// kept does nothing more.
///
/// Messages may be sent at any time, from whatever runs on the core: callbacks of this socket and
/// of others, tasks, requests. They leave in order, at the end of the turn.
#[derive(Clone)]
pub struct Socket(pub(super) Rc<Link>);

impl Socket {
    /// Sends a message. It never waits: what the client does not take at once waits for it, up to
    /// [a maximum](crate::websocket::Options::max_backpressure).
    pub fn send<'m>(&self, message: impl Into<Message<'m>>) -> Sent {
        self.0.send(message.into())
    }

    /// Sends a value as JSON text.
    ///
    /// # Errors
    ///
    /// If it cannot be serialised.
    pub fn send_json<T: serde::Serialize + ?Sized>(&self, value: &T) -> crate::Result<Sent> {
        Ok(self.send(Message::of_json(value)?))
    }

    /// Closes the socket: what was sent before still leaves, then a close frame with this code and
    /// reason. The reason is for logs; it is cut after 123 bytes. Nothing is delivered to callbacks
    /// from now on but the end.
    pub fn close(&self, code: CloseCode, reason: &str) {
        let words = reason.get(..reason.floor_char_boundary(CLOSE_REASON_BYTES_MAX));
        let reason = CloseReason::Server { code };
        self.0.close(code, words.unwrap_or_default(), reason);
    }

    /// Whether messages can still be sent.
    pub fn is_open(&self) -> bool {
        self.0.phase() == Phase::Open
    }

    /// Bytes that wait for the client, as far as is known. What the kernel took is not counted.
    pub fn backlog(&self) -> usize {
        self.0.backlog()
    }

    /// The sub-protocol that was chosen, of those that the
    /// [options](crate::websocket::Options::protocols) name.
    pub fn protocol(&self) -> Option<&str> {
        self.0.protocol()
    }

    /// Why the socket was closed, once it was.
    pub fn close_reason(&self) -> Option<CloseReason> {
        self.0.reason()
    }
}

/// Whether two handles are of the same socket.
impl PartialEq for Socket {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Socket {}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Socket")
            .field("phase", &self.0.phase())
            .field("backlog", &self.backlog())
            .finish_non_exhaustive()
    }
}
