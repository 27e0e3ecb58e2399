//! Parses query strings into pairs, decoded as HTML forms encode them.
//!
//! The syntax is the WHATWG URL standard's `application/x-www-form-urlencoded`: `+` is a space,
//! malformed escapes stay as they are, bytes that are no UTF-8 become U+FFFD. It cannot fail, so
//! that a stray `%` in a search box is no error. Paths are stricter: see [`crate::percent`].

use std::borrow::Cow;

/// The pairs of a query string, in order, repeated names included.
///
/// ```
/// let pairs: Vec<_> = ringlane_protocol::query::pairs("a=1&b=two+words&c").collect();
/// assert_eq!(pairs[1], ("b".into(), "two words".into()));
/// assert_eq!(pairs[2], ("c".into(), "".into()));
/// ```
pub fn pairs(query: &str) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    form_urlencoded::parse(query.as_bytes())
}
