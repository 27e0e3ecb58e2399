//! Parses `Sec-WebSocket-Extensions` (RFC 6455 §9.1) without copying.
//!
//! ```text
//! extension-list  = 1#extension
//! extension       = extension-token *( ";" extension-param )
//! extension-param = token [ "=" (token | quoted-string) ]
//! ```
//!
//! What a quoted string says must be a token as well. Not here: what extensions mean
//! (`parameters.rs`).

use super::HandshakeError;
use crate::bytes::{TOKEN, is_token_text, run_in};

/// Reads one line's value from front to back.
pub(super) struct Scanner<'h> {
    rest: &'h [u8],
}

/// A parameter's value: a token, without the quotes it may have had.
#[derive(Clone, Copy)]
pub(super) struct Value<'h> {
    text: &'h [u8],
    is_quoted: bool,
}

impl Value<'_> {
    /// The bytes that are meant: in quotes, a backslash stands for what follows it.
    pub(super) fn bytes(&self) -> impl Iterator<Item = u8> {
        let mut escaped = false;
        self.text.iter().copied().filter(move |&byte| {
            escaped = self.is_quoted && byte == b'\\' && !escaped;
            !escaped
        })
    }
}

impl<'h> Scanner<'h> {
    pub(super) const fn new(value: &'h [u8]) -> Self {
        Self { rest: value }
    }

    /// The name of the next extension; `None` at the end. Empty members are ignored
    /// (RFC 9110 §5.6.1.2).
    pub(super) fn extension(&mut self) -> Result<Option<&'h [u8]>, HandshakeError> {
        while self.eat(b',') {}
        if self.rest.is_empty() {
            return Ok(None);
        }
        self.token().map(Some)
    }

    /// The next parameter of the extension; `None` behind its last.
    #[expect(
        clippy::type_complexity,
        reason = "a name, and a value if there is one"
    )]
    pub(super) fn parameter(
        &mut self,
    ) -> Result<Option<(&'h [u8], Option<Value<'h>>)>, HandshakeError> {
        if !self.eat(b';') {
            self.skip_space();
            return match self.rest.first() {
                None | Some(b',') => Ok(None),
                Some(_) => Err(HandshakeError::InvalidExtensions),
            };
        }
        let name = self.token()?;
        let value = match self.eat(b'=') {
            true => Some(self.value()?),
            false => None,
        };
        Ok(Some((name, value)))
    }

    fn value(&mut self) -> Result<Value<'h>, HandshakeError> {
        if !self.eat(b'"') {
            let text = self.token()?;
            return Ok(Value {
                text,
                is_quoted: false,
            });
        }
        let mut escaped = false;
        let end = self.rest.iter().position(|&byte| {
            let closes = byte == b'"' && !escaped;
            escaped = byte == b'\\' && !escaped;
            closes
        });
        let (text, rest) = end
            .and_then(|end| self.rest.split_at_checked(end))
            .ok_or(HandshakeError::InvalidExtensions)?;
        self.rest = &rest[1..];
        let value = Value {
            text,
            is_quoted: true,
        };
        let is_token = value.bytes().all(|byte| TOKEN[usize::from(byte)]);
        if value.bytes().next().is_none() || !is_token {
            return Err(HandshakeError::InvalidExtensions);
        }
        Ok(value)
    }

    fn token(&mut self) -> Result<&'h [u8], HandshakeError> {
        self.skip_space();
        let (token, rest) = self.rest.split_at(run_in(self.rest, &TOKEN));
        self.rest = rest;
        is_token_text(token)
            .then_some(token)
            .ok_or(HandshakeError::InvalidExtensions)
    }

    /// Passes over white space and `byte`, if it comes next.
    fn eat(&mut self, byte: u8) -> bool {
        self.skip_space();
        match self.rest.split_first() {
            Some((first, rest)) if *first == byte => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    fn skip_space(&mut self) {
        while let [b' ' | b'\t', rest @ ..] = self.rest {
            self.rest = rest;
        }
    }
}
