//! How much a client may send and how long anything may take: all limits, on by default.
//!
//! In:  a [`Limits`] as it was set.
//! Out: the same, checked, or a [`LimitError`] that names the limit.
//!
//! Not here: where limits are obeyed (`conversation/`), those of the operating system.

use std::fmt;
use std::ops::{Bound, RangeBounds};
use std::time::Duration;

use ringlane_protocol::{HEADERS_CEILING, HeadLimits, StatusCode};

use crate::{Context, Error, IntoResponse};

/// How much a client may send and how long anything may take.
///
/// Every limit is on by default. `Duration::MAX` turns a time limit off.
///
/// ```
/// use std::time::Duration;
/// use ringlane::{Limits, Server};
///
/// let limits = Limits::default()
///     .body_bytes_max(16 * 1024 * 1024)
///     .handler_time(Duration::from_secs(5));
/// let server = Server::builder().limits(limits).build()?;
/// # Ok::<(), ringlane::BuildError>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    pub(crate) head: HeadLimits,
    pub(crate) body_bytes_max: u64,
    pub(crate) unread_body_bytes_max: u64,
    pub(crate) head_time: Duration,
    pub(crate) idle_time: Duration,
    pub(crate) body_progress_time: Duration,
    pub(crate) body_progress_bytes_min: u64,
    pub(crate) handler_time: Duration,
    handler_timeout_is_408: bool,
    handler_timeout_is_json: bool,
    pub(crate) grace_time: Duration,
    pub(crate) write_time: Duration,
    pub(crate) write_bytes_min: u64,
    pub(crate) requests_per_connection_max: Option<u32>,
    pub(crate) connection_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head: HeadLimits::DEFAULT,
            body_bytes_max: 2 * 1024 * 1024,
            unread_body_bytes_max: 256 * 1024,
            head_time: Duration::from_secs(10),
            idle_time: Duration::from_secs(60),
            body_progress_time: Duration::from_secs(10),
            body_progress_bytes_min: 1024,
            handler_time: Duration::from_secs(30),
            handler_timeout_is_408: false,
            handler_timeout_is_json: false,
            grace_time: Duration::from_secs(1),
            write_time: Duration::from_secs(30),
            write_bytes_min: 4 * 1024,
            requests_per_connection_max: None,
            connection_time: Duration::from_secs(60 * 60),
        }
    }
}

impl Limits {
    /// Request line and headers together, in bytes. Default 16 KiB, 512 B to 1 MiB. Beyond it: 414
    /// within the request line, 431 after it.
    #[must_use]
    pub fn head_bytes_max(mut self, bytes: usize) -> Self {
        self.head.head_bytes_max = bytes;
        self
    }

    /// Headers of one request. Default 100, 1 to 1024. Beyond it: 431.
    #[must_use]
    pub fn headers_max(mut self, count: usize) -> Self {
        self.head.headers_max = count;
        self
    }

    /// The request target (path and query) alone, in bytes. Default 8 KiB, 64 B to 1 MiB. Beyond
    /// it: 414.
    #[must_use]
    pub fn target_bytes_max(mut self, bytes: usize) -> Self {
        self.head.target_bytes_max = bytes;
        self
    }

    /// The body of a request, in bytes, where the handler sets
    /// [no other limit](crate::Context::set_body_limit). Default 2 MiB, any number. Beyond it: 413
    /// when the handler reads it.
    #[must_use]
    pub fn body_bytes_max(mut self, bytes: u64) -> Self {
        self.body_bytes_max = bytes;
        self
    }

    /// What is taken in of a body that the handler did not read, in bytes, to keep the connection.
    /// Default 256 KiB, 0 to 1 GiB. Beyond it: the connection is closed after the answer.
    #[must_use]
    pub fn unread_body_bytes_max(mut self, bytes: u64) -> Self {
        self.unread_body_bytes_max = bytes;
        self
    }

    /// How long a request's head may take from its first byte. Default 10 s, from 10 ms. Beyond it:
    /// 408.
    #[must_use]
    pub fn head_time(mut self, time: Duration) -> Self {
        self.head_time = time;
        self
    }

