//! A route's layers and its handler: composed once, one copy per core.
//!
//! A request goes down the layers in order and comes back up in reverse. `before` parts run on the
//! way down, `after` parts on the way up, and onions are around everything below them.
//!
//! Always true here:
//! - A chain of synchronous parts makes no future.
//! - The `after` part of every layer that was reached runs, whatever ended the request.
//! - A panic ends the part in which it happened and nothing else.
//!
//! Not here: the future of a chain that waits (`chain/descent.rs`), registration (`routes.rs`).

mod descent;
mod limited;

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::task;

use ringlane_protocol::StatusCode;
use ringlane_reactor::{contain, drop_caught};
use ringlane_router::Route;

use crate::panic::Panic;
use crate::slots::Slot;
use crate::{Context, Error, IntoResponse};

pub(crate) use descent::{Cancel, is_forsaken};
pub use descent::{Descent, Outcome};

/// Whether a request goes on to the next layer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Flow {
    /// It does.
    Continue,
    /// It does not: what is written on the Context is the answer.
    Stop,
}

/// What a [`before`](crate::Builder::before) layer may return.
#[diagnostic::on_unimplemented(
    message = "a `before` layer cannot return `{Self}`",
    label = "this layer returns `{Self}`",
    note = "return `()` to go on, `Flow`, or `Result<(), E>` of an error that is a response",
    note = "setters return the Context: end the last one with a semicolon"
)]
pub trait IntoFlow {
    /// Writes what is to be answered, and says whether the request goes on.
    fn into_flow(self, ctx: &Context) -> Flow;
}

impl IntoFlow for () {
    fn into_flow(self, _: &Context) -> Flow {
        Flow::Continue
    }
}

impl IntoFlow for Flow {
    fn into_flow(self, _: &Context) -> Flow {
        self
    }
}

impl<E: IntoResponse> IntoFlow for Result<(), E> {
    fn into_flow(self, ctx: &Context) -> Flow {
        match self {
            Ok(()) => Flow::Continue,
            Err(error) => {
                Err::<(), E>(error).into_response(ctx);
                Flow::Stop
            }
        }
    }
}

/// A synchronous layer's halves, as one core holds them.
pub(crate) type Before = Rc<dyn Fn(&Context) -> Flow>;
pub(crate) type After = Rc<dyn Fn(&Context)>;
pub(crate) type Handler = Arc<dyn Fn(Context) + Send + Sync>;

/// An asynchronous handler or onion, as one core holds it.
pub(crate) trait Asynchronous {
    /// Polls a new run of it once; gives the rest of the run if it has to wait.
    fn start(&self, ctx: &Context, next: Next, cx: &mut task::Context<'_>) -> Option<Slot>;

    /// The list that its slots come from and go back to.
    fn home(&self) -> &dyn Any;
}

pub(crate) enum Layer {
    Before(Before),
    After(After),
    Onion(Rc<dyn Asynchronous>),
}

/// The handler at the end of a chain.
pub(crate) enum End {
    Synchronous(Handler),
    Asynchronous(Rc<dyn Asynchronous>),
}

pub(crate) struct Chain {
    layers: Box<[Layer]>,
    end: End,
    is_synchronous: bool,
    /// `None` of the chains for what no route answers.
    route: Option<Matched>,
    /// Tells routes apart where another thread looks at what runs; 0 is no route's.
    number: u64,
}

/// What a request may know of the route that answers it.
pub(crate) struct Matched {
    pub(crate) pattern: Box<str>,
    pub(crate) param_names: Box<[Box<str>]>,
}

impl Matched {
    pub(crate) fn of<T>(route: &Route<T>) -> Self {
        Self {
            pattern: route.pattern().into(),
            param_names: route.param_names().map(Box::from).collect(),
        }
    }
}

/// The rest of the chain, below one onion. Made by [`Builder::wrap`](crate::Builder::wrap).
pub struct Next {
    chain: Rc<Chain>,
    from: usize,
}

impl Next {
    /// Runs the layers below and the handler, once.
    ///
    /// The future is ready when all of them have ended, however they did: an error, a panic, a
    /// deadline or a client that has left end what is below, and what follows here still runs.
    /// (After a deadline or the client's leave it has the
    /// [grace time](crate::Limits::grace_time) to end.)
    ///
    /// Dropped before, it ends what is below: their after-parts run up to where they wait.
    pub fn run(self, ctx: &Context) -> Descent {
        Descent::new(ctx, self)
    }
}

impl std::fmt::Debug for Next {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Next").finish_non_exhaustive()
    }
}

impl Chain {
    pub(crate) fn new(layers: Vec<Layer>, end: End, route: Option<Matched>, number: u64) -> Self {
        let waits = |layer: &Layer| match layer {
            Layer::Before(_) | Layer::After(_) => false,
            Layer::Onion(_) => true,
        };
        let is_synchronous = match end {
            End::Synchronous(_) => !layers.iter().any(waits),
            End::Asynchronous(_) => false,
        };
        Self {
            layers: layers.into(),
            end,
            is_synchronous,
            route,
            number,
        }
    }

