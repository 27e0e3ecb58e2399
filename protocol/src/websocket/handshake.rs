//! Validates a WebSocket handshake: from a request head to the fields of a 101, or to an error.
//!
//! In:  a parsed [`RequestHead`], and what the server wants ([`Policy`]).
//! Out: an [`Accepted`], or a [`HandshakeError`] with its status. Nothing is written here: both
//!      put their fields into [`ResponseHeaders`].
//!
//! Always true here:
//! - A request that is no valid handshake gets no 101 (RFC 6455 §4.2.1).
//! - What a client cannot have is left out or declined, never granted half.
//!
//! Not here: `Host` and the line's grammar (`request.rs`), messages (`receiver.rs`).

mod error;
mod list;
mod origin;
mod parameters;

pub use error::HandshakeError;
pub use origin::Origins;
pub use parameters::{DeflateConfig, DeflateParameters};

use crate::bytes::{is_token_text, list_members, list_members_with_empty};
use crate::{Framing, HeaderError, RequestHead, ResponseHeaders};
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use base64::{Engine as _, alphabet};
use http::{Method, Version};
use sha1_smol::Sha1;

/// What is put behind a client's key before it is hashed (RFC 6455 §1.3).
const ACCEPT_SUFFIX: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// Length of `Sec-WebSocket-Accept`: 20 bytes in base64.
const ACCEPT_BYTES: usize = 28;

/// Length of a client's key, decoded (RFC 6455 §4.1).
const KEY_BYTES: usize = 16;

/// Bits of a last digit that stand for nothing may be anything: a key is only hashed.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
);

/// What a server grants and asks of those who want a WebSocket. Made once, used for each.
///
/// ```
/// use ringlane_protocol::{HeadLimits, HeadParser, RequestHead, ResponseHeaders};
/// use ringlane_protocol::websocket::{Origins, Policy};
///
/// let policy = Policy {
///     protocols: vec!["chat.v2".to_owned(), "chat.v1".to_owned()],
///     origins: Origins::SameHost,
///     ..Policy::default()
/// };
/// let mut head = RequestHead::new();
/// let input = b"GET /chat HTTP/1.1\r\nHost: example.org\r\nOrigin: http://example.org\r\n\
///     Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
///     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: chat.v1\r\n\r\n";
/// HeadParser::new().parse(input, &HeadLimits::default(), &mut head)?;
/// let accepted = policy.accept(&head)?;
/// assert_eq!(accepted.protocol, Some("chat.v1"));
/// let mut headers = ResponseHeaders::new(); // of a 101 with `upgrade: Some("websocket")`
/// accepted.set_headers(&mut headers)?;
/// assert_eq!(
///     headers.get("Sec-WebSocket-Accept"),
///     Some(&b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="[..])
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// The sub-protocols spoken here, the best first. The first one that the client offers is
    /// chosen. Default none: no protocol is named, whatever a client offers.
    pub protocols: Vec<String>,
    /// Whose pages may connect. Default any.
    pub origins: Origins,
    /// How messages may be compressed. Default not at all.
    pub deflate: Option<DeflateConfig>,
}

/// A valid handshake, and what it agreed on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Accepted<'p> {
    accept: [u8; ACCEPT_BYTES],
    /// The sub-protocol chosen, if there is one that both speak.
    pub protocol: Option<&'p str>,
    /// How messages are compressed, if they are.
    pub deflate: Option<DeflateParameters>,
}

