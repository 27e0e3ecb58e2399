//! How connections begin: accepting, the limits on it, and the end of it.
//!
//! Always true here:
//! - Accepting goes on after every error, at once or after a rest; it never spins and never stops.
//! - A connection that the kernel has accepted is served, refused or waiting, never forgotten.
//! - At the end, what is already in a listener's queue is still accepted before it closes.
//!
//! Not here: binding (`listener.rs`), what happens on a connection (`exchange.rs`).

use std::time::Duration;

use crate::application::{Application, Intent};
use crate::clock::Instant;
use crate::completion::{AcceptOutcome, Completion, accept_outcome};
use crate::connection::Connection;
use crate::listener::BoundPath;
use crate::mailbox::{Letter, Post};
use crate::op::{Op, Socket};
use crate::reactor::{Draining, Reactor};
use crate::ring::{Arrived, Ring};
use crate::sys;
use crate::token::{Generation, OpKind, Slot, Token};
use crate::wake::PLACES_MAX;

/// Connections beyond the limit that may be here at one time, to be refused.
const REFUSING_MAX: usize = 64;
/// Connections that may wait for a place at one time; one more is closed. A listener stops when the
/// first one waits, so there are only those that came meanwhile: a turn's accepts, or letters.
const WAITING_MAX: usize = 16 * 1024;
/// How long a listener that refuses new attempts waits for those under way.
pub(crate) const LAST_CALL: Duration = Duration::from_millis(50);

/// A listening socket, and what the ring does about it.
#[derive(Debug)]
pub(crate) struct Listener {
    socket: Socket,
    accepting: Accepting,
    /// When to take what is left and close.
    closes_at: Instant,
    /// Cores among which its connections are dealt, where the kernel cannot do that.
    deal: Option<Deal>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Accepting {
    Not,
    Armed,
    Stopping,
    /// Something had run out: not before this time.
    Resting(Instant),
    Closed,
}

/// Whose turn it is to get a connection.
#[derive(Debug)]
pub(crate) struct Deal {
    path: BoundPath,
    posts: Vec<Post>,
    own: usize,
    next: usize,
}

impl Listener {
    pub(crate) fn is_closed(&self) -> bool {
        self.accepting == Accepting::Closed
    }
}

impl<R: Ring, A: Application> Reactor<R, A> {
    /// Accepts connections from `socket`, which must be listening.
    pub fn listen(&mut self, socket: Socket) {
        self.add_listener(socket, None);
    }

    /// Accepts connections from `socket`, bound to `path`, and deals them out among the cores at
    /// `posts` in turn; `own` is this core's place among them. The path is removed at the end.
    pub(crate) fn listen_and_deal(
        &mut self,
        socket: Socket,
        path: BoundPath,
        posts: Vec<Post>,
        own: usize,
    ) {
        self.add_listener(
            socket,
            Some(Deal {
                path,
                posts,
                own,
                next: own,
            }),
        );
    }

    fn add_listener(&mut self, socket: Socket, deal: Option<Deal>) {
        let closes_at = Instant::NEVER;
        self.listeners.push(Listener {
            socket,
            accepting: Accepting::Not,
            closes_at,
            deal,
        });
        self.tend_listeners();
    }

    /// One result of an accept.
    pub(crate) fn accepted(&mut self, completion: Completion) {
        let index = completion.token.slot.index();
        if !completion.more {
            self.listeners[index].accepting = Accepting::Not;
        }
        match accept_outcome(completion.result) {
            AcceptOutcome::Connected(socket) => self.deal_out(index, socket),
            AcceptOutcome::Retry | AcceptOutcome::Cancelled => {}
            AcceptOutcome::Exhausted(errno) => {
                self.metrics.exhausted.add(1);
                tracing::debug!(%errno, "accepting rests: descriptors or memory have run out");
                self.rest(index);
            }
            AcceptOutcome::Unexpected(errno) => {
                tracing::warn!(%errno, "accepting rests after an unforeseen error");
                self.rest(index);
            }
        }
    }

