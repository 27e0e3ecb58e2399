//! Tokens that one core has taken from shared buckets, and not used yet.
//!
//! Always true here:
//! - The shared table is touched once for a batch of requests of a key, not once for each.
//! - A token that is held for longer than a bucket takes to fill is gone.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ringlane_reactor::clock::Instant;

use super::table::{Rate, Table};

/// Keys that one core holds tokens of.
const LEASES: usize = 1024;
const BATCH_MAX: u32 = 64;
/// All cores together hold back no more than this part of a bucket.
const HELD_PART: u32 = 16;

/// One core's part of a limit.
pub(super) struct OnCore {
    table: Arc<Table>,
    cores: Arc<AtomicUsize>,
    /// Empty where batches are of one token.
    leases: Box<[Cell<Lease>]>,
}

#[derive(Clone, Copy, Default)]
struct Lease {
    hash: u64,
    spare: u32,
    until: Instant,
}

impl OnCore {
    pub(super) fn new(table: Arc<Table>, cores: Arc<AtomicUsize>) -> Self {
        let has_batches = table.rate().burst() >= 2 * HELD_PART;
        let count = if has_batches { LEASES } else { 0 };
        Self {
            table,
            cores,
            leases: std::iter::repeat_with(Cell::default).take(count).collect(),
        }
    }

    pub(super) fn rate(&self) -> Rate {
        self.table.rate()
    }

    /// Takes a token for one request; or tells how long to wait for one.
    pub(super) fn take(&self, hash: u64, now: Instant) -> Result<(), Duration> {
        let Some(cell) = self.lease(hash) else {
            return self.table.take(hash, 1, now).map(|_| ());
        };
        let lease = cell.get();
        if lease.hash == hash && lease.spare > 0 && now < lease.until {
            cell.set(Lease {
                spare: lease.spare - 1,
                ..lease
            });
            return Ok(());
        }
        let batch = self.batch();
        let taken = self.table.take(hash, batch, now)?;
        if lease.hash != hash && lease.spare > 0 && now < lease.until {
            self.table.give_back(lease.hash, lease.spare);
        }
        cell.set(Lease {
            hash,
            spare: taken.saturating_sub(1),
            until: now + self.rate().fill_time(),
        });
        Ok(())
    }

    /// Tokens that are left of a key, as far as this core knows.
    pub(super) fn left(&self, hash: u64, now: Instant) -> u32 {
        let own = self.lease(hash).map(Cell::get);
        let own = own.filter(|lease| lease.hash == hash && now < lease.until);
        let spare = own.map_or(0, |lease| lease.spare);
        // The bucket fills again while some of it is held here.
        let left = self.table.left(hash, now).saturating_add(spare);
        left.min(self.rate().burst())
    }

    fn lease(&self, hash: u64) -> Option<&Cell<Lease>> {
        // The table uses the upper bits.
        self.leases.get(hash as usize % LEASES)
    }

    fn batch(&self) -> u32 {
        let cores = u32::try_from(self.cores.load(Ordering::Relaxed)).unwrap_or(u32::MAX);
        let part = self.rate().burst() / cores.saturating_mul(HELD_PART).max(1);
        part.clamp(1, BATCH_MAX)
    }
}
