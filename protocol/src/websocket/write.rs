//! Writes a message as frames, cut to size and masked for clients.

use super::role::MaskKeys;
use super::{FrameHeader, Opcode, mask};

/// Appends a message as frames of at most `frame_bytes_max` bytes each, 0 meaning 1.
///
/// RFC 6455 §5.4, RFC 7692 §6.1: opcode and RSV1 stand on the first frame, FIN on the last.
pub(super) fn write_message(
    opcode: Opcode,
    compressed: bool,
    payload: &[u8],
    frame_bytes_max: usize,
    mut keys: Option<&mut MaskKeys>,
    output: &mut Vec<u8>,
) {
    let frame_bytes_max = frame_bytes_max.max(1);
    let (mut rest, mut is_first) = (payload, true);
    loop {
        let (frame, more) = rest.split_at(rest.len().min(frame_bytes_max));
        let key = keys.as_mut().map(|keys| keys.next_key());
        let header = FrameHeader {
            fin: more.is_empty(),
            rsv1: compressed && is_first,
            opcode: if is_first {
                opcode
            } else {
                Opcode::Continuation
            },
            mask: key,
            payload_bytes: frame.len() as u64,
        };
        let header = header.to_bytes();
        output.reserve(header.as_ref().len() + frame.len());
        output.extend_from_slice(header.as_ref());
        let start = output.len();
        output.extend_from_slice(frame);
        if let Some(key) = key {
            mask(&mut output[start..], key, 0);
        }
        if more.is_empty() {
            return;
        }
        (rest, is_first) = (more, false);
    }
}
