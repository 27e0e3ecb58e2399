//! The position of a part in its message, as offset and length: it outlives moves of the buffer.

/// A part of a message, as a start and a length in bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Span {
    start: u32,
    len: u32,
}

/// One header line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    pub(super) name: Span,
    pub(super) value: Span,
}

impl Span {
    /// The part from `start` up to `end`. Heads are below 4 GiB (`HeadLimits`).
    pub(super) const fn new(start: usize, end: usize) -> Self {
        debug_assert!(start <= end && end <= u32::MAX as usize);
        Self {
            start: start as u32,
            len: (end - start) as u32,
        }
    }

    pub(super) const fn start(self) -> usize {
        self.start as usize
    }

    pub(super) const fn len(self) -> usize {
        self.len as usize
    }

    pub(super) fn of(self, message: &[u8]) -> &[u8] {
        let start = self.start as usize;
        &message[start..start + self.len as usize]
    }
}
