//! Decodes request bodies: by length, by chunks, or none at all.
//!
//! Always true here:
//! - Data is handed out as it lies in the input; nothing is copied or allocated.
//! - Every byte is looked at once. A body's end never depends on bytes behind it.
//!
//! Not here: which framing a request has (`request/framing.rs`), limits on the body's size
//! (`server`), writing chunks (`chunked.rs`).

mod chunks;
mod error;

pub use chunks::{CHUNK_EXTENSION_BYTES_MAX, CHUNK_LINE_BYTES_MAX, TRAILER_BYTES_MAX};
pub use error::BodyError;

use crate::Framing;
use chunks::Chunks;

/// Decodes one request body.
///
/// ```
/// use ringlane_protocol::{BodyDecoder, BodyPart, Framing};
///
/// let mut decoder = BodyDecoder::new(Framing::Chunked);
/// let input = b"5\r\nhello\r\n0\r\n\r\nGET /next";
/// let step = decoder.decode(input)?;
/// assert_eq!((step.consumed, step.part), (8, BodyPart::Data(b"hello")));
/// let step = decoder.decode(&input[8..])?;
/// assert_eq!((step.consumed, step.part), (7, BodyPart::End));
/// # Ok::<(), ringlane_protocol::BodyError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct BodyDecoder {
    phase: Phase,
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    /// These many bytes are still to come. May be 0.
    Length(u64),
    Chunked(Chunks),
}

/// What one call of [`BodyDecoder::decode`] made of the bytes it was shown.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct BodyStep<'b> {
    /// These many bytes are done with, framing and data together: show the decoder only what lies
    /// behind them, unless the body has ended.
    pub consumed: usize,
    /// What they were.
    pub part: BodyPart<'b>,
}

/// A piece of a body.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum BodyPart<'b> {
    /// The next bytes of the body, at least one, as they lie in the input: the last of those that
    /// are consumed.
    Data(&'b [u8]),
    /// The input is used up, the body is not over.
    NeedMore,
    /// The body is over; the next request begins behind the consumed bytes.
    End,
}

impl BodyDecoder {
    /// A decoder at the start of a body.
    pub const fn new(framing: Framing) -> Self {
        let phase = match framing {
            Framing::None => Phase::Length(0),
            Framing::Length(length) => Phase::Length(length),
            Framing::Chunked => Phase::Chunked(Chunks::START),
        };
        Self { phase }
    }

    /// Takes the next piece off the front of `input`.
    ///
    /// After `Data` call again with what is left; after `NeedMore` when there is more; after `End`
    /// every call answers `End` and consumes nothing.
    ///
    /// # Errors
    ///
    /// Only chunked bodies can be malformed. After an error the decoder is of no use.
    pub fn decode<'b>(&mut self, input: &'b [u8]) -> Result<BodyStep<'b>, BodyError> {
        match &mut self.phase {
            Phase::Length(0) => Ok(BodyStep {
                consumed: 0,
                part: BodyPart::End,
            }),
            Phase::Length(remaining) => Ok(take_data(remaining, input, 0)),
            Phase::Chunked(chunks) => chunks.decode(input),
        }
    }

    /// Bytes of data that are known to come still: the rest of a body of known length, or of the
    /// chunk whose size was read last. What is announced can be judged before it comes.
    pub const fn announced(&self) -> u64 {
        match &self.phase {
            Phase::Length(remaining) => *remaining,
            Phase::Chunked(chunks) => chunks.announced(),
        }
    }

    /// Whether the whole body was decoded. True from the start where there is no body.
    pub const fn is_finished(&self) -> bool {
        match &self.phase {
            Phase::Length(remaining) => *remaining == 0,
            Phase::Chunked(chunks) => chunks.is_finished(),
        }
    }
}

/// Hands out what `input` has of the next `remaining` bytes, from `start` on.
fn take_data<'b>(remaining: &mut u64, input: &'b [u8], start: usize) -> BodyStep<'b> {
    let rest = &input[start..];
    let len = usize::try_from(*remaining).map_or(rest.len(), |len| len.min(rest.len()));
    *remaining -= len as u64;
    BodyStep {
        consumed: start + len,
        part: if len > 0 {
            BodyPart::Data(&rest[..len])
        } else {
            BodyPart::NeedMore
        },
    }
}

const _: () = assert!(size_of::<BodyDecoder>() <= 24);
