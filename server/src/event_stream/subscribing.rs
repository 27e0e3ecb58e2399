//! From a request to a stream of what is published.
//!
//! Always true here:
//! - What is published after the call reaches the client, whenever the head is sent.
//! - A request that is then answered otherwise follows nothing any more.
//!
//! Not here: sending the head (`conversation/switch.rs`), the stream itself (`following.rs`).

use std::cell::Cell;
use std::fmt;
use std::rc::Rc;

use ringlane_protocol::{Method, StatusCode};
use serde::Serialize;

use super::asynchronous::CACHE_CONTROL;
use super::feed::Feed;
use super::following::Following;
use super::{Options, Pulse};
use crate::context::exchange::DownloadState;
use crate::topics::{Broadcast, Follower, Replay, SubscribeError, Table};
use crate::{Context, Error, Result};

/// What only a stream of events says, beside [`CACHE_CONTROL`] where nothing else was said.
const OF_EVENTS: [&str; 2] = ["Content-Type", "X-Accel-Buffering"];

type Join<'s> = dyn FnOnce(&Table, Rc<dyn Follower>, Option<&str>) -> Joined + 's;
type Joined = Result<Option<Replay>, SubscribeError>;

/// What a stream may follow: a topic, by its name, or a broadcast. Both turn into it by themselves.
///
/// ```
/// use std::sync::LazyLock;
/// use ringlane::topics::Broadcast;
/// use ringlane::{Context, Server};
///
/// static PRICES: LazyLock<Broadcast<u64>> = LazyLock::new(Broadcast::new);
///
/// let server = Server::builder()
///     .get("/news", |ctx: Context| ctx.event_stream_of("news"))
///     .get("/prices", |ctx: Context| ctx.event_stream_of(&*PRICES))
///     .build()?;
/// # Ok::<(), ringlane::BuildError>(())
/// ```
pub struct Source<'s>(Box<Join<'s>>);

impl fmt::Debug for Source<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source").finish_non_exhaustive()
    }
}

impl<'s> From<&'s str> for Source<'s> {
    fn from(topic: &'s str) -> Self {
        Self(Box::new(move |table, follower, last| {
            table.join(topic, follower, last)
        }))
    }
}

impl<'s> From<&'s String> for Source<'s> {
    fn from(topic: &'s String) -> Self {
        Self::from(topic.as_str())
    }
}

impl<'s, T: Serialize + Send + Sync + 'static> From<&'s Broadcast<T>> for Source<'s> {
    fn from(broadcast: &'s Broadcast<T>) -> Self {
        Self(Box::new(|_, follower, _| {
            broadcast.join(follower)?;
            Ok(None)
        }))
    }
}

impl Context {
    /// Answers with a stream of what is published to a topic, or sent to a broadcast: text as the
    /// data of an event, [events](super::Event) as they are, values as JSON. Nothing of the request
    /// is kept once its head is sent: no task, no future, no Context.
    ///
    /// Of a topic that has a [history](crate::topics::History) each event has an id, and a client
    /// that comes back [with one](Self::last_event_id) first gets all that it has missed. If that
    /// cannot be told or is not there any more, it gets an event `gap` instead, with the reason as
    /// JSON (`restarted`, `expired`, `unknown`; `slow` where it was too slow), and then what there
    /// is.
    ///
    /// The stream is never in a content coding: all clients share the same bytes.
    ///
    /// # Errors
    ///
    /// If the head is committed already, or the topic's name is
    /// [too long](crate::topics::TOPIC_BYTES_MAX).
    ///
    /// ```
    /// use ringlane::{Context, Server};
    ///
    /// let server = Server::builder()
    ///     .get("/news", |ctx: Context| ctx.event_stream_of("news"))
    ///     .post("/news", |ctx: Context| { ctx.topics().publish("news", "extra!"); })
    ///     .build()?;
    /// # Ok::<(), ringlane::BuildError>(())
    /// ```
    pub fn event_stream_of<'s>(&self, source: impl Into<Source<'s>>) -> Result {
        self.event_stream_of_with(source, &Options::default())
    }

    /// The same with options. Make them once, where the server is built.
    ///
    /// # Errors
    ///
    /// As [`event_stream_of`](Self::event_stream_of), and if an option is out of its range.
    ///
    /// ```
    /// use ringlane::event_stream::Options;
    /// use ringlane::topics::SlowClient;
    /// use ringlane::{Context, Server};
    ///
    /// let options = Options::default().slow_client(SlowClient::Close);
    /// let server = Server::builder()
    ///     .get("/news", move |ctx: Context| ctx.event_stream_of_with("news", &options))
    ///     .build()?;
    /// # Ok::<(), ringlane::BuildError>(())
    /// ```
    pub fn event_stream_of_with<'s>(
        &self,
        source: impl Into<Source<'s>>,
        options: &Options,
    ) -> Result {
        options.checked()?;
        if *self.method() == Method::HEAD {
            return self.event_stream_with(options).map(drop);
        }
        if self.is_committed() {
            return Err(Error::internal("the response was committed before"));
        }
        let record = &*self.0;
        let Some(waker) = record.exchange.waker() else {
            return Err(Error::internal("the request is over"));
        };
        let core = &record.core;
        let feed = Feed::new(options.clone(), waker, &core.stream_spares);
        let follower = Rc::clone(&feed) as Rc<dyn Follower>;
        let last = self.last_event_id();
        let Source(join) = source.into();
        let replay = join(&core.topics, follower, last.as_deref()).map_err(Error::internal)?;
        feed.begin(replay);
        let share = core.spread.share(core.spread.next_number());
        let pulse = Pulse::new(options, share, crate::time::now());
        let following = Box::new(Following::new(feed, pulse, core.half_close));
        self.set_event_headers();
        record.exchange.download.state.set(DownloadState::Upgraded);
        let subscribed = self.insert(Subscribed::default());
        drop(subscribed.0.replace(Some(following))); // the last call counts
        Ok(())
    }
}

/// What a request is about to become; kept with it until its answer is sent.
#[derive(Default)]
pub(crate) struct Subscribed(Cell<Option<Box<Following>>>);

impl Subscribed {
    /// What the connection becomes, if the answer is still the one that says so.
    pub(crate) fn take(ctx: &Context) -> Option<Box<Following>> {
        let following = ctx.get::<Self>()?.0.take()?;
        let reply = &ctx.0.reply;
        if reply.is_faulty.get() || reply.status.get() != StatusCode::OK {
            let mut headers = reply.headers.borrow_mut();
            for name in OF_EVENTS {
                headers.remove(name);
            }
            if headers.get("Cache-Control") == Some(CACHE_CONTROL.as_bytes()) {
                headers.remove("Cache-Control");
            }
            return None;
        }
        reply.offer.set(None); // all who follow share the same bytes
        Some(following)
    }
}
