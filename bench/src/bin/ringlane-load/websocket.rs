//! The WebSocket echo mode: each connection keeps some messages in flight.
//!
//! Always true here:
//! - Each echo is compared with what was sent, byte by byte.
//!
//! Not here: frames (`frame.rs`), compressed ones (`deflate.rs`), fan-out (`subscribe.rs`).

use std::collections::VecDeque;
use std::rc::Rc;

use crate::STALL;
use crate::answer::{self, Known};
use crate::arguments::Websocket as Arguments;
use crate::deflate::{self, Deflate};
use crate::engine::{Mode, Next, Slot};
use crate::frame::{self, BINARY, Frame, PING, handshake};
use crate::line::Line;
use crate::outcome::{Outcome, Tally};

/// The load.
#[derive(Debug)]
pub(crate) struct Websocket {
    handshake: Rc<[u8]>,
    payload: Vec<u8>,
    /// If messages are compressed.
    deflate: Option<Deflate>,
    /// A window's worth of frames, all alike.
    frames: Rc<[u8]>,
    frame_bytes: usize,
    window: u32,
    limit: u64,
    sent: u64,
    known: Known,
    tally: Tally,
}

/// One connection.
#[derive(Debug, Default)]
pub(crate) struct State {
    is_open: bool,
    answer: answer::Reader,
    /// Instead of the next one, if messages are compressed.
    echoes: Option<deflate::Reader>,
    frames: frame::Reader,
    frame: Option<Frame>,
    /// Of the echo that is arriving, or of a ping.
    bytes: usize,
    ping: Vec<u8>,
    /// When each message under way was sent.
    since_ns: VecDeque<u64>,
}

impl Websocket {
    pub(crate) fn new(arguments: &Arguments) -> Self {
        let url = &arguments.common.url;
        let mut deflate = arguments.deflate.then(Deflate::default);
        let offer = deflate.as_ref().map(|_| deflate::OFFER.to_string());
        let (payload, frame) = match &mut deflate {
            Some(deflate) => {
                let payload = deflate::records(arguments.size as usize);
                let frame = deflate.frame(&payload);
                (payload, frame)
            }
            None => {
                let letters = (0..arguments.size).map(|at| b'a' + (at % 26) as u8);
                let payload: Vec<u8> = letters.collect();
                let frame = frame::write(BINARY, &payload);
                (payload, frame)
            }
        };
        Self {
            handshake: handshake(&url.address.to_string(), &url.path, offer.as_deref())
                .into_bytes()
                .into(),
            payload,
            deflate,
            frame_bytes: frame.len(),
            frames: frame.repeat(arguments.window as usize).into(),
            window: arguments.window,
            limit: arguments.messages.unwrap_or(u64::MAX),
            sent: 0,
            known: Known::default(),
            tally: Tally::new(),
        }
    }

    /// Fills the window.
    fn say(&mut self, line: &mut Line, state: &mut State, now_ns: u64) {
        let room = u64::from(self.window) - state.since_ns.len() as u64;
        let count = room.min(self.limit - self.sent) as usize;
        if count > 0 {
            self.sent += count as u64;
            state.since_ns.extend(std::iter::repeat_n(now_ns, count));
            line.send(&self.frames, 0..count * self.frame_bytes);
        }
    }

    /// Whether the server has agreed to what was offered; from then on it is known how to read.
    fn open(&self, state: &mut State, head: &answer::Head) -> bool {
        if self.deflate.is_some() {
            state.echoes = deflate::Reader::new(head.deflate, self.payload.len());
        }
        state.is_open = head.is_websocket && state.echoes.is_some() == self.deflate.is_some();
        state.is_open
    }

    /// Reads compressed frames; false if one is not what it should be.
    fn read_compressed(
        &mut self,
        line: &mut Line,
        state: &mut State,
        bytes: &[u8],
        now_ns: u64,
    ) -> bool {
        let (Some(deflate), Some(reader)) = (&mut self.deflate, &mut state.echoes) else {
            return false;
        };
        let Ok(count) = reader.read(bytes, &self.payload, deflate) else {
            return false;
        };
        if !deflate.output.is_empty() {
            let reply: Rc<[u8]> = std::mem::take(&mut deflate.output).into();
            line.send(&reply, 0..reply.len());
        }
        for _ in 0..count {
            let Some(since_ns) = state.since_ns.pop_front() else {
                return false;
            };
            self.tally.finish(now_ns.saturating_sub(since_ns));
        }
        true
    }

