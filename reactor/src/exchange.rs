//! What completions lead to while a connection is in use: bytes in, the application, bytes out.
//!
//! Always true here:
//! - One send is in flight per connection: the order of two would not be certain.
//! - Every buffer that came with a completion goes home in the same turn, whoever it was for.
//!
//! Not here: how connections begin (`admission.rs`) and end (`ending.rs`).

use rustix::io::Errno;

use crate::application::{Application, CloseReason, Intent, Io};
use crate::clock::Instant;
use crate::completion::{
    Completion, HangUpOutcome, Loan, ReceiveOutcome, SendOutcome, hang_up_outcome, receive_outcome,
    send_outcome,
};
use crate::connection::{Phase, Receiving};
use crate::op::{Op, Outgoing, Room};
use crate::reactor::Reactor;
use crate::ring::{Arrived, Buffer, Ring};
use crate::token::{OpKind, Slot, Token};

impl<R: Ring, A: Application> Reactor<R, A> {
    /// Sends a completion to whom it concerns.
    #[inline]
    pub(crate) fn dispatch(&mut self, completion: Completion) {
        let token = completion.token;
        match token.kind {
            OpKind::Accept => return self.accepted(completion),
            OpKind::Notice => {
                if !completion.more {
                    self.ring.push(Op::Notice, Token::of_core(OpKind::Notice));
                }
                return;
            }
            OpKind::Cancel if token.slot == Slot::CORE => return, // of an accept, which says so
            OpKind::Receive | OpKind::Send | OpKind::HangUp | OpKind::Cancel => {}
        }
        let index = token.slot.index();
        match self.connections.get_mut(index) {
            Some(connection) if connection.generation == token.generation => {
                if !completion.more {
                    connection.settled();
                }
            }
            _ => return self.stale(completion),
        }
        let Completion {
            result, more, loan, ..
        } = completion;
        match (token.kind, loan) {
            (OpKind::Receive, loan) => self.received(token.slot, result, more, loan),
            (OpKind::Send, Loan::Outgoing(bytes)) => self.sent(token.slot, result, bytes),
            (OpKind::HangUp, _) => self.hung_up(token.slot, result),
            (OpKind::Cancel | OpKind::Send, _) => self.progress_end(token.slot),
            (OpKind::Accept | OpKind::Notice, _) => unreachable!("returned above"),
        }
    }

    /// A completion for a connection that is gone. It cannot happen while slots are freed only when
    /// nothing is in flight; if the kernel does it all the same, nothing is lost.
    fn stale(&mut self, completion: Completion) {
        self.metrics.stale.add(1);
        match completion.loan {
            Loan::Buffer(buffer) => self.ring.recycle(buffer),
            Loan::Outgoing(_) | Loan::Nothing => {}
        }
    }

    #[inline]
    fn received(&mut self, slot: Slot, result: i32, more: bool, loan: Loan) {
        let connection = &mut self.connections[slot.index()];
        if !more {
            connection.receiving = Receiving::Not;
        }
        let outcome = receive_outcome(result);
        if let Loan::Buffer(buffer) = loan {
            connection.starved_since = Instant::NEVER;
            connection.flow.note(buffer.len >= self.config.buffer_bytes);
            if outcome == ReceiveOutcome::Bytes && connection.phase == Phase::Open {
                self.advance(slot, Some(&buffer));
            } else if outcome == ReceiveOutcome::Bytes {
                self.dropped(slot, buffer.len);
            }
            self.ring.recycle(buffer);
        }
        match outcome {
            ReceiveOutcome::Bytes if more => {} // and it goes on
            ReceiveOutcome::Bytes | ReceiveOutcome::Retry => self.resume_receiving(slot),
            ReceiveOutcome::PeerFinished => {
                self.connections[slot.index()].input_ended = true;
                self.peer_finished(slot);
            }
            ReceiveOutcome::PeerGone => self.close(slot, CloseReason::PeerGone),
            ReceiveOutcome::NoBuffer => self.starve(slot),
            ReceiveOutcome::Cancelled if self.is_ending(slot) => self.progress_end(slot),
            ReceiveOutcome::Cancelled => self.resume_receiving(slot),
            ReceiveOutcome::Unexpected(errno) => self.failed(slot, "receive", errno),
        }
    }

