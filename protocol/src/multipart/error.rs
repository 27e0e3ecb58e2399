//! Errors of multipart forms, and the status of each.

use http::StatusCode;
use std::fmt;

/// Why a body was not an acceptable form.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum MultipartError {
    /// A field, which names no file, is longer than it may be.
    FieldTooLarge,
    /// A file is longer than it may be.
    FileTooLarge,
    /// The headers of a part are longer than they may be.
    HeadTooLarge,
    /// The media type has no boundary, or one that RFC 2046 §5.1.1 does not allow.
    InvalidBoundary,
    /// Something else than the line's end follows a boundary (RFC 2046 §5.1.1).
    InvalidDelimiter,
    /// A part's `Content-Disposition` is missing, twice there, or not `form-data` with a name
    /// (RFC 7578 §4.2).
    InvalidDisposition,
    /// The headers of a part break the grammar, or are not UTF-8.
    InvalidHead,
    /// There are more parts than there may be.
    TooManyParts,
    /// The body ended before the form did.
    Truncated,
    /// A part is encoded for mail; nobody does that on the web (RFC 7578 §4.7).
    UnknownEncoding,
    /// The body is declared as something else.
    WrongMediaType,
}

impl MultipartError {
    /// The status to answer with.
    pub const fn status(self) -> StatusCode {
        match self {
            Self::FieldTooLarge | Self::FileTooLarge | Self::TooManyParts => {
                StatusCode::PAYLOAD_TOO_LARGE
            }
            Self::HeadTooLarge
            | Self::InvalidBoundary
            | Self::InvalidDelimiter
            | Self::InvalidDisposition
            | Self::InvalidHead
            | Self::Truncated => StatusCode::BAD_REQUEST,
            Self::UnknownEncoding | Self::WrongMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        }
    }
}

impl fmt::Display for MultipartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::FieldTooLarge => "the field is too large",
            Self::FileTooLarge => "the file is too large",
            Self::HeadTooLarge => "the headers of a form's part are too large",
            Self::InvalidBoundary => "the form has no valid boundary",
            Self::InvalidDelimiter => "a boundary of the form does not end its line",
            Self::InvalidDisposition => "a part of the form has no valid name",
            Self::InvalidHead => "the headers of a form's part are malformed",
            Self::TooManyParts => "the form has too many parts",
            Self::Truncated => "the form was cut off",
            Self::UnknownEncoding => "a part of the form is encoded",
            Self::WrongMediaType => {
                "the body must be declared as `Content-Type: multipart/form-data`"
            }
        })
    }
}

impl std::error::Error for MultipartError {}
