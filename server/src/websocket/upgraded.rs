//! One connection that has become a socket: what comes in, its clocks, its end.
//!
//! ```text
//! attend ─► receive ─► (an asynchronous handler is polled) ─► settle
//!    ▲         └──────────◄── while there is progress            │
//!    └──── bytes, a wake, room again, a deadline ◄───────────────┘
//! ```
//!
//! Always true here:
//! - While the backlog is at its maximum nothing is read, so that an echo loses nothing.
//! - Whatever ends a socket, its handler is told once.
//!
//! Not here: sending (`link.rs`), the rules of the wire (the protocol's), who polls an
//! asynchronous handler (`conversation/switch.rs`).

use std::rc::Rc;
use std::task::Waker;
use std::time::Duration;

use ringlane_protocol::websocket::{CloseCode, Event, Receiver};
use ringlane_reactor::clock::Instant;
use ringlane_reactor::{self as reactor, Intent, Io, contain};

use super::callbacks::{Callbacks, say_closed};
use super::link::{Link, Phase};
use super::mailbox::{Dropped, Mailbox};
use super::{CloseReason, Message, Socket};
use crate::chain::{Cancel, Descent};

/// Who gets what comes in.
pub(super) enum Endpoint {
    Callbacks(Box<dyn Callbacks>),
    /// An asynchronous handler, which is at the other end while it is under way.
    Mailbox(Rc<Mailbox>, Option<Box<Descent>>),
    /// It was told of the end, which its asynchronous handler may have to act upon.
    Closed(Option<Box<Descent>>),
}

pub(crate) struct Upgraded {
    receiver: Receiver,
    socket: Socket,
    endpoint: Endpoint,
    /// When bytes came last.
    heard_at: Instant,
    /// When it is to be closed: its lifetime is over, or the server's.
    ends_at: Instant,
    /// How long the client may take to answer our close frame.
    close_by: Instant,
    /// The client was asked for a sign of life since.
    was_pinged: bool,
    is_draining: bool,
    has_panicked: bool,
    /// How the connection ends, once the socket has.
    ending: Intent,
}

impl Upgraded {
    pub(super) fn new(receiver: Receiver, socket: Socket, endpoint: Endpoint) -> Self {
        Self {
            receiver,
            socket,
            endpoint,
            heard_at: Instant::NEVER,
            ends_at: Instant::NEVER,
            close_by: Instant::NEVER,
            was_pinged: false,
            is_draining: false,
            has_panicked: false,
            ending: Intent::Finish,
        }
    }

    fn link(&self) -> &Link {
        &self.socket.0
    }

    /// The handshake is answered: its clocks begin.
    pub(crate) fn begin(&mut self, now: Instant) {
        self.heard_at = now;
        self.ends_at = now + self.link().options.get().max_lifetime;
    }

    /// Begins a call: sends what waits, and says so if that was all.
    pub(crate) fn attend(&mut self, io: &mut Io<'_>) {
        self.link().attend(io);
        if !io.input.bytes().is_empty() {
            self.heard_at = io.now;
            self.was_pinged = false;
        }
        if io.draining && !self.is_draining {
            self.is_draining = true;
            self.ends_at = self
                .ends_at
                .min(io.now + self.link().sockets.spread.share(self.link().number));
        }
        self.link().flush(io);
        if self.link().has_drained() {
            self.drained(io);
        }
    }

    /// Takes what has come, as far as there is room for it and for the answers.
    pub(crate) fn receive(&mut self, io: &mut Io<'_>, own: &Waker) {
        let link = Rc::clone(&self.socket.0);
        if !io.input.bytes().is_empty() && self.can_receive() {
            link.directly(io, |io| self.receive_all(io));
        }
        if link.phase() != Phase::Ended {
            let is_over = io.peer_finished && io.input.bytes().is_empty();
            // It is known to have left, and what it sent before is not wanted for now.
            let is_lost = io.hung_up && !self.can_receive();
            if is_over || is_lost {
                link.end(CloseReason::Gone);
            }
        }
        if let Endpoint::Mailbox(mailbox, _) = &self.endpoint {
            let has_ended = link.phase() == Phase::Ended;
            if has_ended || !mailbox.is_empty() {
                mailbox.wake_reader(own);
            }
            if has_ended || !link.is_full() {
                mailbox.wake_sender(own);
            }
        }
    }

