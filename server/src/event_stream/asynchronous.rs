//! Streams of events written as asynchronous handlers.
//!
//! Always true here:
//! - Who sends faster than the client reads has to wait.
//!
//! Not here: how bytes leave (`conversation/`), heartbeats and ends (`pulse.rs`).

use std::future::poll_fn;
use std::task::Poll;

use super::{Event, Options, Pulse};
use crate::context::exchange::DownloadState;
use crate::{Context, Error, ResponseStream, Result};

/// What proxies obey that would otherwise collect an answer before they pass it on.
/// What a stream says of being kept, where nothing else was said.
pub(super) const CACHE_CONTROL: &str = "no-cache";

const UNBUFFERED: (&str, &str) = ("X-Accel-Buffering", "no");

impl Context {
    /// Answers with a stream of events: commits the head, which is sent at once, and gives what
    /// events are sent on.
    ///
    /// The handler's [time limit](crate::Limits::handler_time) ends here. When the client leaves,
    /// the handler is cancelled, whatever it waits for. A stream that the server ends, because its
    /// [time is up](Options::max_lifetime) or the server shuts down, likewise.
    ///
    /// # Errors
    ///
    /// If the head is committed already.
    ///
    /// ```
    /// use std::time::Duration;
    /// use ringlane::event_stream::Event;
    /// use ringlane::{Context, Result};
    ///
    /// async fn clock(ctx: Context) -> Result {
    ///     let mut events = ctx.event_stream()?;
    ///     let started = ringlane::time::now();
    ///     loop {
    ///         ringlane::time::sleep(Duration::from_secs(1)).await;
    ///         let seconds = started.elapsed().as_secs();
    ///         events.send(Event::data(seconds.to_string()).event("tick")).await?;
    ///     }
    /// }
    /// ```
    pub fn event_stream(&self) -> Result<EventStream> {
        self.event_stream_with(&Options::default())
    }

    /// The same with options.
    ///
    /// # Errors
    ///
    /// As [`event_stream`](Self::event_stream), and if an option is out of its range.
    ///
    /// ```
    /// use std::time::Duration;
    /// use ringlane::event_stream::Options;
    /// use ringlane::{Context, Result};
    ///
    /// async fn short(ctx: Context) -> Result {
    ///     let options = Options::default().max_lifetime(Duration::from_secs(60));
    ///     let mut events = ctx.event_stream_with(&options)?;
    ///     events.send("hello").await
    /// }
    /// ```
    pub fn event_stream_with(&self, options: &Options) -> Result<EventStream> {
        options.checked()?;
        if self.is_committed() {
            return Err(Error::internal("the response was committed before"));
        }
        self.set_event_headers();
        let stream = self.stream()?;
        let record = &*self.0;
        let download = &record.exchange.download;
        let spread = &record.core.spread;
        let share = spread.share(spread.next_number());
        let pulse = Pulse::new(options, share, crate::time::now());
        download.flow().pulse.set(Some(pulse));
        if let Some(time) = options.get().retry {
            let first = Event::default().retry(time).encode();
            download.put(first.map_err(Error::internal)?.into());
        }
        let ctx = self.clone();
        Ok(EventStream { stream, ctx })
    }

    /// The id of the last event that the client has got, if it was here before: from the header
    /// `Last-Event-ID`, or else from the query parameter `last_event_id`, for clients that cannot
    /// set headers. What is not UTF-8 in it stands as U+FFFD.
    ///
    /// ```
    /// use ringlane::{Context, Result};
    ///
    /// async fn numbers(ctx: Context) -> Result {
    ///     let last: u32 = ctx.last_event_id().and_then(|id| id.parse().ok()).unwrap_or(0);
    ///     let mut events = ctx.event_stream()?;
    ///     for number in u64::from(last) + 1..10 {
    ///         let event = ringlane::event_stream::Event::data("").id(number.to_string());
    ///         events.send(event).await?;
    ///     }
    ///     Ok(())
    /// }
    /// ```
    pub fn last_event_id(&self) -> Option<String> {
        // An id that is not UTF-8 is none of ours; it still says that the client was here before.
        let header = self.header_bytes("Last-Event-ID");
        let header = header.map(|id| String::from_utf8_lossy(id).into_owned());
        let query = || {
            self.query_text("last_event_id")
                .map(|text| text.into_owned())
        };
        header.or_else(query).filter(|id| !id.is_empty())
    }

    /// Says what a stream of events is, and that nobody is to keep or to collect it.
    pub(super) fn set_event_headers(&self) {
        self.set_header("Content-Type", "text/event-stream");
        if self.response_header("Cache-Control").is_none() {
            self.set_header("Cache-Control", CACHE_CONTROL);
        }
        self.set_header(UNBUFFERED.0, UNBUFFERED.1);
    }
}

/// A stream of events in a handler. Made by [`Context::event_stream`].
///
/// Dropping it ends the stream in good order. It may outlive its handler, in a task of its own:
/// there `send` fails and [`closed`](Self::closed) tells when the client has left.
#[derive(Debug)]
#[must_use = "dropping a stream of events ends it"]
pub struct EventStream {
    stream: ResponseStream,
    ctx: Context,
}

impl EventStream {
    /// Sends an event. Waits while more than 64 KiB wait for the client.
    ///
    /// # Errors
    ///
    /// If the event [cannot be sent](Event::check); if the client has gone, or the stream is over.
    ///
    /// ```
    /// use ringlane::event_stream::{Event, EventStream};
    ///
    /// async fn greet(events: &mut EventStream) -> ringlane::Result {
    ///     events.send("hello").await?;
    ///     events.send(Event::json(&[1, 2, 3])?.event("numbers")).await
    /// }
    /// ```
    pub async fn send(&mut self, event: impl Into<Event>) -> Result {
        let bytes = event.into().encode().map_err(Error::internal)?;
        self.stream.send(bytes).await
    }

    /// Resolves when the stream is over: the client has left, or the server ends it.
    ///
    /// A handler that still runs is cancelled at that very time: this is for tasks that keep the
    /// stream beyond it, one of them at a time.
    ///
    /// ```
    /// use ringlane::{Context, Result};
    ///
    /// fn watch(ctx: Context) -> Result {
    ///     let events = ctx.event_stream()?;
    ///     ringlane::spawn(async move {
    ///         events.closed().await;
    ///         println!("it has left");
    ///     });
    ///     Ok(())
    /// }
    /// ```
    pub async fn closed(&self) {
        poll_fn(|cx| {
            let download = &self.ctx.0.exchange.download;
            if download.state.get() != DownloadState::Open {
                return Poll::Ready(());
            }
            download.watch(cx.waker());
            Poll::Pending
        })
        .await;
    }

    /// Whether the client can still be sent something.
    ///
    /// ```
    /// fn is_there(events: &ringlane::event_stream::EventStream) -> bool {
    ///     events.is_open()
    /// }
    /// ```
    pub fn is_open(&self) -> bool {
        self.stream.is_open()
    }
}

impl Drop for EventStream {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.stream.end(DownloadState::Finished);
        }
    }
}
