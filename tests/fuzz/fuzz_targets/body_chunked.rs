//! No input makes the chunk decoder panic, loop, or read past the end; its verdict does not depend
//! on the cut; what it accepts is never longer than what it was shown.

#![no_main]

use libfuzzer_sys::fuzz_target;
use ringlane_protocol::{BodyDecoder, BodyError, BodyPart, Framing};

/// Every cut of an input up to this size is tried; of longer ones some.
const CUTS_MAX: usize = 64;

/// The data, and where the body ended, if it did.
type Verdict = Result<(Vec<u8>, Option<usize>), BodyError>;

fuzz_target!(|input: &[u8]| {
    let whole = decode([input].into_iter());
    assert_eq!(decode(input.chunks(1)), whole, "byte by byte");
    for cut in (0..input.len()).step_by(input.len() / CUTS_MAX + 1) {
        let pieces = [&input[..cut], &input[cut..]];
        assert_eq!(decode(pieces.into_iter()), whole, "cut at {cut}");
    }
    if let Ok((data, Some(end))) = whole {
        assert!(data.len() < end && end <= input.len());
    }
});

fn decode<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Verdict {
    let mut decoder = BodyDecoder::new(Framing::Chunked);
    let (mut data, mut consumed) = (Vec::new(), 0);
    for mut piece in pieces {
        loop {
            let step = decoder.decode(piece)?;
            consumed += step.consumed;
            piece = &piece[step.consumed..];
            match step.part {
                BodyPart::Data(part) => {
                    assert!(!part.is_empty());
                    data.extend_from_slice(part);
                }
                BodyPart::NeedMore => {
                    assert!(piece.is_empty() && !decoder.is_finished());
                    break;
                }
                BodyPart::End => {
                    assert!(decoder.is_finished());
                    return Ok((data, Some(consumed)));
                }
            }
        }
    }
    Ok((data, None))
}
