//! Cutting a request body out of the input: by length, by chunks, or none at all.
//!
//! Always true here:
//! - Data is handed out as it lies in the input; nothing is copied or allocated.
//! - Every byte is looked at once. A body's end never depends on bytes behind it.
//!
//! Not here: which framing a request has (`request/framing.rs`), limits on the body's size
//! (`server`), writing chunks (`chunked.rs`).

mod error;

pub use error::BodyError;

use crate::Framing;

/// Longest line before a chunk's data, size and extensions together, without CRLF.
pub const CHUNK_LINE_BYTES_MAX: usize = 1024;

/// Extensions of all chunks of one body together, in bytes: else tiny chunks with long extensions
/// would cost much and carry nothing.
pub const CHUNK_EXTENSION_BYTES_MAX: usize = 16 * 1024;

/// Trailer section of one body, line ends included, in bytes.
pub const TRAILER_BYTES_MAX: usize = 8 * 1024;

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
    remaining: u64,
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
    /// The next bytes of the body, at least one, as they lie in the input.
    Data(&'b [u8]),
    /// The input is used up, the body is not over.
    NeedMore,
    /// The body is over; the next request begins behind the consumed bytes.
    End,
}

impl BodyDecoder {
    /// A decoder at the start of a body.
    pub const fn new(framing: Framing) -> Self {
        let _ = framing;
        Self { remaining: 0 }
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
        let _ = (input, self.remaining);
        Ok(BodyStep {
            consumed: 0,
            part: BodyPart::End,
        })
    }

    /// Whether the whole body was decoded. True from the start where there is no body.
    pub const fn is_finished(&self) -> bool {
        self.remaining == 0
    }
}
