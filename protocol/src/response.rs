//! Encodes the head of an answer: status line, headers, and the framing that fits both.
//!
//! Always true here:
//! - `Content-Length`, `Transfer-Encoding` and `Connection` are written here and nowhere else.
//! - What is written follows RFC 9110 §8.6 and §15 whatever the caller asks for.
//!
//! Not here: which headers an application may set (`response/headers.rs`), bodies (`chunked.rs`).

mod headers;
mod own;

pub use headers::{HeaderError, RESPONSE_HEADER_BYTES_MAX, ResponseHeaders};
pub use own::ServerFields;

use crate::bytes::is_field_value;
use http::{StatusCode, Version};

/// The whole interim answer that asks for a body (RFC 9110 §15.2.1).
pub const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// Room for what this file writes itself into a usual answer, in bytes.
const OWN_BYTES_USUAL: usize = 192;

/// How the body of an answer ends.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum ResponseBody {
    /// There is none. Says `Content-Length: 0` where a client would otherwise wait for one, and
    /// nothing in an answer to `HEAD`.
    None,
    /// After so many bytes.
    Length(u64),
    /// With the chunk of size zero ([`crate::chunked`]). To HTTP/1.0 clients: `UntilClose`.
    Chunked,
    /// When the connection ends.
    UntilClose,
}

/// Everything about one answer but its body.
///
/// ```
/// use ringlane_protocol::{
///     ResponseBody, ResponseHead, ResponseHeaders, ServerFields, StatusCode, Version,
/// };
///
/// let mut own = ServerFields::new(None);
/// own.set_time(784_111_777);
/// let headers = ResponseHeaders::new();
/// let mut out = Vec::new();
/// ResponseHead {
///     status: StatusCode::OK,
///     headers: &headers,
///     content_type: Some("text/plain"),
///     body: ResponseBody::Length(5),
///     version: Version::HTTP_11,
///     head_request: false,
///     keep_alive: true,
///     own: &own,
///     upgrade: None,
/// }
/// .write(&mut out);
/// assert_eq!(
///     String::from_utf8_lossy(&out),
///     "HTTP/1.1 200 OK\r\n\
///      Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n\
///      Content-Length: 5\r\n\
///      Content-Type: text/plain\r\n\r\n"
/// );
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ResponseHead<'a> {
    /// The status.
    pub status: StatusCode,
    /// What the application set.
    pub headers: &'a ResponseHeaders,
    /// The media type of the body, unless the application set `Content-Type` among its headers.
    /// Left out if it is no field value.
    pub content_type: Option<&'a str>,
    /// How the body would end in an answer to `GET`. See [`framing`](Self::framing) for what is
    /// really sent.
    pub body: ResponseBody,
    /// The version of the request. Our own is always HTTP/1.1 (RFC 9110 §2.5).
    pub version: Version,
    /// Whether the request was `HEAD`, so that no body follows (RFC 9110 §9.3.2).
    pub head_request: bool,
    /// Whether we want another request on this connection.
    pub keep_alive: bool,
    /// `Date` and `Server`, unless the application set them.
    pub own: &'a ServerFields,
    /// For 101 and 426: the protocol for `Upgrade`, with `Connection: upgrade`.
    pub upgrade: Option<&'a str>,
}

