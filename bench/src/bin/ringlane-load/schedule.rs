//! Computes when requests are due at a constant rate.
//!
//! Always true here: the k-th is due k/rate after the start. So a server that stalls makes later
//! requests late, and their latency, counted from here, says so: nothing is left out because the
//! generator had to wait (coordinated omission).
//!
//! Not here: a clock; time comes in as nanoseconds since the start.

/// A constant rate.
#[derive(Clone, Debug)]
pub(crate) struct Schedule {
    per_second: f64,
    taken: u64,
}

impl Schedule {
    pub(crate) fn new(per_second: f64) -> Self {
        Self {
            per_second,
            taken: 0,
        }
    }

    /// When the next one is due.
    pub(crate) fn next_ns(&self) -> u64 {
        (self.taken as f64 * 1e9 / self.per_second) as u64
    }

    /// Takes the next one if it is due; says when it was.
    pub(crate) fn take(&mut self, now_ns: u64) -> Option<u64> {
        let due = self.next_ns();
        (due <= now_ns).then(|| self.taken += 1).map(|()| due)
    }

    /// How many are due at that time, taken or not.
    pub(crate) fn due(&self, now_ns: u64) -> u64 {
        (now_ns as f64 * self.per_second / 1e9) as u64 + 1
    }

    pub(crate) fn taken(&self) -> u64 {
        self.taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_due_comes_in_order_and_not_before() {
        let mut schedule = Schedule::new(1000.0);
        assert_eq!(schedule.take(0), Some(0));
        assert_eq!(schedule.take(999_999), None);
        assert_eq!(schedule.next_ns(), 1_000_000);
        assert_eq!(schedule.take(1_000_000), Some(1_000_000));
        assert_eq!(schedule.taken(), 2);
    }

    #[test]
    fn a_stall_leaves_nothing_out() {
        let mut schedule = Schedule::new(1000.0);
        let late: Vec<u64> = std::iter::from_fn(|| schedule.take(5_000_000)).collect();
        assert_eq!(late, [0, 1, 2, 3, 4, 5].map(|ms| ms * 1_000_000));
        assert_eq!(schedule.due(5_000_000), 6);
        assert_eq!(schedule.due(5_999_999), 6);
    }

    #[test]
    fn rates_that_do_not_divide_a_second_do_not_drift() {
        let mut schedule = Schedule::new(3.0);
        let hour_ns = 3_600_000_000_000;
        while schedule.take(hour_ns - 1).is_some() {}
        assert_eq!(schedule.taken(), 3 * 3600);
        assert_eq!(schedule.next_ns(), hour_ns);
    }
}
