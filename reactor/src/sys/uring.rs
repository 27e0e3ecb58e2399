//! The real ring: `io_uring`, with multishot receive and a ring of buffers.
//!
//! Always true here:
//! - Memory lent to the kernel is held in `lent` until the last completion of its operation.
//! - A ring that is dropped first cancels and joins what is in flight; if the kernel does not let
//!   go in time, the memory is leaked rather than freed under it.
//! - An operation that finds the queue full is parked, in order, never lost.
//!
//! Not here: which flags the ring is made with and why (`rungs.rs`), how sends are described and
//! when they are over (`uring/sends.rs`), what results mean.

use std::collections::VecDeque;
use std::hint;
use std::io;
use std::mem::ManuallyDrop;
use std::os::fd::AsRawFd;
use std::ptr::null_mut;
use std::time::Duration;

use io_uring::types::{CancelBuilder, Fd, Timespec};
use io_uring::{IoUring, cqueue, opcode, squeue};
use rustix::io::Errno;

use crate::clock;
use crate::completion::{Completion, Loan};
use crate::mailbox::Bell;
use crate::op::{Op, Room, Socket};
use crate::ring::{Address, Arrived, Buffer, End, Ring, RingFacts, Wait};
use crate::sys::buffers::{Buffers, LARGE, SMALL};
use crate::sys::entrance::Entrance;
use crate::sys::socket;
use crate::token::{OpKind, Slot, Token};

mod sends;

use sends::Sends;

/// How long a ring that is dropped waits for the kernel to let go of its memory.
const JOIN_TIMEOUT: Duration = Duration::from_secs(5);

/// `io_uring`, owned by one thread.
pub struct Uring {
    /// Closed by hand in `drop`, before the memory below it can be freed.
    ring: ManuallyDrop<IoUring>,
    buffers: ManuallyDrop<Buffers>,
    lent: ManuallyDrop<Lent>,
    bell: Bell,
    /// Entries that found the submission queue full.
    parked: VecDeque<squeue::Entry>,
    entrance: Entrance,
    /// The last call into the kernel has left submissions over.
    is_behind: bool,
    /// It has put off what leads to more completions: since 6.13 a call does not run all of that.
    has_more: bool,
    batch: Vec<cqueue::Entry>,
    batch_at: usize,
    in_flight: usize,
    facts: RingFacts,
    join_began: Option<std::time::Instant>,
}

/// What the kernel may be reading or writing.
#[derive(Default)]
struct Lent {
    sends: Sends,
    /// Where the bell's count is read to.
    bell_count: Box<u64>,
}

impl Uring {
    /// Completes a ring that was just made on this thread: buffers, bell, bookkeeping.
    pub(crate) fn new(ring: IoUring, buffers: Buffers) -> io::Result<Self> {
        let batch = Vec::with_capacity(ring.params().cq_entries() as usize);
        let bell = Bell::event()?;
        let entrance = Entrance::new(ring.as_raw_fd(), ring.params().is_feature_no_iowait());
        let new = Self {
            ring: ManuallyDrop::new(ring),
            buffers: ManuallyDrop::new(buffers),
            lent: ManuallyDrop::default(),
            bell,
            parked: VecDeque::new(),
            entrance,
            is_behind: false,
            has_more: false,
            batch,
            batch_at: 0,
            in_flight: 0,
            facts: RingFacts {
                driver: "uring",
                ..RingFacts::default()
            },
            join_began: None,
        };
        // Only now: if it fails, `drop` closes the ring before it frees what was registered.
        new.buffers.register(&new.ring.submitter())?;
        Ok(new)
    }

    pub(crate) fn buffers_mut(&mut self) -> &mut Buffers {
        &mut self.buffers
    }

    /// Describes an operation that lends nothing, but for the bell's word.
    #[inline(never)]
    fn push_other(&mut self, op: &Op, token: Token) {
        let fd = |socket: Socket| Fd(socket.raw());
        let entry = match *op {
            Op::Send { .. } => unreachable!("a send lends memory"),
            // No SOCK_NONBLOCK: on such a socket an operation fails instead of waiting.
            Op::Accept { listener } => opcode::Accept::new(fd(listener), null_mut(), null_mut())
                .flags(libc::SOCK_CLOEXEC)
                .build(),
            Op::Receive { socket, room } => {
                let group = match room {
                    Room::Small => SMALL,
                    Room::Large => LARGE,
                };
                opcode::RecvMulti::new(fd(socket), group).build()
            }
            Op::HangUp { socket } => {
                let events = (libc::POLLRDHUP | libc::POLLHUP | libc::POLLERR) as u32;
                opcode::PollAdd::new(fd(socket), events).build()
            }
            Op::Cancel { target } => opcode::AsyncCancel::new(target.pack()).build(),
            Op::Notice => {
                let count = (&raw mut *self.lent.bell_count).cast();
                let bell = self.bell.descriptor().map_or(-1, |fd| fd.as_raw_fd());
                opcode::Read::new(Fd(bell), count, size_of::<u64>() as u32).build()
            }
        };
        self.push_entry(&entry.user_data(token.pack()));
    }

