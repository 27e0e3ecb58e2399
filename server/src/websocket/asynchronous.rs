//! Sockets written as asynchronous handlers.
//!
//! Always true here:
//! - Who sends faster than the client reads has to wait; so has a client that is not listened to.
//! - A future that is dropped while it waits has neither taken nor sent a message.
//!
//! Not here: how messages come and go (`upgraded.rs`, `link.rs`).

use std::fmt;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

use ringlane_protocol::websocket::CloseCode;

use super::link::Phase;
use super::mailbox::{Dropped, Mailbox};
use super::opening::{Half, install};
use super::upgraded::Endpoint;
use super::{CloseReason, Message, Options, Socket};
use crate::context::record::Phase as Reply;
use crate::{Context, Error, Result};

/// The status of what nobody is there any more to be told; logs know this number.
const CLIENT_GONE: u16 = 499;

impl Context {
    /// Answers a handshake, and gives the socket: from here on the connection carries messages.
    ///
    /// The handler's [time limit](crate::Limits::handler_time) ends here.
    ///
    /// # Errors
    ///
    /// If the request is no valid handshake: returned from the handler that becomes the answer
    /// which tells the client so. If the head is committed already.
    ///
    /// ```
    /// use ringlane::{Context, Result};
    ///
    /// async fn echo(ctx: Context) -> Result {
    ///     let mut socket = ctx.websocket()?;
    ///     while let Some(message) = socket.receive().await? {
    ///         socket.send(message).await?;
    ///     }
    ///     Ok(())
    /// }
    /// ```
    pub fn websocket(&self) -> Result<WebSocket> {
        self.websocket_with(&Options::default())
    }

    /// The same with options. Make them once, where the server is built.
    ///
    /// # Errors
    ///
    /// As [`websocket`](Self::websocket), and if an option is out of its range.
    pub fn websocket_with(&self, options: &Options) -> Result<WebSocket> {
        if let Some(error) = options.check().next() {
            return Err(Error::internal(error));
        }
        let half = Half::of(self, options)?;
        let socket = half.socket();
        let mailbox = Rc::new(Mailbox::default());
        install(self, half, Endpoint::Mailbox(Rc::clone(&mailbox), None))?;
        self.0.reply.phase.set(Reply::Committed);
        self.0.exchange.notify();
        Ok(WebSocket { socket, mailbox })
    }
}

/// A socket in an asynchronous handler. Made by [`Context::websocket`].
///
/// Dropping it closes the socket: with 1000, or with 1011 if a panic or an error of the handler's
/// was the cause. It may outlive its handler, in a task of its own.
///
/// When the client has closed, [`receive`](Self::receive) says so, and a handler that was told has
/// the [grace time](crate::Limits::grace_time) to end. One that waits for something else then is
/// cancelled at once.
#[must_use = "dropping a socket closes it"]
pub struct WebSocket {
    socket: Socket,
    mailbox: Rc<Mailbox>,
}

impl WebSocket {
    /// The next message; `None` once the socket was closed, by either side.
    ///
    /// It may be dropped while it waits, as `select!` does: no message is lost.
    ///
    /// # Errors
    ///
    /// If the connection broke without a close frame, or the client broke the protocol.
    pub async fn receive(&mut self) -> Result<Option<Message<'static>>> {
        let _ends = Listening(&self.mailbox);
        poll_fn(|cx| {
            let had_room = self.mailbox.has_room();
            if let Some(message) = self.mailbox.take() {
                if !had_room {
                    self.socket.0.notify(); // the client may go on
                }
                return Poll::Ready(Ok(Some(message)));
            }
            if self.socket.0.phase() != Phase::Ended {
                self.mailbox.await_message(cx.waker());
                return Poll::Pending;
            }
            self.mailbox.was_told.set(true);
            Poll::Ready(match self.socket.close_reason() {
                Some(reason) if !reason.is_orderly() => {
                    Err(Error::new(CLIENT_GONE, "the connection is closed").with_source(reason))
                }
                Some(_) | None => Ok(None),
            })
        })
        .await
    }

    /// Sends a message. Waits while [as much waits](Options::max_backpressure) for the client as
    /// may.
    ///
    /// # Errors
    ///
    /// If the socket is closed.
    pub fn send<'m>(
        &self,
        message: impl Into<Message<'m>>,
    ) -> impl Future<Output = Result> + Unpin {
        // Not an `async fn`: that would hold the message twice, as it was given and as it waits.
        let mut message = Some(message.into());
        poll_fn(move |cx| {
            let link = &self.socket.0;
            if link.phase() != Phase::Open {
                let reason = self.socket.close_reason().unwrap_or(CloseReason::Gone);
                let error = Error::new(CLIENT_GONE, "the socket is closed");
                return Poll::Ready(Err(error.with_source(reason)));
            }
            if link.is_full() {
                self.mailbox.await_room(cx.waker());
                return Poll::Pending;
            }
            if let Some(message) = message.take() {
                link.send(message);
            }
            Poll::Ready(Ok(()))
        })
    }

    /// Closes the socket, as [`Socket::close`]. What the client had sent before it heard of this
    /// can still be received.
    pub fn close(&self, code: CloseCode, reason: &str) {
        self.socket.close(code, reason);
    }

    /// A handle to send without waiting, which others on this core may keep.
    pub fn handle(&self) -> &Socket {
        &self.socket
    }
}

/// Someone listens while this lives.
struct Listening<'m>(&'m Mailbox);

impl Drop for Listening<'_> {
    fn drop(&mut self) {
        self.0.forget_reader();
    }
}

impl Drop for WebSocket {
    fn drop(&mut self) {
        let how = match std::thread::panicking() {
            true => Dropped::ByPanic,
            false => Dropped::Calmly,
        };
        self.mailbox.dropped.set(Some(how));
        while self.mailbox.take().is_some() {}
        self.socket.0.notify();
    }
}

impl fmt::Debug for WebSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.socket.fmt(f)
    }
}
