//! What waits for one follower, and what becomes of one message too many.
//!
//! Always true here:
//! - What waits leaves in the order in which it came.
//! - No code of a user's runs while a cell is borrowed.
//!
//! Not here: how it is written (`websocket/link.rs`, `event_stream/feed.rs`).

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

/// What a message that waits costs beside its bytes, so that empty ones are no gift.
const PARCEL_BYTES: usize = 32;

/// Spare queues that one core keeps: for so many followers a message costs no allocation.
const SPARES_MAX: usize = 1024;
/// A queue that has grown beyond this is not kept.
const SPARE_PARCELS_MAX: usize = 16;

/// What happens to one message more for a client for whom as much waits as may: see
/// [`websocket::Options`](crate::websocket::Options::max_backpressure) and
/// [`event_stream::Options`](crate::event_stream::Options::max_backpressure).
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum SlowClient {
    /// It is dropped.
    #[default]
    DropNewest,
    /// The oldest ones that wait are dropped for it, as far as they are not on their way already.
    DropOldest,
    /// The client is let go: a socket is closed, with 1013, and a stream of events is cut off.
    Close,
}

/// Something that waits.
pub(crate) trait Parcel {
    /// Its bytes.
    fn len(&self) -> usize;

    /// What it counts.
    fn cost(&self) -> usize {
        PARCEL_BYTES + self.len()
    }
}

/// What waits, and how many bytes that is.
struct Queue<P> {
    parcels: VecDeque<P>,
    bytes: usize,
}

impl<P> Default for Queue<P> {
    fn default() -> Self {
        Self {
            parcels: VecDeque::new(),
            bytes: 0,
        }
    }
}

/// The spare queues of one core, all of them empty.
#[expect(
    clippy::vec_box,
    reason = "they move between here and followers as they are"
)]
pub(crate) struct Spares<P>(RefCell<Vec<Box<Queue<P>>>>);

impl<P> Default for Spares<P> {
    fn default() -> Self {
        Self(RefCell::default())
    }
}

impl<P> Spares<P> {
    fn take(&self) -> Box<Queue<P>> {
        self.0.borrow_mut().pop().unwrap_or_default()
    }

    fn keep(&self, queue: Box<Queue<P>>) {
        debug_assert!(queue.parcels.is_empty(), "only empty queues are kept");
        let mut spares = self.0.borrow_mut();
        if queue.parcels.capacity() <= SPARE_PARCELS_MAX && spares.len() < SPARES_MAX {
            spares.push(queue);
        }
    }
}

/// What waits for one follower: three words while that is nothing.
pub(crate) struct Backlog<P> {
    /// Taken out while it is changed; `None` is empty.
    queue: Cell<Option<Box<Queue<P>>>>,
    spares: Rc<Spares<P>>,
    /// Bytes that the connection was given and may not have sent yet.
    handed_bytes: Cell<usize>,
}

/// Whether there is room for one message more.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Room {
    /// There is.
    Made,
    /// There is none: the message is dropped.
    None,
    /// There is none, and there is to be no more: nothing waits now.
    Close,
}

impl<P: Parcel> Backlog<P> {
    pub(crate) fn new(spares: &Rc<Spares<P>>) -> Self {
        Self {
            queue: Cell::default(),
            spares: Rc::clone(spares),
            handed_bytes: Cell::new(0),
        }
    }

    /// Bytes that wait, here or at the connection.
    pub(crate) fn bytes(&self) -> usize {
        self.handed_bytes.get() + self.queued_bytes()
    }

    /// Bytes that wait here.
    pub(crate) fn queued_bytes(&self) -> usize {
        let queue = self.queue.take();
        let bytes = queue.as_ref().map_or(0, |queue| queue.bytes);
        self.queue.set(queue);
        bytes
    }

    /// Bytes that wait at the connection, as far as is known.
    pub(crate) fn handed_bytes(&self) -> usize {
        self.handed_bytes.get()
    }

    /// The connection was given so many bytes more.
    pub(crate) fn hand(&self, bytes: usize) {
        self.handed_bytes.set(self.handed_bytes.get() + bytes);
    }

    /// The connection has so many bytes still to send.
    pub(crate) fn set_handed(&self, bytes: usize) {
        self.handed_bytes.set(bytes);
    }

    pub(crate) fn push(&self, parcel: P) {
        let mut queue = self.queue.take().unwrap_or_else(|| self.spares.take());
        queue.bytes += parcel.cost();
        queue.parcels.push_back(parcel);
        self.queue.set(Some(queue));
    }

    /// Takes what has waited longest. An empty queue is the next one's that needs one.
    pub(crate) fn pop(&self) -> Option<P> {
        let mut queue = self.queue.take()?;
        let parcel = queue.parcels.pop_front();
        queue.bytes -= parcel.as_ref().map_or(0, P::cost);
        match queue.parcels.is_empty() {
            true => self.spares.keep(queue),
            false => self.queue.set(Some(queue)),
        }
        parcel
    }

    /// As much waits as may: does what is to be done then.
    #[cold]
    pub(crate) fn make_room(&self, policy: SlowClient, is_full: impl Fn() -> bool) -> Room {
        match policy {
            SlowClient::DropNewest => Room::None,
            SlowClient::DropOldest => {
                while is_full() && self.pop().is_some() {}
                match is_full() {
                    true => Room::None,
                    false => Room::Made,
                }
            }
            SlowClient::Close => {
                self.clear();
                Room::Close
            }
        }
    }

    /// Drops what waits here.
    pub(crate) fn clear(&self) {
        drop(self.queue.take());
    }
}
