//! One connection that has become a stream of what is published: its clocks, its end.
//!
//! Always true here:
//! - What the client sends is dropped: only its leaving counts.
//! - A stream that ends in good order has sent all that waited.
//!
//! Not here: what waits (`feed.rs`), how a request comes to this (`subscribing.rs`).

use std::rc::Rc;

use ringlane_protocol::ResponseBody;
use ringlane_protocol::chunked::{LAST_CHUNK, write_chunk};
use ringlane_reactor::{Intent, Io};

use super::feed::{Feed, State};
use super::{Due, HEARTBEAT, Pulse};

pub(crate) struct Following {
    feed: Rc<Feed>,
    pulse: Pulse,
    is_chunked: bool,
    /// Whether a client that has finished sending is still there.
    half_close: bool,
}

impl Following {
    pub(super) fn new(feed: Rc<Feed>, pulse: Pulse, half_close: bool) -> Self {
        Self {
            feed,
            pulse,
            is_chunked: false,
            half_close,
        }
    }

    /// The head is written.
    pub(crate) fn begin(&mut self, framing: ResponseBody) {
        self.is_chunked = framing == ResponseBody::Chunked;
    }

    /// Goes on when something has changed. Tells how the connection ends, if it does.
    pub(crate) fn advance(&mut self, io: &mut Io<'_>) -> Option<Intent> {
        self.feed.attend(io);
        let input = io.input.bytes().len();
        io.input.consume(input);
        if io.hung_up && !self.half_close {
            return Some(Intent::Finish);
        }
        if io.draining {
            self.pulse.drain(io.now);
            self.pulse_at(io);
        }
        self.settle(io)
    }

    /// One of its deadlines has passed.
    pub(crate) fn run_out(&mut self, io: &mut Io<'_>) -> Option<Intent> {
        self.feed.attend(io);
        self.pulse_at(io);
        self.settle(io)
    }

    fn pulse_at(&mut self, io: &mut Io<'_>) {
        match self.pulse.due(io.now) {
            Due::End => self.feed.end(),
            // A client that takes nothing does not wait to hear from us.
            Due::Beat if io.is_drained() && !self.feed.is_waiting() => match self.is_chunked {
                true => write_chunk(io.output.buffer(), HEARTBEAT),
                false => io.output.buffer().extend_from_slice(HEARTBEAT),
            },
            Due::Beat | Due::Nothing => {}
        }
    }

    /// Sends what waits, and ends what is to end.
    fn settle(&mut self, io: &mut Io<'_>) -> Option<Intent> {
        if self.feed.flush(self.is_chunked, io) {
            self.pulse.heard(io.now);
        }
        let is_over = match self.feed.state() {
            State::Open => false,
            State::Cut => return Some(Intent::Abort),
            State::Ending => !self.feed.is_waiting(),
        };
        if is_over {
            if self.is_chunked {
                io.output.buffer().extend_from_slice(LAST_CHUNK);
            }
            return Some(Intent::Linger); // it may be sending
        }
        let deadline = match self.feed.state() {
            State::Open => self.pulse.deadline(),
            // The reactor watches whether the client reads.
            State::Ending | State::Cut => ringlane_reactor::clock::Instant::NEVER,
        };
        io.set_deadline(deadline);
        self.feed.leave(io);
        None
    }
}

/// Whatever ends it: nobody sends to it any more.
impl Drop for Following {
    fn drop(&mut self) {
        self.feed.end();
    }
}
