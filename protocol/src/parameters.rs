//! Parses parameters of a header's value: `; name=value; name="quoted, too"` (RFC 9110 §5.6.6).
//!
//! Always true here:
//! - A list is looked through once as a whole, and only a sound one is asked for its members.
//! - No name comes twice: two readers might take different ones.
//!
//! Not here: which parameters mean what (`media_type.rs`, `multipart/head.rs`).

use std::borrow::Cow;

use crate::bytes::is_token_text;

/// Parameters that one value may have. Nobody sends more than three.
pub(crate) const PARAMETERS_MAX: usize = 16;

/// A sound list of parameters, empty or beginning with `;`.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Parameters<'a> {
    text: &'a str,
    quoting: Quoting,
}

/// What a backslash means between quotes.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Quoting {
    /// It takes the meaning from a quote or a backslash that follows (RFC 9110 §5.6.4).
    #[default]
    Escapes,
    /// As browsers write names in forms (WHATWG HTML, "multipart/form-data encoding algorithm"):
    /// nothing. But a quote behind one does not end a value that goes on: other clients escape
    /// quotes so, and browsers send none.
    OfForms,
}

impl<'a> Parameters<'a> {
    /// `None` if the list breaks the grammar, names one parameter twice, or is too long.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        Self::parse_quoted(text, Quoting::Escapes)
    }

    /// As [`parse`](Self::parse), where backslashes mean something else.
    pub(crate) fn parse_quoted(text: &'a str, quoting: Quoting) -> Option<Self> {
        let mut names = [""; PARAMETERS_MAX];
        let list = Self { text, quoting };
        for (count, parameter) in list.cut().enumerate() {
            let (name, _) = parameter?;
            let known = names.get(..count)?;
            if known.iter().any(|known| known.eq_ignore_ascii_case(name)) {
                return None;
            }
            *names.get_mut(count)? = name;
        }
        Some(list)
    }

    /// The value of a parameter, in any case of `name`, without its quotes.
    pub(crate) fn get(self, name: &str) -> Option<Cow<'a, str>> {
        let (_, value) = self
            .members()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        Some(value.text())
    }

    pub(crate) fn members(self) -> impl Iterator<Item = (&'a str, Value<'a>)> {
        self.cut().flatten()
    }

    fn cut(self) -> Members<'a> {
        Members {
            rest: self.text,
            quoting: self.quoting,
        }
    }
}

/// A value as it was sent.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Value<'a> {
    Token(&'a str),
    /// What stands between the quotes.
    Quoted(&'a str),
    /// The same in a form.
    QuotedInForm(&'a str),
}

impl<'a> Value<'a> {
    /// The value that is meant. A backslash stands for itself unless a quote or another backslash
    /// follows: that is how browsers have always sent the names of files.
    pub(crate) fn text(self) -> Cow<'a, str> {
        match self {
            Self::Quoted(text) if text.contains('\\') => {
                let mut meant = String::with_capacity(text.len());
                let mut letters = text.chars().peekable();
                while let Some(letter) = letters.next() {
                    let escaped =
                        letters.next_if(|next| letter == '\\' && matches!(next, '"' | '\\'));
                    meant.push(escaped.unwrap_or(letter));
                }
                Cow::Owned(meant)
            }
            Self::QuotedInForm(text) if text.contains('"') => {
                Cow::Owned(text.replace("\\\"", "\""))
            }
            Self::Token(text) | Self::Quoted(text) | Self::QuotedInForm(text) => {
                Cow::Borrowed(text)
            }
        }
    }
}

/// Cuts a list into names and values; `None` where it breaks the grammar, and then no more.
struct Members<'a> {
    rest: &'a str,
    quoting: Quoting,
}

impl<'a> Iterator for Members<'a> {
    type Item = Option<(&'a str, Value<'a>)>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let rest = trim_start(self.rest);
            if rest.is_empty() {
                return None;
            }
            self.rest = "";
            let Some(rest) = rest.strip_prefix(';') else {
                return Some(None);
            };
            let rest = trim_start(rest);
            if rest.is_empty() || rest.starts_with(';') {
                self.rest = rest; // RFC 9110 §5.6.6: a parameter may be missing
                continue;
            }
            let Some((name, value, rest)) = cut(rest, self.quoting) else {
                return Some(None);
            };
            self.rest = rest;
            return Some(Some((name, value)));
        }
    }
}

