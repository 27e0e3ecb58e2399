//! Protocol errors of a peer, and the close code of each.

use super::CloseCode;
use std::fmt;

/// Why a connection was failed (RFC 6455 §7.1.7). Nothing more is read from it.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Error {
    /// A control frame with more than 125 bytes (RFC 6455 §5.5).
    ControlTooLong,
    /// A new message before the one in progress ended (RFC 6455 §5.4).
    ExpectedContinuation,
    /// A control frame that is not whole (RFC 6455 §5.5).
    FragmentedControl,
    /// A close frame with half a code, or one that may not be sent (RFC 6455 §5.5.1, §7.4).
    InvalidClose,
    /// A compressed message that is no DEFLATE data (RFC 7692 §7.2.2).
    InvalidDeflate,
    /// Text, or the reason of a close frame, that is not UTF-8 (RFC 6455 §8.1).
    InvalidUtf8,
    /// A length in more bytes than it needs (RFC 6455 §5.2).
    LengthNotMinimal,
    /// A length with its most significant bit set (RFC 6455 §5.2).
    LengthTooLarge,
    /// A masked frame from a server (RFC 6455 §5.1).
    Masked,
    /// A message, as it is or once decompressed, beyond the limit (RFC 6455 §10.4).
    MessageTooLarge,
    /// A reserved bit that no extension gave a meaning (RFC 6455 §5.2).
    ReservedBits,
    /// An opcode that nobody has defined (RFC 6455 §5.2).
    ReservedOpcode,
    /// A message in more frames than the limit (RFC 6455 §10.4).
    TooManyFragments,
    /// A continuation of nothing (RFC 6455 §5.4).
    UnexpectedContinuation,
    /// An unmasked frame from a client (RFC 6455 §5.1).
    Unmasked,
}

impl Error {
    /// What the close frame says (RFC 6455 §7.4.1).
    pub const fn code(self) -> CloseCode {
        match self {
            Self::ControlTooLong
            | Self::ExpectedContinuation
            | Self::FragmentedControl
            | Self::InvalidClose
            | Self::LengthNotMinimal
            | Self::LengthTooLarge
            | Self::Masked
            | Self::ReservedBits
            | Self::ReservedOpcode
            | Self::UnexpectedContinuation
            | Self::Unmasked => CloseCode::PROTOCOL_ERROR,
            Self::InvalidDeflate | Self::InvalidUtf8 => CloseCode::INVALID_DATA,
            Self::TooManyFragments => CloseCode::POLICY_VIOLATION,
            Self::MessageTooLarge => CloseCode::TOO_LARGE,
        }
    }

    const fn text(self) -> &'static str {
        match self {
            Self::ControlTooLong => "control frame too long",
            Self::ExpectedContinuation => "new message before the last one ended",
            Self::FragmentedControl => "fragmented control frame",
            Self::InvalidClose => "invalid close frame",
            Self::InvalidDeflate => "invalid compressed data",
            Self::InvalidUtf8 => "invalid UTF-8",
            Self::LengthNotMinimal => "payload length not in the fewest bytes",
            Self::LengthTooLarge => "payload length too large",
            Self::Masked => "masked frame from a server",
            Self::MessageTooLarge => "message too large",
            Self::ReservedBits => "reserved bit set",
            Self::ReservedOpcode => "reserved opcode",
            Self::TooManyFragments => "too many fragments",
            Self::UnexpectedContinuation => "continuation of nothing",
            Self::Unmasked => "unmasked frame from a client",
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl std::error::Error for Error {}
