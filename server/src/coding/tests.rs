//! Codings against their crates' own readers and writers, at every cut, and against hostile data.

mod hostile;

use std::io::{Read, Write};

use bytes::{Bytes, BytesMut};

use super::{Coding, Decoder, Decoding, Encoder, Flaw};

const NO_LIMIT: u64 = u64::MAX;
/// Far beyond what any honest data reaches.
const NO_RATIO: u64 = 1 << 40;

/// What other software makes of the data.
fn encoded(coding: Coding, plain: &[u8]) -> Vec<u8> {
    match coding {
        #[cfg(feature = "zstd")]
        Coding::Zstd => zstd::encode_all(plain, 3).expect("memory"),
        #[cfg(feature = "brotli")]
        Coding::Brotli => {
            let mut out = Vec::new();
            let mut writer = brotli::CompressorWriter::new(&mut out, 4096, 5, 22);
            writer.write_all(plain).expect("memory");
            drop(writer);
            out
        }
        Coding::Gzip => {
            let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
            writer.write_all(plain).expect("memory");
            writer.finish().expect("memory")
        }
        Coding::Deflate => {
            let level = flate2::Compression::new(6);
            let mut writer = flate2::write::ZlibEncoder::new(Vec::new(), level);
            writer.write_all(plain).expect("memory");
            writer.finish().expect("memory")
        }
    }
}

/// What other software reads in the data; an error if it is not whole.
pub(crate) fn decoded(coding: Coding, data: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut out = Vec::new();
    match coding {
        #[cfg(feature = "zstd")]
        Coding::Zstd => return zstd::decode_all(data),
        #[cfg(feature = "brotli")]
        Coding::Brotli => brotli::Decompressor::new(data, 4096).read_to_end(&mut out)?,
        Coding::Gzip => flate2::read::MultiGzDecoder::new(data).read_to_end(&mut out)?,
        Coding::Deflate => flate2::read::ZlibDecoder::new(data).read_to_end(&mut out)?,
    };
    Ok(out)
}

/// As much as a client can read of data that is not whole yet.
pub(crate) fn decoded_so_far(coding: Coding, data: &[u8]) -> Vec<u8> {
    let mut decoder = Decoder::new(&[coding], NO_RATIO);
    let mut encoded = BytesMut::from(data);
    let mut out = Vec::new();
    loop {
        match decoder.decode(&mut encoded, false, NO_LIMIT) {
            Ok(Decoding::Piece(piece)) => out.extend_from_slice(&piece),
            Ok(Decoding::Again) => {}
            Ok(Decoding::NeedMore | Decoding::End) => return out,
            Err(flaw) => panic!("{coding}: {flaw:?}"),
        }
    }
}

/// Text of that length with few repetitions, and many.
fn text(length: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let words = ["la ", "lo ", "ringlane ", "a ring in each lane ", "\n"];
    let mut text = Vec::with_capacity(length + 32);
    while text.len() < length {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        text.extend_from_slice(words[(state >> 24) as usize % words.len()].as_bytes());
        text.push((state >> 16) as u8);
    }
    text.truncate(length);
    text
}

/// Decodes pieces of data as they come.
fn decode<'a>(
    codings: &[Coding],
    pieces: impl Iterator<Item = &'a [u8]>,
    limit: u64,
    ratio_max: u64,
) -> Result<Vec<u8>, Flaw> {
    let mut decoder = Decoder::new(codings, ratio_max);
    let mut out = Vec::new();
    let mut waiting = BytesMut::new();
    let mut pieces = pieces.peekable();
    loop {
        match decoder.decode(&mut waiting, pieces.peek().is_none(), limit)? {
            Decoding::Piece(piece) => {
                assert!(!piece.is_empty() && piece.len() <= 16 * 1024);
                out.extend_from_slice(&piece);
            }
            Decoding::Again => {}
            Decoding::NeedMore => {
                assert!(waiting.is_empty());
                waiting.extend_from_slice(pieces.next().expect("it knows that more comes"));
            }
            Decoding::End => return Ok(out),
        }
    }
}

