//! What stands above a reactor: bytes in, bytes out, what next. The reactor knows no protocol.
//!
//! Always true here:
//! - Everything an application may look at is a level, not an edge: it is all in [`Io`], each time.
//! - What an application writes is queued before the core sleeps again, in one send.
//!
//! Not here: when these functions are called (`reactor.rs`).

use crate::clock::Instant;
use crate::inbox::{Carry, Inbox};
use crate::op::Socket;
use crate::outbox::Outbox;
use crate::token::Slot;
use crate::wake::ConnectionWaker;

/// What a reactor asks of the code above it.
///
/// One application lives on one core; it needs no locks and may be `!Send`.
///
/// ```
/// use ringlane_reactor::{Application, CloseReason, Intent, Io};
///
/// /// Sends back what comes.
/// struct Echo;
///
/// impl Application for Echo {
///     type Conversation = ();
///
///     fn opened(&mut self, _io: &mut Io<'_>) {}
///
///     fn advance(&mut self, _: &mut (), io: &mut Io<'_>) -> Intent {
///         let bytes = io.input.bytes();
///         io.output.buffer().extend_from_slice(bytes);
///         let count = bytes.len();
///         io.input.consume(count);
///         if io.peer_finished { Intent::Finish } else { Intent::Continue }
///     }
///
///     fn timed_out(&mut self, _: &mut (), _io: &mut Io<'_>) -> Intent {
///         Intent::Abort
///     }
///
///     fn closed(&mut self, _: (), _reason: CloseReason) {}
/// }
/// ```
pub trait Application {
    /// Per-connection state, kept in the reactor's table next to the socket's own.
    type Conversation;

