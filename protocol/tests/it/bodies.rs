//! Bodies: chunk sizes and line ends at every cut, known lengths, and what an ended decoder does.

use crate::rows::{Expected, Input, Row, check, decode};
use Input::Whole;
use ringlane_protocol::BodyError as Error;
use ringlane_protocol::{BodyDecoder, BodyPart, Framing};

pub(crate) const fn body(
    rule: &'static str,
    cause: &'static str,
    input: &'static [u8],
    data: &'static [u8],
) -> Row {
    Row {
        rule,
        cause,
        input: Whole(input),
        expected: Expected::Body(data),
    }
}

pub(crate) const fn broken(
    rule: &'static str,
    cause: &'static str,
    input: &'static [u8],
    error: Error,
) -> Row {
    Row {
        rule,
        cause,
        input: Whole(input),
        expected: Expected::BodyError(error),
    }
}

pub(crate) const ROWS: &[Row] = &[
    // Sizes
    body("RFC 9112 §7.1", "an empty body", b"0\r\n\r\n", b""),
    body(
        "RFC 9112 §7.1",
        "one chunk",
        b"5\r\nhello\r\n0\r\n\r\n",
        b"hello",
    ),
    body(
        "RFC 9112 §7.1",
        "two chunks",
        b"1\r\na\r\n2\r\nbc\r\n0\r\n\r\n",
        b"abc",
    ),
    body(
        "RFC 9112 §7.1",
        "digits in either case",
        b"a\r\n0123456789\r\n0A\r\n0123456789\r\n0\r\n\r\n",
        b"01234567890123456789",
    ),
    body(
        "RFC 9112 §7.1",
        "zeros before a size",
        b"0000000000000000001\r\na\r\n0\r\n\r\n",
        b"a",
    ),
    body(
        "RFC 9112 §7.1",
        "several zeros as the last size",
        b"000\r\n\r\n",
        b"",
    ),
    body(
        "RFC 9112 §7.1",
        "data that looks like framing",
        b"5\r\n0\r\n\r\n\r\n0\r\n\r\n",
        b"0\r\n\r\n",
    ),
    broken("RFC 9112 §7.1", "no size", b"\r", Error::InvalidChunkSize),
    broken("RFC 9112 §7.1", "no digit", b"g", Error::InvalidChunkSize),
    broken(
        "RFC 9112 §7.1",
        "a minus sign",
        b"-",
        Error::InvalidChunkSize,
    ),
    broken(
        "RFC 9112 §7.1",
        "a plus sign",
        b"+",
        Error::InvalidChunkSize,
    ),
    broken(
        "RFC 9112 §7.1",
        "0x before the size",
        b"0x",
        Error::InvalidChunkSize,
    ),
    broken(
        "RFC 9112 §7.1",
        "an underscore between digits",
        b"1_",
        Error::InvalidChunkSize,
    ),
    broken(
        "RFC 9112 §7.1",
        "a comma behind the size",
        b"1,",
        Error::InvalidChunkSize,
    ),
    broken(
        "RFC 9112 §7.1",
        "white space before the size",
        b" ",
        Error::InvalidChunkSize,
    ),
    broken(
        "RFC 9112 §7.1",
        "a space behind the size",
        b"1 \r",
        Error::InvalidChunkSize,
    ),
    broken(
        "RFC 9112 §7.1",
        "a tab behind the size",
        b"1\t\r",
        Error::InvalidChunkSize,
    ),
    broken(
        "RFC 9112 §7.1",
        "a space within the size",
        b"1 2",
        Error::InvalidChunkSize,
    ),
    broken(
        "RFC 9112 §7.1",
        "an extension without a size",
        b";",
        Error::InvalidChunkSize,
    ),
    broken(
        "RFC 9112 §7.1",
        "NUL behind the size",
        b"1\0",
        Error::InvalidChunkSize,
    ),
    broken(
        "RFC 9112 §7.1",
        "a size of 2^64",
        b"10000000000000000",
        Error::ChunkSizeOverflow,
    ),
    broken(
        "RFC 9112 §7.1",
        "a size of 17 digits",
        b"fffffffffffffffff",
        Error::ChunkSizeOverflow,
    ),
    // Line ends
    broken(
        "RFC 9112 §2.2",
        "a bare LF behind the size",
        b"1\n",
        Error::BareLineFeed,
    ),
    broken(
        "RFC 9112 §2.2",
        "a bare LF before the size",
        b"\n",
        Error::BareLineFeed,
    ),
    broken(
        "RFC 9112 §2.2",
        "a bare CR behind the size",
        b"1\ra",
        Error::BareCarriageReturn,
    ),
    broken(
        "RFC 9112 §2.2",
        "two CR behind the size",
        b"1\r\r",
        Error::BareCarriageReturn,
    ),
    broken(
        "RFC 9112 §7.1",
        "data longer than its size",
        b"1\r\nab",
        Error::MissingChunkEnd,
    ),
    broken(
        "RFC 9112 §7.1",
        "data without its end",
        b"1\r\na0",
        Error::MissingChunkEnd,
    ),
    broken(
        "RFC 9112 §2.2",
        "a bare LF behind the data",
        b"1\r\na\n",
        Error::BareLineFeed,
    ),
    broken(
        "RFC 9112 §2.2",
        "a bare CR behind the data",
        b"1\r\na\r0",
        Error::BareCarriageReturn,
    ),
    broken(
        "RFC 9112 §2.2",
        "a bare LF behind the last size",
        b"0\n",
        Error::BareLineFeed,
    ),
    broken(
        "RFC 9112 §2.2",
        "a bare LF as the final line",
        b"0\r\n\n",
        Error::BareLineFeed,
    ),
    broken(
        "RFC 9112 §2.2",
        "a bare CR as the final line",
        b"0\r\n\rG",
        Error::BareCarriageReturn,
    ),
];

