//! How many connections all cores may hold together: one number, leased in batches.
//!
//! Always true here:
//! - The leases of all cores together never exceed the number.
//! - A core touches the shared word once per batch, not once per connection.
//!
//! Not here: what happens to a connection that gets no place (`admission.rs`).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Connections that all cores may hold together.
///
/// ```
/// use ringlane_reactor::Budget;
///
/// let budget = Budget::new(2, 1);
/// let (mut one, mut other) = (budget.lease(), budget.lease());
/// assert!(one.take() && other.take());
/// assert!(!one.take());
/// other.give_back();
/// assert!(one.take());
/// ```
#[derive(Clone, Debug)]
pub struct Budget {
    left: Arc<AtomicUsize>,
    batch: usize,
}

impl Budget {
    /// Places for `total` connections, spread over `cores` cores.
    pub fn new(total: usize, cores: usize) -> Self {
        const BATCH_MAX: usize = 64;
        let batch = (total / (cores.max(1) * 16)).clamp(1, BATCH_MAX);
        Self {
            left: Arc::new(AtomicUsize::new(total)),
            batch,
        }
    }

    /// One core's part, empty at first.
    pub fn lease(&self) -> Lease {
        Lease {
            budget: self.clone(),
            spare: 0,
        }
    }

    fn take_up_to(&self, count: usize) -> usize {
        let took = self
            .left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                (left > 0).then(|| left - left.min(count))
            });
        took.map_or(0, |left| left.min(count))
    }
}

/// Places that one core holds and does not use.
#[derive(Debug)]
pub struct Lease {
    budget: Budget,
    spare: usize,
}

impl Lease {
    /// Takes a place for one connection; `false` if none is left.
    pub fn take(&mut self) -> bool {
        if self.spare == 0 {
            self.spare = self.budget.take_up_to(self.budget.batch);
        }
        let taken = self.spare > 0;
        self.spare -= usize::from(taken);
        taken
    }

    /// How many more places there are: this core's own and those that nobody has leased.
    pub fn left(&self) -> usize {
        self.spare + self.budget.left.load(Ordering::Relaxed)
    }

    /// Gives a connection's place back.
    pub fn give_back(&mut self) {
        self.spare += 1;
        // With a batch of one, or at the limit, nothing is held back from other cores.
        if self.budget.batch == 1 || self.budget.left.load(Ordering::Relaxed) == 0 {
            self.give_all_back();
        } else if self.spare >= 2 * self.budget.batch {
            let batch = self.budget.batch;
            self.budget.left.fetch_add(batch, Ordering::Relaxed);
            self.spare -= batch;
        }
    }

    /// Gives back all places that this core does not use.
    pub(crate) fn give_all_back(&mut self) {
        let spare = std::mem::take(&mut self.spare);
        self.budget.left.fetch_add(spare, Ordering::Relaxed);
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.budget.left.fetch_add(self.spare, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_is_never_exceeded_and_never_lost() {
        for (total, cores) in [(1, 1), (1, 4), (10, 2), (1000, 2), (100_000, 4)] {
            let budget = Budget::new(total, cores);
            let mut leases: Vec<_> = (0..cores).map(|_| budget.lease()).collect();
            let mut taken = vec![0; cores];
            for round in 0..3 * total {
                let core = round % cores;
                taken[core] += usize::from(leases[core].take());
            }
            assert_eq!(taken.iter().sum::<usize>(), total, "{total} over {cores}");
            for (lease, taken) in leases.iter_mut().zip(taken) {
                (0..taken).for_each(|_| lease.give_back());
            }
            drop(leases);
            assert_eq!(budget.left.load(Ordering::Relaxed), total);
        }
    }
}
