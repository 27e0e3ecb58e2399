//! What the connections of one thread share: spare buffers, and contexts without history.
//!
//! An idle connection holds none of these: a message takes what it needs when it begins and gives
//! it back when it is done. So the memory is that of messages in progress, not of connections.
//!
//! Always true here: what is kept is bounded in number and in bytes.
//!
//! Not here: contexts that one connection keeps for itself (`receiver.rs`, `sender.rs`).

use super::deflate::{DEFLATE_WINDOW_BITS_MIN, Deflater, Inflater, WINDOW_BITS_MAX};

/// Spare buffers that are kept.
const BUFFERS_MAX: usize = 16;
/// Largest spare buffer that is kept, in bytes.
const BUFFER_BYTES_MAX: usize = 64 * 1024;
/// Spare inflaters that are kept: about 40 KiB each.
const INFLATERS_MAX: usize = 8;

/// How many sizes of windows there are to compress with.
const WINDOWS: usize = (WINDOW_BITS_MAX - DEFLATE_WINDOW_BITS_MIN) as usize + 1;

/// One thread's spare memory for WebSocket messages. Make one per thread and hand it to every call
/// that asks for it.
///
/// ```
/// let mut shared = ringlane_protocol::websocket::Shared::new();
/// # let _ = &mut shared;
/// ```
#[derive(Debug, Default)]
pub struct Shared {
    buffers: Vec<Vec<u8>>,
    #[expect(
        clippy::vec_box,
        reason = "they move between here and connections as they are"
    )]
    inflaters: Vec<Box<Inflater>>,
    deflaters: [Option<Deflater>; WINDOWS],
    /// A message while it is compressed.
    compressed: Vec<u8>,
}

impl Shared {
    /// No spare memory yet: it gathers as messages end.
    pub fn new() -> Self {
        Self::default()
    }

    pub(super) fn take_buffer(&mut self) -> Vec<u8> {
        self.buffers.pop().unwrap_or_default()
    }

    /// Takes a buffer back, empties it, and leaves `buffer` without memory.
    pub(super) fn return_buffer(&mut self, buffer: &mut Vec<u8>) {
        let mut buffer = std::mem::take(buffer);
        let is_worth_it = (1..=BUFFER_BYTES_MAX).contains(&buffer.capacity());
        if is_worth_it && self.buffers.len() < BUFFERS_MAX {
            buffer.clear();
            self.buffers.push(buffer);
        }
    }

    pub(super) fn take_inflater(&mut self) -> Box<Inflater> {
        self.inflaters
            .pop()
            .unwrap_or_else(|| Box::new(Inflater::new()))
    }

    pub(super) fn return_inflater(&mut self, mut inflater: Box<Inflater>) {
        if self.inflaters.len() < INFLATERS_MAX {
            inflater.reset();
            self.inflaters.push(inflater);
        }
    }

    /// The message, compressed without any history; `None` if the backend failed.
    pub(super) fn deflate(&mut self, message: &[u8], window_bits: u8, level: u8) -> Option<&[u8]> {
        let index = window_bits.saturating_sub(DEFLATE_WINDOW_BITS_MIN);
        let kept = self.deflaters.get_mut(usize::from(index))?;
        let deflater = match kept {
            Some(deflater) if deflater.is_of(window_bits, level) => deflater,
            _ => kept.insert(Deflater::new(window_bits, level)),
        };
        deflater.reset();
        Self::deflate_with(deflater, message, &mut self.compressed)
    }

    /// The message, compressed with a connection's own context; `None` if the backend failed.
    pub(super) fn deflate_dedicated(
        &mut self,
        deflater: &mut Deflater,
        message: &[u8],
    ) -> Option<&[u8]> {
        Self::deflate_with(deflater, message, &mut self.compressed)
    }

    fn deflate_with<'c>(
        deflater: &mut Deflater,
        message: &[u8],
        compressed: &'c mut Vec<u8>,
    ) -> Option<&'c [u8]> {
        if compressed.capacity() > BUFFER_BYTES_MAX {
            *compressed = Vec::new();
        }
        compressed.clear();
        deflater.deflate(message, compressed).then_some(compressed)
    }
}
