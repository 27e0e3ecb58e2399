//! What each operation does in a simulated world, when it gets to it, and what goes wrong.
//!
//! Always true here:
//! - An operation that was started and not cancelled ends as the kernel's would, if ever.
//! - Memory that was lent comes back with the last completion, whatever it says.
//!
//! Not here: when completions are taken (`ring.rs`), how often faults happen (`faults.rs`).

use std::sync::atomic::Ordering;
use std::time::Duration;

use rustix::io::Errno;

use crate::completion::{Completion, Loan};
use crate::op::{Op, Outgoing, Room, Socket};
use crate::sim::buffers::Buffers;
use crate::sim::coverage::{ACCEPT_EXHAUSTED, ACCEPT_PASSING, Fault, SPURIOUS, unforeseen};
use crate::sim::faults::Mutation;
use crate::sim::flight::{Operation, describe};
use crate::sim::state::{Due, Named, State};
use crate::sim::wire::{Segment, ServerEnd};
use crate::token::{OpKind, Token};

/// What `poll(2)` says of a peer that has hung up.
const HUNG_UP: i32 = (libc::POLLRDHUP | libc::POLLHUP) as i32;
/// How many bytes a bell's count has.
const BELL_BYTES: i32 = 8;

impl State {
    /// Begins what was pushed since the last wait, in order.
    pub(super) fn submit(&mut self, buffers: &Buffers) {
        self.check_no_orphans();
        self.waits += 1;
        self.is_submitting = true;
        for serial in std::mem::take(&mut self.staged) {
            let Some(operation) = self.operations.get_mut(&serial) else {
                continue;
            };
            operation.submitted_in = Some(self.waits);
            match &operation.op {
                Some(Op::Cancel { target }) => {
                    let target = *target;
                    self.cancel(serial, target);
                }
                // Some kernels end a receive that finds no buffer before any byte has come.
                Some(Op::Receive { room, .. }) if !buffers.any_free(*room) => {
                    let room = *room;
                    self.out_of_buffers(serial, room);
                }
                _ => {}
            }
        }
    }

    /// Does all that can be done at this moment.
    pub(super) fn step(&mut self, buffers: &mut Buffers) {
        let now = self.now();
        loop {
            self.deliver();
            let serials: Vec<u64> = self.operations.keys().copied().collect();
            let mut progress = false;
            for serial in serials {
                if !self.is_ready(serial) {
                    continue;
                }
                let known = self.operations.get(&serial).and_then(|one| one.ready_at);
                let ready_at = known.unwrap_or_else(|| now + self.delay());
                if let Some(operation) = self.operations.get_mut(&serial) {
                    operation.ready_at = Some(ready_at);
                }
                if ready_at <= now {
                    self.execute(serial, buffers);
                    progress = true;
                }
            }
            if !progress {
                self.is_submitting = false;
                return;
            }
        }
    }

    /// Whether there is something for an operation to do.
    fn is_ready(&self, serial: u64) -> bool {
        let Some(operation) = self.operations.get(&serial) else {
            return false;
        };
        let wire = operation.socket.and_then(|number| self.wires.get(&number));
        let Some(op) = operation
            .op
            .as_ref()
            .filter(|_| operation.submitted_in.is_some())
        else {
            return false;
        };
        if operation.doomed || operation.deaf {
            return operation.doomed;
        }
        match op {
            Op::Accept { listener } => {
                let listener = self.listeners.get(&listener.raw());
                listener.is_some_and(|listener| !listener.queue.is_empty())
            }
            Op::Receive { .. } => wire.is_some_and(|wire| wire.readable()),
            Op::Send { .. } => {
                let is_tried = self.is_submitting && operation.submitted_in == Some(self.waits);
                // As kernels have it: a send that waits goes on when a third of the buffer is free.
                let least = if is_tried {
                    1
                } else {
                    self.window_bytes.div_ceil(3)
                };
                wire.is_some_and(|wire| {
                    wire.broken || wire.to_client.ended || wire.room(self.window_bytes) >= least
                })
            }
            Op::HangUp { .. } => wire.is_some_and(|wire| wire.hung_up()),
            Op::Cancel { .. } => false,
            Op::Notice => self.bell.load(Ordering::SeqCst),
        }
    }

