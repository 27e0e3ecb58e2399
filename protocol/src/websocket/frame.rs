//! Decodes and encodes the header of a frame (RFC 6455 §5.2).
//!
//! ```text
//! byte 0: FIN 1 | RSV1..3 3 | opcode 4     byte 1: MASK 1 | length 7
//! then:   length 16 or 64 if the 7 bits say 126 or 127, and the key 32 if MASK is set
//! ```
//!
//! Always true here:
//! - A header that no peer may send is refused at the first byte that shows it.
//! - Lengths are only compared, never added or cast: no length can overflow anything.
//!
//! Not here: payloads (`progress.rs`), which frame may follow which (`progress.rs`).

use super::Error;

/// Longest header: two bytes, a 64-bit length, a masking key.
pub const FRAME_HEADER_BYTES_MAX: usize = 14;

/// Longest payload of a control frame (RFC 6455 §5.5).
pub const CONTROL_BYTES_MAX: usize = 125;

/// What a frame carries (RFC 6455 §11.8).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Opcode {
    /// The next part of a fragmented message.
    Continuation = 0,
    /// UTF-8 text, or its first part.
    Text = 1,
    /// Bytes, or their first part.
    Binary = 2,
    /// The end of the connection.
    Close = 8,
    /// A question whether the peer is there.
    Ping = 9,
    /// The answer to it, or a sign of life.
    Pong = 10,
}

impl Opcode {
    const fn from_bits(bits: u8) -> Option<Self> {
        Some(match bits {
            0 => Self::Continuation,
            1 => Self::Text,
            2 => Self::Binary,
            8 => Self::Close,
            9 => Self::Ping,
            10 => Self::Pong,
            _ => return None,
        })
    }

    /// Close, ping and pong: short, whole, and allowed between the fragments of a message.
    pub const fn is_control(self) -> bool {
        matches!(self, Self::Close | Self::Ping | Self::Pong)
    }
}

/// What the frames of one peer must look like.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct FrameRules {
    /// Clients mask every frame, servers none (RFC 6455 §5.1).
    pub masked: bool,
    /// Whether RSV1 may mark compressed messages (RFC 7692 §6).
    pub compression: bool,
}

/// One frame's header.
///
/// ```
/// use ringlane_protocol::websocket::{FrameHeader, FrameRules, Opcode};
///
/// let from_server = FrameRules { masked: false, compression: false };
/// let input = b"\x81\x05Hello"; // RFC 6455 §5.7
/// let (header, header_bytes) = FrameHeader::decode(input, from_server)?.expect("a whole header");
/// assert_eq!((header.opcode, header.fin, header.payload_bytes), (Opcode::Text, true, 5));
/// assert_eq!(header.to_bytes().as_ref(), &input[..header_bytes]);
/// assert_eq!(FrameHeader::decode(&input[..1], from_server)?, None); // not yet
/// # Ok::<(), ringlane_protocol::websocket::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct FrameHeader {
    /// Whether this is the last frame of its message.
    pub fin: bool,
    /// RSV1: whether the message that begins here is compressed.
    pub rsv1: bool,
    /// What the frame carries.
    pub opcode: Opcode,
    /// The key that the payload is masked with.
    pub mask: Option<[u8; 4]>,
    /// How long the payload is: below 2^63.
    pub payload_bytes: u64,
}

impl FrameHeader {
    /// Reads the header at the front of `input`, and how many bytes it takes; `None` if it is not
    /// whole yet.
    ///
    /// # Errors
    ///
    /// The rule that the header breaks, as soon as its first bytes show it.
    #[inline]
    pub fn decode(input: &[u8], rules: FrameRules) -> Result<Option<(Self, usize)>, Error> {
        let Some(&first) = input.first() else {
            return Ok(None);
        };
        let (fin, rsv1, opcode) = decode_first(first, rules)?;
        let Some(&second) = input.get(1) else {
            return Ok(None);
        };
        let is_masked = second & 0x80 != 0;
        if is_masked != rules.masked {
            // RFC 6455 §5.1: either is the end of the connection.
            return Err(if is_masked {
                Error::Masked
            } else {
                Error::Unmasked
            });
        }
        let short = second & 0x7f;
        if opcode.is_control() && usize::from(short) > CONTROL_BYTES_MAX {
            return Err(Error::ControlTooLong); // RFC 6455 §5.5
        }
        let Some((payload_bytes, mut header_bytes)) = decode_length(short, input)? else {
            return Ok(None);
        };
        let mut mask = None;
        if is_masked {
            let Some(key) = input[header_bytes..].first_chunk::<4>() else {
                return Ok(None);
            };
            mask = Some(*key);
            header_bytes += key.len();
        }
        let header = Self {
            fin,
            rsv1,
            opcode,
            mask,
            payload_bytes,
        };
        Ok(Some((header, header_bytes)))
    }

