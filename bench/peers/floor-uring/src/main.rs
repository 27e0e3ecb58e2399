//! The floor by io_uring: one thread, one ring, one `io_uring_enter` per turn.
//!
//! Multishot accept, multishot receive into provided buffers, and one send per connection and turn.
//! Nothing is parsed: a blank line is a request, and the answer is canned.
//!
//! A send is told not to wait, to send all or fail, and to complete silently when it succeeds. The
//! kernel carries it out while it takes the submission, so that after the call either all of it is
//! on its way and nothing needs to be read, or a completion says what is left. A turn therefore
//! waits for requests only; no send's completion wakes it for nothing.
//!
//! Always true here: between two turns the kernel holds no byte of an answer.
//!
//! Not here: limits, timeouts, and anything that a server for strangers needs. What else was tried
//! and why it was not kept is in `bench/README.md`.

mod buffers;

use std::io;
use std::net::TcpListener;
use std::os::fd::AsRawFd;

use bench_peers_common::{Answers, Debt, Terminators, announce, listen, port};
use io_uring::squeue::{self, Flags, SubmissionQueue};
use io_uring::types::{Fd, SubmitArgs};
use io_uring::{CompletionQueue, IoUring, Submitter, cqueue, opcode};

use crate::buffers::{Buffers, GROUP};

const SUBMISSIONS: u32 = 4096;
const COMPLETIONS: u32 = 16 * 1024;

/// How long a turn waits for more requests when one is there, unless the command line says.
const GATHER_MICROSECONDS: u32 = 50;

/// The part of the active connections that a turn waits for at most, as a divisor.
const GATHER_PART: u32 = 4;

/// `io_uring_enter`: wait for completions, running what the kernel deferred for us.
const GETEVENTS: u32 = 1;

/// `io_uring_enter`: the argument is the structure that also holds timeouts.
const EXTENDED_ARGUMENT: u32 = 1 << 3;

/// What a completion is about: the upper half of its user data. The lower half is the descriptor.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u32)]
enum Kind {
    Accept,
    Close,
    Receive,
    Send,
    Writable,
}

impl Kind {
    fn token(self, descriptor: i32) -> u64 {
        u64::from(self as u32) << 32 | u64::from(descriptor as u32)
    }

    fn of(token: u64) -> (Self, i32) {
        let kinds = [
            Self::Accept,
            Self::Close,
            Self::Receive,
            Self::Send,
            Self::Writable,
        ];
        (kinds[(token >> 32) as usize], token as u32 as i32)
    }
}

/// One connection, found by its descriptor.
#[derive(Clone, Copy, Default)]
struct Connection {
    terminators: Terminators,
    /// Answers that are not on their way.
    debt: Debt,
    /// What the last send was to take.
    staged: Debt,
    /// The socket was full: nothing is sent before it says that it is writable.
    blocked: bool,
    /// In the list of those that will send at the end of this turn.
    listed: bool,
    open: bool,
    /// The last tick in which a request came.
    tick: u64,
}

/// How many connections send requests at present: those that did in the last whole tick.
#[derive(Default)]
struct Activity {
    tick: u64,
    now: u32,
    before: u32,
}

struct Floor<'a> {
    submitter: Submitter<'a>,
    submissions: SubmissionQueue<'a>,
    buffers: Buffers,
    listener: TcpListener,
    connections: Vec<Connection>,
    senders: Vec<i32>,
    /// How many sends the next turn submits.
    staged: u32,
    activity: Activity,
    gather_microseconds: u32,
    answers: Answers,
}

fn main() -> io::Result<()> {
    let listener = listen(port()?)?;
    let mut ring: IoUring = IoUring::builder()
        .setup_single_issuer()
        .setup_defer_taskrun()
        .setup_submit_all()
        .setup_cqsize(COMPLETIONS)
        .setup_no_sqarray()
        .build(SUBMISSIONS)?;
    let (mut submitter, submissions, completions) = ring.split();
    submitter.register_ring_fd()?;
    let buffers = Buffers::register(&submitter)?;
    let mut floor = Floor {
        submitter,
        submissions,
        buffers,
        listener,
        connections: Vec::new(),
        senders: Vec::new(),
        staged: 0,
        activity: Activity::default(),
        gather_microseconds: gather_microseconds()?,
        answers: Answers::new("uringraw", 0),
    };
    floor.accept()?;
    announce();
    floor.serve(completions)
}

