//! What the handles of one socket reach: its sender, what waits to be sent, how it ends.
//!
//! ```text
//! Socket::send ─► fits now ──► the connection's own output   (while its conversation attends)
//!              └► else ─────► queue ─► flush ─► output       (and the connection is woken)
//! ```
//!
//! Always true here:
//! - Messages leave in the order in which they were sent, and are encoded as they leave: one that
//!   was dropped has never touched the history that compression needs.
//! - The backlog is a socket's maximum at most, and one message more.
//! - No code of a user's runs while a cell is borrowed.
//!
//! Not here: what comes in (`upgraded.rs`), the handles (`handle.rs`).

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use ringlane_protocol::websocket::{CloseCode, Sender, Shared};
use ringlane_reactor::{ConnectionWaker, Io, PIECE_BYTES_MIN};

use super::{CloseReason, Message, Options, Sent};
use crate::drain::Spread;
use crate::topics::{self, Backlog, Follower, Memberships, Room, Shipment, Spares, Table};

/// Output that is handed to the connection before the rest has to wait here.
const OUTPUT_BYTES_MAX: usize = 64 * 1024;
/// From so much output on the connection says when all of it has gone.
const WATCHED_BYTES_MIN: usize = 16 * 1024;

/// What the sockets of one core share.
pub(crate) struct Sockets {
    /// Spare memory of the codec.
    pub(crate) shared: RefCell<Shared>,
    /// The output of the connection whose conversation attends, and how much of it was there.
    direct: RefCell<(Vec<u8>, usize)>,
    spares: Rc<Spares<Parcel>>,
    pub(super) spread: Rc<Spread>,
    pub(super) table: Rc<Table>,
}

impl Sockets {
    pub(crate) fn new(spread: Rc<Spread>, table: Rc<Table>) -> Self {
        Self {
            shared: RefCell::default(),
            direct: RefCell::default(),
            spares: Rc::default(),
            spread,
            table,
        }
    }
}

/// How far a socket is in its life.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Phase {
    Open,
    /// A close frame of ours is on its way, or waits here; the client is to answer it.
    Closing,
    /// Nothing more comes from the client, and nothing more is sent than what waits.
    Ended,
}

/// Whether anyone looks at what is put in the queue.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Attention {
    /// Nobody, until the connection is woken.
    Asleep,
    /// The conversation will, before it sleeps.
    Looking,
    /// It does, and its output is at hand.
    Direct,
}

/// What waits to be sent.
enum Parcel {
    Message(Message<'static>),
    Shipment(Arc<Shipment>),
    Close(CloseCode, Box<str>),
}

impl topics::Parcel for Parcel {
    fn len(&self) -> usize {
        match self {
            Self::Message(message) => message.len(),
            Self::Shipment(shipment) => shipment.len(),
            Self::Close(..) => 0,
        }
    }
}

pub(crate) struct Link {
    pub(crate) sockets: Rc<Sockets>,
    pub(crate) options: Options,
    pub(crate) waker: ConnectionWaker,
    sender: RefCell<Sender>,
    backlog: Backlog<Parcel>,
    reason: Cell<Option<Box<CloseReason>>>,
    /// The topics and broadcasts that it follows.
    memberships: Memberships,
    phase: Cell<Phase>,
    attention: Cell<Attention>,
    /// The backlog has reached its maximum since it was empty.
    was_full: Cell<bool>,
    /// Whether the client takes compressed messages.
    takes_compressed: bool,
    /// The sub-protocol's place in the options, if one was chosen.
    protocol: Option<u8>,
    /// Which of the core's long-lived connections this is.
    pub(super) number: u32,
}

impl Link {
    pub(crate) fn new(
        sockets: Rc<Sockets>,
        options: Options,
        waker: ConnectionWaker,
        sender: Sender,
        takes_compressed: bool,
        protocol: Option<u8>,
    ) -> Self {
        let number = sockets.spread.next_number();
        Self {
            backlog: Backlog::new(&sockets.spares),
            sockets,
            options,
            waker,
            sender: RefCell::new(sender),
            reason: Cell::default(),
            memberships: Memberships::default(),
            phase: Cell::new(Phase::Open),
            attention: Cell::new(Attention::Looking), // the handshake is being answered
            was_full: Cell::new(false),
            takes_compressed,
            protocol,
            number,
        }
    }

    pub(crate) fn phase(&self) -> Phase {
        self.phase.get()
    }