    /// The header as it is sent, its length in the fewest bytes.
    ///
    /// # Panics
    ///
    /// If the payload has 2^63 bytes or more.
    #[inline]
    pub fn to_bytes(&self) -> FrameHeaderBytes {
        let mut bytes = [0; FRAME_HEADER_BYTES_MAX];
        bytes[0] = u8::from(self.fin) << 7 | u8::from(self.rsv1) << 6 | self.opcode as u8;
        let mut len = 2;
        bytes[1] = match self.payload_bytes {
            short @ 0..=125 => short as u8,
            medium @ 126..=0xffff => {
                bytes[2..4].copy_from_slice(&(medium as u16).to_be_bytes());
                len = 4;
                126
            }
            long => {
                assert!(long >> 63 == 0, "no frame is that long (RFC 6455 §5.2)");
                bytes[2..10].copy_from_slice(&long.to_be_bytes());
                len = 10;
                127
            }
        };
        if let Some(key) = self.mask {
            bytes[1] |= 0x80;
            bytes[len..len + key.len()].copy_from_slice(&key);
            len += key.len();
        }
        FrameHeaderBytes {
            bytes,
            len: len as u8,
        }
    }
}

fn decode_first(byte: u8, rules: FrameRules) -> Result<(bool, bool, Opcode), Error> {
    let (fin, rsv1) = (byte & 0x80 != 0, byte & 0x40 != 0);
    if byte & 0x30 != 0 || (rsv1 && !rules.compression) {
        return Err(Error::ReservedBits); // RFC 6455 §5.2
    }
    let opcode = Opcode::from_bits(byte & 0x0f).ok_or(Error::ReservedOpcode)?;
    if opcode.is_control() && !fin {
        return Err(Error::FragmentedControl); // RFC 6455 §5.5
    }
    // RFC 7692 §6.1: only the first frame of a data message says that it is compressed.
    if rsv1 && !matches!(opcode, Opcode::Text | Opcode::Binary) {
        return Err(Error::ReservedBits);
    }
    Ok((fin, rsv1, opcode))
}

/// The payload's length, and where the header goes on. RFC 6455 §5.2: in the fewest bytes, and
/// with the most significant bit clear.
#[inline]
fn decode_length(short: u8, input: &[u8]) -> Result<Option<(u64, usize)>, Error> {
    match short {
        126 => {
            let Some(bytes) = input[2..].first_chunk::<2>() else {
                return Ok(None);
            };
            match u16::from_be_bytes(*bytes) {
                0..=125 => Err(Error::LengthNotMinimal),
                length => Ok(Some((u64::from(length), 4))),
            }
        }
        127 => {
            if input.get(2).is_some_and(|byte| byte & 0x80 != 0) {
                return Err(Error::LengthTooLarge);
            }
            let Some(bytes) = input[2..].first_chunk::<8>() else {
                return Ok(None);
            };
            match u64::from_be_bytes(*bytes) {
                0..=0xffff => Err(Error::LengthNotMinimal),
                length => Ok(Some((length, 10))),
            }
        }
        short => Ok(Some((u64::from(short), 2))),
    }
}

/// A header as it is sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct FrameHeaderBytes {
    bytes: [u8; FRAME_HEADER_BYTES_MAX],
    len: u8,
}

impl AsRef<[u8]> for FrameHeaderBytes {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}
