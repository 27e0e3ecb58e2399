//! Decides how a request body ends: by length, by chunks, or at once; rejects ambiguity.
//!
//! Always true here:
//! - A head with both `Content-Length` and `Transfer-Encoding` is refused (RFC 9112 §6.1).
//! - The only transfer coding is `chunked`, applied once, spelt without parameters.
//!
//! Not here: cutting body bytes (`body.rs`), limits on a body's size (`server`).

use super::{Framing, ParseError};
use crate::bytes::{is_token_text, list_members_with_empty, trim};
use http::Version;

/// What all `Content-Length` lines say together.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum Lengths {
    #[default]
    Absent,
    One(u64),
    Differing,
    Invalid,
}

/// What all `Transfer-Encoding` lines say together, read as one list.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Codings {
    present: bool,
    malformed: bool,
    unknown: bool,
    chunked: usize,
    last_is_chunked: bool,
}

impl Lengths {
    /// RFC 9110 §8.6: equal repeats, as lines or as a list, are one; others are an error.
    pub(super) fn take(&mut self, value: &[u8]) {
        for member in list_members_with_empty(value) {
            *self = match (*self, decimal(member)) {
                (Self::Invalid, _) | (_, None) => Self::Invalid,
                (Self::Absent, Some(length)) => Self::One(length),
                (Self::One(first), Some(length)) if first == length => Self::One(first),
                (Self::One(_) | Self::Differing, Some(_)) => Self::Differing,
            };
        }
    }
}

impl Codings {
    /// RFC 9112 §6.1. Empty members are malformed here, though RFC 9110 §5.6.1.2 lets a recipient
    /// skip them: no client sends them, and readers differ on them.
    pub(super) fn take(&mut self, value: &[u8]) {
        self.present = true;
        for member in list_members_with_empty(value) {
            let (name, parameters) = match memchr::memchr(b';', member) {
                Some(at) => (trim(&member[..at]), true),
                None => (member, false),
            };
            self.last_is_chunked = name.eq_ignore_ascii_case(b"chunked");
            self.chunked += usize::from(self.last_is_chunked);
            self.unknown |= !self.last_is_chunked;
            // RFC 9112 §7.1: chunked has no parameters.
            self.malformed |= !is_token_text(name) || (self.last_is_chunked && parameters);
        }
    }
}

/// How the body of a request ends.
pub(super) fn framing(
    version: Version,
    lengths: &Lengths,
    codings: &Codings,
) -> Result<Framing, ParseError> {
    if codings.present {
        return chunked(version, lengths, codings);
    }
    match *lengths {
        Lengths::Absent => Ok(Framing::None), // RFC 9112 §6.3 (7)
        Lengths::One(length) => Ok(Framing::Length(length)), // RFC 9112 §6.3 (6)
        Lengths::Differing => Err(ParseError::DifferingLengths), // RFC 9112 §6.3 (5)
        Lengths::Invalid => Err(ParseError::InvalidContentLength), // RFC 9112 §6.3 (5)
    }
}

fn chunked(version: Version, lengths: &Lengths, codings: &Codings) -> Result<Framing, ParseError> {
    // RFC 9112 §6.1: framing of such a message is faulty.
    if version == Version::HTTP_10 {
        return Err(ParseError::TransferEncodingInHttp10);
    }
    // RFC 9112 §6.1 lets a server pick; we refuse, because two readers may pick differently.
    if *lengths != Lengths::Absent {
        return Err(ParseError::BothFramings);
    }
    if codings.malformed {
        return Err(ParseError::InvalidTransferEncoding);
    }
    if codings.chunked > 1 {
        return Err(ParseError::RepeatedChunked); // RFC 9112 §7.1
    }
    if codings.chunked == 1 && !codings.last_is_chunked {
        return Err(ParseError::ChunkedNotFinal); // RFC 9112 §6.3 (4)
    }
    if codings.unknown {
        return Err(ParseError::UnknownTransferCoding); // RFC 9112 §6.1
    }
    Ok(Framing::Chunked)
}

/// RFC 9110 §8.6: `1*DIGIT`, which rules out signs, spaces and other bases. Below 2^64.
fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0u64, |value, &digit| {
        let digit = digit.checked_sub(b'0').filter(|digit| *digit < 10)?;
        value.checked_mul(10)?.checked_add(u64::from(digit))
    })
}
