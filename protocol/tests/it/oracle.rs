//! Fast code judged by slow code: a chunked body by a plain reading of the grammar, heads by their
//! own verdict on other cuts.

use crate::rows::{decode, outline};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use ringlane_protocol::{
    BodyDecoder, BodyError, BodyPart, Framing, HeadLimits, HeadParser, ParseError, Parsed,
    RequestHead, chunked,
};

/// The data of a whole chunked body without extensions or trailers, and what follows the body.
fn naive(input: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let (mut data, mut rest) = (Vec::new(), input);
    loop {
        let line_end = rest.windows(2).position(|pair| pair == b"\r\n")?;
        let digits = str::from_utf8(&rest[..line_end]).ok()?;
        let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        let size = usize::from_str_radix(digits, 16)
            .ok()
            .filter(|_| is_number)?;
        rest = &rest[line_end + 2..];
        let (chunk, behind) = rest.split_at_checked(size)?;
        data.extend_from_slice(chunk);
        rest = behind.strip_prefix(b"\r\n")?;
        if size == 0 {
            return Some((data, rest));
        }
    }
}

/// Bytes that chunk framing is made of, so that random input is often nearly valid.
fn framing_bytes() -> impl Strategy<Value = Vec<u8>> {
    let pieces: [&[u8]; 10] = [
        b"0\r\n\r\n",
        b"1\r\na\r\n",
        b"3\r\n\r\n0\r\n",
        b"\r\n",
        b"\n",
        b"\r",
        b"00",
        b"f",
        b";a=\"b\"",
        b"A: b\r\n",
    ];
    vec(select(pieces.to_vec()), 0..8).prop_map(|pieces| pieces.concat())
}

/// Bytes that request heads are made of.
fn head_bytes() -> impl Strategy<Value = Vec<u8>> {
    let pieces: [&[u8]; 16] = [
        b"GET / HTTP/1.1\r\n",
        b"POST /a?b HTTP/1.0\r\n",
        b"CONNECT a:1 HTTP/1.1\r\n",
        b"Host: a\r\n",
        b"Content-Length: 5\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Expect: 100-continue\r\n",
        b"\r\n",
        b"\n",
        b"\r",
        b" ",
        b":",
        b"\0",
        b"\xff",
        b"#",
        b"A",
    ];
    vec(select(pieces.to_vec()), 0..10).prop_map(|pieces| pieces.concat())
}

/// Feeds ever longer starts of `input`, ending at `cuts` and then at its end.
fn verdict(input: &[u8], cuts: &[usize]) -> Option<Result<(String, usize), ParseError>> {
    verdict_in(&mut RequestHead::new(), input, cuts)
}

/// The same with a record that may have been used before.
fn verdict_in(
    head: &mut RequestHead,
    input: &[u8],
    cuts: &[usize],
) -> Option<Result<(String, usize), ParseError>> {
    let mut parser = HeadParser::new();
    for &cut in cuts.iter().chain([&input.len()]) {
        match parser.parse(&input[..cut], &HeadLimits::default(), head) {
            Ok(Parsed::Partial) => {}
            Ok(Parsed::Complete { consumed }) => return Some(Ok((outline(head), consumed))),
            Err(error) => return Some(Err(error)),
        }
    }
    None
}

/// The data of a chunked body fed in pieces, an error, or nothing yet; wherever it ends.
fn body_verdict(pieces: &[&[u8]]) -> Option<Result<Vec<u8>, BodyError>> {
    let (mut decoder, mut data) = (BodyDecoder::new(Framing::Chunked), Vec::new());
    for mut piece in pieces.iter().copied() {
        loop {
            let step = match decoder.decode(piece) {
                Ok(step) => step,
                Err(error) => return Some(Err(error)),
            };
            piece = &piece[step.consumed..];
            match step.part {
                BodyPart::Data(part) => data.extend_from_slice(part),
                BodyPart::NeedMore => break,
                BodyPart::End => return Some(Ok(data)),
            }
        }
    }
    None
}