    fn execute(&mut self, serial: u64, buffers: &mut Buffers) {
        let Some(operation) = self.operations.get_mut(&serial) else {
            return;
        };
        let (kind, doomed) = (operation.token.kind, operation.doomed);
        let Some(op) = operation.op.take() else {
            return;
        };
        operation.ready_at = None;
        let misfortune = self.misfortune(kind, &op);
        match (op, misfortune) {
            (Op::Send { bytes, .. }, Some(errno)) => {
                self.fail(serial, errno, Loan::Outgoing(bytes));
            }
            (_, Some(errno)) => self.fail(serial, errno, Loan::Nothing),
            (Op::Accept { listener }, None) => self.accept(serial, listener),
            (Op::Receive { socket, room }, None) => {
                self.receive(serial, (socket, room), doomed, buffers);
            }
            (Op::Send { socket, bytes }, None) => self.send(serial, socket, bytes),
            (Op::HangUp { socket }, None) => self.hang_up(serial, socket),
            (Op::Notice, None) => {
                self.bell.store(false, Ordering::SeqCst);
                self.end(serial, BELL_BYTES, Loan::Nothing);
            }
            (Op::Cancel { .. }, None) => unreachable!("a cancel is done when it is submitted"),
        }
    }

    /// An error that was asked for, or that the seed draws, in place of what should happen.
    fn misfortune(&mut self, kind: OpKind, op: &Op) -> Option<Errno> {
        if let Some(errno) = self.take_injected(kind) {
            return Some(errno);
        }
        // Operations that a connection has once or never must be struck more often to be struck.
        let often = match kind {
            OpKind::Receive | OpKind::Send => 1.0,
            OpKind::Accept => 5.0,
            OpKind::HangUp | OpKind::Cancel | OpKind::Notice => 20.0,
        };
        if let Some(errno) = unforeseen(kind)
            && self.strikes(Fault::Unforeseen, often * self.faults.unforeseen)
        {
            if let (_, Some(number)) = describe(op)
                && let Some(wire) = self.wires.get_mut(&number)
            {
                wire.harmed = true;
            }
            return Some(errno);
        }
        let may_retry = matches!(
            kind,
            OpKind::Accept | OpKind::Receive | OpKind::Send | OpKind::Notice
        );
        if may_retry && self.strikes(Fault::Spurious, self.faults.spurious) {
            return Some(self.random.pick(&SPURIOUS));
        }
        None
    }

    /// An error that was asked for, once.
    pub(super) fn take_injected(&mut self, kind: OpKind) -> Option<Errno> {
        let at = self.injected.iter().position(|&(wanted, _)| wanted == kind);
        let (_, errno) = self.injected.remove(at?)?;
        Some(errno)
    }

    /// Puts a repeating operation back, or says that it has ended by itself.
    fn repeat(&mut self, serial: u64, op: Op, doomed: bool) -> bool {
        let ends = doomed || self.strikes(Fault::MultishotEnd, self.faults.multishot_end);
        if let Some(operation) = self.operations.get_mut(&serial).filter(|_| !ends) {
            operation.op = Some(op);
        }
        !ends
    }

    fn accept(&mut self, serial: u64, listener: Socket) {
        let number = listener.raw();
        if self.strikes(Fault::AcceptError, self.faults.accept_error) {
            let errno = if self.random.chance(0.5) {
                self.random.pick(&ACCEPT_EXHAUSTED)
            } else {
                self.random.pick(&ACCEPT_PASSING)
            };
            if errno == Errno::CONNABORTED {
                self.abort_queued(number);
            }
            return self.fail(serial, errno, Loan::Nothing);
        }
        let Some(connection) = self.take_queued(number) else {
            return self.fail(serial, Errno::CANCELED, Loan::Nothing); // it was doomed
        };
        self.tell(|| format!("{} is accepted", Named(connection)));
        self.end(serial, connection, Loan::Nothing);
    }