    fn rest(&mut self, index: usize) {
        let until = self.clock.now() + self.config.accept_backoff;
        self.listeners[index].accepting = Accepting::Resting(until);
    }

    /// Gives a new connection to this core, or to the one whose turn it is.
    fn deal_out(&mut self, index: usize, socket: Socket) {
        let Some(deal) = &mut self.listeners[index].deal else {
            return self.admit(socket);
        };
        // Where all are full it waits or is refused here, and this core stops accepting.
        let count = deal.posts.len();
        let mut in_turn = (deal.next..deal.next + count).map(|next| next % count);
        let chosen = in_turn.find(|&one| deal.posts[one].has_room());
        let chosen = chosen.unwrap_or(deal.own);
        deal.next = chosen + 1;
        // Once this core drains another may have ended already.
        if chosen == deal.own || self.draining != Draining::No {
            return self.admit(socket);
        }
        let letter = Letter::Adopt(sys::socket::own(socket));
        match deal.posts[chosen].send(letter) {
            Ok(()) => {}
            Err(Letter::Adopt(fd)) => self.admit(Socket::from(fd)), // that core has ended
            Err(Letter::Drain(_) | Letter::Stop | Letter::Run(_)) => {
                unreachable!("the letter that was sent comes back")
            }
        }
    }

    /// Opens a new connection, or does what the limit asks.
    pub(crate) fn admit(&mut self, socket: Socket) {
        if self.draining == Draining::Now {
            return self.ring.close(socket, None);
        }
        if self.take_place() {
            return self.open(socket, false);
        }
        match self.config.over_limit {
            crate::OverLimit::Wait if self.waiting.len() < WAITING_MAX => {
                self.waiting.push_back(socket);
            }
            crate::OverLimit::Wait => {
                self.metrics.refused.add(1);
                self.ring.close(socket, None);
            }
            crate::OverLimit::Refuse => {
                self.metrics.refused.add(1);
                // Beyond the last place that has a name nobody is told why.
                if self.refusing < REFUSING_MAX && self.connections.len() < PLACES_MAX {
                    self.refusing += 1;
                    self.open(socket, true);
                } else {
                    self.ring.close(socket, None);
                }
            }
        }
    }

    /// Whether one more connection would have to wait here, or be refused.
    pub(crate) fn is_full(&self) -> bool {
        let here = self.connections.len() - self.refusing;
        !self.waiting.is_empty() || here >= self.config.connections_max
    }

    fn take_place(&mut self) -> bool {
        let here = self.connections.len() - self.refusing;
        here < self.config.connections_max && self.lease.as_mut().is_none_or(|lease| lease.take())
    }

    /// A connection has gone.
    pub(crate) fn leave(&mut self, over_limit: bool) {
        if over_limit {
            self.refusing -= 1;
        } else if let Some(lease) = &mut self.lease {
            lease.give_back();
        }
    }

    fn open(&mut self, socket: Socket, over_limit: bool) {
        self.metrics.accepted.add(1);
        let entry = self.connections.vacant_entry();
        let index = entry.key();
        if index >= self.generations.len() {
            self.generations.resize(index + 1, Generation::default());
        }
        entry.insert(Connection::new(socket, self.generations[index], over_limit));
        let slot = Slot::new(index as u32);
        let intent = self.begin_conversation(slot);
        self.resume_receiving(slot);
        self.obey(slot, intent);
        if over_limit {
            self.advance(slot, None);
        }
    }

    fn begin_conversation(&mut self, slot: Slot) -> Intent {
        let present = self.present();
        let connection = &mut self.connections[slot.index()];
        connection.outbox.warm(|| self.pool.take());
        let (conversation, mut io) = connection.show(slot, Arrived::Part(&mut []), present);
        *conversation = Some(self.application.opened(&mut io));
        if let Some(spare) = connection.outbox.cool() {
            self.pool.put(spare);
        }
        connection.watch(slot, &mut self.wheel);
        Intent::Continue
    }

