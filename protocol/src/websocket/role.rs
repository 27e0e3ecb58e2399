//! The role of an endpoint (client or server), and the limits of its messages.

use super::assembly::{Inflation, Limits};
use super::deflate::{DEFLATE_WINDOW_BITS_MIN, WINDOW_BITS_MAX};
use super::sender::Deflation;
use super::{DeflateParameters, FrameRules, Receiver, Sender};
use std::hash::{BuildHasher, RandomState};

/// Which end of a connection this is.
#[derive(Clone, Debug)]
pub enum Role {
    /// Sends unmasked frames and takes only masked ones (RFC 6455 §5.1).
    Server,
    /// Masks every frame and takes only unmasked ones.
    Client(MaskKeys),
}

/// Where a client takes its masking keys from: unpredictable to whoever chose the payload, so that
/// no payload can look like a request to a proxy on the way (RFC 6455 §5.3, §10.3).
///
/// Keys are a counter under a keyed hash whose key is the standard library's own random one.
#[derive(Clone, Debug, Default)]
pub struct MaskKeys {
    hash: RandomState,
    count: u64,
}

impl MaskKeys {
    /// A sequence of keys like no other.
    pub fn new() -> Self {
        Self::default()
    }

    pub(super) fn next_key(&mut self) -> [u8; 4] {
        self.count = self.count.wrapping_add(1);
        let hash = self.hash.hash_one(self.count);
        (hash as u32).to_ne_bytes()
    }
}

/// What a connection's messages may be, and how they are sent.
///
/// ```
/// use ringlane_protocol::websocket::Settings;
///
/// let settings = Settings {
///     message_bytes_max: 64 * 1024,
///     ..Settings::default()
/// };
/// assert_eq!(settings.frame_bytes_max, usize::MAX); // never cut
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Largest message taken, in bytes, decompressed. Default 1 MiB. Beyond it: close code 1009.
    pub message_bytes_max: usize,
    /// Most frames of one message taken. Default 262,144. Beyond it: close code 1008.
    pub fragments_max: u32,
    /// Largest payload of a frame sent, in bytes: longer messages are cut. At least 1 is meant.
    /// Default: no limit.
    pub frame_bytes_max: usize,
    /// Shortest message that is compressed, in bytes, where compression was agreed. Default 64;
    /// empty ones never are. One that is compressed by itself travels as it is if that is shorter,
    /// unless this is 0.
    pub compress_bytes_min: usize,
    /// How hard to compress: 0 (not at all, but in that format) to 9. Default 2: messages come out
    /// a few percent longer than at 6, in 40 to 90 % of the time. Messages of up to 256 bytes that
    /// are compressed by themselves take level 1 at most.
    pub compress_level: u8,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            message_bytes_max: 1024 * 1024,
            fragments_max: 256 * 1024,
            frame_bytes_max: usize::MAX,
            compress_bytes_min: 64,
            compress_level: 2,
        }
    }
}

/// The two halves of one connection, right behind its handshake. `deflate` is what the handshake
/// agreed on, if compression was.
///
/// ```
/// use ringlane_protocol::websocket::{MaskKeys, Role, Settings, pair};
///
/// let settings = Settings::default();
/// let (receiver, sender) = pair(Role::Client(MaskKeys::new()), &settings, None);
/// assert!(!receiver.is_ended() && !sender.is_closed());
/// ```
pub fn pair(
    role: Role,
    settings: &Settings,
    deflate: Option<&DeflateParameters>,
) -> (Receiver, Sender) {
    let is_server = matches!(role, Role::Server);
    // Each direction by its sender: whether it keeps history, and its window.
    let from = |server: bool, agreed: &DeflateParameters| {
        let (no_takeover, bits) = if server {
            (
                agreed.server_no_context_takeover,
                agreed.server_max_window_bits,
            )
        } else {
            (
                agreed.client_no_context_takeover,
                agreed.client_max_window_bits,
            )
        };
        (!no_takeover, bits.unwrap_or(WINDOW_BITS_MAX))
    };
    let inflation = deflate
        .map(|agreed| Inflation::new(from(!is_server, agreed).0))
        .map(Box::new);
    let deflation = deflate
        .map(|agreed| from(is_server, agreed))
        // A window that cannot be kept to: what goes out stays uncompressed (RFC 7692 §6).
        .filter(|&(_, bits)| (DEFLATE_WINDOW_BITS_MIN..=WINDOW_BITS_MAX).contains(&bits))
        .map(|(has_takeover, bits)| Deflation::new(has_takeover, bits, settings))
        .map(Box::new);
    let rules = FrameRules {
        masked: is_server,
        compression: deflate.is_some(),
    };
    let masks = match role {
        Role::Server => None,
        Role::Client(keys) => Some(keys),
    };
    (
        Receiver::new(rules, Limits::of(settings), inflation),
        Sender::new(masks, settings.frame_bytes_max, deflation),
    )
}

// What an idle connection costs here.
const _: () = assert!(size_of::<Receiver>() + size_of::<Sender>() <= 72);
