//! Encodes messages and control frames, up to the close frame.
//!
//! Always true here:
//! - Frames are appended whole: what is in the output can be sent as it is.
//! - Behind a close frame nothing but pongs is sent, and at most one close frame (RFC 6455 §5.5.1).
//! - Pongs cannot pile up: while the peer takes nothing, only the last ping is answered (§5.5.3).
//!
//! Not here: when to ping, and how long to wait for the peer's close frame (`server`).

use super::deflate::{Deflater, WINDOW_BITS_MAX};
use super::frame::CONTROL_BYTES_MAX;
use super::role::{MaskKeys, Settings};
use super::write::write_message;
use super::{CLOSE_REASON_BYTES_MAX, CloseCode, Opcode, Prepared, Shared};
use bytes::Bytes;
use std::fmt;

/// Pings are answered at once while the pongs that wait in the output are fewer bytes than this.
/// Beyond it only the latest is answered, later (RFC 6455 §5.5.3 allows it).
pub const PONG_BACKLOG_BYTES_MAX: usize = 16 * 1024;

/// Why something was not sent. Nothing was written then.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum SendError {
    /// A close frame was sent: no data may follow it (RFC 6455 §5.5.1).
    Closed,
    /// A ping or pong with more than 125 bytes, or a close reason with more than 123 (§5.5).
    TooLong,
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed => "the connection is closed",
            Self::TooLong => "too long for a control frame",
        })
    }
}

impl std::error::Error for SendError {}

/// The sending half of a connection.
///
/// See [the module](super) for how it is used, and [`pair`](super::pair) for how it is made.
#[derive(Debug)]
pub struct Sender {
    /// Apart: most sockets have the usual one.
    framing: Option<Box<Framing>>,
    /// Apart: most sockets have none.
    deflation: Option<Box<Deflation>>,
    /// At most so many bytes of the output are pongs: it may have been sent since.
    pong_bytes: u32,
    /// The latest ping that could not be answered at once.
    owed_pong: Option<Box<OwedPong>>,
    /// Whether a close frame was sent.
    closed: bool,
    /// Whether the peer needs no pongs any more: it has closed, or was failed.
    ended: bool,
}

/// How frames are written, unless it is a server's way: unmasked, and never cut.
#[derive(Debug)]
struct Framing {
    /// A client's masking keys.
    masks: Option<MaskKeys>,
    /// Longest payload of a data frame.
    frame_bytes_max: usize,
}

/// A payload that is still to be sent back.
#[derive(Debug)]
struct OwedPong {
    bytes: [u8; CONTROL_BYTES_MAX],
    len: u8,
}

/// How one side compresses what goes out.
#[derive(Debug)]
pub(super) struct Deflation {
    has_takeover: bool,
    window_bits: u8,
    level: u8,
    /// Shortest message to compress; at least 1.
    bytes_min: usize,
    /// Messages are compressed even if that makes them longer.
    takes_longer: bool,
    /// With history: made for the first message. Without takeover there is none.
    context: Option<Box<Deflater>>,
}

impl Deflation {
    pub(super) fn new(has_takeover: bool, window_bits: u8, settings: &Settings) -> Self {
        Self {
            has_takeover,
            window_bits,
            level: settings.compress_level,
            bytes_min: settings.compress_bytes_min.max(1),
            takes_longer: settings.compress_bytes_min == 0,
            context: None,
        }
    }

    /// The message as it travels compressed; `None` if it should travel as it is.
    fn deflate<'s>(&mut self, message: &[u8], shared: &'s mut Shared) -> Option<&'s [u8]> {
        if message.len() < self.bytes_min {
            return None;
        }
        if self.has_takeover {
            // Both ends have this message in their history from now on: it cannot be taken back.
            let context = self
                .context
                .get_or_insert_with(|| Box::new(Deflater::new(self.window_bits, self.level)));
            return shared.deflate_dedicated(context, message);
        }
        let takes_longer = self.takes_longer;
        shared
            .deflate(message, self.window_bits, self.level)
            .filter(|compressed| takes_longer || compressed.len() < message.len())
    }

    /// Whether the peer can follow a message of this length that was compressed with the largest
    /// window: it can if its own holds the whole message.
    const fn understands(&self, message_bytes: usize) -> bool {
        self.window_bits == WINDOW_BITS_MAX || message_bytes <= 1 << self.window_bits
    }
}

