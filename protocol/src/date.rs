//! Formats and parses HTTP dates: IMF-fixdate, always 29 bytes (RFC 9110 §5.6.7).
//!
//! Time enters as an argument; nothing here reads a clock. The calendar is `httpdate`'s.

use std::io::Write;
use std::time::{Duration, UNIX_EPOCH};

/// Length of every IMF-fixdate, in bytes.
pub const DATE_BYTES: usize = 29;

/// The last second that fits the format: Fri, 31 Dec 9999 23:59:59 GMT.
const UNIX_SECONDS_MAX: u64 = 253_402_300_799;

/// Writes a point in time, in seconds since 1970, as `Sun, 06 Nov 1994 08:49:37 GMT`.
///
/// Times after the year 9999, which the format cannot express, are written as its last second.
///
/// ```
/// assert_eq!(&ringlane_protocol::write_date(784_111_777), b"Sun, 06 Nov 1994 08:49:37 GMT");
/// ```
pub fn write_date(unix_seconds: u64) -> [u8; DATE_BYTES] {
    let since_epoch = Duration::from_secs(unix_seconds.min(UNIX_SECONDS_MAX));
    let mut date = [b' '; DATE_BYTES];
    let written = write!(
        &mut date[..],
        "{}",
        httpdate::HttpDate::from(UNIX_EPOCH + since_epoch)
    );
    debug_assert!(written.is_ok(), "an IMF-fixdate is 29 bytes long");
    date
}
