//! Grows a buffer by doubling, up to its limit.

/// First allocation of a buffer, in bytes, unless it may hold less.
const BUFFER_BYTES_MIN: usize = 1024;

/// Makes room for `more` bytes, so that repeated calls copy each byte a constant number of times.
/// Allocates at most `bytes_max` in all, even if that leaves less room than was asked for.
pub(super) fn grow(buffer: &mut Vec<u8>, more: usize, bytes_max: usize) {
    let needed = buffer.len().saturating_add(more);
    if needed <= buffer.capacity() {
        return;
    }
    let doubled = buffer.capacity().saturating_mul(2);
    let wanted = needed.max(doubled).max(BUFFER_BYTES_MIN).min(bytes_max);
    buffer.reserve_exact(wanted.saturating_sub(buffer.len()));
}

#[cfg(test)]
mod tests {
    use super::{BUFFER_BYTES_MIN, grow};

    #[test]
    fn a_buffer_doubles_up_to_its_limit() {
        let mut buffer = Vec::new();
        let mut sizes = Vec::new();
        while buffer.len() < 5000 {
            grow(&mut buffer, 1, 5000);
            if sizes.last() != Some(&buffer.capacity()) {
                sizes.push(buffer.capacity());
            }
            buffer.push(0);
        }
        assert_eq!(sizes, [BUFFER_BYTES_MIN, 2048, 4096, 5000]);
        grow(&mut buffer, 1, 5000);
        assert_eq!(buffer.capacity(), 5000);
    }

    #[test]
    fn a_buffer_grows_to_what_is_needed_at_once() {
        let mut buffer = Vec::new();
        grow(&mut buffer, 10_000, 20_000);
        assert_eq!(buffer.capacity(), 10_000);
        let mut small = Vec::new();
        grow(&mut small, 1, 16);
        assert_eq!(small.capacity(), 16);
    }
}
