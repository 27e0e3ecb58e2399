//! Assembles a message from its frames and validates it as it arrives.
//!
//! Always true here:
//! - Memory follows what has come, never what a header announces: at most twice as much.
//! - Text is checked at every piece, decompressed first if it has to be.
//!
//! Not here: which frames there are (`progress.rs`), messages that come whole (`progress.rs`).

use super::buffer::grow;
use super::deflate::Inflater;
use super::role::Settings;
use super::utf8::Utf8;
use super::{Error, FrameHeader, Opcode, Shared};

/// What a compressed message may take on the wire: twice its size, for senders that flush often,
/// and this for small ones.
const WIRE_BYTES_SLACK: u64 = 1024;

/// How large messages may be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    bytes_max: usize,
    fragments_max: u32,
}

impl Limits {
    pub(super) const fn of(settings: &Settings) -> Self {
        Self {
            bytes_max: settings.message_bytes_max,
            fragments_max: settings.fragments_max,
        }
    }

    /// How long all payloads of a message together may be.
    const fn wire_bytes_max(&self, is_compressed: bool) -> u64 {
        let bytes_max = self.bytes_max as u64;
        if is_compressed {
            return bytes_max.saturating_mul(2).saturating_add(WIRE_BYTES_SLACK);
        }
        bytes_max
    }
}

/// How one side decompresses what comes in.
#[derive(Debug)]
pub(super) struct Inflation {
    /// Whether messages may refer to earlier ones.
    pub(super) has_takeover: bool,
    /// The context in use: of this connection where there is takeover, else of one message.
    context: Option<Box<Inflater>>,
}

impl Inflation {
    pub(super) const fn new(has_takeover: bool) -> Self {
        Self {
            has_takeover,
            context: None,
        }
    }

    fn context(&mut self, shared: &mut Shared) -> &mut Inflater {
        self.context.get_or_insert_with(|| shared.take_inflater())
    }

    fn end_message(&mut self, shared: &mut Shared) {
        if !self.has_takeover
            && let Some(context) = self.context.take()
        {
            shared.return_inflater(context);
        }
    }
}

/// One data message in progress. Its bytes are kept beside it, by the receiver.
#[derive(Clone, Copy, Debug)]
pub(super) struct Assembly {
    pub(super) is_text: bool,
    is_compressed: bool,
    utf8: Utf8,
    fragments: u32,
    /// Of the frames so far, the one in progress included.
    wire_bytes: u64,
}

impl Assembly {
    /// Begins with the first frame of a message.
    pub(super) fn begin(header: &FrameHeader, limits: Limits) -> Result<Self, Error> {
        let mut assembly = Self {
            is_text: header.opcode == Opcode::Text,
            is_compressed: header.rsv1,
            utf8: Utf8::default(),
            fragments: 0,
            wire_bytes: 0,
        };
        assembly.add_frame(header, limits)?;
        Ok(assembly)
    }

    /// Counts a frame, before anything is allocated for it (RFC 6455 §10.4).
    pub(super) fn add_frame(&mut self, header: &FrameHeader, limits: Limits) -> Result<(), Error> {
        if self.fragments >= limits.fragments_max {
            return Err(Error::TooManyFragments);
        }
        self.fragments += 1;
        let left = limits.wire_bytes_max(self.is_compressed) - self.wire_bytes;
        if header.payload_bytes > left {
            return Err(Error::MessageTooLarge);
        }
        self.wire_bytes += header.payload_bytes;
        Ok(())
    }

    /// Whether the message's only frame can be handed out as it lies in the input.
    pub(super) const fn is_plain(&self) -> bool {
        self.fragments == 1 && !self.is_compressed
    }

    /// Adds a piece of payload, unmasked.
    pub(super) fn add(
        &mut self,
        piece: &[u8],
        message: &mut Vec<u8>,
        inflation: &mut Option<Box<Inflation>>,
        limits: Limits,
        shared: &mut Shared,
    ) -> Result<(), Error> {
        if piece.is_empty() {
            return Ok(());
        }
        if message.capacity() == 0 {
            *message = shared.take_buffer();
        }
        let (is_text, utf8) = (self.is_text, &mut self.utf8);
        let mut check = |piece: &[u8]| if is_text { utf8.check(piece) } else { Ok(()) };
        if !self.is_compressed {
            check(piece)?;
            grow(message, piece.len(), limits.bytes_max);
            message.extend_from_slice(piece);
            return Ok(());
        }
        let inflation = inflation.as_mut().ok_or(Error::ReservedBits)?;
        inflation
            .context(shared)
            .inflate(piece, message, limits.bytes_max, check)
    }

    /// Ends the message behind its last frame.
    pub(super) fn finish(
        &mut self,
        message: &mut Vec<u8>,
        inflation: &mut Option<Box<Inflation>>,
        limits: Limits,
        shared: &mut Shared,
    ) -> Result<(), Error> {
        if self.is_compressed {
            let (is_text, utf8) = (self.is_text, &mut self.utf8);
            let check = |piece: &[u8]| if is_text { utf8.check(piece) } else { Ok(()) };
            let inflation = inflation.as_mut().ok_or(Error::ReservedBits)?;
            // Nothing at all is no block, but all agree what it must mean.
            if self.wire_bytes > 0 {
                inflation
                    .context(shared)
                    .finish(message, limits.bytes_max, check)?;
            }
            inflation.end_message(shared);
        }
        if !self.utf8.is_whole() {
            return Err(Error::InvalidUtf8);
        }
        Ok(())
    }
}
