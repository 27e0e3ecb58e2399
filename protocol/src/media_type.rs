//! Parses media types and their charset (RFC 9110 §8.3.1).
//!
//! Not here: which of several a client would rather have (`accept.rs`).

use std::borrow::Cow;
use std::fmt;

use crate::bytes::is_token_text;
use crate::parameters::{Parameters, Value};

/// A media type with its parameters, as `Content-Type` names it: `text/html; charset=utf-8`.
///
/// ```
/// use ringlane_protocol::MediaType;
///
/// let declared = MediaType::parse("Application/Vnd.api+JSON; Charset=\"UTF-8\"").unwrap();
/// assert!(declared.is("application/vnd.api+json") && declared.is_json());
/// assert_eq!(declared.parameter("charset").as_deref(), Some("UTF-8"));
/// assert_eq!(MediaType::parse("json"), None);
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct MediaType<'a> {
    essence: &'a str,
    parameters: Parameters<'a>,
}

impl<'a> MediaType<'a> {
    /// `None` if `value` breaks the grammar: type and subtype are tokens, no parameter comes twice,
    /// and there are at most 16 of them.
    pub fn parse(value: &'a str) -> Option<Self> {
        let end = value.find([';', ' ', '\t']).unwrap_or(value.len());
        let (essence, parameters) = value.split_at(end);
        let (kind, subtype) = essence.split_once('/')?;
        let is_sound = is_token_text(kind.as_bytes()) && is_token_text(subtype.as_bytes());
        is_sound.then_some(())?;
        Some(Self {
            essence,
            parameters: Parameters::parse(parameters)?,
        })
    }

    /// Type and subtype, in the case they were sent: `text/html`.
    pub fn essence(&self) -> &'a str {
        self.essence
    }

    /// Whether it is `essence`, in any case, whatever its parameters.
    pub fn is(&self, essence: &str) -> bool {
        self.essence.eq_ignore_ascii_case(essence)
    }

    /// Whether it is `application/json`, or built on it, as `application/problem+json`
    /// (RFC 6839 §3.1).
    pub fn is_json(&self) -> bool {
        let is_application = self.has_prefix("application/");
        self.is("application/json") || (is_application && self.has_suffix("+json"))
    }

    /// The value of a parameter, in any case of `name`, without its quotes.
    pub fn parameter(&self, name: &str) -> Option<Cow<'a, str>> {
        self.parameters.get(name)
    }

    /// Whether text of this type is UTF-8 as far as it says: `charset` is that, or the US-ASCII
    /// within it, or is not there.
    pub fn is_utf8(&self) -> bool {
        self.parameter("charset").is_none_or(|charset| {
            let names = ["utf-8", "utf8", "us-ascii", "ascii"];
            names.iter().any(|name| charset.eq_ignore_ascii_case(name))
        })
    }

    pub(crate) fn parameters(&self) -> Parameters<'a> {
        self.parameters
    }

    fn has_prefix(&self, prefix: &str) -> bool {
        let start = self.essence.get(..prefix.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(prefix))
    }

    fn has_suffix(&self, suffix: &str) -> bool {
        let start = self.essence.len().checked_sub(suffix.len());
        let end = start.and_then(|start| self.essence.get(start..));
        end.is_some_and(|end| end.eq_ignore_ascii_case(suffix))
    }
}

/// As `Content-Type` has it, with one space before each parameter.
impl fmt::Display for MediaType<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.essence)?;
        for (name, value) in self.parameters.members() {
            match value {
                Value::Token(text) => write!(f, "; {name}={text}")?,
                Value::Quoted(text) | Value::QuotedInForm(text) => {
                    write!(f, "; {name}=\"{text}\"")?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_a_media_type() {
        for (value, expected) in [
            ("text/html", Some("text/html")),
            ("text/html ;charset=utf-8", Some("text/html")),
            ("TEXT/Html;charset=utf-8;", Some("TEXT/Html")),
            ("", None),
            ("text", None),
            ("/html", None),
            ("text/", None),
            ("text/html/x", None),
            ("text/html, text/plain", None),
            ("text/html; charset", None),
            ("text/html charset=utf-8", None),
            ("text/html; charset=utf-8; charset=utf-7", None),
        ] {
            let parsed = MediaType::parse(value);
            assert_eq!(parsed.map(|kind| kind.essence()), expected, "{value}");
        }
    }

    #[test]
    fn what_is_displayed_is_read_the_same() {
        for (value, expected) in [
            ("text/html", "text/html"),
            ("text/html ;charset=utf-8;", "text/html; charset=utf-8"),
            (r#"A/b;c="d;\"e";;F=g"#, r#"A/b; c="d;\"e"; F=g"#),
        ] {
            let kind = MediaType::parse(value).unwrap();
            assert_eq!(kind.to_string(), expected);
            assert_eq!(MediaType::parse(expected).unwrap().to_string(), expected);
        }
    }

    #[test]
    fn which_ones_are_json_and_which_are_utf8() {
        for (value, is_json, is_utf8) in [
            ("application/json", true, true),
            ("application/json;charset=UTF-8", true, true),
            ("APPLICATION/LD+JSON; charset=\"utf8\"", true, true),
            ("image/x+json", false, true),
            ("application/jsonp", false, true),
            ("json/application", false, true),
            ("text/plain; charset=us-ascii", false, true),
            ("text/plain; charset=iso-8859-1", false, false),
        ] {
            let kind = MediaType::parse(value).unwrap();
            assert_eq!(
                (kind.is_json(), kind.is_utf8()),
                (is_json, is_utf8),
                "{value}"
            );
        }
    }
}
