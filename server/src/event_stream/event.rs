//! One event as applications see it, and as it is sent.
//!
//! Always true here:
//! - What was encoded is shared by all who get it, with its chunk's frame around it.

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;
use ringlane_protocol::chunked;
use ringlane_protocol::event_stream::{FieldError, Fields};
use serde::Serialize;

use crate::{Error, Result};

/// One event, or something else that can stand in a stream of events. Strings turn into events by
/// themselves where one is to be sent.
///
/// ```
/// use std::time::Duration;
/// use ringlane::event_stream::Event;
///
/// let event = Event::data("tea\n250").event("price").id("7");
/// assert_eq!(event.to_string(), "id: 7\nevent: price\ndata: tea\ndata: 250\n\n");
/// let comment = Event::comment("still here").retry(Duration::from_secs(3));
/// assert_eq!(comment.to_string(), ": still here\nretry: 3000\n\n");
/// ```
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
#[must_use = "an event does nothing until it is sent"]
pub struct Event {
    data: Option<String>,
    name: Option<Cow<'static, str>>,
    id: Option<String>,
    retry: Option<Duration>,
    comment: Option<String>,
}

impl Event {
    /// An event with this text, of any number of lines. They may end in LF, CR or CRLF; the client
    /// sees LF.
    ///
    /// ```
    /// let event = ringlane::event_stream::Event::data("a\r\nb");
    /// assert_eq!(event.to_string(), "data: a\ndata: b\n\n");
    /// ```
    pub fn data(text: impl Into<String>) -> Self {
        Self {
            data: Some(text.into()),
            ..Self::default()
        }
    }

    /// An event with a value as JSON.
    ///
    /// # Errors
    ///
    /// If it cannot be serialised.
    ///
    /// ```
    /// let event = ringlane::event_stream::Event::json(&[1, 2])?;
    /// assert_eq!(event.to_string(), "data: [1,2]\n\n");
    /// # Ok::<(), ringlane::Error>(())
    /// ```
    pub fn json<T: Serialize + ?Sized>(value: &T) -> Result<Self> {
        let text = serde_json::to_string(value).map_err(Error::internal)?;
        Ok(Self::data(text))
    }

    /// A comment, which clients ignore: no event. Each of its lines is one.
    ///
    /// ```
    /// let comment = ringlane::event_stream::Event::comment("hello");
    /// assert_eq!(comment.to_string(), ": hello\n\n");
    /// ```
    pub fn comment(text: impl Into<String>) -> Self {
        Self {
            comment: Some(text.into()),
            ..Self::default()
        }
    }

    /// Names the event: pages listen for it by this name, instead of `message`. A name with a line
    /// break cannot be [sent](Self::check).
    ///
    /// ```
    /// let event = ringlane::event_stream::Event::data("250").event("price");
    /// assert_eq!(event.to_string(), "event: price\ndata: 250\n\n");
    /// ```
    pub fn event(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Gives the event an id: see [`Context::last_event_id`](crate::Context::last_event_id). One
    /// with a line break or a NUL cannot be [sent](Self::check). In a topic with a
    /// [history](crate::topics::History) the history's own id takes its place.
    ///
    /// ```
    /// let event = ringlane::event_stream::Event::data("a").id("7");
    /// assert_eq!(event.to_string(), "id: 7\ndata: a\n\n");
    /// ```
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// Tells the client how long to wait before it connects anew, to the millisecond.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let event = ringlane::event_stream::Event::data("a").retry(Duration::from_millis(10));
    /// assert_eq!(event.to_string(), "retry: 10\ndata: a\n\n");
    /// ```
    pub fn retry(mut self, time: Duration) -> Self {
        self.retry = Some(time);
        self
    }

    /// Whether it can be sent.
    ///
    /// # Errors
    ///
    /// If its name or its id would end its field, or be ignored.
    ///
    /// ```
    /// use ringlane::event_stream::{Event, FieldError};
    ///
    /// let injected = Event::data("a").id("1\ndata: b");
    /// assert_eq!(injected.check(), Err(FieldError::Id));
    /// ```
    pub fn check(&self) -> Result<(), FieldError> {
        self.fields().check()
    }

    /// The same with the data of another.
    pub(super) fn with_data_of(mut self, other: Self) -> Self {
        self.data = other.data;
        self
    }

    /// Its data, if it has any.
    pub(crate) fn text(&self) -> Option<&str> {
        self.data.as_deref()
    }

    /// About its length in bytes.
    pub(crate) fn len(&self) -> usize {
        let name = self.name.as_deref().map_or(0, str::len);
        let others = [&self.data, &self.id, &self.comment];
        name + others
            .map(|text| text.as_ref().map_or(0, String::len))
            .iter()
            .sum::<usize>()
    }

    pub(crate) fn encode(&self) -> Result<Vec<u8>, FieldError> {
        let mut bytes = Vec::with_capacity(self.len() + 32);
        self.fields().write(&mut bytes)?;
        Ok(bytes)
    }

    fn fields(&self) -> Fields<'_> {
        Fields {
            comment: self.comment.as_deref(),
            retry: self.retry,
            id: self.id.as_deref(),
            event: self.name.as_deref(),
            data: self.data.as_deref(),
        }
    }
}

impl From<&str> for Event {
    fn from(text: &str) -> Self {
        Self::data(text)
    }
}

impl From<String> for Event {
    fn from(text: String) -> Self {
        Self::data(text)
    }
}

/// As it is sent; nothing if it [cannot be](Event::check).
impl std::fmt::Display for Event {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let bytes = self.encode().unwrap_or_default();
        f.write_str(&String::from_utf8_lossy(&bytes))
    }
}

/// An encoded event, in its chunk. Clones share its bytes.
#[derive(Clone)]
pub(crate) struct Piece {
    chunk: Bytes,
    /// Length of the chunk's head.
    head: usize,
}

impl Piece {
    /// `None` if it cannot be encoded. An id that is given takes the place of the event's own.
    pub(crate) fn of_event(event: &Event, id: Option<&str>) -> Option<Self> {
        let fields = event.fields();
        let id = id.or(fields.id);
        Self::of(&Fields { id, ..fields })
    }

    pub(crate) fn of_text(text: &str, id: Option<&str>) -> Option<Self> {
        let data = Some(text);
        Self::of(&Fields {
            id,
            data,
            ..Fields::default()
        })
    }

    fn of(fields: &Fields<'_>) -> Option<Self> {
        let mut bytes = Vec::new();
        fields.write(&mut bytes).ok()?;
        let mut chunk = Vec::new();
        chunked::write_chunk(&mut chunk, &bytes);
        Some(Self {
            head: chunk.len() - bytes.len() - chunked::CHUNK_END.len(),
            chunk: chunk.into(),
        })
    }

    /// Its bytes, with the chunk's frame around them.
    pub(crate) fn len(&self) -> usize {
        self.chunk.len()
    }

    /// Whether nobody else has its bytes.
    #[cfg(test)]
    pub(crate) fn is_unique(&self) -> bool {
        self.chunk.is_unique()
    }

    /// With the chunk's frame around it, or without.
    pub(crate) fn bytes(&self, is_chunked: bool) -> Bytes {
        match is_chunked {
            true => self.chunk.clone(),
            false => {
                let end = self.chunk.len() - chunked::CHUNK_END.len();
                self.chunk.slice(self.head..end)
            }
        }
    }
}
