//! One endpoint under test: fed in pieces, it records its events and its output.

use ringlane_protocol::websocket::{
    DeflateParameters, Error, Event, MaskKeys, Receiver, Role, Sender, Settings, Shared, mask, pair,
};

/// What frames of clients are masked with here.
pub(crate) const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

pub(crate) const FIN: u8 = 0x80;
pub(crate) const RSV1: u8 = 0x40;
pub(crate) const CONTINUATION: u8 = 0;
pub(crate) const TEXT: u8 = 1;
pub(crate) const BINARY: u8 = 2;
pub(crate) const CLOSE: u8 = 8;
pub(crate) const PING: u8 = 9;
pub(crate) const PONG: u8 = 10;

/// An event that outlives the input it was found in.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Seen {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<(u16, String)>),
    Failed(Error),
}

/// One end of a connection.
pub(crate) struct End {
    pub(crate) receiver: Receiver,
    pub(crate) sender: Sender,
    pub(crate) shared: Shared,
    pub(crate) output: Vec<u8>,
    pub(crate) seen: Vec<Seen>,
    /// Whether messages are sent back.
    pub(crate) echoes: bool,
}

impl End {
    pub(crate) fn new(
        role: Role,
        settings: &Settings,
        deflate: Option<&DeflateParameters>,
    ) -> Self {
        let (receiver, sender) = pair(role, settings, deflate);
        Self {
            receiver,
            sender,
            shared: Shared::new(),
            output: Vec::new(),
            seen: Vec::new(),
            echoes: false,
        }
    }

    pub(crate) fn server() -> Self {
        Self::new(Role::Server, &Settings::default(), None)
    }

    pub(crate) fn client() -> Self {
        Self::new(Role::Client(MaskKeys::new()), &Settings::default(), None)
    }

    pub(crate) fn echo() -> Self {
        Self {
            echoes: true,
            ..Self::server()
        }
    }

    /// Shows it a piece of input, which must be used up.
    pub(crate) fn feed(&mut self, piece: &[u8]) {
        let mut piece = piece.to_vec();
        let mut at = 0;
        loop {
            let step = self.receiver.receive(
                &mut piece[at..],
                &mut self.sender,
                &mut self.output,
                &mut self.shared,
            );
            at += step.consumed;
            let (sender, output) = (&mut self.sender, &mut self.output);
            let echoes = self.echoes && !sender.is_closed();
            let seen = match step.event {
                Event::NeedMore => break,
                Event::Text(text) => {
                    if echoes {
                        let sent = sender.text(text, output, &mut self.shared);
                        assert_eq!(sent, Ok(()));
                    }
                    Seen::Text(text.to_owned())
                }
                Event::Binary(bytes) => {
                    if echoes {
                        let sent = sender.binary(bytes, output, &mut self.shared);
                        assert_eq!(sent, Ok(()));
                    }
                    Seen::Binary(bytes.to_vec())
                }
                Event::Ping(payload) => Seen::Ping(payload.to_vec()),
                Event::Pong(payload) => Seen::Pong(payload.to_vec()),
                Event::Close(frame) => {
                    Seen::Close(frame.map(|frame| (frame.code.get(), frame.reason.to_owned())))
                }
                Event::Failed(error) => Seen::Failed(error),
            };
            self.seen.push(seen);
        }
        assert_eq!(
            at,
            piece.len(),
            "all input is used before more is asked for"
        );
    }

    pub(crate) fn feed_all<'p>(mut self, pieces: impl IntoIterator<Item = &'p [u8]>) -> Self {
        for piece in pieces {
            self.feed(piece);
        }
        self
    }
}

/// A frame with this first byte and a length in the fewest bytes, masked if `masked`.
pub(crate) fn frame(first: u8, payload: &[u8], masked: bool) -> Vec<u8> {
    let mut frame = vec![first];
    let bit = if masked { 0x80 } else { 0 };
    match payload.len() {
        short @ 0..=125 => frame.push(bit | short as u8),
        medium @ 126..=0xffff => {
            frame.push(bit | 126);
            frame.extend_from_slice(&(medium as u16).to_be_bytes());
        }
        long => {
            frame.push(bit | 127);
            frame.extend_from_slice(&(long as u64).to_be_bytes());
        }
    }
    let mut payload = payload.to_vec();
    if masked {
        frame.extend_from_slice(&KEY);
        mask(&mut payload, KEY, 0);
    }
    frame.extend_from_slice(&payload);
    frame
}

/// A client's frame.
pub(crate) fn sent(first: u8, payload: impl AsRef<[u8]>) -> Vec<u8> {
    frame(first, payload.as_ref(), true)
}

/// A server's frame.
pub(crate) fn got(first: u8, payload: impl AsRef<[u8]>) -> Vec<u8> {
    frame(first, payload.as_ref(), false)
}

/// A server's close frame with nothing but a code.
pub(crate) fn got_close(code: u16) -> Vec<u8> {
    got(FIN | CLOSE, code.to_be_bytes())
}

/// Feeds `input` whole, byte by byte and cut at every offset (of long ones at about two hundred):
/// each time `end()` must see and send the same.
#[track_caller]
pub(crate) fn check(name: &str, end: impl Fn() -> End, input: &[u8], seen: &[Seen], output: &[u8]) {
    let judge = |actual: End, how: &str| {
        assert_eq!(actual.seen, seen, "{name}, {how}");
        assert_eq!(actual.output, output, "{name}, {how}");
    };
    judge(end().feed_all([input]), "whole");
    judge(end().feed_all(input.chunks(1)), "byte by byte");
    for cut in (0..=input.len()).step_by(input.len() / 200 + 1) {
        let pieces = [&input[..cut], &input[cut..]];
        judge(end().feed_all(pieces), &format!("cut at {cut}"));
    }
}

pub(crate) fn text(text: &str) -> Seen {
    Seen::Text(text.to_owned())
}

pub(crate) fn closed(code: u16) -> Seen {
    Seen::Close(Some((code, String::new())))
}
