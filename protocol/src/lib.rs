//! Codecs of HTTP/1.1, WebSocket and their headers, without I/O: bytes in, values and counts out.
//!
//! A request travels through three types, and an answer through one:
//!
//! ```text
//! input ──► HeadParser ──► RequestHead ──► Framing ──► BodyDecoder ──► data
//!           (8 bytes per   (owned, reused  (how the    (chunks cut,
//!            connection)    record)         body ends)  trailers dropped)
//!
//! output ◄── ResponseHead::write ◄── ResponseHeaders     chunked::write_chunk
//! ```
//!
//! Always true here:
//! - Nothing that a peer sends panics, allocates without bound or loops without bound.
//! - A verdict depends on the bytes alone, never on how the network cut them or what follows them.
//! - A message with ambiguous framing is rejected, and the connection ends.
//!
//! Not here: sockets, threads, clocks, files, `unsafe`; which status an acceptable request gets
//! (`server`); which path leads where (`router`).
//!
//! ```
//! use ringlane_protocol::{HeadLimits, HeadParser, Parsed, RequestHead};
//!
//! let (mut parser, mut head) = (HeadParser::new(), RequestHead::new());
//! let input = b"GET /hello?name=you HTTP/1.1\r\nHost: example.org\r\n\r\n";
//! let parsed = parser.parse(input, &HeadLimits::default(), &mut head)?;
//! assert_eq!(parsed, Parsed::Complete { consumed: input.len() });
//! assert_eq!((head.path(), head.query()), ("/hello", Some("name=you")));
//! # Ok::<(), ringlane_protocol::ParseError>(())
//! ```

#![forbid(unsafe_code)]

mod accept;
mod body;
mod bytes;
pub mod chunked;
mod conditional;
pub mod cookie;
mod date;
mod disposition;
pub mod event_stream;
pub mod forwarded;
mod media_type;
mod multipart;
mod parameters;
pub mod percent;
mod proxy;
pub mod query;
mod range;
mod request;
mod response;
pub mod websocket;

pub use accept::{media_ranges, preferred, weight};
pub use body::{
    BodyDecoder, BodyError, BodyPart, BodyStep, CHUNK_EXTENSION_BYTES_MAX, CHUNK_LINE_BYTES_MAX,
    TRAILER_BYTES_MAX,
};
pub use bytes::is_field_value;
pub use conditional::{Precondition, Validators};
pub use date::{DATE_BYTES, write_date};
pub use disposition::{attachment, location};
pub use http::{Method, StatusCode, Version};
pub use media_type::MediaType;
pub use multipart::{
    MultipartDecoder, MultipartError, MultipartLimits, MultipartPart, MultipartStep,
    PART_HEADERS_MAX, PartHead,
};
pub use proxy::{
    Endpoint, PROXY_BYTES_MAX, PROXY_V1_BYTES_MAX, ProxyEnds, ProxyError, ProxyParsed, parse_proxy,
};
pub use range::{ByteRange, byte_range};
pub use request::{
    Framing, HEADERS_CEILING, HeadLimits, HeadParser, LEADING_EMPTY_LINES_MAX, METHOD_BYTES_MAX,
    ParseError, Parsed, RequestHead,
};
pub use response::{
    CONTINUE, HeaderError, RESPONSE_HEADER_BYTES_MAX, ResponseBody, ResponseHead, ResponseHeaders,
    ServerFields,
};
