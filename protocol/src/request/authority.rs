//! Validates a host and port: `uri-host [ ":" port ]` (RFC 9110 §7.2, RFC 3986 §3.2).

use crate::bytes::{REG_NAME, all_in, run_in};
use std::net::Ipv6Addr;

/// Whether `authority` is a host that is not empty, with or without a port. No userinfo: a host
/// that reads `bank.example@evil.example` is refused (RFC 9110 §4.2.4).
pub(crate) fn is_valid(authority: &[u8]) -> bool {
    split(authority).is_some()
}

/// Whether `authority` is a host with a port that is not empty (RFC 9112 §3.2.3).
pub(super) fn is_valid_with_port(authority: &[u8]) -> bool {
    split(authority).is_some_and(|port| !port.is_empty())
}

/// The port, empty if there is none; `None` if this is no authority.
#[inline]
fn split(authority: &[u8]) -> Option<&[u8]> {
    let host_len = match authority.first()? {
        b'[' => ip_literal_len(authority)?,
        _ => reg_name_len(authority)?,
    };
    match authority[host_len..].split_first() {
        None => Some(b""),
        Some((b':', port)) if is_port(port) => Some(port),
        Some(_) => None,
    }
}

/// RFC 3986 §3.2.2: `reg-name`, which every IPv4 address is too. At least one byte, because
/// `http` has no empty host (RFC 9110 §4.2.1).
#[inline]
fn reg_name_len(authority: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        at += run_in(&authority[at..], &REG_NAME);
        if authority.get(at) != Some(&b'%') {
            return (at > 0).then_some(at);
        }
        let digits = authority.get(at + 1..at + 3)?;
        if !digits.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        at += 3;
    }
}

/// RFC 3986 §3.2.2: `"[" ( IPv6address / IPvFuture ) "]"`.
fn ip_literal_len(authority: &[u8]) -> Option<usize> {
    let close = memchr::memchr(b']', authority)?;
    let address = str::from_utf8(&authority[1..close]).ok()?;
    (address.parse::<Ipv6Addr>().is_ok() || is_ip_future(address)).then_some(close + 1)
}

/// RFC 3986 §3.2.2: `"v" 1*HEXDIG "." 1*( unreserved / sub-delims / ":" )`.
fn is_ip_future(address: &str) -> bool {
    let Some((version, rest)) = address
        .strip_prefix(['v', 'V'])
        .and_then(|address| address.split_once('.'))
    else {
        return false;
    };
    !version.is_empty()
        && version.bytes().all(|byte| byte.is_ascii_hexdigit())
        && !rest.is_empty()
        && rest
            .split(':')
            .all(|part| all_in(part.as_bytes(), &REG_NAME))
}

/// RFC 3986 §3.2.3: `*DIGIT`. What TCP cannot address is refused.
#[inline]
fn is_port(port: &[u8]) -> bool {
    let mut value = 0u32;
    for byte in port {
        let digit = byte.wrapping_sub(b'0');
        value = value * 10 + u32::from(digit);
        if digit > 9 || value > u32::from(u16::MAX) {
            return false;
        }
    }
    true
}
