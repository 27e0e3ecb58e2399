//! A simulated world: sockets, connections, operations in flight, and what comes next.
//!
//! Always true here:
//! - Everything happens in an order that the seed alone decides: no table here is walked in an
//!   order of the machine's.
//!
//! Not here: what operations do (`execute.rs`), waiting (`ring.rs`).

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use rustix::io::Errno;

use crate::clock::Instant;
use crate::completion::{Completion, Loan};
use crate::sim::coverage::{BROKEN, Coverage, Fault};
use crate::sim::faults::{Faults, Mutation};
use crate::sim::flight::Operation;
use crate::sim::random::Random;
use crate::sim::ring::client_address;
use crate::sim::time::Time;
use crate::sim::wire::{Segment, ServerEnd, Wire};
use crate::token::OpKind;

/// Numbers of simulated sockets begin here: far above any descriptor of the process.
pub(super) const NUMBERS_FROM: i32 = 1 << 30;
/// How many bytes to a client may be under way or unread before a send must wait.
const WINDOW_BYTES: usize = 64 * 1024;

pub(super) type Action = Box<dyn FnOnce()>;
pub(super) type Trace = Box<dyn FnMut(&str)>;

/// A connection or listener as a trace calls it: by its client's port.
pub(super) struct Named(pub(super) i32);

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, ":{}", client_address(self.0).port())
    }
}

/// A completion on its way to the reactor.
#[derive(Debug)]
pub(super) struct Due {
    pub(super) serial: u64,
    pub(super) completion: Completion,
    /// How much a send was to take.
    pub(super) asked: usize,
    /// It is not what a wait waits for: a send that took all while it was handed over.
    pub(super) quiet: bool,
}

/// A listening socket.
#[derive(Debug, Default)]
pub(super) struct Listener {
    pub(super) queue: VecDeque<i32>,
    pub(super) refuses_new: bool,
    /// An accept of it has ended at least once.
    pub(super) accept_ended: bool,
}

pub(super) struct State {
    pub(super) random: Random,
    pub(super) faults: Faults,
    pub(super) mutation: Option<Mutation>,
    pub(super) coverage: Coverage,
    pub(super) time: Time,
    /// Waits let time go on until here, and no further.
    pub(super) horizon: Instant,
    /// The last wait ended because nothing is to happen before the horizon.
    pub(super) idle: bool,
    pub(super) window_bytes: usize,
    pub(super) listeners: BTreeMap<i32, Listener>,
    pub(super) wires: BTreeMap<i32, Wire>,
    pub(super) operations: BTreeMap<u64, Operation>,
    /// Pushed since the last wait, in order.
    pub(super) staged: Vec<u64>,
    /// By when it is shown, then by place, then by age.
    pub(super) due: BTreeMap<(Instant, u64, u64), Due>,
    pub(super) actions: BTreeMap<(Instant, u64), Action>,
    pub(super) injected: VecDeque<(OpKind, Errno)>,
    pub(super) bell: Arc<AtomicBool>,
    pub(super) buffers_lent: u32,
    pub(super) ring_alive: bool,
    /// Calls that handed operations over and waited.
    pub(super) waits: u64,
    /// What is done now is done while it is handed over.
    pub(super) is_submitting: bool,
    pub(super) serial: u64,
    pub(super) next_number: i32,
    pub(super) trace: Option<Trace>,
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State")
            .field("now", &self.time.now())
            .field("operations", &self.operations)
            .field("wires", &self.wires)
            .finish_non_exhaustive()
    }
}

impl State {
    pub(super) fn new(seed: u64, faults: Faults) -> Self {
        Self {
            random: Random::new(seed),
            faults,
            mutation: None,
            coverage: Coverage::default(),
            time: Time::hold(),
            horizon: Instant::NEVER,
            idle: false,
            window_bytes: WINDOW_BYTES,
            listeners: BTreeMap::new(),
            wires: BTreeMap::new(),
            operations: BTreeMap::new(),
            staged: Vec::new(),
            due: BTreeMap::new(),
            actions: BTreeMap::new(),
            injected: VecDeque::new(),
            bell: Arc::default(),
            buffers_lent: 0,
            ring_alive: false,
            waits: 0,
            is_submitting: false,
            serial: 0,
            next_number: NUMBERS_FROM,
            trace: None,
        }
    }

    pub(super) fn now(&self) -> Instant {
        self.time.now()
    }

    pub(super) fn next_serial(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }

