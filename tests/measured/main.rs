//! What requests cost: allocations, calls into the kernel, memory. A binary of its own, because it
//! counts every allocation of its process.
//!
//! Always true here:
//! - Each test has the machine to itself (`.config/nextest.toml`).
//!
//! Not here: speed, which is compared in `bench/`.

#![forbid(unsafe_code)]

use std::alloc::System;

use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

mod measured;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;
