//! The event loop of the generator: opens connections and hands their events to the mode.
//!
//! One thread and one epoll instance. Whatever a mode wants to say is written at once.
//!
//! Always true here:
//! - The load begins when every connection is ready, or has failed.
//! - Each event is dated when it is looked at, not when its batch came.
//!
//! Not here: one connection (`line.rs`), what is sent (the modes).

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::time::{Duration, Instant};

use rustix::buffer::spare_capacity;
use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags};
use rustix::io::Errno;

use crate::arguments::Common;
use crate::line::Line;
use crate::outcome::{Outcome, Tally};
use ringlane_bench::usage;

/// Connections that are being made at once: fewer than what servers let wait.
const CONNECTING_MAX: usize = 256;
/// All connections have to be ready after so long.
const OPENING_MAX: Duration = Duration::from_secs(30);
const EVENTS_MAX: usize = 1024;
const READ_BYTES: usize = 256 * 1024;
/// Reads of one connection in a row, before others have their turn.
const READS_MAX: usize = 16;
/// A wait is never longer.
const WAIT_MAX: Duration = Duration::from_millis(100);
/// After the load a stalled connection has to show its end within so long.
const ENDING_MAX: Duration = Duration::from_secs(2);

/// What becomes of a connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Next {
    Stay,
    /// Leave it open, and read nothing of it until the load is over.
    Stall,
    /// Close it and open another one in its place.
    Reopen,
    Close,
}

/// A connection and what a mode knows of it.
#[derive(Debug)]
pub(crate) struct Slot<S> {
    pub(crate) line: Line,
    pub(crate) state: S,
}

/// What a mode does. Times are nanoseconds since the run began.
pub(crate) trait Mode {
    type State: Default;

    const NAME: &'static str;

    fn tally(&mut self) -> &mut Tally;

    /// A connection is there. Before the load begins, only what makes it ready may be sent.
    fn connected(&mut self, line: &mut Line, state: &mut Self::State, now_ns: u64) -> Next;

    /// Whether the load may begin as far as this connection is concerned.
    fn is_ready(&self, state: &Self::State) -> bool;

    /// All connections are ready: the load begins, and with it time.
    fn begin(&mut self, slots: &mut [Slot<Self::State>]);

    fn received(
        &mut self,
        line: &mut Line,
        state: &mut Self::State,
        bytes: &[u8],
        now_ns: u64,
    ) -> Next;

    /// The server closed, or something broke. Counts what that means besides [`Next`].
    fn ended(&mut self, line: &Line, state: &mut Self::State, now_ns: u64) -> Next;

    /// Once in each turn; says when the next one has to come at the latest.
    fn turn(&mut self, slots: &mut [Slot<Self::State>], now_ns: u64) -> Option<u64>;

    /// Whether there is nothing more to do.
    fn is_done(&self) -> bool;

    /// The end: counts what is still under way, and adds what only this mode knows.
    fn finish(&mut self, slots: &[Slot<Self::State>], now_ns: u64, outcome: &mut Outcome);
}

/// A run.
pub(crate) struct Engine<M: Mode> {
    mode: M,
    slots: Vec<Slot<M::State>>,
    epoll: Rc<OwnedFd>,
    started: Instant,
    has_begun: bool,
    target: SocketAddrV4,
    sources: u32,
    connects: u32,
    /// Connections that had more to read than their turn allowed.
    unread: Vec<usize>,
}

impl<M: Mode> Engine<M> {
    /// Runs `mode` on as many connections as `common` wants, and `more`.
    pub(crate) fn run(common: &Common, more: u32, mode: M) -> io::Result<Outcome> {
        let epoll = Rc::new(epoll::create(CreateFlags::CLOEXEC)?);
        let slot = |index| Slot {
            line: Line::new(Rc::clone(&epoll), index),
            state: M::State::default(),
        };
        let mut engine = Self {
            slots: (0..common.connections + more).map(slot).collect(),
            mode,
            epoll,
            started: Instant::now(),
            has_begun: false,
            target: common.url.address,
            sources: common.sources,
            connects: 0,
            unread: Vec::new(),
        };
        let mut buffer = vec![0; READ_BYTES];
        engine.open(&mut buffer)?;
        let before = common.server_pid.map(usage::process).transpose()?;
        engine.started = Instant::now();
        engine.has_begun = true;
        engine.mode.begin(&mut engine.slots);
        let end_ns = common.seconds.as_nanos() as u64;
        loop {
            let now_ns = engine.now_ns();
            if now_ns >= end_ns || engine.mode.is_done() {
                break;
            }
            let next = engine.mode.turn(&mut engine.slots, now_ns);
            let until = next.unwrap_or(end_ns).min(end_ns);
            engine.wait(
                Duration::from_nanos(until.saturating_sub(now_ns)),
                &mut buffer,
            )?;
            if engine.slots.iter().all(|slot| !slot.line.is_open()) {
                break;
            }
        }
        let now_ns = engine.now_ns();
        let after = common.server_pid.map(usage::process).transpose()?;
        engine.end_stalled(&mut buffer);
        let name = M::NAME;
        // The mode may still count, so it comes first.
        let mut outcome = Outcome::new(name, common.connections, now_ns, engine.mode.tally());
        let open = engine.slots.iter().filter(|slot| slot.line.is_open());
        outcome.connections_open = open.count() as u64;
        outcome.server = before
            .zip(after)
            .map(|(before, after)| after.since(&before));
        engine.mode.finish(&engine.slots, now_ns, &mut outcome);
        Ok(outcome)
    }

