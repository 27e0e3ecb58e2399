//! A row of the tables, and its check: whole, byte by byte, cut everywhere, with bytes behind it.
//!
//! Always true here: the last byte of a row's input is the one that decides. Without it the answer
//! is "not yet", so that a row also shows how early a verdict is found.

use ringlane_protocol::{
    BodyDecoder, BodyError, BodyPart, Framing, HeadLimits, HeadParser, ParseError, Parsed,
    RequestHead, Version,
};

/// What may follow a message: another one, and bytes that no message holds.
const TAILS: [&[u8]; 3] = [b"", b"GET /next HTTP/1.1\r\nHost: b\r\n\r\n", b"\0\xff\n\r"];

/// One rule, and one way to obey or break it.
pub(crate) struct Row {
    /// The section that rules, as `RFC 9112 §3.2`.
    pub(crate) rule: &'static str,
    /// What the input does.
    pub(crate) cause: &'static str,
    pub(crate) input: Input,
    pub(crate) expected: Expected,
}

/// The bytes of a row, without what its neighbours repeat.
pub(crate) enum Input {
    /// As they are.
    Whole(&'static [u8]),
    /// A request line: `Host: a` and the head's end follow.
    Line(&'static [u8]),
    /// The value of `Host` in a request that is fine otherwise.
    Host(&'static [u8]),
    /// Header lines after `GET / HTTP/1.1` and `Host: a`.
    Fields(&'static [u8]),
    /// Something long: `before`, then `fill` so often, then `after`.
    Long {
        before: &'static [u8],
        fill: &'static [u8],
        times: usize,
        after: &'static [u8],
    },
}

pub(crate) enum Expected {
    /// What [`outline`] makes of the head.
    Head(&'static str),
    HeadError(ParseError),
    /// The data of the body.
    Body(&'static [u8]),
    BodyError(BodyError),
    /// So many bytes of data.
    BodyBytes(usize),
}

/// A row whose head is accepted.
pub(crate) const fn head(
    rule: &'static str,
    cause: &'static str,
    input: Input,
    outline: &'static str,
) -> Row {
    Row {
        rule,
        cause,
        input,
        expected: Expected::Head(outline),
    }
}

/// A row whose head is refused at its last byte.
pub(crate) const fn refused(
    rule: &'static str,
    cause: &'static str,
    input: Input,
    error: ParseError,
) -> Row {
    Row {
        rule,
        cause,
        input,
        expected: Expected::HeadError(error),
    }
}

impl Input {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        match *self {
            Self::Whole(bytes) => bytes.to_vec(),
            Self::Line(line) => [line, b"\r\nHost: a\r\n\r\n"].concat(),
            Self::Host(host) => [b"GET / HTTP/1.1\r\nHost: ", host, b"\r\n\r\n"].concat(),
            Self::Fields(fields) => [b"GET / HTTP/1.1\r\nHost: a\r\n", fields].concat(),
            Self::Long {
                before,
                fill,
                times,
                after,
            } => [before, &fill.repeat(times), after].concat(),
        }
    }
}

/// One line that says everything a head decides: method, target, version, authority, body,
/// connection.
pub(crate) fn outline(head: &RequestHead) -> String {
    let mut parts = vec![head.method().to_string(), head.path().to_owned()];
    parts.extend(head.query().map(|query| format!("?{query}")));
    parts.push(
        if head.version() == Version::HTTP_10 {
            "1.0"
        } else {
            "1.1"
        }
        .to_owned(),
    );
    parts.push(match head.authority() {
        "" => "-".to_owned(),
        authority => authority.to_owned(),
    });
    parts.push(match head.framing() {
        Framing::None => "none".to_owned(),
        Framing::Length(length) => format!("length {length}"),
        Framing::Chunked => "chunked".to_owned(),
    });
    parts.push(if head.keep_alive() { "keep" } else { "close" }.to_owned());
    if head.expects_continue() {
        parts.push("continue".to_owned());
    }
    if let Some(upgrade) = head.upgrade() {
        parts.push(format!("upgrade {}", String::from_utf8_lossy(upgrade)));
    }
    parts.join(" ")
}

/// Checks rows with the default limits.
#[track_caller]
pub(crate) fn check(rows: &[Row]) {
    check_within(rows, &HeadLimits::default());
}

#[track_caller]
pub(crate) fn check_within(rows: &[Row], limits: &HeadLimits) {
    for row in rows {
        let input = row.input.bytes();
        let context = format!("{}: {}", row.rule, row.cause);
        match &row.expected {
            Expected::Head(outline) => check_head(&input, limits, &Ok(*outline), &context),
            Expected::HeadError(error) => check_head(&input, limits, &Err(*error), &context),
            Expected::Body(data) => check_body(&input, &Ok(data.to_vec()), &context),
            Expected::BodyError(error) => check_body(&input, &Err(*error), &context),
            Expected::BodyBytes(bytes) => check_body(&input, &Ok(vec![b'x'; *bytes]), &context),
        }
    }
}

/// The answer may not depend on how the network cut the bytes, nor on what follows them.
#[track_caller]
fn check_head(input: &[u8], limits: &HeadLimits, expected: &Result<&str, ParseError>, row: &str) {
    let expected = expected.map(|outline| (outline.to_owned(), input.len()));
    let mut head = RequestHead::new();
    for tail in TAILS {
        let whole = [input, tail].concat();
        for cut in cuts(input.len()).chain([whole.len()]) {
            let mut parser = HeadParser::new();
            let first = parse(&mut parser, &whole[..cut], limits, &mut head);
            let actual = first.or_else(|| parse(&mut parser, &whole, limits, &mut head));
            assert_eq!(
                actual.as_ref(),
                Some(&expected),
                "{row}, cut at {cut}, then {tail:?}"
            );
        }
    }
    let mut parser = HeadParser::new();
    for end in 1..input.len() {
        let early = parse(&mut parser, &input[..end], limits, &mut head);
        assert_eq!(
            early,
            None,
            "{row}: judged {} bytes early",
            input.len() - end
        );
    }
    let actual = parse(&mut parser, input, limits, &mut head);
    assert_eq!(actual, Some(expected), "{row}, byte by byte");
}

/// Every offset of an input; of long ones about a thousand, since time grows with the square.
fn cuts(len: usize) -> impl Iterator<Item = usize> {
    (0..len).step_by(len / 1000 + 1)
}

/// What a parser says: nothing yet, an outline and the bytes consumed, or an error.
fn parse(
    parser: &mut HeadParser,
    input: &[u8],
    limits: &HeadLimits,
    head: &mut RequestHead,
) -> Option<Result<(String, usize), ParseError>> {
    match parser.parse(input, limits, head) {
        Ok(Parsed::Partial) => None,
        Ok(Parsed::Complete { consumed }) => Some(Ok((outline(head), consumed))),
        Err(error) => Some(Err(error)),
    }
}

#[track_caller]
fn check_body(input: &[u8], expected: &Result<Vec<u8>, BodyError>, row: &str) {
    for tail in TAILS {
        let whole = [input, tail].concat();
        for cut in cuts(input.len()).chain([input.len()]) {
            let actual = decode([&whole[..cut], &whole[cut..]], input.len());
            assert_eq!(
                actual,
                Some(expected.clone()),
                "{row}, cut at {cut}, then {tail:?}"
            );
        }
    }
    let bytes = input.chunks(1);
    assert_eq!(
        decode(bytes, input.len()),
        Some(expected.clone()),
        "{row}, byte by byte"
    );
    let all_but_one = &input[..input.len() - 1];
    assert_eq!(decode([all_but_one], 0), None, "{row}: judged early");
}

/// Feeds pieces to a decoder: nothing yet, the data, or an error. A body that ends must end at
/// `body_bytes`.
pub(crate) fn decode<'a>(
    pieces: impl IntoIterator<Item = &'a [u8]>,
    body_bytes: usize,
) -> Option<Result<Vec<u8>, BodyError>> {
    let mut decoder = BodyDecoder::new(Framing::Chunked);
    let (mut data, mut consumed) = (Vec::new(), 0);
    for mut piece in pieces {
        loop {
            let step = match decoder.decode(piece) {
                Ok(step) => step,
                Err(error) => return Some(Err(error)),
            };
            consumed += step.consumed;
            piece = &piece[step.consumed..];
            match step.part {
                BodyPart::Data(part) => {
                    assert!(!part.is_empty(), "empty data looks like progress");
                    data.extend_from_slice(part);
                }
                BodyPart::NeedMore => {
                    assert_eq!(piece, b"", "all input is used before more is asked for");
                    break;
                }
                BodyPart::End => {
                    assert!(decoder.is_finished());
                    assert_eq!(consumed, body_bytes, "the body ends at its end");
                    return Some(Ok(data));
                }
            }
        }
    }
    None
}
