//! No input makes the chunk decoder panic, loop, or read past the end; its verdict does not depend
//! on the cut; what it accepts is never longer than what it was shown.

use ringlane_protocol::{BodyDecoder, BodyError, BodyPart, Framing};

use super::at_every_cut;

/// The data, and where the body ended, if it did.
type Verdict = Result<(Vec<u8>, Option<usize>), BodyError>;

/// Takes the input as the chunks of a body (RFC 9112 §7.1).
///
/// # Panics
///
/// If the decoder breaks a promise.
///
/// ```
/// ringlane_tests::decoders::body_chunked(b"5\r\nhello\r\n0\r\n\r\n");
/// ```
pub fn body_chunked(input: &[u8]) {
    let whole = at_every_cut(input, decode);
    if let Ok((data, Some(end))) = whole {
        assert!(data.len() < end && end <= input.len());
    }
}

fn decode(pieces: &[&[u8]]) -> Verdict {
    let mut decoder = BodyDecoder::new(Framing::Chunked);
    let (mut data, mut consumed) = (Vec::new(), 0);
    for mut piece in pieces.iter().copied() {
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
