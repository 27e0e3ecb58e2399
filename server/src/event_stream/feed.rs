//! What the lists of a topic reach of one stream: what waits for its client.
//!
//! ```text
//! deliver ─► queue ─► flush ─► output        (and the connection is woken)
//! history ────────────┘ first
//! ```
//!
//! Always true here:
//! - What a client has missed stays in its history until it is written: however slow the client is,
//!   it holds no more than its output.
//! - What a client has missed leaves before what is new.
//! - Of a topic with a history nothing is left out silently: where something is, a `gap` stands.
//!
//! Not here: its clocks and its end (`following.rs`).

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use ringlane_reactor::{ConnectionWaker, Io, PIECE_BYTES_MIN};

use super::{Event, Options, Piece};
use crate::topics::{
    Backlog, Cursor, Follower, Memberships, Missed, Parcel, Replay, Room, Shipment, Spares,
};

/// Output that is handed to the connection before the rest has to wait here.
const OUTPUT_BYTES_MAX: usize = 64 * 1024;
/// From so much output on the connection says when all of it has gone.
const WATCHED_BYTES_MIN: usize = 16 * 1024;

/// What waits to be sent.
pub(crate) enum Waiting {
    Shipment(Arc<Shipment>),
    /// Something is missing here.
    Gap,
}

impl Parcel for Waiting {
    fn len(&self) -> usize {
        match self {
            Self::Shipment(shipment) => shipment.len(),
            Self::Gap => 0,
        }
    }
}

pub(super) struct Feed {
    options: Options,
    waker: ConnectionWaker,
    backlog: Backlog<Waiting>,
    /// What the client gets before what is new; most streams pay one word.
    beginning: Cell<Option<Box<Beginning>>>,
    memberships: Memberships,
    /// The conversation looks, or will before it sleeps.
    is_attended: Cell<bool>,
    state: Cell<State>,
    /// Something was dropped that stood before all that waits now.
    has_lost_oldest: Cell<bool>,
    /// Something was dropped that came after all that waits now.
    has_lost_newest: Cell<bool>,
}

/// What is sent before anything that is new.
struct Beginning {
    first: Option<Event>,
    missed: Option<Cursor>,
}

impl Beginning {
    fn is_over(&self) -> bool {
        self.first.is_none() && self.missed.as_ref().is_none_or(Cursor::is_at_end)
    }

    fn next(&mut self) -> Option<Piece> {
        if let Some(first) = self.first.take() {
            return Piece::of_event(&first, None);
        }
        match self.missed.as_mut()?.advance()? {
            Missed::Piece(piece) => Some(piece),
            Missed::Gap(id) => Piece::of_event(&gap(Event::default().id(id), "slow"), None),
        }
    }
}

/// How far a stream is in its life.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum State {
    Open,
    /// Nothing more is taken; what waits is sent.
    Ending,
    /// The client is too slow to be kept.
    Cut,
}

impl Feed {
    pub(super) fn new(
        options: Options,
        waker: ConnectionWaker,
        spares: &Rc<Spares<Waiting>>,
    ) -> Rc<Self> {
        Rc::new(Self {
            options,
            waker,
            backlog: Backlog::new(spares),
            beginning: Cell::default(),
            memberships: Memberships::default(),
            is_attended: Cell::new(true), // the request is being answered
            state: Cell::new(State::Open),
            has_lost_oldest: Cell::new(false),
            has_lost_newest: Cell::new(false),
        })
    }

    pub(super) fn state(&self) -> State {
        self.state.get()
    }

    /// What is sent before anything that is new: how long to wait, where the stream begins, and
    /// what was missed.
    pub(super) fn begin(&self, replay: Option<Replay>) {
        let mut first = Event::default();
        if let Some(time) = self.options.get().retry {
            first = first.retry(time);
        }
        let mut missed = None;
        if let Some(replay) = replay {
            // An id without data is no event, and is where the client will go on from.
            first = first.id(replay.position);
            if let Some(reason) = replay.gap {
                first = gap(first, reason);
            }
            missed = Some(replay.missed);
        }
        let first = Some(first).filter(|first| *first != Event::default());
        let beginning = Box::new(Beginning { first, missed });
        self.beginning
            .set(Some(beginning).filter(|beginning| !beginning.is_over()));
    }

    /// The conversation looks: notes what the connection still has to send.
    pub(super) fn attend(&self, io: &Io<'_>) {
        self.is_attended.set(true);
        if !io.awaits_drained() {
            self.backlog.set_handed(io.output.len());
        }
    }

