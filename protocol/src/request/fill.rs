//! Fills a record from one whole head: `httparse` cuts it, then each rule is asked in a fixed order.
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
    hosts: usize,
    host: Option<Field>,
    lengths: Lengths,
    codings: Codings,
    connection: Connection,
    expectation: Expectation,
    upgrade: bool,
}

impl RequestHead {
    /// Replaces the record by what `head` says. `None` if `head` is not grammatical: then the
    /// scanner knows which byte is to blame.
    pub(super) fn fill(
        &mut self,
        head: &[u8],
        limits: &HeadLimits,
    ) -> Option<Result<(), ParseError>> {
        // The lines were counted already; the request line and the empty line are no headers.
        let mut usual = [const { MaybeUninit::uninit() }; HEADERS_USUAL];
        let mut request = Request::new(&mut []);
        match request.parse_with_uninit_headers(head, &mut usual) {
            Ok(httparse::Status::Complete(_)) => self.fill_from(&request, head, limits),
            Err(httparse::Error::TooManyHeaders) => self.fill_many(head, limits),
            Ok(httparse::Status::Partial) | Err(_) => None,
        }
    }

    #[cold]
    #[inline(never)]
    fn fill_many(&mut self, head: &[u8], limits: &HeadLimits) -> Option<Result<(), ParseError>> {
        let mut many = [const { MaybeUninit::uninit() }; HEADERS_CEILING];
        let mut request = Request::new(&mut []);
        match request.parse_with_uninit_headers(head, &mut many) {
            Ok(httparse::Status::Complete(_)) => self.fill_from(&request, head, limits),
            Ok(httparse::Status::Partial) | Err(_) => None,
        }
    }

    fn fill_from(
        &mut self,
        request: &Request<'_, '_>,
        head: &[u8],
        limits: &HeadLimits,
    ) -> Option<Result<(), ParseError>> {
        let (method, target) = (request.method?, request.path?);
        if method.len() > METHOD_BYTES_MAX
            || target.len() > limits.target_bytes_max
            || !target::is_visible_ascii(target)
        {
            return None;
        }
        self.method = Method::from_bytes(method.as_bytes()).ok()?;
        self.version = match request.version? {
            0 => Version::HTTP_10,
            _ => Version::HTTP_11,
        };
        self.target.clear();
        self.target.push_str(target);
        let notes = self.copy_headers(request.headers, head);
        Some(self.judge(&notes))
    }

    /// Copies the header lines at once, and notes those that say where messages end.
    fn copy_headers(&mut self, headers: &[Header<'_>], head: &[u8]) -> Notes {
        let mut notes = Notes::default();
        self.fields.clear();
        self.bytes.clear();
        let Some(first) = headers.first() else {
            return notes;
        };
        let base = first.name.as_ptr().addr();
        let start = base - head.as_ptr().addr();
        self.bytes.extend_from_slice(&head[start..]);
        let span = |part: &[u8]| {
            let from = part.as_ptr().addr() - base;
            Span::new(from, from + part.len())
        };
        self.fields.extend(headers.iter().map(|header| Field {
            name: span(header.name.as_bytes()),
            value: span(header.value),
        }));
        for (header, field) in headers.iter().zip(&self.fields) {
            notes.take(header, *field);
        }
        notes
    }

    /// Asks the rules, in a fixed order: the first that is broken is the verdict.
    fn judge(&mut self, notes: &Notes) -> Result<(), ParseError> {
        let parts = target::parts(&self.method, &self.target)?;
        let host = self.host_field(notes)?;
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
    fn host_field(&self, notes: &Notes) -> Result<Option<Span>, ParseError> {
        if notes.hosts > 1 {
            return Err(ParseError::RepeatedHost);
        }
        match notes.host {
            None if self.version == Version::HTTP_10 => Ok(None),
            None => Err(ParseError::MissingHost),
            Some(field) if authority::is_valid(field.value.of(&self.bytes)) => {
                Ok(Some(field.value))
            }
            Some(_) => Err(ParseError::InvalidHost),
        }
    }
}

impl Notes {
    /// Looks at one header. Names are told apart by their length first.
    #[inline]
    fn take(&mut self, header: &Header<'_>, field: Field) {
        let (name, value) = (header.name, header.value);
        match name.len() {
            4 if name.eq_ignore_ascii_case("host") => {
                self.hosts += 1;
                self.host = Some(field);
            }
            6 if name.eq_ignore_ascii_case("expect") => self.expectation.take(value),
            7 if name.eq_ignore_ascii_case("upgrade") => self.upgrade = true,
            10 if name.eq_ignore_ascii_case("connection") => self.connection.take(value),
            14 if name.eq_ignore_ascii_case("content-length") => self.lengths.take(value),
            17 if name.eq_ignore_ascii_case("transfer-encoding") => self.codings.take(value),
            _ => {}
        }
    }
}
