//! Encodes and decodes server-sent events (WHATWG HTML §9.2).
//!
//! ```text
//! Fields::write ──► id: 7\nevent: price\ndata: 250\n\n ──► Decoder::decode ──► Item
//! ```
//!
//! Always true here:
//! - What is written as a field's value is that value to every reader, or is refused: no value ends
//!   its field, or its event.
//! - The same bytes make the same items, however the network cut them.
//! - Nothing that a server sends panics, allocates without bound or loops without bound.
//!
//! Not here: heads, chunks, when anything is sent (`server`).
//!
//! ```
//! use ringlane_protocol::event_stream::{Decoder, Fields, Item};
//!
//! let mut out = Vec::new();
//! let fields = Fields { event: Some("price"), data: Some("tea\n250"), ..Fields::default() };
//! fields.write(&mut out)?;
//! assert_eq!(out, b"event: price\ndata: tea\ndata: 250\n\n");
//!
//! let mut decoder = Decoder::default();
//! let step = decoder.decode(&out).expect("it is short");
//! let Some(Item::Event(event)) = step.item else { panic!("an event") };
//! assert_eq!((event.event.as_str(), event.data.as_str()), ("price", "tea\n250"));
//! # Ok::<(), ringlane_protocol::event_stream::FieldError>(())
//! ```

mod decoder;

use std::fmt;
use std::time::Duration;

pub use decoder::{DecodeError, DecodeStep, Decoder, EVENT_BYTES_MAX, Event, Item};

/// The fields of one block of a stream, to be written in this order; none of them is needed.
///
/// A block without data is no event to its reader, but its id and its waiting time count.
///
/// ```
/// use std::time::Duration;
/// use ringlane_protocol::event_stream::Fields;
///
/// let mut out = Vec::new();
/// let first = Fields { retry: Some(Duration::from_secs(2)), ..Fields::default() };
/// first.write(&mut out)?;
/// assert_eq!(out, b"retry: 2000\n\n");
/// # Ok::<(), ringlane_protocol::event_stream::FieldError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Fields<'a> {
    /// What readers ignore. Each of its lines becomes a line of its own.
    pub comment: Option<&'a str>,
    /// How long a reader waits before it connects anew, to the millisecond.
    pub retry: Option<Duration>,
    /// What a reader sends as `Last-Event-ID` when it connects anew.
    pub id: Option<&'a str>,
    /// The name under which a reader is told; `message` without it.
    pub event: Option<&'a str>,
    /// Any text. Its lines may end in LF, CR or CRLF; to the reader they end in LF.
    pub data: Option<&'a str>,
}

/// Why a block cannot be written.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum FieldError {
    /// The name has a line break.
    Event,
    /// The id has a line break, or a NUL, with which readers ignore it.
    Id,
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Event => "the name of an event has a line break",
            Self::Id => "the id of an event has a line break or a NUL",
        })
    }
}

impl std::error::Error for FieldError {}

impl Fields<'_> {
    /// Whether it can be written.
    ///
    /// # Errors
    ///
    /// If the name or the id would not be the same to a reader.
    ///
    /// ```
    /// use ringlane_protocol::event_stream::{FieldError, Fields};
    ///
    /// let fields = Fields { event: Some("a\ndata: b"), ..Fields::default() };
    /// assert_eq!(fields.check(), Err(FieldError::Event));
    /// ```
    pub fn check(&self) -> Result<(), FieldError> {
        if self.event.is_some_and(|name| name.contains(['\n', '\r'])) {
            return Err(FieldError::Event);
        }
        if self.id.is_some_and(|id| id.contains(['\n', '\r', '\0'])) {
            return Err(FieldError::Id);
        }
        Ok(())
    }

    /// Appends the block, with the empty line that ends it.
    ///
    /// # Errors
    ///
    /// As [`check`](Self::check); then nothing is appended.
    ///
    /// ```
    /// use ringlane_protocol::event_stream::Fields;
    ///
    /// let mut out = Vec::new();
    /// Fields { comment: Some(""), ..Fields::default() }.write(&mut out)?;
    /// assert_eq!(out, b":\n\n");
    /// # Ok::<(), ringlane_protocol::event_stream::FieldError>(())
    /// ```
    pub fn write(&self, out: &mut Vec<u8>) -> Result<(), FieldError> {
        self.check()?;
        for line in self.comment.into_iter().flat_map(lines) {
            write_line(out, "", line);
        }
        if let Some(time) = self.retry {
            let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
            write_line(out, "retry", &millis.to_string());
        }
        if let Some(id) = self.id {
            write_line(out, "id", id);
        }
        if let Some(name) = self.event {
            write_line(out, "event", name);
        }
        for line in self.data.into_iter().flat_map(lines) {
            write_line(out, "data", line);
        }
        out.push(b'\n');
        Ok(())
    }
}

/// A reader takes one space off the front of a value, so there always is one.
fn write_line(out: &mut Vec<u8>, name: &str, value: &str) {
    out.extend_from_slice(name.as_bytes());
    out.push(b':');
    if !value.is_empty() {
        out.push(b' ');
        out.extend_from_slice(value.as_bytes());
    }
    out.push(b'\n');
}

/// The lines of a text, whichever of the three ends each has: one more than it has ends.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let Some(at) = text.find(['\n', '\r']) else {
            return rest.take();
        };
        let end = &text[at..];
        let end_bytes = if end.starts_with("\r\n") { 2 } else { 1 };
        rest = Some(&end[end_bytes..]);
        Some(&text[..at])
    })
}

#[cfg(test)]
mod tests;
