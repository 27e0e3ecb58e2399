//! Compresses and decompresses messages: one DEFLATE context each way (RFC 7692 §7.2).
//!
//! Always true here:
//! - Output is counted while it is made: a message beyond its limit is never made whole.
//! - Every loop makes output or uses input, so that no data loops for ever.
//! - A context that lost its history is still understood by any peer: what it makes refers to
//!   nothing older.
//!
//! Not here: what was agreed (`handshake/parameters.rs`), frames (`receiver.rs`, `sender.rs`).

use super::Error;
use super::buffer::grow;
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

/// What ends every flushed message and is left out on the wire (RFC 7692 §7.2.1).
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

/// The window of every inflater: it understands what was made with any smaller one, and the
/// backend allocates no less for those.
const INFLATE_WINDOW_BITS: u8 = 15;

/// Smallest window that raw DEFLATE can be made with, as a power of two.
pub(super) const DEFLATE_WINDOW_BITS_MIN: u8 = 9;
/// Largest window there is, and the one that is meant where nothing is said.
pub(super) const WINDOW_BITS_MAX: u8 = 15;

/// The receiving side of one direction.
#[derive(Debug)]
pub(super) struct Inflater {
    context: Decompress,
    /// A block marked as the last one ended, and nothing has come since.
    ended: bool,
}

impl Inflater {
    pub(super) fn new() -> Self {
        Self {
            context: Decompress::new_with_window_bits(false, INFLATE_WINDOW_BITS),
            ended: false,
        }
    }

    /// Forgets all history.
    pub(super) fn reset(&mut self) {
        self.context.reset(false);
        self.ended = false;
    }

    /// Appends what `input` says to `out`, and shows each piece to `check`.
    ///
    /// # Errors
    ///
    /// Data that is no DEFLATE, what `check` refuses, or more than `bytes_max` bytes in `out`:
    /// whichever stands first in the output.
    pub(super) fn inflate(
        &mut self,
        mut input: &[u8],
        out: &mut Vec<u8>,
        bytes_max: usize,
        mut check: impl FnMut(&[u8]) -> Result<(), Error>,
    ) -> Result<(), Error> {
        while !input.is_empty() {
            self.ended = false;
            let mut is_full = true;
            // More may come of no input: what did not fit before.
            while is_full && !self.ended {
                // One byte beyond the limit, where too much shows.
                grow(out, 1, bytes_max.saturating_add(1));
                let (from, used_before) = (out.len(), self.context.total_in());
                let status = self
                    .context
                    .decompress_vec(input, out, FlushDecompress::None);
                check(&out[from..out.len().min(bytes_max)])?;
                if out.len() > bytes_max {
                    return Err(Error::MessageTooLarge);
                }
                let used = self.context.total_in() - used_before;
                input = &input[used as usize..];
                is_full = out.len() == out.capacity();
                self.ended = match status {
                    Ok(Status::StreamEnd) => true,
                    Ok(Status::Ok | Status::BufError) => false,
                    Err(_) => return Err(Error::InvalidDeflate),
                };
            }
            if self.ended {
                // RFC 7692 §7.2.3.4: a block may be marked as the last one, and others follow it.
                self.context.reset(false);
            } else if !input.is_empty() {
                return Err(Error::InvalidDeflate); // neither room nor input stopped it
            }
        }
        Ok(())
    }

    /// Ends a message: puts back what was left out on the wire (RFC 7692 §7.2.2).
    pub(super) fn finish(
        &mut self,
        out: &mut Vec<u8>,
        bytes_max: usize,
        check: impl FnMut(&[u8]) -> Result<(), Error>,
    ) -> Result<(), Error> {
        if self.ended {
            return Ok(()); // at a block's end already
        }
        self.inflate(&TAIL, out, bytes_max, check)
    }
}

/// The sending side of one direction.
#[derive(Debug)]
pub(super) struct Deflater {
    context: Compress,
    window_bits: u8,
    level: u8,
}

impl Deflater {
    /// A context with a window of 2^`window_bits` bytes, 9 to 15, and a level of 0 to 9.
    pub(super) fn new(window_bits: u8, level: u8) -> Self {
        let window_bits = window_bits.clamp(DEFLATE_WINDOW_BITS_MIN, WINDOW_BITS_MAX);
        let level = level.min(9);
        let compression = Compression::new(u32::from(level));
        Self {
            context: Compress::new_with_window_bits(compression, false, window_bits),
            window_bits,
            level,
        }
    }

    pub(super) const fn is_of(&self, window_bits: u8, level: u8) -> bool {
        self.window_bits == window_bits && self.level == level
    }

    /// Forgets all history.
    pub(super) fn reset(&mut self) {
        self.context.reset();
    }

    /// Appends `message`, compressed and without its tail, to `out`. False if the backend failed:
    /// then `out` is as it was, and the context without history.
    pub(super) fn deflate(&mut self, mut message: &[u8], out: &mut Vec<u8>) -> bool {
        let start = out.len();
        loop {
            // The guess is what text comes down to; the rest is for the flush's own bytes.
            grow(out, message.len() / 2 + 64, usize::MAX);
            let used_before = self.context.total_in();
            let status = self.context.compress_vec(message, out, FlushCompress::Sync);
            message = &message[(self.context.total_in() - used_before) as usize..];
            let has_room = out.len() < out.capacity();
            if status.is_err() || (has_room && !message.is_empty()) {
                break;
            }
            if has_room && out[start..].ends_with(&TAIL) {
                out.truncate(out.len() - TAIL.len());
                return true;
            }
            if has_room {
                break;
            }
        }
        out.truncate(start);
        self.reset();
        false
    }
}
