//! Resources shared by the sockets of one thread: spare buffers, and contexts without history.
//!
//! An idle connection holds none of these: a message takes what it needs when it begins and gives
//! it back when it is done. So the memory is that of messages in progress, not of connections.
//!
//! Always true here: what is kept is bounded in number and in bytes.
//!
//! Not here: contexts that one connection keeps for itself (`receiver.rs`, `sender.rs`).

use super::deflate::{DEFLATE_WINDOW_BITS_MIN, Deflater, Inflater, WINDOW_BITS_MAX};
use super::progress::Progress;

/// Spare buffers that are kept.
const BUFFERS_MAX: usize = 16;
/// Largest spare buffer that is kept, in bytes.
const BUFFER_BYTES_MAX: usize = 64 * 1024;
/// Spare records of what has begun that are kept.
const PROGRESS_MAX: usize = 64;
/// Spare inflaters that are kept: about 40 KiB each.
const INFLATERS_MAX: usize = 8;

/// Messages without history of at most so many bytes are compressed at level 1, which writes no
/// code tables of its own: those take longer to make than such a message is worth.
const QUICK_BYTES_MAX: usize = 256;
const QUICK_LEVEL: u8 = 1;

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
    progress: Vec<Box<Progress>>,
    #[expect(clippy::vec_box, reason = "as above")]
    inflaters: Vec<Box<Inflater>>,
    deflaters: [Option<Deflater>; WINDOWS],
    /// The same, at the level of small messages.
    quick: [Option<Deflater>; WINDOWS],
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

    pub(super) fn keep_progress(&mut self, progress: Progress) -> Box<Progress> {
        match self.progress.pop() {
            Some(mut kept) => {
                *kept = progress;
                kept
            }
            None => Box::new(progress),
        }
    }

    pub(super) fn return_progress(&mut self, mut progress: Box<Progress>) {
        progress.reset(self);
        if self.progress.len() < PROGRESS_MAX {
            self.progress.push(progress);
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
        let (deflaters, level) = match level > QUICK_LEVEL && message.len() <= QUICK_BYTES_MAX {
            true => (&mut self.quick, QUICK_LEVEL),
            false => (&mut self.deflaters, level),
        };
        let kept = deflaters.get_mut(usize::from(index))?;
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

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: usize) -> Vec<u8> {
        let numbers = (0..).flat_map(|number: u32| format!("{{\"id\":{number}}},").into_bytes());
        numbers.take(bytes).collect()
    }

    #[test]
    fn small_messages_are_compressed_quickly_and_others_as_asked() {
        let mut shared = Shared::new();
        for level in [2, 6, 9] {
            for (bytes, expected) in [(QUICK_BYTES_MAX, QUICK_LEVEL), (QUICK_BYTES_MAX + 1, level)]
            {
                let message = text(bytes);
                let mut as_expected = Vec::new();
                assert!(Deflater::new(15, expected).deflate(&message, &mut as_expected));
                let compressed = shared.deflate(&message, 15, level).map(<[u8]>::to_vec);
                assert_eq!(
                    compressed,
                    Some(as_expected),
                    "{bytes} bytes, level {level}"
                );
            }
        }
    }

    #[test]
    fn no_compression_stays_none_for_small_messages_too() {
        let mut shared = Shared::new();
        let message = text(QUICK_BYTES_MAX);
        let stored = shared.deflate(&message, 15, 0).map(<[u8]>::len);
        assert!(
            stored.is_some_and(|stored| stored > message.len()),
            "{stored:?}"
        );
    }

    #[test]
    fn contexts_for_small_and_for_large_messages_are_both_kept() {
        let mut shared = Shared::new();
        for _ in 0..2 {
            for bytes in [QUICK_BYTES_MAX, QUICK_BYTES_MAX + 1] {
                assert!(shared.deflate(&text(bytes), 15, 6).is_some());
            }
        }
        let [small, large] = [&shared.quick, &shared.deflaters]
            .map(|kept| kept[WINDOWS - 1].as_ref().map(|one| one.is_of(15, 1)));
        assert_eq!([small, large], [Some(true), Some(false)]);
    }
}
