//! The parsed head of a request: owned, reusable, and small enough to keep by the thousand.
//!
//! In:  a head's bytes, already found acceptable (`request/parser.rs`).
//! Out: what handlers ask for, as borrows of the record's own copy.
//!
//! Always true here:
//! - The record borrows nothing from the input, so it may outlive any receive buffer.
//! - Refilling a record allocates nothing once its buffers have grown to the size of the heads.
//!
//! Not here: reading the bytes (`parser.rs`, `scan.rs`), the rules (`framing.rs`, `target.rs`).

mod authority;
mod connection;
mod error;
mod fill;
mod framing;
mod limits;
mod parser;
mod scan;
mod section;
mod span;
mod target;

pub(crate) use authority::is_valid as is_authority;
pub use error::ParseError;
pub use limits::{HEADERS_CEILING, HeadLimits, LEADING_EMPTY_LINES_MAX, METHOD_BYTES_MAX};
pub use parser::{HeadParser, Parsed};

use http::{Method, Version};
use section::Section;
use span::{Field, Span};
use target::Path;

/// How the body of a request ends (RFC 9112 §6.3).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Framing {
    /// Neither `Content-Length` nor `Transfer-Encoding`: there is no body.
    None,
    /// After so many bytes. May be 0.
    Length(u64),
    /// With the chunk of size zero.
    Chunked,
}

/// A request's line and headers: a copy of their bytes, and where each part lies in it.
///
/// Meaningful after [`HeadParser::parse`] answered `Complete`, until it is filled or cleared again.
/// A cleared record reads as `GET` of an empty target, in HTTP/1.1, without headers.
///
/// ```
/// use ringlane_protocol::{Framing, HeadLimits, HeadParser, RequestHead};
///
/// let mut head = RequestHead::new();
/// let input = b"POST http://example.org/form?x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n";
/// HeadParser::new().parse(input, &HeadLimits::default(), &mut head)?;
/// assert_eq!(head.path(), "/form");
/// assert_eq!(head.authority(), "example.org"); // absolute-form overrides Host
/// assert_eq!(head.header("content-length"), Some(&b"3"[..]));
/// assert_eq!(head.framing(), Framing::Length(3));
/// # Ok::<(), ringlane_protocol::ParseError>(())
/// ```
#[derive(Clone, Debug)]
pub struct RequestHead {
    method: Method,
    version: Version,
    /// The request line, with its end; empty while the record holds no request.
    line: Vec<u8>,
    /// The request target, raw: the part of `line` that is visible ASCII without spaces.
    target: Span,
    path: Path,
    /// The path where it is not as it was sent, by [`Path::Normal`].
    normal_path: Vec<u8>,
    query: Option<Span>,
    authority: Authority,
    section: Section,
    /// The record held these very bytes before.
    is_repeat: bool,
}

/// Which bytes name the host.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Authority {
    /// `Host`, if it is there: HTTP/1.0 may lack it.
    Host,
    /// Absolute-form or authority-form: a part of `target`.
    Target(Span),
}

impl RequestHead {
    /// An empty record. Allocates nothing until it is filled.
    pub const fn new() -> Self {
        Self {
            method: Method::GET,
            version: Version::HTTP_11,
            line: Vec::new(),
            target: Span::new(0, 0),
            path: Path::None,
            normal_path: Vec::new(),
            query: None,
            authority: Authority::Host,
            section: Section::new(),
            is_repeat: false,
        }
    }

    /// Forgets the request and keeps the memory.
    pub fn clear(&mut self) {
        // Every field is named, so that a new one cannot be forgotten here.
        let Self {
            method,
            version,
            line,
            target,
            path,
            normal_path,
            query,
            authority,
            section,
            is_repeat,
        } = self;
        *method = Method::GET;
        *version = Version::HTTP_11;
        line.clear();
        *target = Span::new(0, 0);
        *path = Path::None;
        normal_path.clear();
        *query = None;
        *authority = Authority::Host;
        section.clear();
        *is_repeat = false;
    }

    /// Whether this request is, byte for byte, the one that the record held before: then whatever
    /// was found out about that one from its head alone is true of this one.
    ///
    /// False does not mean that they differ.
    #[inline]
    pub const fn is_repeat(&self) -> bool {
        self.is_repeat
    }

    #[inline]
    fn target_bytes(&self) -> &[u8] {
        self.target.of(&self.line)
    }

    /// The method, in the case it was sent: methods are case-sensitive (RFC 9110 §9.1).
    pub const fn method(&self) -> &Method {
        &self.method
    }

    /// The request target as it was sent: visible ASCII, at most `target_bytes_max` bytes.
    pub fn target(&self) -> &str {
        text(self.target_bytes())
    }

