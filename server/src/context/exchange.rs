//! What passes between a suspended handler and its connection: body bytes in, answer bytes out.
//!
//! A handler borrows nothing of its connection. It leaves what it wants here; the conversation
//! looks after each poll, and the connection's waker is used if nobody is looking at the time.
//!
//! Always true here:
//! - Each direction holds a window's worth of bytes, plus the last piece that was put there.
//! - No waker is woken or dropped while a cell is borrowed.
//!
//! Not here: the handles that users hold (`body.rs`, `stream.rs`).

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::task::Waker;

use bytes::{Bytes, BytesMut};
use ringlane_protocol::{BodyError, Framing};
use ringlane_reactor::clock::Instant;
use ringlane_reactor::{Address, ConnectionWaker, End, Socket, contain, drop_caught, local};

use crate::conversation::Ends;

use crate::coding::{Coding, Decoder, Encoder};
use crate::event_stream::Pulse;

/// Bytes that wait in either direction before the one who brings more has to wait.
pub(crate) const WINDOW_BYTES: usize = 64 * 1024;
/// A buffer for body bytes that has grown beyond this is not kept for the next request.
const ARRIVED_KEPT_MAX: usize = 16 * 1024;

#[derive(Default)]
pub(crate) struct Exchange {
    link: Cell<Option<Link>>,
    /// What a proxy told about the connection, if one did.
    ends: RefCell<Option<Rc<Ends>>>,
    /// The ends of a connection that is gone, for a chain that goes on without it.
    last_ends: RefCell<Option<Rc<Ends>>>,
    /// The conversation is looking, or will look before it sleeps: no need to wake it.
    attended: Cell<bool>,
    pub(crate) upload: Upload,
    pub(crate) download: Download,
}

/// The connection of a live request.
#[derive(Clone, Copy)]
pub(crate) struct Link {
    pub(crate) waker: ConnectionWaker,
    pub(crate) socket: Socket,
}

impl Exchange {
    #[inline]
    pub(crate) fn open(&self, link: Link) {
        self.link.set(Some(link));
        self.attended.set(true);
    }

    /// What wakes the connection, while there is one.
    pub(crate) fn waker(&self) -> Option<ConnectionWaker> {
        self.link.get().map(|link| link.waker)
    }

    /// Has the connection's ends be those that a proxy told.
    pub(crate) fn tell_ends(&self, ends: Rc<Ends>) {
        self.ends.replace(Some(ends));
    }

    /// The address of one end of the connection, while there is one, and for what outlives it.
    pub(crate) fn address(&self, end: End) -> Option<Address> {
        let told = match self.link.get() {
            Some(_) => self.ends.borrow(),
            None => self.last_ends.borrow(),
        };
        match (told.as_deref(), end) {
            (Some(ends), End::Peer) => Some(ends.peer.clone()),
            (Some(ends), End::Local) => Some(ends.local.clone()),
            (None, end) => local::address(self.link.get()?.socket, end).ok(),
        }
    }

    /// Keeps the connection's ends for a chain that goes on when it is closed.
    pub(crate) fn keep_ends(&self) {
        let (peer, local) = (self.address(End::Peer), self.address(End::Local));
        if let (Some(peer), Some(local)) = (peer, local) {
            self.last_ends.replace(Some(Rc::new(Ends { peer, local })));
        }
    }

    /// Says whether the conversation will look at what is left here without being woken.
    pub(crate) fn attend(&self, attended: bool) {
        self.attended.set(attended);
    }

    /// Has the conversation look here.
    pub(crate) fn notify(&self) {
        if let Some(link) = self.link.get().filter(|_| !self.attended.get()) {
            link.waker.wake();
        }
    }

    /// The request is over, or its client has gone: whoever waits here is told.
    pub(crate) fn close(&self) {
        self.link.set(None);
        self.upload.fail(UploadFailure::Gone);
        self.download.close();
        self.upload.wake_reader(Waker::noop());
        self.download.wake_sender(Waker::noop());
    }

