//! Percent-decodes paths (RFC 3986 §2.1); what cannot be decoded is an error.
//!
//! Decode a path only after it was cut at its slashes: `%2F` is data, not a separator.
//!
//! Not here: query strings, which encode spaces and errors differently ([`crate::query`]).

use http::StatusCode;
use std::borrow::Cow;
use std::fmt;

/// Why a path could not be decoded.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum PercentError {
    /// A `%` that two hexadecimal digits do not follow (RFC 3986 §2.1).
    MalformedEscape,
    /// `%00` to `%1F` or `%7F`: no name of anything holds a control byte; a NUL ends strings early
    /// elsewhere (RFC 3986 §7.3), a line end begins a line of somebody's log.
    Control,
    /// The decoded bytes are no UTF-8 (RFC 3986 §2.5).
    NotUtf8,
}

impl PercentError {
    /// The status to answer with: always 400.
    pub const fn status(self) -> StatusCode {
        StatusCode::BAD_REQUEST
    }
}

impl fmt::Display for PercentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MalformedEscape => "malformed percent-escape in the path",
            Self::Control => "escaped control byte in the path",
            Self::NotUtf8 => "the decoded path is not UTF-8",
        })
    }
}

impl std::error::Error for PercentError {}

/// Decodes every `%XX` of `path`. Borrows when there is none. `+` is an ordinary character.
///
/// # Errors
///
/// A malformed escape, an escaped control byte, or bytes that are no UTF-8.
///
/// ```
/// use ringlane_protocol::percent;
///
/// assert_eq!(percent::decode("caf%C3%A9")?, "café");
/// assert!(percent::decode("100%").is_err());
/// # Ok::<(), percent::PercentError>(())
/// ```
pub fn decode(path: &str) -> Result<Cow<'_, str>, PercentError> {
    let Some(first) = memchr::memchr(b'%', path.as_bytes()) else {
        return Ok(Cow::Borrowed(path));
    };
    for at in memchr::memchr_iter(b'%', &path.as_bytes()[first..]) {
        match path.as_bytes().get(first + at + 1..first + at + 3) {
            Some([b'0' | b'1', low]) if low.is_ascii_hexdigit() => {
                return Err(PercentError::Control);
            }
            Some([b'7', b'f' | b'F']) => return Err(PercentError::Control),
            Some([high, low]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {}
            Some(_) | None => return Err(PercentError::MalformedEscape),
        }
    }
    percent_encoding::percent_decode_str(path)
        .decode_utf8()
        .map_err(|_| PercentError::NotUtf8)
}
