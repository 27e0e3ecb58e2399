//! Warm buffers for output and carried input, last used first.
//!
//! Always true here:
//! - At most [`KEPT_MAX`] buffers are kept, none larger than [`KEPT_BYTES_MAX`].
//!
//! Not here: receive buffers, which belong to the ring (`sys/`).

/// Buffers that one core keeps for reuse.
const KEPT_MAX: usize = 1024;
/// A buffer that has grown beyond this is not kept.
const KEPT_BYTES_MAX: usize = 64 * 1024;
/// The size of a new one: room for a few small answers, few enough for the cache to hold many.
const NEW_BYTES: usize = 1024;

#[derive(Debug, Default)]
pub(crate) struct Pool {
    free: Vec<Vec<u8>>,
}

impl Pool {
    #[inline]
    pub(crate) fn take(&mut self) -> Vec<u8> {
        self.free
            .pop()
            .unwrap_or_else(|| Vec::with_capacity(NEW_BYTES))
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
}
