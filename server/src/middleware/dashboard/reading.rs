//! Everything that a sample is made of, as it is at one moment.
//!
//! Always true here:
//! - Files of the kernel are read by a thread that may block.
//! - What cannot be read is `None`, and the rest is told all the same.
//!
//! Not here: what two readings say together (`sample.rs`).

use std::sync::Arc;
use std::time::Duration;

use ringlane_reactor::clock;
use rustix::thread::Pid;

use super::Board;
use super::lane::{Lane, LaneCounts};
use crate::status::{ServerStatus, Vitals};
use crate::time::{self, Instant};
use crate::{blocking, system};

/// The server at one moment.
pub(super) struct Reading {
    pub(super) at: Instant,
    /// Milliseconds since 1970 (UTC).
    pub(super) unix_ms: u64,
    pub(super) status: ServerStatus,
    /// Of each core, in order, as `status.cores`.
    pub(super) tallies: Vec<LaneCounts>,
    pub(super) usage: Usage,
}

/// What the kernel says.
#[derive(Clone, Debug, Default)]
pub(super) struct Usage {
    pub(super) memory_bytes: Option<u64>,
    /// Processor time of each core's thread, in order.
    pub(super) threads: Vec<Option<Duration>>,
}

impl Reading {
    pub(super) async fn take(board: &Board, vitals: &Vitals) -> Self {
        let status = vitals.status();
        let mut lanes = board.lanes().clone();
        lanes.resize_with(status.cores.len(), || None);
        let threads: Vec<Option<Pid>> = lanes
            .iter()
            .map(|lane| Some(lane.as_ref()?.thread))
            .collect();
        let reading = Self {
            at: time::now(),
            unix_ms: clock::unix_nanos() / 1_000_000,
            status,
            tallies: lanes.iter().map(|lane| tally(lane.as_ref())).collect(),
            usage: Usage::default(),
        };
        // Without a thread for it, the rest is told.
        let usage = blocking::with_system(move || Usage::read(&threads)).await;
        Self {
            usage: usage.unwrap_or_default(),
            ..reading
        }
    }
}

fn tally(lane: Option<&Arc<Lane>>) -> LaneCounts {
    lane.map_or_else(LaneCounts::default, |lane| lane.tally())
}

impl Usage {
    fn read(threads: &[Option<Pid>]) -> Self {
        let of_thread = |thread: &Option<Pid>| {
            let id = thread.as_ref()?.as_raw_nonzero();
            let text = std::fs::read_to_string(format!("/proc/self/task/{id}/schedstat"));
            time_on_processor(&text.ok()?)
        };
        Self {
            memory_bytes: system::memory_bytes(),
            threads: threads.iter().map(of_thread).collect(),
        }
    }
}

/// `schedstat` of a thread: nanoseconds on a processor, nanoseconds in its queue, times it ran.
fn time_on_processor(schedstat: &str) -> Option<Duration> {
    let nanos = schedstat.split_ascii_whitespace().next()?.parse().ok()?;
    Some(Duration::from_nanos(nanos))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_number_is_the_time_on_a_processor() {
        let time = time_on_processor("1500000000 20 3\n");
        assert_eq!(time, Some(Duration::from_millis(1500)));
        for nonsense in ["", "\n", "x 1 2", "-1 0 0", "99999999999999999999 0 0"] {
            assert_eq!(time_on_processor(nonsense), None, "{nonsense:?}");
        }
    }

    #[test]
    fn a_thread_that_works_is_seen_working() {
        let here = [Some(rustix::thread::gettid()), None];
        let before = Usage::read(&here);
        let mut number = 1u64;
        let mut now = Usage::read(&here);
        // Until the kernel has charged some of it, however busy the machine is.
        while now.threads[0] <= before.threads[0] {
            for _ in 0..100_000 {
                number = std::hint::black_box(number.wrapping_mul(31));
            }
            now = Usage::read(&here);
        }
        assert_eq!(now.threads[1], None);
        assert!(now.memory_bytes > Some(100_000), "{now:?}");
    }
}
