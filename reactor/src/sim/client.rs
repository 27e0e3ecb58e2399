//! The other side of simulated connections: a client that a test plays.
//!
//! Always true here:
//! - A client reads whatever arrives at once, unless it is told to pause.
//! - Dropping a client closes its end, as a process that ends does.
//!
//! Not here: what the network does to it (`state.rs`).

use std::net::SocketAddr;

use crate::sim::World;
use crate::sim::ring::client_address;
use crate::sim::state::{Named, State};
use crate::sim::wire::{Segment, ServerEnd, Wire};

/// One simulated client. Made by [`World::connect`]; it acts at the world's present moment.
#[derive(Debug)]
pub struct Client {
    world: World,
    number: i32,
}

/// How a client sees its connection.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Link {
    /// On its way; what is sent waits for it.
    Connecting,
    /// Nobody listens there.
    Refused,
    /// Both sides may send.
    Open,
    /// The server has said that it sends nothing more.
    Finished,
    /// It was reset.
    Reset,
}

impl Client {
    pub(super) fn new(world: World, number: i32) -> Self {
        Self { world, number }
    }

    fn with<T>(&self, f: impl FnOnce(&mut Wire) -> T) -> T {
        let mut state = self.world.state();
        let now = state.now();
        state.deliver_wire(self.number, now);
        let wire = state.wires.get_mut(&self.number);
        f(wire.expect("a connection exists as long as its client"))
    }

    fn carry(&self, segment: Segment) {
        let mut state = self.world.state();
        let number = self.number;
        state.tell(|| format!("{} {}", Named(number), outline(&segment)));
        state.carry(number, true, segment);
    }

    /// Sends bytes. After an end or a reset they go nowhere.
    pub fn send(&self, bytes: &[u8]) {
        if !bytes.is_empty() && self.with(|wire| wire.client_open && !wire.client_reset) {
            self.carry(Segment::Bytes(bytes.to_vec()));
        }
    }

    /// Takes what has arrived since the last call.
    pub fn read(&self) -> Vec<u8> {
        self.with(|wire| {
            let mut all = std::mem::take(&mut wire.received);
            all.extend(wire.unread.drain(..));
            all
        })
    }

    /// Takes at most `count` bytes of what has arrived, and leaves the rest unread: for a client
    /// that is [paused](Self::pause) and reads slowly.
    pub fn read_some(&self, count: usize) -> Vec<u8> {
        self.with(|wire| {
            let count = count.min(wire.unread.len());
            wire.unread.drain(..count).collect()
        })
    }

    /// Stops reading, so that the server's sends come to wait; or goes on.
    pub fn pause(&self, paused: bool) {
        self.with(|wire| wire.pause(paused));
    }

    /// Says that it sends nothing more, and goes on reading.
    pub fn finish(&self) {
        self.carry(Segment::Finish);
    }

    /// Leaves without a word of farewell: the connection is reset.
    pub fn reset(&self) {
        self.with(|wire| wire.client_open = false);
        self.carry(Segment::Reset);
    }

    /// Closes its end: as [`Self::finish`], but what still comes is answered with a reset.
    pub fn close(&self) {
        let (was_open, unread) = self.with(|wire| {
            let was_open = std::mem::replace(&mut wire.client_open, false);
            (was_open, !wire.unread.is_empty())
        });
        if was_open {
            self.carry(if unread {
                Segment::Reset
            } else {
                Segment::Finish
            });
        }
    }

    /// How it sees its connection now.
    pub fn link(&self) -> Link {
        self.with(|wire| match wire.server {
            ServerEnd::Connecting { .. } => Link::Connecting,
            ServerEnd::Refused => Link::Refused,
            _ if wire.client_reset => Link::Reset,
            _ if wire.server_finished => Link::Finished,
            ServerEnd::Queued | ServerEnd::Open | ServerEnd::Closed => Link::Open,
        })
    }

    /// Whether a fault has ended the connection, or will: not the server's doing, nor its own.
    pub fn is_harmed(&self) -> bool {
        self.with(|wire| wire.harmed)
    }

    /// Its address, as the server sees it.
    pub fn address(&self) -> SocketAddr {
        client_address(self.number)
    }

    /// The world that it lives in.
    pub fn world(&self) -> &World {
        &self.world
    }
}

fn outline(segment: &Segment) -> String {
    match segment {
        Segment::Bytes(bytes) => format!("sends {}", bytes.len()),
        Segment::Finish => "finishes".into(),
        Segment::Reset => "resets".into(),
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.close();
        let mut state: std::cell::RefMut<'_, State> = self.world.state();
        if let Some(wire) = state.wires.get_mut(&self.number) {
            wire.client_dropped = true;
        }
    }
}