    fn receive_all(&mut self, io: &mut Io<'_>) {
        let link = Rc::clone(&self.socket.0);
        while self.can_receive() {
            let input = io.input.bytes_mut();
            let step = link.reply(|sender, output, shared| {
                self.receiver.receive(input, sender, output, shared)
            });
            let consumed = step.consumed;
            let mut is_last = false;
            match step.event {
                Event::NeedMore => is_last = true,
                Event::Ping(_) | Event::Pong(_) => {}
                Event::Text(text) => {
                    self.has_panicked |=
                        deliver(&mut self.endpoint, &self.socket, Message::from(text));
                }
                Event::Binary(bytes) => {
                    self.has_panicked |=
                        deliver(&mut self.endpoint, &self.socket, Message::from(bytes));
                }
                Event::Close(frame) => link.end(CloseReason::Client {
                    code: frame.map(|frame| frame.code),
                    reason: frame.map_or("", |frame| frame.reason).to_owned(),
                }),
                Event::Failed(error) => {
                    link.end(CloseReason::Violation(error));
                    self.ending = Intent::Linger; // it may be sending still
                }
            }
            io.input.consume(consumed);
            if is_last {
                return;
            }
        }
    }

    /// Whether what comes is taken now.
    fn can_receive(&self) -> bool {
        let has_room = match &self.endpoint {
            Endpoint::Callbacks(_) => true,
            Endpoint::Mailbox(mailbox, _) => mailbox.has_room() || mailbox.dropped.get().is_some(),
            Endpoint::Closed(_) => false,
        };
        match self.link().phase() {
            Phase::Open => has_room && !self.link().is_full(),
            Phase::Closing => has_room, // the client's close frame is behind what it sent before
            Phase::Ended => false,
        }
    }

    /// Whether an asynchronous handler that was polled has made something possible.
    pub(crate) fn can_go_on(&self, io: &Io<'_>) -> bool {
        let Endpoint::Mailbox(mailbox, _) = &self.endpoint else {
            return false;
        };
        let may_receive = !io.input.bytes().is_empty() && self.can_receive();
        may_receive || (mailbox.has_sender() && !self.link().is_full())
    }

    /// Looks whether the asynchronous handler has let go of its socket.
    pub(crate) fn look_at_handle(&self, has_failed: bool) {
        if let Endpoint::Mailbox(mailbox, _) = &self.endpoint
            && let Some(how) = mailbox.dropped.get()
        {
            let code = match has_failed || how == Dropped::ByPanic {
                true => CloseCode::INTERNAL_ERROR,
                false => CloseCode::NORMAL,
            };
            self.link().close(code, "", CloseReason::Server { code });
        }
    }

    /// Whether the handler knows that this is the end, or will when it is polled.
    pub(crate) fn has_told(&self) -> bool {
        match &self.endpoint {
            Endpoint::Mailbox(mailbox, _) => mailbox.was_told.get() || mailbox.is_awaited(),
            Endpoint::Callbacks(_) | Endpoint::Closed(_) => false,
        }
    }

    /// Takes the asynchronous handler out, to poll it or to end it.
    pub(crate) fn take_handler(&mut self) -> Option<Box<Descent>> {
        match &mut self.endpoint {
            Endpoint::Mailbox(_, handler) | Endpoint::Closed(handler) => handler.take(),
            Endpoint::Callbacks(_) => None,
        }
    }

    /// Keeps an asynchronous handler that is under way.
    pub(crate) fn keep_handler(&mut self, descent: Box<Descent>) {
        match &mut self.endpoint {
            Endpoint::Mailbox(_, handler) | Endpoint::Closed(handler) => *handler = Some(descent),
            // Callbacks begin when the chain has ended: what goes on has its last rites.
            Endpoint::Callbacks(_) => drop(descent),
        }
    }

    /// Whether a callback has panicked since the last call.
    pub(crate) fn take_panic(&mut self) -> bool {
        std::mem::take(&mut self.has_panicked)
    }

    /// Ends a call. Tells how the connection ends, if the socket has.
    pub(crate) fn settle(&mut self, io: &mut Io<'_>) -> Option<Intent> {
        self.link().flush(io);
        match self.link().phase() {
            Phase::Ended => {
                self.tell();
                return Some(self.ending);
            }
            Phase::Closing if self.close_by == Instant::NEVER => {
                self.close_by = io.now + self.link().options.get().close_timeout;
            }
            Phase::Closing | Phase::Open => {}
        }
        io.set_deadline(self.deadline());
        self.link().leave(io);
        None
    }

