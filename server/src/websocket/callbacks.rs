//! Sockets written as callbacks: no task, no future, a few hundred bytes for one that is idle.
//!
//! Always true here:
//! - `on_close` follows every `on_open` that gave a state, once.
//! - A panic in a callback closes its socket and harms nobody else.
//!
//! Not here: when callbacks are called (`upgraded.rs`), the handshake (`opening.rs`).

use std::sync::Arc;

use ringlane_reactor::contain;

use super::opening::{Half, install};
use super::upgraded::Endpoint;
use super::{CloseReason, Message, Options, Socket};
use crate::handler::{Erased, Kind};
use crate::{Context, IntoResponse, Result};

/// What the sockets of a route do. One value serves all sockets of all cores; what belongs to one
/// socket is its state, which stays on its core and needs no lock.
///
/// Functions of a socket and a message are handlers, too.
///
/// ```
/// use ringlane::websocket::{CloseReason, Handler, Message, Socket};
/// use ringlane::{Context, Result, Server};
///
/// struct Counting;
///
/// impl Handler for Counting {
///     type State = u64;
///
///     fn on_open(&self, ctx: &Context, _: &Socket) -> Result<u64> {
///         ctx.query("from") // an error refuses the handshake
///     }
///
///     fn on_message(&self, count: &mut u64, socket: &Socket, _: Message<'_>) {
///         *count += 1;
///         socket.send(count.to_string());
///     }
///
///     fn on_close(&self, count: u64, _: &Socket, reason: CloseReason) {
///         println!("{count} messages, then: {reason}");
///     }
/// }
///
/// let server = Server::builder().websocket("/count", Counting).build()?;
/// # Ok::<(), ringlane::BuildError>(())
/// ```
pub trait Handler: Send + Sync + 'static {
    /// What belongs to one socket.
    type State: 'static;

    /// A client wants a socket, and its handshake is in order. Messages sent here are the first
    /// that it gets.
    ///
    /// # Errors
    ///
    /// An error is answered as in any other handler, and there is no socket.
    fn on_open(&self, ctx: &Context, socket: &Socket) -> Result<Self::State>;

    /// A message came.
    fn on_message(&self, state: &mut Self::State, socket: &Socket, message: Message<'_>);

    /// All that waited for the client has left, after a message was [`Buffered`](super::Sent) or
    /// dropped.
    fn on_drain(&self, state: &mut Self::State, socket: &Socket) {
        let _ = (state, socket);
    }

    /// The socket is closed. Nothing can be sent any more.
    fn on_close(&self, state: Self::State, socket: &Socket, reason: CloseReason) {
        let _ = (state, socket, reason);
    }
}

impl<F: Fn(&Socket, Message<'_>) + Send + Sync + 'static> Handler for F {
    type State = ();

    fn on_open(&self, _: &Context, _: &Socket) -> Result {
        Ok(())
    }

    fn on_message(&self, (): &mut (), socket: &Socket, message: Message<'_>) {
        self(socket, message);
    }
}

/// The callbacks of one socket, without their type.
pub(super) trait Callbacks {
    fn message(&mut self, socket: &Socket, message: Message<'_>);
    fn drained(&mut self, socket: &Socket);
    fn closed(self: Box<Self>, socket: &Socket, reason: CloseReason);
}

struct Typed<H: Handler> {
    handler: Arc<H>,
    state: H::State,
}

impl<H: Handler> Callbacks for Typed<H> {
    fn message(&mut self, socket: &Socket, message: Message<'_>) {
        self.handler.on_message(&mut self.state, socket, message);
    }

    fn drained(&mut self, socket: &Socket) {
        self.handler.on_drain(&mut self.state, socket);
    }

    fn closed(self: Box<Self>, socket: &Socket, reason: CloseReason) {
        let Self { handler, state } = *self;
        handler.on_close(state, socket, reason);
    }
}

/// The route's own handler: answers the handshake.
pub(crate) fn erase<H: Handler>(handler: H, options: Options) -> Erased {
    let handler = Arc::new(handler);
    Erased(Kind::Synchronous(Arc::new(move |ctx: Context| {
        if let Err(error) = open(&ctx, &handler, &options) {
            error.into_response(&ctx);
        }
    })))
}

fn open<H: Handler>(ctx: &Context, handler: &Arc<H>, options: &Options) -> Result {
    let half = Half::of(ctx, options)?;
    let socket = half.socket();
    let state = handler.on_open(ctx, &socket)?;
    let callbacks = Box::new(Typed {
        handler: Arc::clone(handler),
        state,
    });
    install(ctx, half, Endpoint::Callbacks(callbacks))
}

/// Tells callbacks of the end. What they do there harms nobody.
pub(super) fn say_closed(callbacks: Box<dyn Callbacks>, socket: &Socket, reason: CloseReason) {
    if contain(|| callbacks.closed(socket, reason)).is_none() {
        tracing::error!("the closing callback of a socket has panicked");
    }
}
