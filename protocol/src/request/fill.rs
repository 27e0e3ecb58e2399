//! Fills a record from one whole head: `httparse` cuts it, then each rule is asked, in one order.
//!
//! In:  exactly one head, from its leading empty lines to its last LF, every line ended by CRLF.
//! Out: a filled record, the rule that the head broke, or "no grammatical head".
//!
//! Not here: the rules themselves (`target.rs`, `authority.rs`, `framing.rs`, `connection.rs`).

use super::connection::{Connection, Expectation};
use super::framing::{Codings, Lengths, framing};
use super::span::{Field, Span};
use super::{
    Authority, Framing, HEADERS_CEILING, HeadLimits, METHOD_BYTES_MAX, ParseError, RequestHead,
};
use super::{authority, target};
use http::{Method, Version};
use httparse::{Header, Request};
use std::mem::MaybeUninit;

/// Headers read without a larger frame on the stack. Browsers send about 15.
const HEADERS_USUAL: usize = 32;

/// What the headers of one head say together, collected in one pass over them.
#[derive(Default)]
struct Notes {
    hosts: u32,
    host: Option<Span>,
    lengths: Lengths,
    codings: Codings,
    connection: Connection,
    expectation: Expectation,
    upgrade: bool,
}

impl RequestHead {
    /// Replaces the record by the head at the start of `input`, and tells its length. `None` if
    /// there is no whole, grammatical head within the limits: the scanner knows what is amiss.
    #[inline]
    pub(super) fn fill(
        &mut self,
        input: &[u8],
        limits: &HeadLimits,
    ) -> Option<Result<usize, ParseError>> {
        if matches!(input.first(), Some(b'\r' | b'\n')) {
            return None; // httparse skips empty lines without bound, and bare LF with them
        }
        let mut usual = [const { MaybeUninit::uninit() }; HEADERS_USUAL];
        let mut request = Request::new(&mut []);
        match request.parse_with_uninit_headers(input, &mut usual) {
            Ok(httparse::Status::Complete(end)) => self.fill_from(&request, &input[..end], limits),
            Err(httparse::Error::TooManyHeaders) => self.fill_many(input, limits),
            Ok(httparse::Status::Partial) | Err(_) => None,
        }
    }

    #[cold]
    #[inline(never)]
    fn fill_many(
        &mut self,
        input: &[u8],
        limits: &HeadLimits,
    ) -> Option<Result<usize, ParseError>> {
        let mut many = [const { MaybeUninit::uninit() }; HEADERS_CEILING];
        let mut request = Request::new(&mut []);
        match request.parse_with_uninit_headers(input, &mut many) {
            Ok(httparse::Status::Complete(end)) => self.fill_from(&request, &input[..end], limits),
            Ok(httparse::Status::Partial) | Err(_) => None,
        }
    }

    #[inline]
    fn fill_from(
        &mut self,
        request: &Request<'_, '_>,
        head: &[u8],
        limits: &HeadLimits,
    ) -> Option<Result<usize, ParseError>> {
        let (method, target) = (request.method?, request.path?);
        if method.len() > METHOD_BYTES_MAX
            || target.len() > limits.target_bytes_max
            || request.headers.len() > limits.headers_max
        {
            return None;
        }
        let query_at = target::query_at(target.as_bytes())?;
        self.method = Method::from_bytes(method.as_bytes()).ok()?;
        self.version = match request.version? {
            0 => Version::HTTP_10,
            _ => Version::HTTP_11,
        };
        self.target.clear();
        self.target.push_str(target);
        if !self.copy_headers(request.headers, head) {
            return None;
        }
        Some(self.judge(query_at, request.headers).map(|()| head.len()))
    }

    /// Copies the header lines at once. False if a line does not end with CRLF: `httparse` accepts
    /// a bare LF, we do not (RFC 9112 §2.2).
    #[inline]
    fn copy_headers(&mut self, headers: &[Header<'_>], head: &[u8]) -> bool {
        self.fields.clear();
        self.bytes.clear();
        let mut all_crlf = head.ends_with(b"\r\n\r\n");
        let Some(first) = headers.first() else {
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

    /// Asks the rules, in a fixed order: the first that is broken is the verdict.
    #[inline]
    fn judge(&mut self, query_at: usize, headers: &[Header<'_>]) -> Result<(), ParseError> {
        let notes = Notes::of(headers, &self.fields);
        let parts = target::parts(&self.method, &self.target, query_at)?;
        let host = self.host_field(&notes)?;
        self.path = parts.path;
        self.query = parts.query;
        self.authority = match (parts.authority, host) {
            (Some(span), _) => Authority::Target(span), // RFC 9112 §3.2.2
            (None, Some(span)) => Authority::Field(span),
            (None, None) => Authority::Absent,
        };
        self.framing = framing(self.version, &notes.lengths, &notes.codings)?;
        let is_http_11 = self.version == Version::HTTP_11;
        // RFC 9110 §10.1.1: expectations of HTTP/1.0 clients are ignored.
        self.expects_continue = is_http_11
            && notes.expectation.continues()?
            && !matches!(self.framing, Framing::None | Framing::Length(0));
        self.keep_alive = notes.connection.keeps_alive(self.version);
        // RFC 9110 §7.8: ignored in HTTP/1.0.
        self.upgrade = is_http_11 && notes.upgrade && notes.connection.lists_upgrade();
        Ok(())
    }

    /// RFC 9112 §3.2: at most one `Host`, exactly one in HTTP/1.1, and it names a host.
    #[inline]
    fn host_field(&mut self, notes: &Notes) -> Result<Option<Span>, ParseError> {
        if notes.hosts > 1 {
            return Err(ParseError::RepeatedHost);
        }
        let Some(span) = notes.host else {
            return match self.version {
                Version::HTTP_10 => Ok(None),
                _ => Err(ParseError::MissingHost),
            };
        };
        let host = span.of(&self.bytes);
        if host.is_empty() || host != self.host_known {
            if !authority::is_valid(host) {
                return Err(ParseError::InvalidHost);
            }
            self.host_known.clear();
            self.host_known.extend_from_slice(host);
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
                7 if is(name, b"upgrade") => notes.upgrade = true,
                10 if is(name, b"connection") => notes.connection.take(value),
                14 if is(name, b"content-length") => notes.lengths.take(value),
                17 if is(name, b"transfer-encoding") => notes.codings.take(value),
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
