//! The clocks of one stream: when its client has heard nothing for too long, when it is to end.
//!
//! Not here: what is done then (`following.rs`, `conversation/drive.rs`).

use std::time::Duration;

use ringlane_reactor::clock::Instant;

use super::Options;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Pulse {
    heartbeat: Duration,
    /// When the client will have heard nothing for too long.
    beat_at: Instant,
    /// When the stream's lifetime is over, or the server's.
    ends_at: Instant,
    /// How long the stream goes on while the server drains.
    share_of_drain: Duration,
    is_draining: bool,
}

/// What a stream's time has come for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Due {
    Nothing,
    Beat,
    End,
}

impl Pulse {
    pub(crate) fn new(options: &Options, share_of_drain: Duration, now: Instant) -> Self {
        let settings = options.get();
        let mut pulse = Self {
            heartbeat: settings.heartbeat,
            beat_at: Instant::NEVER,
            ends_at: now + settings.max_lifetime,
            share_of_drain,
            is_draining: false,
        };
        pulse.heard(now);
        pulse
    }

    /// The client was sent something.
    pub(crate) fn heard(&mut self, now: Instant) {
        self.beat_at = match self.heartbeat.is_zero() {
            true => Instant::NEVER,
            false => now + self.heartbeat,
        };
    }

    /// The core drains.
    pub(crate) fn drain(&mut self, now: Instant) {
        if !self.is_draining {
            self.is_draining = true;
            self.ends_at = self.ends_at.min(now + self.share_of_drain);
        }
    }

    pub(crate) fn deadline(&self) -> Instant {
        self.beat_at.min(self.ends_at)
    }

    /// What it is time for. A beat is said once.
    pub(crate) fn due(&mut self, now: Instant) -> Due {
        if now >= self.ends_at {
            return Due::End;
        }
        if now >= self.beat_at {
            self.heard(now);
            return Due::Beat;
        }
        Due::Nothing
    }
}
