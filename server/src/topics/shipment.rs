//! A message encoded once for many sockets, of this core and of others.
//!
//! Always true here:
//! - It is compressed once at most, and only if a socket that wants it so is to get it.
//!
//! Not here: who gets it (`topics.rs`), which form a socket gets (the protocol's).

use std::sync::OnceLock;

use ringlane_protocol::websocket::{Prepared, Settings, Shared};

use super::Message;

pub(crate) struct Shipment {
    message: Message<'static>,
    plain: OnceLock<Prepared>,
    /// With its compressed form, if that is shorter.
    compressed: OnceLock<Prepared>,
}

impl Shipment {
    pub(crate) fn new(message: Message<'static>) -> Self {
        Self {
            message,
            plain: OnceLock::new(),
            compressed: OnceLock::new(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.message.len()
    }

    /// As a socket gets it whose client takes compressed messages, or does not.
    pub(crate) fn prepared(&self, compressed: bool, shared: &mut Shared) -> &Prepared {
        let form = match compressed {
            true => &self.compressed,
            false => &self.plain,
        };
        form.get_or_init(|| {
            let mut settings = Settings::default();
            if !compressed {
                settings.compress_bytes_min = usize::MAX;
            }
            match &self.message {
                Message::Text(text) => Prepared::text(text, &settings, shared),
                Message::Binary(bytes) => Prepared::binary(bytes, &settings, shared),
            }
        })
    }
}
