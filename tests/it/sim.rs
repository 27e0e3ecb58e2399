//! Runs whole servers in simulation: one seed per run, with faults injected.
//!
//! Every request is answered once and in order; who leaves, or is struck by a fault, sees a clean
//! beginning of it. At the end no slot, descriptor, buffer or task is held. A failure names its
//! seed, and `make sim SEED=…` plays it again with every event told.
//!
//! Not here: the simulated ring's own rules (`reactor/src/sim/tests.rs`).

mod echo;
mod planted;
mod scripts;
mod seeds;
mod stage;
mod visitor;
mod web;
