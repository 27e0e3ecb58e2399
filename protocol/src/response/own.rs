//! The header fields that the server adds to every answer: `Date` and `Server`.
//!
//! Always true here:
//! - The date is that of the second that was last told.
//!
//! Not here: which answers have them (`response.rs`).

use crate::bytes::is_field_value;
use crate::date::{DATE_BYTES, write_date};

/// What nearly all answers begin with: the status line of a 200. It stands before the fields, so
/// that such an answer takes one copy.
const OK_LINE: &[u8] = b"HTTP/1.1 200 OK\r\n";
const DATE_NAME: &[u8] = b"Date: ";
const DATE_FROM: usize = OK_LINE.len() + DATE_NAME.len();
const DATE_LINE_END: usize = DATE_FROM + DATE_BYTES + b"\r\n".len();

/// `Date` (RFC 9110 §6.6.1) and `Server` (§10.2.4) as an answer's lines, composed once a second.
///
/// ```
/// use ringlane_protocol::ServerFields;
///
/// let mut fields = ServerFields::new(Some("ringlane"));
/// fields.set_time(784_111_777);
/// assert_eq!(fields.date(), b"Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n");
/// assert_eq!(fields.server(), b"Server: ringlane\r\n");
/// ```
#[derive(Clone, Debug)]
pub struct ServerFields {
    lines: Vec<u8>,
    unix_seconds: u64,
}

impl ServerFields {
    /// At the beginning of 1970. `server` is left out if it is `None` or no field value.
    pub fn new(server: Option<&str>) -> Self {
        let mut lines = [OK_LINE, DATE_NAME, &write_date(0), b"\r\n"].concat();
        if let Some(name) = server.filter(|name| is_field_value(name.as_bytes())) {
            lines.extend_from_slice(b"Server: ");
            lines.extend_from_slice(name.as_bytes());
            lines.extend_from_slice(b"\r\n");
        }
        Self {
            lines,
            unix_seconds: 0,
        }
    }

    /// Tells the time, in seconds since 1970 (UTC). Costs a comparison while the second lasts.
    #[inline]
    pub fn set_time(&mut self, unix_seconds: u64) {
        if self.unix_seconds != unix_seconds {
            self.unix_seconds = unix_seconds;
            self.lines[DATE_FROM..][..DATE_BYTES].copy_from_slice(&write_date(unix_seconds));
        }
    }

    /// The line of `Date`.
    pub fn date(&self) -> &[u8] {
        &self.lines[OK_LINE.len()..DATE_LINE_END]
    }

    /// The line of `Server`; empty if it is left out.
    pub fn server(&self) -> &[u8] {
        &self.lines[DATE_LINE_END..]
    }

    /// The status line of a 200, and all fields.
    pub(super) fn with_ok_line(&self) -> &[u8] {
        &self.lines
    }
}
