//! Which of a request's time limits is running, and how much of each is left.
//!
//! Always true here:
//! - One of them runs at a time: a handler that waits for its client spends the client's time.
//!
//! Not here: what happens when one runs out (`drive.rs`).

use std::time::Duration;

use ringlane_reactor::clock::Instant;

use crate::limits::Limits;

/// What a request waits for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Running {
    /// Nothing that has a limit here.
    Nothing,
    /// The handler, until the head of its answer is committed.
    Handler,
    /// The client, for more of the request's body.
    Body,
    /// What a cancelled request still does.
    Grace,
}

#[derive(Debug)]
pub(super) struct Clocks {
    running: Running,
    since: Instant,
    handler_left: Duration,
    body_left: Duration,
    grace_left: Duration,
    /// How many bytes of the body had come when its present time began.
    body_bytes_before: u64,
}

impl Clocks {
    pub(super) fn new(limits: &Limits, now: Instant) -> Self {
        Self {
            running: Running::Handler,
            since: now,
            handler_left: limits.handler_time,
            body_left: limits.body_progress_time,
            grace_left: limits.grace_time,
            body_bytes_before: 0,
        }
    }

    pub(super) fn running(&self) -> Running {
        self.running
    }

    /// Stops what runs and runs another. Gives the time at which that one runs out.
    pub(super) fn run(&mut self, next: Running, now: Instant) -> Instant {
        let spent = now - self.since;
        if let Some(left) = self.left() {
            *left = left.saturating_sub(spent);
        }
        self.running = next;
        self.since = now;
        match self.left() {
            Some(left) => now + *left,
            None => Instant::NEVER,
        }
    }

    /// Whether enough of a body came in its time; if so, a new time begins.
    pub(super) fn renew_body(&mut self, bytes: u64, limits: &Limits) -> bool {
        let is_enough = bytes - self.body_bytes_before >= limits.body_progress_bytes_min;
        if is_enough {
            self.body_bytes_before = bytes;
            self.body_left = limits.body_progress_time;
            self.running = Running::Nothing;
        }
        is_enough
    }

    fn left(&mut self) -> Option<&mut Duration> {
        match self.running {
            Running::Nothing => None,
            Running::Handler => Some(&mut self.handler_left),
            Running::Body => Some(&mut self.body_left),
            Running::Grace => Some(&mut self.grace_left),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_charged_to_what_was_waited_for() {
        let seconds = Duration::from_secs;
        let limits = Limits::default()
            .handler_time(seconds(30))
            .body_progress_time(seconds(10));
        let start = Instant::from_nanos(0);
        let mut clocks = Clocks::new(&limits, start);
        let at = |second| start + seconds(second);
        assert_eq!(clocks.run(Running::Body, at(4)), at(14));
        assert_eq!(clocks.run(Running::Handler, at(12)), at(38));
        assert_eq!(clocks.run(Running::Body, at(20)), at(22));
        assert!(!clocks.renew_body(1023, &limits));
        assert!(clocks.renew_body(1024, &limits));
        assert_eq!(clocks.run(Running::Body, at(22)), at(32));
        assert!(!clocks.renew_body(2047, &limits));
        assert_eq!(clocks.run(Running::Nothing, at(30)), Instant::NEVER);
        assert_eq!(clocks.run(Running::Handler, at(1000)), at(1018));
    }
}
