//! Negotiates permessage-deflate (RFC 7692 §5, §7.1).
//!
//! Always true here:
//! - Offers are tried in the client's order; the first one that can be kept is granted.
//! - An offer with a parameter that is unknown, repeated or invalid is declined (§7.1), the
//!   connection is not.
//! - No window of 256 bytes is granted to the client for what we send: raw DEFLATE with that
//!   window cannot be made here, so §7.1.2.1 asks to decline. Reading such data is no matter.
//!
//! Not here: compressing (`deflate.rs`).

use super::HandshakeError;
use super::list::{Scanner, Value};
use crate::RequestHead;
use crate::websocket::deflate::{DEFLATE_WINDOW_BITS_MIN, WINDOW_BITS_MAX};
use std::fmt;

/// The extension's name (RFC 7692 §7).
const NAME: &str = "permessage-deflate";

/// Smallest window that can be named, as a power of two.
const WINDOW_BITS_MIN: u8 = 8;

/// How a server wants messages compressed. What a client asks for beyond it is granted.
///
/// ```
/// use ringlane_protocol::websocket::DeflateConfig;
///
/// let mut deflate = DeflateConfig::SHARED;
/// deflate.server_max_window_bits = 12; // 4 KiB of history
/// assert!(deflate.server_no_context_takeover);
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct DeflateConfig {
    /// Whether each message sent is compressed for itself. Then connections share contexts.
    pub server_no_context_takeover: bool,
    /// The same asked of clients.
    pub client_no_context_takeover: bool,
    /// Largest window for what is sent, as a power of two: 9 to 15. Others mean the nearest.
    pub server_max_window_bits: u8,
    /// The same asked of clients who can be asked (RFC 7692 §7.1.2.2): 8 to 15.
    pub client_max_window_bits: u8,
}

impl DeflateConfig {
    /// No history from message to message: contexts are shared by all connections of a thread, so
    /// that a connection costs no memory. Compresses less.
    pub const SHARED: Self = Self {
        server_no_context_takeover: true,
        client_no_context_takeover: true,
        server_max_window_bits: WINDOW_BITS_MAX,
        client_max_window_bits: WINDOW_BITS_MAX,
    };

    /// Each connection keeps its history, both ways: about 300 KiB while it lasts, less with
    /// smaller windows. Compresses best.
    pub const DEDICATED: Self = Self {
        server_no_context_takeover: false,
        client_no_context_takeover: false,
        ..Self::SHARED
    };
}

/// What was agreed on (RFC 7692 §7.1). Windows that are not named have 2^15 bytes.
///
/// Its text is the extension's part of the answer:
///
/// ```
/// use ringlane_protocol::websocket::DeflateParameters;
///
/// let agreed = DeflateParameters {
///     server_no_context_takeover: true,
///     client_max_window_bits: Some(10),
///     ..DeflateParameters::default()
/// };
/// let text = "permessage-deflate; server_no_context_takeover; client_max_window_bits=10";
/// assert_eq!(agreed.to_string(), text);
/// assert_eq!(DeflateParameters::from_answer(text.as_bytes()), Some(agreed));
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct DeflateParameters {
    /// Whether each message of the server's is compressed for itself.
    pub server_no_context_takeover: bool,
    /// Whether each message of the client's is.
    pub client_no_context_takeover: bool,
    /// The server's largest window, as a power of two, 8 to 15, if one was named.
    pub server_max_window_bits: Option<u8>,
    /// The client's.
    pub client_max_window_bits: Option<u8>,
}

impl DeflateParameters {
    /// Reads the value of `Sec-WebSocket-Extensions` in a server's answer: for clients. `None` if
    /// it is not this extension alone, or not valid. Whether it keeps to what was offered is the
    /// client's to compare; one that offers no windows of 256 bytes need not send any.
    pub fn from_answer(value: &[u8]) -> Option<Self> {
        let mut scanner = Scanner::new(value);
        let (answer, name) = Offer::read(&mut scanner).ok()??;
        let is_alone = matches!(scanner.extension(), Ok(None));
        let is_valid = name == NAME.as_bytes() && is_alone && answer.is_valid;
        let client_max_window_bits = match answer.client_max_window_bits {
            None => None,
            Some(bits) => Some(bits?), // RFC 7692 §7.1.2.2: in an answer it has a value
        };
        is_valid.then_some(Self {
            server_no_context_takeover: answer.server_no_context_takeover,
            client_no_context_takeover: answer.client_no_context_takeover,
            server_max_window_bits: answer.server_max_window_bits,
            client_max_window_bits,
        })
    }
}

impl fmt::Display for DeflateParameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(NAME)?;
        if self.server_no_context_takeover {
            f.write_str("; server_no_context_takeover")?;
        }
        if self.client_no_context_takeover {
            f.write_str("; client_no_context_takeover")?;
        }
        if let Some(bits) = self.server_max_window_bits {
            write!(f, "; server_max_window_bits={bits}")?;
        }
        if let Some(bits) = self.client_max_window_bits {
            write!(f, "; client_max_window_bits={bits}")?;
        }
        Ok(())
    }
}

