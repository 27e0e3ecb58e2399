//! Values of cookies: what a cookie cannot carry is percent-encoded (RFC 6265 §4.1.1).
//!
//! Always true here:
//! - Any text is encoded, and is decoded to what it was.
//!
//! Not here: lines of cookies and their attributes (`server`). Names are never decoded: `%5F_Host-`
//! is no `__Host-`.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

/// Everything in ASCII but `cookie-octet`, and `%`, which begins an escape.
const NOT_IN_VALUE: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'%')
    .add(b',')
    .add(b';')
    .add(b'\\');

/// Writes a text so that it can be a cookie's value. Borrows where nothing has to be encoded.
///
/// ```
/// use ringlane_protocol::cookie;
///
/// assert_eq!(cookie::encode("dark"), "dark");
/// assert_eq!(cookie::encode("a; b"), "a%3B%20b");
/// assert_eq!(cookie::encode("é, 100%"), "%C3%A9%2C%20100%25");
/// ```
pub fn encode(text: &str) -> Cow<'_, str> {
    utf8_percent_encode(text, NOT_IN_VALUE).into()
}

/// Reads a text that [`encode`], or a browser's `encodeURIComponent`, has written.
///
/// Whoever wrote the cookie may know nothing of escapes: a `%` that begins none stays, and a value
/// whose escapes are no UTF-8 stays as it is.
///
/// ```
/// use ringlane_protocol::cookie;
///
/// assert_eq!(cookie::decode("a%3B%20b"), "a; b");
/// assert_eq!(cookie::decode("100%"), "100%");
/// assert_eq!(cookie::decode("%ff%41"), "%ff%41");
/// ```
pub fn decode(value: &str) -> Cow<'_, str> {
    let decoded = percent_decode_str(value).decode_utf8();
    decoded.unwrap_or(Cow::Borrowed(value))
}

/// Whether `value` may be a cookie's value as it stands: `cookie-octet`s, in quotes or not.
///
/// ```
/// use ringlane_protocol::cookie;
///
/// assert!(cookie::is_value("a%3Bb") && cookie::is_value("\"quoted\"") && cookie::is_value(""));
/// assert!(!cookie::is_value("a;b") && !cookie::is_value("\""));
/// ```
pub fn is_value(value: &str) -> bool {
    unquoted(value).bytes().all(is_cookie_octet)
}

/// A value without the quotes around it, if it has both (RFC 6265 §4.1.1).
///
/// ```
/// use ringlane_protocol::cookie;
///
/// assert_eq!([cookie::unquoted("\"1\""), cookie::unquoted("\"")], ["1", "\""]);
/// ```
pub fn unquoted(value: &str) -> &str {
    let inner = value
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    inner.unwrap_or(value)
}

/// RFC 6265 §4.1.1.
fn is_cookie_octet(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'"' | b',' | b';' | b'\\')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_byte_of_ascii_comes_back_and_only_what_must_be_is_encoded() {
        for letter in '\0'..='\u{7f}' {
            let text = letter.to_string();
            let encoded = encode(&text);
            assert!(is_value(&encoded), "{letter:?}");
            assert_eq!(decode(&encoded), text);
            let stays = is_value(&text) && letter != '%';
            assert_eq!(encoded == text, stays, "{letter:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_comes_back(text in any::<String>()) {
            let encoded = encode(&text);
            prop_assert!(is_value(&encoded) && !encoded.contains('"'));
            prop_assert_eq!(decode(&encoded), text.as_str());
        }
    }
}
