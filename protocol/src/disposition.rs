//! Builds `Content-Disposition` and `Location`, escaped so that no value can end its header.
//!
//! Not here: reading `Content-Disposition` of a form's parts (`multipart/head.rs`).

use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, percent_encode, utf8_percent_encode};

/// RFC 8187 §3.2.1: all but `attr-char`.
const EXTENDED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');

/// What no URI reference holds (RFC 3986 §2), and the backslash, which browsers take for a slash.
const NOT_IN_URI: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'<')
    .add(b'>')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// The value of `Content-Disposition` that has a client save the body under a name (RFC 6266 §4).
///
/// Any name may be given. Of one with slashes the last part counts; letters beyond ASCII are sent
/// to those who know RFC 8187, and as `_` to all others.
///
/// ```
/// use ringlane_protocol::attachment;
///
/// assert_eq!(attachment("a.txt"), "attachment; filename=\"a.txt\"");
/// assert_eq!(
///     attachment("über \"uns\".txt"),
///     "attachment; filename=\"_ber _uns_.txt\"; filename*=UTF-8''%C3%BCber%20%22uns%22.txt"
/// );
/// ```
pub fn attachment(name: &str) -> String {
    let name = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let is_plain = |letter: char| {
        // A client may take `%` for an escape, and a quote for the end.
        (letter.is_ascii_graphic() || letter == ' ') && !matches!(letter, '"' | '%')
    };
    let plain = |letter: char| if is_plain(letter) { letter } else { '_' };
    let mut value = String::from("attachment; filename=\"");
    value.extend(name.chars().map(plain));
    value.push('"');
    if !name.chars().all(is_plain) {
        value.push_str("; filename*=UTF-8''");
        value.extend(utf8_percent_encode(name, EXTENDED));
    }
    value
}

/// A place to send a client to, as `Location` holds it: what no URI may hold is escaped. `None` if
/// it holds a control character, which nobody means (RFC 9110 §10.2.2).
///
/// ```
/// use ringlane_protocol::location;
///
/// assert_eq!(location("/a b?c=%20é#d").as_deref(), Some("/a%20b?c=%20%C3%A9#d"));
/// assert_eq!(location("/\\example.org").as_deref(), Some("/%5Cexample.org"));
/// assert_eq!(location("/\r\nSet-Cookie: a"), None);
/// ```
pub fn location(target: &str) -> Option<String> {
    let is_clean = !target.bytes().any(|byte| byte.is_ascii_control());
    is_clean.then(|| percent_encode(target.as_bytes(), NOT_IN_URI).to_string())
}
