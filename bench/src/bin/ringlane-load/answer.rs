//! Parses HTTP answers as a client, to find where each one ends (RFC 9112).
//!
//! Always true here:
//! - The events do not depend on how the network cut the bytes, except that a body's bytes come in
//!   as many pieces as they arrived in.
//! - No body is kept; of a head at most [`HEAD_BYTES_MAX`].
//!
//! Not here: whether an answer is the right one (the modes check that).

use memchr::memmem;
use ringlane_protocol::websocket::DeflateParameters;

use crate::frame;

/// Longer than this no head is.
pub(crate) const HEAD_BYTES_MAX: usize = 64 * 1024;
/// Longer than this no line of a chunked body is.
const LINE_BYTES_MAX: usize = 1024;

/// What was read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Event<'a> {
    Head(Head),
    Body(&'a [u8]),
    End,
}

/// What matters of a head.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Head {
    pub(crate) status: u16,
    /// The server closes the connection behind this answer.
    pub(crate) closes: bool,
    /// The connection is a WebSocket from here on.
    pub(crate) is_websocket: bool,
    /// The compression that the server agreed to, and nothing else.
    pub(crate) deflate: Option<DeflateParameters>,
    extent: Extent,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Extent {
    Length(u64),
    Chunked,
    UntilClose,
}

/// Bytes that are no answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Malformed;

/// The head that came last, on any connection: the next one is most often the same.
#[derive(Debug, Default)]
pub(crate) struct Known {
    bytes: Vec<u8>,
    head: Option<Head>,
}

/// Reads the answers of one connection.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    /// What came of a head or of a line, if it came in parts.
    begun: Vec<u8>,
    phase: Phase,
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Phase {
    #[default]
    Head,
    Length(u64),
    ChunkSize,
    Chunk(u64),
    ChunkEnd,
    Trailer,
    UntilClose,
}

impl Reader {
    /// Reads on; takes what it read off `bytes`. Nothing: more bytes are needed.
    pub(crate) fn next<'a>(
        &mut self,
        bytes: &mut &'a [u8],
        known: &mut Known,
    ) -> Result<Option<Event<'a>>, Malformed> {
        loop {
            match self.phase {
                Phase::Head => return self.head(bytes, known),
                Phase::Length(0) => return Ok(Some(self.end())),
                Phase::Length(left) => {
                    let piece = take(bytes, left);
                    self.phase = Phase::Length(left - piece.len() as u64);
                    return Ok(Some(Event::Body(piece)).filter(|_| !piece.is_empty()));
                }
                Phase::Chunk(0) => self.phase = Phase::ChunkEnd,
                Phase::Chunk(left) => {
                    let piece = take(bytes, left);
                    self.phase = Phase::Chunk(left - piece.len() as u64);
                    return Ok(Some(Event::Body(piece)).filter(|_| !piece.is_empty()));
                }
                Phase::UntilClose => {
                    let piece = take(bytes, u64::MAX);
                    return Ok(Some(Event::Body(piece)).filter(|_| !piece.is_empty()));
                }
                Phase::ChunkSize | Phase::ChunkEnd | Phase::Trailer => {
                    if !self.line(bytes)? {
                        return Ok(None);
                    }
                    if self.interpret()? {
                        return Ok(Some(self.end()));
                    }
                }
            }
        }
    }

    /// Whether an answer has begun and not ended; one that lasts until the close ends with it.
    pub(crate) fn is_within(&self) -> bool {
        !matches!(self.phase, Phase::Head | Phase::UntilClose) || !self.begun.is_empty()
    }

    fn end(&mut self) -> Event<'static> {
        self.phase = Phase::Head;
        Event::End
    }

    fn head(
        &mut self,
        bytes: &mut &[u8],
        known: &mut Known,
    ) -> Result<Option<Event<'static>>, Malformed> {
        let head = if self.begun.is_empty() {
            let repeated = known.head.filter(|_| bytes.starts_with(&known.bytes));
            if let Some(head) = repeated {
                *bytes = &bytes[known.bytes.len()..];
                return Ok(Some(self.started(head)));
            }
            let Some(end) = end_of_head(bytes, 0) else {
                return self.keep(bytes);
            };
            let (head, rest) = bytes.split_at(end);
            *bytes = rest;
            known.remember(head)?
        } else {
            let before = self.begun.len();
            self.begun.extend_from_slice(bytes);
            let Some(end) = end_of_head(&self.begun, before) else {
                *bytes = &[];
                return self.check_length().map(|()| None);
            };
            *bytes = &bytes[end - before..];
            self.begun.truncate(end);
            let head = known.remember(&self.begun)?;
            self.begun.clear();
            head
        };
        Ok(Some(self.started(head)))
    }

    fn keep(&mut self, bytes: &mut &[u8]) -> Result<Option<Event<'static>>, Malformed> {
        self.begun.extend_from_slice(bytes);
        *bytes = &[];
        self.check_length().map(|()| None)
    }

    fn check_length(&self) -> Result<(), Malformed> {
        if self.begun.len() > HEAD_BYTES_MAX {
            return Err(Malformed);
        }
        Ok(())
    }

    fn started(&mut self, head: Head) -> Event<'static> {
        self.phase = match head.extent {
            // An interim answer (RFC 9110 §15.2) has no body and is not the last one; the one that
            // changes the protocol ends here too.
            Extent::Length(length) => Phase::Length(length),
            Extent::Chunked => Phase::ChunkSize,
            Extent::UntilClose => Phase::UntilClose,
        };
        Event::Head(head)
    }

    /// Collects a line in `begun`, without its end; false if it is not whole.
    fn line(&mut self, bytes: &mut &[u8]) -> Result<bool, Malformed> {
        let end = memchr::memchr(b'\n', bytes);
        let (line, rest) = bytes.split_at(end.map_or(bytes.len(), |at| at + 1));
        self.begun.extend_from_slice(line);
        *bytes = rest;
        if self.begun.len() > LINE_BYTES_MAX {
            return Err(Malformed);
        }
        if end.is_none() {
            return Ok(false);
        }
        if !self.begun.ends_with(b"\r\n") {
            return Err(Malformed);
        }
        self.begun.truncate(self.begun.len() - 2);
        Ok(true)
    }

    /// What a line of a chunked body means (RFC 9112 §7.1); true if the body ends with it.
    fn interpret(&mut self) -> Result<bool, Malformed> {
        let line = std::str::from_utf8(&self.begun).map_err(|_| Malformed)?;
        let ends = match self.phase {
            Phase::ChunkSize => {
                let digits = line.split(';').next().unwrap_or_default().trim();
                let size = u64::from_str_radix(digits, 16).map_err(|_| Malformed)?;
                self.phase = if size == 0 {
                    Phase::Trailer
                } else {
                    Phase::Chunk(size)
                };
                false
            }
            Phase::ChunkEnd if line.is_empty() => {
                self.phase = Phase::ChunkSize;
                false
            }
            Phase::Trailer => line.is_empty(),
            _ => return Err(Malformed),
        };
        self.begun.clear();
        Ok(ends)
    }
}

