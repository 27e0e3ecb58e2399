//! Finds request heads at the front of a connection's input: a fast path and an incremental scan.
//!
//! A head that arrives whole (nearly all do) is cut into lines by `memchr`, which shows every bare
//! LF, and then read by `httparse`. Whatever that path does not accept is judged by `scan.rs`,
//! byte by byte. So the verdict is always the scanner's, and only good news is fast.
//!
//! Not here: what a head says (`fill.rs`), the grammar of its bytes (`scan.rs`).

use super::scan::Scan;
use super::{HeadLimits, LEADING_EMPTY_LINES_MAX, ParseError, RequestHead};

/// What a decoder made of the bytes it was shown.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[must_use]
pub enum Parsed {
    /// The message came from the first `consumed` bytes; what follows is the next one.
    Complete {
        /// How many bytes are done with.
        consumed: usize,
    },
    /// Valid so far. Show the same bytes again with more behind them.
    Partial,
}

/// Per-connection progress of parsing, eight bytes: how far the input was searched, so that no
/// byte is searched twice, however slowly the bytes come.
///
/// ```
/// use ringlane_protocol::{HeadLimits, HeadParser, ParseError, Parsed, RequestHead};
///
/// let (limits, mut head) = (HeadLimits::default(), RequestHead::new());
/// let mut parser = HeadParser::new();
/// let input = b"GET / HTTP/1.1\r\nHost: a\n\r\n";
/// assert_eq!(parser.parse(&input[..20], &limits, &mut head), Ok(Parsed::Partial));
/// assert_eq!(parser.parse(input, &limits, &mut head), Err(ParseError::BareLineFeed));
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct HeadParser {
    scan: Scan,
}

impl HeadParser {
    /// A parser at the start of a request.
    pub const fn new() -> Self {
        Self { scan: Scan::START }
    }

    /// Looks for a whole request head at the start of `input`, and fills `head` when it is there.
    ///
    /// After `Partial`, show the same bytes again with more behind them. After `Complete` the
    /// parser is ready for the next request. `head` is only meaningful after `Complete`.
    ///
    /// # Errors
    ///
    /// Found at the first byte that no valid head could hold, and the same however the bytes were
    /// cut; what lines mean together (`Host`, framing, `Expect`) is judged at the head's end. The
    /// connection must end after the answer; the parser is of no further use.
    pub fn parse(
        &mut self,
        input: &[u8],
        limits: &HeadLimits,
        head: &mut RequestHead,
    ) -> Result<Parsed, ParseError> {
        if self.scan.is_fresh()
            && let Some(judged) =
                head.fill(&input[..input.len().min(limits.head_bytes_max)], limits)
        {
            return judged.map(|consumed| Parsed::Complete { consumed });
        }
        self.parse_carefully(input, limits, head)
    }

    #[cold]
    #[inline(never)]
    fn parse_carefully(
        &mut self,
        input: &[u8],
        limits: &HeadLimits,
        head: &mut RequestHead,
    ) -> Result<Parsed, ParseError> {
        let Some(consumed) = self.scan.advance(input, limits)? else {
            return Ok(Parsed::Partial);
        };
        *self = Self::new();
        let start = skip_empty_lines(&input[..consumed]);
        // The scanner accepts nothing that the fast path refuses (a test holds them together);
        // if they ever differ, refusing is the safe side.
        head.fill(&input[start..consumed], limits)
            .unwrap_or(Err(ParseError::InvalidTarget))?;
        Ok(Parsed::Complete { consumed })
    }

    /// Whether a byte of a request line was seen: else the connection is idle, and its end or
    /// silence is no error. Empty lines before a request do not count.
    pub const fn has_begun(&self) -> bool {
        self.scan.has_begun()
    }
}

/// Where the request line begins: behind the empty lines, if they are not too many.
fn skip_empty_lines(window: &[u8]) -> usize {
    let mut start = 0;
    while start < 2 * LEADING_EMPTY_LINES_MAX && window[start..].starts_with(b"\r\n") {
        start += 2;
    }
    start
}

#[cfg(test)]
mod tests;
