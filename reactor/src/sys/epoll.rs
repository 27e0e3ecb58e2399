//! The same operations over `epoll`, where `io_uring` is refused.
//!
//! Always true here:
//! - An operation that need not wait is done where it is pushed; its completion comes with the next
//!   wait, which then does not sleep. What has to wait is done when the kernel tells that it can.
//! - Bytes are received and connections accepted only when their completion is asked for: the
//!   buffer that one connection has just given back is still in the cache for the next.
//! - The kernel is lent nothing: dropping this frees memory and closes descriptors, no more.
//!
//! Not here: readiness and how it is remembered (`epoll/sockets.rs`), what results mean.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use rustix::event::epoll::EventFlags;
use rustix::io::Errno;

use crate::clock;
use crate::completion::{Completion, Loan};
use crate::config::Config;
use crate::mailbox::Bell;
use crate::op::{Op, Outgoing, Room, Socket};
use crate::ring::{Address, Arrived, Buffer, End, Ring, RingFacts, Wait};
use crate::sys::socket;
use crate::token::{OpKind, Slot, Token};

mod line;
mod listeners;
mod poller;
mod pool;
mod sockets;
mod transfer;

use line::Line;
use listeners::Listeners;
use poller::{EVENTS_MAX, Poller};
use pool::Pool;
use sockets::Sockets;

/// The ring where there is none: the same operations over `epoll`, done by the thread itself.
///
/// ```
/// use std::io::Write;
/// use std::os::{fd::OwnedFd, unix::net::UnixStream};
/// use ringlane_reactor::{
///     Config, Epoll, Generation, Loan, Op, OpKind, Ring, Room, Slot, Token, Wait,
/// };
///
/// let mut ring = Epoll::open(&Config::default())?;
/// let (near, mut far) = UnixStream::pair()?;
/// let socket = OwnedFd::from(near).into();
/// let token = Token::new(OpKind::Receive, Slot::new(0), Generation::default());
/// ring.push(Op::Receive { socket, room: Room::Small }, token);
/// far.write_all(b"hello")?;
/// ring.submit_and_wait(Wait::AtMost(std::time::Duration::from_secs(1)))?;
/// let completion = ring.next_completion().expect("bytes are there");
/// let Loan::Buffer(buffer) = completion.loan else { panic!("they are in no buffer") };
/// assert_eq!(*ring.bytes(&buffer), *b"hello");
/// ring.recycle(buffer);
/// ring.join(); // the receive is still waiting for more
/// ring.close(socket, None);
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Epoll {
    poller: Poller,
    bell: Bell,
    pool: Pool,
    sockets: Sockets,
    listeners: Listeners,
    notice: Notice,
    /// Completions that are there already.
    done: VecDeque<Completion>,
    /// So many of them belong to this turn.
    done_due: usize,
    ready: Line,
    /// The last wait did not look for events.
    looked_away: bool,
    facts: RingFacts,
}

/// The bell and who waits for it.
#[derive(Clone, Copy)]
enum Notice {
    Nobody,
    Armed(Token),
    /// It rang, and nobody waited.
    Rang,
}

impl Epoll {
    /// A driver for one core, to be used on one thread.
    ///
    /// # Errors
    ///
    /// As `epoll_create1(2)` and `eventfd(2)`: above all `EMFILE`.
    pub fn open(config: &Config) -> io::Result<Self> {
        let poller = Poller::new()?;
        let bell = Bell::event()?;
        if let Some(fd) = bell.descriptor() {
            // Each ring is an edge: its count, which has room for 2^64 - 2, need never be read.
            poller.add(fd, Token::of_core(OpKind::Notice), EventFlags::IN)?;
        }
        Ok(Self {
            poller,
            bell,
            pool: Pool::new(config),
            sockets: Sockets::default(),
            listeners: Listeners::default(),
            notice: Notice::Nobody,
            done: VecDeque::new(),
            done_due: 0,
            ready: Line::default(),
            looked_away: false,
            facts: RingFacts {
                driver: "epoll",
                ..RingFacts::default()
            },
        })
    }

    /// Notes the last completion of an operation.
    fn complete(&mut self, token: Token, result: i32, loan: Loan) {
        self.done.push_back(Completion {
            token,
            result,
            more: false,
            loan,
        });
    }

    fn arm_accept(&mut self, listener: Socket, token: Token) -> Result<(), Errno> {
        self.listeners.arm(&self.poller, listener, token)?;
        self.queue_listener(token.slot);
        Ok(())
    }

    fn arm_receive(&mut self, socket: Socket, room: Room, token: Token) -> Result<(), Errno> {
        let record = self.sockets.watch(&self.poller, socket, token)?;
        record.receiving = Some(room);
        self.queue_connection(token.slot);
        Ok(())
    }

    fn arm_hang_up(&mut self, socket: Socket, token: Token) -> Result<(), Errno> {
        let record = self.sockets.watch(&self.poller, socket, token)?;
        if record.hung_up {
            self.complete(token, HUNG_UP, Loan::Nothing);
        } else {
            record.awaiting_hang_up = true;
        }
        Ok(())
    }