    /// The peer sends no more. Its application decides what that means.
    fn peer_finished(&mut self, slot: Slot) {
        let connection = &mut self.connections[slot.index()];
        connection.peer_finished = true;
        match connection.phase {
            Phase::Open => self.advance(slot, None),
            Phase::Finishing { .. } => {}
            Phase::Lingering { .. } if connection.input_ended => {
                self.close(slot, CloseReason::Finished);
            }
            Phase::Lingering { .. } => {} // closing with bytes unread would reset the peer
            Phase::Closing | Phase::Releasing => self.progress_end(slot),
        }
    }

    fn hung_up(&mut self, slot: Slot, result: i32) {
        let connection = &mut self.connections[slot.index()];
        connection.hang_up_armed = false;
        if connection.receiving == Receiving::Stopping {
            connection.receiving = Receiving::Not;
        }
        match hang_up_outcome(result) {
            HangUpOutcome::PeerFinished => {
                self.peer_finished(slot);
                self.resume_receiving(slot); // what it sent before is still to be read
            }
            HangUpOutcome::Cancelled if self.is_ending(slot) => self.progress_end(slot),
            HangUpOutcome::Cancelled => self.resume_receiving(slot),
            HangUpOutcome::Unexpected(errno) => self.failed(slot, "wait for hang-up", errno),
        }
    }

    /// Shows the application its connection, with the bytes that just came, if any did.
    #[inline]
    pub(crate) fn advance(&mut self, slot: Slot, arrived: Option<&Buffer>) {
        let Some(connection) = self.connections.get(slot.index()) else {
            return;
        };
        if connection.phase != Phase::Open {
            return;
        }
        let intent = self.call(slot, arrived, A::advance);
        self.obey(slot, intent);
    }

