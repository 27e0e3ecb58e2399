//! Decodes a stream of events by the standard's own algorithm (WHATWG HTML §9.2.6).
//!
//! Always true here:
//! - It holds one block at most, and no more of it than the limit.
//!
//! Not here: what a reader does with an event, connecting anew.

use std::fmt;
use std::time::Duration;

/// Longest block that is read, in bytes.
pub const EVENT_BYTES_MAX: usize = 64 * 1024 * 1024;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Reads a stream, in pieces of any size.
///
/// ```
/// use ringlane_protocol::event_stream::{Decoder, Item};
///
/// let mut decoder = Decoder::default();
/// let mut input: &[u8] = b"id: 7\rdata: a\r\r: bye\r\n";
/// let mut items = Vec::new();
/// loop {
///     let step = decoder.decode(input)?;
///     input = &input[step.consumed..];
///     match step.item {
///         Some(item) => items.push(item),
///         None => break,
///     }
/// }
/// assert!(matches!(&items[..], [Item::Event(event), Item::Comment(_)] if event.data == "a"));
/// assert_eq!(decoder.last_event_id(), "7");
/// # Ok::<(), ringlane_protocol::event_stream::DecodeError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Decoder {
    /// The line that has begun.
    line: Vec<u8>,
    data: String,
    event: String,
    id: String,
    last_event_id: String,
    has_data: bool,
    /// The last byte was a CR: an LF belongs to it.
    after_cr: bool,
    /// The mark of the stream's beginning is behind.
    has_begun: bool,
}

/// One event, as a page would get it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Event {
    /// Its name: `message` if it had none.
    pub event: String,
    /// Its data; lines end in LF.
    pub data: String,
    /// The last id that was given, by this event or one before it.
    pub id: String,
}

/// Something that stood in a stream.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Item {
    /// An event.
    Event(Event),
    /// A comment, which pages never see.
    Comment(String),
    /// How long to wait before connecting anew.
    Retry(Duration),
}

/// What one call has done.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DecodeStep {
    /// Bytes of the input that are done with.
    pub consumed: usize,
    /// What they ended; with `None` all of the input is consumed, and more is needed.
    pub item: Option<Item>,
}

/// A block was longer than [`EVENT_BYTES_MAX`].
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct DecodeError(());

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an event has more than {EVENT_BYTES_MAX} bytes")
    }
}

impl std::error::Error for DecodeError {}

impl Decoder {
    /// The id that a client would send as `Last-Event-ID` if it connected anew now.
    ///
    /// ```
    /// let decoder = ringlane_protocol::event_stream::Decoder::default();
    /// assert_eq!(decoder.last_event_id(), "");
    /// ```
    pub fn last_event_id(&self) -> &str {
        &self.last_event_id
    }

    /// Takes bytes up to the end of the next item.
    ///
    /// # Errors
    ///
    /// If a block is too long. The decoder is of no more use then.
    ///
    /// ```
    /// use ringlane_protocol::event_stream::Decoder;
    ///
    /// let mut decoder = Decoder::default();
    /// let step = decoder.decode(b"data: half of a li")?;
    /// assert_eq!((step.consumed, step.item), (18, None));
    /// # Ok::<(), ringlane_protocol::event_stream::DecodeError>(())
    /// ```
    pub fn decode(&mut self, input: &[u8]) -> Result<DecodeStep, DecodeError> {
        let mut consumed = 0;
        while consumed < input.len() {
            let rest = &input[consumed..];
            if std::mem::take(&mut self.after_cr) && rest[0] == b'\n' {
                consumed += 1;
                continue;
            }
            let end = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
            let part = &rest[..end.unwrap_or(rest.len())];
            if part.len() > EVENT_BYTES_MAX.saturating_sub(self.held()) {
                return Err(DecodeError(()));
            }
            self.line.extend_from_slice(part);
            consumed += part.len();
            if end.is_some() {
                self.after_cr = input[consumed] == b'\r';
                consumed += 1;
                let item = self.end_line();
                if item.is_some() {
                    return Ok(DecodeStep { consumed, item });
                }
            }
        }
        let item = None;
        Ok(DecodeStep { consumed, item })
    }

    /// Bytes that are held of the present block.
    fn held(&self) -> usize {
        self.line.len() + self.data.len() + self.event.len() + self.id.len()
    }

    fn end_line(&mut self) -> Option<Item> {
        let mut line = std::mem::take(&mut self.line);
        if !std::mem::replace(&mut self.has_begun, true) && line.starts_with(BYTE_ORDER_MARK) {
            line.drain(..BYTE_ORDER_MARK.len());
        }
        let text = String::from_utf8_lossy(&line);
        let item = match text.split_once(':') {
            None if text.is_empty() => self.end_block(),
            None => self.field(&text, ""),
            Some(("", comment)) => Some(Item::Comment(value(comment).to_owned())),
            Some((name, rest)) => self.field(name, value(rest)),
        };
        drop(text);
        line.clear();
        self.line = line;
        item
    }

    fn field(&mut self, name: &str, value: &str) -> Option<Item> {
        match name {
            "event" => value.clone_into(&mut self.event),
            "data" => {
                if self.has_data {
                    self.data.push('\n');
                }
                self.has_data = true;
                self.data.push_str(value);
            }
            "id" if !value.contains('\0') => value.clone_into(&mut self.id),
            "retry" if value.bytes().all(|byte| byte.is_ascii_digit()) => {
                let millis = value.parse().ok()?; // none at all, or more than any clock has
                return Some(Item::Retry(Duration::from_millis(millis)));
            }
            _ => {}
        }
        None
    }

    fn end_block(&mut self) -> Option<Item> {
        self.id.clone_into(&mut self.last_event_id);
        let event = std::mem::take(&mut self.event);
        let data = std::mem::take(&mut self.data);
        if !std::mem::take(&mut self.has_data) {
            return None;
        }
        let name = if event.is_empty() { "message" } else { &event };
        Some(Item::Event(Event {
            event: name.to_owned(),
            data,
            id: self.last_event_id.clone(),
        }))
    }
}

/// What stands behind a colon, without the one space that may follow it.
fn value(text: &str) -> &str {
    text.strip_prefix(' ').unwrap_or(text)
}
