//! Tables of the bytes that each grammar rule allows (RFC 9110 §5.6, RFC 3986 §2).

/// A set of bytes, as a table.
pub(crate) type ByteSet = [bool; 256];

/// Builds a set from a predicate that is written out for each byte.
macro_rules! byte_set {
    ($byte:ident => $belongs:expr) => {{
        let mut set = [false; 256];
        let mut index = 0;
        while index < 256 {
            let $byte = index as u8;
            set[index] = $belongs;
            index += 1;
        }
        set
    }};
}

/// RFC 9110 §5.6.2: `tchar`, the bytes of methods, header names and list members.
pub(crate) static TOKEN: ByteSet = byte_set!(byte => is_token(byte));

/// RFC 9110 §5.5: `field-vchar`, SP and HTAB. Obsolete text (0x80 to 0xFF) is let through as
/// opaque bytes.
pub(crate) static FIELD_VALUE: ByteSet = byte_set!(byte => is_field_byte(byte));

/// Visible ASCII but `#`: no request target holds a fragment (RFC 9112 §3.2).
pub(crate) static TARGET: ByteSet = byte_set!(byte => is_target(byte));

/// What of these may stand before a target's query.
pub(crate) static TARGET_WITHOUT_QUERY: ByteSet =
    byte_set!(byte => is_target(byte) && byte != b'?');

/// RFC 3986 §3.2.2: `reg-name` without its escapes: unreserved and sub-delims.
pub(crate) static REG_NAME: ByteSet = byte_set!(byte => is_reg_name(byte));

const fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+')
        || matches!(byte, b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~')
}

const fn is_field_byte(byte: u8) -> bool {
    byte == b'\t' || (byte >= b' ' && byte != 0x7f)
}

const fn is_target(byte: u8) -> bool {
    byte.is_ascii_graphic() && byte != b'#'
}

const fn is_reg_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'-' | b'.' | b'_' | b'~')
        || matches!(byte, b'!' | b'$' | b'&' | b'\'' | b'(' | b')')
        || matches!(byte, b'*' | b'+' | b',' | b';' | b'=')
}

/// Whether `text` may be the value of a header field: no control bytes but HTAB (RFC 9110 §5.5).
///
/// ```
/// assert!(ringlane_protocol::is_field_value(b"text/plain"));
/// assert!(!ringlane_protocol::is_field_value(b"text/plain\r\nSet-Cookie: a"));
/// ```
pub fn is_field_value(text: &[u8]) -> bool {
    // Without early exit, so that it is vectorised.
    text.iter()
        .fold(true, |valid, &byte| valid & is_field_byte(byte))
}

/// Whether every byte of `text` is in `set`.
pub(crate) fn all_in(text: &[u8], set: &ByteSet) -> bool {
    text.iter().all(|&byte| set[usize::from(byte)])
}

/// How many bytes at the start of `text` are in `set`.
#[inline]
pub(crate) fn run_in(text: &[u8], set: &ByteSet) -> usize {
    text.iter()
        .position(|&byte| !set[usize::from(byte)])
        .unwrap_or(text.len())
}

/// RFC 9110 §5.6.2: `1*tchar`.
pub(crate) fn is_token_text(text: &[u8]) -> bool {
    !text.is_empty() && all_in(text, &TOKEN)
}

/// The members of a comma-separated list, without the white space around them (RFC 9110 §5.6.1),
/// and without the empty ones that a recipient ignores.
pub(crate) fn list_members(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    list_members_with_empty(value).filter(|member| !member.is_empty())
}

/// As [`list_members`], but empty members are handed out: at least one.
pub(crate) fn list_members_with_empty(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|byte| *byte == b',').map(trim)
}

/// Without optional white space at either end: SP and HTAB (RFC 9110 §5.6.3).
pub(crate) const fn trim(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = text {
        text = rest;
    }
    text
}