/// The second argument, if there is one.
fn gather_microseconds() -> io::Result<u32> {
    let Some(text) = std::env::args().nth(2) else {
        return Ok(GATHER_MICROSECONDS);
    };
    text.parse()
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "usage: PORT [MICROSECONDS]"))
}

impl Floor<'_> {
    fn serve(&mut self, mut completions: CompletionQueue<'_>) -> io::Result<()> {
        loop {
            self.enter(self.wanted())?;
            self.look_at_the_clock();
            completions.sync();
            for completion in &mut completions {
                self.complete(&completion)?;
            }
            completions.sync();
            self.buffers.publish();
            self.send()?;
        }
    }

    /// For how many completions the next turn waits.
    fn wanted(&self) -> u32 {
        if !self.senders.is_empty() {
            return 0; // somebody owes more than one send holds
        }
        if self.gather_microseconds == 0 {
            return 1;
        }
        self.staged.min(self.activity.before / GATHER_PART).max(1)
    }

    /// Submits all that is staged and waits for as many completions as are wanted.
    fn enter(&mut self, wanted: u32) -> io::Result<()> {
        self.submissions.sync();
        let entries = self.submissions.len() as u32;
        self.staged = 0;
        let entered = if wanted > 1 {
            let argument = SubmitArgs::new().min_wait_usec(self.gather_microseconds);
            // SAFETY: the flag says what the argument is, and it lives as long as the call.
            unsafe {
                self.submitter.enter(
                    entries,
                    wanted,
                    GETEVENTS | EXTENDED_ARGUMENT,
                    Some(&argument),
                )
            }
        } else {
            // SAFETY: no argument is passed.
            unsafe {
                self.submitter
                    .enter::<libc::sigset_t>(entries, wanted, GETEVENTS, None)
            }
        };
        self.submissions.sync();
        match entered {
            // Without any request the wait ends by ETIME; the next one has no bound.
            Err(error)
                if ![Some(libc::EINTR), Some(libc::ETIME)].contains(&error.raw_os_error()) =>
            {
                Err(error)
            }
            _ => Ok(()),
        }
    }

    /// Dates the answers and counts the active connections anew when the time has come.
    fn look_at_the_clock(&mut self) {
        let (second, tick) = clock();
        if self.answers.is_stale(second) {
            self.answers.refresh(second);
        }
        if self.activity.tick != tick {
            self.activity = Activity {
                tick,
                now: 0,
                before: self.activity.now,
            };
        }
    }

    fn complete(&mut self, completion: &cqueue::Entry) -> io::Result<()> {
        let (kind, descriptor) = Kind::of(completion.user_data());
        let (result, flags) = (completion.result(), completion.flags());
        match kind {
            Kind::Accept => self.accepted(result, cqueue::more(flags)),
            Kind::Close => Ok(()),
            Kind::Receive => self.received(descriptor, result, flags),
            Kind::Send => self.refused(descriptor, result),
            Kind::Writable => {
                self.connections[descriptor as usize].blocked = false;
                self.list(descriptor);
                Ok(())
            }
        }
    }

    fn accepted(&mut self, result: i32, more: bool) -> io::Result<()> {
        if let Ok(index) = usize::try_from(result) {
            if index >= self.connections.len() {
                self.connections.resize(index + 1, Connection::default());
            }
            self.connections[index] = Connection {
                open: true,
                ..Connection::default()
            };
            self.receive(result)?;
        }
        if more { Ok(()) } else { self.accept() }
    }

    fn received(&mut self, descriptor: i32, result: i32, flags: u32) -> io::Result<()> {
        if let (Some(id), Ok(length)) = (cqueue::buffer_select(flags), usize::try_from(result)) {
            let connection = &mut self.connections[descriptor as usize];
            let requests = connection.terminators.count(self.buffers.bytes(id, length));
            connection.debt.owe(requests);
            if connection.tick != self.activity.tick {
                connection.tick = self.activity.tick;
                self.activity.now += 1;
            }
            self.buffers.give(id);
            self.list(descriptor);
        }
        if cqueue::more(flags) {
            Ok(())
        } else if result > 0 || result == -libc::ENOBUFS {
            self.receive(descriptor)
        } else {
            self.close(descriptor)
        }
    }

    /// A send could not take all it was given: what is left is owed again, and the socket watched.
    fn refused(&mut self, descriptor: i32, result: i32) -> io::Result<()> {
        let connection = &mut self.connections[descriptor as usize];
        let mut left = connection.staged;
        left.pay(usize::try_from(result).unwrap_or(0), &self.answers);
        connection.debt.refund(left);
        // Any other error also ends the receive, which then closes.
        if !connection.open || (result < 0 && result != -libc::EAGAIN) {
            return Ok(());
        }
        connection.blocked = true;
        let poll = opcode::PollAdd::new(Fd(descriptor), libc::POLLOUT as u32).build();
        self.push(&poll.user_data(Kind::Writable.token(descriptor)))
    }

    /// Has a connection send at the end of this turn.
    fn list(&mut self, descriptor: i32) {
        let connection = &mut self.connections[descriptor as usize];
        if !connection.listed {
            connection.listed = true;
            self.senders.push(descriptor);
        }
    }

    /// Stages one send for each connection that owes answers.
    fn send(&mut self) -> io::Result<()> {
        let mut senders = std::mem::take(&mut self.senders);
        for descriptor in senders.drain(..) {
            let connection = &mut self.connections[descriptor as usize];
            connection.listed = false;
            if connection.debt.is_empty() || connection.blocked || !connection.open {
                continue;
            }
            connection.staged = connection.debt.take();
            let bytes = connection.staged.bytes(&self.answers);
            let entry = opcode::Send::new(Fd(descriptor), bytes.as_ptr(), bytes.len() as u32)
                .flags(libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT | libc::MSG_WAITALL)
                .build()
                .flags(Flags::SKIP_SUCCESS)
                .user_data(Kind::Send.token(descriptor));
            let more = !connection.debt.is_empty();
            self.push(&entry)?;
            self.staged += 1;
            if more {
                self.list(descriptor);
            }
        }
        if self.senders.is_empty() {
            self.senders = senders; // with the room it has
        }
        Ok(())
    }

    fn accept(&mut self) -> io::Result<()> {
        let entry =
            opcode::AcceptMulti::new(Fd(self.listener.as_raw_fd())).flags(libc::SOCK_CLOEXEC);
        self.push(&entry.build().user_data(Kind::Accept.token(0)))
    }

    fn receive(&mut self, descriptor: i32) -> io::Result<()> {
        let entry = opcode::RecvMulti::new(Fd(descriptor), GROUP).build();
        self.push(&entry.user_data(Kind::Receive.token(descriptor)))
    }

    fn close(&mut self, descriptor: i32) -> io::Result<()> {
        self.connections[descriptor as usize].open = false;
        let entry = opcode::Close::new(Fd(descriptor))
            .build()
            .flags(Flags::SKIP_SUCCESS);
        self.push(&entry.user_data(Kind::Close.token(descriptor)))
    }

    /// Stages one operation; if there is no room, submits the others first.
    fn push(&mut self, entry: &squeue::Entry) -> io::Result<()> {
        // SAFETY: the only memory an entry points to is the answers', which live as long as the ring
        // is used and are changed only when nothing is staged: see the head of this file.
        while unsafe { self.submissions.push(entry) }.is_err() {
            self.enter(0)?;
        }
        Ok(())
    }
}

/// Unix time, and a number that changes every few milliseconds, from the clock that costs no more
/// than a load.
fn clock() -> (u64, u64) {
    let mut now = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `now` is valid for writes.
    unsafe { libc::clock_gettime(libc::CLOCK_REALTIME_COARSE, &mut now) };
    let second = now.tv_sec as u64;
    (second, second * 1_000_000_000 + now.tv_nsec as u64)
}
