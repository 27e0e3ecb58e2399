//! What was published, encoded once for many followers, of this core and of others.
//!
//! Always true here:
//! - Each form is made once at most, and only if a follower that wants it so is to get it.
//!
//! Not here: who gets it (`topics.rs`), which form a socket gets (the protocol's).

use std::sync::OnceLock;

use bytes::Bytes;
use ringlane_protocol::event_stream::FieldError;
use ringlane_protocol::websocket::{Prepared, Settings, Shared};

use crate::event_stream::{Event, Piece};
use crate::websocket::Message;

/// What is published to a topic: a message for all, or an event whose name is for streams. Strings,
/// bytes, messages and events turn into it by themselves.
///
/// ```
/// use ringlane::event_stream::Event;
/// use ringlane::topics::Topics;
///
/// fn tell(topics: &Topics) {
///     topics.publish("prices", "tea");
///     topics.publish("prices", Event::data("250").event("cents"));
/// }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Publication<'m> {
    /// As sockets get it; to streams, text is the data of an event.
    Message(Message<'m>),
    /// As streams get it; to sockets, its data is a text.
    Event(Event),
}

impl<'m, M: Into<Message<'m>>> From<M> for Publication<'m> {
    fn from(message: M) -> Self {
        Self::Message(message.into())
    }
}

impl From<Event> for Publication<'_> {
    fn from(event: Event) -> Self {
        Self::Event(event)
    }
}

impl Publication<'_> {
    /// Whether it can be encoded.
    pub(super) fn check(&self) -> Result<(), FieldError> {
        match self {
            Self::Message(_) => Ok(()),
            Self::Event(event) => event.check(),
        }
    }

    pub(super) fn into_owned(self) -> Publication<'static> {
        match self {
            Self::Message(message) => Publication::Message(message.into_owned()),
            Self::Event(event) => Publication::Event(event),
        }
    }

    /// Whether streams get it.
    pub(super) fn is_text(&self) -> bool {
        !matches!(self, Self::Message(Message::Binary(_)))
    }
}

pub(crate) struct Shipment {
    publication: Publication<'static>,
    /// Its number and its id, if its topic has a history.
    number: Option<(u64, String)>,
    plain: OnceLock<Prepared>,
    /// With its compressed form, if that is shorter.
    compressed: OnceLock<Prepared>,
    /// For streams; `None` if it is nothing for them.
    piece: OnceLock<Option<Piece>>,
}

impl Shipment {
    pub(crate) fn new(publication: Publication<'static>) -> Self {
        Self {
            publication,
            number: None,
            plain: OnceLock::new(),
            compressed: OnceLock::new(),
            piece: OnceLock::new(),
        }
    }

    /// One that is kept, under its number and id.
    pub(super) fn numbered(publication: Publication<'static>, number: u64, id: String) -> Self {
        Self {
            number: Some((number, id)),
            ..Self::new(publication)
        }
    }

    pub(crate) fn number(&self) -> Option<u64> {
        self.number.as_ref().map(|(number, _)| *number)
    }

    pub(crate) fn len(&self) -> usize {
        match &self.publication {
            Publication::Message(message) => message.len(),
            Publication::Event(event) => event.len(),
        }
    }

    /// Whether sockets get it: events without data are nothing for them.
    pub(crate) fn is_for_sockets(&self) -> bool {
        match &self.publication {
            Publication::Message(_) => true,
            Publication::Event(event) => event.text().is_some(),
        }
    }

    /// As a socket gets it whose client takes compressed messages, or does not.
    pub(crate) fn prepared(&self, compressed: bool, shared: &mut Shared) -> &Prepared {
        let form = match compressed {
            true => &self.compressed,
            false => &self.plain,
        };
        form.get_or_init(|| {
            let mut settings = Settings::default();
            if !compressed {
                settings.compress_bytes_min = usize::MAX;
            }
            match &self.publication {
                Publication::Message(Message::Text(text)) => {
                    Prepared::text(text, &settings, shared)
                }
                Publication::Message(Message::Binary(bytes)) => {
                    Prepared::binary(bytes, &settings, shared)
                }
                Publication::Event(event) => {
                    Prepared::text(event.text().unwrap_or_default(), &settings, shared)
                }
            }
        })
    }

    /// As a stream of events gets it, in chunks or without.
    pub(crate) fn piece(&self, is_chunked: bool) -> Option<Bytes> {
        Some(self.whole_piece()?.bytes(is_chunked))
    }

    /// As streams of events get it.
    pub(super) fn whole_piece(&self) -> Option<&Piece> {
        let piece = self.piece.get_or_init(|| {
            let id = self.number.as_ref().map(|(_, id)| id.as_str());
            match &self.publication {
                Publication::Message(Message::Text(text)) => Piece::of_text(text, id),
                Publication::Message(Message::Binary(_)) => None,
                Publication::Event(event) => Piece::of_event(event, id),
            }
        });
        piece.as_ref()
    }
}