    fn arm_notice(&mut self, token: Token) {
        match self.notice {
            Notice::Rang => {
                self.notice = Notice::Nobody;
                self.complete(token, NOTICED, Loan::Nothing);
            }
            Notice::Nobody | Notice::Armed(_) => self.notice = Notice::Armed(token),
        }
    }

    /// Sends at once what goes at once. What cannot go yet waits for room.
    fn send(&mut self, socket: Socket, bytes: Outgoing, token: Token) {
        let parked = self
            .sockets
            .find(token)
            .is_some_and(|record| record.outgoing.is_some());
        assert!(!parked, "two sends of one connection: their order is lost");
        let mut result = transfer::send(socket, &bytes).map(count);
        if result == Err(Errno::AGAIN) {
            match self.sockets.watch_for_room(&self.poller, socket, token) {
                Ok(record) => return record.outgoing = Some(bytes),
                Err(errno) => result = Err(errno),
            }
        }
        let result = result.unwrap_or_else(negated);
        self.complete(token, result, Loan::Outgoing(bytes));
    }

    /// Tries again what has waited for room.
    fn send_parked(&mut self, name: Token) {
        let Some(record) = self.sockets.find(name) else {
            return;
        };
        let (Some(socket), Some(bytes)) = (record.socket(), record.outgoing.take()) else {
            return;
        };
        match transfer::send(socket, &bytes).map(count) {
            Err(Errno::AGAIN) => record.outgoing = Some(bytes),
            result => {
                let token = Token::new(OpKind::Send, name.slot, name.generation);
                let result = result.unwrap_or_else(negated);
                self.complete(token, result, Loan::Outgoing(bytes));
            }
        }
    }

    /// Ends another operation, which then completes by itself. The result is that of the cancel.
    fn cancel(&mut self, target: Token) -> i32 {
        let Some(loan) = self.disarm(target) else {
            return negated(Errno::NOENT);
        };
        self.complete(target, negated(Errno::CANCELED), loan);
        0
    }

    /// Takes an operation off those that wait, with what it had lent; `None` if it does not wait.
    fn disarm(&mut self, target: Token) -> Option<Loan> {
        match target.kind {
            OpKind::Accept => {
                let listener = self.listeners.at(target.slot)?;
                let armed = listener
                    .accepting
                    .iter()
                    .position(|&token| token == target)?;
                listener.accepting.remove(armed);
                Some(Loan::Nothing)
            }
            OpKind::Receive => {
                let record = self.sockets.find(target)?;
                record.receiving.take().map(|_| Loan::Nothing)
            }
            OpKind::HangUp => {
                let record = self.sockets.find(target)?;
                std::mem::take(&mut record.awaiting_hang_up).then_some(Loan::Nothing)
            }
            OpKind::Send => {
                let record = self.sockets.find(target)?;
                record.outgoing.take().map(Loan::Outgoing)
            }
            OpKind::Notice => match self.notice {
                Notice::Armed(token) if token == target => {
                    self.notice = Notice::Nobody;
                    Some(Loan::Nothing)
                }
                Notice::Armed(_) | Notice::Nobody | Notice::Rang => None,
            },
            OpKind::Cancel => None, // it never waits
        }
    }

    /// Looks for events, and does or queues what they allow: for all that have happened, though one
    /// call tells of so many only.
    fn poll(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        let mut calls_left = self.sockets.len() / EVENTS_MAX + 1;
        let mut is_all = self.poll_once(timeout)?;
        while !is_all && calls_left > 0 {
            calls_left -= 1; // new events may come as fast as they are taken
            is_all = self.poll_once(Some(Duration::ZERO))?;
        }
        Ok(())
    }

    /// One call into the kernel. Whether that were all events.
    fn poll_once(&mut self, timeout: Option<Duration>) -> io::Result<bool> {
        self.facts.enters += 1;
        self.poller.wait(timeout)?;
        let mut events = self.poller.take_events();
        let is_all = events.len() < EVENTS_MAX;
        for event in events.drain(..) {
            let Some(name) = Token::unpack(event.data.u64()) else {
                debug_assert!(false, "an event that bears no name of ours");
                continue;
            };
            match name.kind {
                OpKind::Notice => self.bell_rang(),
                OpKind::Accept => {
                    if let Some(listener) = self.listeners.at(name.slot) {
                        listener.note_readable();
                        self.queue_listener(name.slot);
                    }
                }
                OpKind::Receive | OpKind::Send | OpKind::HangUp | OpKind::Cancel => {
                    self.told(name, event.flags);
                }
            }
        }
        self.poller.reuse(events);
        Ok(is_all)
    }

    fn bell_rang(&mut self) {
        match std::mem::replace(&mut self.notice, Notice::Nobody) {
            Notice::Armed(token) => self.complete(token, NOTICED, Loan::Nothing),
            Notice::Nobody | Notice::Rang => self.notice = Notice::Rang,
        }
    }

