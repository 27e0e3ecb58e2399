//! Runs the whole HTTP server in simulation: clients that pipeline, upload, read slowly, leave.
//!
//! Each request is answered once, in order, with its own answer; who leaves early or is struck by a
//! fault gets a clean beginning of that. Each handler runs once per request and is over in the end.
//!
//! Not here: what the server accepts and refuses, rule by rule.

use std::sync::Arc;

use ringlane_reactor::sim::Coverage;

use super::seeds::{Seed, run_part};
use super::stage::Stage;

mod answers;
mod requests;
mod site;

use site::Ledger;

/// One run.
pub(super) fn play(seed: Seed) -> Coverage {
    let ledger = Arc::new(Ledger::default());
    let half_close = seed.number.is_multiple_of(2);
    let server = site::build(&ledger, half_close);
    let mut stage = Stage::new(seed, |_| ringlane::testing::application(&server));
    let clients = 1 + stage.random.below(20) as u32;
    for client in 0..clients {
        let refuses = stage.tally.refuses;
        let plan = requests::plan(client, &mut stage.random, half_close, refuses);
        stage.invite(plan);
    }
    let coverage = stage.play();
    ledger.check();
    coverage
}

#[test]
fn requests_are_answered_once_and_in_order_part_0() {
    run_part(0, play);
}

#[test]
fn requests_are_answered_once_and_in_order_part_1() {
    run_part(1, play);
}

#[test]
fn requests_are_answered_once_and_in_order_part_2() {
    run_part(2, play);
}

#[test]
fn requests_are_answered_once_and_in_order_part_3() {
    run_part(3, play);
}
