//! What can be set about a reactor, checked once.
//!
//! Not here: limits of what applications parse; they are the application's own.

use std::fmt;
use std::ops::{Bound, RangeBounds};
use std::time::Duration;

/// What to do with a connection that is one more than allowed.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum OverLimit {
    /// Leave it in the kernel's queue until another one ends.
    #[default]
    Wait,
    /// Accept it, let the application refuse it, and close it.
    Refuse,
}

/// Limits and timings of one core's reactor.
///
/// ```
/// use ringlane_reactor::Config;
///
/// let config = Config { connections_max: 100, ..Config::default() };
/// assert!(config.check().is_ok());
/// assert!(Config { connections_max: 0, ..config }.check().is_err());
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Config {
    /// Connections on this core. Default and most: [`crate::PLACES_MAX`]; at least 1.
    pub connections_max: usize,
    /// What happens to one more. Default [`OverLimit::Wait`].
    pub over_limit: OverLimit,
    /// How long a connection must have been idle before it may be closed to make room for one more
    /// than the limit. Default 1 s, 0 to [`Duration::MAX`], which keeps them all.
    pub evict_after: Duration,
    /// Input that may wait unconsumed, per connection, in bytes. Default 64 KiB, 1 KiB to 1 GiB.
    /// Beyond it the socket is not read. One burst, up to 32 buffers or all large ones, may still
    /// exceed it.
    pub input_bytes_max: usize,
    /// How long a peer may take no byte of what is sent to it, as long as something waits to be
    /// sent. Default 30 s, from 100 ms. Beyond it the connection is reset. A byte is taken when the
    /// peer's kernel has acknowledged it, or, on a Unix socket, when the peer has read it.
    pub write_timeout: Duration,
    /// How many bytes a peer must take within [`write_timeout`](Self::write_timeout), as long as
    /// more than the kernel can buffer waits to be sent. Default 1 B, 1 B to 1 GiB. Else the
    /// connection is reset.
    pub write_bytes_min: u64,
    /// How long a closing connection waits for more of what the peer still sends, which is dropped:
    /// closing before it has ended resets the peer, and destroys the answer. Default 5 s, 0 to 1
    /// min. A peer that goes on sending is given six times as long.
    pub linger_timeout: Duration,
    /// How many bytes of that at most. Default 1 GiB.
    pub linger_bytes_max: u32,
    /// How long accepting rests when descriptors or memory have run out. Default 50 ms, 1 ms to 10
    /// s.
    pub accept_backoff: Duration,
    /// Receive buffers of the core. Default 1,024; a power of two from 2 to 32,768.
    pub buffers: u16,
    /// The size of each, in bytes. Default 4 KiB, 64 B to 1 MiB.
    pub buffer_bytes: u32,
    /// Receive buffers for connections that fill several of the others in a row, as uploads do.
    /// Default 8; a power of two from 2 to 1,024. Their memory is used only when they are.
    pub large_buffers: u16,
    /// The size of each, in bytes. Default 64 KiB, from `buffer_bytes` to 4 MiB.
    pub large_buffer_bytes: u32,
    /// How long a core that has nothing to do looks for work before it sleeps. Default 0, up to 1
    /// ms. Sleeping and waking cost a lone connection more than its request does; spinning costs
    /// the core, which others then cannot use. A core whose work comes further apart than this
    /// stops spinning until it comes closer together again.
    pub spin: Duration,
    /// A core that makes no turn for so long although it is awake is
    /// [stalled](crate::Stall). Default 1 s, from 10 ms; `Duration::MAX` watches nothing.
    pub stall_time: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            connections_max: crate::PLACES_MAX,
            over_limit: OverLimit::default(),
            evict_after: Duration::from_secs(1),
            input_bytes_max: 64 * 1024,
            write_timeout: Duration::from_secs(30),
            write_bytes_min: 1,
            linger_timeout: Duration::from_secs(5),
            linger_bytes_max: 1 << 30,
            accept_backoff: Duration::from_millis(50),
            buffers: 1024,
            buffer_bytes: 4096,
            large_buffers: 8,
            large_buffer_bytes: 64 * 1024,
            spin: Duration::ZERO,
            stall_time: Duration::from_secs(1),
        }
    }
}

/// A setting that is not within its range.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ConfigError {
    /// The setting's name.
    pub name: &'static str,
    /// What it was set to, and what is allowed.
    pub problem: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.problem)
    }
}

impl std::error::Error for ConfigError {}

