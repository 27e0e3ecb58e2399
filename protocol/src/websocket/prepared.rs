//! A message that is encoded once and sent to many sockets.
//!
//! Always true here: the compressed form refers to nothing outside the message, so that any peer
//! whose window holds it can read it.
//!
//! Not here: who gets which form (`sender.rs`).

use super::deflate::WINDOW_BITS_MAX;
use super::write::write_message;
use super::{Opcode, Settings, Shared};
use bytes::Bytes;

/// One server's message as the frames that its receivers get.
///
/// ```
/// use ringlane_protocol::websocket::{Prepared, Role, Settings, Shared, pair};
///
/// let (settings, mut shared) = (Settings::default(), Shared::new());
/// let message = Prepared::text("Hello", &settings, &mut shared);
/// let (_, mut sender) = pair(Role::Server, &settings, None);
/// assert_eq!(sender.prepared(&message)?.expect("a server"), &b"\x81\x05Hello"[..]);
/// # Ok::<(), ringlane_protocol::websocket::SendError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Prepared {
    payload_bytes: usize,
    plain: Bytes,
    /// If it is shorter.
    compressed: Option<Bytes>,
}

impl Prepared {
    /// A text message. It is compressed too, if it is as long as the settings ask for.
    pub fn text(message: &str, settings: &Settings, shared: &mut Shared) -> Self {
        Self::new(Opcode::Text, message.as_bytes(), settings, shared)
    }

    /// A binary message. It is compressed too, if it is as long as the settings ask for.
    pub fn binary(message: &[u8], settings: &Settings, shared: &mut Shared) -> Self {
        Self::new(Opcode::Binary, message, settings, shared)
    }

    fn new(opcode: Opcode, message: &[u8], settings: &Settings, shared: &mut Shared) -> Self {
        let compressed = (message.len() >= settings.compress_bytes_min.max(1))
            .then(|| shared.deflate(message, WINDOW_BITS_MAX, settings.compress_level))
            .flatten()
            .filter(|compressed| compressed.len() < message.len())
            .map(|compressed| encode(opcode, true, compressed, settings));
        Self {
            payload_bytes: message.len(),
            plain: encode(opcode, false, message, settings),
            compressed,
        }
    }

    /// How long the message is, uncompressed and without framing.
    pub const fn payload_bytes(&self) -> usize {
        self.payload_bytes
    }

    /// The frame for peers without compression.
    pub const fn plain(&self) -> &Bytes {
        &self.plain
    }

    /// The frame for peers with compression, if it was worth it. See
    /// [`Sender::prepared`](super::Sender::prepared), which knows who can read it.
    pub const fn compressed(&self) -> Option<&Bytes> {
        self.compressed.as_ref()
    }
}

fn encode(opcode: Opcode, compressed: bool, payload: &[u8], settings: &Settings) -> Bytes {
    let mut frames = Vec::new();
    let bytes_max = settings.frame_bytes_max;
    write_message(opcode, compressed, payload, bytes_max, None, &mut frames);
    frames.into()
}
