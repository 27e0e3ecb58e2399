//! Encodes and decodes WebSocket frames as a client (RFC 6455 §5).
//!
//! Always true here: the events do not depend on how the network cut the bytes, except that a
//! payload comes in as many pieces as it arrived in.
//!
//! Not here: what extensions do to frames (`deflate.rs`); where none is offered none may be used.

use crate::answer::Malformed;

/// All frames carry the same mask: nobody between client and server reads them here.
const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
const HEADER_BYTES_MAX: usize = 10;

pub(crate) const TEXT: u8 = 1;
pub(crate) const BINARY: u8 = 2;
pub(crate) const PING: u8 = 9;
pub(crate) const PONG: u8 = 10;

/// The key and its answer of RFC 6455 §1.3: a client that is no browser needs no secret here.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
pub(crate) const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// The request that opens a WebSocket, and the extensions that it offers.
pub(crate) fn handshake(host: &str, path: &str, extensions: Option<&str>) -> String {
    let offer = extensions.map(|names| format!("Sec-WebSocket-Extensions: {names}\r\n"));
    let offer = offer.unwrap_or_default();
    format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n{offer}\r\n"
    )
}

/// What was read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Event<'a> {
    Frame(Frame),
    Payload(&'a [u8]),
    End,
}

/// The start of a frame.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Frame {
    pub(crate) opcode: u8,
    /// The last one of its message.
    pub(crate) is_final: bool,
    pub(crate) payload_bytes: u64,
}

/// Reads the frames of one connection.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Reader {
    header: [u8; HEADER_BYTES_MAX],
    header_bytes: usize,
    /// What is missing of the payload, within a frame.
    left: Option<u64>,
}

impl Reader {
    /// Reads on; takes what it read off `bytes`. Nothing: more bytes are needed.
    pub(crate) fn next<'a>(
        &mut self,
        bytes: &mut &'a [u8],
    ) -> Result<Option<Event<'a>>, Malformed> {
        match self.left {
            Some(0) => {
                self.left = None;
                return Ok(Some(Event::End));
            }
            Some(_) if bytes.is_empty() => return Ok(None),
            Some(left) => {
                let most = usize::try_from(left).unwrap_or(usize::MAX);
                let (piece, rest) = bytes.split_at(bytes.len().min(most));
                *bytes = rest;
                self.left = Some(left - piece.len() as u64);
                return Ok(Some(Event::Payload(piece)));
            }
            None => {}
        }
        while let Some((&byte, rest)) = bytes.split_first() {
            self.header[self.header_bytes] = byte;
            self.header_bytes += 1;
            *bytes = rest;
            if let Some(frame) = parse(&self.header[..self.header_bytes])? {
                self.header_bytes = 0;
                self.left = Some(frame.payload_bytes);
                return Ok(Some(Event::Frame(frame)));
            }
        }
        Ok(None)
    }
}

/// Nothing: the header is longer.
fn parse(header: &[u8]) -> Result<Option<Frame>, Malformed> {
    let [first, second, length @ ..] = header else {
        return Ok(None);
    };
    // §5.1: a server does not mask. §5.2: reserved bits mean extensions.
    if first & 0x70 != 0 || second & 0x80 != 0 {
        return Err(Malformed);
    }
    let payload_bytes = match (second & 0x7f, length) {
        (126, [a, b]) => u64::from(u16::from_be_bytes([*a, *b])),
        (127, [a, b, c, d, e, f, g, h]) => u64::from_be_bytes([*a, *b, *c, *d, *e, *f, *g, *h]),
        (126 | 127, _) => return Ok(None),
        (short, _) => u64::from(short),
    };
    Ok(Some(Frame {
        opcode: first & 0x0f,
        is_final: first & 0x80 != 0,
        payload_bytes,
    }))
}

/// Writes a whole message as one masked frame.
pub(crate) fn write(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x80 | opcode];
    match payload.len() {
        length @ 0..126 => frame.push(0x80 | length as u8),
        length @ 126..65_536 => {
            frame.push(0x80 | 126);
            frame.extend_from_slice(&(length as u16).to_be_bytes());
        }
        length => {
            frame.push(0x80 | 127);
            frame.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    frame.extend_from_slice(&MASK);
    let mask = MASK.iter().cycle();
    frame.extend(payload.iter().zip(mask).map(|(byte, mask)| byte ^ mask));
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(parts: &[&[u8]]) -> String {
        let mut reader = Reader::default();
        let mut text = String::new();
        for part in parts {
            let mut bytes = *part;
            loop {
                match reader.next(&mut bytes) {
                    Ok(None) => break,
                    Ok(Some(Event::Frame(frame))) => {
                        let more = if frame.is_final { "" } else { "+" };
                        text += &format!("{}{more} {}:", frame.opcode, frame.payload_bytes);
                    }
                    Ok(Some(Event::Payload(piece))) => text += &String::from_utf8_lossy(piece),
                    Ok(Some(Event::End)) => text += "|",
                    Err(Malformed) => return text + "malformed",
                }
            }
        }
        text
    }

    #[track_caller]
    fn check(input: &[u8], expected: &str) {
        for at in 0..=input.len() {
            assert_eq!(read(&[&input[..at], &input[at..]]), expected, "cut at {at}");
        }
        let bytes: Vec<&[u8]> = input.chunks(1).collect();
        assert_eq!(read(&bytes), expected);
    }

    #[test]
    fn frames_of_a_server() {
        check(b"\x81\x05Hello", "1 5:Hello|");
        check(b"\x82\x00\x01\x01a\x80\x01b", "2 0:|1+ 1:a|0 1:b|");
        let payload = "x".repeat(126);
        check(
            &[b"\x82\x7e\x00\x7e", payload.as_bytes()].concat(),
            &format!("2 126:{payload}|"),
        );
        let payload = "x".repeat(300);
        check(
            &[b"\x82\x7f\0\0\0\0\0\0\x01\x2c", payload.as_bytes()].concat(),
            &format!("2 300:{payload}|"),
        );
        check(b"\x81\x81", "malformed");
        check(b"\xc1\x00", "malformed");
    }

    #[test]
    fn frames_of_ours() {
        // RFC 6455 §5.7 has this very frame.
        let hello = b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
        assert_eq!(write(TEXT, b"Hello"), hello);
        assert_eq!(write(BINARY, &[0; 125])[..2], [0x82, 0x80 | 125]);
        assert_eq!(write(BINARY, &[0; 126])[..4], [0x82, 0xfe, 0, 126]);
        assert_eq!(write(BINARY, &[0; 65_535])[..4], [0x82, 0xfe, 255, 255]);
        let longest = write(BINARY, &[0; 65_536]);
        assert_eq!(longest[..10], [0x82, 0xff, 0, 0, 0, 0, 0, 1, 0, 0]);
        assert_eq!(longest.len(), 14 + 65_536);
    }
}
