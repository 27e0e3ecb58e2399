//! Fan-out: one connection publishes by POST, all others get each message; and idle connections,
//! which ask once and to which nothing is published.
//!
//! Always true here:
//! - Nothing is published before every subscriber's stream has begun.
//! - Latency counts from when a message was due to when it was read, at each subscriber.
//!
//! Not here: what a message looks like (`delivery.rs`).

use std::rc::Rc;

use crate::answer::{self, Head, Known};
use crate::arguments::{Common, Format, Idle, Subscribe as Arguments};
use crate::delivery::{Arrival, Arriving, EventReader, Order, Stamp};
use crate::engine::{Mode, Next, Slot};
use crate::frame::{self, BINARY, PING, PONG, TEXT, handshake};
use crate::line::Line;
use crate::outcome::{Outcome, Tally};
use crate::schedule::Schedule;

/// The load.
#[derive(Debug)]
pub(crate) struct Subscribe {
    format: Format,
    request: Rc<[u8]>,
    /// That of those who will read nothing.
    stalling: Rc<[u8]>,
    subscribers: u64,
    publisher: Option<Publisher>,
    known: Known,
    tally: Tally,
}

/// What the last connection does.
#[derive(Debug)]
struct Publisher {
    index: usize,
    head: String,
    size: usize,
    schedule: Option<Schedule>,
    window: u64,
    limit: u64,
    published: u64,
    is_under_way: bool,
}

/// One connection.
#[derive(Debug, Default)]
pub(crate) struct State {
    is_ready: bool,
    answer: answer::Reader,
    head: Option<Head>,
    frames: frame::Reader,
    opcode: u8,
    ping: Vec<u8>,
    message: Arriving,
    events: EventReader,
    order: Order,
}

/// Bytes that are not what they should be.
struct Wrong;

impl Subscribe {
    pub(crate) fn new(arguments: &Arguments) -> Self {
        let common = &arguments.common;
        let publisher = Publisher {
            index: common.connections as usize,
            head: format!(
                "POST {} HTTP/1.1\r\nHost: {}\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n",
                arguments.publish, common.url.address, arguments.size,
            ),
            size: arguments.size as usize,
            schedule: arguments.rate.map(Schedule::new),
            window: arguments.window,
            limit: arguments.messages.unwrap_or(u64::MAX),
            published: 0,
            is_under_way: false,
        };
        Self::with(common, arguments.format, Some(publisher))
    }

    /// Connections to which nothing is published.
    pub(crate) fn idle(arguments: &Idle) -> Self {
        Self::with(&arguments.common, arguments.format, None)
    }

    fn with(common: &Common, format: Format, publisher: Option<Publisher>) -> Self {
        let host = common.url.address.to_string();
        let request = |path: &str| match format {
            Format::Http => format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n"),
            Format::Sse => {
                format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nAccept: text/event-stream\r\n\r\n")
            }
            Format::Websocket => handshake(&host, path, None),
        };
        let path = &common.url.path;
        Self {
            format,
            request: request(path).into_bytes().into(),
            stalling: request(&format!("{path}?stalls")).into_bytes().into(),
            subscribers: common.connections.into(),
            publisher,
            known: Known::default(),
            tally: Tally::new(),
        }
    }

    fn is_publisher(&self, line: &Line) -> bool {
        self.publisher
            .as_ref()
            .is_some_and(|publisher| publisher.index == line.index())
    }

    /// Behind the publisher come those who read nothing.
    fn is_stalling(&self, line: &Line) -> bool {
        self.publisher
            .as_ref()
            .is_some_and(|publisher| line.index() > publisher.index)
    }

    /// A message has arrived.
    fn delivered(&mut self, order: &mut Order, stamp: Stamp, now_ns: u64) {
        match order.arrives(stamp.number) {
            Arrival::Again => return self.tally.errors.repeated += 1,
            Arrival::After(missing) => self.tally.errors.missing += missing,
            Arrival::InOrder => {}
        }
        self.tally.finish(now_ns.saturating_sub(stamp.due_ns));
    }

