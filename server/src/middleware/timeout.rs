//! A time limit for one group, or one route.

use std::time::Duration;

use super::Middleware;
use crate::limits::TimeoutAnswer;
use crate::{Builder, Context, IntoStatus, Next};

/// Limits how long the layers and handlers below may take until the head of their answer is
/// committed, the time they wait for the request's body included. Beyond it they are dropped where
/// they wait, write nothing more, and the client gets a 503.
///
/// The [server's own limit](crate::Limits::handler_time) goes on; this one is for a group or a
/// route that must be quicker. It is an onion, so it costs a future per request; a synchronous
/// handler never waits and is not limited. Layers below that have a part behind their `next.run()`
/// get the [grace time](crate::Limits::grace_time) for it.
///
/// ```
/// use std::time::Duration;
/// use ringlane::middleware::Timeout;
/// use ringlane::{Server, testing::Client};
///
/// let limit = Timeout::new(Duration::from_secs(2)).status(408).json();
/// let server = Server::builder()
///     .group("/report", |routes| {
///         routes.with(limit).get("/", async |_| {
///             ringlane::time::sleep(Duration::from_secs(3)).await;
///             "never sent"
///         })
///     })
///     .build()?;
/// let answer = Client::new(server)?.get("/report").send()?;
/// assert_eq!(answer.status(), 408);
/// assert!(answer.text().starts_with(r#"{"error":"Request Timeout","message":"#));
/// # Ok::<(), ringlane::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Timeout {
    time: Duration,
    answer: TimeoutAnswer,
}

impl Timeout {
    /// So long at most; answered with 503 beyond it.
    pub fn new(time: Duration) -> Self {
        Self {
            time,
            answer: TimeoutAnswer::default(),
        }
    }

    /// Answers with another status: 408 blames the client and closes the connection
    /// (RFC 9110 §15.5.9), 504 whoever the handler waited for.
    ///
    /// # Panics
    ///
    /// If it is a number outside of 200 to 999.
    pub fn status(mut self, status: impl IntoStatus) -> Self {
        self.answer.status = status
            .into_status()
            .expect("a status is a number from 200 to 999");
        self
    }

    /// Answers with JSON, whatever the client accepts: `{"error", "message", "code"}`.
    pub fn json(mut self) -> Self {
        self.answer.is_json = true;
        self
    }

    /// Says something else than "the request took too long".
    pub fn message(mut self, message: &'static str) -> Self {
        self.answer.message = message;
        self
    }
}

impl Middleware for Timeout {
    fn install<S>(self, scope: Builder<S>) -> Builder<S> {
        let Self { time, answer } = self;
        scope.wrap(async move |ctx: Context, next: Next| next.run(&ctx).within(time, answer).await)
    }
}