    /// Reads frames; false if one is not what it should be.
    fn read(&mut self, line: &mut Line, state: &mut State, bytes: &[u8], now_ns: u64) -> bool {
        let mut bytes = bytes;
        loop {
            match (state.frames.next(&mut bytes), state.frame) {
                (Ok(None), _) => return true,
                (Ok(Some(frame::Event::Frame(frame))), _) => {
                    let is_expected = match frame.opcode {
                        PING => frame.payload_bytes <= 125,
                        opcode => matches!(opcode, 0 | BINARY),
                    };
                    if !is_expected {
                        return false;
                    }
                    state.frame = Some(frame);
                }
                (Ok(Some(frame::Event::Payload(piece))), Some(frame)) => {
                    if frame.opcode == PING {
                        state.ping.extend_from_slice(piece);
                        continue;
                    }
                    let expected = self.payload.get(state.bytes..state.bytes + piece.len());
                    if expected != Some(piece) {
                        return false;
                    }
                    state.bytes += piece.len();
                }
                (Ok(Some(frame::Event::End)), Some(frame)) if frame.opcode == PING => {
                    let pong: Rc<[u8]> = frame::write(frame::PONG, &state.ping).into();
                    state.ping.clear();
                    line.send(&pong, 0..pong.len());
                }
                (Ok(Some(frame::Event::End)), Some(frame)) if frame.is_final => {
                    let is_whole = std::mem::take(&mut state.bytes) == self.payload.len();
                    let Some(since_ns) = state.since_ns.pop_front().filter(|_| is_whole) else {
                        return false;
                    };
                    self.tally.finish(now_ns.saturating_sub(since_ns));
                }
                (Ok(Some(frame::Event::End)), Some(_)) => {}
                (Ok(Some(_)) | Err(_), _) => return false,
            }
        }
    }
}

impl Mode for Websocket {
    type State = State;

    const NAME: &'static str = "websocket";

    fn tally(&mut self) -> &mut Tally {
        &mut self.tally
    }

    fn connected(&mut self, line: &mut Line, _: &mut State, _: u64) -> Next {
        line.send(&self.handshake, 0..self.handshake.len());
        Next::Stay
    }

    fn is_ready(&self, state: &State) -> bool {
        state.is_open
    }

    fn begin(&mut self, slots: &mut [Slot<State>]) {
        for Slot { line, state } in slots.iter_mut().filter(|slot| slot.line.is_open()) {
            self.say(line, state, 0);
        }
    }

    fn received(&mut self, line: &mut Line, state: &mut State, bytes: &[u8], now_ns: u64) -> Next {
        let mut bytes = bytes;
        if !state.is_open {
            match state.answer.next(&mut bytes, &mut self.known) {
                Ok(None) => return Next::Stay,
                Ok(Some(answer::Event::Head(head))) if self.open(state, &head) => {}
                Ok(Some(_)) | Err(_) => {
                    self.tally.errors.status += 1;
                    return Next::Close;
                }
            }
        }
        let is_right = match self.deflate {
            Some(_) => self.read_compressed(line, state, bytes, now_ns),
            None => self.read(line, state, bytes, now_ns),
        };
        if !is_right {
            self.tally.errors.content += 1;
            return Next::Close;
        }
        // Before the load begins nothing is under way, and nothing comes.
        if !state.since_ns.is_empty() || self.sent > 0 {
            self.say(line, state, now_ns);
        }
        Next::Stay
    }

    fn ended(&mut self, line: &Line, _: &mut State, _: u64) -> Next {
        if line.write_failed {
            self.tally.errors.write += 1;
        } else {
            self.tally.errors.read += 1;
        }
        Next::Close
    }

    fn turn(&mut self, _: &mut [Slot<State>], _: u64) -> Option<u64> {
        None
    }

    fn is_done(&self) -> bool {
        self.tally.done >= self.limit
    }

    fn finish(&mut self, slots: &[Slot<State>], now_ns: u64, outcome: &mut Outcome) {
        let stalled = |slot: &&Slot<State>| {
            let since_ns = slot.state.since_ns.front();
            since_ns.is_some_and(|since_ns| now_ns > since_ns + STALL.as_nanos() as u64)
        };
        outcome.errors.timeout = slots.iter().filter(stalled).count() as u64;
    }
}
