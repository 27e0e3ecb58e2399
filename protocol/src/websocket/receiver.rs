//! Decodes frames into messages, answers pings, and checks every rule for peers.
//!
//! ```text
//!           ┌────────────── frame done ─────────────┐
//!           ▼                                       │
//!        header ──── header whole, allowed ────► payload
//!           │                                       │
//!           └── rule broken, or close frame taken ──┴──► ended (input is dropped)
//! ```
//!
//! Always true here:
//! - All input is used at each call, up to the event it ends with: nobody need carry bytes.
//! - A connection between messages holds no memory besides this record.
//!
//! Not here: one frame after the other (`progress.rs`), replies (`sender.rs`).

use super::assembly::{Inflation, Limits};
use super::progress::{Found, Place, Progress};
use super::{CloseFrame, Error, FrameRules, Opcode, Sender, Shared};

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
    /// After a close frame or an error nothing more is read (RFC 6455 §7.1.7).
    has_ended: bool,
    /// Apart: most sockets have none.
    inflation: Option<Box<Inflation>>,
    /// A frame or a message that has begun, or the one that was handed out last.
    progress: Option<Box<Progress>>,
}

impl Receiver {
    pub(super) const fn new(
        rules: FrameRules,
        limits: Limits,
        inflation: Option<Box<Inflation>>,
    ) -> Self {
        Self {
            rules,
            limits,
            has_ended: false,
            inflation,
            progress: None,
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
        let input_bytes = input.len();
        let (consumed, found) = match self.advance(input, shared) {
            Ok(found) => found,
            Err(error) => return self.fail(error, input_bytes, sender, output),
        };
        let input: &'a [u8] = input;
        let event = match found {
            Found::NeedMore => {
                self.rest(shared);
                Event::NeedMore
            }
            Found::Message {
                is_text: false,
                place,
            } => Event::Binary(place.of(input, self.message())),
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
            } => Event::Text(checked_text(self.message())),
            Found::Control { opcode, place } => match opcode {
                Opcode::Close => {
                    self.has_ended = true;
                    let event = take_close(place.of(input, self.control()), sender, output);
                    // What is behind a close frame is dropped (RFC 6455 §1.4).
                    return Step {
                        consumed: input_bytes,
                        event,
                    };
                }
                Opcode::Ping => {
                    let payload = place.of(input, self.control());
                    sender.answer_ping(payload, output);
                    Event::Ping(payload)
                }
                _ => Event::Pong(place.of(input, self.control())),
            },
        };
        Step { consumed, event }
    }

    /// Whether the peer has closed or was failed: nothing more is read.
    pub const fn is_ended(&self) -> bool {
        self.has_ended
    }

    /// Goes on until something is whole or the input is used up. Tells how much was used.
    fn advance(&mut self, input: &mut [u8], shared: &mut Shared) -> Result<(usize, Found), Error> {
        if self.has_ended {
            return Ok((input.len(), Found::NeedMore));
        }
        let (rules, limits, inflation) = (self.rules, self.limits, &mut self.inflation);
        if let Some(progress) = &mut self.progress {
            progress.release(shared);
            return progress.advance(input, rules, limits, inflation, shared);
        }
        let mut progress = Progress::default();
        let found = progress.advance(input, rules, limits, inflation, shared);
        if progress.is_kept() {
            self.progress = Some(shared.keep_progress(progress));
        }
        found
    }

    /// Holds nothing while nothing has begun.
    fn rest(&mut self, shared: &mut Shared) {
        let has_ended = self.has_ended;
        if let Some(progress) = self
            .progress
            .take_if(|progress| has_ended || progress.is_idle())
        {
            shared.return_progress(progress);
        }
    }

    fn message(&self) -> &[u8] {
        self.progress
            .as_ref()
            .map_or(&[], |progress| &progress.message)
    }

    fn control(&self) -> &[u8] {
        self.progress
            .as_ref()
            .map_or(&[], |progress| &progress.control)
    }

    /// Ends the connection for an error of the peer's. The rest of the input is dropped.
    fn fail(
        &mut self,
        error: Error,
        input_bytes: usize,
        sender: &mut Sender,
        output: &mut Vec<u8>,
    ) -> Step<'static> {
        self.has_ended = true;
        sender.close_with(Some(error.code()), "", output);
        Step {
            consumed: input_bytes,
            event: Event::Failed(error),
        }
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