impl Config {
    /// Checks every setting.
    ///
    /// # Errors
    ///
    /// The first setting that is out of its range, by name.
    pub fn check(&self) -> Result<(), ConfigError> {
        const SECOND: Duration = Duration::from_secs(1);
        let millis = Duration::from_millis;
        within(
            "connections_max",
            self.connections_max,
            1..=crate::PLACES_MAX,
        )?;
        within("input_bytes_max", self.input_bytes_max, 1024..=1 << 30)?;
        within("write_timeout", self.write_timeout, millis(100)..)?;
        within("write_bytes_min", self.write_bytes_min, 1..=1 << 30)?;
        within(
            "linger_timeout",
            self.linger_timeout,
            Duration::ZERO..=60 * SECOND,
        )?;
        within(
            "accept_backoff",
            self.accept_backoff,
            millis(1)..=10 * SECOND,
        )?;
        within("buffers", self.buffers, 2..=32_768)?;
        within("buffer_bytes", self.buffer_bytes, 64..=1 << 20)?;
        power_of_two("buffers", self.buffers)?;
        within("large_buffers", self.large_buffers, 2..=1024)?;
        power_of_two("large_buffers", self.large_buffers)?;
        let sizes = self.buffer_bytes..=4 << 20;
        within("large_buffer_bytes", self.large_buffer_bytes, sizes)?;
        within("spin", self.spin, Duration::ZERO..=millis(1))?;
        within("stall_time", self.stall_time, millis(10)..)
    }
}

/// Rings of buffers have no other lengths.
fn power_of_two(name: &'static str, value: u16) -> Result<(), ConfigError> {
    if value.is_power_of_two() {
        return Ok(());
    }
    let problem = format!("{value} is not a power of two");
    Err(ConfigError { name, problem })
}

pub(crate) fn within<T: PartialOrd + fmt::Debug>(
    name: &'static str,
    value: T,
    range: impl RangeBounds<T>,
) -> Result<(), ConfigError> {
    if range.contains(&value) {
        return Ok(());
    }
    let problem = match (range.start_bound(), range.end_bound()) {
        (Bound::Included(least), Bound::Included(most)) => {
            format!("{value:?} is not within {least:?} to {most:?}")
        }
        (Bound::Included(least), _) => format!("{value:?} is too little: at least {least:?}"),
        _ => format!("{value:?} is not allowed"),
    };
    Err(ConfigError { name, problem })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, set: impl FnOnce(&mut Config)) {
        let mut config = Config::default();
        set(&mut config);
        match config.check() {
            Ok(()) => assert_eq!(name, "", "{config:?} was accepted"),
            Err(error) => assert_eq!(error.name, name, "{error}"),
        }
    }

    #[test]
    fn each_limit_is_checked_by_name_at_its_edges() {
        check("", |_| {});
        check("", |config| config.connections_max = 1);
        check("connections_max", |config| config.connections_max = 0);
        check("", |config| config.connections_max = crate::PLACES_MAX);
        check("connections_max", |config| {
            config.connections_max = crate::PLACES_MAX + 1
        });
        check("", |config| config.input_bytes_max = 1024);
        check("input_bytes_max", |config| config.input_bytes_max = 1023);
        check("write_timeout", |config| {
            config.write_timeout = Duration::from_millis(99)
        });
        check("write_bytes_min", |config| config.write_bytes_min = 0);
        check("", |config| config.write_bytes_min = 1 << 30);
        check("write_bytes_min", |config| {
            config.write_bytes_min = (1 << 30) + 1
        });
        check("linger_timeout", |config| {
            config.linger_timeout = Duration::from_secs(61)
        });
        check("accept_backoff", |config| {
            config.accept_backoff = Duration::ZERO
        });
        check("", |config| config.buffers = 32_768);
        check("buffers", |config| config.buffers = 1);
        check("buffers", |config| config.buffers = 1000);
        check("buffer_bytes", |config| config.buffer_bytes = 63);
        check("", |config| config.large_buffers = 1024);
        check("large_buffers", |config| config.large_buffers = 2048);
        check("large_buffers", |config| config.large_buffers = 1);
        check("large_buffers", |config| config.large_buffers = 3);
        check("", |config| config.large_buffer_bytes = 4096);
        check("large_buffer_bytes", |config| {
            config.large_buffer_bytes = 4095
        });
        check("", |config| config.large_buffer_bytes = 4 << 20);
        check("large_buffer_bytes", |config| {
            config.large_buffer_bytes = (4 << 20) + 1
        });
        check("", |config| config.spin = Duration::from_millis(1));
        check("spin", |config| config.spin = Duration::from_micros(1001));
        check("", |config| config.stall_time = Duration::from_millis(10));
        check("", |config| config.stall_time = Duration::MAX);
        check("stall_time", |config| {
            config.stall_time = Duration::from_millis(9)
        });
    }
}