    /// The path, still percent-encoded but for characters that need not be: escapes of letters,
    /// digits, `-`, `.`, `_` and `~` are decoded (RFC 3986 §6.2.2.2). It begins with `/`, or is `*`
    /// for a request about the server as a whole (RFC 9112 §3.2.4), or empty for `CONNECT`, whose
    /// target has none.
    pub fn path(&self) -> &str {
        text(self.path_bytes())
    }

    /// The path as it was sent.
    pub fn raw_path(&self) -> &str {
        match self.path {
            Path::Normal(span) => text(span.of(self.target_bytes())),
            Path::Part(_) | Path::Root | Path::Asterisk | Path::None => self.path(),
        }
    }

    /// [`path`](Self::path) as bytes: what a router compares.
    #[inline]
    pub fn path_bytes(&self) -> &[u8] {
        match self.path {
            Path::Part(span) => span.of(self.target_bytes()),
            Path::Normal(_) => &self.normal_path,
            Path::Root => b"/",
            Path::Asterisk => b"*",
            Path::None => b"",
        }
    }

    /// The raw query, without its `?`. `Some("")` for `/a?`.
    pub fn query(&self) -> Option<&str> {
        self.query.map(|span| text(span.of(self.target_bytes())))
    }

    /// The host and port this request is for: from the target in absolute-form and authority-form
    /// (which override `Host`, RFC 9112 §3.3), else from `Host`. Empty only in HTTP/1.0.
    pub fn authority(&self) -> &str {
        match self.authority {
            Authority::Host => match self.section.meaning.host {
                Some(span) => text(span.of(&self.section.bytes)),
                None => "",
            },
            Authority::Target(span) => text(span.of(self.target_bytes())),
        }
    }

    /// [`authority`](Self::authority) without the port. An IPv6 address keeps its brackets.
    pub fn host(&self) -> &str {
        let authority = self.authority();
        // The last colon begins the port, unless it is part of a bracketed address.
        match authority.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => host,
            Some(_) | None => authority,
        }
    }

    /// `HTTP/1.0` or `HTTP/1.1`.
    pub const fn version(&self) -> Version {
        self.version
    }

    /// The first value of a header, whatever the case of `name`. White space around the value is
    /// not part of it. It may hold any byte but controls; it need not be UTF-8 (RFC 9110 §5.5).
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.section
            .fields
            .iter()
            .find(|field| self.is_named(field, name))
            .map(|field| field.value.of(&self.section.bytes))
    }

    /// All values of a header, in order, whatever the case of `name`.
    pub fn header_all<'h>(
        &'h self,
        name: &str,
    ) -> impl DoubleEndedIterator<Item = &'h [u8]> + Clone {
        self.section
            .fields
            .iter()
            .filter(move |field| self.is_named(field, name))
            .map(|field| field.value.of(&self.section.bytes))
    }

    /// All headers, in order, names in the case they were sent.
    pub fn headers(&self) -> impl ExactSizeIterator<Item = (&str, &[u8])> + Clone {
        self.section.fields.iter().map(|field| {
            (
                text(field.name.of(&self.section.bytes)),
                field.value.of(&self.section.bytes),
            )
        })
    }

    fn is_named(&self, field: &Field, name: &str) -> bool {
        field
            .name
            .of(&self.section.bytes)
            .eq_ignore_ascii_case(name.as_bytes())
    }

    /// How the body ends.
    pub const fn framing(&self) -> Framing {
        self.section.meaning.framing
    }

    /// Whether the client allows another request on this connection (RFC 9112 §9.3).
    pub const fn keep_alive(&self) -> bool {
        self.section.meaning.keep_alive
    }

    /// Whether the client waits for `100 Continue` before it sends the body (RFC 9110 §10.1.1).
    /// Always false in HTTP/1.0, and where the framing says that there is no body.
    pub const fn expects_continue(&self) -> bool {
        self.section.meaning.expects_continue
    }

    /// The protocols the client offers to switch to, if it does: the first `Upgrade` line, given
    /// that `Connection` lists `upgrade` (RFC 9110 §7.8). Always `None` in HTTP/1.0.
    pub fn upgrade(&self) -> Option<&[u8]> {
        let is_offered = self.section.meaning.upgrade;
        is_offered.then(|| self.header("upgrade")).flatten()
    }
}

impl Default for RequestHead {
    fn default() -> Self {
        Self::new()
    }
}

/// Bytes that were found to be ASCII, as text.
fn text(bytes: &[u8]) -> &str {
    str::from_utf8(bytes).unwrap_or_default()
}
