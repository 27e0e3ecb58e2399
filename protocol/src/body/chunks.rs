//! Parses the framing of a chunked body, byte by byte: sizes, extensions, line ends, trailers.
//!
//! ```text
//! chunked-body = *chunk last-chunk trailer-section CRLF                        (RFC 9112 §7.1)
//! chunk        = chunk-size [ chunk-ext ] CRLF chunk-data CRLF
//! chunk-ext    = *( BWS ";" BWS token [ BWS "=" BWS ( token / quoted-string ) ] )      (§7.1.1)
//! ```
//!
//! Always true here:
//! - Extensions and trailers are checked, bounded and dropped: nobody above reads them.
//! - Lines end with CRLF and nothing else. A LF that one reader takes for a line end and another
//!   for data is how chunked bodies smuggle requests.
//!
//! Not here: bodies of a known length (`body.rs`), writing chunks (`chunked.rs`).

use super::{BodyError, BodyPart, BodyStep, take_data};
use crate::bytes::{FIELD_VALUE, TOKEN};

/// Longest line before a chunk's data, size and extensions together, in bytes without CRLF.
pub const CHUNK_LINE_BYTES_MAX: usize = 1024;

/// Extensions of all chunks of one body together, in bytes: else tiny chunks with long extensions
/// would cost much and carry nothing. Digits of a size beyond its sixteenth, the first of which are
/// zeros, count as well.
pub const CHUNK_EXTENSION_BYTES_MAX: usize = 16 * 1024;

/// Trailer section of one body, in bytes, line ends included, without the empty line.
pub const TRAILER_BYTES_MAX: usize = 8 * 1024;

/// Digits of the largest size.
const SIZE_DIGITS_MAX: u16 = 2 * size_of::<u64>() as u16;

/// Where in the framing the next byte stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chunks {
    /// The size read so far, then the bytes left of the chunk's data.
    remaining: u64,
    /// Extension bytes so far, of all chunks.
    extension_bytes: u16,
    /// Bytes of the current chunk line, or of the trailer section.
    line_bytes: u16,
    place: Place,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Place {
    /// Before the size's first digit.
    SizeStart,
    Size,
    /// After white space behind the size: only an extension may follow.
    SizeSpace,
    /// After `;`.
    ExtensionStart,
    ExtensionName,
    ExtensionNameSpace,
    /// After `=`.
    ExtensionValueStart,
    ExtensionToken,
    ExtensionQuoted,
    /// After a backslash within quotes.
    ExtensionEscape,
    /// After a closing quote.
    ExtensionQuotedEnd,
    /// After white space behind a value: only another extension may follow.
    ExtensionValueSpace,
    /// After a chunk line's CR.
    SizeCr,
    /// Within a chunk's data, or behind it if `remaining` is 0.
    Data,
    DataCr,
    /// At the start of a trailer line, or of the empty line.
    TrailerStart,
    TrailerName,
    TrailerValue,
    TrailerCr,
    /// After the empty line's CR.
    EndCr,
    Finished,
}

impl Chunks {
    pub(super) const START: Self = Self {
        remaining: 0,
        extension_bytes: 0,
        line_bytes: 0,
        place: Place::SizeStart,
    };

    pub(super) const fn is_finished(&self) -> bool {
        matches!(self.place, Place::Finished)
    }

    /// What is left of the chunk whose size was read, once its line has ended.
    pub(super) const fn announced(&self) -> u64 {
        match self.place {
            Place::Data => self.remaining,
            _ => 0,
        }
    }