    pub(crate) fn reset(&mut self) {
        let Self {
            link,
            ends,
            last_ends,
            attended,
            upload,
            download,
        } = self;
        link.set(None);
        *ends.get_mut() = None;
        *last_ends.get_mut() = None;
        attended.set(false);
        upload.reset();
        download.reset();
    }
}

/// The request's body on its way to the handler.
#[derive(Default)]
pub(crate) struct Upload {
    pub(crate) state: Cell<UploadState>,
    /// The length that the head declared.
    pub(crate) declared: Cell<Option<u64>>,
    /// How long the body is at least, as the sizes of its chunks say.
    pub(crate) announced: Cell<u64>,
    /// How much of it may be read.
    pub(crate) limit: Cell<u64>,
    /// How much of it was read.
    pub(crate) read: Cell<u64>,
    /// How many bytes may wait in `arrived`.
    pub(crate) window: Cell<usize>,
    /// The handler has asked for the body.
    pub(crate) wanted: Cell<bool>,
    pub(crate) arrived: RefCell<BytesMut>,
    /// Stands between `arrived` and the handler, if the body is encoded and a layer says so.
    pub(crate) decoder: RefCell<Option<Box<Decoder>>>,
    reader: Cell<Option<Waker>>,
    /// Counts those who have waited; the last of them is `reader`.
    readers: Cell<u32>,
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum UploadState {
    /// There is no body.
    #[default]
    Absent,
    /// More is to come.
    Open,
    /// All of it has arrived.
    Ended,
    Failed(UploadFailure),
}

/// Why no more of a body comes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum UploadFailure {
    /// The client finished, or left, before the body's end; or the request is over.
    Gone,
    Malformed(BodyError),
    /// It is not in the content coding that it was said to be in.
    Undecodable(Coding),
    /// Decoded, it is too many times as long as it came.
    Expansive,
    TooLarge,
    TooSlow,
}

impl Upload {
    pub(crate) fn begin(&self, framing: Framing, limit: u64) {
        let (state, declared) = match framing {
            Framing::None | Framing::Length(0) => (UploadState::Absent, None),
            Framing::Length(length) => (UploadState::Open, Some(length)),
            Framing::Chunked => (UploadState::Open, None),
        };
        self.state.set(state);
        self.declared.set(declared);
        self.window.set(WINDOW_BYTES);
        self.limit.set(limit);
    }

    /// How many more bytes may be put here now.
    pub(crate) fn room(&self) -> usize {
        match self.state.get() {
            UploadState::Open => {
                let waiting = self.arrived.borrow().len();
                self.window.get().saturating_sub(waiting)
            }
            UploadState::Absent | UploadState::Ended | UploadState::Failed(_) => 0,
        }
    }

    pub(crate) fn put(&self, bytes: &[u8]) {
        self.arrived.borrow_mut().extend_from_slice(bytes);
    }

    /// Copies nothing if nothing waits.
    pub(crate) fn put_whole(&self, bytes: BytesMut) {
        self.arrived.borrow_mut().unsplit(bytes);
    }

    /// Takes what has arrived.
    pub(crate) fn take(&self) -> Bytes {
        let mut arrived = self.arrived.borrow_mut();
        let all = match arrived.len() > ARRIVED_KEPT_MAX {
            true => std::mem::take(&mut *arrived), // lets go of the memory, too
            false => arrived.split(),
        };
        all.freeze()
    }

    /// Notes how long the body is at least. Gives true if that is news, and beyond the limit.
    pub(crate) fn announce(&self, bytes: u64) -> bool {
        let is_news = bytes > self.announced.get() && bytes > self.limit.get();
        self.announced.set(bytes);
        is_news
    }

    pub(crate) fn end(&self) {
        self.state.set(UploadState::Ended);
    }

    pub(crate) fn fail(&self, failure: UploadFailure) {
        if self.state.get() == UploadState::Open {
            self.state.set(UploadState::Failed(failure));
        }
    }

    /// Has `waker` woken when there is something new. Gives a number to stop waiting by.
    pub(crate) fn wait(&self, waker: &Waker) -> u32 {
        let old = self.reader.replace(Some(waker.clone()));
        drop(old);
        self.readers.set(self.readers.get().wrapping_add(1));
        self.readers.get()
    }

