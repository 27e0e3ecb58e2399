//! Names in a form as they were meant: escapes of browsers, and extended names.
//!
//! Always true here:
//! - No name becomes longer than it was sent.
//!
//! Not here: where a value ends (`parameters.rs`).

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// What browsers escape in names (WHATWG HTML, "multipart/form-data encoding algorithm"), exactly
/// as they write it. A `%` itself they do not escape, so that everything else stands for itself.
const ESCAPES: [(&str, &str); 3] = [("%22", "\""), ("%0D", "\r"), ("%0A", "\n")];

/// A name without its escapes.
pub(super) fn unescaped(name: Cow<'_, str>) -> String {
    let mut name = name.into_owned();
    for (escape, meant) in ESCAPES {
        if name.contains(escape) {
            name = name.replace(escape, meant);
        }
    }
    name
}

/// An extended value (RFC 8187 §3.2.1): a charset, a language, and escaped bytes. One that cannot
/// be read stays as it was sent.
pub(super) fn extended(value: Cow<'_, str>) -> String {
    decode(&value).unwrap_or_else(|| value.into_owned())
}

fn decode(value: &str) -> Option<String> {
    let (charset, rest) = value.split_once('\'')?;
    let (_, text) = rest.split_once('\'')?;
    let bytes = percent_decode_str(text);
    if charset.eq_ignore_ascii_case("utf-8") {
        return Some(bytes.decode_utf8().ok()?.into_owned());
    }
    let is_latin = charset.eq_ignore_ascii_case("iso-8859-1");
    is_latin.then(|| bytes.map(char::from).collect())
}
