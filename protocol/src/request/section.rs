//! The header section of a request: a copy of its lines, where each part lies, and combined fields.
//!
//! Clients repeat themselves: on one connection, and across those of one client, header sections
//! are mostly the same to the byte (HTTP/2's header compression lives on that). So a section stays
//! when its request is over, and one that comes again is recognised by a comparison.
//!
//! In:  lines cut by `httparse`, or the bytes behind a request line.
//! Out: fields, framing, persistence, expectation, upgrade, host; or the rule that was broken.
//!
//! Always true here:
//! - What is known of a section depends on its bytes and the version alone.
//! - A section that holds credentials is never compared with another client's: how long that takes
//!   might tell something about them (the concern of RFC 7541 §7.1).
//!
//! Not here: the rules (`authority.rs`, `framing.rs`, `connection.rs`), the request line.

use super::connection::{Connection, Expectation};
use super::framing::{Codings, Lengths, framing};
use super::span::{Field, Span};
use super::{Framing, HeadLimits, ParseError, authority};
use http::Version;
use httparse::Header;

#[derive(Clone, Debug)]
pub(super) struct Section {
    /// The lines as they came, with the empty one; or only the empty one.
    pub(super) bytes: Vec<u8>,
    pub(super) fields: Vec<Field>,
    pub(super) meaning: Meaning,
    /// The version that the meaning is for, if the section may be recognised.
    judged_for: Option<Version>,
}

/// What the lines say together.
#[derive(Clone, Copy, Debug)]
pub(super) struct Meaning {
    pub(super) host: Option<Span>,
    pub(super) framing: Framing,
    pub(super) keep_alive: bool,
    pub(super) expects_continue: bool,
    pub(super) upgrade: bool,
}

/// What the headers of one head say, collected in one pass over them.
#[derive(Default)]
struct Notes {
    hosts: u32,
    host: Option<Span>,
    lengths: Lengths,
    codings: Codings,
    connection: Connection,
    expectation: Expectation,
    upgrade: bool,
    credentials: bool,
}

impl Meaning {
    const NOTHING: Self = Self {
        host: None,
        framing: Framing::None,
        keep_alive: false,
        expects_continue: false,
        upgrade: false,
    };
}

impl Section {
    pub(super) const fn new() -> Self {
        Self {
            bytes: Vec::new(),
            fields: Vec::new(),
            meaning: Meaning::NOTHING,
            judged_for: None,
        }
    }

    /// Forgets the section and keeps the memory.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.fields.clear();
        self.meaning = Meaning::NOTHING;
        self.judged_for = None;
    }

    /// Whether `input` begins with this very section: then it means the same, if the version is
    /// the same.
    #[inline]
    pub(super) fn is_repeated(&self, input: &[u8], limits: &HeadLimits) -> bool {
        self.judged_for.is_some()
            && self.fields.len() <= limits.headers_max
            && input.starts_with(&self.bytes)
    }

    pub(super) fn is_judged_for(&self, version: Version) -> bool {
        self.judged_for == Some(version)
    }

    /// Copies the header lines at once. False if a line does not end with CRLF: `httparse` accepts
    /// a bare LF, we do not (RFC 9112 §2.2).
    #[inline]
    pub(super) fn copy(&mut self, headers: &[Header<'_>], head: &[u8]) -> bool {
        self.judged_for = None;
        self.fields.clear();
        self.bytes.clear();
        let mut all_crlf = head.ends_with(b"\r\n\r\n");
        let Some(first) = headers.first() else {
            self.bytes.extend_from_slice(b"\r\n");
            return all_crlf;
        };
        let base = first.name.as_ptr().addr();
        let start = base - head.as_ptr().addr();
        self.bytes.extend_from_slice(&head[start..]);
        let span = |part: &[u8]| {
            let from = part.as_ptr().addr() - base;
            Span::new(from, from + part.len())
        };
        self.fields.extend(headers.iter().map(|header| {
            let name = span(header.name.as_bytes());
            // The byte before a line is its predecessor's LF; before that there must be a CR.
            all_crlf &= head[start + name.start() - 2] == b'\r';
            Field {
                name,
                value: span(header.value),
            }
        }));
        all_crlf
    }

    /// Collects what the rules ask about, of the lines that were just copied.
    #[inline]
    pub(super) fn judge(
        &mut self,
        version: Version,
        headers: &[Header<'_>],
    ) -> Result<(), ParseError> {
        let notes = Notes::of(headers, &self.fields);
        let is_http_11 = version == Version::HTTP_11;
        let host = self.host(version, &notes)?;
        let framing = framing(version, &notes.lengths, &notes.codings)?;
        self.meaning = Meaning {
            host,
            framing,
            // RFC 9110 §10.1.1: expectations of HTTP/1.0 clients are ignored.
            expects_continue: is_http_11
                && notes.expectation.continues()?
                && !matches!(framing, Framing::None | Framing::Length(0)),
            keep_alive: notes.connection.keeps_alive(version),
            // RFC 9110 §7.8: ignored in HTTP/1.0.
            upgrade: is_http_11 && notes.upgrade && notes.connection.lists_upgrade(),
        };
        self.judged_for = (!notes.credentials).then_some(version);
        Ok(())
    }

    /// RFC 9112 §3.2: at most one `Host`, exactly one in HTTP/1.1, and it names a host.
    #[inline]
    fn host(&self, version: Version, notes: &Notes) -> Result<Option<Span>, ParseError> {
        if notes.hosts > 1 {
            return Err(ParseError::RepeatedHost);
        }
        let Some(span) = notes.host else {
            return match version {
                Version::HTTP_10 => Ok(None),
                _ => Err(ParseError::MissingHost),
            };
        };
        if !authority::is_valid(span.of(&self.bytes)) {
            return Err(ParseError::InvalidHost);
        }
        Ok(Some(span))
    }
}

impl Notes {
    /// One pass over the headers. Names are told apart by their length first.
    #[inline]
    fn of(headers: &[Header<'_>], fields: &[Field]) -> Self {
        let mut notes = Self::default();
        for (header, field) in headers.iter().zip(fields) {
            let (name, value) = (header.name.as_bytes(), header.value);
            match name.len() {
                4 if is(name, b"host") => {
                    notes.hosts += 1;
                    notes.host = Some(field.value);
                }
                6 if is(name, b"expect") => notes.expectation.take(value),
                6 if is(name, b"cookie") => notes.credentials = true,
                7 if is(name, b"upgrade") => notes.upgrade = true,
                10 if is(name, b"connection") => notes.connection.take(value),
                13 if is(name, b"authorization") => notes.credentials = true,
                14 if is(name, b"content-length") => notes.lengths.take(value),
                17 if is(name, b"transfer-encoding") => notes.codings.take(value),
                19 if is(name, b"proxy-authorization") => notes.credentials = true,
                _ => {}
            }
        }
        notes
    }
}

/// Whether a token is `lower` in any case. Among the bytes of tokens, setting the bit 0x20 makes
/// only letters of either case equal; without a branch per byte this is one or two comparisons.
#[inline]
fn is<const N: usize>(token: &[u8], lower: &[u8; N]) -> bool {
    token.as_array::<N>().is_some_and(|token| {
        let differing = token
            .iter()
            .zip(lower)
            .map(|(byte, lower)| (byte | 0x20) ^ lower);
        differing.fold(0, |all, differing| all | differing) == 0
    })
}