    /// Arms, stops and closes listeners as the limits, rests and the end of the core demand.
    pub(crate) fn tend_listeners(&mut self) {
        while !self.waiting.is_empty() && self.take_place() {
            if let Some(socket) = self.waiting.pop_front() {
                self.open(socket, false);
            }
        }
        let now = self.clock.now();
        for index in 0..self.listeners.len() {
            let closing = self.listeners[index].closes_at <= now;
            let full = !self.waiting.is_empty();
            match self.listeners[index].accepting {
                Accepting::Not | Accepting::Resting(_) if closing => self.close_listener(index),
                Accepting::Not if !full => self.arm_listener(index),
                Accepting::Resting(until) if until <= now => self.arm_listener(index),
                Accepting::Armed if closing || full => self.stop_accepting(index),
                Accepting::Not
                | Accepting::Armed
                | Accepting::Resting(_)
                | Accepting::Stopping
                | Accepting::Closed => {}
            }
        }
    }

    fn arm_listener(&mut self, index: usize) {
        let listener = &mut self.listeners[index];
        listener.accepting = Accepting::Armed;
        self.ring.push(
            Op::Accept {
                listener: listener.socket,
            },
            accept_token(index),
        );
    }

    fn stop_accepting(&mut self, index: usize) {
        self.listeners[index].accepting = Accepting::Stopping;
        let token = Token::of_core(OpKind::Cancel);
        self.ring.push(
            Op::Cancel {
                target: accept_token(index),
            },
            token,
        );
    }

    /// Takes what is still in the queue, so that nobody who got through is reset, and closes.
    fn close_listener(&mut self, index: usize) {
        let socket = self.listeners[index].socket;
        while let Some(connection) = self.ring.accept_now(socket) {
            self.deal_out(index, connection);
        }
        self.listeners[index].accepting = Accepting::Closed;
        self.ring.close(socket, None);
    }

    pub(crate) fn begin_closing_listeners(&mut self) {
        let soon = match self.draining {
            Draining::Now => self.clock.now(),
            Draining::No | Draining::Until(_) => self.clock.now() + LAST_CALL,
        };
        for index in 0..self.listeners.len() {
            let listener = &mut self.listeners[index];
            if listener.closes_at == Instant::NEVER && !listener.is_closed() {
                if let Some(deal) = &listener.deal {
                    deal.path.remove(); // nobody new finds it; who has found it is accepted
                }
                self.ring.refuse_new(listener.socket);
            }
            let listener = &mut self.listeners[index];
            listener.closes_at = listener.closes_at.min(soon);
        }
    }

    pub(crate) fn close_listeners_now(&mut self) {
        for listener in std::mem::take(&mut self.listeners) {
            if !listener.is_closed() {
                self.ring.close(listener.socket, None);
            }
        }
    }

    /// When the listeners need to be looked at without any event.
    pub(crate) fn next_listener_deadline(&self) -> Option<Instant> {
        let of_listener = |listener: &Listener| match listener.accepting {
            Accepting::Closed | Accepting::Stopping => None,
            Accepting::Resting(until) => Some(until.min(listener.closes_at)),
            Accepting::Not | Accepting::Armed => {
                Some(listener.closes_at).filter(|&closes_at| closes_at != Instant::NEVER)
            }
        };
        // Places that other cores give back come without an event of ours.
        let retry = (!self.waiting.is_empty() && self.lease.is_some())
            .then(|| self.clock.now() + self.config.accept_backoff);
        self.listeners
            .iter()
            .filter_map(of_listener)
            .chain(retry)
            .min()
    }
}

fn accept_token(index: usize) -> Token {
    Token::new(
        OpKind::Accept,
        Slot::new(index as u32),
        Generation::default(),
    )
}

#[cfg(test)]
mod tests;