    /// How long a connection may wait for a request. Default 60 s, from 10 ms. Beyond it: closed
    /// without a word.
    #[must_use]
    pub fn idle_time(mut self, time: Duration) -> Self {
        self.idle_time = time;
        self
    }

    /// In what time [a minimum](Self::body_progress_bytes_min) of a body must come while someone
    /// waits for it. Default 10 s, from 10 ms. Else: 408 when the handler reads it.
    #[must_use]
    pub fn body_progress_time(mut self, time: Duration) -> Self {
        self.body_progress_time = time;
        self
    }

    /// How many bytes of a body must come [in a time](Self::body_progress_time). Default 1 KiB, 1 B
    /// to 1 GiB.
    #[must_use]
    pub fn body_progress_bytes_min(mut self, bytes: u64) -> Self {
        self.body_progress_bytes_min = bytes;
        self
    }

    /// How long a handler may take until the head of its answer is committed. It does not run while
    /// the handler waits for the request's body. Default 30 s, from 1 ms. Beyond it: 503.
    #[must_use]
    pub fn handler_time(mut self, time: Duration) -> Self {
        self.handler_time = time;
        self
    }

    /// Answers a handler that [takes too long](Self::handler_time) with 408 instead of 503.
    #[must_use]
    pub fn handler_timeout_is_408(mut self, yes: bool) -> Self {
        self.handler_timeout_is_408 = yes;
        self
    }

    /// Answers a handler that [takes too long](Self::handler_time) with JSON, whatever the client
    /// accepts: `{"error": "Request Timeout", "message": …, "code": …}` where the status is 408.
    #[must_use]
    pub fn handler_timeout_is_json(mut self, yes: bool) -> Self {
        self.handler_timeout_is_json = yes;
        self
    }

    /// How long middleware may go on behind `next.run()` when the request was cancelled. Default
    /// 1 s, 0 to 1 min. Beyond it: it is dropped where it waits.
    #[must_use]
    pub fn grace_time(mut self, time: Duration) -> Self {
        self.grace_time = time;
        self
    }

    /// How long a client may take no byte of what is sent to it, as long as there is more than the
    /// kernel buffers: of answers, streams, files, WebSocket messages. Default 30 s, from 100 ms.
    /// Beyond it: the connection is reset. A byte is taken when the client's kernel has
    /// acknowledged it, so one who reads slowly but steadily is kept.
    #[must_use]
    pub fn write_time(mut self, time: Duration) -> Self {
        self.write_time = time;
        self
    }

    /// How many bytes a client must take [in a time](Self::write_time), as long as there is more
    /// than the kernel buffers. Default 4 KiB, 1 B to 1 GiB. Else: the connection is reset. So a
    /// client that takes a byte now and then does not hold its connection, an answer and the
    /// kernel's buffers for ever. Sockets and event streams with nothing to say are not judged.
    #[must_use]
    pub fn write_bytes_min(mut self, bytes: u64) -> Self {
        self.write_bytes_min = bytes;
        self
    }

    /// Requests on one connection. Default unlimited, from 1. The last one is answered with
    /// `Connection: close`.
    #[must_use]
    pub fn requests_per_connection_max(mut self, count: Option<u32>) -> Self {
        self.requests_per_connection_max = count;
        self
    }

    /// How long a connection is kept for further requests. Default 1 h, from 1 s. The next request
    /// after it is answered with `Connection: close`, so that clients come back and can be balanced
    /// anew. Each connection's time is up to a tenth shorter, so that clients that came together do
    /// not come back together. It cuts nothing off: neither an answer that takes longer, nor
    /// WebSockets and event streams, which have a `max_lifetime` of their own.
    #[must_use]
    pub fn connection_time(mut self, time: Duration) -> Self {
        self.connection_time = time;
        self
    }