    /// The reader of that number does not wait any more. False if it was not waiting.
    pub(crate) fn stop_waiting(&self, reader: u32) -> bool {
        if reader != self.readers.get() {
            return false; // another has taken its place
        }
        let waker = self.reader.take();
        waker.is_some()
    }

    /// Whether a handler waits for the client to send more.
    pub(crate) fn is_awaited(&self) -> bool {
        let reader = self.reader.take();
        let is_awaited = reader.is_some() && self.state.get() == UploadState::Open;
        self.reader.set(reader);
        is_awaited
    }

    /// Has the reader look again. Gives true if that is the caller, whose waker is `own`.
    pub(crate) fn wake_reader(&self, own: &Waker) -> bool {
        wake_other(self.reader.take(), own)
    }

    fn reset(&mut self) {
        let Self {
            state,
            declared,
            announced,
            limit,
            read,
            window,
            wanted,
            arrived,
            decoder,
            reader,
            readers: _, // only told apart
        } = self;
        if state.replace(UploadState::Absent) == UploadState::Absent {
            wanted.set(false);
            return; // nothing else was touched
        }
        declared.set(None);
        announced.set(0);
        limit.set(0);
        read.set(0);
        window.set(0);
        wanted.set(false);
        let arrived = arrived.get_mut();
        arrived.clear();
        if arrived.capacity() > ARRIVED_KEPT_MAX {
            *arrived = BytesMut::new();
        }
        *decoder.get_mut() = None;
        drop_caught(reader.take());
    }
}

/// Wakes whoever waits, unless that is the caller itself; then gives true.
fn wake_other(waiting: Option<Waker>, own: &Waker) -> bool {
    let Some(waker) = waiting else { return false };
    if waker.will_wake(own) {
        return true;
    }
    let _ = contain(|| waker.wake()); // it may be a user's
    false
}

/// The answer's body on its way to the client, if it is streamed.
#[derive(Default)]
pub(crate) struct Download {
    pub(crate) state: Cell<DownloadState>,
    /// Apart: most answers are whole.
    flow: OnceCell<Box<Flow>>,
}

/// What an answer has more if it is streamed.
#[derive(Default)]
pub(crate) struct Flow {
    /// How long the body will be, if that was said.
    pub(crate) length: Cell<Option<u64>>,
    /// How much of it was put here.
    put: Cell<u64>,
    queue: RefCell<VecDeque<Bytes>>,
    queued_bytes: Cell<usize>,
    /// Stands between the queue and the connection, if the body is sent in a content coding.
    pub(crate) encoder: RefCell<Option<Encoder>>,
    /// The clocks of a stream of events.
    pub(crate) pulse: Cell<Option<Pulse>>,
    sender: Cell<Option<Waker>>,
    /// Waits for the end.
    watcher: Cell<Option<Waker>>,
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum DownloadState {
    /// The answer is whole.
    #[default]
    Unused,
    /// There is none: the connection becomes something else when the head is sent.
    Upgraded,
    /// More is to come.
    Open,
    /// All of it was said.
    Finished,
    /// The stream was dropped before it was finished. If its handler ends well, so did the stream.
    Dropped,
    /// Nothing more can be sent.
    Closed,
}

impl Download {
    /// For streams alone: there is none before one asks.
    pub(crate) fn flow(&self) -> &Flow {
        self.flow.get_or_init(Box::default)
    }

    pub(crate) fn has_room(&self) -> bool {
        let queued = self.flow.get().map_or(0, |flow| flow.queued_bytes.get());
        queued < WINDOW_BYTES
    }

    pub(crate) fn is_coded(&self) -> bool {
        let flow = self.flow.get();
        flow.is_some_and(|flow| flow.encoder.borrow().is_some())
    }

    pub(crate) fn put(&self, bytes: Bytes) {
        let flow = self.flow();
        flow.put.set(flow.put.get() + bytes.len() as u64);
        flow.queued_bytes.set(flow.queued_bytes.get() + bytes.len());
        flow.queue.borrow_mut().push_back(bytes);
    }

