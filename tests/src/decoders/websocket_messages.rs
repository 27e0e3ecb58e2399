//! No input makes the receiver of messages panic, loop, or take more than it may; its events and
//! its answers do not depend on the cut; the peer understands each answer, and reads each message
//! that is sent back to it as the one it sent.

use std::cell::RefCell;

use ringlane_protocol::websocket::{
    CLOSE_REASON_BYTES_MAX, CONTROL_BYTES_MAX, DeflateParameters, Error, Event, FrameHeader,
    FrameRules, MaskKeys, Opcode, Receiver, Role, Sender, Settings, Shared, mask, pair,
};

use super::at_every_cut;

/// Of longer inputs the beginning is taken: what answers it must stay below the pongs that may
/// wait, or some pings have none.
const WIRE_BYTES_MAX: usize = 4096;

/// Takes the first byte as what was agreed on, the rest as what comes from the peer.
///
/// # Panics
///
/// If the receiver or the sender breaks a promise.
///
/// ```
/// ringlane_tests::decoders::websocket_messages(b"\x01\x81\x05Hello");
/// ```
pub fn websocket_messages(input: &[u8]) {
    let Some((choice, wire)) = input.split_first() else {
        return;
    };
    let wire = &wire[..wire.len().min(WIRE_BYTES_MAX)];
    let terms = Terms::chosen_by(*choice);
    let (seen, _) = at_every_cut(wire, |pieces| {
        let (seen, output) = terms.end(false).receive(pieces);
        (seen, terms.frames(&output))
    });
    let (again, output) = terms.end(true).receive(&[wire]);
    assert_eq!(again, seen, "sending changes nothing that comes");
    let (answers, _) = terms.peer().receive(&[&output]);
    let expected: Vec<Seen> = seen.iter().filter_map(Seen::answer).collect();
    assert_eq!(answers, expected, "what the peer sees");
}

/// An event that outlives the input it was found in.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Seen {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<(u16, String)>),
    Failed(Error),
}

impl Seen {
    /// What the peer must see of it, if it is told anything.
    fn answer(&self) -> Option<Self> {
        Some(match self {
            Self::Text(_) | Self::Binary(_) | Self::Close(None) => self.clone(),
            Self::Ping(payload) => Self::Pong(payload.clone()),
            Self::Pong(_) => return None,
            Self::Close(Some((code, _))) => Self::Close(Some((*code, String::new()))),
            Self::Failed(error) => Self::Close(Some((error.code().get(), String::new()))),
        })
    }
}

/// What both ends of a connection know.
struct Terms {
    is_server: bool,
    settings: Settings,
    deflate: Option<DeflateParameters>,
    /// One for all: what one connection leaves behind may not show in the next.
    shared: RefCell<Shared>,
}

impl Terms {
    fn chosen_by(choice: u8) -> Self {
        let choice = usize::from(choice);
        let alone = DeflateParameters {
            server_no_context_takeover: true,
            client_no_context_takeover: true,
            ..DeflateParameters::default()
        };
        let small = DeflateParameters {
            server_max_window_bits: Some(9),
            client_max_window_bits: Some(9),
            ..DeflateParameters::default()
        };
        let deflate = [
            None,
            Some(alone),
            Some(DeflateParameters::default()),
            Some(small),
        ];
        Self {
            is_server: choice & 1 == 0,
            settings: Settings {
                message_bytes_max: [1000, 125, 5, 65_536][choice >> 3 & 3],
                fragments_max: [1000, 3][choice >> 5 & 1],
                frame_bytes_max: [usize::MAX, 7][choice >> 6 & 1],
                compress_bytes_min: [0, 64][choice >> 7],
                ..Settings::default()
            },
            deflate: deflate[choice >> 1 & 3],
            shared: RefCell::new(Shared::new()),
        }
    }