fn decode_whole(codings: &[Coding], data: &[u8]) -> Result<Vec<u8>, Flaw> {
    decode(codings, [data].into_iter(), NO_LIMIT, NO_RATIO)
}

/// Lengths around the rooms and pieces that coders work in.
const LENGTHS: [usize; 12] = [
    0, 1, 2, 100, 8191, 8192, 8193, 16_383, 16_384, 16_385, 70_000, 300_000,
];

#[test]
fn what_is_encoded_here_others_decode() {
    for &coding in Coding::ALL {
        let (least, most, usual) = coding.levels();
        for level in [least, usual, most] {
            for length in LENGTHS {
                let plain = text(length);
                for known in [None, Some(length as u64)] {
                    let mut encoder = Encoder::new(coding, level, known).expect("memory");
                    let mut data = Vec::new();
                    for piece in plain.chunks(10_000) {
                        encoder.push(piece, &mut data).expect("it goes on");
                    }
                    encoder.finish(&mut data).expect("it ends");
                    let read = decoded(coding, &data).expect("well-formed data");
                    assert!(read == plain, "{coding} {level}, {length} bytes");
                }
            }
        }
    }
}

#[test]
fn what_is_flushed_can_be_decoded_at_once() {
    for &coding in Coding::ALL {
        let (least, most, usual) = coding.levels();
        for level in [least, usual, most] {
            let mut encoder = Encoder::new(coding, level, None).expect("memory");
            let (mut data, mut plain) = (Vec::new(), Vec::new());
            for length in [1, 10, 100, 20_000, 3, 70_000, 1] {
                let piece = text(length);
                encoder.push(&piece, &mut data).expect("it goes on");
                encoder.flush(&mut data).expect("it goes on");
                plain.extend_from_slice(&piece);
                assert!(decoded_so_far(coding, &data) == plain, "{coding} {level}");
                let before = data.len();
                encoder.flush(&mut data).expect("nothing is to be done");
                assert_eq!(data.len(), before, "{coding} {level}");
            }
            encoder.finish(&mut data).expect("it ends");
            assert!(decoded(coding, &data).expect("well-formed data") == plain);
        }
    }
}

#[test]
fn encoders_that_last_hold_so_much_and_no_more() {
    for &coding in Coding::ALL {
        for level in [coding.levels().0, coding.levels().2] {
            let most = super::ENCODERS_BYTES_MAX / coding.encoder_bytes(level);
            let make = || Encoder::lasting(coding, level, None);
            let mut all: Vec<_> = (0..most).map(|_| make().expect("there is room")).collect();
            assert!(make().is_err(), "{coding} {level}: one more than {most}");
            assert!(Encoder::new(coding, level, None).is_ok(), "for one call");
            drop(all.pop());
            all.push(make().expect("there is room again"));
            all[0].finish(&mut Vec::new()).expect("it ends");
            all.push(make().expect("one that has ended holds nothing"));
            assert!(make().is_err(), "{coding} {level}");
        }
    }
}

#[test]
fn an_encoder_that_has_ended_does_nothing_more() {
    for &coding in Coding::ALL {
        let mut encoder = Encoder::new(coding, 1, None).expect("memory");
        let mut data = Vec::new();
        encoder.finish(&mut data).expect("it ends");
        let end = data.len();
        assert!(encoder.push(b"more", &mut data).is_err());
        assert!(encoder.flush(&mut data).is_err());
        assert!(encoder.finish(&mut data).is_err());
        assert_eq!(data.len(), end);
    }
}

