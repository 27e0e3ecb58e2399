//! Close codes and reasons (RFC 6455 §7.4).
//!
//! Always true here: a code that exists can be sent. Those that only programs tell themselves
//! (1005, 1006, 1015) and those nobody has defined do not exist.
//!
//! Not here: when a close frame is sent (`sender.rs`), what follows it (`receiver.rs`).

use super::Error;
use super::frame::CONTROL_BYTES_MAX;
use std::fmt;

/// Longest reason in a close frame, in bytes: what the code leaves of a control frame.
pub const CLOSE_REASON_BYTES_MAX: usize = CONTROL_BYTES_MAX - 2;

/// A status code of a close frame.
///
/// ```
/// use ringlane_protocol::websocket::CloseCode;
///
/// assert_eq!(CloseCode::new(1000), Some(CloseCode::NORMAL));
/// assert_eq!(CloseCode::new(1006), None); // never on the wire
/// assert_eq!(CloseCode::new(4000).map(CloseCode::get), Some(4000)); // for private use
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct CloseCode(u16);

impl CloseCode {
    /// 1000: what the connection was for is done.
    pub const NORMAL: Self = Self(1000);
    /// 1001: the server shuts down, or the page was left.
    pub const GOING_AWAY: Self = Self(1001);
    /// 1002: the peer broke the protocol.
    pub const PROTOCOL_ERROR: Self = Self(1002);
    /// 1003: data of a kind that is not accepted here.
    pub const UNSUPPORTED_DATA: Self = Self(1003);
    /// 1007: data that is not what its kind says, such as text that is no UTF-8.
    pub const INVALID_DATA: Self = Self(1007);
    /// 1008: a message that breaks a rule of ours.
    pub const POLICY_VIOLATION: Self = Self(1008);
    /// 1009: a message that is too large.
    pub const TOO_LARGE: Self = Self(1009);
    /// 1010: the client needs an extension that the server did not grant.
    pub const MISSING_EXTENSION: Self = Self(1010);
    /// 1011: the server failed.
    pub const INTERNAL_ERROR: Self = Self(1011);
    /// 1012: the server restarts (registered with IANA).
    pub const SERVICE_RESTART: Self = Self(1012);
    /// 1013: the server has too much to do (registered with IANA).
    pub const TRY_AGAIN_LATER: Self = Self(1013);
    /// 1014: a gateway got no valid answer (registered with IANA).
    pub const BAD_GATEWAY: Self = Self(1014);

    /// The code with this number, if it may stand in a close frame: RFC 6455 §7.4.1, what IANA
    /// has registered since, and §7.4.2's 3000 to 4999 for libraries and applications.
    pub const fn new(number: u16) -> Option<Self> {
        match number {
            1000..=1003 | 1007..=1014 | 3000..=4999 => Some(Self(number)),
            _ => None,
        }
    }

    /// The number.
    pub const fn get(self) -> u16 {
        self.0
    }
}

impl fmt::Display for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a close frame says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct CloseFrame<'a> {
    /// Why.
    pub code: CloseCode,
    /// The same in words, for logs. May be empty.
    pub reason: &'a str,
}

impl<'a> CloseFrame<'a> {
    /// Reads a close frame's payload, which may say nothing (RFC 6455 §5.5.1).
    pub(super) fn decode(payload: &'a [u8]) -> Result<Option<Self>, Error> {
        let Some((number, reason)) = payload.split_first_chunk::<2>() else {
            return match payload {
                [] => Ok(None),
                _ => Err(Error::InvalidClose), // half a code
            };
        };
        let code = CloseCode::new(u16::from_be_bytes(*number)).ok_or(Error::InvalidClose)?;
        let reason = str::from_utf8(reason).map_err(|_| Error::InvalidUtf8)?; // RFC 6455 §8.1
        Ok(Some(Self { code, reason }))
    }
}