    /// How much is still to be put here, if the length was said.
    pub(crate) fn left(&self) -> Option<u64> {
        let flow = self.flow.get()?;
        Some(flow.length.get()?.saturating_sub(flow.put.get()))
    }

    /// Takes the next piece.
    pub(crate) fn take(&self) -> Option<Bytes> {
        let flow = self.flow.get()?;
        let bytes = flow.queue.borrow_mut().pop_front()?;
        flow.queued_bytes.set(flow.queued_bytes.get() - bytes.len());
        Some(bytes)
    }

    /// Takes the next piece, or as much of it.
    pub(crate) fn take_up_to(&self, most: usize) -> Option<Bytes> {
        let mut bytes = self.take()?;
        if bytes.len() > most {
            let rest = bytes.split_off(most);
            let flow = self.flow();
            flow.queued_bytes.set(flow.queued_bytes.get() + rest.len());
            flow.queue.borrow_mut().push_front(rest);
        }
        Some(bytes)
    }

    pub(crate) fn is_empty(&self) -> bool {
        let flow = self.flow.get();
        flow.is_none_or(|flow| flow.queue.borrow().is_empty())
    }

    /// Has `waker` woken when there is room again.
    pub(crate) fn wait(&self, waker: &Waker) {
        let old = self.flow().sender.replace(Some(waker.clone()));
        drop(old);
    }

    /// Has `waker` woken when nothing more can be sent.
    pub(crate) fn watch(&self, waker: &Waker) {
        let old = self.flow().watcher.replace(Some(waker.clone()));
        drop(old);
    }

    /// Has whoever waits for the end look again.
    fn wake_watcher(&self) {
        let watcher = self.flow.get().and_then(|flow| flow.watcher.take());
        wake_other(watcher, Waker::noop());
    }

    /// Ends a stream in good order, whatever its sender would still send.
    pub(crate) fn finish(&self) {
        if self.state.get() == DownloadState::Open {
            self.state.set(DownloadState::Finished);
            self.flow().pulse.set(None);
            self.wake_sender(Waker::noop());
            self.wake_watcher();
        }
    }

    /// When a stream of events is to be looked after.
    pub(crate) fn pulse_deadline(&self) -> Instant {
        let deadline = self.with_pulse(|pulse| pulse.deadline());
        deadline.unwrap_or(Instant::NEVER)
    }

    /// Changes the clocks, if it is a stream of events.
    pub(crate) fn with_pulse<T>(&self, change: impl FnOnce(&mut Pulse) -> T) -> Option<T> {
        let clocks = &self.flow.get()?.pulse;
        let mut pulse = clocks.get()?;
        let result = change(&mut pulse);
        clocks.set(Some(pulse));
        Some(result)
    }

    /// Nothing more can be sent.
    pub(crate) fn close(&self) {
        if self.state.get() == DownloadState::Unused {
            return;
        }
        self.state.set(DownloadState::Closed);
        self.wake_watcher();
        self.clear();
        if let Some(flow) = self.flow.get() {
            flow.encoder.replace(None);
        }
    }

    /// Drops what waits: piece by piece, for each may have an owner of a user's.
    fn clear(&self) {
        while let Some(bytes) = self.take() {
            drop_caught(bytes);
        }
    }

    /// Has the sender look again. Gives true if that is the caller, whose waker is `own`.
    pub(crate) fn wake_sender(&self, own: &Waker) -> bool {
        let sender = self.flow.get().and_then(|flow| flow.sender.take());
        wake_other(sender, own)
    }

    fn reset(&mut self) {
        let Self { state, flow } = self;
        if state.replace(DownloadState::Unused) == DownloadState::Unused {
            return; // nothing else was touched
        }
        if let Some(mut flow) = flow.take() {
            for bytes in flow.queue.get_mut().drain(..) {
                drop_caught(bytes);
            }
            drop_caught(flow.sender.take());
            drop_caught(flow.watcher.take());
        }
    }
}