    fn end(&self, echoes: bool) -> End<'_> {
        End::new(self, self.is_server, self.settings, echoes)
    }

    fn peer(&self) -> End<'_> {
        End::new(self, !self.is_server, Settings::default(), false)
    }

    /// What was sent, frame by frame, without its masks: those are never the same twice.
    fn frames(&self, mut output: &[u8]) -> Vec<(bool, Opcode, Vec<u8>)> {
        let rules = FrameRules {
            masked: !self.is_server,
            compression: self.deflate.is_some(),
        };
        let mut frames = Vec::new();
        while !output.is_empty() {
            let (header, header_bytes) = FrameHeader::decode(output, rules)
                .expect("what is sent is valid")
                .expect("what is sent is whole");
            let end = header_bytes + header.payload_bytes as usize;
            let mut payload = output[header_bytes..end].to_vec();
            mask(&mut payload, header.mask.unwrap_or_default(), 0);
            frames.push((header.fin, header.opcode, payload));
            output = &output[end..];
        }
        frames
    }
}

/// One end of a connection.
struct End<'t> {
    terms: &'t Terms,
    message_bytes_max: usize,
    receiver: Receiver,
    sender: Sender,
    /// Whether messages are sent back.
    echoes: bool,
}

impl<'t> End<'t> {
    fn new(terms: &'t Terms, is_server: bool, settings: Settings, echoes: bool) -> Self {
        let role = match is_server {
            true => Role::Server,
            false => Role::Client(MaskKeys::new()),
        };
        let (receiver, sender) = pair(role, &settings, terms.deflate.as_ref());
        Self {
            terms,
            message_bytes_max: settings.message_bytes_max,
            receiver,
            sender,
            echoes,
        }
    }

    /// What it sees in these pieces, and what it sends.
    fn receive(mut self, pieces: &[&[u8]]) -> (Vec<Seen>, Vec<u8>) {
        let (mut seen, mut output) = (Vec::new(), Vec::new());
        for piece in pieces {
            let mut piece = piece.to_vec();
            let mut at = 0;
            loop {
                let was_ended = self.receiver.is_ended();
                let (consumed, found) = self.step(&mut piece[at..], &mut output);
                at += consumed;
                let Some(found) = found else {
                    break;
                };
                assert!(consumed > 0, "it goes on");
                assert!(!was_ended, "nothing is read behind the end: {found:?}");
                seen.push(found);
            }
            assert_eq!(at, piece.len(), "all is consumed");
        }
        let is_end = |seen: &Seen| matches!(seen, Seen::Close(_) | Seen::Failed(_));
        assert_eq!(self.receiver.is_ended(), seen.last().is_some_and(is_end));
        assert_eq!(self.sender.is_closed(), self.receiver.is_ended());
        (seen, output)
    }

    fn step(&mut self, input: &mut [u8], output: &mut Vec<u8>) -> (usize, Option<Seen>) {
        let shared = &mut self.terms.shared.borrow_mut();
        let step = self
            .receiver
            .receive(input, &mut self.sender, output, shared);
        let seen = match step.event {
            Event::NeedMore => return (step.consumed, None),
            Event::Text(text) => {
                assert!(text.len() <= self.message_bytes_max);
                if self.echoes {
                    let sent = self.sender.text(text, output, shared);
                    assert_eq!(sent, Ok(()));
                }
                Seen::Text(text.to_owned())
            }
            Event::Binary(bytes) => {
                assert!(bytes.len() <= self.message_bytes_max);
                if self.echoes {
                    let sent = self.sender.binary(bytes, output, shared);
                    assert_eq!(sent, Ok(()));
                }
                Seen::Binary(bytes.to_vec())
            }
            Event::Ping(payload) => Seen::Ping(short(payload)),
            Event::Pong(payload) => Seen::Pong(short(payload)),
            Event::Close(frame) => Seen::Close(frame.map(|frame| {
                assert!(frame.reason.len() <= CLOSE_REASON_BYTES_MAX);
                (frame.code.get(), frame.reason.to_owned())
            })),
            Event::Failed(error) => Seen::Failed(error),
        };
        (step.consumed, Some(seen))
    }
}

fn short(payload: &[u8]) -> Vec<u8> {
    assert!(payload.len() <= CONTROL_BYTES_MAX);
    payload.to_vec()
}
