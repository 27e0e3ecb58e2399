//! Why a socket was closed, as its handler is told.

use std::fmt;

use ringlane_protocol::websocket::{CloseCode, Error};

use crate::escaped::Escaped;

/// Why a socket was closed. What came first counts.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum CloseReason {
    /// The client closed.
    Client {
        /// The code that it gave, if it gave one.
        code: Option<CloseCode>,
        /// Its words; often none.
        reason: String,
    },
    /// The application closed, with this code.
    Server {
        /// What the client was told.
        code: CloseCode,
    },
    /// The connection was gone without a close frame.
    Gone,
    /// The client gave no sign of life in the [idle time](crate::websocket::Options::idle_timeout).
    Idle,
    /// The socket had lived [as long as it may](crate::websocket::Options::max_lifetime): 1001.
    Lifetime,
    /// The client took too little of what it was sent, and
    /// [is not to be kept](crate::websocket::SlowClient::Close): 1013.
    Slow,
    /// The server shuts down: 1001.
    ShutDown,
    /// The client broke a rule of the protocol, or a limit.
    Violation(Error),
    /// A callback panicked: 1011.
    Panicked,
    /// A layer around the route has made another answer of the handshake.
    Refused,
}

impl CloseReason {
    /// The code as the client's page sees it: 1005 if none was given, 1006 if no close frame came.
    pub fn code(&self) -> u16 {
        const NONE_GIVEN: u16 = 1005; // RFC 6455 §7.4.1: never on the wire
        const ABNORMAL: u16 = 1006;
        match self {
            Self::Client { code, .. } => code.map_or(NONE_GIVEN, CloseCode::get),
            Self::Server { code } => code.get(),
            Self::Gone | Self::Idle | Self::Refused => ABNORMAL,
            Self::Lifetime | Self::ShutDown => CloseCode::GOING_AWAY.get(),
            Self::Slow => CloseCode::TRY_AGAIN_LATER.get(),
            Self::Violation(error) => error.code().get(),
            Self::Panicked => CloseCode::INTERNAL_ERROR.get(),
        }
    }

    /// Whether both sides, or one of them in good order, said that this is the end.
    pub fn is_orderly(&self) -> bool {
        match self {
            Self::Client { .. } | Self::Server { .. } | Self::Lifetime | Self::ShutDown => true,
            Self::Gone
            | Self::Idle
            | Self::Slow
            | Self::Violation(_)
            | Self::Panicked
            | Self::Refused => false,
        }
    }
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Client { reason, .. } if reason.is_empty() => f.write_str("the client closed"),
            Self::Client { reason, .. } => {
                write!(f, "the client closed: {}", Escaped(reason)) // mostly for a log
            }
            Self::Server { .. } => f.write_str("the application closed"),
            Self::Gone => f.write_str("the connection was gone"),
            Self::Idle => f.write_str("the client gave no sign of life"),
            Self::Lifetime => f.write_str("the socket's time was up"),
            Self::Slow => f.write_str("the client was too slow"),
            Self::ShutDown => f.write_str("the server shuts down"),
            Self::Violation(error) => write!(f, "the client broke the protocol: {error}"),
            Self::Panicked => f.write_str("a callback panicked"),
            Self::Refused => f.write_str("a layer refused the handshake"),
        }
    }
}

impl std::error::Error for CloseReason {}
