//! The WebSocket that suites and load generators talk to.
//!
//! Always true here:
//! - Each message comes back as it was, compressed if the client offers that.

use ringlane::websocket::{DeflateConfig, Message, Options, Socket};

/// The longest message that comes back: what conformance suites send.
const MESSAGE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Everything is compressed for clients who offer it, however short and even where that is longer:
/// kosoku 0.1.0, which plays Autobahn's cases, takes a message that was left uncompressed
/// (RFC 7692 §6 allows it) for text. Autobahn's own client takes either.
pub(crate) fn options() -> Options {
    Options::default()
        .max_message_bytes(MESSAGE_BYTES_MAX)
        .compression(Some(DeflateConfig::DEDICATED))
        .compression_min_bytes(0)
}

/// Sends a message back.
pub(crate) fn echo(socket: &Socket, message: Message<'_>) {
    socket.send(message);
}
