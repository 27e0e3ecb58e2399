//! A message as applications see it: text or bytes, lent or owned.

use std::borrow::Cow;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Error, Result};

/// One message.
///
/// A callback is lent the bytes where they were received; [`into_owned`](Self::into_owned) keeps
/// them. Strings and bytes turn into messages by themselves where one is to be sent.
///
/// ```
/// use ringlane::websocket::Message;
///
/// let message = Message::from("hello");
/// assert_eq!((message.text(), message.bytes()), (Some("hello"), &b"hello"[..]));
/// let kept: Message<'static> = message.into_owned();
/// assert_eq!(kept, Message::from("hello".to_owned()));
/// ```
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Message<'a> {
    /// Text.
    Text(Cow<'a, str>),
    /// Anything else.
    Binary(Cow<'a, [u8]>),
}

impl Message<'_> {
    /// A value as JSON text.
    ///
    /// # Errors
    ///
    /// If it cannot be serialised.
    pub fn of_json<T: Serialize + ?Sized>(value: &T) -> Result<Message<'static>> {
        let text = serde_json::to_string(value).map_err(Error::internal)?;
        Ok(Message::from(text))
    }

    /// The text, if it is text.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Binary(_) => None,
        }
    }

    /// The bytes, of either kind.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Binary(bytes) => bytes,
        }
    }

    /// The message parsed as JSON, whichever kind it is.
    ///
    /// # Errors
    ///
    /// If it is not JSON, or no such value.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_slice(self.bytes()).map_err(|error| {
            let text = "the message is not the JSON that was expected";
            Error::new(400, text).with_source(error)
        })
    }

    /// Length in bytes.
    pub fn len(&self) -> usize {
        self.bytes().len()
    }

    /// Whether it has no bytes.
    pub fn is_empty(&self) -> bool {
        self.bytes().is_empty()
    }

    /// The same with bytes of its own.
    pub fn into_owned(self) -> Message<'static> {
        match self {
            Self::Text(text) => Message::Text(Cow::Owned(text.into_owned())),
            Self::Binary(bytes) => Message::Binary(Cow::Owned(bytes.into_owned())),
        }
    }

    /// The same, lent.
    pub fn borrowed(&self) -> Message<'_> {
        match self {
            Self::Text(text) => Message::Text(Cow::Borrowed(text)),
            Self::Binary(bytes) => Message::Binary(Cow::Borrowed(bytes)),
        }
    }
}

impl<'a> From<&'a str> for Message<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl<'a> From<&'a String> for Message<'a> {
    fn from(text: &'a String) -> Self {
        Self::from(text.as_str())
    }
}

impl From<String> for Message<'_> {
    fn from(text: String) -> Self {
        Self::Text(Cow::Owned(text))
    }
}

impl<'a> From<&'a [u8]> for Message<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self::Binary(Cow::Borrowed(bytes))
    }
}

impl<'a, const N: usize> From<&'a [u8; N]> for Message<'a> {
    fn from(bytes: &'a [u8; N]) -> Self {
        Self::from(bytes.as_slice())
    }
}

impl From<Vec<u8>> for Message<'_> {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Binary(Cow::Owned(bytes))
    }
}

impl<'a> From<&'a Bytes> for Message<'a> {
    fn from(bytes: &'a Bytes) -> Self {
        Self::from(bytes.as_ref())
    }
}

impl<'a> From<&'a Message<'_>> for Message<'a> {
    fn from(message: &'a Message<'_>) -> Self {
        message.borrowed()
    }
}
