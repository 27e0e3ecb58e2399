//! Writing the head of an answer: status line, headers, and the framing that fits both.
//!
//! Always true here:
//! - `Content-Length`, `Transfer-Encoding` and `Connection` are written here and nowhere else.
//! - What is written follows RFC 9110 §8.6 and §15 whatever the caller asks for.
//!
//! Not here: which headers an application may set (`response/headers.rs`), bodies (`chunked.rs`).

mod headers;

pub use headers::{HeaderError, ResponseHeaders};

use http::{StatusCode, Version};

/// The whole interim answer that asks for a body (RFC 9110 §15.2.1).
pub const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

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
///     ResponseBody, ResponseHead, ResponseHeaders, StatusCode, Version, write_date,
/// };
///
/// let mut headers = ResponseHeaders::new();
/// headers.set("Content-Type", "text/plain")?;
/// let mut out = Vec::new();
/// ResponseHead {
///     status: StatusCode::OK,
///     headers: &headers,
///     body: ResponseBody::Length(5),
///     version: Version::HTTP_11,
///     head_request: false,
///     keep_alive: true,
///     date: &write_date(784_111_777),
///     server: None,
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
/// # Ok::<(), ringlane_protocol::HeaderError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ResponseHead<'a> {
    /// The status.
    pub status: StatusCode,
    /// What the application set.
    pub headers: &'a ResponseHeaders,
    /// How the body would end in an answer to `GET`. See [`framing`](Self::framing) for what is
    /// really sent.
    pub body: ResponseBody,
    /// The version of the request. Our own is always HTTP/1.1 (RFC 9110 §2.5).
    pub version: Version,
    /// Whether the request was `HEAD`, so that no body follows (RFC 9110 §9.3.2).
    pub head_request: bool,
    /// Whether we want another request on this connection.
    pub keep_alive: bool,
    /// The present time as [`crate::write_date`] writes it, unless the application set `Date`.
    pub date: &'a [u8; 29],
    /// The value of `Server`, unless the application set it.
    pub server: Option<&'a str>,
    /// For 101 and 426: the protocol for `Upgrade`, with `Connection: upgrade`.
    pub upgrade: Option<&'a str>,
}

impl ResponseHead<'_> {
    /// Appends the head, up to and including its empty line.
    pub fn write(&self, out: &mut Vec<u8>) {
        let _ = out;
    }

    /// The framing that is really used: `None` if no body may follow (HEAD, 1xx, 204, 205, 304),
    /// `UntilClose` instead of `Chunked` in HTTP/1.0. Write body bytes as this says.
    pub fn framing(&self) -> ResponseBody {
        self.body
    }

    /// Whether the connection may carry another request after this answer: `keep_alive`, unless
    /// only the connection's end tells where the body ends.
    pub fn keeps_alive(&self) -> bool {
        self.keep_alive
    }
}