impl Known {
    fn remember(&mut self, bytes: &[u8]) -> Result<Head, Malformed> {
        let head = parse(bytes)?;
        self.bytes.clear();
        self.bytes.extend_from_slice(bytes);
        self.head = Some(head);
        Ok(head)
    }
}

/// Takes at most `most` bytes off the front.
fn take<'a>(bytes: &mut &'a [u8], most: u64) -> &'a [u8] {
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let (piece, rest) = bytes.split_at(bytes.len().min(most));
    *bytes = rest;
    piece
}

/// Where the head ends; nothing before `searched` is its last byte.
fn end_of_head(bytes: &[u8], searched: usize) -> Option<usize> {
    let from = searched.saturating_sub(3);
    memmem::find(&bytes[from..], b"\r\n\r\n").map(|at| from + at + 4)
}

fn parse(head: &[u8]) -> Result<Head, Malformed> {
    let head = std::str::from_utf8(head).map_err(|_| Malformed)?;
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.strip_prefix("HTTP/1.1 "));
    let status = status.and_then(|rest| rest.get(..3)).ok_or(Malformed)?;
    let status: u16 = status.parse().map_err(|_| Malformed)?;
    let mut extent = Extent::UntilClose;
    let mut closes = false;
    let mut accepts = false;
    let mut deflate = None;
    for line in lines.filter(|line| !line.is_empty()) {
        let (name, value) = line.split_once(':').ok_or(Malformed)?;
        let value = value.trim();
        if name.eq_ignore_ascii_case("content-length") && extent != Extent::Chunked {
            extent = Extent::Length(value.parse().map_err(|_| Malformed)?);
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            extent = Extent::Chunked;
        } else if name.eq_ignore_ascii_case("connection") {
            closes = value.eq_ignore_ascii_case("close");
        } else if name.eq_ignore_ascii_case("sec-websocket-accept") {
            accepts = value == frame::ACCEPT;
        } else if name.eq_ignore_ascii_case("sec-websocket-extensions") {
            deflate = DeflateParameters::from_answer(value.as_bytes());
        }
    }
    // RFC 9112 §6.3: these have no body, whatever they say.
    if matches!(status, 100..=199 | 204 | 304) {
        extent = Extent::Length(0);
    }
    Ok(Head {
        status,
        closes: closes || extent == Extent::UntilClose,
        is_websocket: status == 101 && accepts,
        deflate,
        extent,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the answers in `parts` are: status and body each, or the word `malformed`.
    fn read(parts: &[&[u8]], known: &mut Known) -> String {
        let mut reader = Reader::default();
        let mut text = String::new();
        for part in parts {
            let mut bytes = *part;
            loop {
                match reader.next(&mut bytes, known) {
                    Ok(None) => break,
                    Ok(Some(Event::Head(head))) => text += &format!("{}:", head.status),
                    Ok(Some(Event::Body(piece))) => text += &String::from_utf8_lossy(piece),
                    Ok(Some(Event::End)) => text += "|",
                    Err(Malformed) => return text + "malformed",
                }
            }
        }
        text
    }

    /// Cut in two, at every place, and byte by byte.
    #[track_caller]
    fn check(input: &str, expected: &str) {
        let input = input.as_bytes();
        let mut known = Known::default();
        for at in 0..=input.len() {
            let parts = [&input[..at], &input[at..]];
            assert_eq!(read(&parts, &mut known), expected, "cut at {at}");
        }
        let bytes: Vec<&[u8]> = input.chunks(1).collect();
        assert_eq!(read(&bytes, &mut Known::default()), expected);
    }

    #[test]
    fn answers() {
        let one = "HTTP/1.1 200 OK\r\nServer: a\r\ncontent-length: 5\r\n\r\nhello";
        check(one, "200:hello|");
        check(&one.repeat(3), "200:hello|200:hello|200:hello|");
        check("HTTP/1.1 204 No Content\r\n\r\n", "204:|");
        check("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "200:|");
        check("HTTP/1.1 200 OK\r\n\r\nto the end", "200:to the end");
        let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        check(&format!("{chunked}5\r\nhello\r\n0\r\n\r\n"), "200:hello|");
        check(
            &format!("{chunked}A;x=y\r\n0123456789\r\n1\r\n!\r\n0\r\nX: y\r\n\r\n{one}"),
            "200:0123456789!|200:hello|",
        );
    }

    #[test]
    fn what_is_no_answer() {
        check("HTTP/1.0 200 OK\r\n\r\n", "malformed");
        check("HTTP/1.1 OK\r\n\r\n", "malformed");
        check("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", "malformed");
        check("HTTP/1.1 200 OK\r\nServer\r\n\r\n", "malformed");
        let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        check(&format!("{chunked}x\r\n"), "200:malformed");
        check(&format!("{chunked}1\r\nab\r\n"), "200:amalformed");
        check(&format!("{chunked}1\n"), "200:malformed");
    }

    #[test]
    fn a_head_has_a_length_at_most() {
        let start = "HTTP/1.1 200 OK\r\nX: ";
        let fitting = start.to_owned() + &"x".repeat(HEAD_BYTES_MAX - start.len());
        assert_eq!(read(&[fitting.as_bytes()], &mut Known::default()), "");
        let longer = fitting + "x";
        let read = read(&[longer.as_bytes()], &mut Known::default());
        assert_eq!(read, "malformed");
    }

    #[test]
    fn handshakes() {
        let is_websocket = |status, accept| {
            let head = format!("HTTP/1.1 {status} x\r\nsec-websocket-accept: {accept}\r\n\r\n");
            parse(head.as_bytes()).map(|head| head.is_websocket)
        };
        assert_eq!(is_websocket(101, frame::ACCEPT), Ok(true));
        assert_eq!(is_websocket(101, "other"), Ok(false));
        assert_eq!(is_websocket(200, frame::ACCEPT), Ok(false));
        let deflate = |value| {
            let head = format!("HTTP/1.1 101 x\r\nSec-WebSocket-Extensions: {value}\r\n\r\n");
            parse(head.as_bytes()).map(|head| head.deflate.is_some())
        };
        assert_eq!(deflate("permessage-deflate"), Ok(true));
        assert_eq!(deflate("permessage-deflate, other"), Ok(false));
    }

    #[test]
    fn who_closes() {
        let closes = |head: &str| parse(head.as_bytes()).map(|head| head.closes);
        assert_eq!(
            closes("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n"),
            Ok(false)
        );
        assert_eq!(
            closes("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: Close\r\n\r\n"),
            Ok(true)
        );
        assert_eq!(closes("HTTP/1.1 200 OK\r\n\r\n"), Ok(true));
    }
}