/// Takes one parameter off the front.
fn cut(text: &str, quoting: Quoting) -> Option<(&str, Value<'_>, &str)> {
    let (name, rest) = text.split_once('=')?;
    if !is_token_text(name.as_bytes()) {
        return None;
    }
    if let Some(quoted) = rest.strip_prefix('"') {
        let (end, value): (_, fn(_) -> _) = match quoting {
            Quoting::Escapes => (closing_quote(quoted)?, Value::Quoted),
            Quoting::OfForms => (closing_quote_in_form(quoted)?, Value::QuotedInForm),
        };
        return Some((name, value(&quoted[..end]), &quoted[end + 1..]));
    }
    let end = rest.find([';', ' ', '\t']).unwrap_or(rest.len());
    let (value, rest) = rest.split_at(end);
    is_token_text(value.as_bytes()).then_some((name, Value::Token(value), rest))
}

/// Where a quoted string ends that began just before. A backslash takes the meaning from what
/// follows it only if that is a quote or a backslash.
fn closing_quote(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = 0;
    loop {
        match bytes.get(at)? {
            b'"' => return Some(at),
            b'\\' if matches!(bytes.get(at + 1), Some(b'"' | b'\\')) => at += 2,
            _ => at += 1,
        }
    }
}

/// Where a quoted string of a form ends: at the first quote that has no backslash before it, or
/// behind which the value cannot go on.
fn closing_quote_in_form(text: &str) -> Option<usize> {
    let ends = |at: &usize| {
        let behind = trim_start(&text[at + 1..]);
        let may_go_on = text[..*at].ends_with('\\') && text[at + 1..].contains('"');
        !may_go_on || behind.starts_with(';')
    };
    let mut quotes = memchr::memchr_iter(b'"', text.as_bytes());
    quotes.find(ends)
}

fn trim_start(text: &str) -> &str {
    text.trim_start_matches([' ', '\t'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<&[(&str, &str)]>) {
        let parameters = Parameters::parse(text);
        let members = parameters.map(|parameters| {
            let members = parameters.members();
            members
                .map(|(name, value)| (name.to_owned(), value.text().into_owned()))
                .collect::<Vec<_>>()
        });
        let expected = expected.map(|rows| {
            let owned = |&(name, value): &(&str, &str)| (name.to_owned(), value.to_owned());
            rows.iter().map(owned).collect()
        });
        assert_eq!(members, expected, "{text}");
    }

    #[test]
    fn tokens_and_quoted_strings() {
        check("", Some(&[]));
        check(" ; ;", Some(&[]));
        check("; a=b", Some(&[("a", "b")]));
        check(";a=b ;\tc=d;", Some(&[("a", "b"), ("c", "d")]));
        check(r#"; a="b; c""#, Some(&[("a", "b; c")]));
        check(r#"; a="""#, Some(&[("a", "")]));
        check(r#"; a="\"b\\""#, Some(&[("a", r#""b\"#)]));
        check(r#"; a="C:\new""#, Some(&[("a", r"C:\new")]));
        check("; a=\"\u{e9}\"", Some(&[("a", "\u{e9}")]));
    }

    #[test]
    fn what_breaks_the_grammar() {
        for text in [
            "a=b",
            "; a",
            "; a=",
            "; =b",
            "; a = b",
            "; a=\"b",
            "; a=\"b\\\"",
            "; a=b c=d",
            "; a=\"b\"c",
            "; a=b,c",
            "; a=\u{e9}",
            "; a=1; A=2",
            "; a b=c",
        ] {
            check(text, None);
        }
    }

    #[test]
    fn as_many_as_there_may_be_and_one_more() {
        let list = |count: usize| {
            (0..count)
                .map(|at| format!("; a{at}=b"))
                .collect::<String>()
        };
        assert!(Parameters::parse(&list(PARAMETERS_MAX)).is_some());
        assert!(Parameters::parse(&list(PARAMETERS_MAX + 1)).is_none());
    }
}
