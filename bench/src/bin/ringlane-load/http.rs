//! The HTTP modes: closed loop, or open loop at a constant rate.
//!
//! Always true here:
//! - In the open loop latency counts from when a request was due, not from when it could be sent.
//! - An answer that belongs to no request is an error of content, and ends its connection.
//!
//! Not here: reading answers (`answer.rs`), when a request is due (`schedule.rs`).

use std::rc::Rc;

use crate::STALL;
use crate::answer::{Event, Head, Known, Reader};
use crate::arguments::Http as Arguments;
use crate::engine::{Mode, Next, Slot};
use crate::line::Line;
use crate::outcome::{Outcome, Tally};
use crate::schedule::Schedule;

/// How often a slow client sends a byte.
const SLOW_NS: u64 = 100_000_000;

/// The load.
#[derive(Debug)]
pub(crate) struct Http {
    /// As many requests as go out together, all alike.
    requests: Rc<[u8]>,
    request_bytes: usize,
    pipeline: u32,
    per_connection: u64,
    limit: u64,
    expect_bytes: Option<u64>,
    schedule: Option<Schedule>,
    /// Open loop: connections with nothing under way.
    free: Vec<usize>,
    sent: u64,
    has_begun: bool,
    known: Known,
    tally: Tally,
    /// Connections from here on are slow ones.
    slow_from: usize,
    slow_request: Rc<[u8]>,
    slow_next_ns: u64,
}

/// One connection.
#[derive(Debug, Default)]
pub(crate) struct State {
    is_connected: bool,
    reader: Reader,
    head: Option<Head>,
    body_bytes: u64,
    under_way: u32,
    since_ns: u64,
    answered: u64,
    /// Of a slow client: bytes that went out.
    slow_bytes: usize,
}

impl Http {
    pub(crate) fn new(arguments: &Arguments) -> Self {
        let request = request(arguments);
        Self {
            requests: request.repeat(arguments.pipeline as usize).into(),
            request_bytes: request.len(),
            pipeline: arguments.pipeline,
            per_connection: arguments.requests_per_connection.unwrap_or(u64::MAX),
            limit: arguments.requests.unwrap_or(u64::MAX),
            expect_bytes: arguments.expect_bytes,
            schedule: arguments.rate.map(Schedule::new),
            free: Vec::new(),
            sent: 0,
            has_begun: false,
            known: Known::default(),
            tally: Tally::new(),
            slow_from: arguments.common.connections as usize,
            slow_request: slow_request(arguments).into(),
            slow_next_ns: 0,
        }
    }

    fn is_slow(&self, line: &Line) -> bool {
        line.index() >= self.slow_from
    }

    /// Sends what this connection may send next.
    fn ask(&mut self, line: &mut Line, state: &mut State, now_ns: u64) {
        if !self.has_begun || self.is_slow(line) {
            return;
        }
        let allowed = (self.limit - self.sent).min(self.per_connection - state.answered);
        if allowed == 0 {
            return;
        }
        state.since_ns = match &mut self.schedule {
            None => now_ns,
            Some(schedule) => match schedule.take(now_ns) {
                Some(due_ns) => due_ns,
                None => return self.free.push(line.index()),
            },
        };
        let count = allowed.min(u64::from(self.pipeline)) as u32;
        state.under_way = count;
        self.sent += u64::from(count);
        line.send(&self.requests, 0..count as usize * self.request_bytes);
    }

    /// A connection ends with requests under way, or with none.
    fn leave(&mut self, line: &Line, state: &State) {
        self.sent -= u64::from(state.under_way);
        self.free.retain(|&index| index != line.index());
    }

    /// An answer is complete; false if nobody asked for it.
    fn answered(&mut self, state: &mut State, now_ns: u64) -> bool {
        let Some(head) = state.head else {
            return true;
        };
        if head.status < 200 {
            state.head = None;
            return true;
        }
        if state.under_way == 0 {
            return false;
        }
        state.under_way -= 1;
        state.answered += 1;
        self.tally.finish(now_ns.saturating_sub(state.since_ns));
        if head.status >= 400 {
            self.tally.errors.status += 1;
        } else if self
            .expect_bytes
            .is_some_and(|bytes| bytes != state.body_bytes)
        {
            self.tally.errors.content += 1;
        }
        true
    }

    fn read(&mut self, state: &mut State, mut bytes: &[u8], now_ns: u64) -> bool {
        loop {
            match state.reader.next(&mut bytes, &mut self.known) {
                Ok(None) => return true,
                Ok(Some(Event::Head(head))) => {
                    state.head = Some(head);
                    state.body_bytes = 0;
                }
                Ok(Some(Event::Body(piece))) => state.body_bytes += piece.len() as u64,
                Ok(Some(Event::End)) if self.answered(state, now_ns) => {}
                Ok(Some(Event::End)) | Err(_) => return false,
            }
        }
    }

