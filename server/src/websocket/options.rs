//! What a route's sockets may cost, and what they grant their clients.
//!
//! In:  [`Options`] as they were set.
//! Out: the same, checked, or every limit that is out of its range, by name.
//!
//! Not here: where limits are obeyed (`link.rs`, `upgraded.rs`).

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use ringlane_protocol::websocket::{self as codec, DeflateConfig, Origins, Policy};

use crate::limits::{LimitError, outside};
use crate::topics::SlowClient;

/// What the sockets of a route may cost, and what they grant their clients. Cheap to clone.
///
/// ```
/// use std::time::Duration;
/// use ringlane::Server;
/// use ringlane::websocket::{DeflateConfig, Message, Options, Socket};
///
/// let options = Options::default()
///     .max_message_bytes(1024 * 1024)
///     .idle_timeout(Duration::from_secs(30))
///     .compression(Some(DeflateConfig::SHARED));
/// let server = Server::builder()
///     .websocket_with("/echo", options, |socket: &Socket, message: Message<'_>| {
///         socket.send(message);
///     })
///     .build()?;
/// # Ok::<(), ringlane::BuildError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Options(Arc<Settings>);

#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) policy: Policy,
    pub(crate) codec: codec::Settings,
    pub(crate) idle_timeout: Duration,
    pub(crate) max_backpressure: usize,
    pub(crate) slow_client: SlowClient,
    pub(crate) max_lifetime: Duration,
    pub(crate) close_timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        static DEFAULT: LazyLock<Options> = LazyLock::new(|| {
            Options(Arc::new(Settings {
                policy: Policy::default(),
                codec: codec::Settings {
                    message_bytes_max: 16 * 1024,
                    ..codec::Settings::default()
                },
                idle_timeout: Duration::from_secs(120),
                max_backpressure: 64 * 1024,
                slow_client: SlowClient::default(),
                max_lifetime: Duration::MAX,
                close_timeout: Duration::from_secs(5),
            }))
        });
        DEFAULT.clone()
    }
}

impl Options {
    /// Largest message that is taken from a client, in bytes, decompressed. Default 16 KiB, 1 B to
    /// 1 GiB. Beyond it: closed with 1009.
    #[must_use]
    pub fn max_message_bytes(mut self, bytes: usize) -> Self {
        self.settings().codec.message_bytes_max = bytes;
        self
    }

    /// How long a client may be silent. Default 120 s, from 100 ms; zero turns it off. When half of
    /// it has passed the client is pinged; any byte that comes begins it anew. Beyond it: the
    /// connection is closed.
    #[must_use]
    pub fn idle_timeout(mut self, time: Duration) -> Self {
        self.settings().idle_timeout = time;
        self
    }

    /// How much may wait for a client that takes too little, in bytes. Default 64 KiB, 1 B to
    /// 1 GiB. Each message that waits counts 32 bytes more than it has. A message is
    /// [turned away](Self::slow_client) only if so much waits before it comes, and while so much
    /// waits nothing is read from the client.
    #[must_use]
    pub fn max_backpressure(mut self, bytes: usize) -> Self {
        self.settings().max_backpressure = bytes;
        self
    }

    /// What happens to a message that is one too many. Default: it is dropped.
    #[must_use]
    pub fn slow_client(mut self, policy: SlowClient) -> Self {
        self.settings().slow_client = policy;
        self
    }

    /// How long a socket may live. Default for ever, from 1 s. Beyond it: closed with 1001, so that
    /// the client connects anew.
    #[must_use]
    pub fn max_lifetime(mut self, time: Duration) -> Self {
        self.settings().max_lifetime = time;
        self
    }

    /// How long a client may take to answer a close frame. Default 5 s, 10 ms to 1 min. Beyond it:
    /// the connection is closed all the same.
    #[must_use]
    pub fn close_timeout(mut self, time: Duration) -> Self {
        self.settings().close_timeout = time;
        self
    }

    /// How messages are compressed for clients who offer it. Default not at all: it costs time, and
    /// with a context of its own each socket up to 300 KiB.
    #[must_use]
    pub fn compression(mut self, config: Option<DeflateConfig>) -> Self {
        self.settings().policy.deflate = config;
        self
    }

