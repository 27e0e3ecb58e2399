//! A response body that is sent while it is made.
//!
//! Always true here:
//! - Whoever sends faster than the client reads has to wait.
//! - A body that was not finished is cut off where the client can see it.
//!
//! Not here: how bytes leave (`conversation/`).

use std::future::poll_fn;
use std::task::Poll;

use bytes::Bytes;

use crate::context::exchange::{DownloadState, Exchange};
use crate::context::record::Phase;
use crate::{Context, Error, Result};

/// The status of what nobody is there any more to be told; logs know this number.
const CLIENT_GONE: u16 = 499;

impl Context {
    /// Commits the head of the response as it stands, and gives the body to be sent piece by piece:
    /// in chunks, or until the connection's end to a client of HTTP/1.0.
    ///
    /// # Errors
    ///
    /// If the head is committed already.
    ///
    /// ```
    /// use ringlane::{Context, Result};
    ///
    /// async fn count(ctx: Context) -> Result {
    ///     let mut stream = ctx.stream()?;
    ///     for number in 0..1000 {
    ///         stream.send(format!("{number}\n")).await?;
    ///     }
    ///     stream.finish();
    ///     Ok(())
    /// }
    /// ```
    pub fn stream(&self) -> Result<ResponseStream> {
        self.open_stream(None)
    }

    /// As [`stream`](Self::stream), with a `Content-Length` instead of chunks. Fewer bytes than
    /// that end the connection, where the client sees that the body was cut off.
    ///
    /// # Errors
    ///
    /// If the head is committed already.
    ///
    /// ```
    /// use ringlane::{Context, Result};
    ///
    /// async fn zeros(ctx: Context) -> Result {
    ///     let mut stream = ctx.sized_stream(1_000_000)?;
    ///     for _ in 0..100 {
    ///         stream.send(vec![0; 10_000]).await?;
    ///     }
    ///     Ok(())
    /// }
    /// ```
    pub fn sized_stream(&self, length: u64) -> Result<ResponseStream> {
        self.open_stream(Some(length))
    }

    fn open_stream(&self, length: Option<u64>) -> Result<ResponseStream> {
        if self.is_committed() {
            return Err(Error::internal("the response was committed before"));
        }
        if self.0.reply.is_faulty.get() {
            return Err(Error::internal(
                "the response has a mistake that was logged",
            ));
        }
        self.0.reply.phase.set(Phase::Committed);
        let download = &self.0.exchange.download;
        download.state.set(DownloadState::Open);
        download.flow().length.set(length);
        self.0.exchange.notify();
        Ok(ResponseStream(self.clone()))
    }
}

/// The body of a response while it is being sent.
///
/// It ends with [`finish`](Self::finish), or when the handler returns without an error. Dropped
/// before, by an error or because the handler was cancelled, the answer is cut off: the connection
/// ends without the mark that would tell the client that the body is complete.
///
/// It may outlive its handler, in a task of its own; then only `finish` ends it.
#[derive(Debug)]
#[must_use = "dropping a stream ends the body"]
pub struct ResponseStream(Context);

impl ResponseStream {
    /// Sends bytes. Waits while more than 64 KiB wait for the client.
    ///
    /// # Errors
    ///
    /// If the client has gone, or the request is over; if it is more than the length that was
    /// [said](Context::sized_stream), and then nothing of it is sent.
    pub async fn send(&mut self, bytes: impl Into<Bytes>) -> Result {
        let mut bytes = Some(bytes.into());
        poll_fn(|cx| {
            let exchange = self.exchange();
            let download = &exchange.download;
            if download.state.get() != DownloadState::Open {
                return Poll::Ready(Err(Error::new(CLIENT_GONE, "the client has gone")));
            }
            if !download.has_room() {
                download.wait(cx.waker());
                return Poll::Pending;
            }
            let len = bytes.as_ref().map_or(0, Bytes::len) as u64;
            if download.left().is_some_and(|left| len > left) {
                let problem = "a response is longer than its length was said to be";
                return Poll::Ready(Err(Error::internal(problem)));
            }
            if let Some(bytes) = bytes.take().filter(|bytes| !bytes.is_empty()) {
                download.put(bytes);
                exchange.notify();
            }
            Poll::Ready(Ok(()))
        })
        .await
    }

    /// Ends the body: the client learns that this was all.
    pub fn finish(self) {
        self.end(DownloadState::Finished);
    }

    /// Whether the client can still be sent something.
    pub fn is_open(&self) -> bool {
        self.exchange().download.state.get() == DownloadState::Open
    }

    pub(crate) fn end(&self, state: DownloadState) {
        let exchange = self.exchange();
        if exchange.download.state.get() == DownloadState::Open {
            exchange.download.state.set(state);
            exchange.notify();
        }
    }

    fn exchange(&self) -> &Exchange {
        &self.0.0.exchange
    }
}

impl Drop for ResponseStream {
    fn drop(&mut self) {
        self.end(DownloadState::Dropped);
    }
}