    /// A byte more of each slow client's request.
    fn drip(&mut self, slots: &mut [Slot<State>], now_ns: u64) -> Option<u64> {
        let slow = slots.get_mut(self.slow_from..)?;
        if slow.is_empty() {
            return None;
        }
        if now_ns >= self.slow_next_ns {
            self.slow_next_ns = now_ns + SLOW_NS;
            for Slot { line, state } in slow.iter_mut().filter(|slot| slot.line.is_connected) {
                let at = state.slow_bytes;
                if at < self.slow_request.len() {
                    line.send(&self.slow_request, at..at + 1);
                    state.slow_bytes += 1;
                }
            }
        }
        Some(self.slow_next_ns)
    }
}

impl Mode for Http {
    type State = State;

    const NAME: &'static str = "http";

    fn tally(&mut self) -> &mut Tally {
        &mut self.tally
    }

    fn connected(&mut self, line: &mut Line, state: &mut State, now_ns: u64) -> Next {
        state.is_connected = true;
        self.ask(line, state, now_ns);
        Next::Stay
    }

    fn is_ready(&self, state: &State) -> bool {
        state.is_connected
    }

    fn begin(&mut self, slots: &mut [Slot<State>]) {
        self.has_begun = true;
        for Slot { line, state } in slots.iter_mut().filter(|slot| slot.line.is_open()) {
            self.ask(line, state, 0);
        }
    }

    fn received(&mut self, line: &mut Line, state: &mut State, bytes: &[u8], now_ns: u64) -> Next {
        if self.is_slow(line) {
            return Next::Stay;
        }
        if !self.read(state, bytes, now_ns) {
            self.tally.errors.content += 1;
            self.leave(line, state);
            return Next::Reopen;
        }
        let closes = state.head.is_some_and(|head| head.closes) && !state.reader.is_within();
        if state.answered >= self.per_connection || (closes && state.under_way == 0) {
            return Next::Reopen;
        }
        if state.under_way == 0 {
            self.ask(line, state, now_ns);
        }
        Next::Stay
    }

    fn ended(&mut self, line: &Line, state: &mut State, now_ns: u64) -> Next {
        if self.is_slow(line) {
            return Next::Reopen;
        }
        // An answer without a length ends here.
        let until_close = state.head.is_some_and(|head| head.closes) && !state.reader.is_within();
        if until_close && state.under_way > 0 {
            self.answered(state, now_ns);
        }
        match (line.write_failed, state.under_way) {
            (true, _) => self.tally.errors.write += 1,
            (false, 0) => {}
            (false, _) => self.tally.errors.read += 1,
        }
        self.leave(line, state);
        Next::Reopen
    }

    fn turn(&mut self, slots: &mut [Slot<State>], now_ns: u64) -> Option<u64> {
        let drip_ns = self.drip(slots, now_ns);
        let next_ns = self.schedule.as_ref().map(Schedule::next_ns);
        while let Some(schedule) = &self.schedule
            && schedule.next_ns() <= now_ns
            && self.sent < self.limit
            && let Some(index) = self.free.pop()
        {
            let Slot { line, state } = &mut slots[index];
            self.ask(line, state, now_ns);
        }
        // With no connection free, the next answer is what is waited for.
        let next_ns = next_ns.filter(|_| !self.free.is_empty());
        [drip_ns, next_ns].into_iter().flatten().min()
    }

    fn is_done(&self) -> bool {
        self.tally.done >= self.limit
    }

    fn finish(&mut self, slots: &[Slot<State>], now_ns: u64, outcome: &mut Outcome) {
        let stalled = |slot: &&Slot<State>| {
            slot.state.under_way > 0 && now_ns > slot.state.since_ns + STALL.as_nanos() as u64
        };
        outcome.errors.timeout = slots.iter().filter(stalled).count() as u64;
        if let Some(schedule) = &self.schedule
            && self.limit == u64::MAX
        {
            outcome.unsent = schedule.due(now_ns).saturating_sub(schedule.taken());
        }
    }
}

/// The bytes of one request.
fn request(arguments: &Arguments) -> Vec<u8> {
    let url = &arguments.common.url;
    let body = match (&arguments.body, arguments.body_bytes) {
        (Some(body), _) => Some(body.clone().into_bytes()),
        (None, Some(bytes)) => Some(vec![b'x'; bytes as usize]),
        (None, None) => None,
    };
    let method = if body.is_some() { "POST" } else { "GET" };
    let start = format!(
        "{method} {} HTTP/1.1\r\nHost: {}\r\n",
        url.path, url.address
    );
    let mut request = start.into_bytes();
    let Some(body) = body else {
        request.extend_from_slice(b"\r\n");
        return request;
    };
    let Some(chunk_bytes) = arguments.chunk_bytes else {
        request.extend_from_slice(format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes());
        request.extend_from_slice(&body);
        return request;
    };
    request.extend_from_slice(b"Transfer-Encoding: chunked\r\n\r\n");
    for chunk in body.chunks(chunk_bytes as usize) {
        request.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        request.extend_from_slice(chunk);
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"0\r\n\r\n");
    request
}

/// A request that is never whole, however long a run lasts.
fn slow_request(arguments: &Arguments) -> Vec<u8> {
    let url = &arguments.common.url;
    let start = format!(
        "GET {} HTTP/1.1\r\nHost: {}\r\nX-Slow: ",
        url.path, url.address
    );
    let seconds = arguments.common.seconds.as_secs() as usize + 1;
    let rest = "x".repeat(seconds * 10);
    (start + &rest).into_bytes()
}
