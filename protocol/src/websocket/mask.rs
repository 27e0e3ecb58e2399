//! Masks and unmasks payloads; the operation is its own inverse (RFC 6455 §5.3).
//!
//! Always true here:
//! - Bytes change in place; their number does not.
//! - A payload may come in pieces of any length: the phase says how much came before.
//!
//! Not here: which frames are masked (`frame.rs`), where keys come from (`sender.rs`).

/// Bytes per step. Wide enough that the compiler makes vector instructions of the loop.
const WORD_BYTES: usize = size_of::<u64>();

/// Puts a mask over a payload, or takes it off (RFC 6455 §5.3). `phase` is how many bytes of the
/// same frame's payload came before these; only its remainder by 4 matters.
///
/// ```
/// use ringlane_protocol::websocket::mask;
///
/// // RFC 6455 §5.7: a masked "Hello", here in two pieces.
/// let key = [0x37, 0xfa, 0x21, 0x3d];
/// let mut payload = [0x7f, 0x9f, 0x4d, 0x51, 0x58];
/// mask(&mut payload[..3], key, 0);
/// mask(&mut payload[3..], key, 3);
/// assert_eq!(&payload, b"Hello");
/// ```
#[inline]
pub fn mask(payload: &mut [u8], mut key: [u8; 4], phase: usize) {
    key.rotate_left(phase % 4);
    let [a, b, c, d] = key;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (words, tail) = payload.as_chunks_mut::<WORD_BYTES>();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ wide).to_ne_bytes();
    }
    for (byte, key_byte) in tail.iter_mut().zip(wide.to_ne_bytes()) {
        *byte ^= key_byte;
    }
}

#[cfg(test)]
mod tests {
    use super::mask;

    /// RFC 6455 §5.3: octet i of the payload and octet i mod 4 of the key.
    fn plain(payload: &mut [u8], key: [u8; 4], phase: usize) {
        for (at, byte) in payload.iter_mut().enumerate() {
            *byte ^= key[(phase + at) % 4];
        }
    }

    #[test]
    fn masking_agrees_with_the_definition() {
        let key = [0x1b, 0xa7, 0x00, 0xff];
        let source: Vec<u8> = (0..216_u8).collect();
        for start in 0..16 {
            for len in 0..=200 {
                for phase in (0..9).chain([usize::MAX - 3]) {
                    let mut fast = source.clone();
                    mask(&mut fast[start..start + len], key, phase);
                    let mut slow = source.clone();
                    plain(&mut slow[start..start + len], key, phase % 4);
                    assert_eq!(fast, slow, "from {start}, {len} bytes, phase {phase}");
                }
            }
        }
    }

    #[test]
    fn pieces_are_masked_like_the_whole() {
        let key = [9, 8, 7, 6];
        let source: Vec<u8> = (0..100).collect();
        let mut whole = source.clone();
        mask(&mut whole, key, 0);
        for first in 0..=100 {
            for second in first..=100 {
                let mut pieces = source.clone();
                mask(&mut pieces[..first], key, 0);
                mask(&mut pieces[first..second], key, first);
                mask(&mut pieces[second..], key, second);
                assert_eq!(pieces, whole, "cut at {first} and {second}");
            }
        }
    }
}
