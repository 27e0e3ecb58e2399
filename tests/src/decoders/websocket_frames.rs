//! No input makes the reader of frame headers panic or read past the end; its verdict does not
//! depend on the cut, nor on what follows; what it accepts is written as it was read.

use ringlane_protocol::websocket::{
    CONTROL_BYTES_MAX, FRAME_HEADER_BYTES_MAX, FrameHeader, FrameRules, Opcode, mask,
};

use super::at_every_cut;

/// Takes the input as frames (RFC 6455 §5.2): those of a client and of a server, each with and
/// without compression.
///
/// # Panics
///
/// If the reader breaks a promise.
///
/// ```
/// ringlane_tests::decoders::websocket_frames(b"\x81\x05Hello");
/// ```
pub fn websocket_frames(input: &[u8]) {
    for masked in [false, true] {
        for compression in [false, true] {
            let rules = FrameRules {
                masked,
                compression,
            };
            let mut rest = Some(input);
            while let Some(input) = rest {
                rest = take(input, rules);
            }
        }
    }
}

/// Takes one frame off the front; `None` if it is refused, or not whole.
fn take(input: &[u8], rules: FrameRules) -> Option<&[u8]> {
    let whole = FrameHeader::decode(input, rules);
    for end in 0..input.len().min(FRAME_HEADER_BYTES_MAX + 1) {
        match FrameHeader::decode(&input[..end], rules) {
            Ok(None) => assert!(end < FRAME_HEADER_BYTES_MAX, "no header is longer"),
            sooner => assert_eq!(sooner, whole, "cut at {end}"),
        }
    }
    let (header, header_bytes) = whole.ok()??;
    check(&header, rules);
    let (read, behind) = input.split_at(header_bytes);
    assert_eq!(header.to_bytes().as_ref(), read);
    let payload_bytes = usize::try_from(header.payload_bytes).ok()?;
    let (payload, rest) = behind.split_at_checked(payload_bytes)?;
    if let Some(key) = header.mask {
        let unmasked = at_every_cut(payload, |pieces| in_pieces(pieces, key));
        assert_eq!(in_pieces(&[&unmasked], key), payload);
    }
    Some(rest)
}

fn check(header: &FrameHeader, rules: FrameRules) {
    assert_eq!(header.mask.is_some(), rules.masked);
    assert!(header.payload_bytes < 1 << 63);
    if header.opcode.is_control() {
        assert!(header.fin && header.payload_bytes <= CONTROL_BYTES_MAX as u64);
    }
    let begins = matches!(header.opcode, Opcode::Text | Opcode::Binary);
    assert!(!header.rsv1 || (rules.compression && begins));
}

/// A payload with its mask off, or on, piece by piece.
fn in_pieces(pieces: &[&[u8]], key: [u8; 4]) -> Vec<u8> {
    let mut payload = Vec::new();
    for piece in pieces {
        let from = payload.len();
        payload.extend_from_slice(piece);
        mask(&mut payload[from..], key, from);
    }
    payload
}