    /// The kernel has told something about a connection.
    fn told(&mut self, name: Token, told: EventFlags) {
        let Some(record) = self.sockets.note(name, told) else {
            return; // of an earlier life
        };
        if record.hung_up && std::mem::take(&mut record.awaiting_hang_up) {
            let token = Token::new(OpKind::HangUp, name.slot, name.generation);
            self.complete(token, HUNG_UP, Loan::Nothing);
        }
        if told.intersects(EventFlags::OUT | EventFlags::HUP | EventFlags::ERR) {
            self.send_parked(name);
        }
        self.queue_connection(name.slot);
    }
}

impl Ring for Epoll {
    fn push(&mut self, op: Op, token: Token) {
        assert!(op.kind() == token.kind, "a name of another kind");
        let armed = match op {
            Op::Accept { listener } => self.arm_accept(listener, token),
            Op::Receive { socket, room } => self.arm_receive(socket, room, token),
            Op::HangUp { socket } => self.arm_hang_up(socket, token),
            Op::Notice => return self.arm_notice(token),
            Op::Send { socket, bytes } => return self.send(socket, bytes, token),
            Op::Cancel { target } => {
                let result = self.cancel(target);
                return self.complete(token, result, Loan::Nothing);
            }
        };
        if let Err(errno) = armed {
            self.complete(token, negated(errno), Loan::Nothing);
        }
    }

    /// Completions that are there already are handed out before the kernel is asked for more, but
    /// not twice in a row: a request then costs one wait, and events are looked for in any case.
    fn submit_and_wait(&mut self, wait: Wait) -> io::Result<()> {
        let something = !self.done.is_empty() || !self.ready.is_empty();
        self.looked_away = something && !self.looked_away;
        if !self.looked_away {
            self.poll(match wait {
                Wait::ForEver if !something => None,
                Wait::AtMost(time) if !something => Some(time),
                Wait::NotAtAll | Wait::AtMost(_) | Wait::ForEver => Some(Duration::ZERO),
            })?;
        }
        self.done_due = self.done.len();
        self.ready.begin_turn();
        Ok(())
    }

    fn spin(&mut self, window: Duration) -> io::Result<bool> {
        let began = clock::now();
        while self.done.is_empty() && self.ready.is_empty() {
            if began.elapsed() >= window {
                return Ok(false);
            }
            self.poll(Some(Duration::ZERO))?;
        }
        Ok(true)
    }

    fn has_looked(&self) -> bool {
        !self.looked_away
    }

    fn next_completion(&mut self) -> Option<Completion> {
        let completion = if self.done_due > 0 {
            self.done_due -= 1;
            self.done.pop_front()
        } else {
            self.serve()
        };
        self.facts.completions += u64::from(completion.is_some());
        completion
    }

    fn bytes(&mut self, buffer: &Buffer) -> Arrived<'_> {
        self.pool.bytes(buffer)
    }

    fn recycle(&mut self, buffer: Buffer) {
        self.pool.recycle(buffer);
    }

    fn join(&mut self) {} // the kernel is lent nothing

    fn close(&mut self, socket: Socket, slot: Option<Slot>) {
        match slot {
            Some(slot) => self.sockets.forget(slot),
            None => self.listeners.forget(socket),
        }
        drop(socket::own(socket));
    }

    fn finish_sending(&mut self, socket: Socket) {
        socket::finish_sending(socket);
    }

    fn shut_down(&mut self, socket: Socket) {
        socket::shut_down(socket);
    }

    fn unacknowledged(&self, socket: Socket) -> Option<u64> {
        socket::unacknowledged(socket)
    }

    fn reset_when_closed(&mut self, socket: Socket) {
        socket::reset_when_closed(socket);
    }

    fn discard(&mut self, socket: Socket) {
        socket::discard(socket);
    }

    fn accept_now(&mut self, listener: Socket) -> Result<Option<Socket>, Errno> {
        socket::accept_now(listener, true)
    }

    fn refuse_new(&mut self, listener: Socket) {
        socket::refuse_new(listener);
    }

    fn bell(&self) -> Bell {
        self.bell.clone()
    }

    fn facts(&self) -> RingFacts {
        RingFacts {
            buffers_lent: self.pool.lent(),
            ..self.facts
        }
    }

    fn address(socket: Socket, end: End) -> io::Result<Address> {
        socket::address(socket, end)
    }
}

/// What a wait for the hang-up and one for the bell end with, as on a ring: the events that were
/// polled for, and the size of the count that was read.
const HUNG_UP: i32 = libc::EPOLLRDHUP;
const NOTICED: i32 = size_of::<u64>() as i32;

/// A count as results carry it. The kernel moves less than 2 GiB in one call.
fn count(bytes: usize) -> i32 {
    i32::try_from(bytes).unwrap_or(i32::MAX)
}

/// An error as results carry it.
fn negated(errno: Errno) -> i32 {
    -errno.raw_os_error()
}

#[cfg(test)]
mod tests;