    /// One call of the application.
    #[inline]
    pub(crate) fn call(
        &mut self,
        slot: Slot,
        arrived: Option<&Buffer>,
        function: fn(&mut A, &mut A::Conversation, &mut Io<'_>) -> Intent,
    ) -> Intent {
        let present = self.present();
        let Some(connection) = self.connections.get_mut(slot.index()) else {
            return Intent::Continue;
        };
        let lent = match arrived {
            Some(buffer) => self.ring.bytes(buffer),
            None => Arrived::Part(&mut []),
        };
        connection.outbox.warm(|| self.pool.take());
        let (conversation, mut io) = connection.show(slot, lent, present);
        let Some(conversation) = conversation else {
            return Intent::Continue;
        };
        let intent = function(&mut self.application, conversation, &mut io);
        if let Some(spare) = io.input.settle(|| self.pool.take()) {
            self.pool.put(spare);
        }
        if let Some(spare) = connection.outbox.cool() {
            self.pool.put(spare);
        }
        connection.watch(slot, &mut self.wheel);
        intent
    }

    /// Does what the application wants next.
    #[inline]
    pub(crate) fn obey(&mut self, slot: Slot, intent: Intent) {
        match intent {
            Intent::Continue => self.go_on(slot),
            Intent::Finish => self.finish(slot, false),
            Intent::Linger => self.finish(slot, true),
            Intent::Abort => self.close(slot, CloseReason::Aborted),
        }
    }

    /// What a call may have left to do: its output is to be sent; input that it did not take may be
    /// too much, or no longer be, or come better into other buffers; what it waits for may be so
    /// already.
    #[inline]
    fn go_on(&mut self, slot: Slot) {
        let connection = &mut self.connections[slot.index()];
        let has_output = !connection.outbox.is_empty();
        let is_drained = !has_output && !connection.sending;
        let wants_wake = is_drained && std::mem::take(&mut connection.wants_drained);
        if has_output && connection.needs_listing() {
            self.output.push(slot);
        }
        match connection.receiving {
            Receiving::Armed(room)
                if room != connection.flow.room()
                    || connection.carry.len() > self.config.input_bytes_max =>
            {
                connection.receiving = Receiving::Stopping;
                self.cancel(slot, OpKind::Receive);
            }
            Receiving::Not if !connection.input_ended => self.resume_receiving(slot),
            Receiving::Not | Receiving::Armed(_) | Receiving::Stopping | Receiving::Starved => {}
        }
        if wants_wake {
            self.wake_connection(slot);
        }
    }

    /// Notes that there is output to hand to the ring at the end of the turn.
    pub(crate) fn list_output(&mut self, slot: Slot) {
        let connection = &mut self.connections[slot.index()];
        if !connection.outbox.is_empty() && connection.needs_listing() {
            self.output.push(slot);
        }
    }

    /// Arms what should be armed now that no receive is: a receive, or a wait for the hang-up. Who
    /// wants buffers that others wait for joins their line.
    pub(crate) fn resume_receiving(&mut self, slot: Slot) {
        self.receive_again(slot, false);
    }

    fn receive_again(&mut self, slot: Slot, is_its_turn: bool) {
        let connection = &mut self.connections[slot.index()];
        let wanted = match connection.phase {
            Phase::Open | Phase::Lingering { .. } | Phase::Finishing { linger: true } => true,
            Phase::Finishing { linger: false } => false,
            Phase::Closing | Phase::Releasing => return self.progress_end(slot),
        };
        if !wanted || connection.receiving != Receiving::Not || connection.input_ended {
            return;
        }
        let socket = connection.socket;
        if connection.carry.len() <= self.config.input_bytes_max {
            if connection.hang_up_armed {
                connection.receiving = Receiving::Stopping; // then a receive takes its place
                return self.cancel(slot, OpKind::HangUp);
            }
            let room = connection.flow.room();
            if !is_its_turn && self.starved.is_waited_for(room) {
                return self.stand_in_line(slot);
            }
            connection.receiving = Receiving::Armed(room);
            connection.began();
            let token = connection.token(OpKind::Receive, slot);
            self.ring.push(Op::Receive { socket, room }, token);
        } else if !connection.hang_up_armed && !connection.peer_finished {
            connection.hang_up_armed = true;
            connection.began();
            let token = connection.token(OpKind::HangUp, slot);
            self.ring.push(Op::HangUp { socket }, token);
        }
    }

    /// A receive has found no buffer.
    fn starve(&mut self, slot: Slot) {
        self.metrics.starved.add(1);
        if self.is_ending(slot) {
            return self.progress_end(slot);
        }
        self.stand_in_line(slot);
    }

    /// Puts a connection in line for buffers of the kind that it wants.
    fn stand_in_line(&mut self, slot: Slot) {
        let connection = &mut self.connections[slot.index()];
        connection.receiving = Receiving::Starved;
        let now = self.clock.now();
        connection.starved_since = connection.starved_since.min(now);
        let times = (connection.starved_since, now);
        let room = connection.flow.room();
        self.starved
            .join(room, times, (slot, connection.generation));
    }

    /// Arms those in line again, in order, as many as there are buffers.
    pub(crate) fn feed_starved(&mut self) {
        if self.starved.is_empty() {
            return;
        }
        for (room, buffers) in [
            (Room::Small, self.config.buffers),
            (Room::Large, self.config.large_buffers),
        ] {
            for (_, slot, generation) in self.starved.next(room, buffers) {
                let connection = self.connections.get_mut(slot.index());
                if let Some(connection) = connection.filter(|one| one.generation == generation)
                    && connection.receiving == Receiving::Starved
                {
                    connection.receiving = Receiving::Not;
                    self.receive_again(slot, true);
                }
            }
        }
    }

    /// Hands a connection's output to the ring.
    #[inline]
    pub(crate) fn send(&mut self, slot: Slot) {
        let Some(connection) = self.connections.get_mut(slot.index()) else {
            return;
        };
        connection.output_listed = false;
        if connection.sending || matches!(connection.phase, Phase::Closing) {
            return;
        }
        match connection.outbox.take_buffer() {
            Some(buffer) => self.begin_send(slot, Outgoing::Single { buffer, sent: 0 }),
            None => self.send_pieces(slot),
        }
    }

    /// Away from [`send`](Self::send): there a buffer stays in registers until it is described.
    #[cold]
    #[inline(never)]
    fn send_pieces(&mut self, slot: Slot) {
        if let Some(bytes) = self.connections[slot.index()].outbox.take() {
            self.begin_send(slot, bytes);
        }
    }

    #[inline(always)]
    fn begin_send(&mut self, slot: Slot, bytes: Outgoing) {
        let connection = &mut self.connections[slot.index()];
        // Whoever waits for this send must hear of it at once.
        self.awaits_send |= connection.phase != Phase::Open
            || connection.wants_drained
            || !connection.outbox.is_empty();
        connection.sending = true;
        connection.write_deadline = self.clock.now() + self.write_progress.interval;
        self.push_send(slot, bytes);
    }

    #[inline(always)]
    fn push_send(&mut self, slot: Slot, bytes: Outgoing) {
        let connection = &mut self.connections[slot.index()];
        connection.began();
        let token = connection.token(OpKind::Send, slot);
        connection.watch(slot, &mut self.wheel);
        self.ring.push(
            Op::Send {
                socket: connection.socket,
                bytes,
            },
            token,
        );
    }

    /// Goes on with a send of which the kernel has taken only `count` bytes more.
    #[cold]
    #[inline(never)]
    fn send_rest(&mut self, slot: Slot, bytes: Outgoing, count: usize) {
        let now = self.clock.now();
        let connection = &mut self.connections[slot.index()];
        let unacknowledged = self.ring.unacknowledged(connection.socket);
        self.write_progress.sent(slot, count, unacknowledged, now);
        connection.is_write_watched = true;
        if count > 0 {
            connection.write_deadline = now + self.write_progress.interval;
        }
        self.awaits_send = true;
        self.push_send(slot, bytes);
    }

    /// The time has come to look whether the peer has taken anything of the send in flight.
    pub(crate) fn look_at_write(&mut self, slot: Slot) {
        let now = self.clock.now();
        let connection = &mut self.connections[slot.index()];
        let unacknowledged = self.ring.unacknowledged(connection.socket);
        let began = connection.write_deadline - self.write_progress.interval;
        let times = (began, now);
        connection.is_write_watched = true;
        if let Some(next) = self.write_progress.look(slot, unacknowledged, times) {
            connection.write_deadline = next;
            return;
        }
        self.metrics.write_timeouts.add(1);
        // What the kernel still holds for this peer would stay there for minutes.
        self.ring.reset_when_closed(connection.socket);
        self.close(slot, CloseReason::WriteTimedOut);
    }

    #[inline]
    fn sent(&mut self, slot: Slot, result: i32, mut bytes: Outgoing) {
        let connection = &mut self.connections[slot.index()];
        let count = match send_outcome(result) {
            SendOutcome::Sent(count) => {
                bytes.advance(count, |buffer| self.pool.put(buffer));
                count
            }
            SendOutcome::Retry => 0,
            SendOutcome::Cancelled if matches!(connection.phase, Phase::Closing) => {
                connection.sending = false;
                return self.progress_end(slot);
            }
            // The kernel had no worker for it. Its bytes are lost, and what follows them with them.
            SendOutcome::Cancelled => {
                connection.sending = false;
                return self.failed(slot, "send", Errno::CANCELED);
            }
            SendOutcome::PeerGone => {
                connection.sending = false;
                return self.close(slot, CloseReason::PeerGone);
            }
            SendOutcome::Unexpected(errno) => {
                connection.sending = false;
                return self.failed(slot, "send", errno);
            }
        };
        if bytes.left() > 0 && !matches!(connection.phase, Phase::Closing) {
            return self.send_rest(slot, bytes, count); // before anything else
        }
        connection.sending = false;
        connection.write_deadline = Instant::NEVER;
        if connection.is_write_watched {
            connection.is_write_watched = false;
            self.write_progress.forget(slot);
        }
        if let Outgoing::Single { buffer, .. } = bytes {
            self.pool.put(buffer);
        }
        self.drained(slot);
    }

    /// A send is through: queue the next, or go on to what waited for it.
    #[inline]
    fn drained(&mut self, slot: Slot) {
        let connection = &mut self.connections[slot.index()];
        match connection.phase {
            Phase::Open if !connection.outbox.is_empty() => self.list_output(slot),
            Phase::Open if connection.wants_drained => {
                connection.wants_drained = false;
                self.advance(slot, None);
            }
            Phase::Open => {}
            Phase::Finishing { .. }
            | Phase::Lingering { .. }
            | Phase::Closing
            | Phase::Releasing => self.progress_end(slot),
        }
    }
}
