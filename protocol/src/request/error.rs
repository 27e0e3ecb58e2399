//! Errors of request heads, and the status of each.

use http::StatusCode;
use std::fmt;

/// Why bytes were not an acceptable request. Each of these ends the connection after the answer.
///
/// ```
/// use ringlane_protocol::{ParseError, StatusCode};
///
/// assert_eq!(ParseError::TargetTooLong.status(), StatusCode::URI_TOO_LONG);
/// assert_eq!(ParseError::BareLineFeed.to_string(), "line feed without a carriage return");
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum ParseError {
    /// A CR that no LF follows (RFC 9112 §2.2).
    BareCarriageReturn,
    /// A LF that no CR precedes. RFC 9112 §2.2 lets a server accept it; we do not.
    BareLineFeed,
    /// Both `Content-Length` and `Transfer-Encoding` (RFC 9112 §6.1).
    BothFramings,
    /// `chunked` is there, but another coding was applied after it (RFC 9112 §6.3 (4)).
    ChunkedNotFinal,
    /// Two `Content-Length` values that differ (RFC 9110 §8.6).
    DifferingLengths,
    /// More than `head_bytes_max` bytes before the head's end (RFC 6585 §5).
    HeadTooLarge,
    /// A `Content-Length` that is no decimal number below 2^64 (RFC 9110 §8.6).
    InvalidContentLength,
    /// A header name that is empty, holds a byte that is no `tchar`, or lacks its colon
    /// (RFC 9112 §5).
    InvalidHeaderName,
    /// A control byte in a header value (RFC 9110 §5.5).
    InvalidHeaderValue,
    /// A `Host` that is no `uri-host [":" port]`, or is empty (RFC 9112 §3.2).
    InvalidHost,
    /// A method that is empty or holds a byte that is no `tchar` (RFC 9110 §9.1).
    InvalidMethod,
    /// A request target that is malformed, or whose form the method does not allow
    /// (RFC 9112 §3.2).
    InvalidTarget,
    /// A `Transfer-Encoding` that is no list of codings (RFC 9112 §6.1).
    InvalidTransferEncoding,
    /// The request line does not end in `HTTP/` digit `.` digit (RFC 9112 §2.3).
    InvalidVersion,
    /// A method longer than [`METHOD_BYTES_MAX`](crate::METHOD_BYTES_MAX) (RFC 9112 §3).
    MethodTooLong,
    /// HTTP/1.1 without `Host` (RFC 9112 §3.2).
    MissingHost,
    /// A header line that continues the one before it (RFC 9112 §5.2).
    ObsoleteLineFolding,
    /// `chunked` more than once (RFC 9112 §6.1).
    RepeatedChunked,
    /// More than one `Host` (RFC 9112 §3.2).
    RepeatedHost,
    /// The target is longer than `target_bytes_max` (RFC 9112 §3).
    TargetTooLong,
    /// More than [`LEADING_EMPTY_LINES_MAX`](crate::LEADING_EMPTY_LINES_MAX) empty lines before the
    /// request line (RFC 9112 §2.2).
    TooManyEmptyLines,
    /// More than `headers_max` header lines (RFC 6585 §5).
    TooManyHeaders,
    /// `Transfer-Encoding` in an HTTP/1.0 request (RFC 9112 §6.1).
    TransferEncodingInHttp10,
    /// An expectation other than `100-continue` (RFC 9110 §10.1.1).
    UnknownExpectation,
    /// A transfer coding other than `chunked` (RFC 9112 §6.1).
    UnknownTransferCoding,
    /// A well-formed version that is neither 1.0 nor 1.1 (RFC 9110 §15.6.6).
    UnsupportedVersion,
    /// White space between a header's name and its colon (RFC 9112 §5.1).
    WhitespaceBeforeColon,
}

impl ParseError {
    /// The status to answer with before closing.
    pub const fn status(self) -> StatusCode {
        match self {
            Self::BareCarriageReturn
            | Self::BareLineFeed
            | Self::BothFramings
            | Self::ChunkedNotFinal
            | Self::DifferingLengths
            | Self::InvalidContentLength
            | Self::InvalidHeaderName
            | Self::InvalidHeaderValue
            | Self::InvalidHost
            | Self::InvalidMethod
            | Self::InvalidTarget
            | Self::InvalidTransferEncoding
            | Self::InvalidVersion
            | Self::MissingHost
            | Self::ObsoleteLineFolding
            | Self::RepeatedChunked
            | Self::RepeatedHost
            | Self::TooManyEmptyLines
            | Self::TransferEncodingInHttp10
            | Self::WhitespaceBeforeColon => StatusCode::BAD_REQUEST,
            Self::HeadTooLarge | Self::TooManyHeaders => {
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE
            }
            Self::TargetTooLong => StatusCode::URI_TOO_LONG,
            Self::MethodTooLong | Self::UnknownTransferCoding => StatusCode::NOT_IMPLEMENTED,
            Self::UnknownExpectation => StatusCode::EXPECTATION_FAILED,
            Self::UnsupportedVersion => StatusCode::HTTP_VERSION_NOT_SUPPORTED,
        }
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BareCarriageReturn => "carriage return without a line feed",
            Self::BareLineFeed => "line feed without a carriage return",
            Self::BothFramings => "both content-length and transfer-encoding",
            Self::ChunkedNotFinal => "chunked is not the final transfer coding",
            Self::DifferingLengths => "differing content-length values",
            Self::HeadTooLarge => "request head too large",
            Self::InvalidContentLength => "invalid content-length",
            Self::InvalidHeaderName => "invalid header name",
            Self::InvalidHeaderValue => "invalid header value",
            Self::InvalidHost => "invalid host",
            Self::InvalidMethod => "invalid method",
            Self::InvalidTarget => "invalid request target",
            Self::InvalidTransferEncoding => "invalid transfer-encoding",
            Self::InvalidVersion => "invalid http version",
            Self::MethodTooLong => "method too long",
            Self::MissingHost => "missing host",
            Self::ObsoleteLineFolding => "folded header line",
            Self::RepeatedChunked => "chunked applied more than once",
            Self::RepeatedHost => "more than one host",
            Self::TargetTooLong => "request target too long",
            Self::TooManyEmptyLines => "too many empty lines before the request",
            Self::TooManyHeaders => "too many headers",
            Self::TransferEncodingInHttp10 => "transfer-encoding in an http/1.0 request",
            Self::UnknownExpectation => "unknown expectation",
            Self::UnknownTransferCoding => "unknown transfer coding",
            Self::UnsupportedVersion => "unsupported http version",
            Self::WhitespaceBeforeColon => "white space before a header's colon",
        })
    }
}

impl std::error::Error for ParseError {}