    /// The oldest connection in a queue gives up before it is taken.
    fn abort_queued(&mut self, listener: i32) {
        if let Some(number) = self.take_queued(listener) {
            self.break_wire(number);
            if let Some(wire) = self.wires.get_mut(&number) {
                wire.server = ServerEnd::Closed;
            }
        }
    }

    fn out_of_buffers(&mut self, serial: u64, room: Room) {
        self.coverage.fault(match room {
            Room::Small => Fault::OutOfBuffers,
            Room::Large => Fault::OutOfLargeBuffers,
        });
        self.fail(serial, Errno::NOBUFS, Loan::Nothing);
    }

    fn receive(
        &mut self,
        serial: u64,
        (socket, room): (Socket, Room),
        doomed: bool,
        buffers: &mut Buffers,
    ) {
        let number = socket.raw();
        if self.strikes(Fault::Reset, self.faults.reset) {
            self.break_wire(number);
        }
        if self.strikes(Fault::NoBuffer, self.faults.no_buffer) {
            return self.fail(serial, Errno::NOBUFS, Loan::Nothing);
        }
        let Some(wire) = self.wires.get_mut(&number) else {
            return;
        };
        let there = wire.inbound.len().min(buffers.bytes_each(room));
        if there == 0 {
            let error = wire.error.take();
            return match error {
                Some(errno) => self.fail(serial, errno, Loan::Nothing),
                None if wire.hung_up() => self.end(serial, 0, Loan::Nothing),
                None => self.fail(serial, Errno::CANCELED, Loan::Nothing), // it was doomed
            };
        }
        let count = self.shorten(there, Fault::ShortReceive, self.faults.short_receive);
        if count == 1 && there > 1 {
            self.coverage.fault(Fault::SingleByte);
        }
        let Some(wire) = self.wires.get_mut(&number) else {
            return;
        };
        if !buffers.any_free(room) {
            return self.out_of_buffers(serial, room);
        }
        let bytes: Vec<u8> = wire.inbound.drain(..count).collect();
        let Some(buffer) = buffers.fill(room, &bytes) else {
            return;
        };
        let more = self.repeat(serial, Op::Receive { socket, room }, doomed);
        self.tell(|| {
            format!(
                "{} is received from: {count} of {there}, more: {more}",
                Named(number)
            )
        });
        self.show(serial, count as i32, more, Loan::Buffer(buffer), 0);
    }

    /// Fewer than could be, if the seed says so; half of those times it is one.
    fn shorten(&mut self, count: usize, fault: Fault, probability: f64) -> usize {
        if count < 2 || !self.strikes(fault, probability) {
            return count;
        }
        if self.random.chance(0.5) {
            1
        } else {
            1 + self.random.below(count - 1)
        }
    }

    fn send(&mut self, serial: u64, socket: Socket, bytes: Outgoing) {
        let number = socket.raw();
        if self.strikes(Fault::Reset, self.faults.reset) {
            self.break_wire(number);
        }
        let asked = bytes.left();
        let Some(wire) = self.wires.get_mut(&number) else {
            return;
        };
        if wire.broken || wire.to_client.ended {
            let errno = wire.error.take().unwrap_or(Errno::PIPE);
            return self.fail(serial, errno, Loan::Outgoing(bytes));
        }
        let room = wire.room(self.window_bytes).min(asked);
        if room == 0 {
            return self.fail(serial, Errno::CANCELED, Loan::Outgoing(bytes)); // it was doomed
        }
        if room < asked {
            self.coverage.fault(Fault::Stall);
        }
        let count = self.shorten(room, Fault::ShortSend, self.faults.short_send);
        self.carry(number, false, Segment::Bytes(copy_front(&bytes, count)));
        let drops_tail = self.mutation == Some(Mutation::SendTailDropped);
        let told = if drops_tail { asked } else { count };
        self.tell(|| format!("{} is sent {count} of {asked}", Named(number)));
        self.show(serial, told as i32, false, Loan::Outgoing(bytes), asked);
    }