    pub(crate) fn protocol(&self) -> Option<&str> {
        let protocols = &self.options.get().policy.protocols;
        protocols
            .get(usize::from(self.protocol?))
            .map(String::as_str)
    }

    /// Bytes that wait for the client, as far as is known.
    pub(crate) fn backlog(&self) -> usize {
        let direct = match self.attention.get() {
            Attention::Direct => {
                let (output, before) = &*self.sockets.direct.borrow();
                output.len() - before
            }
            Attention::Asleep | Attention::Looking => 0,
        };
        self.backlog.bytes() + direct
    }

    pub(crate) fn is_full(&self) -> bool {
        self.backlog() >= self.options.get().max_backpressure
    }

    /// Sends a message of the application's.
    pub(crate) fn send(&self, message: Message<'_>) -> Sent {
        if self.phase() != Phase::Open {
            return Sent::Dropped;
        }
        if self.is_full() && !self.make_room() {
            return Sent::Dropped;
        }
        if self.is_direct() {
            let (output, _) = &mut *self.sockets.direct.borrow_mut();
            let mut sender = self.sender.borrow_mut();
            let shared = &mut *self.sockets.shared.borrow_mut();
            let written = match &message {
                Message::Text(text) => sender.text(text, output, shared),
                Message::Binary(bytes) => sender.binary(bytes, output, shared),
            };
            if written.is_err() {
                return Sent::Dropped; // the client has closed
            }
        } else {
            self.queue(Parcel::Message(message.into_owned()));
        }
        self.sent()
    }

    /// Begins to close. Messages that wait are sent before the close frame; none can follow it.
    pub(crate) fn close(&self, code: CloseCode, words: &str, reason: CloseReason) {
        if self.phase() != Phase::Open {
            return;
        }
        self.note(reason);
        self.queue(Parcel::Close(code, words.into()));
        self.phase.set(Phase::Closing);
    }

    /// Nothing more comes from the client.
    pub(crate) fn end(&self, reason: CloseReason) {
        self.note(reason);
        self.phase.set(Phase::Ended);
    }

    /// Notes why, unless there was a reason before.
    fn note(&self, reason: CloseReason) {
        let first = self.reason.take().unwrap_or_else(|| Box::new(reason));
        self.reason.set(Some(first));
    }

    /// Why it was closed, if it was.
    pub(crate) fn reason(&self) -> Option<CloseReason> {
        let reason = self.reason.take();
        let copy = reason.as_deref().cloned();
        self.reason.set(reason);
        copy
    }

    /// Has the conversation look here, if it would not anyway.
    pub(crate) fn notify(&self) {
        if self.attention.get() == Attention::Asleep {
            self.waker.wake();
        }
    }

    fn sent(&self) -> Sent {
        if self.is_full() {
            self.was_full.set(true);
            return Sent::Buffered;
        }
        Sent::Sent
    }

    /// Whether a message can be written where it will be sent from.
    fn is_direct(&self) -> bool {
        self.attention.get() == Attention::Direct
            && self.backlog.queued_bytes() == 0
            && self.backlog() < OUTPUT_BYTES_MAX
    }

    /// The backlog is at its maximum: does what the options say. Tells whether there is room now.
    #[cold]
    fn make_room(&self) -> bool {
        self.was_full.set(true);
        let policy = self.options.get().slow_client;
        match self.backlog.make_room(policy, || self.is_full()) {
            Room::Made => true,
            Room::None => false,
            Room::Close => {
                self.close(CloseCode::TRY_AGAIN_LATER, "too slow", CloseReason::Slow);
                false
            }
        }
    }

    fn queue(&self, parcel: Parcel) {
        self.backlog.push(parcel);
        self.notify();
    }

    /// The conversation looks: notes what the connection still has to send.
    pub(crate) fn attend(&self, io: &mut Io<'_>) {
        self.attention.set(Attention::Looking);
        if !io.awaits_drained() {
            self.backlog.set_handed(io.output.len());
        }
        let mut sender = self.sender.borrow_mut();
        if sender.owes_pong() {
            sender.settle(io.output.buffer());
        }
    }

    /// The conversation goes to sleep, until the connection is woken or its output has gone.
    pub(crate) fn leave(&self, io: &mut Io<'_>) {
        self.attention.set(Attention::Asleep);
        let (handed, queued) = (self.backlog.handed_bytes(), self.backlog.queued_bytes());
        let watched = WATCHED_BYTES_MIN.min(self.options.get().max_backpressure);
        let owes_pong = self.sender.borrow().owes_pong();
        if handed >= watched || queued > 0 || self.was_full.get() || owes_pong {
            io.wake_when_drained();
        } else if !io.awaits_drained() {
            self.backlog.set_handed(0);
        }
    }

