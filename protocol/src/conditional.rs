//! Evaluates conditional requests: `If-Match`, `If-None-Match` and the dates (RFC 9110 §8.8, §13).
//!
//! Always true here:
//! - Conditions are looked at in the order of RFC 9110 §13.2.2.
//! - A date or a tag that breaks the grammar is as if it were not there, except in `If-Match`,
//!   where it names nothing that we have.
//!
//! Not here: when a state of something was made (`server`), ranges (`range.rs`).

use std::time::UNIX_EPOCH;

use http::Method;

use crate::RequestHead;
use crate::bytes::trim;

/// What tells one state of a resource from another.
///
/// ```
/// use ringlane_protocol::Validators;
///
/// let validators = Validators { etag: Some("\"v7\""), modified: Some(784_111_777) };
/// assert!(validators.is_valid());
/// assert!(!Validators { etag: Some("v7"), modified: None }.is_valid());
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Validators<'a> {
    /// An entity tag with its quotes: `"v7"`, or `W/"v7"` if states that differ only in what does
    /// not matter share it (RFC 9110 §8.8.3).
    pub etag: Option<&'a str>,
    /// When it was last changed, in seconds since 1970.
    pub modified: Option<u64>,
}

/// What is to become of a conditional request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Precondition {
    /// It is to be answered as if it were unconditional.
    Proceed,
    /// The client has this state already: 304.
    NotModified,
    /// The client means another state: 412.
    Failed,
}

impl Validators<'_> {
    /// Whether the tag, if there is one, is an entity tag.
    pub fn is_valid(&self) -> bool {
        let is_tag = |tag: &str| Tag::take(tag.as_bytes()).is_some_and(|(_, rest)| rest.is_empty());
        self.etag.is_none_or(is_tag)
    }

    /// What becomes of a request for what has these validators.
    pub fn check(&self, head: &RequestHead) -> Precondition {
        let is_read = matches!(*head.method(), Method::GET | Method::HEAD);
        if head.header("If-Match").is_some() {
            if !self.matches_any(head, "If-Match", Comparison::Strong) {
                return Precondition::Failed;
            }
        } else if self.is_after(head, "If-Unmodified-Since") == Some(true) {
            return Precondition::Failed;
        }
        if head.header("If-None-Match").is_some() {
            if self.matches_any(head, "If-None-Match", Comparison::Weak) {
                return match is_read {
                    true => Precondition::NotModified,
                    false => Precondition::Failed,
                };
            }
        } else if is_read && self.is_after(head, "If-Modified-Since") == Some(false) {
            return Precondition::NotModified;
        }
        Precondition::Proceed
    }

    /// Whether a part of this state fits the parts that the client has: `If-Range` names it, or is
    /// not there (RFC 9110 §13.1.5).
    pub fn hold_for_range(&self, head: &RequestHead) -> bool {
        let Some(value) = head.header("If-Range") else {
            return true;
        };
        match (Tag::take(value), self.tag()) {
            (Some((theirs, b"")), Some(own)) => own.is(theirs, Comparison::Strong),
            (Some(_), _) => false,
            (None, _) => date(value).is_some_and(|date| self.modified == Some(date)),
        }
    }

    fn tag(&self) -> Option<Tag<'_>> {
        let (tag, _) = Tag::take(self.etag?.as_bytes())?;
        Some(tag)
    }

    /// Whether a list of tags, on any number of lines, holds ours, or is `*`.
    fn matches_any(&self, head: &RequestHead, name: &str, comparison: Comparison) -> bool {
        head.header_all(name).any(|mut list| {
            if list == b"*" {
                return true;
            }
            let Some(own) = self.tag() else { return false };
            loop {
                list = list.trim_ascii_start();
                match list.split_first() {
                    Some((b',', rest)) => list = rest,
                    Some(_) => match Tag::take(list) {
                        Some((tag, _)) if own.is(tag, comparison) => return true,
                        Some((_, rest)) => list = rest,
                        None => return false,
                    },
                    None => return false,
                }
            }
        })
    }

    /// Whether it was changed after the date of a header, if both are known.
    fn is_after(&self, head: &RequestHead, name: &str) -> Option<bool> {
        let date = date(head.header(name)?)?;
        Some(self.modified? > date)
    }
}

/// RFC 9110 §8.8.3.2.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Comparison {
    Strong,
    Weak,
}

#[derive(Clone, Copy)]
struct Tag<'a> {
    is_weak: bool,
    /// With its quotes.
    text: &'a [u8],
}

impl<'a> Tag<'a> {
    /// Takes an entity tag off the front (RFC 9110 §8.8.3).
    fn take(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let opaque = bytes.strip_prefix(b"W/");
        let is_weak = opaque.is_some();
        let opaque = opaque.unwrap_or(bytes);
        let inner = opaque.strip_prefix(b"\"")?;
        let is_etagc = |byte: &u8| *byte == 0x21 || (0x23..=0x7e).contains(byte) || *byte >= 0x80;
        let len = inner.iter().position(|byte| !is_etagc(byte))?;
        let (text, rest) = opaque.split_at_checked(len + 2)?;
        text.ends_with(b"\"")
            .then_some((Self { is_weak, text }, rest))
    }

    fn is(self, other: Tag<'_>, comparison: Comparison) -> bool {
        let may_be_weak = comparison == Comparison::Weak;
        self.text == other.text && (may_be_weak || !(self.is_weak || other.is_weak))
    }
}

/// A date in any of the three forms that HTTP knows, as seconds since 1970.
fn date(value: &[u8]) -> Option<u64> {
    let text = str::from_utf8(trim(value)).ok()?;
    let time = httpdate::parse_http_date(text).ok()?;
    let since = time.duration_since(UNIX_EPOCH).ok()?;
    Some(since.as_secs())
}
