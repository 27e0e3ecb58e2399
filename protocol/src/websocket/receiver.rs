//! What comes in: frames into messages, pings into pongs, and every rule that a peer can break.
//!
//! ```text
//!           ┌────────────── frame done ─────────────┐
//!           ▼                                       │
//!        Header ──── header whole, allowed ────► Payload
//!           │                                       │
//!           └── rule broken, or close frame taken ──┴──► Ended (input is dropped)
//! ```
//!
//! Always true here:
//! - All input is used at each call, up to the event it ends with: nobody need carry bytes.
//! - A connection between messages holds no memory besides this record.
//! - The verdict on a header falls before anything is allocated for its payload.
//!
//! Not here: headers (`frame.rs`), messages in pieces (`assembly.rs`), replies (`sender.rs`).

use super::assembly::{Assembly, Inflation, Limits};
use super::frame::FRAME_HEADER_BYTES_MAX;
use super::{CloseFrame, Error, FrameHeader, FrameRules, Opcode, Sender, Shared, mask};
use std::ops::Range;

/// What one call of [`Receiver::receive`] found.
#[derive(Debug)]
#[must_use]
pub struct Step<'a> {
    /// These many bytes are done with: show the receiver only what lies behind them.
    pub consumed: usize,
    /// What they were.
    pub event: Event<'a>,
}

