//! What one core has done and holds, in words that other threads may read at any time.
//!
//! Always true here:
//! - Only the core itself writes, but what only others can see of it, which the watchdog writes
//!   alone; readers see each word whole, not all words of one instant.
//!
//! Not here: what applications count.

use std::sync::atomic::{AtomicU64, Ordering};

/// One word of a core's metrics.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Its value now.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Only the one that writes this word may call this: there is no read-modify-write.
    pub(crate) fn add(&self, count: u64) {
        self.set(self.get() + count);
    }

    pub(crate) fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }
}

/// What one core has done and holds.
#[derive(Debug, Default)]
#[repr(align(128))] // its own cache lines: other cores write theirs
pub struct Metrics {
    /// Connections that are open now.
    pub connections: Counter,
    /// Connections accepted.
    pub accepted: Counter,
    /// Connections refused because the limit was reached.
    pub refused: Counter,
    /// Idle connections closed at the limit, to make room for others.
    pub evicted: Counter,
    /// Turns of the loop.
    pub turns: Counter,
    /// Calls into the kernel that submit or wait.
    pub enters: Counter,
    /// Completions taken.
    pub completions: Counter,
    /// Receives that found no buffer and had to wait in line.
    pub starved: Counter,
    /// Completions for connections that were gone: a bug of the kernel's or ours.
    pub stale: Counter,
    /// Accepts that failed because descriptors or memory had run out.
    pub exhausted: Counter,
    /// Connections closed because the peer took no bytes in time.
    pub write_timeouts: Counter,
    /// Tasks and connections woken.
    pub wakes: Counter,
    /// Receive buffers that are not home.
    pub buffers_lent: Counter,
    /// Times that the core made no turn for [`stall_time`](crate::Config::stall_time).
    pub stalls: Counter,
    /// 1 while it does not, else 0.
    pub stalled: Counter,
}
