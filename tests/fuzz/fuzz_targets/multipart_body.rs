//! No input makes the form decoder panic, loop, or hold more than it may; its verdict does not
//! depend on the cut.

#![no_main]

use libfuzzer_sys::fuzz_target;
use ringlane_protocol::{
    MediaType, MultipartDecoder, MultipartError, MultipartLimits, MultipartPart, PartHead,
};

/// Every cut of an input up to this size is tried; of longer ones some.
const CUTS_MAX: usize = 64;
const HEAD_BYTES_MAX: usize = 256;
/// A delimiter that is not whole: CRLF, two hyphens, a boundary of one byte, padding.
const HELD_BYTES_MAX: usize = HEAD_BYTES_MAX + 5 + 64;

type Verdict = Result<Vec<(PartHead, Vec<u8>)>, MultipartError>;

fuzz_target!(|input: &[u8]| {
    let whole = decode([input].into_iter());
    assert_eq!(decode(input.chunks(1)), whole, "byte by byte");
    for cut in (0..input.len()).step_by(input.len() / CUTS_MAX + 1) {
        let pieces = [&input[..cut], &input[cut..]];
        assert_eq!(decode(pieces.into_iter()), whole, "cut at {cut}");
    }
});

fn decode<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Verdict {
    let kind = MediaType::parse("multipart/form-data; boundary=x").expect("a media type");
    let limits = MultipartLimits::default()
        .parts_max(4)
        .part_head_bytes_max(HEAD_BYTES_MAX)
        .field_bytes_max(64);
    let mut decoder = MultipartDecoder::new(kind, limits).expect("a boundary");
    let (mut held, mut parts) = (Vec::new(), Vec::new());
    for piece in pieces {
        held.extend_from_slice(piece);
        loop {
            let step = decoder.decode(&held)?;
            let waits = matches!(step.part, MultipartPart::NeedMore | MultipartPart::End);
            match step.part {
                MultipartPart::Begin(head) => parts.push((head, Vec::new())),
                MultipartPart::Data(data) => {
                    assert!(!data.is_empty() && data.len() == step.consumed);
                    let (_, whole) = parts.last_mut().expect("a part has begun");
                    whole.extend_from_slice(data);
                }
                MultipartPart::PartEnd | MultipartPart::NeedMore | MultipartPart::End => {}
            }
            assert!(waits || step.consumed > 0, "it goes on");
            held.drain(..step.consumed);
            if waits {
                break;
            }
        }
        assert!(
            held.len() <= HELD_BYTES_MAX,
            "{} bytes are held",
            held.len()
        );
    }
    decoder.finish()?;
    Ok(parts)
}