    /// Answers of the publisher, or of a connection that only asks once.
    fn read_answer(&mut self, state: &mut State, mut bytes: &[u8]) -> Result<bool, Wrong> {
        while let Some(event) = state
            .answer
            .next(&mut bytes, &mut self.known)
            .map_err(|_| Wrong)?
        {
            match event {
                answer::Event::Head(head) => state.head = Some(head),
                answer::Event::Body(_) => {}
                answer::Event::End => {
                    let status = state.head.map_or(0, |head| head.status);
                    if !(200..300).contains(&status) {
                        return Err(Wrong);
                    }
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    fn read_events(&mut self, state: &mut State, bytes: &[u8], now_ns: u64) -> Result<(), Wrong> {
        let mut bytes = bytes;
        while let Some(event) = state
            .answer
            .next(&mut bytes, &mut self.known)
            .map_err(|_| Wrong)?
        {
            match event {
                answer::Event::Head(head) if head.status == 200 => state.is_ready = true,
                answer::Event::Head(_) | answer::Event::End => return Err(Wrong),
                answer::Event::Body(mut body) => {
                    let Some(publisher) = &self.publisher else {
                        continue;
                    };
                    let size = publisher.size;
                    while let Some(stamp) = state.events.next(&mut body, size).map_err(|_| Wrong)? {
                        self.delivered(&mut state.order, stamp, now_ns);
                    }
                }
            }
        }
        Ok(())
    }

    fn read_frames(
        &mut self,
        line: &mut Line,
        state: &mut State,
        bytes: &[u8],
        now_ns: u64,
    ) -> Result<(), Wrong> {
        let mut bytes = bytes;
        if !state.is_ready {
            match state.answer.next(&mut bytes, &mut self.known) {
                Ok(None) => return Ok(()),
                Ok(Some(answer::Event::Head(head))) if head.is_websocket => state.is_ready = true,
                Ok(Some(_)) | Err(_) => return Err(Wrong),
            }
        }
        while let Some(event) = state.frames.next(&mut bytes).map_err(|_| Wrong)? {
            match event {
                frame::Event::Frame(frame) => {
                    let is_whole = frame.is_final && matches!(frame.opcode, TEXT | BINARY | PING);
                    if !is_whole || (frame.opcode == PING && frame.payload_bytes > 125) {
                        return Err(Wrong);
                    }
                    state.opcode = frame.opcode;
                }
                frame::Event::Payload(piece) if state.opcode == PING => {
                    state.ping.extend_from_slice(piece);
                }
                frame::Event::Payload(piece) => state.message.push(piece),
                frame::Event::End if state.opcode == PING => {
                    let pong: Rc<[u8]> = frame::write(PONG, &state.ping).into();
                    state.ping.clear();
                    line.send(&pong, 0..pong.len());
                }
                frame::Event::End => {
                    let size = self
                        .publisher
                        .as_ref()
                        .map_or(0, |publisher| publisher.size);
                    let stamp = state.message.take(size).map_err(|_| Wrong)?;
                    self.delivered(&mut state.order, stamp, now_ns);
                }
            }
        }
        Ok(())
    }

    fn read(
        &mut self,
        line: &mut Line,
        state: &mut State,
        bytes: &[u8],
        now_ns: u64,
    ) -> Result<(), Wrong> {
        if self.is_publisher(line) {
            if self.read_answer(state, bytes)?
                && let Some(publisher) = &mut self.publisher
            {
                publisher.is_under_way = false;
            }
            return Ok(());
        }
        match self.format {
            Format::Http => {
                state.is_ready |= self.read_answer(state, bytes)?;
                Ok(())
            }
            Format::Sse => self.read_events(state, bytes, now_ns),
            Format::Websocket => self.read_frames(line, state, bytes, now_ns),
        }
    }
}

impl Publisher {
    /// The next message, if it may go out now.
    fn next(&mut self, delivered: u64, subscribers: u64, now_ns: u64) -> Option<String> {
        if self.is_under_way || self.published == self.limit {
            return None;
        }
        let due_ns = match &mut self.schedule {
            Some(schedule) => schedule.take(now_ns)?,
            None if delivered + self.window * subscribers > self.published * subscribers => now_ns,
            None => return None,
        };
        let stamp = Stamp {
            number: self.published,
            due_ns,
        };
        self.published += 1;
        self.is_under_way = true;
        Some(self.head.clone() + &stamp.message(self.size))
    }
}

impl Mode for Subscribe {
    type State = State;

    const NAME: &'static str = "subscribe";

    fn tally(&mut self) -> &mut Tally {
        &mut self.tally
    }

    fn connected(&mut self, line: &mut Line, state: &mut State, _: u64) -> Next {
        if self.is_publisher(line) {
            state.is_ready = true;
        } else {
            let request = match self.is_stalling(line) {
                true => &self.stalling,
                false => &self.request,
            };
            line.send(request, 0..request.len());
        }
        Next::Stay
    }

    fn is_ready(&self, state: &State) -> bool {
        state.is_ready
    }

    fn begin(&mut self, slots: &mut [Slot<State>]) {
        self.turn(slots, 0);
    }

    fn received(&mut self, line: &mut Line, state: &mut State, bytes: &[u8], now_ns: u64) -> Next {
        let was_ready = state.is_ready;
        match self.read(line, state, bytes, now_ns) {
            Ok(()) if state.is_ready && self.is_stalling(line) => Next::Stall,
            Ok(()) => {
                // Idle connections have one answer each: that is what they are counted by.
                if self.publisher.is_none() && state.is_ready && !was_ready {
                    self.tally.done += 1;
                }
                Next::Stay
            }
            Err(Wrong) => {
                self.tally.errors.content += 1;
                Next::Close
            }
        }
    }

    fn ended(&mut self, line: &Line, _: &mut State, _: u64) -> Next {
        if line.write_failed {
            self.tally.errors.write += 1;
        } else {
            self.tally.errors.read += 1;
        }
        Next::Close
    }

    fn turn(&mut self, slots: &mut [Slot<State>], now_ns: u64) -> Option<u64> {
        let publisher = self.publisher.as_mut()?;
        // What was left out will not come any more.
        let delivered = self.tally.done + self.tally.errors.missing;
        if let Some(request) = publisher.next(delivered, self.subscribers, now_ns) {
            let request: Rc<[u8]> = request.into_bytes().into();
            slots[publisher.index].line.send(&request, 0..request.len());
        }
        let schedule = publisher
            .schedule
            .as_ref()
            .filter(|_| !publisher.is_under_way)?;
        Some(schedule.next_ns())
    }

    fn is_done(&self) -> bool {
        let Some(publisher) = &self.publisher else {
            return false;
        };
        let all = publisher.limit.saturating_mul(self.subscribers);
        !publisher.is_under_way && self.tally.done + self.tally.errors.missing >= all
    }

    fn finish(&mut self, _: &[Slot<State>], now_ns: u64, outcome: &mut Outcome) {
        let Some(publisher) = &self.publisher else {
            return;
        };
        outcome.published = publisher.published;
        if let Some(schedule) = &publisher.schedule
            && publisher.limit == u64::MAX
        {
            outcome.unsent = schedule.due(now_ns).saturating_sub(schedule.taken());
        }
    }
}
