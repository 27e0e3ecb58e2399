//! Making room at the limit: the connections that have been idle for the longest are closed.
//!
//! Always true here:
//! - Nothing here runs, and nothing is remembered, while nobody waits for a place.
//! - A search over all connections finds many at once, or none before the first may have become
//!   idle for long enough: its cost is shared by those that it makes room for.
//!
//! Not here: which connections are idle (the application), who waits (`admission.rs`).

use std::time::Duration;

use crate::application::{Application, CloseReason};
use crate::clock::Instant;
use crate::connection::{Connection, Phase};
use crate::mailbox::{Letter, Post};
use crate::reactor::Reactor;
use crate::ring::Ring;
use crate::token::{Generation, Slot};

/// Of the idle connections that a search finds, this share is remembered: 1 of so many.
const REMEMBERED_SHARE: usize = 32;
/// So many are remembered at least.
const REMEMBERED_MIN: usize = 16;

/// What is known of connections that may be closed to make room.
#[derive(Debug, Default)]
pub(crate) struct Eviction {
    /// Connections that were idle when they were searched for, the longest idle one last.
    found: Vec<(Instant, Slot, Generation)>,
    /// Another search finds nothing before this time.
    next_search: Instant,
    /// Places that will be free once those that were closed are gone.
    closing: usize,
    /// Cores with which this one shares its limit.
    peers: Vec<Post>,
    /// These are not asked again before this time.
    next_question: Instant,
}

impl Eviction {
    /// A connection has gone.
    pub(crate) fn note_end(&mut self) {
        self.closing = self.closing.saturating_sub(1);
    }

    /// When it may be worth looking again, without any event.
    pub(crate) fn next_search(&self) -> Instant {
        self.next_search
    }
}

impl<R: Ring, A: Application> Reactor<R, A> {
    /// The cores with which this one shares its budget: they are asked for room if it has none.
    pub(crate) fn know_peers(&mut self, peers: Vec<Post>) {
        self.eviction.peers = peers;
    }

    /// Closes idle connections for those that wait.
    pub(crate) fn make_room(&mut self) {
        while self.eviction.closing < self.waiting.len() {
            if !self.evict_one() {
                return self.ask_peers();
            }
        }
    }

    /// Another core has none that are idle: gives it what this one does not need.
    pub(crate) fn make_room_for_others(&mut self) {
        if let Some(lease) = &mut self.lease {
            lease.give_all_back();
        }
        if self.waiting.is_empty() {
            self.evict_one();
        }
    }

    /// Closes the connection that has been idle for the longest; `false` if none has been for long.
    pub(crate) fn evict_one(&mut self) -> bool {
        loop {
            while let Some((since, slot, generation)) = self.eviction.found.pop() {
                let connection = self.connections.get(slot.index());
                let connection = connection.filter(|one| one.generation == generation);
                if connection.and_then(|one| self.idle_since(one)) == Some(since) {
                    self.metrics.evicted.add(1);
                    self.eviction.closing += 1;
                    self.close(slot, CloseReason::Evicted);
                    return true;
                }
            }
            if self.clock.now() < self.eviction.next_search || !self.search() {
                return false;
            }
        }
    }

    /// Since when a connection has been idle, if it is.
    fn idle_since(&self, connection: &Connection<A::Conversation>) -> Option<Instant> {
        let is_quiet = connection.phase == Phase::Open
            && !connection.sending
            && connection.outbox.is_empty()
            && !connection.over_limit;
        let conversation = connection.conversation.as_ref().filter(|_| is_quiet)?;
        self.application
            .idle_since(conversation, connection.deadline)
    }

    /// Looks for connections that have been idle for long enough; `false` if there is none.
    fn search(&mut self) -> bool {
        let now = self.clock.now();
        let mut found = std::mem::take(&mut self.eviction.found);
        let mut next_search = now + self.config.evict_after;
        for (index, connection) in &self.connections {
            let Some(since) = self.idle_since(connection) else {
                continue;
            };
            match since + self.config.evict_after {
                due if due <= now => {
                    let slot = Slot::new(index as u32);
                    found.push((since, slot, connection.generation));
                }
                due => next_search = next_search.min(due),
            }
        }
        if found.is_empty() {
            self.eviction.next_search = next_search.max(now + self.config.accept_backoff);
            return false;
        }
        let remembered = (found.len() / REMEMBERED_SHARE).max(REMEMBERED_MIN);
        if remembered < found.len() {
            found.select_nth_unstable_by_key(remembered, |&(since, ..)| since);
            found.truncate(remembered);
            found.shrink_to(remembered);
        }
        found.sort_unstable_by_key(|&(since, ..)| std::cmp::Reverse(since));
        self.eviction.found = found;
        true
    }

    /// None is idle here. If it is the limit over all cores that has no place, others may have.
    fn ask_peers(&mut self) {
        let now = self.clock.now();
        if self.is_full_here() || now < self.eviction.next_question {
            return;
        }
        self.eviction.next_question = now + QUESTION_INTERVAL;
        for peer in &self.eviction.peers {
            let _ = peer.send(Letter::MakeRoom); // one that has ended holds no place
        }
    }
}

/// How often a core that has no room asks the others at most.
const QUESTION_INTERVAL: Duration = Duration::from_millis(20);

#[cfg(test)]
mod tests;
