//! Parses what proxies say about their clients: `Forwarded` (RFC 7239) and `X-Forwarded-For`.
//!
//! Each proxy adds an element at the right end. So elements are read from the right, one by one:
//! whoever trusts only the last proxies must not depend on what stands to the left of their words,
//! which the client may have made up, in whatever form.
//!
//! Always true here:
//! - What an element is taken for depends on nothing to its left.
//!
//! Not here: whom to believe (the server's).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str;

use crate::bytes::{is_token_text, trim};
use crate::request::is_authority;

/// What one proxy says of one request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Hop<'a> {
    /// From whom the proxy has it.
    pub node: Node,
    /// The scheme by which the proxy got it, as it was written.
    pub scheme: Option<&'a str>,
    /// The `Host` that it bore then; a valid one.
    pub host: Option<&'a str>,
}

/// Who a proxy says has sent a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Node {
    /// This address.
    Ip(IpAddr),
    /// Someone whose address is not told: `unknown`, an obfuscated identifier (RFC 7239 §6.3), or
    /// nothing.
    Hidden,
}

/// An element that cannot be understood. Nothing to the left of it is to be believed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct MalformedHop;

/// The elements of one `Forwarded` field (RFC 7239 §4), from the right.
///
/// Beyond the grammar, values may hold `:` `[` `]` without quotes and white space may stand around
/// `;`, as some proxies write it. Empty elements are passed over (RFC 9110 §5.6.1).
///
/// ```
/// use ringlane_protocol::forwarded::{self, Node};
///
/// let value = br#"for=198.51.100.1, for="[2001:db8::7]:4711";proto=https"#;
/// let hop = forwarded::hops(value).next().unwrap().unwrap();
/// assert_eq!(hop.node, Node::Ip("2001:db8::7".parse().unwrap()));
/// assert_eq!(hop.scheme, Some("https"));
/// ```
pub fn hops(value: &[u8]) -> impl Iterator<Item = Result<Hop<'_>, MalformedHop>> {
    let mut rest = Some(value);
    std::iter::from_fn(move || {
        let (left, element) = split_last(rest?);
        rest = left;
        Some(trim(element))
    })
    .filter(|element| !element.is_empty())
    .map(|element| hop(element).ok_or(MalformedHop))
}

/// The elements of one `X-Forwarded-For` field, from the right: addresses, with or without a port.
///
/// ```
/// use ringlane_protocol::forwarded::{self, Node};
///
/// let nodes: Vec<_> = forwarded::x_forwarded_for(b"a lie, 192.0.2.7").collect();
/// assert_eq!(nodes[0], Ok(Node::Ip([192, 0, 2, 7].into())));
/// assert!(nodes[1].is_err());
/// ```
pub fn x_forwarded_for(value: &[u8]) -> impl Iterator<Item = Result<Node, MalformedHop>> {
    value
        .rsplit(|&byte| byte == b',')
        .map(trim)
        .filter(|element| !element.is_empty())
        .map(|element| {
            let text = str::from_utf8(element).ok();
            let bare = text.and_then(|text| text.parse::<Ipv6Addr>().ok());
            let bare = bare.map(|address| Node::Ip(address.into()));
            bare.or_else(|| node(text?)).ok_or(MalformedHop)
        })
}

/// The text, if it is a host with or without a port, as `Host` has it (RFC 9110 §7.2).
pub fn host(text: &str) -> Option<&str> {
    is_authority(text.as_bytes()).then_some(text)
}

/// Cuts the last element off, at the last comma that is in no quoted string.
fn split_last(value: &[u8]) -> (Option<&[u8]>, &[u8]) {
    let mut is_quoted = false;
    for at in (0..value.len()).rev() {
        match value[at] {
            b',' if !is_quoted => return (Some(&value[..at]), &value[at + 1..]),
            b'"' if !is_quoted => is_quoted = true,
            b'"' if !is_escaped(&value[..at]) => is_quoted = false,
            _ => {}
        }
    }
    (None, value)
}