#[test]
fn what_others_encode_is_decoded() {
    for &coding in Coding::ALL {
        for length in LENGTHS {
            let plain = text(length);
            let data = encoded(coding, &plain);
            assert!(
                decode_whole(&[coding], &data).as_ref() == Ok(&plain),
                "{coding} {length}"
            );
            let slowly = decode(&[coding], data.chunks(1), NO_LIMIT, NO_RATIO);
            assert!(slowly.as_ref() == Ok(&plain), "{coding} {length} slowly");
        }
    }
}

#[test]
fn the_cut_does_not_matter() {
    let plain = text(900);
    for &coding in Coding::ALL {
        let data = encoded(coding, &plain);
        for cut in 0..=data.len() {
            let (front, back) = data.split_at(cut);
            let pieces = [front, back].into_iter().filter(|piece| !piece.is_empty());
            let read = decode(&[coding], pieces, NO_LIMIT, NO_RATIO);
            assert!(read.as_ref() == Ok(&plain), "{coding} cut at {cut}");
        }
    }
}

#[test]
fn codings_are_taken_off_in_reverse() {
    let plain = text(50_000);
    for &first in Coding::ALL {
        for &second in Coding::ALL {
            let twice = encoded(second, &encoded(first, &plain));
            assert!(decode_whole(&[first, second], &twice).as_ref() == Ok(&plain));
            let slowly = decode(&[first, second], twice.chunks(1), NO_LIMIT, NO_RATIO);
            assert!(slowly.as_ref() == Ok(&plain), "{first} and {second}");
            let thrice = encoded(first, &twice);
            assert!(decode_whole(&[first, second, first], &thrice).as_ref() == Ok(&plain));
        }
    }
}

#[test]
fn a_body_of_no_bytes_is_empty() {
    for &coding in Coding::ALL {
        assert_eq!(decode_whole(&[coding], b""), Ok(Vec::new()));
        assert_eq!(decode_whole(&[coding, coding], b""), Ok(Vec::new()));
    }
}

#[test]
fn names_are_known_in_any_case() {
    for &coding in Coding::ALL {
        let name = coding.name().to_uppercase();
        assert_eq!(Coding::named(name.as_bytes()), Some(coding));
    }
    assert_eq!(Coding::named(b"X-GZip"), Some(Coding::Gzip));
    for name in ["", "*", "identity", "compress", "gzip ", "br2", "x-deflate"] {
        assert_eq!(Coding::named(name.as_bytes()), None, "{name:?}");
    }
}

#[test]
fn several_members_and_frames_are_one_body() {
    let (one, other) = (text(1000), text(20_000));
    let both = [one.clone(), other.clone()].concat();
    for &coding in Coding::ALL {
        let data = [encoded(coding, &one), encoded(coding, &other)].concat();
        let read = decode_whole(&[coding], &data);
        let slowly = decode(&[coding], data.chunks(1), NO_LIMIT, NO_RATIO);
        assert!(read == slowly, "{coding}");
        match coding.name() {
            "gzip" | "zstd" => assert!(read == Ok(both.clone()), "{coding}"),
            _ => assert_eq!(read, Err(Flaw::Malformed(coding))),
        }
    }
}

#[test]
fn a_piece_holds_no_more_than_it_is_given() {
    let piece = |decoding: Result<Decoding, Flaw>| match decoding {
        Ok(Decoding::Piece(piece)) => piece,
        other => panic!("{other:?}"),
    };
    let mut decoder = Decoder::new(&[Coding::Gzip], NO_RATIO);
    let mut data = BytesMut::from(&encoded(Coding::Gzip, &vec![b'x'; 40_000])[..]);
    let lengths = [16_384, 16_384, 40_000 - 2 * 16_384];
    for length in lengths {
        let made: Bytes = piece(decoder.decode(&mut data, true, NO_LIMIT));
        assert_eq!(made.len(), length);
    }
    assert_eq!(decoder.decode(&mut data, true, NO_LIMIT), Ok(Decoding::End));
    assert_eq!(decoder.decode(&mut data, true, NO_LIMIT), Ok(Decoding::End));
}