    fn hang_up(&mut self, serial: u64, socket: Socket) {
        let wire = self.wires.get(&socket.raw());
        if wire.is_some_and(|wire| wire.hung_up()) {
            return self.end(serial, HUNG_UP, Loan::Nothing);
        }
        self.fail(serial, Errno::CANCELED, Loan::Nothing); // it was doomed
    }

    /// Tells a client that nothing more is sent, if the connection lasts until then.
    pub(super) fn finish_sending(&mut self, number: i32) {
        // Often: few connections end so, and none twice.
        if self.strikes(Fault::Reset, 50.0 * self.faults.reset) {
            self.break_wire(number);
        }
        if self.wires.get(&number).is_some_and(|wire| !wire.broken) {
            self.carry(number, false, Segment::Finish);
        }
    }

    /// Asks an operation to end. Who is first, it or its end, is the seed's choice.
    fn cancel(&mut self, serial: u64, target: Token) {
        let goes_on = |one: &Operation| one.token == target && one.op.is_some();
        let found = self
            .operations
            .iter()
            .find(|(_, one)| goes_on(one))
            .map(|(&at, _)| at);
        let Some(found) = found else {
            self.coverage.fault(Fault::CancelTooLate);
            self.tell(|| format!("cancel of {target:?}: too late"));
            return self.fail(serial, Errno::NOENT, Loan::Nothing);
        };
        if self.mutation == Some(Mutation::CancelLost) {
            return self.fail(serial, Errno::NOENT, Loan::Nothing);
        }
        if self.random.chance(self.faults.cancel_race) {
            let ready_at = self.now() + self.delay();
            if let Some(operation) = self.operations.get_mut(&found) {
                operation.doomed = true;
                operation.ready_at = Some(ready_at);
            }
            let (fault, errno) = if self.random.chance(0.5) {
                (Fault::CancelRace, Errno::NOENT)
            } else {
                (Fault::CancelAlready, Errno::ALREADY)
            };
            self.coverage.fault(fault);
            self.tell(|| format!("cancel of {target:?}: {errno}, it ends by itself"));
            return self.fail(serial, errno, Loan::Nothing);
        }
        self.tell(|| format!("cancel of {target:?}"));
        self.end_cancelled(found);
        self.end(serial, 0, Loan::Nothing);
    }

    fn end_cancelled(&mut self, serial: u64) {
        let op = self
            .operations
            .get_mut(&serial)
            .and_then(|one| one.op.take());
        let loan = match op {
            Some(Op::Send { bytes, .. }) => Loan::Outgoing(bytes),
            Some(Op::Receive { .. }) if self.mutation == Some(Mutation::SlotFreedEarly) => {
                self.haunt(serial);
                Loan::Nothing
            }
            _ => Loan::Nothing,
        };
        self.fail(serial, Errno::CANCELED, loan);
    }

    /// Has an operation that was said to have ended complete once more, later.
    fn haunt(&mut self, serial: u64) {
        const LATER: Duration = Duration::from_millis(30);
        let when = self.now() + LATER;
        let age = self.next_serial();
        if let Some(operation) = self.operations.get(&serial) {
            let completion = Completion {
                token: operation.token,
                result: 0,
                more: false,
                loan: Loan::Nothing,
            };
            let due = Due {
                serial,
                completion,
                asked: 0,
                quiet: false,
            };
            self.due.insert((when, 0, age), due);
        }
    }
}

/// The first `count` bytes that are still to go.
fn copy_front(outgoing: &Outgoing, count: usize) -> Vec<u8> {
    let mut copy = outgoing.front().to_vec();
    if let Outgoing::Vectored(pieces) = outgoing {
        for piece in pieces.pieces.iter().skip(1) {
            if copy.len() >= count {
                break;
            }
            copy.extend_from_slice(piece.as_slice());
        }
    }
    copy.truncate(count);
    copy
}