    /// Reads on where nothing was read: whom the server still holds was not treated as slow.
    fn end_stalled(&mut self, buffer: &mut [u8]) {
        let deadline = Instant::now() + ENDING_MAX;
        let lines = self.slots.iter_mut().map(|slot| &mut slot.line);
        for line in lines.filter(|line| line.is_stalled) {
            let has_ended = loop {
                match line.read(buffer) {
                    Ok(0) => break true,
                    Ok(_) => {}
                    Err(Errno::AGAIN) if Instant::now() >= deadline => break false,
                    Err(Errno::AGAIN) => std::thread::sleep(Duration::from_millis(1)),
                    Err(_) => break true,
                }
            };
            line.close();
            self.mode.tally().errors.held += u64::from(!has_ended);
        }
    }

    fn now_ns(&self) -> u64 {
        self.started.elapsed().as_nanos() as u64
    }

    /// Opens all connections, some at a time.
    fn open(&mut self, buffer: &mut [u8]) -> io::Result<()> {
        let (mut begun, mut ready) = (0, 0);
        while ready < self.slots.len() {
            if self.started.elapsed() > OPENING_MAX {
                let message = "not all connections are ready after 30 seconds";
                return Err(io::Error::new(io::ErrorKind::TimedOut, message));
            }
            while begun < self.slots.len() && begun - ready < CONNECTING_MAX {
                self.connect(begun);
                begun += 1;
            }
            self.wait(WAIT_MAX, buffer)?;
            let settled =
                |slot: &&Slot<M::State>| !slot.line.is_open() || self.mode.is_ready(&slot.state);
            ready = self.slots[..begun].iter().filter(settled).count();
        }
        if self.slots.iter().all(|slot| !slot.line.is_open()) {
            return Err(io::Error::new(
                io::ErrorKind::ConnectionRefused,
                "not one connection could be opened",
            ));
        }
        Ok(())
    }

    /// Begins the connection of a slot, from the next address.
    fn connect(&mut self, index: usize) {
        let source = self.connects % self.sources;
        self.connects = self.connects.wrapping_add(1);
        let from = Ipv4Addr::from_bits(Ipv4Addr::LOCALHOST.to_bits() + source);
        let slot = &mut self.slots[index];
        slot.state = M::State::default();
        if slot.line.connect(from, self.target).is_err() {
            slot.line.close();
            self.mode.tally().errors.connect += 1;
        }
    }

    /// Waits for events, and sees to them.
    fn wait(&mut self, most: Duration, buffer: &mut [u8]) -> io::Result<()> {
        let most = if self.unread.is_empty() {
            most.min(WAIT_MAX)
        } else {
            Duration::ZERO
        };
        // The kernel counts milliseconds here: what is due sooner is waited for awake.
        let timeout = Timespec {
            tv_sec: 0,
            tv_nsec: i64::from(most.subsec_millis()) * 1_000_000,
        };
        let mut events = Vec::with_capacity(EVENTS_MAX);
        match epoll::wait(&*self.epoll, spare_capacity(&mut events), Some(&timeout)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        for index in std::mem::take(&mut self.unread) {
            self.read(index, buffer);
        }
        for event in &events {
            let (index, generation) = Line::of_event(event.data.u64());
            if self.slots[index].line.is_at(generation) {
                self.event(index, buffer);
            }
        }
        Ok(())
    }

    fn event(&mut self, index: usize, buffer: &mut [u8]) {
        let now_ns = self.now_ns();
        let slot = &mut self.slots[index];
        if !slot.line.is_connected {
            match slot.line.check_connected() {
                Ok(false) => return,
                Ok(true) => {
                    slot.line.is_connected = true;
                    let tally = self.mode.tally();
                    tally.connections_opened += 1;
                    let next = self.mode.connected(&mut slot.line, &mut slot.state, now_ns);
                    self.follow(index, next);
                }
                Err(_) => {
                    slot.line.close();
                    self.mode.tally().errors.connect += 1;
                }
            }
            return;
        }
        if slot.line.has_output() {
            slot.line.flush();
        }
        self.read(index, buffer);
    }

    /// Reads until there is no more, or others have their turn.
    fn read(&mut self, index: usize, buffer: &mut [u8]) {
        for _ in 0..READS_MAX {
            let now_ns = self.now_ns();
            let slot = &mut self.slots[index];
            if !slot.line.is_open() || !slot.line.is_connected || slot.line.is_stalled {
                return;
            }
            let next = match slot.line.read(buffer) {
                Err(Errno::AGAIN) => return,
                Ok(0) | Err(_) => self.mode.ended(&slot.line, &mut slot.state, now_ns),
                Ok(count) => {
                    self.mode.tally().bytes += count as u64;
                    let bytes = &buffer[..count];
                    let (line, state) = (&mut slot.line, &mut slot.state);
                    let next = self.mode.received(line, state, bytes, now_ns);
                    if next == Next::Stay && count < buffer.len() && !slot.line.write_failed {
                        // There was no more: a new edge comes with what comes next.
                        return;
                    }
                    next
                }
            };
            if next != Next::Stay {
                return self.follow(index, next);
            }
        }
        self.unread.push(index);
    }

    fn follow(&mut self, index: usize, next: Next) {
        match next {
            Next::Stay => {}
            Next::Stall => self.slots[index].line.is_stalled = true,
            Next::Close => self.slots[index].line.close(),
            Next::Reopen if self.has_begun => {
                self.slots[index].line.close();
                self.connect(index);
            }
            // Who closes before anything was asked would be asked for ever.
            Next::Reopen => self.slots[index].line.close(),
        }
    }
}
