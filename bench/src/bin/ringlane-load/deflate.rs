//! Compresses messages as a client and checks compressed echoes (RFC 7692).
//!
//! Always true here:
//! - No message refers to one before it, in either direction: so each costs every server the same,
//!   and what is sent is compressed once for all connections.
//! - An echo that did not come compressed is wrong.
//!
//! Not here: the codec (`ringlane-protocol`), whose echo it is (`websocket.rs`).

use std::fmt::Write as _;

use ringlane_protocol::websocket::{
    DeflateParameters, Event, MaskKeys, Receiver, Role, Sender, Settings, Shared, pair,
};

use crate::answer::Malformed;

/// The shortest message that surely grows shorter.
pub(crate) const BYTES_MIN: u64 = 128;

/// What is offered.
pub(crate) const OFFER: DeflateParameters = DeflateParameters {
    server_no_context_takeover: true,
    client_no_context_takeover: true,
    server_max_window_bits: None,
    client_max_window_bits: None,
};

/// What all connections share.
#[derive(Debug, Default)]
pub(crate) struct Deflate {
    shared: Shared,
    input: Vec<u8>,
    /// What the last call of [`Reader::read`] has to tell the server.
    pub(crate) output: Vec<u8>,
}

/// Reads the echoes of one connection.
#[derive(Debug)]
pub(crate) struct Reader {
    receiver: Receiver,
    sender: Sender,
    /// Of the echo that is arriving, as it travels.
    wire_bytes: usize,
}

impl Deflate {
    /// A message as it is sent: one masked frame.
    pub(crate) fn frame(&mut self, message: &[u8]) -> Vec<u8> {
        let (_, mut sender) = ends(message.len(), &OFFER);
        let mut frame = Vec::new();
        // It fails behind a close frame only.
        let _ = sender.binary(message, &mut frame, &mut self.shared);
        frame
    }
}

impl Reader {
    /// Nothing if the server did not agree to what was offered.
    pub(crate) fn new(agreed: Option<DeflateParameters>, message_bytes: usize) -> Option<Self> {
        let agreed = agreed.filter(|agreed| agreed.server_no_context_takeover)?;
        let (receiver, sender) = ends(message_bytes, &agreed);
        Some(Self {
            receiver,
            sender,
            wire_bytes: 0,
        })
    }

    /// Reads on: how many echoes of `message` have ended in `bytes`.
    pub(crate) fn read(
        &mut self,
        bytes: &[u8],
        message: &[u8],
        deflate: &mut Deflate,
    ) -> Result<usize, Malformed> {
        let Deflate {
            shared,
            input,
            output,
        } = deflate;
        output.clear();
        input.clear();
        input.extend_from_slice(bytes);
        let (mut at, mut echoes) = (0, 0);
        loop {
            let sender = &mut self.sender;
            let step = (self.receiver).receive(&mut input[at..], sender, output, shared);
            at += step.consumed;
            self.wire_bytes += step.consumed;
            match step.event {
                Event::NeedMore => return Ok(echoes),
                Event::Binary(echo) if echo == message && self.wire_bytes < message.len() => {
                    self.wire_bytes = 0;
                    echoes += 1;
                }
                Event::Ping(_) | Event::Pong(_) => self.wire_bytes = 0,
                _ => return Err(Malformed),
            }
        }
    }
}

/// Both halves of a client's end.
fn ends(message_bytes: usize, agreed: &DeflateParameters) -> (Receiver, Sender) {
    let settings = Settings {
        message_bytes_max: message_bytes,
        compress_bytes_min: 0,
        ..Settings::default()
    };
    pair(Role::Client(MaskKeys::new()), &settings, Some(agreed))
}

/// So many bytes of records as an interface sends them: much is alike, not all.
pub(crate) fn records(bytes: usize) -> Vec<u8> {
    let mut text = String::from("[");
    let mut random = 1_u32;
    while text.len() < bytes {
        // Any numbers will do, as long as they are always the same.
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let (id, price, stock) = (random >> 12, random >> 20, random >> 26);
        // Writing to a String does not fail.
        let _ = write!(
            text,
            r#"{{"id":{id},"name":"Article {id:x}","price":{price},"stock":{stock}}},"#
        );
    }
    text.truncate(bytes);
    text.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a server sends for each message, compressed or not.
    fn echo(message: &[u8], agreed: Option<&DeflateParameters>) -> Vec<u8> {
        let (_, mut sender) = pair(Role::Server, &Settings::default(), agreed);
        let mut frame = Vec::new();
        let sent = sender.binary(message, &mut frame, &mut Shared::new());
        sent.map(|()| frame).expect("the connection is open")
    }

    #[track_caller]
    fn check(bytes: &[u8], message: &[u8], expected: Result<usize, Malformed>) {
        for at in 0..=bytes.len() {
            let mut deflate = Deflate::default();
            let mut reader = Reader::new(Some(OFFER), message.len()).expect("as offered");
            let mut read = |bytes: &[u8]| reader.read(bytes, message, &mut deflate);
            let first = read(&bytes[..at]);
            let both = first.and_then(|first| Ok(first + read(&bytes[at..])?));
            assert_eq!(both, expected, "cut at {at}");
        }
    }

    #[test]
    fn echoes_are_read_however_they_are_cut() {
        let message = records(BYTES_MIN as usize);
        let compressed = echo(&message, Some(&OFFER));
        check(&compressed.repeat(2), &message, Ok(2));
        let ping = b"\x89\x01a";
        check(&[ping, &compressed[..]].concat(), &message, Ok(1));
        check(&echo(&message, None), &message, Err(Malformed));
        check(&compressed, &records(129), Err(Malformed));
        check(b"\x88\x00", &message, Err(Malformed));
    }

    #[test]
    fn a_frame_of_ours_is_what_was_meant() {
        for bytes in [BYTES_MIN as usize, 1024, 100_000] {
            let message = records(bytes);
            assert_eq!(message.len(), bytes);
            let mut frame = Deflate::default().frame(&message);
            assert!(frame.len() < bytes, "{} of {bytes}", frame.len());
            let (mut receiver, mut sender) = pair(Role::Server, &Settings::default(), Some(&OFFER));
            let (mut output, mut shared) = (Vec::new(), Shared::new());
            let step = receiver.receive(&mut frame, &mut sender, &mut output, &mut shared);
            assert_eq!(step.event, Event::Binary(&message));
        }
    }

    #[test]
    fn a_server_must_agree() {
        assert!(Reader::new(None, 128).is_none());
        assert!(Reader::new(Some(DeflateParameters::default()), 128).is_none());
        let half = DeflateParameters {
            client_no_context_takeover: false, // which is ours to keep to
            ..OFFER
        };
        assert!(Reader::new(Some(half), 128).is_some());
    }
}