    pub(super) fn new_number(&mut self) -> i32 {
        self.next_number += 1;
        self.next_number
    }

    pub(super) fn tell(&mut self, event: impl FnOnce() -> String) {
        let now = self.now();
        if let Some(trace) = &mut self.trace {
            let micros = now.as_nanos() / 1000;
            trace(&format!("{micros:>12} µs  {}", event()));
        }
    }

    /// Draws whether a fault befalls something, and notes it if so.
    pub(super) fn strikes(&mut self, fault: Fault, probability: f64) -> bool {
        let strikes = self.random.chance(probability);
        if strikes {
            self.coverage.fault(fault);
        }
        strikes
    }

    /// How much later than at once something happens.
    pub(super) fn delay(&mut self) -> Duration {
        const MOSTLY: u32 = 20;
        if !self.strikes(Fault::Delay, self.faults.delay) {
            return Duration::ZERO;
        }
        let max = self.faults.delay_max;
        let max = if self.random.chance(0.8) {
            max / MOSTLY
        } else {
            max
        };
        self.random.span(max)
    }

    /// Sends something over a wire; it arrives late if the seed says so.
    pub(super) fn carry(&mut self, number: i32, to_server: bool, segment: Segment) {
        let arrives = self.now() + self.delay();
        let Some(wire) = self.wires.get_mut(&number) else {
            return;
        };
        let transit = if to_server {
            &mut wire.to_server
        } else {
            &mut wire.to_client
        };
        transit.carry(segment, arrives);
    }

    /// Both ends of a connection learn that it is broken, through nobody's fault.
    pub(super) fn break_wire(&mut self, number: i32) {
        let error = self.random.pick(&BROKEN);
        self.tell(|| format!("{} breaks: {error}", Named(number)));
        self.carry(number, false, Segment::Reset);
        if let Some(wire) = self.wires.get_mut(&number) {
            wire.harmed = true;
            wire.break_server(error);
        }
    }

    /// Lets everything arrive whose time has come.
    pub(super) fn deliver(&mut self) {
        let now = self.now();
        let numbers: Vec<i32> = self.wires.keys().copied().collect();
        for number in numbers {
            self.deliver_wire(number, now);
        }
        self.wires.retain(|_, wire| !wire.is_forgotten());
    }

    pub(super) fn deliver_wire(&mut self, number: i32, now: Instant) {
        self.connect_due(number, now);
        while let Some(wire) = self.wires.get_mut(&number) {
            if matches!(wire.server, ServerEnd::Connecting { .. }) {
                return;
            }
            if let Some(segment) = wire.to_server.pop_due(now) {
                self.arrive_at_server(number, segment);
            } else if let Some(segment) = wire.to_client.pop_due(now) {
                self.arrive_at_client(number, segment);
            } else {
                return;
            }
        }
    }

    fn connect_due(&mut self, number: i32, now: Instant) {
        let Some(wire) = self.wires.get_mut(&number) else {
            return;
        };
        let ServerEnd::Connecting { listener, arrives } = wire.server else {
            return;
        };
        if arrives > now {
            return;
        }
        match self.listeners.get_mut(&listener) {
            Some(listener) => {
                wire.server = ServerEnd::Queued;
                listener.queue.push_back(number);
            }
            None => wire.server = ServerEnd::Refused,
        }
        let end = wire.server;
        self.tell(|| format!("{} arrives: {end:?}", Named(number)));
    }

    fn arrive_at_server(&mut self, number: i32, segment: Segment) {
        let purges = self.faults.reset_purges;
        let Some(wire) = self.wires.get_mut(&number) else {
            return;
        };
        match segment {
            Segment::Bytes(_) if wire.server == ServerEnd::Closed => {
                self.carry(number, false, Segment::Reset);
            }
            Segment::Bytes(_) | Segment::Finish if wire.broken => {}
            Segment::Bytes(bytes) => wire.inbound.extend(bytes),
            Segment::Finish => wire.peer_finished = true,
            Segment::Reset => {
                wire.break_server(Errno::CONNRESET);
                let loses = !wire.inbound.is_empty();
                if loses && self.strikes(Fault::ResetPurge, purges) {
                    self.wires
                        .entry(number)
                        .and_modify(|wire| wire.inbound.clear());
                }
            }
        }
    }