    /// Shortest message that is compressed, in bytes. Default 64. With 0 even what becomes longer
    /// by it is sent compressed: for clients who cannot take both.
    #[must_use]
    pub fn compression_min_bytes(mut self, bytes: usize) -> Self {
        self.settings().codec.compress_bytes_min = bytes;
        self
    }

    /// How hard to compress: 0 (not at all, but in that format) to 9. Default 2: up to 6 % longer
    /// than at 6, in 40 to 90 % of the time. Messages of up to 256 bytes that are compressed
    /// without history take level 1 at most. What is published to a topic or broadcast is
    /// compressed once for all its sockets, at 2.
    #[must_use]
    pub fn compression_level(mut self, level: u8) -> Self {
        self.settings().codec.compress_level = level;
        self
    }

    /// The sub-protocols spoken here, the best first. Default none. See
    /// [`Socket::protocol`](crate::websocket::Socket::protocol) for the one that was chosen.
    #[must_use]
    pub fn protocols<P: Into<String>>(mut self, names: impl IntoIterator<Item = P>) -> Self {
        self.settings().policy.protocols = names.into_iter().map(Into::into).collect();
        self
    }

    /// Whose pages may connect. Default any: name them where visitors are known by a cookie, since
    /// browsers send cookies along whichever page connects (RFC 6455 §10.2).
    #[must_use]
    pub fn origins(mut self, origins: Origins) -> Self {
        self.settings().policy.origins = origins;
        self
    }

    pub(crate) fn get(&self) -> &Settings {
        &self.0
    }

    fn settings(&mut self) -> &mut Settings {
        Arc::make_mut(&mut self.0)
    }

    /// Every limit that is outside of its range.
    pub(crate) fn check(&self) -> impl Iterator<Item = LimitError> {
        const GIB: usize = 1024 * 1024 * 1024;
        let millis = Duration::from_millis;
        let settings = self.get();
        let least = |time: Duration| time..;
        let idle = settings.idle_timeout;
        [
            outside(
                "max_message_bytes",
                settings.codec.message_bytes_max,
                1..=GIB,
            ),
            outside("compression_level", settings.codec.compress_level, 0..=9),
            outside("idle_timeout", idle, least(millis(100))).filter(|_| !idle.is_zero()),
            outside("max_backpressure", settings.max_backpressure, 1..=GIB),
            outside("max_lifetime", settings.max_lifetime, least(millis(1000))),
            outside(
                "close_timeout",
                settings.close_timeout,
                millis(10)..=millis(60_000),
            ),
        ]
        .into_iter()
        .flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(set: impl FnOnce(Options) -> Options, expected: &[&str]) {
        let errors: Vec<LimitError> = set(Options::default()).check().collect();
        let names: Vec<&str> = errors.iter().map(LimitError::name).collect();
        assert_eq!(names, expected);
    }

    #[test]
    fn each_limit_is_checked_by_name_at_its_edges() {
        const GIB: usize = 1 << 30;
        let millis = Duration::from_millis;
        check(|options| options, &[]);
        check(|options| options.max_message_bytes(1), &[]);
        check(|options| options.max_message_bytes(GIB), &[]);
        for bytes in [0, GIB + 1] {
            let names = ["max_message_bytes"];
            check(|options| options.max_message_bytes(bytes), &names);
            let names = ["max_backpressure"];
            check(|options| options.max_backpressure(bytes), &names);
        }
        for level in [0, 9] {
            check(|options| options.compression_level(level), &[]);
        }
        check(
            |options| options.compression_level(10),
            &["compression_level"],
        );
        check(|options| options.idle_timeout(Duration::ZERO), &[]);
        check(|options| options.idle_timeout(millis(100)), &[]);
        check(
            |options| options.idle_timeout(millis(99)),
            &["idle_timeout"],
        );
        check(
            |options| options.max_lifetime(millis(999)),
            &["max_lifetime"],
        );
        check(
            |options| options.close_timeout(millis(9)),
            &["close_timeout"],
        );
        check(
            |options| {
                options
                    .close_timeout(millis(60_001))
                    .max_lifetime(Duration::ZERO)
            },
            &["max_lifetime", "close_timeout"],
        );
    }
}