    /// Passes over framing until there is data, the body's end, or the input's.
    pub(super) fn decode<'b>(&mut self, input: &'b [u8]) -> Result<BodyStep<'b>, BodyError> {
        let mut at = 0;
        loop {
            if self.place == Place::Data && self.remaining > 0 {
                return Ok(take_data(&mut self.remaining, input, at));
            }
            if self.place == Place::Finished {
                return Ok(BodyStep {
                    consumed: at,
                    part: BodyPart::End,
                });
            }
            let Some(&byte) = input.get(at) else {
                return Ok(BodyStep {
                    consumed: at,
                    part: BodyPart::NeedMore,
                });
            };
            at += 1;
            self.place = self.step(byte)?;
        }
    }

    /// Judges one byte of framing, and tells the place of the next.
    fn step(&mut self, byte: u8) -> Result<Place, BodyError> {
        match self.place {
            Place::SizeStart | Place::Size | Place::SizeSpace => self.step_size(byte),
            Place::ExtensionStart
            | Place::ExtensionName
            | Place::ExtensionNameSpace
            | Place::ExtensionValueStart
            | Place::ExtensionToken
            | Place::ExtensionQuoted
            | Place::ExtensionEscape
            | Place::ExtensionQuotedEnd
            | Place::ExtensionValueSpace => self.step_extension(byte),
            Place::SizeCr => {
                expect_line_feed(byte)?;
                self.line_bytes = 0;
                Ok(match self.remaining {
                    0 => Place::TrailerStart, // RFC 9112 §7.1: last-chunk
                    _ => Place::Data,
                })
            }
            Place::Data => match byte {
                b'\r' => Ok(Place::DataCr),
                b'\n' => Err(BodyError::BareLineFeed),
                _ => Err(BodyError::MissingChunkEnd), // RFC 9112 §7.1
            },
            Place::DataCr => {
                expect_line_feed(byte)?;
                Ok(Place::SizeStart)
            }
            Place::TrailerStart | Place::TrailerName | Place::TrailerValue | Place::TrailerCr => {
                self.step_trailer(byte)
            }
            Place::EndCr => {
                expect_line_feed(byte)?;
                Ok(Place::Finished)
            }
            Place::Finished => Ok(Place::Finished),
        }
    }

    /// RFC 9112 §7.1: `chunk-size = 1*HEXDIG`, which rules out signs, `0x` and spaces.
    fn step_size(&mut self, byte: u8) -> Result<Place, BodyError> {
        let place = match (self.place, byte) {
            (_, b'\n') => return Err(BodyError::BareLineFeed),
            (Place::SizeStart | Place::Size, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
                let digit = char::from(byte).to_digit(16).unwrap_or_default();
                self.remaining = self
                    .remaining
                    .checked_mul(16)
                    .ok_or(BodyError::ChunkSizeOverflow)?
                    + u64::from(digit);
                Place::Size
            }
            (Place::Size, b'\r') => return Ok(Place::SizeCr),
            (Place::Size | Place::SizeSpace, b';') => Place::ExtensionStart,
            (Place::Size | Place::SizeSpace, b' ' | b'\t') => Place::SizeSpace,
            _ => return Err(BodyError::InvalidChunkSize),
        };
        self.count_line_byte()?;
        if place != Place::Size || self.line_bytes > SIZE_DIGITS_MAX {
            self.count_extension_byte()?;
        }
        Ok(place)
    }

    /// RFC 9112 §7.1.1. The white space it calls bad is accepted where the grammar has it.
    fn step_extension(&mut self, byte: u8) -> Result<Place, BodyError> {
        let token = TOKEN[usize::from(byte)];
        let place = match (self.place, byte) {
            (_, b'\n') => return Err(BodyError::BareLineFeed),
            (Place::ExtensionName | Place::ExtensionToken | Place::ExtensionQuotedEnd, b'\r') => {
                return Ok(Place::SizeCr);
            }
            (Place::ExtensionStart, b' ' | b'\t') => Place::ExtensionStart,
            (Place::ExtensionStart | Place::ExtensionName, _) if token => Place::ExtensionName,
            (Place::ExtensionName | Place::ExtensionNameSpace, b' ' | b'\t') => {
                Place::ExtensionNameSpace
            }
            (Place::ExtensionName | Place::ExtensionNameSpace, b'=') => Place::ExtensionValueStart,
            (Place::ExtensionName | Place::ExtensionNameSpace, b';') => Place::ExtensionStart,
            (Place::ExtensionValueStart, b' ' | b'\t') => Place::ExtensionValueStart,
            (Place::ExtensionValueStart, b'"') => Place::ExtensionQuoted,
            (Place::ExtensionValueStart | Place::ExtensionToken, _) if token => {
                Place::ExtensionToken
            }
            (Place::ExtensionQuoted, b'"') => Place::ExtensionQuotedEnd,
            (Place::ExtensionQuoted, b'\\') => Place::ExtensionEscape, // RFC 9110 §5.6.4
            (Place::ExtensionQuoted | Place::ExtensionEscape, _)
                if FIELD_VALUE[usize::from(byte)] =>
            {
                Place::ExtensionQuoted
            }
            (
                Place::ExtensionToken | Place::ExtensionQuotedEnd | Place::ExtensionValueSpace,
                b' ' | b'\t',
            ) => Place::ExtensionValueSpace,
            (
                Place::ExtensionToken | Place::ExtensionQuotedEnd | Place::ExtensionValueSpace,
                b';',
            ) => Place::ExtensionStart,
            _ => return Err(BodyError::InvalidExtension),
        };
        self.count_line_byte()?;
        self.count_extension_byte()?;
        Ok(place)
    }

    /// RFC 9112 §7.1.2: header lines, which are dropped (RFC 9110 §6.5.1 allows it).
    fn step_trailer(&mut self, byte: u8) -> Result<Place, BodyError> {
        let place = match (self.place, byte) {
            (Place::TrailerCr, b'\n') => Place::TrailerStart,
            (Place::TrailerCr, _) => return Err(BodyError::BareCarriageReturn),
            (_, b'\n') => return Err(BodyError::BareLineFeed),
            (Place::TrailerStart, b'\r') => return Ok(Place::EndCr),
            (Place::TrailerStart | Place::TrailerName, _) if TOKEN[usize::from(byte)] => {
                Place::TrailerName
            }
            (Place::TrailerName, b':') => Place::TrailerValue,
            (Place::TrailerValue, b'\r') => Place::TrailerCr,
            (Place::TrailerValue, _) if FIELD_VALUE[usize::from(byte)] => Place::TrailerValue,
            _ => return Err(BodyError::InvalidTrailer),
        };
        if usize::from(self.line_bytes) == TRAILER_BYTES_MAX {
            return Err(BodyError::TrailersTooLarge);
        }
        self.line_bytes += 1;
        Ok(place)
    }

    fn count_line_byte(&mut self) -> Result<(), BodyError> {
        if usize::from(self.line_bytes) == CHUNK_LINE_BYTES_MAX {
            return Err(BodyError::ChunkLineTooLong);
        }
        self.line_bytes += 1;
        Ok(())
    }

    fn count_extension_byte(&mut self) -> Result<(), BodyError> {
        if usize::from(self.extension_bytes) == CHUNK_EXTENSION_BYTES_MAX {
            return Err(BodyError::ExtensionsTooLarge);
        }
        self.extension_bytes += 1;
        Ok(())
    }
}

const fn expect_line_feed(byte: u8) -> Result<(), BodyError> {
    match byte {
        b'\n' => Ok(()),
        _ => Err(BodyError::BareCarriageReturn), // RFC 9112 §2.2
    }
}

const _: () = assert!(CHUNK_LINE_BYTES_MAX <= u16::MAX as usize);
const _: () = assert!(CHUNK_EXTENSION_BYTES_MAX <= u16::MAX as usize);
const _: () = assert!(TRAILER_BYTES_MAX <= u16::MAX as usize);