    fn arrive_at_client(&mut self, number: i32, segment: Segment) {
        let purges = self.faults.reset_purges;
        let Some(wire) = self.wires.get_mut(&number) else {
            return;
        };
        match segment {
            Segment::Bytes(_) if !wire.client_open => {
                self.carry(number, true, Segment::Reset);
            }
            Segment::Bytes(bytes) if wire.paused => wire.unread.extend(bytes),
            Segment::Bytes(bytes) => wire.received.extend(bytes),
            Segment::Finish => wire.server_finished = true,
            Segment::Reset => {
                wire.break_client();
                let loses = !wire.unread.is_empty();
                if loses && self.strikes(Fault::ResetPurge, purges) {
                    self.wires
                        .entry(number)
                        .and_modify(|wire| wire.unread.clear());
                }
            }
        }
    }

    /// The server's end of a connection, or a listener, is no more.
    pub(super) fn close(&mut self, number: i32) {
        self.tell(|| format!("{} is closed", Named(number)));
        if let Some(listener) = self.listeners.remove(&number) {
            for queued in listener.queue {
                self.close(queued);
            }
            return;
        }
        let Some(wire) = self.wires.get_mut(&number) else {
            return;
        };
        assert_ne!(
            wire.server,
            ServerEnd::Closed,
            "socket {number} is closed twice"
        );
        // As the kernel does it: who closes with bytes unread resets the other side.
        let unread = !wire.inbound.is_empty() || wire.server == ServerEnd::Queued;
        wire.server = ServerEnd::Closed;
        wire.inbound.clear();
        let resets = unread || wire.resets_when_closed;
        if wire.resets_when_closed {
            wire.to_client.purge();
        }
        let last = if resets {
            Segment::Reset
        } else {
            Segment::Finish
        };
        if !wire.broken {
            self.carry(number, false, last);
        }
    }

    /// A listener's oldest connection is taken out of its queue.
    pub(super) fn take_queued(&mut self, listener: i32) -> Option<i32> {
        let number = self.listeners.get_mut(&listener)?.queue.pop_front()?;
        if let Some(wire) = self.wires.get_mut(&number) {
            wire.server = ServerEnd::Open;
        }
        Some(number)
    }

    /// The next time at which anything happens by itself, after all that happens now.
    pub(super) fn next_event(&self) -> Option<Instant> {
        let now = self.now();
        let shown = self.due.range((now, u64::MAX, u64::MAX)..).next();
        let shown = shown.map(|(&(when, ..), _)| when);
        let action = self.actions.keys().next().map(|&(when, _)| when);
        let operations = self.operations.values().filter_map(|one| one.ready_at);
        let arrivals = self.wires.values().flat_map(|wire| match wire.server {
            ServerEnd::Connecting { arrives, .. } => [Some(arrives), None],
            ServerEnd::Queued | ServerEnd::Open | ServerEnd::Closed | ServerEnd::Refused => {
                [wire.to_server.next_arrival(), wire.to_client.next_arrival()]
            }
        });
        [shown, action]
            .into_iter()
            .chain(arrivals)
            .flatten()
            .chain(operations)
            .filter(|&when| when > now)
            .min()
    }

    /// Queues a completion for the reactor, late and out of place if the seed says so.
    pub(super) fn show(&mut self, serial: u64, result: i32, more: bool, loan: Loan, asked: usize) {
        let now = self.now();
        let when = now + self.delay();
        let moves = self.strikes(Fault::Reorder, self.faults.reorder);
        let place = if moves {
            self.random.next_u64() >> 1
        } else {
            u64::MAX >> 1
        };
        let age = self.next_serial();
        let Some(operation) = self.operations.get_mut(&serial) else {
            return;
        };
        operation.shown = operation.shown.max((when, place));
        let (when, place) = operation.shown;
        operation.ready_at = None;
        if !more {
            operation.op = None;
        }
        let token = operation.token;
        let took_all = token.kind == OpKind::Send && result as usize == asked;
        let is_at_once = when == now && operation.submitted_in == Some(self.waits);
        let quiet = self.is_submitting && is_at_once && took_all;
        let completion = Completion {
            token,
            result,
            more,
            loan,
        };
        self.due.insert(
            (when, place, age),
            Due {
                serial,
                completion,
                asked,
                quiet,
            },
        );
    }

    /// The last completion of an operation.
    pub(super) fn end(&mut self, serial: u64, result: i32, loan: Loan) {
        self.show(serial, result, false, loan, 0);
    }

    pub(super) fn fail(&mut self, serial: u64, errno: Errno, loan: Loan) {
        self.end(serial, -errno.raw_os_error(), loan);
    }
}
