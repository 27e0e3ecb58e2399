//! Errors of WebSocket handshakes, and the answer to each.

use crate::{HeaderError, ResponseHeaders};
use http::StatusCode;
use std::fmt;

/// The rule of RFC 6455 §4.2.1 that a request broke, or the policy it met.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum HandshakeError {
    /// `Upgrade` is there, but `Connection` does not list it: a proxy may have dropped it.
    ConnectionWithoutUpgrade,
    /// A page from an origin that may not connect (RFC 6455 §10.2).
    ForbiddenOrigin,
    /// `Sec-WebSocket-Extensions` is no list of extensions (RFC 6455 §9.1).
    InvalidExtensions,
    /// `Sec-WebSocket-Key` is not there once, or not 16 bytes in base64.
    InvalidKey,
    /// `Sec-WebSocket-Protocol` is no list of tokens (RFC 6455 §11.3.4).
    InvalidProtocol,
    /// A method other than `GET`.
    MethodNotGet,
    /// No `Upgrade` to `websocket` was asked for: an ordinary request.
    NoUpgrade,
    /// A handshake with a body.
    UnexpectedBody,
    /// `Sec-WebSocket-Version` is not 13 (RFC 6455 §4.4).
    UnsupportedVersion,
    /// HTTP/1.0.
    VersionTooLow,
}

impl HandshakeError {
    /// The status to answer with.
    pub const fn status(self) -> StatusCode {
        match self {
            Self::ConnectionWithoutUpgrade
            | Self::InvalidExtensions
            | Self::InvalidKey
            | Self::InvalidProtocol
            | Self::UnexpectedBody
            | Self::VersionTooLow => StatusCode::BAD_REQUEST,
            Self::ForbiddenOrigin => StatusCode::FORBIDDEN,
            Self::MethodNotGet => StatusCode::METHOD_NOT_ALLOWED,
            Self::NoUpgrade | Self::UnsupportedVersion => StatusCode::UPGRADE_REQUIRED,
        }
    }

    /// What [`ResponseHead::upgrade`](crate::ResponseHead::upgrade) should say: a 426 names the
    /// protocol it asks for (RFC 9110 §15.5.22).
    pub const fn upgrade(self) -> Option<&'static str> {
        match self {
            Self::NoUpgrade | Self::UnsupportedVersion => Some("websocket"),
            _ => None,
        }
    }

    /// Sets the fields that tell a client what would be accepted.
    ///
    /// # Errors
    ///
    /// Too many headers.
    pub fn set_headers(self, headers: &mut ResponseHeaders) -> Result<(), HeaderError> {
        match self {
            Self::MethodNotGet => headers.set("Allow", "GET"), // RFC 9110 §15.5.6
            // RFC 6455 §4.4: the version that is spoken here.
            Self::NoUpgrade | Self::UnsupportedVersion => {
                headers.set("Sec-WebSocket-Version", "13")
            }
            _ => Ok(()),
        }
    }
}

impl fmt::Display for HandshakeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ConnectionWithoutUpgrade => "the Connection header does not list upgrade",
            Self::ForbiddenOrigin => "pages of this origin may not connect",
            Self::InvalidExtensions => "invalid Sec-WebSocket-Extensions header",
            Self::InvalidKey => "missing or invalid Sec-WebSocket-Key header",
            Self::InvalidProtocol => "invalid Sec-WebSocket-Protocol header",
            Self::MethodNotGet => "a WebSocket handshake is a GET request",
            Self::NoUpgrade => "only WebSocket connections are accepted here",
            Self::UnexpectedBody => "a WebSocket handshake has no body",
            Self::UnsupportedVersion => "only version 13 of WebSocket is supported",
            Self::VersionTooLow => "a WebSocket handshake needs HTTP/1.1",
        })
    }
}

impl std::error::Error for HandshakeError {}
