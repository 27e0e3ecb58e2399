//! Numbers as header values, without an allocation.

use std::fmt;
use std::io::{Cursor, Write};

/// Room for two numbers of 64 bits and what stands between them.
const BYTES: usize = 64;

/// Hands `text` on as bytes. What does not fit is cut off.
pub(super) fn with_text<T>(text: fmt::Arguments<'_>, then: impl FnOnce(&[u8]) -> T) -> T {
    let mut bytes = [0; BYTES];
    let mut cursor = Cursor::new(&mut bytes[..]);
    let written = cursor.write_fmt(text);
    debug_assert!(written.is_ok(), "a header's numbers have room");
    let len = usize::try_from(cursor.position()).unwrap_or(0);
    then(bytes.get(..len).unwrap_or_default())
}
