//! Parses the four forms of a request target (RFC 9112 §3.2).

use super::span::Span;
use super::{ParseError, authority};
use crate::bytes::{TARGET, TARGET_WITHOUT_QUERY, all_in, run_in};
use http::Method;

/// A request target, taken apart.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parts {
    pub(super) path: Path,
    pub(super) query: Option<Span>,
    pub(super) authority: Option<Span>,
}

/// The path of a target: part of its text, or what its absence stands for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Path {
    /// Part of the target.
    Part(Span),
    /// The same, and to be read elsewhere: some of its escapes are not needed.
    Normal(Span),
    /// In absolute-form an empty path means `/` (RFC 9110 §4.2.3).
    Root,
    /// The server as a whole (RFC 9112 §3.2.4).
    Asterisk,
    /// Authority-form has no path (RFC 9112 §3.2.3).
    None,
}

/// Where a target's query begins with its `?`, or its length if there is none. `None` if it holds
/// a byte that the scanner refuses: `httparse` lets UTF-8 and fragments pass.
#[inline]
pub(super) fn query_at(target: &[u8]) -> Option<usize> {
    let path_bytes = run_in(target, &TARGET_WITHOUT_QUERY);
    (path_bytes == target.len() || all_in(&target[path_bytes..], &TARGET)).then_some(path_bytes)
}

/// Takes a target apart, in the form that its method and first byte decide.
#[inline]
pub(super) fn parts(method: &Method, target: &[u8], query_at: usize) -> Result<Parts, ParseError> {
    if *method == Method::CONNECT {
        return authority_form(target);
    }
    if target.starts_with(b"/") {
        return Ok(origin_form(target, 0, query_at, None)); // RFC 9112 §3.2.1
    }
    if target == b"*" && *method == Method::OPTIONS {
        return Ok(Parts {
            path: Path::Asterisk, // RFC 9112 §3.2.4
            query: None,
            authority: None,
        });
    }
    absolute_form(method, target, query_at)
}

/// RFC 9112 §3.2.1, from `start`: `absolute-path [ "?" query ]`.
#[inline]
fn origin_form(target: &[u8], start: usize, query_at: usize, authority: Option<Span>) -> Parts {
    Parts {
        path: if query_at > start {
            Path::Part(Span::new(start, query_at))
        } else {
            Path::Root
        },
        query: (query_at < target.len()).then(|| Span::new(query_at + 1, target.len())),
        authority,
    }
}

/// Writes `path` with the escapes decoded that stand for unreserved characters, which mean the same
/// with and without (RFC 3986 §6.2.2.2). False, and nothing is written, if there are none.
#[cold]
pub(super) fn normalise(path: &[u8], normal: &mut Vec<u8>) -> bool {
    normal.clear();
    let mut rest = path;
    let mut is_normal = true;
    while let Some((&byte, behind)) = rest.split_first() {
        let escaped = behind.first_chunk().filter(|_| byte == b'%');
        match escaped.and_then(|digits| unreserved(*digits)) {
            Some(character) => {
                normal.push(character);
                is_normal = false;
                rest = &behind[2..];
            }
            None => {
                normal.push(byte);
                rest = behind;
            }
        }
    }
    !is_normal
}

/// The unreserved character (RFC 3986 §2.3) that two hexadecimal digits stand for.
fn unreserved([high, low]: [u8; 2]) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let byte = u8::try_from(digit(high)? * 16 + digit(low)?).ok()?;
    let is_one = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    is_one.then_some(byte)
}

/// RFC 9112 §3.2.3: `uri-host ":" port`, both present.
fn authority_form(target: &[u8]) -> Result<Parts, ParseError> {
    if !authority::is_valid_with_port(target) {
        return Err(ParseError::InvalidTarget);
    }
    Ok(Parts {
        path: Path::None,
        query: None,
        authority: Some(Span::new(0, target.len())),
    })
}

/// RFC 9112 §3.2.2: `http` or `https`, `://`, authority, `[ path ] [ "?" query ]`.
fn absolute_form(method: &Method, target: &[u8], query_at: usize) -> Result<Parts, ParseError> {
    let colon = memchr::memchr(b':', target).ok_or(ParseError::InvalidTarget)?;
    let (scheme, rest) = target.split_at(colon);
    let rest = rest.strip_prefix(b"://").ok_or(ParseError::InvalidTarget)?;
    if !scheme.eq_ignore_ascii_case(b"http") && !scheme.eq_ignore_ascii_case(b"https") {
        return Err(ParseError::InvalidTarget);
    }
    let start = target.len() - rest.len();
    let end = memchr::memchr(b'/', rest).map_or(query_at, |at| query_at.min(start + at));
    if !authority::is_valid(&target[start..end]) {
        return Err(ParseError::InvalidTarget);
    }
    let mut parts = origin_form(target, end, query_at, Some(Span::new(start, end)));
    if end == target.len() && *method == Method::OPTIONS {
        parts.path = Path::Asterisk; // RFC 9112 §3.2.4
    }
    Ok(parts)
}
