//! One connection: its phase, what the ring holds of it, and how it ends.
//!
//! Always true here:
//! - `in_flight` counts the operations whose last completion is still to come.
//! - A connection goes only forward through its phases; its place is free after the last one.
//!
//! Not here: the operations themselves and what their results lead to (`exchange.rs`, `ending.rs`).

use crate::application::Io;
use crate::clock::Instant;
use crate::flow::Flow;
use crate::inbox::{Carry, Inbox};
use crate::op::{Room, Socket};
use crate::outbox::Outbox;
use crate::ring::Arrived;
use crate::timers::Wheel;
use crate::token::{Generation, OpKind, Slot, Token};

/// Where a connection is in its life: `Open → Finishing → (Lingering) → Closing → (slot free)`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Phase {
    /// Receiving and sending.
    Open,
    /// Queued output still goes out; input is dropped. Then it lingers, or closes.
    Finishing { linger: bool },
    /// The peer was told that no more comes. Its bytes are dropped, so many at most.
    Lingering {
        bytes_left: u32,
        /// Bytes came since the time for them was last extended.
        heard: bool,
        /// How often it may still be extended.
        extensions_left: u8,
    },
    /// Nothing more is sent or received; waits until the ring holds no operation of it.
    Closing,
    /// The ring holds nothing of it: its descriptor is closed in this turn, and the slot is free.
    Releasing,
}

/// What the ring does about this connection's input.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Receiving {
    /// Nothing: the input has ended, or too much of it waits to be consumed.
    Not,
    /// Bytes arrive by themselves, into such buffers.
    Armed(Room),
    /// It was asked to stop, and has not stopped yet.
    Stopping,
    /// It waits in line for buffers to come home.
    Starved,
}

/// One connection in its slot.
#[derive(Debug)]
pub(crate) struct Connection<C> {
    pub(crate) socket: Socket,
    pub(crate) generation: Generation,
    pub(crate) phase: Phase,
    pub(crate) receiving: Receiving,
    pub(crate) flow: Flow,
    pub(crate) in_flight: u16,
    /// A wait for the peer's hang-up is armed, in place of a receive.
    pub(crate) hang_up_armed: bool,
    pub(crate) sending: bool,
    /// Whether the peer takes the send in flight is being watched.
    pub(crate) is_write_watched: bool,
    /// It is in the list of those with output to queue.
    pub(crate) output_listed: bool,
    pub(crate) wants_drained: bool,
    /// The peer has ended its direction, though bytes of it may still be unread.
    pub(crate) peer_finished: bool,
    /// Everything that the peer sent was received.
    pub(crate) input_ended: bool,
    pub(crate) over_limit: bool,
    /// The application's deadline, or the end of lingering.
    pub(crate) deadline: Instant,
    /// When to look whether the peer takes the send in flight.
    pub(crate) write_deadline: Instant,
    /// When a receive of it first found no buffer since it has got one; mostly never.
    pub(crate) starved_since: Instant,
    /// When the wheel looks at it next.
    pub(crate) looked_at: Instant,
    /// Input that was shown and not consumed.
    pub(crate) carry: Carry,
    pub(crate) outbox: Outbox,
    /// `None` only before it was made and after it was told of its end.
    pub(crate) conversation: Option<C>,
}

/// What holds for every connection of the core at present.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Present {
    pub(crate) now: Instant,
    pub(crate) unix_seconds: u64,
    pub(crate) draining: bool,
    pub(crate) core: u16,
}

impl<C> Connection<C> {
    pub(crate) fn new(socket: Socket, generation: Generation, over_limit: bool) -> Self {
        Self {
            socket,
            generation,
            phase: Phase::Open,
            receiving: Receiving::Not,
            flow: Flow::default(),
            in_flight: 0,
            hang_up_armed: false,
            sending: false,
            is_write_watched: false,
            output_listed: false,
            wants_drained: false,
            peer_finished: false,
            input_ended: false,
            over_limit,
            deadline: Instant::NEVER,
            write_deadline: Instant::NEVER,
            starved_since: Instant::NEVER,
            looked_at: Instant::NEVER,
            carry: Carry::default(),
            outbox: Outbox::default(),
            conversation: None,
        }
    }

    /// The name of one of its operations.
    pub(crate) fn token(&self, kind: OpKind, slot: Slot) -> Token {
        Token::new(kind, slot, self.generation)
    }

    /// Notes that an operation was handed to the ring.
    pub(crate) fn began(&mut self) {
        debug_assert!(self.phase != Phase::Releasing, "it is being released");
        self.in_flight += 1;
    }

    /// Notes the last completion of one operation.
    pub(crate) fn settled(&mut self) {
        assert!(
            self.in_flight > 0,
            "a completion for a connection the ring does not hold"
        );
        self.in_flight -= 1;
    }

    /// The connection as its application sees it, and what the application keeps of it.
    #[inline]
    pub(crate) fn show<'a>(
        &'a mut self,
        slot: Slot,
        lent: Arrived<'a>,
        present: Present,
    ) -> (&'a mut Option<C>, Io<'a>) {
        let io = Io {
            input: Inbox::new(lent, &mut self.carry),
            output: &mut self.outbox,
            now: present.now,
            unix_seconds: present.unix_seconds,
            peer_finished: self.input_ended,
            hung_up: self.peer_finished,
            draining: present.draining,
            over_limit: self.over_limit,
            deadline: &mut self.deadline,
            wants_drained: &mut self.wants_drained,
            sending: self.sending,
            socket: self.socket,
            slot,
            core: present.core,
        };
        (&mut self.conversation, io)
    }

    /// Whether its output is to be put in the list of the turn; says so once.
    #[inline]
    pub(crate) fn needs_listing(&mut self) -> bool {
        !self.sending && !std::mem::replace(&mut self.output_listed, true)
    }

    /// Sees to it that the wheel looks at it when the first of its deadlines has passed. Mostly it
    /// does so before, and this is one comparison.
    #[inline]
    pub(crate) fn watch(&mut self, slot: Slot, wheel: &mut Wheel) {
        let next = self.deadline.min(self.write_deadline);
        if next < self.looked_at {
            self.looked_at = wheel.arm(slot.index(), next);
        }
    }

    /// Nothing more will be late.
    pub(crate) fn unwatch(&mut self, slot: Slot, wheel: &mut Wheel) {
        self.deadline = Instant::NEVER;
        self.write_deadline = Instant::NEVER;
        self.looked_at = Instant::NEVER;
        wheel.disarm(slot.index());
    }
}
