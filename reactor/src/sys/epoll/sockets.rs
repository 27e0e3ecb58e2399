//! What is remembered of each connection's socket: what it is ready for, and who waits for that.
//!
//! Always true here:
//! - Readiness that was told is remembered until the socket itself has denied it.
//! - A record is one connection's: its generation tells it from the slot's earlier lives.
//!
//! Not here: what is received and sent (`epoll.rs`).

use rustix::event::epoll::EventFlags;
use rustix::io::Errno;
use rustix::net::{AddressFamily, sockopt};

use super::poller::Poller;
use crate::op::{Outgoing, Room, Socket};
use crate::sys::socket;
use crate::token::{Generation, OpKind, Slot, Token};
use crate::wake::PLACES_MAX;

/// The peer has finished or is gone.
const ENDED: EventFlags = EventFlags::RDHUP
    .union(EventFlags::HUP)
    .union(EventFlags::ERR);
/// What every socket is watched for. Room to send is not among it: hardly one ever waits for that,
/// and a Unix socket would tell of it whenever its peer has read.
const INTEREST: EventFlags = EventFlags::IN
    .union(EventFlags::RDHUP)
    .union(EventFlags::PRI);

/// One connection's socket.
#[derive(Default)]
pub(super) struct Record {
    /// As it is watched; `None` before the first operation that may have to wait.
    socket: Option<Socket>,
    generation: Generation,
    /// A receive is armed, into such buffers.
    pub(super) receiving: Option<Room>,
    /// A wait for the hang-up is armed.
    pub(super) awaiting_hang_up: bool,
    /// It is in line to be received from.
    pub(super) queued: bool,
    /// There may be something to receive.
    pub(super) readable: bool,
    /// The peer has finished or is gone.
    pub(super) hung_up: bool,
    /// It is watched for room to send, too.
    watched_for_room: bool,
    /// A receive that does not fill its buffer may have stopped at urgent data.
    urgent: bool,
    /// A receive that does not fill its buffer proves nothing: at a Unix socket it also stops where
    /// descriptors were passed.
    unsteady: bool,
    /// What waits for room.
    pub(super) outgoing: Option<Outgoing>,
}

impl Record {
    /// Remembers what the kernel has told.
    fn note(&mut self, told: EventFlags) {
        self.hung_up |= told.intersects(ENDED);
        self.urgent |= told.contains(EventFlags::PRI);
        self.readable |= told.intersects(EventFlags::IN | EventFlags::PRI | ENDED);
    }

    /// Draws the conclusion from a receive that filled its buffer or did not. The end of a
    /// connection is told together with its last bytes: it must be received, too.
    pub(super) fn received(&mut self, filled: bool) {
        if !filled && !self.hung_up && !self.urgent && !self.unsteady {
            self.readable = false;
        }
    }

    /// There was nothing to receive.
    pub(super) fn exhausted(&mut self) {
        self.readable = false;
        self.urgent = false;
    }

    /// The socket and the buffers, if there is something to do for a receive.
    pub(super) fn to_receive(&self) -> Option<(Socket, Room)> {
        let (socket, room) = (self.socket?, self.receiving?);
        self.readable.then_some((socket, room))
    }

    pub(super) fn socket(&self) -> Option<Socket> {
        self.socket
    }

    /// The name of one of its operations.
    pub(super) fn token(&self, kind: OpKind, slot: Slot) -> Token {
        Token::new(kind, slot, self.generation)
    }
}

/// The records of all connections, by slot.
#[derive(Default)]
pub(super) struct Sockets {
    records: Vec<Record>,
}

impl Sockets {
    /// So many sockets are watched at most.
    pub(super) fn len(&self) -> usize {
        self.records.len()
    }

    /// The record of the connection that `token` is about, watched from now on.
    pub(super) fn watch(
        &mut self,
        poller: &Poller,
        socket: Socket,
        token: Token,
    ) -> Result<&mut Record, Errno> {
        let index = token.slot.index();
        assert!(index < PLACES_MAX, "there is no such slot");
        if index >= self.records.len() {
            self.records.resize_with(index + 1, Record::default);
        }
        let record = &mut self.records[index];
        if record.socket != Some(socket) || record.generation != token.generation {
            let unsteady = socket::with(socket, |fd| {
                let domain = sockopt::socket_domain(fd)?;
                poller.add(fd, name(token), INTEREST)?;
                Ok(domain == AddressFamily::UNIX)
            })?;
            *record = Record {
                socket: Some(socket),
                generation: token.generation,
                queued: record.queued,
                unsteady,
                ..Record::default()
            };
        }
        Ok(record)
    }

    /// The same, and watched for room to send. If there is some already, that is told, too.
    pub(super) fn watch_for_room(
        &mut self,
        poller: &Poller,
        socket: Socket,
        token: Token,
    ) -> Result<&mut Record, Errno> {
        let record = self.watch(poller, socket, token)?;
        if !record.watched_for_room {
            let interest = INTEREST | EventFlags::OUT;
            socket::with(socket, |fd| poller.modify(fd, name(token), interest))?;
            record.watched_for_room = true;
        }
        Ok(record)
    }

    /// The record of a live connection; `None` if the name is of an earlier life.
    pub(super) fn find(&mut self, name: Token) -> Option<&mut Record> {
        let record = self.records.get_mut(name.slot.index())?;
        (record.socket.is_some() && record.generation == name.generation).then_some(record)
    }

    /// The record in a slot, whoever's it is.
    pub(super) fn at(&mut self, slot: Slot) -> Option<&mut Record> {
        self.records.get_mut(slot.index())
    }

    /// Remembers what the kernel has told about a connection, if it still lives.
    pub(super) fn note(&mut self, name: Token, told: EventFlags) -> Option<&mut Record> {
        let record = self.find(name)?;
        record.note(told);
        Some(record)
    }

    /// The socket in this slot is about to be closed.
    pub(super) fn forget(&mut self, slot: Slot) {
        if let Some(record) = self.records.get_mut(slot.index()) {
            debug_assert!(
                record.receiving.is_none() && !record.awaiting_hang_up && record.outgoing.is_none(),
                "a socket is closed under an operation"
            );
            *record = Record {
                queued: record.queued,
                ..Record::default()
            };
        }
    }
}

/// The name that events of a connection bear.
fn name(token: Token) -> Token {
    Token::new(OpKind::Receive, token.slot, token.generation)
}

const _: () = assert!(
    size_of::<Record>() <= 64,
    "an idle connection pays for it, too"
);
