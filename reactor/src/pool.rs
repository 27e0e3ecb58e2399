//! Warm buffers for output and carried input, last used first.
//!
//! Always true here:
//! - At most [`KEPT_MAX`] buffers are kept, none larger than [`KEPT_BYTES_MAX`].
//! - Of more than [`CALM_MAX`], those that nobody has needed for [`CALM`] are given back.
//!
//! Not here: receive buffers, which belong to the ring (`sys/`).

use std::time::Duration;

use crate::clock::Instant;

/// Buffers that one core keeps for reuse.
const KEPT_MAX: usize = 1024;
/// A buffer that has grown beyond this is not kept.
const KEPT_BYTES_MAX: usize = 64 * 1024;
/// So many are kept however long nobody needs them.
const CALM_MAX: usize = 16;
/// How long a buffer beyond these may lie unused.
const CALM: Duration = Duration::from_secs(1);
/// The size of a new one: room for a few small answers, few enough for the cache to hold many.
const NEW_BYTES: usize = 1024;

#[derive(Debug)]
pub(crate) struct Pool {
    free: Vec<Vec<u8>>,
    /// So many, the first ones, have not been needed since the last look.
    unused: usize,
    /// When to look what was not needed; never while few are here.
    looks_at: Instant,
}

impl Default for Pool {
    fn default() -> Self {
        Self {
            free: Vec::new(),
            unused: 0,
            looks_at: Instant::NEVER,
        }
    }
}

impl Pool {
    #[inline]
    pub(crate) fn take(&mut self) -> Vec<u8> {
        let Some(buffer) = self.free.pop() else {
            return Vec::with_capacity(NEW_BYTES);
        };
        self.unused = self.unused.min(self.free.len());
        buffer
    }

    /// Once a turn: gives back what was not needed for a while.
    #[inline]
    pub(crate) fn tend(&mut self, now: Instant) {
        if self.free.len() > CALM_MAX {
            self.look(now);
        }
    }

    /// When [`tend`](Self::tend) has something to do, if it has.
    pub(crate) fn next(&self) -> Option<Instant> {
        (self.looks_at != Instant::NEVER).then_some(self.looks_at)
    }

    #[cold]
    #[inline(never)]
    fn look(&mut self, now: Instant) {
        if self.looks_at <= now {
            let surplus = self.free.len() - CALM_MAX;
            self.free.drain(..self.unused.min(surplus));
        } else if self.looks_at != Instant::NEVER {
            return;
        }
        self.unused = self.free.len();
        self.looks_at = match self.free.len() > CALM_MAX {
            true => now + CALM,
            false => Instant::NEVER,
        };
    }

    #[inline]
    pub(crate) fn put(&mut self, mut buffer: Vec<u8>) {
        if buffer.capacity() <= KEPT_BYTES_MAX && self.free.len() < KEPT_MAX {
            buffer.clear();
            self.free.push(buffer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_so_many_and_so_large_buffers_are_kept() {
        let mut pool = Pool::default();
        pool.put(Vec::with_capacity(KEPT_BYTES_MAX + 1));
        assert_eq!(pool.free.len(), 0);
        for _ in 0..=KEPT_MAX {
            pool.put(Vec::with_capacity(KEPT_BYTES_MAX));
        }
        assert_eq!(pool.free.len(), KEPT_MAX);
        pool.put(vec![1]);
        assert!(pool.take().is_empty());
    }

    #[test]
    fn buffers_of_a_burst_are_given_back_when_it_is_over() {
        let (mut pool, began) = (Pool::default(), Instant::default() + CALM);
        let fill = |pool: &mut Pool| {
            (0..KEPT_MAX).for_each(|_| pool.put(Vec::with_capacity(KEPT_BYTES_MAX)));
        };
        fill(&mut pool);
        pool.tend(began);
        assert_eq!(pool.next(), Some(began + CALM));
        // Half of them are in use at times; the others are not needed.
        let used: Vec<_> = (0..KEPT_MAX / 2).map(|_| pool.take()).collect();
        used.into_iter().for_each(|buffer| pool.put(buffer));
        pool.tend(began + (CALM - Duration::from_nanos(1)));
        assert_eq!(pool.free.len(), KEPT_MAX);
        pool.tend(began + CALM);
        assert_eq!(pool.free.len(), KEPT_MAX / 2);
        pool.tend(began + 2 * CALM);
        assert_eq!((pool.free.len(), pool.next()), (CALM_MAX, None));
        // The next burst is the same again.
        fill(&mut pool);
        pool.tend(began + 9 * CALM);
        assert_eq!(pool.next(), Some(began + 10 * CALM));
        assert_eq!(pool.free.len(), KEPT_MAX);
    }

    #[test]
    fn few_buffers_are_kept_for_ever() {
        let (mut pool, began) = (Pool::default(), Instant::default() + CALM);
        (0..CALM_MAX).for_each(|_| pool.put(vec![1]));
        pool.tend(began);
        assert_eq!(pool.next(), None);
        pool.put(vec![1]); // one more
        pool.tend(began);
        pool.tend(began + CALM);
        assert_eq!((pool.free.len(), pool.next()), (CALM_MAX, None));
    }
}
