//! Tests that the simulation catches planted bugs within the usual seeds.
//!
//! Not here: how they are planted (`reactor/src/sim/faults.rs`).

use ringlane_reactor::sim::Mutation;

use super::seeds::{replayed, until_caught};
use super::{echo, web};

/// Checks that the bug is caught, and that what catches it is what should.
#[track_caller]
fn check(mutation: Mutation, expected: &[&str]) {
    if replayed().is_some() {
        return;
    }
    for play in [echo::play, web::play] {
        let (seeds, message) = until_caught(mutation, play).expect("the planted bug is caught");
        let known = expected.iter().any(|part| message.contains(part));
        assert!(known, "after {seeds} seeds: {message}");
    }
}

#[test]
fn the_tail_of_a_short_send_is_missed() {
    check(Mutation::SendTailDropped, &["is not a clean beginning"]);
}

#[test]
fn an_accept_that_is_not_armed_again_is_missed() {
    check(Mutation::AcceptNotRearmed, &["starved"]);
}

#[test]
fn a_slot_that_is_freed_early_is_noticed() {
    check(
        Mutation::SlotFreedEarly,
        &[
            "stale completions",
            "the ring does not hold",
            "is closed while",
        ],
    );
}

#[test]
fn a_buffer_that_is_not_returned_is_missed() {
    check(Mutation::BufferNotReturned, &["buffers did not come home"]);
}