impl ResponseHead<'_> {
    /// Appends the head, up to and including its empty line.
    #[inline]
    pub fn write(&self, out: &mut Vec<u8>) {
        out.reserve(OWN_BYTES_USUAL + self.headers.serialised().len());
        match self.body {
            ResponseBody::Length(length) if self.is_usual() => {
                out.extend_from_slice(self.own.with_ok_line());
                write_content_length(length, out);
            }
            _ => self.write_start(out),
        }
        self.write_content_type(out);
        if !self.headers.is_empty() {
            out.extend_from_slice(self.headers.serialised());
        }
        out.extend_from_slice(b"\r\n");
    }

    /// Whether it is a plain 200 to a plain request: most are, and little has to be asked for them.
    fn is_usual(&self) -> bool {
        self.status == StatusCode::OK
            && self.version == Version::HTTP_11
            && self.keep_alive
            && !self.head_request
            && self.upgrade.is_none()
            && !self.headers.has_date()
            && !self.headers.has_server()
    }

    /// Everything before the application's fields, whatever the answer is.
    #[inline(never)]
    fn write_start(&self, out: &mut Vec<u8>) {
        write_status_line(self.status, out);
        // RFC 9110 §6.6.1: interim answers need no date; RFC 9112 §9.3: nor do they end anything.
        if !self.status.is_informational() {
            if !self.headers.has_date() {
                out.extend_from_slice(self.own.date());
            }
            if !self.headers.has_server() {
                out.extend_from_slice(self.own.server());
            }
            self.write_framing(out);
            self.write_persistence(out);
        }
        if let Some(protocol) = self
            .upgrade
            .filter(|value| is_field_value(value.as_bytes()))
        {
            // RFC 9110 §7.8: the sender of Upgrade also lists it in Connection.
            out.extend_from_slice(b"Connection: upgrade\r\nUpgrade: ");
            out.extend_from_slice(protocol.as_bytes());
            out.extend_from_slice(b"\r\n");
        }
    }

    fn write_content_type(&self, out: &mut Vec<u8>) {
        if let Some(value) = self.content_type
            && !self.headers.has_content_type()
            && is_field_value(value.as_bytes())
        {
            out.extend_from_slice(b"Content-Type: ");
            out.extend_from_slice(value.as_bytes());
            out.extend_from_slice(b"\r\n");
        }
    }

    /// The framing that is really used: `None` if no body may follow (HEAD, 1xx, 204, 205, 304),
    /// `UntilClose` instead of `Chunked` in HTTP/1.0. Write body bytes as this says.
    pub fn framing(&self) -> ResponseBody {
        if self.head_request || is_bodiless(self.status) {
            return ResponseBody::None;
        }
        self.framing_for_version()
    }

    /// Whether the connection may carry another request after this answer: `keep_alive`, unless
    /// only the connection's end tells where the body ends.
    pub fn keeps_alive(&self) -> bool {
        self.keep_alive && self.framing() != ResponseBody::UntilClose
    }

    /// RFC 9112 §7: a client of HTTP/1.0 does not know chunks.
    fn framing_for_version(&self) -> ResponseBody {
        match self.body {
            ResponseBody::Chunked if self.version < Version::HTTP_11 => ResponseBody::UntilClose,
            body => body,
        }
    }

    /// What tells the client where the body ends, or would end if this were no answer to HEAD.
    fn write_framing(&self, out: &mut Vec<u8>) {
        if self.status == StatusCode::RESET_CONTENT {
            return write_content_length(0, out); // RFC 9110 §15.3.6
        }
        if is_bodiless(self.status) {
            return; // RFC 9110 §8.6, RFC 9112 §6.1: neither header in 204; 304 needs none
        }
        match self.framing_for_version() {
            // RFC 9110 §9.3.2: a HEAD handler that wrote nothing does not know GET's length.
            ResponseBody::None if self.head_request => {}
            ResponseBody::None => write_content_length(0, out),
            ResponseBody::Length(length) => write_content_length(length, out),
            ResponseBody::Chunked => out.extend_from_slice(b"Transfer-Encoding: chunked\r\n"),
            ResponseBody::UntilClose => {}
        }
    }

    /// RFC 9112 §9.3, §9.6: says what the request's version would not lead the client to expect.
    /// `close` is said to HTTP/1.0 clients too, since our status line reads HTTP/1.1.
    fn write_persistence(&self, out: &mut Vec<u8>) {
        if !self.keeps_alive() {
            out.extend_from_slice(b"Connection: close\r\n");
        } else if self.version < Version::HTTP_11 {
            out.extend_from_slice(b"Connection: keep-alive\r\n");
        }
    }
}

/// Statuses whose answers have no body, whatever the request (RFC 9112 §6.3 (1), RFC 9110 §15.3.6).
fn is_bodiless(status: StatusCode) -> bool {
    status.is_informational()
        || matches!(
            status,
            StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT | StatusCode::NOT_MODIFIED
        )
}

/// RFC 9112 §4. The reason may be empty, the space before it may not be left out.
fn write_status_line(status: StatusCode, out: &mut Vec<u8>) {
    out.extend_from_slice(b"HTTP/1.1 ");
    out.extend_from_slice(status.as_str().as_bytes());
    out.push(b' ');
    out.extend_from_slice(status.canonical_reason().unwrap_or_default().as_bytes());
    out.extend_from_slice(b"\r\n");
}

#[inline]
fn write_content_length(length: u64, out: &mut Vec<u8>) {
    const NAME: &[u8; 16] = b"Content-Length: ";
    const DIGITS_MAX: usize = 20; // of 2^64
    // Put together first: one append instead of three.
    let mut line = [0; NAME.len() + DIGITS_MAX + 2];
    line[..NAME.len()].copy_from_slice(NAME);
    let mut digits = itoa::Buffer::new();
    let digits = digits.format(length).as_bytes();
    let end = NAME.len() + digits.len();
    line[NAME.len()..end].copy_from_slice(digits);
    line[end..end + 2].copy_from_slice(b"\r\n");
    out.extend_from_slice(&line[..end + 2]);
}
