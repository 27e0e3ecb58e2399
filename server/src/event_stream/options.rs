//! What a stream of events may cost, and how it lives.
//!
//! In:  [`Options`] as they were set.
//! Out: the same, checked, or every limit that is out of its range, by name.
//!
//! Not here: where limits are obeyed (`pulse.rs`, `feed.rs`).

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use crate::limits::{LimitError, outside};
use crate::topics::SlowClient;
use crate::{Error, Result};

/// What streams of events may cost, and how they live. Cheap to clone.
///
/// ```
/// use std::time::Duration;
/// use ringlane::event_stream::Options;
/// use ringlane::{Context, Result, Server};
///
/// async fn quiet(ctx: Context) -> Result {
///     let options = Options::default().heartbeat(Duration::from_secs(30));
///     let events = ctx.event_stream_with(&options)?;
///     events.closed().await;
///     Ok(())
/// }
///
/// let server = Server::builder().get("/quiet", quiet).build()?;
/// # Ok::<(), ringlane::BuildError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Options(Arc<Settings>);

#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) heartbeat: Duration,
    pub(crate) max_backpressure: usize,
    pub(crate) slow_client: SlowClient,
    pub(crate) max_lifetime: Duration,
    pub(crate) retry: Option<Duration>,
}

impl Default for Options {
    fn default() -> Self {
        static DEFAULT: LazyLock<Options> = LazyLock::new(|| {
            Options(Arc::new(Settings {
                heartbeat: Duration::from_secs(15),
                max_backpressure: 64 * 1024,
                slow_client: SlowClient::default(),
                max_lifetime: Duration::MAX,
                retry: None,
            }))
        });
        DEFAULT.clone()
    }
}

impl Options {
    /// How long a client may hear nothing before it is sent a comment. Default 15 s, from 100 ms;
    /// zero turns it off.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let never = ringlane::event_stream::Options::default().heartbeat(Duration::ZERO);
    /// ```
    #[must_use]
    pub fn heartbeat(mut self, time: Duration) -> Self {
        self.settings().heartbeat = time;
        self
    }

    /// How much may wait for a client that follows a topic and takes too little, in bytes, beside
    /// 64 KiB that are on their way. Default 64 KiB, 1 B to 1 GiB. Each event that waits counts
    /// 32 bytes more than it has. What a client has missed stays in the topic's history until it is
    /// sent, and does not count. In asynchronous handlers [`send`](super::EventStream::send) waits
    /// instead.
    ///
    /// ```
    /// let options = ringlane::event_stream::Options::default().max_backpressure(1024 * 1024);
    /// ```
    #[must_use]
    pub fn max_backpressure(mut self, bytes: usize) -> Self {
        self.settings().max_backpressure = bytes;
        self
    }

    /// What happens to an event that is one too many for a client that follows a topic. Default: it
    /// is dropped. Where the topic has a history the client is told of the gap.
    ///
    /// ```
    /// use ringlane::event_stream::Options;
    /// use ringlane::topics::SlowClient;
    ///
    /// let options = Options::default().slow_client(SlowClient::Close);
    /// ```
    #[must_use]
    pub fn slow_client(mut self, policy: SlowClient) -> Self {
        self.settings().slow_client = policy;
        self
    }

    /// How long a stream may live. Default for ever, from 1 s. Beyond it: ended in good order, so
    /// that the client connects anew.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let options = ringlane::event_stream::Options::default()
    ///     .max_lifetime(Duration::from_secs(3600));
    /// ```
    #[must_use]
    pub fn max_lifetime(mut self, time: Duration) -> Self {
        self.settings().max_lifetime = time;
        self
    }

    /// How long a client is told to wait before it connects anew. Default: it is told nothing;
    /// browsers wait a few seconds.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let options = ringlane::event_stream::Options::default().retry(Duration::from_secs(1));
    /// ```
    #[must_use]
    pub fn retry(mut self, time: Duration) -> Self {
        self.settings().retry = Some(time);
        self
    }

    pub(crate) fn get(&self) -> &Settings {
        &self.0
    }

    fn settings(&mut self) -> &mut Settings {
        Arc::make_mut(&mut self.0)
    }

    /// The first limit that is outside of its range, as an error of the program's.
    pub(super) fn checked(&self) -> Result {
        match self.check().next() {
            Some(error) => Err(Error::internal(error)),
            None => Ok(()),
        }
    }

    /// Every limit that is outside of its range.
    fn check(&self) -> impl Iterator<Item = LimitError> {
        const GIB: usize = 1024 * 1024 * 1024;
        let settings = self.get();
        let least = |millis| Duration::from_millis(millis)..;
        let heartbeat = settings.heartbeat;
        [
            outside("heartbeat", heartbeat, least(100)).filter(|_| !heartbeat.is_zero()),
            outside("max_backpressure", settings.max_backpressure, 1..=GIB),
            outside("max_lifetime", settings.max_lifetime, least(1000)),
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
        check(|options| options.heartbeat(Duration::ZERO), &[]);
        check(|options| options.heartbeat(millis(100)), &[]);
        check(|options| options.heartbeat(millis(99)), &["heartbeat"]);
        check(|options| options.max_backpressure(1), &[]);
        check(|options| options.max_backpressure(GIB), &[]);
        for bytes in [0, GIB + 1] {
            let names = ["max_backpressure"];
            check(|options| options.max_backpressure(bytes), &names);
        }
        check(|options| options.max_lifetime(millis(1000)), &[]);
        check(
            |options| options.max_lifetime(millis(999)),
            &["max_lifetime"],
        );
    }
}
