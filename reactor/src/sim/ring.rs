//! The simulated ring itself: the seam's functions over a world.
//!
//! Always true here:
//! - Time goes on only inside a wait, and only to the next thing that happens.
//! - A ring that is dropped closes the connections that nobody has heard of yet; nothing else of it
//!   is left.
//!
//! Not here: what operations do (`execute.rs`), the other side of the connections (`client.rs`).

use std::collections::VecDeque;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use rustix::io::Errno;

use crate::application::Application;
use crate::clock::Instant;
use crate::completion::{Completion, Loan};
use crate::config::Config;
use crate::mailbox::Bell;
use crate::op::{Op, Socket};
use crate::reactor::Reactor;
use crate::ring::{Address, Arrived, Buffer, End, Ring, RingFacts, Wait};
use crate::sim::World;
use crate::sim::buffers::Buffers;
use crate::sim::coverage::Fault;
use crate::sim::faults::Mutation;
use crate::sim::flight::{Operation, describe};
use crate::sim::state::{Due, NUMBERS_FROM};
use crate::sim::wire::Segment;
use crate::token::{OpKind, Slot, Token};

/// A ring with no kernel: it moves bytes within a [`World`]. Made by [`World::ring`].
#[derive(Debug)]
pub struct SimRing {
    world: World,
    pub(super) buffers: Buffers,
    batch: VecDeque<Due>,
    facts: RingFacts,
}

/// What a wait does next.
enum Next {
    Return,
    Sleep(Instant),
}

impl SimRing {
    pub(super) fn new(world: World, config: &Config) -> Self {
        let alive = std::mem::replace(&mut world.state().ring_alive, true);
        assert!(!alive, "a world has one ring at a time");
        Self {
            world,
            buffers: Buffers::new(config),
            batch: VecDeque::new(),
            facts: RingFacts {
                driver: "simulation",
                ..RingFacts::default()
            },
        }
    }

    /// The world that it is part of.
    pub fn world(&self) -> &World {
        &self.world
    }

    /// Whether the wait that began at `began` is over, and if not, when to look again.
    fn plan(&self, wait: Wait, began: Instant) -> Next {
        let mut state = self.world.state();
        let now = state.now();
        let there = state.due.range(..=(now, u64::MAX, u64::MAX));
        let there = there.filter(|(_, due)| !due.quiet).count();
        let deadline = match wait {
            Wait::NotAtAll => began,
            Wait::AtMost(time) => began + time,
            Wait::ForEver => Instant::NEVER,
        };
        if there > 0 || now >= deadline {
            return Next::Return;
        }
        let event = state.next_event().unwrap_or(Instant::NEVER);
        let next = event.min(deadline).max(now);
        if next > state.horizon || next == Instant::NEVER {
            state.idle = true;
            let until = state.horizon;
            if until != Instant::NEVER {
                state.time.advance_to(until);
            }
            return Next::Return;
        }
        Next::Sleep(next)
    }

    fn take_due(&mut self) {
        let mut state = self.world.state();
        let now = state.now();
        while let Some(entry) = state.due.first_entry().filter(|one| one.key().0 <= now) {
            self.batch.push_back(entry.remove());
        }
    }
}

impl Ring for SimRing {
    /// # Panics
    ///
    /// If the operation breaks a rule of the seam: its message names the rule.
    fn push(&mut self, op: Op, token: Token) {
        let mut state = self.world.state();
        state.check_rules(&op, token);
        let (_, socket) = describe(&op);
        let listener = socket.and_then(|number| state.listeners.get(&number));
        let again = listener.is_some_and(|listener| listener.accept_ended);
        let deaf = again && state.mutation == Some(Mutation::AcceptNotRearmed);
        let serial = state.next_serial();
        let operation = Operation {
            token,
            socket,
            op: Some(op),
            submitted_in: None,
            ready_at: None,
            shown: (Instant::default(), 0),
            doomed: false,
            deaf,
        };
        state.operations.insert(serial, operation);
        state.staged.push(serial);
    }

    fn submit_and_wait(&mut self, wait: Wait) -> io::Result<()> {
        self.facts.enters += 1;
        let mut state = self.world.state();
        let faults = state.faults;
        let began = state.now() + state.random.span(faults.turn_max);
        state.time.advance_to(began);
        state.idle = false;
        state.submit(&self.buffers);
        let early = wait.sleeps() && state.random.chance(faults.early_wake);
        drop(state);
        loop {
            self.world.run_actions();
            self.world.state().step(&mut self.buffers);
            match self.plan(wait, began) {
                Next::Return => break,
                Next::Sleep(_) if early => {
                    self.world.state().coverage.fault(Fault::EarlyWake);
                    break;
                }
                Next::Sleep(until) => self.world.state().time.advance_to(until),
            }
        }
        self.take_due();
        Ok(())
    }

    fn spin(&mut self, _: Duration) -> io::Result<bool> {
        Ok(false) // simulated time stands still meanwhile
    }

    fn has_looked(&self) -> bool {
        true
    }

