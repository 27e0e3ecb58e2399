//! Reads request heads off the front of a connection's input.

use super::{HeadLimits, ParseError, RequestHead};

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

/// Per-connection progress of parsing: how far the input was searched, so that no byte is searched
/// twice, however slowly the bytes come.
#[derive(Clone, Copy, Debug, Default)]
pub struct HeadParser {
    searched: u32,
}

impl HeadParser {
    /// A parser at the start of a request.
    pub const fn new() -> Self {
        Self { searched: 0 }
    }

    /// Looks for a whole request head at the start of `input`, and fills `head` when it is there.
    ///
    /// After `Partial`, show the same bytes again with more behind them. After `Complete` the
    /// parser is ready for the next request. `head` is only meaningful after `Complete`.
    ///
    /// # Errors
    ///
    /// Found as early as the bytes allow, and the same however they were cut. The connection must
    /// end after the answer; the parser is of no further use.
    pub fn parse(
        &mut self,
        input: &[u8],
        limits: &HeadLimits,
        head: &mut RequestHead,
    ) -> Result<Parsed, ParseError> {
        let _ = (input, limits, head, self.searched);
        Ok(Parsed::Partial)
    }

    /// Whether a byte of a request line was seen: else the connection is idle, and its end or
    /// silence is no error. Empty lines before a request do not count.
    pub const fn has_begun(&self) -> bool {
        self.searched > 0
    }
}