    /// What a handler that takes too long is answered with.
    pub(crate) fn timeout_answer(&self) -> TimeoutAnswer {
        TimeoutAnswer {
            status: match self.handler_timeout_is_408 {
                true => StatusCode::REQUEST_TIMEOUT,
                false => StatusCode::SERVICE_UNAVAILABLE,
            },
            is_json: self.handler_timeout_is_json,
            ..TimeoutAnswer::default()
        }
    }

    /// Every limit that is outside of its range.
    pub(crate) fn check(&self) -> Vec<LimitError> {
        const MIB: usize = 1024 * 1024;
        const GIB: u64 = 1024 * 1024 * 1024;
        let millis = Duration::from_millis;
        let least = |time: Duration| time..;
        let requests = self.requests_per_connection_max.unwrap_or(u32::MAX);
        let mut errors = Vec::new();
        let mut note = |error: Option<LimitError>| errors.extend(error);
        note(outside(
            "head_bytes_max",
            self.head.head_bytes_max,
            512..=MIB,
        ));
        note(outside(
            "headers_max",
            self.head.headers_max,
            1..=HEADERS_CEILING,
        ));
        note(outside(
            "target_bytes_max",
            self.head.target_bytes_max,
            64..=MIB,
        ));
        note(outside(
            "unread_body_bytes_max",
            self.unread_body_bytes_max,
            0..=GIB,
        ));
        note(outside("head_time", self.head_time, least(millis(10))));
        note(outside("idle_time", self.idle_time, least(millis(10))));
        note(outside(
            "body_progress_time",
            self.body_progress_time,
            least(millis(10)),
        ));
        note(outside(
            "body_progress_bytes_min",
            self.body_progress_bytes_min,
            1..=GIB,
        ));
        note(outside("handler_time", self.handler_time, least(millis(1))));
        note(outside(
            "grace_time",
            self.grace_time,
            Duration::ZERO..=millis(60_000),
        ));
        note(outside("write_time", self.write_time, least(millis(100))));
        note(outside("write_bytes_min", self.write_bytes_min, 1..=GIB));
        note(outside(
            "requests_per_connection_max",
            requests,
            1..=u32::MAX,
        ));
        let least = least(millis(1000));
        note(outside("connection_time", self.connection_time, least));
        errors
    }
}

/// What is answered in place of a handler that took too long.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct TimeoutAnswer {
    pub(crate) status: StatusCode,
    pub(crate) message: &'static str,
    /// As JSON, whatever the client accepts.
    pub(crate) is_json: bool,
}

impl Default for TimeoutAnswer {
    fn default() -> Self {
        Self {
            status: StatusCode::SERVICE_UNAVAILABLE,
            message: "the request took too long",
            is_json: false,
        }
    }
}

impl TimeoutAnswer {
    pub(crate) fn write(self, ctx: &Context) {
        let error = Error::new(self.status, self.message);
        match self.is_json {
            true => error.into_json_response(ctx),
            false => error.into_response(ctx),
        }
    }
}

/// A limit that is set to what it cannot be.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LimitError {
    name: &'static str,
    problem: String,
}

impl LimitError {
    /// The limit's name, as its setter is called.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// What it was set to, and what is allowed.
    pub fn problem(&self) -> &str {
        &self.problem
    }
}

impl fmt::Display for LimitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "limit `{}`: {}", self.name, self.problem)
    }
}

impl std::error::Error for LimitError {}

/// What is wrong with a value, if it is not within its range.
pub(crate) fn outside<T: PartialOrd + fmt::Debug>(
    name: &'static str,
    value: T,
    range: impl RangeBounds<T>,
) -> Option<LimitError> {
    if range.contains(&value) {
        return None;
    }
    let value = match format!("{value:?}") {
        nothing if nothing == "0ns" => "0s".to_owned(),
        value => value,
    };
    let problem = match (range.start_bound(), range.end_bound()) {
        (Bound::Included(least), Bound::Included(most)) => {
            format!("{value} is not within {least:?} to {most:?}")
        }
        (Bound::Included(least), _) => format!("{value} is too little: at least {least:?}"),
        _ => format!("{value} is not allowed"),
    };
    Some(LimitError { name, problem })
}

#[cfg(test)]
mod tests;