    fn next_completion(&mut self) -> Option<Completion> {
        let Due {
            serial,
            completion,
            asked,
            ..
        } = self.batch.pop_front()?;
        self.facts.completions += 1;
        let mut state = self.world.state();
        state.coverage.completion(&completion, asked);
        let (token, result, more) = (completion.token, completion.result, completion.more);
        state.tell(|| format!("{token:?} → {result}, more: {more}"));
        if let Loan::Buffer(buffer) = &completion.loan {
            self.buffers.lend(buffer);
            state.buffers_lent += 1;
        }
        if !completion.more
            && let Some(operation) = state.operations.remove(&serial)
            && let Some(listener) = operation.socket.and_then(|at| state.listeners.get_mut(&at))
        {
            listener.accept_ended = true;
        }
        Some(completion)
    }

    fn bytes(&mut self, buffer: &Buffer) -> Arrived<'_> {
        self.buffers.bytes(buffer)
    }

    fn recycle(&mut self, buffer: Buffer) {
        let mut state = self.world.state();
        if state.mutation == Some(Mutation::BufferNotReturned) {
            return;
        }
        self.buffers.recycle(buffer);
        state.buffers_lent -= 1;
    }

    fn join(&mut self) {
        let mut state = self.world.state();
        state.operations.clear();
        let due = std::mem::take(&mut state.due);
        for Due { completion, .. } in due.into_values().chain(self.batch.drain(..)) {
            // A connection that came too late for anybody to ask for it.
            if completion.token.kind == OpKind::Accept && completion.result >= 0 {
                state.close(completion.result);
            }
        }
        state.staged.clear();
    }

    fn close(&mut self, socket: Socket, slot: Option<Slot>) {
        let mut state = self.world.state();
        let number = socket.raw();
        // Not again while a broken rule is ending the run: that would hide which it was.
        if !std::thread::panicking() {
            state.check_close(number, slot);
        }
        if state.is_open(number) {
            state.close(number);
        }
    }

    fn finish_sending(&mut self, socket: Socket) {
        let mut state = self.world.state();
        let number = socket.raw();
        assert!(state.is_open(number), "socket {number} is closed");
        state.finish_sending(number);
    }

    fn shut_down(&mut self, socket: Socket) {
        let mut state = self.world.state();
        let number = socket.raw();
        assert!(state.is_open(number), "socket {number} is closed");
        state.carry(number, false, Segment::Finish);
        if let Some(wire) = state.wires.get_mut(&number) {
            wire.inbound.clear();
            wire.peer_finished = true;
        }
    }

    fn unacknowledged(&self, socket: Socket) -> Option<u64> {
        let state = self.world.state();
        if state.mutation == Some(Mutation::AcknowledgementsHidden) {
            return Some(0);
        }
        let wire = state.wires.get(&socket.raw())?;
        Some(wire.unacknowledged() as u64)
    }

    fn reset_when_closed(&mut self, socket: Socket) {
        if let Some(wire) = self.world.state().wires.get_mut(&socket.raw()) {
            wire.resets_when_closed = true;
        }
    }

    fn discard(&mut self, socket: Socket) {
        let mut state = self.world.state();
        if let Some(wire) = state.wires.get_mut(&socket.raw()) {
            wire.inbound.clear();
        }
    }

    fn accept_now(&mut self, listener: Socket) -> Result<Option<Socket>, Errno> {
        let mut state = self.world.state();
        state.deliver();
        if let Some(errno) = state.take_injected(OpKind::Accept) {
            return Err(errno);
        }
        Ok(state.take_queued(listener.raw()).map(Socket::from_raw))
    }

    fn refuse_new(&mut self, listener: Socket) {
        if let Some(listener) = self.world.state().listeners.get_mut(&listener.raw()) {
            listener.refuses_new = true;
        }
    }

    fn bell(&self) -> Bell {
        Bell::Flag(Arc::clone(&self.world.state().bell))
    }

    fn facts(&self) -> RingFacts {
        RingFacts {
            buffers_lent: self.world.state().buffers_lent,
            ..self.facts
        }
    }

    fn address(socket: Socket, end: End) -> io::Result<Address> {
        Ok(Address::Tcp(match end {
            End::Peer => client_address(socket.raw()),
            End::Local => SocketAddr::from((Ipv4Addr::new(192, 0, 2, 1), 80)),
        }))
    }
}

/// Where a simulated client is: every one at a port of its own, as long as the ports last.
pub(super) fn client_address(number: i32) -> SocketAddr {
    const FIRST_PORT: u16 = 1024;
    let ports = u32::from(u16::MAX - FIRST_PORT) + 1;
    let port = FIRST_PORT + ((number - NUMBERS_FROM) as u32 % ports) as u16;
    SocketAddr::from((Ipv4Addr::new(198, 51, 100, 1), port))
}

impl Drop for SimRing {
    fn drop(&mut self) {
        self.join();
        let mut state = self.world.state();
        state.ring_alive = false;
        // What nobody will do any more may hold clients, and these the world.
        let actions = std::mem::take(&mut state.actions);
        drop(state);
        drop(actions);
    }
}

impl<A: Application> Reactor<SimRing, A> {
    /// Turns until nothing is left to happen before the world's horizon (see
    /// [`World::set_horizon`]). `false` once the core has ended.
    ///
    /// # Errors
    ///
    /// As [`Reactor::turn`].
    pub fn settle(&mut self) -> io::Result<bool> {
        while self.turn()? {
            if self.ring().world().is_idle() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
