//! The seam between a reactor and what moves its bytes: the kernel's ring, epoll, or a simulation.
//!
//! Always true here:
//! - Memory crosses the seam by value: lent with an [`Op`], given back with its [`Completion`].
//! - Every pushed operation completes, at least once, unless the ring is dropped first.
//! - Dropping a ring ends and joins what is in flight before any memory is freed.
//!
//! Not here: the drivers (`sys/`, `sim.rs`), what results mean (`completion.rs`).

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::ops::{Deref, DerefMut};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustix::io::Errno;

use crate::completion::Completion;
use crate::mailbox::Bell;
use crate::op::{Op, Room, Socket};
use crate::token::{Slot, Token};

/// What a ring does, whether the kernel is real or not.
pub trait Ring {
    /// Queues one operation under the name `token`.
    ///
    /// At most one [`Op::Send`] of a slot may be in flight, and no two operations may bear the same
    /// name at one time.
    ///
    /// # Panics
    ///
    /// If a send of this slot is already in flight, or the name is not of the operation's
    /// [kind](Op::kind): memory would be freed under the kernel.
    fn push(&mut self, op: Op, token: Token);

    /// Hands queued operations over and waits as `wait` says.
    ///
    /// A send that takes all it was given while it is handed over completes in this call; that may
    /// leave it waiting all the same. Who has to go on once something is sent must not wait.
    ///
    /// # Errors
    ///
    /// Only those after which the ring is of no more use.
    fn submit_and_wait(&mut self, wait: Wait) -> io::Result<()>;

    /// Hands queued operations over and looks for completions without sleeping, for `window` at
    /// most: whether there is something for [`submit_and_wait`](Self::submit_and_wait) to take,
    /// which is called next in any case. A ring without time to burn says no at once.
    ///
    /// # Errors
    ///
    /// Only those after which the ring is of no more use.
    fn spin(&mut self, window: Duration) -> io::Result<bool>;

    /// Whether the last wait has asked the kernel for everything that had come by then. If not, the
    /// next one does; until then a deadline may have passed although what it is for has come.
    fn has_looked(&self) -> bool;

    /// The completions that were there when the wait ended, then `None`: a turn is bounded.
    fn next_completion(&mut self) -> Option<Completion>;

    /// The bytes in a buffer that a completion brought.
    fn bytes(&mut self, buffer: &Buffer) -> Arrived<'_>;

    /// Gives a buffer back, to be filled again. Each buffer that came must go home, exactly once.
    ///
    /// # Panics
    ///
    /// If it is a buffer of another ring, as [`Ring::bytes`] does.
    fn recycle(&mut self, buffer: Buffer);

    /// Ends and joins everything in flight, staged operations too, before sockets that they name
    /// are closed: their numbers are soon somebody else's. Nothing is pushed after it.
    fn join(&mut self);

    /// Closes a socket, and forgets the slot whose connection it was; `None` of a connection that
    /// had none yet, of a listener, or after [`join`](Self::join). Nothing may be in flight on the
    /// socket, or bear the name of that slot.
    ///
    /// It is no operation: it would complete while it is submitted, and so end a wait for nothing.
    /// A [`Socket`] is a name that can be copied: one closed twice closes somebody else's.
    fn close(&mut self, socket: Socket, slot: Option<Slot>);

    /// Tells the peer that nothing more is sent; what was sent before still reaches it. If the
    /// connection has ended already, the next operation on it says so.
    ///
    /// It is no operation: io_uring has `shutdown(2)` carried out by a worker thread in any case,
    /// which takes several times as long, and fails where the process may have no more threads.
    fn finish_sending(&mut self, socket: Socket);

    /// Ends both directions of a connection: whatever waits on it completes, in one way or another.
    fn shut_down(&mut self, socket: Socket);

    /// How many of the bytes that were sent on a connection its peer has not taken yet: its kernel
    /// has not acknowledged them, or, of a Unix socket, it has not read them (in a unit of the
    /// kernel's own). `None` where the kernel cannot tell.
    fn unacknowledged(&self, socket: Socket) -> Option<u64>;

    /// Has the close of a connection reset it: what the kernel holds of it is dropped then, and not
    /// kept for a peer that does not take it.
    fn reset_when_closed(&mut self, socket: Socket);

    /// Takes and drops what has arrived on a socket and was not received, a bounded amount, without
    /// waiting: a close with bytes unread resets the peer.
    fn discard(&mut self, socket: Socket);

    /// Takes one more connection from a listener without waiting: for draining its queue. `None` if
    /// none waits there.
    ///
    /// # Errors
    ///
    /// If one may wait and cannot be taken now: above all `EMFILE`.
    fn accept_now(&mut self, listener: Socket) -> Result<Option<Socket>, Errno>;

