//! WebSocket (RFC 6455) with compression (RFC 7692), for either role, as pure codecs.
//!
//! ```text
//! RequestHead ──► Policy::accept ──► Accepted ──► pair(role, settings, parameters)
//!                                                    │
//! input ──► Receiver::receive ──► Event              ├── Receiver  what comes in
//!           (unmasks in place)     │                 └── Sender    what goes out
//! output ◄── Sender::text, binary, ping, close ◄── pongs and close frames, by themselves
//! ```
//!
//! The two halves are apart so that a message may be answered while it still lies in the input: a
//! message that came whole, uncompressed and in one frame is never copied.
//!
//! Always true here:
//! - Nothing that a peer sends panics, allocates without bound or loops without bound.
//! - The same bytes make the same events, however the network cut them.
//! - Wrong UTF-8 fails the connection at its first wrong byte, within a frame too.
//!
//! Not here: sockets, time-outs and pings of our own accord (`server`), HTTP (`request.rs`).
//!
//! ```
//! use ringlane_protocol::websocket::{Event, Role, Settings, Shared, pair};
//!
//! let mut shared = Shared::new(); // one per thread
//! let (mut receiver, mut sender) = pair(Role::Server, &Settings::default(), None);
//! let mut input = *b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"; // RFC 6455 §5.7
//! let mut output = Vec::new();
//! let step = receiver.receive(&mut input, &mut sender, &mut output, &mut shared);
//! assert_eq!(step.consumed, 11);
//! if let Event::Text(text) = step.event {
//!     assert_eq!(text, "Hello");
//!     sender.text(text, &mut output, &mut shared)?;
//! }
//! assert_eq!(output, b"\x81\x05Hello");
//! # Ok::<(), ringlane_protocol::websocket::SendError>(())
//! ```

mod assembly;
mod buffer;
mod close;
mod deflate;
mod error;
mod frame;
mod handshake;
mod mask;
mod prepared;
mod progress;
mod receiver;
mod role;
mod sender;
mod shared;
mod utf8;
mod write;

pub use close::{CLOSE_REASON_BYTES_MAX, CloseCode, CloseFrame};
pub use error::Error;
pub use frame::{
    CONTROL_BYTES_MAX, FRAME_HEADER_BYTES_MAX, FrameHeader, FrameHeaderBytes, FrameRules, Opcode,
};
pub use handshake::{
    Accepted, DeflateConfig, DeflateParameters, HandshakeError, Origins, Policy, accept_key,
};
pub use mask::mask;
pub use prepared::Prepared;
pub use receiver::{Event, Receiver, Step};
pub use role::{MaskKeys, Role, Settings, pair};
pub use sender::{PONG_BACKLOG_BYTES_MAX, SendError, Sender};
pub use shared::Shared;
