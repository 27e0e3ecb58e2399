//! Whom to receive from and whom to accept from: a line, and how it is served.
//!
//! Always true here:
//! - Nobody stands in line twice.
//! - In one turn each is served so often at most; who has more left goes to the end of the line.
//!
//! Not here: who is ready and why (`sockets.rs`, `listeners.rs`).

use std::collections::VecDeque;

use rustix::io::Errno;

use super::{Epoll, count, negated, transfer};
use crate::completion::{Completion, Loan};
use crate::token::{OpKind, Slot};

/// How often in one turn one socket is received from, or one listener accepted from. Then it is the
/// others' turn.
pub(super) const BURST_MAX: u32 = 32;

/// What can be ready.
#[derive(Clone, Copy)]
pub(super) enum Place {
    Listener(Slot),
    Connection(Slot),
}

/// Those that are ready, in order.
#[derive(Default)]
pub(super) struct Line {
    places: VecDeque<Place>,
    /// So many of them belong to this turn.
    due: usize,
    /// How often the first of them was served in this turn.
    served: u32,
}

impl Line {
    pub(super) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Those who stand here now are served in this turn.
    pub(super) fn begin_turn(&mut self) {
        self.due = self.places.len();
        self.served = 0;
    }
}

impl Epoll {
    pub(super) fn queue_listener(&mut self, slot: Slot) {
        if let Some(listener) = self.listeners.at(slot)
            && listener.is_ready()
            && !std::mem::replace(&mut listener.queued, true)
        {
            self.ready.places.push_back(Place::Listener(slot));
        }
    }

    pub(super) fn queue_connection(&mut self, slot: Slot) {
        if let Some(record) = self.sockets.at(slot)
            && record.to_receive().is_some()
            && !std::mem::replace(&mut record.queued, true)
        {
            self.ready.places.push_back(Place::Connection(slot));
        }
    }

    /// Serves those whose turn it is, in order, each until it has nothing more or its burst is
    /// over.
    pub(super) fn serve(&mut self) -> Option<Completion> {
        while self.ready.due > 0 {
            let place = *self.ready.places.front()?;
            if self.ready.served < BURST_MAX
                && let Some(completion) = self.serve_once(place)
            {
                self.ready.served += 1;
                return Some(completion);
            }
            self.ready.places.pop_front();
            self.ready.due -= 1;
            self.ready.served = 0;
            self.queue_again(place);
        }
        None
    }

    fn serve_once(&mut self, place: Place) -> Option<Completion> {
        match place {
            Place::Listener(slot) => {
                let listener = self.listeners.at(slot)?;
                let (token, result) = listener.accept()?;
                Some(Completion {
                    token,
                    result,
                    more: false,
                    loan: Loan::Nothing,
                })
            }
            Place::Connection(slot) => self.receive(slot),
        }
    }

    /// Puts a place that is out of the line at its end, if there is more to do.
    fn queue_again(&mut self, place: Place) {
        match place {
            Place::Listener(slot) => {
                if let Some(listener) = self.listeners.at(slot) {
                    listener.queued = false;
                }
                self.queue_listener(slot);
            }
            Place::Connection(slot) => {
                if let Some(record) = self.sockets.at(slot) {
                    record.queued = false;
                }
                self.queue_connection(slot);
            }
        }
    }

    /// Receives once. `None` if there is nothing to receive, or nobody who wants it.
    fn receive(&mut self, slot: Slot) -> Option<Completion> {
        let record = self.sockets.at(slot)?;
        let (socket, room) = record.to_receive()?;
        let token = record.token(OpKind::Receive, slot);
        let result = if let Some(mut buffer) = self.pool.lend(room) {
            let memory = self.pool.memory(&buffer);
            let received = transfer::receive(socket, memory);
            if let Ok(bytes @ 1..) = received {
                record.received(memory.len() == memory.capacity());
                buffer.len = bytes as u32; // at most a buffer's size
                return Some(Completion {
                    token,
                    result: count(bytes),
                    more: true,
                    loan: Loan::Buffer(buffer),
                });
            }
            self.pool.recycle(buffer);
            if received == Err(Errno::AGAIN) {
                record.exhausted();
                return None;
            }
            received.map_or_else(negated, count)
        } else {
            negated(Errno::NOBUFS)
        };
        record.receiving = None;
        Some(Completion {
            token,
            result,
            more: false,
            loan: Loan::Nothing,
        })
    }
}