impl Default for OwedPong {
    fn default() -> Self {
        Self {
            bytes: [0; CONTROL_BYTES_MAX],
            len: 0,
        }
    }
}

impl OwedPong {
    fn payload(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }

    /// Takes over a payload, of which there are 125 bytes at most.
    fn set(&mut self, payload: &[u8]) {
        self.bytes[..payload.len()].copy_from_slice(payload);
        self.len = payload.len() as u8;
    }
}

impl Sender {
    pub(super) fn new(
        masks: Option<MaskKeys>,
        frame_bytes_max: usize,
        deflation: Option<Box<Deflation>>,
    ) -> Self {
        let is_usual = masks.is_none() && frame_bytes_max == usize::MAX;
        let framing = Framing {
            masks,
            frame_bytes_max,
        };
        Self {
            framing: (!is_usual).then(|| Box::new(framing)),
            deflation,
            pong_bytes: 0,
            owed_pong: None,
            closed: false,
            ended: false,
        }
    }

    /// Appends a text message.
    ///
    /// # Errors
    ///
    /// [`SendError::Closed`].
    pub fn text(
        &mut self,
        message: &str,
        output: &mut Vec<u8>,
        shared: &mut Shared,
    ) -> Result<(), SendError> {
        self.message(Opcode::Text, message.as_bytes(), output, shared)
    }

    /// Appends a binary message.
    ///
    /// # Errors
    ///
    /// [`SendError::Closed`].
    pub fn binary(
        &mut self,
        message: &[u8],
        output: &mut Vec<u8>,
        shared: &mut Shared,
    ) -> Result<(), SendError> {
        self.message(Opcode::Binary, message, output, shared)
    }

    /// Appends a ping of at most 125 bytes. The peer answers it with a pong of the same.
    ///
    /// # Errors
    ///
    /// [`SendError::Closed`], [`SendError::TooLong`].
    pub fn ping(&mut self, payload: &[u8], output: &mut Vec<u8>) -> Result<(), SendError> {
        self.control(Opcode::Ping, payload, output)
    }

    /// Appends a pong that nobody asked for, of at most 125 bytes: a sign of life
    /// (RFC 6455 §5.5.3). Pings are answered without it.
    ///
    /// # Errors
    ///
    /// [`SendError::Closed`], [`SendError::TooLong`].
    pub fn pong(&mut self, payload: &[u8], output: &mut Vec<u8>) -> Result<(), SendError> {
        self.control(Opcode::Pong, payload, output)
    }

    /// Appends a close frame. The reason has at most 123 bytes. From now on no message can be sent;
    /// the peer should answer with a close frame of its own.
    ///
    /// # Errors
    ///
    /// [`SendError::Closed`] if there was one already, [`SendError::TooLong`].
    pub fn close(
        &mut self,
        code: CloseCode,
        reason: &str,
        output: &mut Vec<u8>,
    ) -> Result<(), SendError> {
        if reason.len() > CLOSE_REASON_BYTES_MAX {
            return Err(SendError::TooLong);
        }
        if self.closed {
            return Err(SendError::Closed);
        }
        self.write_close(Some(code), reason, output);
        Ok(())
    }

    /// Whether a close frame was sent.
    pub const fn is_closed(&self) -> bool {
        self.closed
    }

    /// Whether a pong waits until there is less output: call [`settle`](Self::settle) when what is
    /// there was sent.
    pub const fn owes_pong(&self) -> bool {
        self.owed_pong.is_some()
    }

    /// Appends the pong that waits, if there is one and room for it.
    pub fn settle(&mut self, output: &mut Vec<u8>) {
        if self.owes_pong()
            && self.has_room_for_pong(output)
            && let Some(owed) = self.owed_pong.take()
        {
            self.write_pong(owed.payload(), output);
        }
    }