/// What to grant of all that a client offers, on all its lines together (RFC 6455 §9.1).
pub(super) fn choose(
    config: Option<&DeflateConfig>,
    head: &RequestHead,
) -> Result<Option<DeflateParameters>, HandshakeError> {
    let mut chosen = None;
    for value in head.header_all("sec-websocket-extensions") {
        let mut scanner = Scanner::new(value);
        while let Some((offer, name)) = Offer::read(&mut scanner)? {
            if let Some(config) = config
                && name == NAME.as_bytes()
                && chosen.is_none()
            {
                chosen = offer.grant(config);
            }
        }
    }
    Ok(chosen)
}

/// One extension of a list, its parameters read as those of compression.
struct Offer {
    server_no_context_takeover: bool,
    client_no_context_takeover: bool,
    server_max_window_bits: Option<u8>,
    /// May come without a value in an offer.
    client_max_window_bits: Option<Option<u8>>,
    is_valid: bool,
}

impl Offer {
    /// The next extension and its name; `None` at the list's end.
    fn read<'h>(scanner: &mut Scanner<'h>) -> Result<Option<(Self, &'h [u8])>, HandshakeError> {
        let Some(name) = scanner.extension()? else {
            return Ok(None);
        };
        let mut offer = Self {
            server_no_context_takeover: false,
            client_no_context_takeover: false,
            server_max_window_bits: None,
            client_max_window_bits: None,
            is_valid: true,
        };
        while let Some((parameter, value)) = scanner.parameter()? {
            offer.is_valid &= offer.take(parameter, value).is_some();
        }
        Ok(Some((offer, name)))
    }

    /// Notes one parameter. `None` if it is unknown, repeated or invalid (RFC 7692 §7.1).
    fn take(&mut self, name: &[u8], value: Option<Value<'_>>) -> Option<()> {
        let is_new = match name {
            b"server_no_context_takeover" => flag(&mut self.server_no_context_takeover, value)?,
            b"client_no_context_takeover" => flag(&mut self.client_no_context_takeover, value)?,
            b"server_max_window_bits" => {
                let bits = window_bits(value?)?;
                self.server_max_window_bits.replace(bits).is_none()
            }
            b"client_max_window_bits" => {
                let bits = match value {
                    Some(value) => Some(window_bits(value)?),
                    None => None,
                };
                self.client_max_window_bits.replace(bits).is_none()
            }
            _ => return None,
        };
        is_new.then_some(())
    }

    /// What the server answers to this offer; `None` to decline it.
    fn grant(&self, config: &DeflateConfig) -> Option<DeflateParameters> {
        let sendable = DEFLATE_WINDOW_BITS_MIN..=WINDOW_BITS_MAX;
        let wanted = config
            .server_max_window_bits
            .clamp(DEFLATE_WINDOW_BITS_MIN, WINDOW_BITS_MAX);
        // RFC 7692 §7.1.2.1: named if it was asked for, or if it is smaller than usual.
        let server = self
            .server_max_window_bits
            .map(|asked| asked.min(wanted))
            .or_else(|| (wanted < WINDOW_BITS_MAX).then_some(wanted));
        let is_possible = server.is_none_or(|bits| sendable.contains(&bits));
        // §7.1.2.2: only named to those who say that they understand it.
        let wanted = config
            .client_max_window_bits
            .clamp(WINDOW_BITS_MIN, WINDOW_BITS_MAX);
        let client = self
            .client_max_window_bits
            .map(|asked| asked.unwrap_or(WINDOW_BITS_MAX).min(wanted))
            .filter(|&bits| bits < WINDOW_BITS_MAX);
        (self.is_valid && is_possible).then_some(DeflateParameters {
            server_no_context_takeover: self.server_no_context_takeover
                || config.server_no_context_takeover,
            client_no_context_takeover: self.client_no_context_takeover
                || config.client_no_context_takeover,
            server_max_window_bits: server,
            client_max_window_bits: client,
        })
    }
}

/// Notes a parameter that has no value. Tells whether it is new.
fn flag(noted: &mut bool, value: Option<Value<'_>>) -> Option<bool> {
    if value.is_some() {
        return None; // RFC 7692 §7.1.1
    }
    Some(!std::mem::replace(noted, true))
}

/// RFC 7692 §7.1.2: 8 to 15, in decimal, without leading zeros.
fn window_bits(value: Value<'_>) -> Option<u8> {
    let mut digits = value.bytes();
    let bits = match (digits.next()?, digits.next(), digits.next()) {
        (digit @ b'8'..=b'9', None, _) => digit - b'0',
        (b'1', Some(digit @ b'0'..=b'5'), None) => 10 + digit - b'0',
        _ => return None,
    };
    Some(bits)
}