/// Whether what follows these bytes in a quoted string is escaped (RFC 9110 §5.6.4).
fn is_escaped(before: &[u8]) -> bool {
    let backslashes = before.iter().rev().take_while(|&&byte| byte == b'\\');
    backslashes.count() % 2 == 1
}

/// `[ pair ] *( ";" [ pair ] )`, no name twice.
fn hop(mut element: &[u8]) -> Option<Hop<'_>> {
    let (mut node_text, mut scheme, mut host_text, mut by) = (None, None, None, None);
    while !element.is_empty() {
        let (name, value, rest) = pair(element)?;
        let place = match name {
            name if name.eq_ignore_ascii_case(b"for") => &mut node_text,
            name if name.eq_ignore_ascii_case(b"proto") => &mut scheme,
            name if name.eq_ignore_ascii_case(b"host") => &mut host_text,
            name if name.eq_ignore_ascii_case(b"by") => &mut by,
            _ => &mut None, // extensions (RFC 7239 §5.5)
        };
        if place.replace(value).is_some() {
            return None;
        }
        element = rest;
    }
    Some(Hop {
        node: node_text.map_or(Some(Node::Hidden), node)?,
        scheme,
        host: host_text.and_then(host),
    })
}

/// The first pair's name and value, and what follows its `;`.
fn pair(element: &[u8]) -> Option<(&[u8], &str, &[u8])> {
    let equals = memchr::memchr(b'=', element)?;
    let (name, behind) = (trim(&element[..equals]), &element[equals + 1..]);
    let (value, rest, is_quoted) = match behind.strip_prefix(b"\"") {
        Some(quoted) => {
            // An escape is never needed in what is read here: with one, it is no known value.
            let end = memchr::memchr2(b'"', b'\\', quoted).filter(|&end| quoted[end] == b'"')?;
            (&quoted[..end], trim(&quoted[end + 1..]), true)
        }
        None => {
            let end = memchr::memchr(b';', behind).unwrap_or(behind.len());
            (trim(&behind[..end]), &behind[end..], false)
        }
    };
    let fits = |byte: &u8| match byte {
        b' ' | b',' | b';' => is_quoted,
        _ => byte.is_ascii_graphic() && *byte != b'"',
    };
    let rest = match rest {
        [] => rest,
        [b';', rest @ ..] => trim(rest),
        _ => return None,
    };
    let value = str::from_utf8(value).ok()?;
    let is_valid =
        is_token_text(name) && !value.is_empty() && value.bytes().all(|byte| fits(&byte));
    is_valid.then_some((name, value, rest))
}

/// RFC 7239 §6: `nodename [ ":" node-port ]`.
fn node(text: &str) -> Option<Node> {
    let (name, port) = match text.strip_prefix('[') {
        Some(bracketed) => {
            let (address, behind) = bracketed.split_once(']')?;
            let address: Ipv6Addr = address.parse().ok()?;
            return match behind.strip_prefix(':') {
                Some(port) => is_port(port).then_some(Node::Ip(address.into())),
                None => behind.is_empty().then_some(Node::Ip(address.into())),
            };
        }
        None => text
            .split_once(':')
            .map_or((text, None), |(name, port)| (name, Some(port))),
    };
    if !port.is_none_or(is_port) {
        return None;
    }
    match name.parse::<Ipv4Addr>() {
        Ok(address) => Some(Node::Ip(address.into())),
        Err(_) if name.eq_ignore_ascii_case("unknown") || is_obfuscated(name) => Some(Node::Hidden),
        Err(_) => None,
    }
}

/// RFC 7239 §6: `1*5DIGIT`, or an obfuscated one.
fn is_port(port: &str) -> bool {
    let is_number = (1..=5).contains(&port.len()) && port.bytes().all(|byte| byte.is_ascii_digit());
    is_number || is_obfuscated(port)
}

/// RFC 7239 §6.3: `"_" 1*( ALPHA / DIGIT / "." / "_" / "-")`.
fn is_obfuscated(text: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    let letters = text.strip_prefix('_');
    letters.is_some_and(|letters| !letters.is_empty() && letters.bytes().all(is_letter))
}
