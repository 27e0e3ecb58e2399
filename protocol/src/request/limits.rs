//! Limits of a request head, and the bounds that no configuration lifts.

/// Empty lines ignored before a request line: some clients send one after a body (RFC 9112 §2.2
/// asks for at least one).
pub const LEADING_EMPTY_LINES_MAX: usize = 4;

/// Longest method, in bytes. Beyond it: 501, as for any method no server knows (RFC 9112 §3).
pub const METHOD_BYTES_MAX: usize = 64;

/// Most header lines in one head, whatever [`HeadLimits::headers_max`] says.
pub const HEADERS_CEILING: usize = 1024;

/// How much of a request head is read before the answer is an error. All sizes in bytes.
///
/// ```
/// use ringlane_protocol::HeadLimits;
///
/// let limits = HeadLimits { headers_max: 32, ..HeadLimits::default() };
/// assert_eq!(limits.head_bytes_max, 16 * 1024);
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct HeadLimits {
    /// Request line, headers, and all line ends together. Default 16 KiB, at most 4 GiB − 1.
    /// Beyond it: 414 within the request line, 431 after it.
    pub head_bytes_max: usize,
    /// Header lines. Default 100, at most [`HEADERS_CEILING`]. Beyond it: 431.
    pub headers_max: usize,
    /// The request target alone. Default 8 KiB (RFC 9112 §3 recommends at least 8,000). Beyond it:
    /// 414.
    pub target_bytes_max: usize,
}

impl HeadLimits {
    /// 16 KiB of head, 100 headers, 8 KiB of target.
    pub const DEFAULT: Self = Self {
        head_bytes_max: 16 * 1024,
        headers_max: 100,
        target_bytes_max: 8 * 1024,
    };
}

impl Default for HeadLimits {
    fn default() -> Self {
        Self::DEFAULT
    }
}
