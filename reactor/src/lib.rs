//! A thread-per-core event loop for servers: bytes and sockets, and no protocol.
//!
//! One [`Reactor`] runs on one thread and owns every connection of that core. It moves bytes
//! through a [`Ring`]: the kernel's `io_uring`, `epoll` where that is refused, or a simulation that
//! completes operations late, short, out of order or not at all, from one seed. What the bytes mean
//! is the business of an [`Application`].
//!
//! ```no_run
//! use ringlane_reactor::{Application, CloseReason, Intent, Io};
//! use ringlane_reactor::cores::{self, Setup};
//!
//! struct Echo;
//!
//! impl Application for Echo {
//!     type Conversation = ();
//!     fn opened(&mut self, _io: &mut Io<'_>) {}
//!     fn advance(&mut self, _: &mut (), io: &mut Io<'_>) -> Intent {
//!         io.output.buffer().extend_from_slice(io.input.bytes());
//!         io.input.consume(io.input.bytes().len());
//!         if io.peer_finished { Intent::Finish } else { Intent::Continue }
//!     }
//!     fn timed_out(&mut self, _: &mut (), _io: &mut Io<'_>) -> Intent { Intent::Abort }
//!     fn closed(&mut self, _: (), _reason: CloseReason) {}
//! }
//!
//! let setup = Setup { binds: vec!["127.0.0.1:7777".parse()?], ..Setup::default() };
//! cores::start(setup, |_core| Echo)?.wait()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Invariants, each stated where it is kept: `unsafe` only in `sys/`; memory lent to the kernel is
//! owned by the operation until its last completion; a slot is freed only when the kernel holds
//! nothing of it; time is read once a turn.

#![deny(unsafe_code)]

#[cfg(not(target_os = "linux"))]
compile_error!("ringlane runs on Linux only: its event loop is built on io_uring and epoll");

mod accepting;
mod addresses;
mod admission;
mod application;
mod budget;
mod caught;
pub mod clock;
mod completion;
mod config;
mod connection;
pub mod cores;
mod cpus;
mod crew;
mod descriptors;
mod ending;
mod ends;
mod eviction;
mod exchange;
mod flow;
mod inbox;
pub mod listener;
pub mod local;
mod mailbox;
mod metrics;
mod op;
mod outbox;
mod pool;
mod quota;
mod reactor;
mod ring;
mod rungs;
pub mod sim;
mod sleeps;
mod spin;
#[expect(
    unsafe_code,
    reason = "the one place for it: every block there carries its proof"
)]
mod sys;
mod tasks;
mod timers;
mod token;
mod wake;
mod watchdog;
mod write_progress;

pub use addresses::AddressLimit;
pub use application::{Application, CloseReason, Detached, Intent, Io};
pub use budget::{Budget, Lease};
pub use caught::{contain, drop_caught};
pub use completion::{Completion, Loan};
pub use config::{Config, ConfigError, OverLimit};
pub use inbox::{Carry, Inbox};
pub use mailbox::{Bell, LETTERS_MAX, Letter, Post};
pub use metrics::{Counter, Metrics};
pub use op::{Op, Outgoing, Piece, Pieces, Room, Shared, Socket};
pub use outbox::{Outbox, PIECE_BYTES_MIN, PIECES_PER_SEND_MAX};
pub use reactor::Reactor;
pub use ring::{Address, Arrived, Buffer, End, Ring, RingFacts, Wait};
pub use rungs::RingError;
pub use sleeps::Sleep;
pub use sys::epoll::Epoll;
pub use sys::uring::Uring;
pub use tasks::{Task, TaskError, spawn};
pub use timers::DEADLINE_TICK;
pub use token::{Generation, OpKind, Slot, Token};
pub use wake::{CORES_MAX, ConnectionWaker, PLACES_MAX};
pub use watchdog::{Stall, StallHook};