    /// Writes what waits into the connection's output, as far as there is room. Tells whether
    /// anything was written.
    pub(super) fn flush(&self, is_chunked: bool, io: &mut Io<'_>) -> bool {
        let start = self.backlog.handed_bytes();
        while self.backlog.handed_bytes() < OUTPUT_BYTES_MAX
            && let Some(piece) = self.next_piece(is_chunked)
        {
            self.backlog.hand(piece.len());
            append(piece, io);
        }
        self.backlog.handed_bytes() > start
    }

    fn next_piece(&self, is_chunked: bool) -> Option<Bytes> {
        loop {
            if let Some(piece) = self.next_missed() {
                return Some(piece.bytes(is_chunked));
            }
            if self.has_lost_oldest.take() {
                return slow_gap(is_chunked);
            }
            match self.backlog.pop() {
                // It is said without waiting for what comes next: perhaps nothing does.
                None if self.has_lost_newest.take() => return slow_gap(is_chunked),
                None => return None,
                Some(Waiting::Gap) => return slow_gap(is_chunked),
                Some(Waiting::Shipment(shipment)) => {
                    if let Some(piece) = shipment.piece(is_chunked) {
                        return Some(piece);
                    }
                }
            }
        }
    }

    fn next_missed(&self) -> Option<Piece> {
        let mut beginning = self.beginning.take()?;
        let piece = beginning.next();
        self.beginning
            .set(Some(beginning).filter(|beginning| !beginning.is_over()));
        piece
    }

    /// Whether anything waits here.
    pub(super) fn is_waiting(&self) -> bool {
        let beginning = self.beginning.take();
        let is_beginning = beginning.is_some();
        self.beginning.set(beginning);
        is_beginning || self.backlog.queued_bytes() > 0 || self.has_lost_newest.get()
    }

    /// The conversation goes to sleep, until the connection is woken or its output has gone.
    pub(super) fn leave(&self, io: &mut Io<'_>) {
        self.is_attended.set(false);
        if self.backlog.handed_bytes() >= WATCHED_BYTES_MIN || self.is_waiting() {
            io.wake_when_drained();
        } else if !io.awaits_drained() {
            self.backlog.set_handed(0);
        }
    }

    /// Takes nothing more.
    pub(super) fn end(&self) {
        if self.state() == State::Open {
            self.state.set(State::Ending);
        }
        self.memberships.leave_all();
    }

    fn is_full(&self) -> bool {
        self.backlog.queued_bytes() >= self.options.get().max_backpressure
    }

    /// As much waits as may: does what the options say. Tells whether there is room now.
    #[cold]
    fn make_room(&self, is_kept: bool) -> bool {
        let policy = self.options.get().slow_client;
        match self.backlog.make_room(policy, || self.is_full()) {
            Room::Made => {
                self.has_lost_oldest
                    .set(self.has_lost_oldest.get() || is_kept);
                true
            }
            Room::None => {
                self.has_lost_newest
                    .set(self.has_lost_newest.get() || is_kept);
                false
            }
            Room::Close => {
                self.state.set(State::Cut);
                self.notify();
                false
            }
        }
    }

    fn push(&self, waiting: Waiting) {
        self.backlog.push(waiting);
        self.notify();
    }

    fn notify(&self) {
        if !self.is_attended.get() {
            self.waker.wake();
        }
    }
}

impl Follower for Feed {
    fn deliver(&self, shipment: &Arc<Shipment>) {
        let is_kept = shipment.number().is_some();
        if self.state() != State::Open || (self.is_full() && !self.make_room(is_kept)) {
            return;
        }
        if self.has_lost_newest.take() {
            self.backlog.push(Waiting::Gap);
        }
        self.push(Waiting::Shipment(Arc::clone(shipment)));
    }

    fn miss(&self) {
        if self.state() == State::Open {
            self.has_lost_newest.set(true);
            self.notify();
        }
    }

    fn is_numbered(&self, _: u32) -> bool {
        false // a stream publishes nothing
    }

    fn memberships(&self) -> &Memberships {
        &self.memberships
    }

    fn is_open(&self) -> bool {
        self.state() == State::Open
    }
}

/// What a client is told where something is missing.
fn gap(event: Event, reason: &'static str) -> Event {
    let data = Event::data(format!(r#"{{"reason":"{reason}"}}"#));
    event.event("gap").with_data_of(data)
}

fn slow_gap(is_chunked: bool) -> Option<Bytes> {
    let event = gap(Event::default(), "slow");
    Some(Piece::of_event(&event, None)?.bytes(is_chunked))
}

/// Only a large piece is worth a count of who shares it.
fn append(piece: Bytes, io: &mut Io<'_>) {
    match piece.len() < PIECE_BYTES_MIN {
        true => io.output.buffer().extend_from_slice(&piece),
        false => io.output.append(piece),
    }
}

const _: () = assert!(size_of::<Feed>() <= 120);
