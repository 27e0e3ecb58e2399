//! No input makes the form decoder panic, loop, or hold more than it may; its verdict does not
//! depend on the cut.

use ringlane_protocol::{
    MediaType, MultipartDecoder, MultipartError, MultipartLimits, MultipartPart, PartHead,
};

use super::at_every_cut;

const HEAD_BYTES_MAX: usize = 256;
/// A delimiter that is not whole: CRLF, two hyphens, a boundary of one byte, padding.
const HELD_BYTES_MAX: usize = HEAD_BYTES_MAX + 5 + 64;

type Verdict = Result<Vec<(PartHead, Vec<u8>)>, MultipartError>;

/// Takes the input as a form whose boundary is `x` (RFC 7578).
///
/// # Panics
///
/// If the decoder breaks a promise.
///
/// ```
/// ringlane_tests::decoders::multipart_body(b"--x\r\nA: b\r\n\r\n1\r\n--x--");
/// ```
pub fn multipart_body(input: &[u8]) {
    if let Ok(parts) = at_every_cut(input, decode) {
        let data: usize = parts.iter().map(|(_, data)| data.len()).sum();
        assert!(data < input.len(), "{data} bytes of {}", input.len());
        for (head, _) in &parts {
            let file = head.file_name.as_deref().unwrap_or_default();
            assert!(head.name.len() + file.len() < HEAD_BYTES_MAX, "{head:?}");
            assert!(!file.contains('/'), "{file:?} has folders");
        }
    }
}

fn decode(pieces: &[&[u8]]) -> Verdict {
    let kind = MediaType::parse("multipart/form-data; boundary=x").expect("a media type");
    let limits = MultipartLimits::default()
        .parts_max(4)
        .part_head_bytes_max(HEAD_BYTES_MAX)
        .field_bytes_max(64);
    let mut decoder = MultipartDecoder::new(kind, limits).expect("a boundary");
    let (mut held, mut parts) = (Vec::new(), Vec::new());
    for piece in pieces {
        held.extend_from_slice(piece);
        while take(&mut decoder, &mut held, &mut parts)? {}
        let held = held.len();
        assert!(held <= HELD_BYTES_MAX, "{held} bytes are held");
    }
    decoder.finish()?;
    Ok(parts)
}

/// Takes one thing off the front of what is held. Tells whether there may be another.
fn take(
    decoder: &mut MultipartDecoder,
    held: &mut Vec<u8>,
    parts: &mut Vec<(PartHead, Vec<u8>)>,
) -> Result<bool, MultipartError> {
    let step = decoder.decode(held)?;
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
    Ok(!waits)
}