    /// Whether the backlog was at its maximum, and is gone now. Says so once.
    pub(crate) fn has_drained(&self) -> bool {
        self.was_full.get() && self.backlog() == 0 && self.was_full.replace(false)
    }

    /// Runs `call` while messages are written to the connection's output without a detour.
    pub(crate) fn directly<T>(&self, io: &mut Io<'_>, call: impl FnOnce(&mut Io<'_>) -> T) -> T {
        let output = std::mem::take(io.output.buffer());
        let before = output.len();
        let previous = self.sockets.direct.replace((output, before));
        debug_assert!(previous.0.is_empty(), "one conversation attends at a time");
        self.attention.set(Attention::Direct);
        let result = call(io);
        self.attention.set(Attention::Looking);
        let (output, _) = self.sockets.direct.take();
        self.hand(output.len() - before);
        *io.output.buffer() = output;
        result
    }

    /// Lends what a receiver writes its replies with: the sender, the output, the codec's memory.
    pub(crate) fn reply<T>(
        &self,
        call: impl FnOnce(&mut Sender, &mut Vec<u8>, &mut Shared) -> T,
    ) -> T {
        let (output, _) = &mut *self.sockets.direct.borrow_mut();
        let sender = &mut *self.sender.borrow_mut();
        call(sender, output, &mut self.sockets.shared.borrow_mut())
    }

    /// Sends a ping, unless something else is on its way anyway.
    pub(crate) fn ping(&self, io: &mut Io<'_>) {
        let before = io.output.buffer().len();
        // Refused only behind a close frame.
        let _ = self.sender.borrow_mut().ping(b"", io.output.buffer());
        self.hand(io.output.buffer().len() - before);
    }

    /// Encodes what waits into the connection's output, as far as there is room.
    pub(crate) fn flush(&self, io: &mut Io<'_>) {
        while self.backlog.handed_bytes() < OUTPUT_BYTES_MAX
            && let Some(parcel) = self.backlog.pop()
        {
            let before = io.output.len();
            self.write(&parcel, io);
            self.hand(io.output.len() - before);
        }
    }

    /// Writes one message. Behind a close frame nothing is written any more.
    fn write(&self, parcel: &Parcel, io: &mut Io<'_>) {
        let mut sender = self.sender.borrow_mut();
        let shared = &mut *self.sockets.shared.borrow_mut();
        let output = io.output.buffer();
        let _ = match parcel {
            Parcel::Message(Message::Text(text)) => sender.text(text, output, shared),
            Parcel::Message(Message::Binary(bytes)) => sender.binary(bytes, output, shared),
            Parcel::Close(code, words) => sender.close(*code, words, output),
            Parcel::Shipment(shipment) => {
                let prepared = shipment.prepared(self.takes_compressed, shared);
                sender.prepared(prepared).map(|frame| {
                    if let Some(frame) = frame {
                        append(frame, io);
                    }
                })
            }
        };
    }

    fn hand(&self, bytes: usize) {
        self.backlog.hand(bytes);
    }

    /// Drops what waits, and what it follows: nobody is there any more to get it.
    pub(crate) fn forget(&self) {
        self.memberships.leave_all();
        self.backlog.clear();
        self.backlog.set_handed(0);
    }
}

impl Follower for Link {
    fn deliver(&self, shipment: &Arc<Shipment>) {
        let is_full = || self.is_full() && !self.make_room();
        if !shipment.is_for_sockets() || self.phase() != Phase::Open || is_full() {
            return;
        }
        self.queue(Parcel::Shipment(Arc::clone(shipment)));
        self.sent();
    }

    fn is_numbered(&self, number: u32) -> bool {
        self.number == number
    }

    fn memberships(&self) -> &Memberships {
        &self.memberships
    }

    fn is_open(&self) -> bool {
        self.phase() == Phase::Open
    }
}

/// Only a large frame is worth a count of who shares it.
fn append(frame: &Bytes, io: &mut Io<'_>) {
    match frame.len() < PIECE_BYTES_MIN {
        true => io.output.buffer().extend_from_slice(frame),
        false => io.output.append(frame.clone()),
    }
}

// With its counts and the allocator's word this is 144 bytes.
const _: () = assert!(size_of::<Link>() <= 120);