    /// Lets a listener answer no new connection attempts, while those under way still arrive.
    fn refuse_new(&mut self, listener: Socket);

    /// Where other threads ring when they have something for this core.
    fn bell(&self) -> Bell;

    /// What this ring is, and what it has done so far.
    fn facts(&self) -> RingFacts;

    /// The address of one end of a connection, looked up when asked.
    ///
    /// # Errors
    ///
    /// As `getpeername(2)` and `getsockname(2)`, but that the peer of a TCP connection is known
    /// also once it has reset the connection.
    fn address(socket: Socket, end: End) -> io::Result<Address>
    where
        Self: Sized;
}

/// How long to wait for a completion.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Wait {
    /// Takes what is there and returns.
    NotAtAll,
    /// Until one is there, or this time has passed. Sends that took all at once may not count.
    AtMost(Duration),
    /// Until one is there.
    ForEver,
}

impl Wait {
    /// Whether it may sleep.
    pub fn sleeps(self) -> bool {
        self != Self::NotAtAll
    }

    /// What is left of it after some time.
    #[must_use]
    pub fn less(self, time: Duration) -> Self {
        match self {
            Self::AtMost(whole) => Self::AtMost(whole.saturating_sub(time)),
            Self::NotAtAll | Self::ForEver => self,
        }
    }
}

/// A buffer of the ring that holds received bytes. Give it back by [`Ring::recycle`].
#[derive(Debug, Eq, PartialEq)]
#[must_use = "a buffer that does not go home is lost to every connection of this core"]
pub struct Buffer {
    /// Which ring it is of: see [`next_ring`].
    pub(crate) ring: u64,
    pub(crate) id: u16,
    pub(crate) len: u32,
}

/// Bytes that were received, where they lie. What is written there is gone with them.
#[derive(Debug)]
pub enum Arrived<'a> {
    /// Within memory that holds other buffers too, as small ones are.
    Part(&'a mut [u8]),
    /// In memory of their own, as large ones are. It may be taken away, for good: the ring makes
    /// other memory for this buffer when it comes home.
    Whole(&'a mut Vec<u8>),
}

impl Deref for Arrived<'_> {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        match self {
            Self::Part(bytes) => bytes,
            Self::Whole(bytes) => bytes,
        }
    }
}

impl DerefMut for Arrived<'_> {
    #[inline]
    fn deref_mut(&mut self) -> &mut [u8] {
        match self {
            Self::Part(bytes) => bytes,
            Self::Whole(bytes) => bytes,
        }
    }
}

impl<'a> From<&'a mut [u8]> for Arrived<'a> {
    fn from(bytes: &'a mut [u8]) -> Self {
        Self::Part(bytes)
    }
}

/// The numbers of large buffers begin here; of small ones there are at most as many.
pub(crate) const LARGE_FROM: u16 = 1 << 15;

impl Buffer {
    /// Which of the ring's buffers it is one of, and its number among them.
    pub(crate) fn place(&self) -> (Room, usize) {
        room_of(self.id)
    }
}

/// Which buffers a number is of, and its place among them.
pub(crate) fn room_of(id: u16) -> (Room, usize) {
    match id.checked_sub(LARGE_FROM) {
        Some(place) => (Room::Large, usize::from(place)),
        None => (Room::Small, usize::from(id)),
    }
}

/// A number that no other ring of this process has, to tell buffers apart.
pub(crate) fn next_ring() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// Which end of a connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum End {
    /// The other side.
    Peer,
    /// Ours.
    Local,
}

/// Where one end of a connection is.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Address {
    /// TCP over IPv4 or IPv6.
    Tcp(SocketAddr),
    /// A Unix socket: its path, or nothing where it has none (as most clients).
    Unix(Option<PathBuf>),
}

/// As it is written in logs: `192.0.2.1:80`, `[::1]:80`, `unix:/run/socket`, or `unix:`.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(Some(path)) => write!(f, "unix:{}", path.display()),
            Self::Unix(None) => f.write_str("unix:"),
        }
    }
}

/// What a ring is, and what it has done so far.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct RingFacts {
    /// `uring`, `epoll` or `simulation`.
    pub driver: &'static str,
    /// Calls into the kernel that submit or wait (`io_uring_enter`, or `epoll_wait`).
    pub enters: u64,
    /// Completions taken.
    pub completions: u64,
    /// Buffers that are with us and have to go home.
    pub buffers_lent: u32,
    /// Times the queue of submissions was full and had to be handed over early.
    pub submissions_full: u64,
    /// Times the kernel had to keep completions back because their queue was full.
    pub completions_overflowed: u64,
}
