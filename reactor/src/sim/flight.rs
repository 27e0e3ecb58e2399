//! Operations in flight on a simulated ring, and the rules of the seam that each must keep.
//!
//! Always true here:
//! - A rule that is broken is our own bug, so it ends the run at once, with its name.
//! - An operation is in flight until the reactor has taken its last completion.
//!
//! Not here: what operations do (`execute.rs`).

use crate::clock::Instant;
use crate::op::Op;
use crate::sim::state::State;
use crate::sim::wire::{ServerEnd, Wire};
use crate::token::{OpKind, Slot, Token};

/// One operation that was pushed.
#[derive(Debug)]
pub(super) struct Operation {
    pub(super) token: Token,
    pub(super) socket: Option<i32>,
    /// `None` once its last completion is decided.
    pub(super) op: Option<Op>,
    /// The wait that handed it over.
    pub(super) submitted_in: Option<u64>,
    /// When it gets to work, since there is something for it.
    pub(super) ready_at: Option<Instant>,
    /// When and in which place its latest completion is shown: a later one comes after it.
    pub(super) shown: (Instant, u64),
    /// A cancel could not stop it; it ends with whatever comes first.
    pub(super) doomed: bool,
    /// A planted bug: it never gets to work.
    pub(super) deaf: bool,
}

/// Which operation this is, and on which socket.
pub(super) fn describe(op: &Op) -> (OpKind, Option<i32>) {
    match op {
        Op::Accept { listener } => (OpKind::Accept, Some(listener.raw())),
        Op::Receive { socket, .. } => (OpKind::Receive, Some(socket.raw())),
        Op::Send { socket, .. } => (OpKind::Send, Some(socket.raw())),
        Op::HangUp { socket } => (OpKind::HangUp, Some(socket.raw())),
        Op::Cancel { .. } => (OpKind::Cancel, None),
        Op::Notice => (OpKind::Notice, None),
    }
}

impl State {
    /// Whether this number names a listener or an accepted connection that is not closed.
    pub(super) fn is_open(&self, number: i32) -> bool {
        let accepted = |wire: &Wire| wire.server == ServerEnd::Open;
        self.listeners.contains_key(&number) || self.wires.get(&number).is_some_and(accepted)
    }

    /// Ends the run if this operation breaks a rule of the seam.
    pub(super) fn check_rules(&self, op: &Op, token: Token) {
        let (kind, socket) = describe(op);
        assert_eq!(kind, token.kind, "the name {token:?} is not one for {op:?}");
        if let Some(number) = socket {
            assert!(
                self.is_open(number),
                "{kind:?} on socket {number}, which is closed ({token:?})"
            );
        }
        let others = || self.operations.values();
        // Nobody ever refers to a cancel, so several may bear one name.
        let named = kind != OpKind::Cancel && others().any(|other| other.token == token);
        assert!(!named, "two operations bear the name {token:?}");
        let sends = |other: &Operation| {
            other.token.kind == OpKind::Send
                && (other.socket == socket || other.token.slot == token.slot)
        };
        assert!(
            kind != OpKind::Send || !others().any(sends),
            "two sends of one connection are in flight ({token:?})"
        );
    }

    /// Ends the run if a socket is closed while anything of it, or of its slot, is in flight.
    pub(super) fn check_close(&self, number: i32, slot: Option<Slot>) {
        assert!(self.is_open(number), "socket {number} is closed twice");
        let of_slot = |token: Token| token.kind != OpKind::Accept && Some(token.slot) == slot;
        for other in self.operations.values() {
            assert!(
                other.socket != Some(number) && !of_slot(other.token),
                "socket {number} is closed while {:?} is in flight",
                other.token
            );
        }
    }

    /// Ends the run if a socket was closed under an operation that still goes on.
    pub(super) fn check_no_orphans(&self) {
        for operation in self.operations.values().filter(|one| one.op.is_some()) {
            if let Some(number) = operation.socket {
                assert!(
                    self.is_open(number),
                    "socket {number} was closed under {:?}",
                    operation.token
                );
            }
        }
    }
}