    /// A connection was accepted. No bytes of it are here yet.
    fn opened(&mut self, io: &mut Io<'_>) -> Self::Conversation;

    /// Something changed: bytes came, the peer finished, output drained (if that was asked for),
    /// the conversation was woken, or the core began to drain.
    ///
    /// Takes as much of the input as it can use; what it leaves is shown again, with more.
    fn advance(&mut self, conversation: &mut Self::Conversation, io: &mut Io<'_>) -> Intent;

    /// The deadline that the conversation had set has passed.
    fn timed_out(&mut self, conversation: &mut Self::Conversation, io: &mut Io<'_>) -> Intent;

    /// Since when the conversation has waited for nothing but the peer's next request, with
    /// nothing of it begun; `deadline` is the one that it has set. `None`, as by default, if it
    /// does not wait for that, or must not be closed. At the limit of connections those that have
    /// waited for the longest are closed to make room ([`crate::Config::evict_after`]).
    fn idle_since(&self, conversation: &Self::Conversation, deadline: Instant) -> Option<Instant> {
        let _ = (conversation, deadline);
        None
    }

    /// The connection has ended; nothing more can be sent.
    fn closed(&mut self, conversation: Self::Conversation, reason: CloseReason);
}

/// One connection, as its application sees it during one call.
#[derive(Debug)]
pub struct Io<'a> {
    /// What was received and not yet consumed.
    pub input: Inbox<'a>,
    /// What is to be sent.
    pub output: &'a mut Outbox,
    /// When this turn began.
    pub now: Instant,
    /// The wall clock, in seconds since 1970 (UTC).
    pub unix_seconds: u64,
    /// The peer sends nothing more, and all that it sent has been shown.
    pub peer_finished: bool,
    /// The peer sends nothing more, or is gone. What it sent before may still be unread: while too
    /// much of it waits to be consumed this is known first.
    pub hung_up: bool,
    /// The core is shutting down: end each conversation as soon as that is polite.
    pub draining: bool,
    /// This connection is one more than the limit allows: say so, and finish.
    pub over_limit: bool,
    pub(crate) deadline: &'a mut Instant,
    pub(crate) wants_drained: &'a mut bool,
    /// Output of earlier calls is in the kernel's hands, and not all of it is gone.
    pub(crate) sending: bool,
    pub(crate) socket: Socket,
    pub(crate) slot: Slot,
    pub(crate) core: u16,
}

impl Io<'_> {
    /// Calls [`Application::timed_out`] at this time or up to one tick (67 ms) later, unless the
    /// deadline is moved before. [`Instant::NEVER`] sets none.
    ///
    /// Moving it later costs one store.
    pub fn set_deadline(&mut self, deadline: Instant) {
        *self.deadline = deadline;
    }

    /// The deadline that is set.
    pub fn deadline(&self) -> Instant {
        *self.deadline
    }

    /// Whether everything written so far has been handed to the kernel.
    pub fn is_drained(&self) -> bool {
        !self.sending && self.output.is_empty()
    }

    /// Calls [`Application::advance`] once everything written so far has been handed to the kernel.
    pub fn wake_when_drained(&mut self) {
        *self.wants_drained = true;
    }

    /// Whether the call that [`wake_when_drained`](Self::wake_when_drained) asked for is still to
    /// come: then the kernel has not taken everything yet.
    pub fn awaits_drained(&self) -> bool {
        *self.wants_drained
    }

    /// What makes the reactor call [`Application::advance`] for this connection. May be kept, and
    /// used from any thread; once the connection has gone it does nothing of consequence.
    pub fn waker(&self) -> ConnectionWaker {
        ConnectionWaker::new(self.core, self.slot)
    }

    /// The socket, to look up addresses with [`crate::local::address`].
    pub fn socket(&self) -> Socket {
        self.socket
    }
}

/// A connection without a reactor or a socket: for testing and measuring an application alone.
///
/// ```
/// use ringlane_reactor::{Application, CloseReason, Detached, Intent, Io};
///
/// struct Counter;
///
/// impl Application for Counter {
///     type Conversation = usize;
///     fn opened(&mut self, _: &mut Io<'_>) -> usize { 0 }
///     fn advance(&mut self, count: &mut usize, io: &mut Io<'_>) -> Intent {
///         let all = io.input.bytes().len();
///         io.input.consume(all);
///         *count += all;
///         Intent::Continue
///     }
///     fn timed_out(&mut self, _: &mut usize, _: &mut Io<'_>) -> Intent { Intent::Abort }
///     fn closed(&mut self, _: usize, _: CloseReason) {}
/// }
///
/// let mut connection = Detached::default();
/// let mut count = connection.with(&mut [], |io| Counter.opened(io));
/// let _ = connection.with(&mut b"hello".to_owned(), |io| Counter.advance(&mut count, io));
/// assert_eq!(count, 5);
/// ```
#[derive(Debug, Default)]
pub struct Detached {
    /// What was written.
    pub output: Outbox,
    carry: Carry,
    deadline: Instant,
    wants_drained: bool,
}

impl Detached {
    /// Shows the connection to `call`, with `arrived` behind what was not consumed before.
    pub fn with<T>(&mut self, arrived: &mut [u8], call: impl FnOnce(&mut Io<'_>) -> T) -> T {
        let mut io = Io {
            input: Inbox::new(arrived, &mut self.carry),
            output: &mut self.output,
            now: Instant::default(),
            unix_seconds: 0,
            peer_finished: false,
            hung_up: false,
            draining: false,
            over_limit: false,
            deadline: &mut self.deadline,
            wants_drained: &mut self.wants_drained,
            sending: false,
            socket: Socket::from_raw(-1),
            slot: Slot::new(0),
            core: 0,
        };
        let result = call(&mut io);
        io.input.settle(Vec::new);
        result
    }
}

/// What should happen to the connection now.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[must_use]
pub enum Intent {
    /// Go on receiving and sending.
    Continue,
    /// Send what is queued, then close.
    Finish,
    /// Send what is queued, tell the peer that no more comes, take in (and drop) what it still
    /// sends for a bounded time, then close. A peer that is still sending when it is answered would
    /// otherwise lose the answer to a reset.
    Linger,
    /// Close at once, without sending what is queued.
    Abort,
}

/// Why a connection ended.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum CloseReason {
    /// The application had finished with it.
    Finished,
    /// The application gave it up.
    Aborted,
    /// The peer reset it or vanished.
    PeerGone,
    /// The peer took no bytes for longer than the limit.
    WriteTimedOut,
    /// It was idle, and another one needed its place.
    Evicted,
    /// It was still there when the time for draining had passed, or the core stopped.
    ShutDown,
    /// An operation failed in a way that nobody foresaw.
    Failed,
}

impl CloseReason {
    /// Every reason.
    pub const ALL: [Self; 7] = [
        Self::Finished,
        Self::Aborted,
        Self::PeerGone,
        Self::WriteTimedOut,
        Self::Evicted,
        Self::ShutDown,
        Self::Failed,
    ];
}