    #[inline]
    fn push_entry(&mut self, entry: &squeue::Entry) {
        self.in_flight += 1;
        if !self.parked.is_empty() || !self.try_push(entry) {
            self.parked.push_back(entry.clone());
            self.facts.submissions_full += 1;
            // Should this fail, what is parked goes with the next wait.
            let _ = self.enter(Wait::NotAtAll);
        }
    }

    #[inline]
    fn try_push(&mut self, entry: &squeue::Entry) -> bool {
        // SAFETY: all memory that the entry points to is held in `self.lent` or `self.bell` until
        // its completion, and `drop` joins the kernel before it frees either. A quiet send may not
        // wait (`MSG_DONTWAIT`): the kernel carries it out within the call that submits it, and its
        // memory is given back after that call only (`settle_quiet`). The bell's word is
        // lent to one read at a time: only `Op::Notice` names it, pushed again when it completed.
        unsafe { self.ring.submission().push(entry).is_ok() }
    }

    fn unpark(&mut self) {
        while let Some(entry) = self.parked.pop_front() {
            if !self.try_push(&entry) {
                self.parked.push_front(entry);
                return;
            }
        }
    }

    /// One call into the kernel. Its temporary troubles are not errors: what could not be done is
    /// done by the next call.
    fn enter(&mut self, wait: Wait) -> io::Result<()> {
        self.unpark();
        self.buffers.publish();
        let mut submission = self.ring.submission();
        let (nothing_new, flags_set) = (
            submission.is_empty(),
            submission.taskrun() || submission.cq_overflow(),
        );
        submission.sync();
        let count = submission.len() as u32;
        if submission.cq_overflow() {
            self.facts.completions_overflowed += 1;
        }
        drop(submission);
        if !wait.sleeps() && nothing_new && !flags_set {
            return Ok(());
        }
        self.facts.enters += 1;
        match self.entrance.enter(count, wait) {
            Ok(()) => Ok(()),
            Err(error) if is_temporary(&error) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Whether there are completions, or the kernel has put off what leads to some.
    fn has_news(&mut self) -> bool {
        !self.ring.completion().is_empty() || {
            let submission = self.ring.submission();
            submission.taskrun() || submission.cq_overflow()
        }
    }

    /// Copies what has completed: one store tells the kernel that all of it was taken.
    fn take_batch(&mut self) {
        if self.batch_at == self.batch.len() {
            self.batch.clear();
            self.batch_at = 0;
        }
        for entry in self.ring.completion() {
            if let Some(token) = Token::unpack(entry.user_data())
                && token.kind == OpKind::Send
            {
                self.lent.sends.note_completion(token.slot);
            }
            self.batch.push(entry);
        }
    }

    /// Finds the quiet sends that took all: those that were submitted and have not told.
    fn settle_quiet(&mut self) -> io::Result<()> {
        let mut submission = self.ring.submission();
        self.is_behind = !submission.is_empty() || !self.parked.is_empty();
        while submission.cq_overflow() {
            drop(submission);
            self.enter(Wait::NotAtAll)?; // what they tell may be among what was kept back
            self.take_batch();
            submission = self.ring.submission();
        }
        self.has_more = submission.taskrun();
        drop(submission);
        // The kernel says `EBADR` of it later, if at all.
        if self.ring.completion().overflow() != 0 {
            return Err(io::Error::from_raw_os_error(libc::EBADR));
        }
        if !self.is_behind {
            self.lent.sends.settle();
        } // else memory was short: some of them may not be submitted yet
        Ok(())
    }

    /// Ends everything that is in flight and waits for it; `false` if the kernel holds on to it.
    fn end_all(&mut self) -> bool {
        // Once for all: a kernel that held on to it the first time is not waited for again.
        let started = *self.join_began.get_or_insert_with(std::time::Instant::now);
        while self.in_flight > 0 {
            let _ = self.enter(Wait::NotAtAll); // what is not submitted cannot be cancelled
            let _ = self.ring.submitter().register_sync_cancel(
                Some(Timespec::new().nsec(100_000_000)),
                CancelBuilder::any().all(),
            );
            let _ = self.enter(Wait::AtMost(Duration::from_millis(1)));
            self.take_batch();
            let _ = self.settle_quiet();
            while let Some(completion) = self.next_completion() {
                if completion.token.kind == OpKind::Accept && completion.result >= 0 {
                    // A connection that came too late for anybody to ask for it.
                    drop(socket::own(Socket::from_raw(completion.result)));
                }
            }
            if started.elapsed() > JOIN_TIMEOUT {
                return false;
            }
        }
        true
    }
}

impl Ring for Uring {
    #[inline(always)]
    fn push(&mut self, op: Op, token: Token) {
        // What a completion gives back is found by its name alone.
        assert!(op.kind() == token.kind, "a name of another kind");
        match op {
            Op::Send { socket, bytes } => {
                let entry = self.lent.sends.describe(socket, bytes, token);
                self.push_entry(&entry);
            }
            op => self.push_other(&op, token),
        }
    }

    fn submit_and_wait(&mut self, wait: Wait) -> io::Result<()> {
        let wait = match self.is_behind {
            true => Wait::NotAtAll,
            false => wait,
        };
        self.enter(wait)?;
        self.take_batch();
        self.settle_quiet()?;
        self.facts.buffers_lent = self.buffers.lent();
        Ok(())
    }

    fn spin(&mut self, window: Duration) -> io::Result<bool> {
        if self.is_behind {
            return Ok(true);
        }
        let began = clock::now();
        self.enter(Wait::NotAtAll)?;
        while !self.has_news() {
            if began.elapsed() >= window {
                return Ok(false);
            }
            hint::spin_loop();
        }
        Ok(true)
    }

    #[inline]
    fn has_looked(&self) -> bool {
        !self.has_more
    }

    #[inline]
    fn next_completion(&mut self) -> Option<Completion> {
        if let Some(completion) = self.lent.sends.next_done() {
            self.in_flight -= 1;
            return Some(completion);
        }
        loop {
            let entry = self.batch.get(self.batch_at)?;
            self.batch_at += 1;
            self.facts.completions += 1;
            let (flags, result) = (entry.flags(), entry.result());
            let more = cqueue::more(flags);
            if !more {
                self.in_flight -= 1;
            }
            let Some(token) = Token::unpack(entry.user_data()) else {
                debug_assert!(false, "a completion that bears no name of ours");
                continue;
            };
            let loan = match cqueue::buffer_select(flags) {
                Some(id) => Loan::Buffer(self.buffers.take(id, result.max(0) as u32)),
                None if token.kind == OpKind::Send => self.lent.sends.end(token.slot, result),
                None => Loan::Nothing,
            };
            return Some(Completion {
                token,
                result,
                more,
                loan,
            });
        }
    }

    #[inline]
    fn bytes(&mut self, buffer: &Buffer) -> Arrived<'_> {
        self.buffers.bytes(buffer)
    }

    #[inline]
    fn recycle(&mut self, buffer: Buffer) {
        self.buffers.recycle(buffer);
    }

    fn join(&mut self) {
        self.end_all();
    }

    fn close(&mut self, socket: Socket, _slot: Option<Slot>) {
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
        socket::accept_now(listener, false)
    }

    fn refuse_new(&mut self, listener: Socket) {
        socket::refuse_new(listener);
    }

    fn bell(&self) -> Bell {
        self.bell.clone()
    }

    fn facts(&self) -> RingFacts {
        RingFacts {
            buffers_lent: self.buffers.lent(),
            ..self.facts
        }
    }

    fn address(socket: Socket, end: End) -> io::Result<Address> {
        socket::address(socket, end)
    }
}

/// Whether a call into the kernel that failed so is simply made again later.
///
/// Not so `EBADR`: completions were dropped, among them perhaps the one of a quiet send that did
/// not take all. It would count as sent, so the ring is of no more use.
fn is_temporary(error: &io::Error) -> bool {
    // Time passed; a signal came; too many completions wait to be taken (we do so next); memory is
    // short for the moment.
    matches!(
        error.raw_os_error(),
        Some(libc::ETIME | libc::EINTR | libc::EBUSY | libc::EAGAIN | libc::ENOMEM)
    )
}

impl Drop for Uring {
    fn drop(&mut self) {
        let joined = self.end_all();
        self.entrance.close();
        // SAFETY: `drop` runs once and none of the three is used after it. The ring goes first:
        // the kernel then cannot begin anything. The memory is freed only if nothing was in flight
        // any more, so the kernel has no address into it.
        unsafe {
            ManuallyDrop::drop(&mut self.ring);
            if joined {
                ManuallyDrop::drop(&mut self.lent);
                ManuallyDrop::drop(&mut self.buffers);
            }
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
