//! Tests the dependencies between crates and what each may use.
//!
//! `bench, tests → server → {reactor, router, protocol, macros}`, and no edge among those four.
//! Each rule here is a function from what it reads to what it found, so that its own test can
//! show it a bad sample.
//!
//! Not here: habits of style (`tidy.rs`).

mod code;
mod manifests;
mod unsafety;