    /// The route whose chain it is.
    pub(crate) fn route(&self) -> Option<&Matched> {
        self.route.as_ref()
    }

    /// Whether it never waits, and so never sees a body.
    #[inline]
    pub(crate) fn is_synchronous(&self) -> bool {
        self.is_synchronous
    }

    /// For the watchdog, should it block its core.
    #[inline]
    pub(crate) fn note_that_it_runs(&self, ctx: &Context) {
        ctx.0.core.counts.last_chain.set(self.number);
    }

    /// The whole of a synchronous chain.
    #[inline]
    pub(crate) fn run_synchronous(&self, ctx: &Context) {
        debug_assert!(self.is_synchronous, "what waits needs a waker");
        self.note_that_it_runs(ctx);
        let reached = Cell::new(0);
        let run = || {
            for (at, layer) in self.layers.iter().enumerate() {
                reached.set(at);
                match layer {
                    Layer::Before(before) if before(ctx) == Flow::Stop => return,
                    Layer::Before(_) | Layer::After(_) | Layer::Onion(_) => {}
                }
            }
            reached.set(self.layers.len());
            match &self.end {
                End::Synchronous(handler) => handler(ctx.clone()),
                End::Asynchronous(_) => {}
            }
        };
        if let Err(payload) = catch_unwind(AssertUnwindSafe(run)) {
            note_panic(ctx, payload);
        }
        self.run_after(0, reached.get(), ctx);
    }

    /// The whole chain, as far as it gets without waiting. What has to wait is given back.
    pub(crate) fn start(
        self: &Rc<Self>,
        ctx: &Context,
        cx: &mut task::Context<'_>,
    ) -> Option<Descent> {
        if self.is_synchronous {
            self.run_synchronous(ctx);
            return None;
        }
        let all = Next {
            chain: Rc::clone(self),
            from: 0,
        };
        let mut descent = all.run(ctx);
        descent.poll_once(cx).is_pending().then_some(descent)
    }

    /// Runs the layers from `from` on until one has to wait. `reached` tells how far it came, also
    /// after a panic.
    fn run(
        self: &Rc<Self>,
        from: usize,
        ctx: &Context,
        cx: &mut task::Context<'_>,
        reached: &Cell<usize>,
    ) -> Option<Slot> {
        for (at, layer) in self.layers.iter().enumerate().skip(from) {
            reached.set(at);
            match layer {
                Layer::After(_) => {}
                Layer::Before(before) => match before(ctx) {
                    Flow::Continue => {}
                    Flow::Stop => return None,
                },
                Layer::Onion(onion) => {
                    let below = Next {
                        chain: Rc::clone(self),
                        from: at + 1,
                    };
                    return onion.start(ctx, below, cx);
                }
            }
        }
        reached.set(self.layers.len());
        match &self.end {
            End::Synchronous(handler) => {
                handler(ctx.clone());
                None
            }
            End::Asynchronous(handler) => {
                // A handler is given no `Next`; this one would find nothing to run.
                let nothing = Next {
                    chain: Rc::clone(self),
                    from: self.layers.len(),
                };
                handler.start(ctx, nothing, cx)
            }
        }
    }

    /// The synchronous after-parts of the layers that were reached, innermost first. Each runs
    /// whatever the others do.
    #[inline]
    fn run_after(&self, from: usize, reached: usize, ctx: &Context) {
        for layer in self
            .layers
            .get(from..reached)
            .unwrap_or_default()
            .iter()
            .rev()
        {
            match layer {
                Layer::After(after) => {
                    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| after(ctx))) {
                        note_panic(ctx, payload);
                    }
                }
                Layer::Before(_) | Layer::Onion(_) => {}
            }
        }
    }

    /// Ends a run that waited at `at`, or has ended there, and brings its slot home.
    fn retire(&self, at: usize, slot: Slot) {
        let owner = match (self.layers.get(at), &self.end) {
            (Some(Layer::Onion(owner)), _) | (None, End::Asynchronous(owner)) => owner,
            (Some(Layer::Before(_) | Layer::After(_)), _) | (None, End::Synchronous(_)) => return,
        };
        // A destructor of a user's may panic: the core must live.
        let _ = contain(|| slot.retire(owner.home()));
    }
}

/// A part has panicked; the hook of the process has said where.
#[cold]
fn note_panic(ctx: &Context, payload: Box<dyn Any + Send>) {
    let panic = Panic::new(ctx, &*payload);
    let (method, path, panic_text) = (ctx.method(), ctx.path(), panic.message());
    // As a field of another name: subscribers write a `message` as it is.
    tracing::error!(%method, path, panic = panic_text, "a handler or a layer has panicked");
    let run = &ctx.0.run;
    run.panicked.set(true);
    run.outcome.set(Outcome::Panicked);
    ctx.0.core.counts.panics.add();
    if let Some(hook) = &ctx.0.core.on_panic {
        let _ = contain(|| hook(&panic));
    }
    // Writing on the Context runs destructors of what was written before; so does this.
    let _ = contain(|| {
        Error::new(StatusCode::INTERNAL_SERVER_ERROR, "internal server error").write(ctx);
    });
    drop_caught(payload);
}

#[cfg(test)]
mod tests;