proptest! {
    #[test]
    fn what_we_write_in_chunks_is_read_back(
        pieces in vec(vec(any::<u8>(), 0..50), 0..8),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut input = Vec::new();
        for piece in &pieces {
            chunked::write_chunk(&mut input, piece);
        }
        input.extend_from_slice(chunked::LAST_CHUNK);
        let (first, second) = input.split_at(cut.index(input.len()));
        prop_assert_eq!(decode([first, second], input.len()), Some(Ok(pieces.concat())));
    }

    #[test]
    fn a_plain_reader_agrees_about_chunks(input in framing_bytes()) {
        if let Some((data, rest)) = naive(&input) {
            let body_bytes = input.len() - rest.len();
            prop_assert_eq!(decode([&input[..]], body_bytes), Some(Ok(data)));
        }
    }

    #[test]
    fn a_cut_does_not_change_the_verdict_on_chunks(input in framing_bytes()) {
        let whole = body_verdict(&[&input]);
        for cut in 0..input.len() {
            prop_assert_eq!(body_verdict(&[&input[..cut], &input[cut..]]), whole.clone());
        }
    }

    #[test]
    fn a_cut_does_not_change_the_verdict_on_a_head(input in head_bytes()) {
        let whole = verdict(&input, &[]);
        let each: Vec<usize> = (0..input.len()).collect();
        prop_assert_eq!(&verdict(&input, &each), &whole);
        for cut in 0..input.len() {
            prop_assert_eq!(&verdict(&input, &[cut]), &whole);
        }
    }
}

/// Request lines and header sections, good and bad, of which any two make a head.
const LINES: [&str; 12] = [
    "GET / HTTP/1.1\r\n",
    "GET /a?b=c?d HTTP/1.1\r\n",
    "GET / HTTP/1.0\r\n",
    "POST http://other.example/x HTTP/1.1\r\n",
    "CONNECT a:1 HTTP/1.1\r\n",
    "CONNECT /nowhere HTTP/1.1\r\n",
    "OPTIONS * HTTP/1.1\r\n",
    "GET * HTTP/1.1\r\n",
    "GET /a#b HTTP/1.1\r\n",
    "GET  / HTTP/1.1\r\n",
    "GET / HTTP/1.2\r\n",
    "\r\nGET / HTTP/1.1\r\n",
];
const SECTIONS: [&str; 14] = [
    "\r\n",
    "Host: a\r\n\r\n",
    "Host: a\r\nX: y\r\n\r\n",
    "Host: a \r\n\r\n",
    "Host: a\r\nHost: a\r\n\r\n",
    "Host: a\n\r\n",
    "Host: a\r\nContent-Length: 5\r\n\r\n",
    "Host: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n",
    "Host: a\r\nTransfer-Encoding: chunked\r\n\r\n",
    "Host: a\r\nConnection: close\r\n\r\n",
    "Host: a\r\nConnection: keep-alive\r\n\r\n",
    "Host: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
    "Host: a\r\nCookie: a=b\r\n\r\n",
    "Host: a\r\n",
];

/// A section that comes again is recognised; that must not change what it means, whatever it is
/// behind.
#[test]
fn what_was_read_before_does_not_change_the_verdict() {
    let heads = LINES.map(|line| SECTIONS.map(|section| format!("{line}{section}")));
    let heads: Vec<&str> = heads.iter().flatten().map(String::as_str).collect();
    let verdicts: Vec<_> = heads
        .iter()
        .map(|head| verdict(head.as_bytes(), &[]))
        .collect();
    assert!(verdicts.iter().any(Option::is_none));
    for first in &heads {
        for (second, expected) in heads.iter().zip(&verdicts) {
            let mut head = RequestHead::new();
            let _ = verdict_in(&mut head, first.as_bytes(), &[]);
            let again = verdict_in(&mut head, second.as_bytes(), &[]);
            assert_eq!(&again, expected, "{second:?} after {first:?}");
            head.clear();
            assert_eq!(outline(&head), outline(&RequestHead::new()));
            let third = verdict_in(&mut head, second.as_bytes(), &[]);
            assert_eq!(&third, expected, "{second:?} twice after {first:?}");
        }
    }
}