    /// One of its deadlines has passed.
    pub(crate) fn run_out(&mut self, io: &mut Io<'_>) {
        let link = Rc::clone(&self.socket.0);
        let idle = link.options.get().idle_timeout;
        match link.phase() {
            Phase::Ended => {}
            Phase::Closing if io.now >= self.close_by => {
                link.end(CloseReason::Gone); // why it was closed is known already
                self.ending = Intent::Linger;
            }
            Phase::Closing => {}
            Phase::Open if io.now >= self.ends_at => {
                let reason = match self.is_draining {
                    true => CloseReason::ShutDown,
                    false => CloseReason::Lifetime,
                };
                link.close(CloseCode::GOING_AWAY, "", reason);
            }
            Phase::Open if idle.is_zero() => {}
            Phase::Open if !self.can_receive() => self.heard_at = io.now, // nobody listens
            Phase::Open if io.now >= self.heard_at + idle => {
                link.end(CloseReason::Idle);
                self.ending = Intent::Abort; // nobody is there
            }
            Phase::Open if !self.was_pinged && io.now >= self.heard_at + idle / 2 => {
                self.was_pinged = true;
                link.ping(io);
            }
            Phase::Open => {}
        }
    }

    fn deadline(&self) -> Instant {
        if self.link().phase() == Phase::Closing {
            return self.close_by;
        }
        let idle = self.link().options.get().idle_timeout;
        let silence = match (idle, self.was_pinged) {
            (Duration::ZERO, _) => Instant::NEVER,
            (idle, true) => self.heard_at + idle,
            (idle, false) => self.heard_at + idle / 2,
        };
        silence.min(self.ends_at)
    }

    fn drained(&mut self, io: &mut Io<'_>) {
        let Self {
            endpoint, socket, ..
        } = self;
        if let Endpoint::Callbacks(callbacks) = endpoint {
            let link = Rc::clone(&socket.0);
            self.has_panicked |= link.directly(io, |_| guard(socket, || callbacks.drained(socket)));
        }
    }

    /// What its end is to a handler that is still under way.
    pub(crate) fn why_cancelled(&self) -> Cancel {
        match self.link().reason() {
            Some(CloseReason::ShutDown) => Cancel::ShutDown,
            _ => Cancel::ClientGone,
        }
    }

    /// The connection is gone.
    pub(crate) fn closed(&mut self, reason: reactor::CloseReason) {
        self.link().end(match reason {
            reactor::CloseReason::ShutDown => CloseReason::ShutDown,
            reactor::CloseReason::WriteTimedOut => CloseReason::Slow,
            _ => CloseReason::Gone,
        });
        self.tell();
    }

    /// The handshake was not answered with what it asks for.
    pub(super) fn refuse(mut self) {
        self.link().end(CloseReason::Refused);
        self.tell();
    }

    /// Tells the handler that this is the end.
    fn tell(&mut self) {
        let link = Rc::clone(&self.socket.0);
        link.forget();
        let reason = link.reason().unwrap_or(CloseReason::Gone);
        match std::mem::replace(&mut self.endpoint, Endpoint::Closed(None)) {
            Endpoint::Callbacks(callbacks) => say_closed(callbacks, &self.socket, reason),
            Endpoint::Mailbox(mailbox, handler) => {
                self.endpoint = Endpoint::Closed(handler);
                mailbox.wake_reader(Waker::noop());
                mailbox.wake_sender(Waker::noop());
            }
            Endpoint::Closed(handler) => self.endpoint = Endpoint::Closed(handler),
        }
    }
}

/// Hands a message over. Tells whether that made a panic.
fn deliver(endpoint: &mut Endpoint, socket: &Socket, message: Message<'_>) -> bool {
    match endpoint {
        Endpoint::Callbacks(callbacks) if socket.is_open() => {
            guard(socket, || callbacks.message(socket, message))
        }
        Endpoint::Mailbox(mailbox, _) => {
            mailbox.put(message.into_owned());
            false
        }
        Endpoint::Callbacks(_) | Endpoint::Closed(_) => false,
    }
}

/// Runs a callback. One that panics closes its socket.
fn guard(socket: &Socket, callback: impl FnOnce()) -> bool {
    let has_panicked = contain(callback).is_none();
    if has_panicked {
        tracing::error!("a callback of a socket has panicked");
        let code = CloseCode::INTERNAL_ERROR;
        socket.0.close(code, "", CloseReason::Panicked);
    }
    has_panicked
}

// With the allocator's word this is 112 bytes.
const _: () = assert!(size_of::<Upgraded>() <= 104);
