//! How connections end, one by one and all together: marked, then joined, then closed.
//!
//! Always true here:
//! - A descriptor is closed only when the ring holds no other operation of its connection.
//! - A slot is free only when its descriptor is closed.
//! - Each function here may be called again: the first reason wins.
//!
//! Not here: when a conversation should end; its application says so.

use std::time::Duration;

use rustix::io::Errno;

use crate::accepting::LAST_CALL;
use crate::application::{Application, CloseReason};
use crate::clock::Instant;
use crate::connection::{Phase, Receiving};
use crate::inbox::Carry;
use crate::op::Op;
use crate::reactor::{Draining, Reactor};
use crate::ring::Ring;
use crate::token::{OpKind, Slot};

/// How long cancelled operations may take to end.
const CANCEL_TIME: Duration = Duration::from_secs(2);
/// How often a closing connection's time is extended, each time because bytes came meanwhile: a
/// peer that never stops is given six times [`linger_timeout`](crate::Config::linger_timeout).
const LINGER_EXTENSIONS_MAX: u8 = 5;

impl<R: Ring, A: Application> Reactor<R, A> {
    /// Sends what is queued, then lingers or closes.
    pub(crate) fn finish(&mut self, slot: Slot, linger: bool) {
        let connection = &mut self.connections[slot.index()];
        if connection.phase != Phase::Open {
            return;
        }
        connection.phase = Phase::Finishing { linger };
        connection.deadline = Instant::NEVER;
        connection.carry = Carry::default();
        self.progress_end(slot);
        if self.takes_input_to_drop(slot) {
            self.resume_receiving(slot); // a peer may read only once it has sent everything
        }
    }

    /// Whether a connection sends its last output while it takes in what nobody reads.
    fn takes_input_to_drop(&self, slot: Slot) -> bool {
        let connection = self.connections.get(slot.index());
        connection.is_some_and(|one| one.phase == Phase::Finishing { linger: true })
    }

    /// Ends a connection at once: what is queued is dropped, what is in flight is cancelled.
    pub(crate) fn close(&mut self, slot: Slot, reason: CloseReason) {
        let connection = &mut self.connections[slot.index()];
        if matches!(connection.phase, Phase::Closing | Phase::Releasing) {
            return self.progress_end(slot);
        }
        connection.phase = Phase::Closing;
        connection.unwatch(slot, &mut self.wheel);
        connection.carry = Carry::default();
        connection.outbox.clear();
        if std::mem::take(&mut connection.is_write_watched) {
            self.write_progress.forget(slot);
        }
        let receiving = std::mem::replace(&mut connection.receiving, Receiving::Stopping);
        let (hang_up, sending) = (connection.hang_up_armed, connection.sending);
        let conversation = connection.conversation.take();
        if matches!(receiving, Receiving::Armed(_)) {
            self.cancel(slot, OpKind::Receive);
        }
        if hang_up {
            self.cancel(slot, OpKind::HangUp);
        }
        if sending {
            self.cancel(slot, OpKind::Send);
        }
        if let Some(conversation) = conversation {
            self.application.closed(conversation, reason);
        }
        let connection = &mut self.connections[slot.index()];
        if connection.in_flight > 0 {
            connection.deadline = self.clock.now() + CANCEL_TIME;
            connection.watch(slot, &mut self.wheel);
        }
        self.progress_end(slot);
    }

    /// What was cancelled has not ended: some kernels answer `ENOENT` to the cancel of a receive
    /// that lives on. Whatever waits on a socket ends when that is shut down.
    fn force_end(&mut self, slot: Slot) {
        let connection = &mut self.connections[slot.index()];
        tracing::warn!("a cancelled operation has not ended; shutting its socket down");
        connection.deadline = self.clock.now() + CANCEL_TIME; // should this be lost, too
        self.ring.shut_down(connection.socket);
    }

    /// Takes the next step of an end, if everything before it is done.
    pub(crate) fn progress_end(&mut self, slot: Slot) {
        let Some(connection) = self.connections.get_mut(slot.index()) else {
            return;
        };
        match connection.phase {
            Phase::Open | Phase::Lingering { .. } | Phase::Releasing => {}
            Phase::Finishing { .. } if connection.sending => {}
            Phase::Finishing { .. } if !connection.outbox.is_empty() => self.list_output(slot),
            Phase::Finishing { linger: true } if !connection.input_ended => self.linger(slot),
            Phase::Finishing { .. } => self.close(slot, CloseReason::Finished),
            Phase::Closing => {
                if connection.in_flight == 0 {
                    connection.phase = Phase::Releasing;
                    self.ended.push(slot);
                }
            }
        }
    }

    /// Tells the peer that no more comes, and takes in what it still sends.
    fn linger(&mut self, slot: Slot) {
        let connection = &mut self.connections[slot.index()];
        connection.phase = Phase::Lingering {
            bytes_left: self.config.linger_bytes_max,
            heard: false,
            extensions_left: LINGER_EXTENSIONS_MAX,
        };
        connection.deadline = self.clock.now() + self.config.linger_timeout;
        connection.watch(slot, &mut self.wheel);
        self.ring.finish_sending(connection.socket);
        self.resume_receiving(slot);
    }