/// Something that came from the peer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Event<'a> {
    /// The input is used up. After the end of the connection it always is.
    NeedMore,
    /// A whole text message.
    Text(&'a str),
    /// A whole binary message.
    Binary(&'a [u8]),
    /// A ping, answered already. At most 125 bytes.
    Ping(&'a [u8]),
    /// A pong, asked for or not. At most 125 bytes.
    Pong(&'a [u8]),
    /// The peer closes, with a reason or without. It has been answered: when the output is sent,
    /// the connection is over.
    Close(Option<CloseFrame<'a>>),
    /// The peer broke a rule and was told so: when the output is sent, the connection is over.
    Failed(Error),
}

/// The receiving half of a connection.
///
/// See [the module](super) for how it is used, and [`pair`](super::pair) for how it is made.
#[derive(Debug)]
pub struct Receiver {
    rules: FrameRules,
    limits: Limits,
    /// The beginning of a header whose end has not come yet.
    begun: [u8; FRAME_HEADER_BYTES_MAX],
    begun_bytes: u8,
    phase: Phase,
    /// The data message in progress: between its fragments, too.
    assembly: Option<Assembly>,
    /// Its bytes so far; then those of the message that was handed out last.
    message: Vec<u8>,
    /// The same of a control frame, which may come between.
    control: Vec<u8>,
    inflation: Option<Inflation>,
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    /// Before a frame, or within its header.
    Header,
    /// Within a frame's payload, of which `done` bytes were taken.
    Payload { header: FrameHeader, done: u64 },
    /// After a close frame or an error: nothing more is read (RFC 6455 §7.1.7).
    Ended,
}

/// What lies at the front of the input.
enum Found {
    NeedMore,
    Message { is_text: bool, place: Place },
    Control { opcode: Opcode, place: Place },
}

/// Where a payload lies: in the input it came in, or put together.
enum Place {
    Input(Range<usize>),
    Kept,
}

impl Place {
    fn of<'a>(self, input: &'a [u8], kept: &'a [u8]) -> &'a [u8] {
        match self {
            Self::Input(range) => &input[range],
            Self::Kept => kept,
        }
    }
}

impl Receiver {
    pub(super) const fn new(
        rules: FrameRules,
        limits: Limits,
        inflation: Option<Inflation>,
    ) -> Self {
        Self {
            rules,
            limits,
            begun: [0; FRAME_HEADER_BYTES_MAX],
            begun_bytes: 0,
            phase: Phase::Header,
            assembly: None,
            message: Vec::new(),
            control: Vec::new(),
            inflation,
        }
    }

    /// Takes the next event off the front of `input`, which it unmasks in place.
    ///
    /// Call it again with what is left until it answers [`Event::NeedMore`]: that call also gives
    /// back the memory of the message before. What the peer must be told is appended to `output`:
    /// pongs, the answer to a close frame, the close frame of an error.
    pub fn receive<'a>(
        &'a mut self,
        input: &'a mut [u8],
        sender: &mut Sender,
        output: &mut Vec<u8>,
        shared: &mut Shared,
    ) -> Step<'a> {
        sender.settle(output);
        self.release(shared);
        let input_bytes = input.len();
        let (consumed, found) = match self.advance(input, shared) {
            Ok(found) => found,
            Err(error) => return self.fail(error, input_bytes, sender, output),
        };
        let input: &'a [u8] = input;
        let event = match found {
            Found::NeedMore => Event::NeedMore,
            Found::Message {
                is_text: false,
                place,
            } => Event::Binary(place.of(input, &self.message)),
            Found::Message {
                is_text: true,
                place: Place::Input(range),
            } => match simdutf8::basic::from_utf8(&input[range]) {
                Ok(text) => Event::Text(text),
                Err(_) => return self.fail(Error::InvalidUtf8, input_bytes, sender, output),
            },
            Found::Message {
                is_text: true,
                place: Place::Kept,
            } => Event::Text(checked_text(&self.message)),
            Found::Control { opcode, place } => match opcode {
                Opcode::Close => {
                    self.phase = Phase::Ended;
                    let payload = place.of(input, &self.control);
                    let event = take_close(payload, sender, output);
                    // What is behind a close frame is dropped (RFC 6455 §1.4).
                    return Step {
                        consumed: input_bytes,
                        event,
                    };
                }
                Opcode::Ping => {
                    let payload = place.of(input, &self.control);
                    sender.answer_ping(payload, output);
                    Event::Ping(payload)
                }
                _ => Event::Pong(place.of(input, &self.control)),
            },
        };
        Step { consumed, event }
    }

    /// Whether the peer has closed or was failed: nothing more is read.
    pub const fn is_ended(&self) -> bool {
        matches!(self.phase, Phase::Ended)
    }

    /// Gives back what the last event was kept in, unless a message is in progress there.
    fn release(&mut self, shared: &mut Shared) {
        if self.assembly.is_none() || self.is_ended() {
            shared.return_buffer(&mut self.message);
        }
        if !matches!(self.phase, Phase::Payload { header, .. } if header.opcode.is_control()) {
            shared.return_buffer(&mut self.control);
        }
    }

    /// Ends the connection for an error of the peer's. The rest of the input is dropped.
    fn fail(
        &mut self,
        error: Error,
        input_bytes: usize,
        sender: &mut Sender,
        output: &mut Vec<u8>,
    ) -> Step<'static> {
        self.phase = Phase::Ended;
        self.assembly = None;
        sender.close_with(Some(error.code()), "", output);
        Step {
            consumed: input_bytes,
            event: Event::Failed(error),
        }
    }

    /// Goes on until something is whole or the input is used up. Tells how much was used.
    fn advance(&mut self, input: &mut [u8], shared: &mut Shared) -> Result<(usize, Found), Error> {
        let mut at = 0;
        loop {
            match self.phase {
                Phase::Ended => return Ok((input.len(), Found::NeedMore)),
                Phase::Header => {
                    let Some((header, header_bytes)) = self.take_header(&input[at..])? else {
                        return Ok((input.len(), Found::NeedMore));
                    };
                    at += header_bytes;
                    self.begin_frame(&header)?;
                    self.phase = Phase::Payload { header, done: 0 };
                }
                Phase::Payload { header, done } => {
                    let left = header.payload_bytes - done;
                    let here = input.len() - at;
                    let len = usize::try_from(left).map_or(here, |left| left.min(here));
                    let range = at..at + len;
                    if let Some(key) = header.mask {
                        // Only the remainder by 4 matters, which no cast changes.
                        mask(&mut input[range.clone()], key, done as usize);
                    }
                    at += len;
                    let done = done + len as u64;
                    self.phase = Phase::Payload { header, done };
                    if let Some(found) = self.take_payload(&header, done, range, input, shared)? {
                        return Ok((at, found));
                    }
                    if done < header.payload_bytes {
                        return Ok((at, Found::NeedMore));
                    }
                }
            }
        }
    }

    /// The next header and how many bytes of `input` belong to it; `None` if it used all of them
    /// and is not whole.
    fn take_header(&mut self, input: &[u8]) -> Result<Option<(FrameHeader, usize)>, Error> {
        let begun = usize::from(self.begun_bytes);
        if begun == 0 {
            let decoded = FrameHeader::decode(input, self.rules)?;
            if decoded.is_none() {
                self.begun[..input.len()].copy_from_slice(input);
                self.begun_bytes = input.len() as u8;
            }
            return Ok(decoded);
        }
        let more = input.len().min(FRAME_HEADER_BYTES_MAX - begun);
        self.begun[begun..begun + more].copy_from_slice(&input[..more]);
        let decoded = FrameHeader::decode(&self.begun[..begun + more], self.rules)?;
        self.begun_bytes = match decoded {
            Some(_) => 0,
            None => (begun + more) as u8,
        };
        Ok(decoded.map(|(header, header_bytes)| (header, header_bytes - begun)))
    }

    /// Whether this frame may come now (RFC 6455 §5.4), and is not too much.
    fn begin_frame(&mut self, header: &FrameHeader) -> Result<(), Error> {
        match (header.opcode, &mut self.assembly) {
            (Opcode::Close | Opcode::Ping | Opcode::Pong, _) => {}
            (Opcode::Continuation, Some(assembly)) => assembly.add_frame(header, self.limits)?,
            (Opcode::Continuation, None) => return Err(Error::UnexpectedContinuation),
            (Opcode::Text | Opcode::Binary, Some(_)) => return Err(Error::ExpectedContinuation),
            (Opcode::Text | Opcode::Binary, none) => {
                *none = Some(Assembly::begin(header, self.limits)?);
            }
        }
        Ok(())
    }

    /// Takes the piece of payload at `range`, behind which `done` bytes of the frame have come.
    /// Tells what is whole now; then the frame is over.
    fn take_payload(
        &mut self,
        header: &FrameHeader,
        done: u64,
        range: Range<usize>,
        input: &[u8],
        shared: &mut Shared,
    ) -> Result<Option<Found>, Error> {
        let is_whole = done == header.payload_bytes;
        let is_in_input = is_whole && range.len() as u64 == done;
        if is_whole {
            self.phase = Phase::Header;
        }
        if header.opcode.is_control() {
            if is_in_input {
                return Ok(Some(Found::Control {
                    opcode: header.opcode,
                    place: Place::Input(range),
                }));
            }
            if self.control.capacity() == 0 {
                self.control = shared.take_buffer();
            }
            self.control.extend_from_slice(&input[range]);
            return Ok(is_whole.then_some(Found::Control {
                opcode: header.opcode,
                place: Place::Kept,
            }));
        }
        let Some(assembly) = &mut self.assembly else {
            return Ok(None);
        };
        let is_text = assembly.is_text;
        let ends = is_whole && header.fin;
        if ends && is_in_input && assembly.is_plain() {
            self.assembly = None;
            let place = Place::Input(range);
            return Ok(Some(Found::Message { is_text, place }));
        }
        let (message, inflation) = (&mut self.message, &mut self.inflation);
        assembly.add(&input[range], message, inflation, self.limits, shared)?;
        if !ends {
            return Ok(None);
        }
        assembly.finish(message, inflation, self.limits, shared)?;
        self.assembly = None;
        let place = Place::Kept;
        Ok(Some(Found::Message { is_text, place }))
    }
}

/// RFC 6455 §5.5.1: a close frame is answered with its own code.
fn take_close<'a>(payload: &'a [u8], sender: &mut Sender, output: &mut Vec<u8>) -> Event<'a> {
    match CloseFrame::decode(payload) {
        Ok(frame) => {
            sender.close_with(frame.map(|frame| frame.code), "", output);
            Event::Close(frame)
        }
        Err(error) => {
            sender.close_with(Some(error.code()), "", output);
            Event::Failed(error)
        }
    }
}

/// Bytes that were checked as they came, as text.
fn checked_text(bytes: &[u8]) -> &str {
    simdutf8::basic::from_utf8(bytes).unwrap_or_default()
}
