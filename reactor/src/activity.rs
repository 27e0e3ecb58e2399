//! How many connections send something at present: what tells whether more is about to come.
//!
//! Always true here:
//! - A connection counts once in each span of time, however often it sends.
//!
//! Not here: what follows from it (`reactor.rs`).

use crate::clock::Instant;

/// A span of time, as a power of two of nanoseconds: 4.2 ms. Short, so that the count follows the
/// load; longer than a busy client takes for its next request.
const SPAN_BITS: u32 = 22;

/// The connections that have sent something in this span of time and in the one before it.
#[derive(Debug, Default)]
pub(crate) struct Activity {
    span: Span,
    now: u32,
    before: u32,
}

/// The number of a span of time, modulo 2^32.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Span(u32);

impl Activity {
    /// Tells the time.
    #[inline]
    pub(crate) fn set_time(&mut self, now: Instant) {
        let span = Span((now.as_nanos() >> SPAN_BITS) as u32);
        if self.span != span {
            *self = Self {
                span,
                now: 0,
                before: self.now,
            };
        }
    }

    /// A connection has sent something; `last` is when it did so before.
    #[inline]
    pub(crate) fn note(&mut self, last: &mut Span) {
        if *last != self.span {
            *last = self.span;
            self.now += 1;
        }
    }

    /// How many there were in the last whole span in which time was told.
    pub(crate) fn connections(&self) -> u32 {
        self.before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_connection_counts_once_in_a_span() {
        let at = |spans: u64| Instant::from_nanos((spans << SPAN_BITS) + 5);
        let (mut activity, mut one, mut other) =
            (Activity::default(), Span::default(), Span::default());
        for (span, expected) in [(1, 0), (2, 2), (3, 2)] {
            activity.set_time(at(span));
            assert_eq!(activity.connections(), expected);
            activity.note(&mut one);
            activity.note(&mut one);
            activity.note(&mut other);
        }
        activity.set_time(at(4));
        activity.note(&mut one);
        activity.set_time(at(9)); // a pause tells nothing new
        assert_eq!(activity.connections(), 1);
    }
}
