//! Listening sockets: taking connections from them, resting, and closing them at the end.
//!
//! Always true here:
//! - Accepting goes on after every error, at once or after a rest; it never spins and never stops.
//! - Each accept takes one connection, and no more are armed than there are places left: a burst
//!   beyond the limit stays in the kernel's queue and takes no descriptors.
//! - At the end, what is already in a listener's queue is still accepted before it closes, unless
//!   the time for that is over.
//!
//! Not here: binding (`listener.rs`), places for connections (`admission.rs`).

use std::time::Duration;

use crate::application::Application;
use crate::clock::Instant;
use crate::completion::{AcceptOutcome, Completion, accept_outcome};
use crate::listener::BoundPath;
use crate::mailbox::{Letter, Post};
use crate::op::{Op, Socket};
use crate::reactor::{Draining, Reactor};
use crate::ring::Ring;
use crate::sys;
use crate::token::{Generation, OpKind, Slot, Token};

/// Accepts of one listener that are armed at one time, and so the most that one turn takes.
pub(crate) const ACCEPTS_MAX: u32 = 16;
/// How long a listener that refuses new attempts waits for those under way.
pub(crate) const LAST_CALL: Duration = Duration::from_millis(50);

/// A listening socket, and what the ring does about it.
#[derive(Debug)]
pub(crate) struct Listener {
    socket: Socket,
    /// Which of its accepts are armed, one bit each.
    armed: u32,
    /// Those that were armed have been asked to stop, and no more are.
    is_stopping: bool,
    /// Something had run out: nothing is armed before this time.
    rests_until: Option<Instant>,
    /// Something had run out, and no accept has succeeded since: one is tried at a time.
    is_careful: bool,
    /// When to take what is left and close.
    closes_at: Instant,
    is_closed: bool,
    /// Cores among which its connections are dealt, where the kernel cannot do that.
    deal: Option<Deal>,
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
        self.is_closed
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
        self.listeners.push(Listener {
            socket,
            armed: 0,
            is_stopping: false,
            rests_until: None,
            is_careful: false,
            closes_at: Instant::NEVER,
            is_closed: false,
            deal,
        });
        self.tend_listeners();
    }

    /// The result of an accept.
    pub(crate) fn accepted(&mut self, completion: Completion) {
        let index = completion.token.slot.index();
        let listener = &mut self.listeners[index];
        listener.armed &= !(1 << completion.token.generation.get());
        match accept_outcome(completion.result) {
            AcceptOutcome::Connected(socket) => {
                listener.is_careful = false;
                self.deal_out(index, socket);
            }
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
        let listener = &mut self.listeners[index];
        listener.rests_until = Some(until);
        listener.is_careful = true;
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
            Err(Letter::Drain(_) | Letter::Stop | Letter::MakeRoom | Letter::Run(_)) => {
                unreachable!("the letter that was sent comes back")
            }
        }
    }

    /// Arms, stops and closes listeners as the limits, rests and the end of the core demand.
    pub(crate) fn tend_listeners(&mut self) {
        if !self.waiting.is_empty() {
            self.open_waiting();
            self.make_room();
        }
        let now = self.clock.now();
        for index in 0..self.listeners.len() {
            let listener = &self.listeners[index];
            if listener.is_closed {
                continue;
            }
            if listener.closes_at <= now {
                match listener.armed {
                    0 => self.close_listener(index),
                    _ => self.stop_accepting(index),
                }
            } else if !listener.is_stopping && listener.rests_until.is_none_or(|until| until <= now)
            {
                self.arm_listener(index);
            }
        }
    }

    /// Arms as many accepts as there are places, so that they bring no more; but one at least: if
    /// there is no place for whom it brings, one may be made.
    fn arm_listener(&mut self, index: usize) {
        let listener = &mut self.listeners[index];
        listener.rests_until = None;
        let armed = listener.armed.count_ones();
        if armed == ACCEPTS_MAX {
            return;
        }
        let most = match listener.is_careful {
            true => 1,
            false => ACCEPTS_MAX,
        };
        let wanted = match self.waiting.is_empty() {
            true => self.places_left().clamp(1, most as usize),
            false => 0,
        };
        let listener = &mut self.listeners[index];
        for _ in armed as usize..wanted {
            let number = listener.armed.trailing_ones();
            listener.armed |= 1 << number;
            let listener = listener.socket;
            let token = accept_token(index, number);
            self.ring.push(Op::Accept { listener }, token);
        }
    }

    fn stop_accepting(&mut self, index: usize) {
        let listener = &mut self.listeners[index];
        if std::mem::replace(&mut listener.is_stopping, true) {
            return;
        }
        let armed = listener.armed;
        for number in (0..ACCEPTS_MAX).filter(|number| armed & 1 << number != 0) {
            let target = accept_token(index, number);
            let token = Token::of_core(OpKind::Cancel);
            self.ring.push(Op::Cancel { target }, token);
        }
    }

    /// Takes what is still in the queue, so that nobody who got through is reset, and closes. What
    /// finds no place, or no descriptor, is tried again later, until the time to drain is over.
    fn close_listener(&mut self, index: usize) {
        let socket = self.listeners[index].socket;
        let is_last_time = self.draining == Draining::Now;
        loop {
            if !is_last_time && !self.waiting.is_empty() {
                return self.close_later(index);
            }
            match self.ring.accept_now(socket) {
                Ok(Some(connection)) => self.deal_out(index, connection),
                Ok(None) => break,
                Err(errno) if is_last_time => {
                    tracing::warn!(%errno, "connections that wait to be accepted are reset");
                    break;
                }
                Err(errno) => {
                    self.metrics.exhausted.add(1);
                    tracing::debug!(%errno, "accepting the last connections rests");
                    return self.close_later(index);
                }
            }
        }
        self.listeners[index].is_closed = true;
        self.ring.close(socket, None);
    }

    fn close_later(&mut self, index: usize) {
        self.listeners[index].closes_at = self.clock.now() + self.config.accept_backoff;
    }

    pub(crate) fn begin_closing_listeners(&mut self) {
        let soon = match self.draining {
            Draining::Now => self.clock.now(),
            Draining::No | Draining::Until(_) => self.clock.now() + LAST_CALL,
        };
        for index in 0..self.listeners.len() {
            let listener = &mut self.listeners[index];
            if listener.closes_at == Instant::NEVER && !listener.is_closed {
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
            if !listener.is_closed {
                self.ring.close(listener.socket, None);
            }
        }
    }

    /// When the listeners need to be looked at without any event.
    pub(crate) fn next_listener_deadline(&self) -> Option<Instant> {
        let of_listener = |listener: &Listener| {
            if listener.is_closed || listener.is_stopping && listener.armed != 0 {
                return None; // closed, or to be told of each that stops
            }
            let closes_at = Some(listener.closes_at).filter(|&at| at != Instant::NEVER);
            listener.rests_until.into_iter().chain(closes_at).min()
        };
        // Places that other cores give back come without an event of ours, and so do idle ones.
        let now = self.clock.now();
        let retry = (!self.waiting.is_empty()).then(|| match self.lease {
            Some(_) => now + self.config.accept_backoff,
            None => self.eviction.next_search().max(now),
        });
        self.listeners
            .iter()
            .filter_map(of_listener)
            .chain(retry)
            .min()
    }
}

fn accept_token(index: usize, number: u32) -> Token {
    Token::new(
        OpKind::Accept,
        Slot::new(index as u32),
        Generation::wrapping(number),
    )
}