    /// The bytes of a message that was encoded once for many, as this peer must get it: append
    /// them to the output as they are. `None` for a client, whose frames cannot be shared.
    ///
    /// # Errors
    ///
    /// [`SendError::Closed`].
    pub fn prepared<'p>(&mut self, message: &'p Prepared) -> Result<Option<&'p Bytes>, SendError> {
        if self.closed {
            return Err(SendError::Closed);
        }
        if matches!(&self.framing, Some(framing) if framing.masks.is_some()) {
            return Ok(None);
        }
        if let Some(deflation) = &mut self.deflation
            && deflation.understands(message.payload_bytes())
            && let Some(compressed) = message.compressed()
        {
            // The peer's history moves on without ours, so ours begins anew.
            if let Some(context) = &mut deflation.context {
                context.reset();
            }
            return Ok(Some(compressed));
        }
        Ok(Some(message.plain()))
    }

    /// Answers a ping: at once, or when there is less output.
    pub(super) fn answer_ping(&mut self, payload: &[u8], output: &mut Vec<u8>) {
        if self.ended {
            return;
        }
        if self.has_room_for_pong(output) {
            // RFC 6455 §5.5.3: an answer to this ping answers those before it.
            self.owed_pong = None;
            self.write_pong(payload, output);
            return;
        }
        self.owed_pong.get_or_insert_default().set(payload);
    }

    fn has_room_for_pong(&mut self, output: &[u8]) -> bool {
        let output_bytes = u32::try_from(output.len()).unwrap_or(u32::MAX);
        self.pong_bytes = self.pong_bytes.min(output_bytes);
        self.pong_bytes < PONG_BACKLOG_BYTES_MAX as u32
    }

    fn write_pong(&mut self, payload: &[u8], output: &mut Vec<u8>) {
        let before = output.len();
        self.write_control(Opcode::Pong, payload, output);
        self.pong_bytes += (output.len() - before) as u32; // a control frame is short
    }

    /// Ends the connection from the receiving side: with a close frame, unless there was one.
    pub(super) fn close_with(
        &mut self,
        code: Option<CloseCode>,
        reason: &str,
        output: &mut Vec<u8>,
    ) {
        self.ended = true;
        self.owed_pong = None;
        if !self.closed {
            self.write_close(code, reason, output);
        }
    }

    fn write_close(&mut self, code: Option<CloseCode>, reason: &str, output: &mut Vec<u8>) {
        self.closed = true;
        let mut payload = [0; CONTROL_BYTES_MAX];
        let mut len = 0;
        if let Some(code) = code {
            len = 2 + reason.len();
            payload[..2].copy_from_slice(&code.get().to_be_bytes());
            payload[2..len].copy_from_slice(reason.as_bytes());
        }
        self.write_control(Opcode::Close, &payload[..len], output);
    }

    fn control(
        &mut self,
        opcode: Opcode,
        payload: &[u8],
        output: &mut Vec<u8>,
    ) -> Result<(), SendError> {
        if payload.len() > CONTROL_BYTES_MAX {
            return Err(SendError::TooLong);
        }
        if self.closed {
            return Err(SendError::Closed);
        }
        self.write_control(opcode, payload, output);
        Ok(())
    }

    fn message(
        &mut self,
        opcode: Opcode,
        message: &[u8],
        output: &mut Vec<u8>,
        shared: &mut Shared,
    ) -> Result<(), SendError> {
        if self.closed {
            return Err(SendError::Closed);
        }
        let deflation = self.deflation.as_mut();
        let compressed = deflation.and_then(|deflation| deflation.deflate(message, shared));
        let payload = compressed.unwrap_or(message);
        let (frame_bytes_max, keys) = match &mut self.framing {
            Some(framing) => (framing.frame_bytes_max, framing.masks.as_mut()),
            None => (usize::MAX, None),
        };
        let is_compressed = compressed.is_some();
        write_message(
            opcode,
            is_compressed,
            payload,
            frame_bytes_max,
            keys,
            output,
        );
        Ok(())
    }

    fn write_control(&mut self, opcode: Opcode, payload: &[u8], output: &mut Vec<u8>) {
        let framing = self.framing.as_mut();
        let keys = framing.and_then(|framing| framing.masks.as_mut());
        write_message(opcode, false, payload, CONTROL_BYTES_MAX, keys, output);
    }
}
