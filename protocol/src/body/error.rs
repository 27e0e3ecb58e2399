//! Errors of request bodies, and the status of each.

use http::StatusCode;
use std::fmt;

/// Why bytes were not an acceptable chunked body. Each of these ends the connection: where the
/// next request would begin is unknown.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum BodyError {
    /// A CR that no LF follows, where a line should end (RFC 9112 §7.1).
    BareCarriageReturn,
    /// A LF that no CR precedes, in a chunk's line or a trailer (RFC 9112 §7.1).
    BareLineFeed,
    /// A chunk's line is longer than [`CHUNK_LINE_BYTES_MAX`](crate::CHUNK_LINE_BYTES_MAX).
    ChunkLineTooLong,
    /// A chunk size of 2^64 or more (RFC 9112 §7.1).
    ChunkSizeOverflow,
    /// All extensions of a body together, or zeros before its sizes, are longer than
    /// [`CHUNK_EXTENSION_BYTES_MAX`](crate::CHUNK_EXTENSION_BYTES_MAX) (RFC 9112 §7.1.1).
    ExtensionsTooLarge,
    /// A chunk extension that breaks the grammar of RFC 9112 §7.1.1.
    InvalidExtension,
    /// A chunk size that is no hexadecimal number (RFC 9112 §7.1).
    InvalidChunkSize,
    /// A trailer line that is no header line (RFC 9112 §7.1.2).
    InvalidTrailer,
    /// A chunk's data is longer than its size said (RFC 9112 §7.1).
    MissingChunkEnd,
    /// The trailer section is longer than [`TRAILER_BYTES_MAX`](crate::TRAILER_BYTES_MAX).
    TrailersTooLarge,
}

impl BodyError {
    /// The status to answer with before closing, if the head of an answer is not sent yet.
    pub const fn status(self) -> StatusCode {
        match self {
            Self::BareCarriageReturn
            | Self::BareLineFeed
            | Self::ChunkLineTooLong
            | Self::ChunkSizeOverflow
            | Self::ExtensionsTooLarge
            | Self::InvalidChunkSize
            | Self::InvalidExtension
            | Self::InvalidTrailer
            | Self::MissingChunkEnd => StatusCode::BAD_REQUEST,
            Self::TrailersTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        }
    }
}

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BareCarriageReturn => "carriage return without a line feed in chunk framing",
            Self::BareLineFeed => "line feed without a carriage return in chunk framing",
            Self::ChunkLineTooLong => "chunk line too long",
            Self::ChunkSizeOverflow => "chunk size too large",
            Self::ExtensionsTooLarge => "chunk extensions too large",
            Self::InvalidChunkSize => "invalid chunk size",
            Self::InvalidExtension => "invalid chunk extension",
            Self::InvalidTrailer => "invalid trailer",
            Self::MissingChunkEnd => "chunk data longer than its size",
            Self::TrailersTooLarge => "trailers too large",
        })
    }
}

impl std::error::Error for BodyError {}
