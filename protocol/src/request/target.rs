//! The four forms of a request target, and which method may use which (RFC 9112 §3.2).

use super::span::Span;
use super::{ParseError, authority};
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
    /// In absolute-form an empty path means `/` (RFC 9110 §4.2.3).
    Root,
    /// The server as a whole (RFC 9112 §3.2.4).
    Asterisk,
    /// Authority-form has no path (RFC 9112 §3.2.3).
    None,
}

/// Whether a target consists of the bytes that the scanner lets through. `httparse` has already
/// refused controls and spaces, and lets UTF-8 and fragments pass.
pub(super) fn is_visible_ascii(target: &str) -> bool {
    target.is_ascii() && memchr::memchr(b'#', target.as_bytes()).is_none()
}

/// Takes a target apart, in the form that its method and first byte decide.
pub(super) fn parts(method: &Method, target: &str) -> Result<Parts, ParseError> {
    if *method == Method::CONNECT {
        return authority_form(target);
    }
    if target.starts_with('/') {
        return Ok(origin_form(target, 0, None)); // RFC 9112 §3.2.1
    }
    if target == "*" && *method == Method::OPTIONS {
        return Ok(Parts {
            path: Path::Asterisk, // RFC 9112 §3.2.4
            query: None,
            authority: None,
        });
    }
    absolute_form(method, target)
}

/// RFC 9112 §3.2.1, from `start`: `absolute-path [ "?" query ]`.
fn origin_form(target: &str, start: usize, authority: Option<Span>) -> Parts {
    let rest = &target.as_bytes()[start..];
    let query_at = memchr::memchr(b'?', rest).map(|at| start + at);
    let path_end = query_at.unwrap_or(target.len());
    Parts {
        path: if path_end > start {
            Path::Part(Span::new(start, path_end))
        } else {
            Path::Root
        },
        query: query_at.map(|at| Span::new(at + 1, target.len())),
        authority,
    }
}

/// RFC 9112 §3.2.3: `uri-host ":" port`, both present.
fn authority_form(target: &str) -> Result<Parts, ParseError> {
    if !authority::is_valid_with_port(target.as_bytes()) {
        return Err(ParseError::InvalidTarget);
    }
    Ok(Parts {
        path: Path::None,
        query: None,
        authority: Some(Span::new(0, target.len())),
    })
}

/// RFC 9112 §3.2.2: `http` or `https`, `://`, authority, `[ path ] [ "?" query ]`.
fn absolute_form(method: &Method, target: &str) -> Result<Parts, ParseError> {
    let (scheme, rest) = target.split_once("://").ok_or(ParseError::InvalidTarget)?;
    if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
        return Err(ParseError::InvalidTarget);
    }
    let start = scheme.len() + 3;
    let end = rest.find(['/', '?']).map_or(target.len(), |at| start + at);
    if !authority::is_valid(&target.as_bytes()[start..end]) {
        return Err(ParseError::InvalidTarget);
    }
    let mut parts = origin_form(target, end, Some(Span::new(start, end)));
    if end == target.len() && *method == Method::OPTIONS {
        parts.path = Path::Asterisk; // RFC 9112 §3.2.4
    }
    Ok(parts)
}
