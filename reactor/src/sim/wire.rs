//! Simulated connections: what is under way in both directions, and what each end has seen.
//!
//! Always true here:
//! - Bytes arrive in the order they were sent, and an end after all bytes before it.
//! - A connection exists as long as one of its ends is open.
//!
//! Not here: operations on it (`execute.rs`), the client's face (`client.rs`).

use std::collections::VecDeque;

use rustix::io::Errno;

use crate::clock::Instant;

/// What travels.
#[derive(Debug)]
pub(super) enum Segment {
    Bytes(Vec<u8>),
    Finish,
    Reset,
}

/// One direction: what was sent and has not arrived.
#[derive(Debug, Default)]
pub(super) struct Transit {
    queue: VecDeque<(Instant, Segment)>,
    pub(super) bytes: usize,
    /// The sender has said that nothing more comes.
    pub(super) ended: bool,
}

impl Transit {
    /// Sends something that arrives at `arrives`, or with what was sent before if that is later.
    pub(super) fn carry(&mut self, segment: Segment, arrives: Instant) {
        if self.ended && !matches!(segment, Segment::Reset) {
            return;
        }
        let arrives = self
            .queue
            .back()
            .map_or(arrives, |&(last, _)| arrives.max(last));
        match &segment {
            Segment::Bytes(bytes) => self.bytes += bytes.len(),
            Segment::Finish | Segment::Reset => self.ended = true,
        }
        self.queue.push_back((arrives, segment));
    }

    pub(super) fn next_arrival(&self) -> Option<Instant> {
        self.queue.front().map(|&(arrives, _)| arrives)
    }

    /// Drops what is under way.
    pub(super) fn purge(&mut self) {
        self.queue.clear();
        self.bytes = 0;
    }

    pub(super) fn pop_due(&mut self, now: Instant) -> Option<Segment> {
        let (_, segment) = self.queue.pop_front_if(|(arrives, _)| *arrives <= now)?;
        if let Segment::Bytes(bytes) = &segment {
            self.bytes -= bytes.len();
        }
        Some(segment)
    }
}

/// The server's end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum ServerEnd {
    /// On its way to a listener.
    Connecting {
        listener: i32,
        arrives: Instant,
    },
    /// In the queue of a listener.
    Queued,
    /// Accepted.
    Open,
    Closed,
    /// There was no listener.
    Refused,
}

/// One connection, both ends of it.
#[derive(Debug)]
pub(super) struct Wire {
    pub(super) to_server: Transit,
    pub(super) to_client: Transit,
    pub(super) server: ServerEnd,
    /// The server's end is not closed in good order, but reset.
    pub(super) resets_when_closed: bool,
    /// Arrived at the server, not received.
    pub(super) inbound: VecDeque<u8>,
    /// The client's end of sending has arrived.
    pub(super) peer_finished: bool,
    /// What the server's next operation is told.
    pub(super) error: Option<Errno>,
    /// The server's end is dead, whether it was told or not.
    pub(super) broken: bool,
    pub(super) client_open: bool,
    /// Nobody holds the client's end.
    pub(super) client_dropped: bool,
    /// The client reads nothing: arrived bytes take up the window.
    pub(super) paused: bool,
    /// Arrived at a client that is paused.
    pub(super) unread: VecDeque<u8>,
    /// Read by the client's machine, not yet taken by whoever plays the client.
    pub(super) received: Vec<u8>,
    pub(super) server_finished: bool,
    pub(super) client_reset: bool,
    /// A fault ended it: neither side is to blame.
    pub(super) harmed: bool,
}

impl Wire {
    pub(super) fn new(server: ServerEnd) -> Self {
        Self {
            to_server: Transit::default(),
            to_client: Transit::default(),
            server,
            resets_when_closed: false,
            inbound: VecDeque::new(),
            peer_finished: false,
            error: None,
            broken: false,
            client_open: true,
            client_dropped: false,
            paused: false,
            unread: VecDeque::new(),
            received: Vec::new(),
            server_finished: false,
            client_reset: false,
            harmed: false,
        }
    }

    /// How many bytes a send would take now.
    pub(super) fn room(&self, window_bytes: usize) -> usize {
        window_bytes.saturating_sub(self.unacknowledged())
    }

    /// How many bytes were sent to the client and not taken by it.
    pub(super) fn unacknowledged(&self) -> usize {
        self.to_client.bytes + self.unread.len()
    }

    /// The server's end dies of `error`, which its next operation is told.
    pub(super) fn break_server(&mut self, error: Errno) {
        if !self.broken {
            self.broken = true;
            // As the kernel has it: a reset behind an end is a broken pipe.
            self.error = Some(if self.peer_finished {
                Errno::PIPE
            } else {
                error
            });
        }
    }

    /// The client's end dies.
    pub(super) fn break_client(&mut self) {
        self.client_reset |= self.client_open;
        self.to_server.ended = true;
    }

    /// Whether a wait for the peer's hang-up would end.
    pub(super) fn hung_up(&self) -> bool {
        self.peer_finished || self.broken
    }

    /// Whether a receive would end.
    pub(super) fn readable(&self) -> bool {
        !self.inbound.is_empty() || self.hung_up()
    }

    /// The client begins or stops to read.
    pub(super) fn pause(&mut self, paused: bool) {
        self.paused = paused;
        if !paused {
            self.received.extend(self.unread.drain(..));
        }
    }

    pub(super) fn is_forgotten(&self) -> bool {
        let server_gone = matches!(self.server, ServerEnd::Closed | ServerEnd::Refused);
        server_gone && self.client_dropped
    }
}
