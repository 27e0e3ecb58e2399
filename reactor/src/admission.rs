//! How connections begin: whether there is a place for one, and what happens if there is none.
//!
//! Always true here:
//! - A connection that the kernel has accepted is served, refused or waiting, never forgotten.
//! - One that waits holds a place of the limit over all cores as soon as there is one: it has a
//!   descriptor like those that are served.
//!
//! Not here: accepting (`accepting.rs`), what happens on a connection (`exchange.rs`).

use crate::addresses::Counted;
use crate::application::{Application, Intent};
use crate::config::OverLimit;
use crate::connection::Connection;
use crate::op::Socket;
use crate::reactor::{Draining, Reactor};
use crate::ring::{Arrived, End, Ring};
use crate::token::{Generation, Slot};
use crate::wake::PLACES_MAX;

/// Connections beyond the limit that may be here at one time, to be refused.
pub(crate) const REFUSING_MAX: usize = 64;
/// Connections that may wait for a place at one time; one more is closed. Nothing is accepted while
/// one waits, so there are only those whose accepts were armed before, and those that other cores
/// had sent here.
const WAITING_MAX: usize = 1024;

/// A connection that was accepted while this core had no place for it.
#[derive(Debug)]
pub(crate) struct Waiting {
    socket: Socket,
    /// It has its place of the limit over all cores, and waits for one on this core.
    has_lease: bool,
    /// It is counted for its address.
    counted: Option<Counted>,
}

impl<R: Ring, A: Application> Reactor<R, A> {
    /// Opens a new connection, or does what the limit asks.
    pub(crate) fn admit(&mut self, socket: Socket) {
        if self.draining == Draining::Now {
            return self.ring.close(socket, None);
        }
        let Ok(counted) = self.count_for_address(socket) else {
            return self.refuse(socket);
        };
        let has_lease = self.take_lease();
        if has_lease && self.has_slot() && self.waiting.is_empty() {
            return self.open(socket, counted);
        }
        let may_wait = match self.config.over_limit {
            OverLimit::Wait => true,
            OverLimit::Refuse => self.evict_one(),
        };
        if may_wait && self.waiting.len() < WAITING_MAX {
            return self.waiting.push_back(Waiting {
                socket,
                has_lease,
                counted,
            });
        }
        self.give_lease_back(has_lease);
        match self.config.over_limit {
            OverLimit::Wait => {
                self.metrics.refused.add(1);
                self.ring.close(socket, None);
            }
            OverLimit::Refuse => self.refuse(socket),
        }
    }

    /// Counts a connection for its address, if those are limited; `Err` if it has too many.
    fn count_for_address(&self, socket: Socket) -> Result<Option<Counted>, ()> {
        let Some(counts) = &self.addresses else {
            return Ok(None);
        };
        match R::address(socket, End::Peer) {
            Ok(peer) => Counted::new(counts, &peer),
            Err(_) => Ok(None), // it is gone already
        }
    }

    /// Tells a connection why it has no place, and closes it.
    fn refuse(&mut self, socket: Socket) {
        self.metrics.refused.add(1);
        // Beyond the last place that has a name nobody is told why.
        if self.refusing < REFUSING_MAX && self.connections.len() < PLACES_MAX {
            self.refusing += 1;
            let slot = self.begin(socket, true);
            self.advance(slot, None);
        } else {
            self.ring.close(socket, None);
        }
    }

    /// Opens those that wait, in order, as far as there are places.
    pub(crate) fn open_waiting(&mut self) {
        while self.has_slot()
            && let Some(first) = self.waiting.pop_front()
        {
            if !first.has_lease && !self.take_lease() {
                return self.waiting.push_front(first);
            }
            self.open(first.socket, first.counted);
        }
    }

    /// Closes those that wait.
    pub(crate) fn close_waiting(&mut self) {
        for waiting in std::mem::take(&mut self.waiting) {
            self.give_lease_back(waiting.has_lease);
            self.ring.close(waiting.socket, None);
        }
    }

    /// Whether one more connection would have to wait here, or be refused.
    pub(crate) fn is_full(&self) -> bool {
        !self.waiting.is_empty() || !self.has_slot()
    }

    /// Whether it is this core's own limit that allows no more.
    pub(crate) fn is_full_here(&self) -> bool {
        !self.has_slot()
    }

    /// Whether this core's own limit allows one more.
    fn has_slot(&self) -> bool {
        self.connections.len() - self.refusing < self.config.connections_max
    }

    /// How many more connections may be accepted, as far as this core knows.
    pub(crate) fn places_left(&self) -> usize {
        let here = self.connections.len() - self.refusing;
        let own = self.config.connections_max.saturating_sub(here);
        match &self.lease {
            Some(lease) => own.min(lease.left()),
            None => own,
        }
    }

    fn take_lease(&mut self) -> bool {
        self.lease.as_mut().is_none_or(|lease| lease.take())
    }

    fn give_lease_back(&mut self, has_one: bool) {
        if has_one && let Some(lease) = &mut self.lease {
            lease.give_back();
        }
    }

    /// A connection has gone.
    pub(crate) fn leave(&mut self, slot: Slot, over_limit: bool) {
        if over_limit {
            self.refusing -= 1;
        } else {
            self.eviction.note_end();
        }
        if let Some(counted) = self.counted.get_mut(slot.index()) {
            *counted = None;
        }
        self.give_lease_back(!over_limit);
    }

    fn open(&mut self, socket: Socket, counted: Option<Counted>) {
        let slot = self.begin(socket, false);
        if counted.is_some() {
            let index = slot.index();
            if index >= self.counted.len() {
                self.counted.resize_with(index + 1, || None);
            }
            self.counted[index] = counted;
        }
    }

    fn begin(&mut self, socket: Socket, over_limit: bool) -> Slot {
        self.metrics.accepted.add(1);
        let entry = self.connections.vacant_entry();
        let index = entry.key();
        if index >= self.generations.len() {
            self.generations.resize(index + 1, Generation::default());
        }
        entry.insert(Connection::new(socket, self.generations[index], over_limit));
        let slot = Slot::new(index as u32);
        let intent = self.begin_conversation(slot);
        self.resume_receiving(slot);
        self.obey(slot, intent);
        slot
    }

    fn begin_conversation(&mut self, slot: Slot) -> Intent {
        let present = self.present();
        let connection = &mut self.connections[slot.index()];
        connection.outbox.warm(|| self.pool.take());
        let (conversation, mut io) = connection.show(slot, Arrived::Part(&mut []), present);
        *conversation = Some(self.application.opened(&mut io));
        if let Some(spare) = connection.outbox.cool() {
            self.pool.put(spare);
        }
        connection.watch(slot, &mut self.wheel);
        Intent::Continue
    }
}

#[cfg(test)]
mod tests;