    /// Bytes came that nobody will read.
    pub(crate) fn dropped(&mut self, slot: Slot, count: u32) {
        let connection = &mut self.connections[slot.index()];
        if let Phase::Lingering {
            bytes_left, heard, ..
        } = &mut connection.phase
        {
            *heard = true;
            *bytes_left = bytes_left.saturating_sub(count);
            if *bytes_left == 0 {
                self.close(slot, CloseReason::Finished);
            }
        }
    }

    /// The time for a peer's last bytes is over. One that is still sending gets more of it, a
    /// bounded number of times; what has arrived of one that is not is taken, since a close with
    /// input unread resets the peer, which then loses the answer.
    fn end_lingering(&mut self, slot: Slot) {
        let connection = &mut self.connections[slot.index()];
        if let Phase::Lingering {
            heard,
            extensions_left,
            ..
        } = &mut connection.phase
            && std::mem::take(heard)
            && *extensions_left > 0
        {
            *extensions_left -= 1;
            connection.deadline = self.clock.now() + self.config.linger_timeout;
            return;
        }
        self.ring.discard(connection.socket);
        self.close(slot, CloseReason::Finished);
    }

    /// An operation failed in a way that nobody foresaw.
    pub(crate) fn failed(&mut self, slot: Slot, operation: &str, errno: Errno) {
        tracing::warn!(operation, %errno, "closing a connection after an unforeseen error");
        self.close(slot, CloseReason::Failed);
    }

    pub(crate) fn is_ending(&self, slot: Slot) -> bool {
        let phase = self
            .connections
            .get(slot.index())
            .map(|connection| connection.phase);
        let receives = Phase::Finishing { linger: true };
        !matches!(phase, Some(Phase::Open | Phase::Lingering { .. })) && phase != Some(receives)
    }

    /// Asks for the end of one operation in flight.
    pub(crate) fn cancel(&mut self, slot: Slot, kind: OpKind) {
        let connection = &mut self.connections[slot.index()];
        let target = connection.token(kind, slot);
        let token = connection.token(OpKind::Cancel, slot);
        connection.began();
        self.ring.push(Op::Cancel { target }, token);
    }

    /// Closes the descriptors of those that have ended, and frees their slots.
    ///
    /// By a call each: as an operation of the ring it would complete while it is submitted, and so
    /// end the next wait for nothing but that.
    pub(crate) fn release_ended(&mut self) {
        let mut ended = std::mem::take(&mut self.ended);
        for slot in ended.drain(..) {
            let mut connection = self.connections.remove(slot.index());
            assert_eq!(
                connection.in_flight, 0,
                "a slot was freed while the ring held it"
            );
            self.ring.close(connection.socket, Some(slot));
            self.generations[slot.index()] = connection.generation.next();
            connection.unwatch(slot, &mut self.wheel);
            self.leave(slot, connection.over_limit);
        }
        self.ended = ended;
    }

    /// One of a connection's deadlines may have passed.
    pub(crate) fn deadline_passed(&mut self, slot: Slot) {
        let now = self.clock.now();
        let Some(connection) = self.connections.get_mut(slot.index()) else {
            return;
        };
        connection.looked_at = Instant::NEVER; // it is off the wheel
        if connection.write_deadline <= now {
            self.look_at_write(slot);
        }
        let Some(connection) = self.connections.get_mut(slot.index()) else {
            return;
        };
        // What a starved one was waiting for may have come, with no buffer of ours to take it.
        let is_starved = connection.receiving == Receiving::Starved;
        if connection.deadline <= now && !(is_starved && connection.phase == Phase::Open) {
            connection.deadline = Instant::NEVER;
            match connection.phase {
                Phase::Open => {
                    let intent = self.call(slot, None, A::timed_out);
                    self.obey(slot, intent);
                }
                Phase::Lingering { .. } => self.end_lingering(slot),
                Phase::Closing => self.force_end(slot),
                Phase::Finishing { .. } | Phase::Releasing => {}
            }
        }
        if let Some(connection) = self.connections.get_mut(slot.index()) {
            connection.watch(slot, &mut self.wheel);
        }
    }

    /// Begins the end of the core: no new connections after those on their way, and every
    /// conversation is shown that it should end. After `grace` all that are left are closed.
    pub(crate) fn drain(&mut self, grace: Duration) {
        let until = self.clock.now() + grace;
        self.ends_not_before = self.ends_not_before.min(self.clock.now() + 2 * LAST_CALL);
        self.draining = match self.draining {
            Draining::No => Draining::Until(until),
            Draining::Until(before) => Draining::Until(before.min(until)),
            Draining::Now => Draining::Now,
        };
        self.begin_closing_listeners();
        for index in self.open_slots() {
            self.wake_connection(Slot::new(index));
        }
    }

    /// Closes everything now.
    pub(crate) fn stop(&mut self) {
        self.draining = Draining::Now;
        self.begin_closing_listeners();
        self.close_waiting();
        for index in self.open_slots() {
            self.close(Slot::new(index), CloseReason::ShutDown);
        }
    }

    fn open_slots(&self) -> Vec<u32> {
        self.connections
            .iter()
            .map(|(index, _)| index as u32)
            .collect()
    }

    /// The loop is over: closes what is left without it.
    pub(crate) fn drop_connections(&mut self) {
        self.close_waiting();
        for connection in self.connections.drain().collect::<Vec<_>>() {
            if let Some(conversation) = connection.conversation {
                self.application.closed(conversation, CloseReason::ShutDown);
            }
            self.ring.close(connection.socket, None);
        }
        self.close_listeners_now();
    }
}

#[cfg(test)]
mod tests;