#[test]
fn chunked_bodies() {
    check(ROWS);
}

/// The largest size is accepted, whatever a server then does about it.
#[test]
fn a_chunk_may_be_as_large_as_64_bits_say() {
    let mut decoder = BodyDecoder::new(Framing::Chunked);
    let step = decoder.decode(b"ffffffffffffffff\r\nxy");
    assert_eq!(step.map(|step| step.part), Ok(BodyPart::Data(b"xy")));
    assert!(!decoder.is_finished());
}

/// The end is told again and again, and nothing behind it is touched.
#[test]
fn a_finished_decoder_consumes_nothing() {
    for (framing, body) in [
        (Framing::None, &b""[..]),
        (Framing::Length(0), b""),
        (Framing::Length(3), b"abc"),
        (Framing::Chunked, b"0\r\n\r\n"),
    ] {
        let mut decoder = BodyDecoder::new(framing);
        assert_eq!(decoder.is_finished(), body.is_empty(), "{framing:?}");
        let first = decoder.decode(body).map(|step| step.consumed);
        assert_eq!(first, Ok(body.len()), "{framing:?}");
        assert!(decoder.is_finished(), "{framing:?}");
        for _ in 0..2 {
            let step = decoder
                .decode(b"GET")
                .map(|step| (step.consumed, step.part));
            assert_eq!(step, Ok((0, BodyPart::End)), "{framing:?}");
        }
    }
}

#[test]
fn a_body_of_known_length_ends_there_however_it_is_cut() {
    let input = b"hello, GET /next";
    for length in 0..=5_usize {
        for cut in 0..=input.len() {
            let mut decoder = BodyDecoder::new(Framing::Length(length as u64));
            let mut data = Vec::new();
            for mut piece in [&input[..cut], &input[cut..]] {
                while let Ok(step) = decoder.decode(piece) {
                    piece = &piece[step.consumed..];
                    match step.part {
                        BodyPart::Data(part) => data.extend_from_slice(part),
                        BodyPart::NeedMore | BodyPart::End => break,
                    }
                }
            }
            assert!(decoder.is_finished());
            assert_eq!(data, input[..length], "{length} bytes, cut at {cut}");
        }
    }
}

/// Whatever a decoder hands out lies in the input it was shown: nothing is copied.
#[test]
fn data_is_handed_out_in_place() {
    let input = b"3\r\nabc\r\n0\r\n\r\n";
    let mut decoder = BodyDecoder::new(Framing::Chunked);
    let step = decoder.decode(input).map(|step| (step.consumed, step.part));
    assert_eq!(step, Ok((6, BodyPart::Data(&input[3..6]))));
    assert_eq!(decode([&input[..]], input.len()), Some(Ok(b"abc".to_vec())));
}
