//! Fills the record of one complete head and applies each rule, in one order.
//!
//! A head that is the one before it again, as from a client that asks for the same thing, needs no
//! reading; one with the same header section needs only its request line read. Any other is cut
//! by `httparse`.
//!
//! In:  exactly one head, from its leading empty lines to its last LF, every line ended by CRLF.
//! Out: a filled record, the rule that the head broke, or "no grammatical head".
//!
//! Not here: what headers mean (`section.rs`), the forms of a target (`target.rs`).

use super::span::Span;
use super::target::{self, Path};
use super::{Authority, HEADERS_CEILING, HeadLimits, METHOD_BYTES_MAX, ParseError, RequestHead};
use crate::bytes::{TOKEN, run_in};
use http::{Method, Version};
use httparse::Request;
use std::mem::MaybeUninit;

/// Headers read without a larger frame on the stack. Browsers send about 15.
const HEADERS_USUAL: usize = 32;

/// A request line, cut. Its target's bytes are those that the scanner lets pass.
struct RequestLine<'a> {
    method: &'a [u8],
    target: &'a [u8],
    /// Where the target's query begins, or the target's length.
    query_at: usize,
    version: Version,
}

impl<'a> RequestLine<'a> {
    /// `None` if the line is not grammatical.
    #[inline]
    fn cut(line: &'a [u8]) -> Option<Self> {
        let (line, version) = match line.split_last_chunk()? {
            (line, b" HTTP/1.1\r\n") => (line, Version::HTTP_11),
            (line, b" HTTP/1.0\r\n") => (line, Version::HTTP_10),
            _ => return None,
        };
        let method_bytes = run_in(line, &TOKEN);
        let (method, target) = line.split_at(method_bytes);
        let target = target.strip_prefix(b" ").filter(|one| !one.is_empty())?;
        Some(Self {
            method,
            target,
            query_at: target::query_at(target)?,
            version,
        })
    }
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
        self.is_repeat = self.is_repeated(input, limits);
        if self.is_repeat {
            return Some(Ok(self.line.len() + self.section.bytes.len()));
        }
        let filled = self.fill_in_part(input, limits);
        if !matches!(filled, Some(Ok(_))) {
            self.clear(); // half of it may be of this head and half of the one before
        }
        filled
    }

    /// Whether the very request that the record holds has come again.
    #[inline]
    fn is_repeated(&self, input: &[u8], limits: &HeadLimits) -> bool {
        let Some(headers) = input.strip_prefix(self.line.as_slice()) else {
            return false;
        };
        !self.line.is_empty()
            && self.section.is_repeated(headers, limits)
            && self.section.is_judged_for(self.version)
            && self.target.len() <= limits.target_bytes_max
    }

    /// Reads no more than the request line where the headers are known.
    fn fill_in_part(
        &mut self,
        input: &[u8],
        limits: &HeadLimits,
    ) -> Option<Result<usize, ParseError>> {
        if let Some(line_end) = memchr::memchr(b'\n', input)
            && let (line, headers) = input.split_at(line_end + 1)
            && self.section.is_repeated(headers, limits)
            && let Some(cut) = RequestLine::cut(line)
            && self.section.is_judged_for(cut.version)
        {
            let end = line.len() + self.section.bytes.len();
            let judged = self.fill_line(&cut, line, limits)?;
            return Some(judged.map(|()| end));
        }
        self.fill_anew(input, limits)
    }

    /// Reads a head of which nothing is known.
    fn fill_anew(
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
        let target = request.path?.as_bytes();
        let line = RequestLine {
            method: request.method?.as_bytes(),
            target,
            query_at: target::query_at(target)?,
            version: match request.version? {
                0 => Version::HTTP_10,
                _ => Version::HTTP_11,
            },
        };
        if request.headers.len() > limits.headers_max {
            return None;
        }
        if !self.section.copy(request.headers, head) {
            return None;
        }
        let line_end = memchr::memchr(b'\n', head)? + 1;
        let judged = self
            .fill_line(&line, &head[..line_end], limits)?
            .and_then(|()| self.section.judge(line.version, request.headers));
        Some(judged.map(|()| head.len()))
    }

    /// Takes the request line over, and judges its target.
    #[inline]
    fn fill_line(
        &mut self,
        line: &RequestLine<'_>,
        bytes: &[u8],
        limits: &HeadLimits,
    ) -> Option<Result<(), ParseError>> {
        if line.method.len() > METHOD_BYTES_MAX || line.target.len() > limits.target_bytes_max {
            return None;
        }
        self.method = Method::from_bytes(line.method).ok()?;
        self.version = line.version;
        self.line.clear();
        self.line.extend_from_slice(bytes);
        let target_at = line.method.len() + 1;
        self.target = Span::new(target_at, target_at + line.target.len());
        Some(
            target::parts(&self.method, line.target, line.query_at).map(|parts| {
                self.path = parts.path;
                if let Path::Part(span) = parts.path
                    && let path = span.of(line.target)
                    && memchr::memchr(b'%', path).is_some()
                    && target::normalise(path, &mut self.normal_path)
                {
                    self.path = Path::Normal(span);
                }
                self.query = parts.query;
                self.authority = parts.authority.map_or(Authority::Host, Authority::Target);
            }),
        )
    }
}