impl Policy {
    /// Judges a handshake (RFC 6455 §4.2.1) and makes the choices of its answer (§4.2.2).
    ///
    /// # Errors
    ///
    /// The first rule that the request breaks.
    pub fn accept(&self, head: &RequestHead) -> Result<Accepted<'_>, HandshakeError> {
        if *head.method() != Method::GET {
            return Err(HandshakeError::MethodNotGet);
        }
        let lists_websocket = head
            .header_all("upgrade")
            .flat_map(list_members)
            .any(|protocol| protocol.eq_ignore_ascii_case(b"websocket"));
        if !lists_websocket {
            return Err(HandshakeError::NoUpgrade);
        }
        // RFC 9110 §7.8: HTTP/1.0 has no upgrades.
        if head.version() < Version::HTTP_11 {
            return Err(HandshakeError::VersionTooLow);
        }
        if head.upgrade().is_none() {
            return Err(HandshakeError::ConnectionWithoutUpgrade);
        }
        // Before the key: other versions have other keys.
        if only(head, "sec-websocket-version") != Some(b"13") {
            return Err(HandshakeError::UnsupportedVersion);
        }
        let key = only(head, "sec-websocket-key").ok_or(HandshakeError::InvalidKey)?;
        if !is_key(key) {
            return Err(HandshakeError::InvalidKey);
        }
        // Its bytes would be taken for frames.
        if !matches!(head.framing(), Framing::None | Framing::Length(0)) {
            return Err(HandshakeError::UnexpectedBody);
        }
        if !self.origins.allow(head) {
            return Err(HandshakeError::ForbiddenOrigin);
        }
        Ok(Accepted {
            accept: accept_key(key),
            protocol: self.choose_protocol(head)?,
            deflate: parameters::choose(self.deflate.as_ref(), head)?,
        })
    }

    /// RFC 6455 §4.2.2 (5.5): one of those the client offers, or none.
    fn choose_protocol(&self, head: &RequestHead) -> Result<Option<&str>, HandshakeError> {
        let offers = || {
            head.header_all("sec-websocket-protocol")
                .flat_map(list_members_with_empty)
        };
        // RFC 6455 §11.3.4: a list of tokens.
        if !offers().all(is_token_text) {
            return Err(HandshakeError::InvalidProtocol);
        }
        let mut wanted = self.protocols.iter().map(String::as_str);
        Ok(wanted.find(|wanted| offers().any(|offer| offer == wanted.as_bytes())))
    }
}

impl Accepted<'_> {
    /// Sets the fields of the answer besides `Connection` and `Upgrade`, which
    /// [`ResponseHead::upgrade`](crate::ResponseHead::upgrade) writes.
    ///
    /// # Errors
    ///
    /// A sub-protocol of the policy's that is no token, or too many headers.
    pub fn set_headers(&self, headers: &mut ResponseHeaders) -> Result<(), HeaderError> {
        headers.set("Sec-WebSocket-Accept", self.accept)?;
        if let Some(protocol) = self.protocol {
            headers.set("Sec-WebSocket-Protocol", protocol)?;
        }
        if let Some(deflate) = &self.deflate {
            headers.set("Sec-WebSocket-Extensions", deflate.to_string())?;
        }
        Ok(())
    }
}

/// The value of a field that must be there once.
fn only<'h>(head: &'h RequestHead, name: &str) -> Option<&'h [u8]> {
    let mut values = head.header_all(name);
    let value = values.next()?;
    values.next().is_none().then_some(value)
}

/// Whether a client's key is 16 bytes in base64 (RFC 6455 §4.2.1 (5)).
fn is_key(key: &[u8]) -> bool {
    // Room for more than a key, because the decoder wants room for what it might find.
    let mut decoded = [0; 24];
    key.len() == 24 && BASE64.decode_slice(key, &mut decoded) == Ok(KEY_BYTES)
}

/// What a server answers to a client's key, to show that it knows what it was asked
/// (RFC 6455 §4.2.2 (5.4)).
///
/// ```
/// use ringlane_protocol::websocket::accept_key;
///
/// let accept = accept_key(b"dGhlIHNhbXBsZSBub25jZQ=="); // RFC 6455 §1.3
/// assert_eq!(&accept, b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
/// ```
pub fn accept_key(key: &[u8]) -> [u8; ACCEPT_BYTES] {
    let mut hash = Sha1::new();
    hash.update(key);
    hash.update(ACCEPT_SUFFIX);
    let mut accept = [b'='; ACCEPT_BYTES];
    let written = BASE64.encode_slice(hash.digest().bytes(), &mut accept);
    debug_assert_eq!(written, Ok(ACCEPT_BYTES), "20 bytes are 28 in base64");
    accept
}
