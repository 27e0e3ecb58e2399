//! What can be registered: functions, asynchronous or not, through the same methods.
//!
//! Which kind a handler is, its return type tells: a response, or a future of one. The compiler
//! infers the marker; nobody writes it.
//!
//! Not here: where handlers are kept (`routes.rs`), how they run (`chain.rs`).

use std::any::Any;
use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;
use std::task;

use crate::chain::{After, Asynchronous, Before, End, Handler, Layer, Next};
use crate::core::Core;
use crate::slots::{FreeList, Slot};
use crate::{Context, Flow, IntoFlow, IntoResponse};

/// The handler returns its answer.
#[derive(Debug)]
pub enum Now {}

/// The handler returns a future of its answer.
#[derive(Debug)]
pub enum Later {}

/// The handler does not return: it panics, or never ends.
#[derive(Debug)]
pub enum Never {}

/// The handler returns a future that is never ready.
#[derive(Debug)]
pub enum NeverLater {}

/// What a handler returns: a response, or a future of one.
///
/// It is implemented for every [`IntoResponse`] (`Kind` is [`Now`]), every future of one
/// ([`Later`]), and what does not return at all ([`Never`], [`NeverLater`]), so handlers are
/// `fn(Context) -> R` and `async fn(Context) -> R` alike. There is nothing to implement here.
#[diagnostic::on_unimplemented(
    message = "a handler cannot return `{Self}`",
    label = "this handler returns `{Self}`",
    note = "return a response (`()`, strings, bytes, `Json<T>`, `Html<T>`, `StatusCode`, `(StatusCode, R)`, `Option<R>`, `Result<R, E>` of responses) or be an `async fn` that does",
    note = "implement `ringlane::IntoResponse` for a type of your own"
)]
pub trait HandlerReturn<Kind>: Sized + 'static {
    #[doc(hidden)]
    fn erase<H: Fn(Context) -> Self + Send + Sync + 'static>(handler: H) -> Erased;
}

/// A handler without its type.
#[doc(hidden)]
#[derive(Clone)]
pub struct Erased(pub(crate) Kind);

#[derive(Clone)]
pub(crate) enum Kind {
    Synchronous(Handler),
    Asynchronous(PerCore),
}

/// Makes one core's copy of what is asynchronous: the memory of its futures belongs to a core.
pub(crate) type PerCore = Arc<dyn Fn() -> Rc<dyn Asynchronous> + Send + Sync>;

impl Erased {
    pub(crate) fn on_core(&self) -> End {
        match &self.0 {
            Kind::Synchronous(handler) => End::Synchronous(Arc::clone(handler)),
            Kind::Asynchronous(handler) => End::Asynchronous(handler()),
        }
    }
}

impl std::fmt::Debug for Erased {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Erased").finish_non_exhaustive()
    }
}

impl<R: IntoResponse + 'static> HandlerReturn<Now> for R {
    fn erase<H: Fn(Context) -> R + Send + Sync + 'static>(handler: H) -> Erased {
        Erased(Kind::Synchronous(Arc::new(move |ctx: Context| {
            let answer = handler(ctx.clone());
            answer.into_response(&ctx);
        })))
    }
}

impl<F: Future<Output: IntoResponse> + 'static> HandlerReturn<Later> for F {
    fn erase<H: Fn(Context) -> F + Send + Sync + 'static>(handler: H) -> Erased {
        let handler = Arc::new(handler);
        Erased(Kind::Asynchronous(Arc::new(move || {
            let handler = Arc::clone(&handler);
            Rc::new(Typed::new(move |ctx, _| handler(ctx)))
        })))
    }
}

/// The type of expressions that do not return: stable Rust has no name for it, but a way to it.
/// [`IntoResponse`] must not be implemented for it in this way: other crates could not implement
/// that trait any more, since the compiler does not know there what the name stands for.
type Diverging = <fn() -> ! as Returns>::Output;

#[doc(hidden)]
pub trait Returns {
    type Output;
}

impl<R> Returns for fn() -> R {
    type Output = R;
}

#[diagnostic::do_not_recommend]
impl HandlerReturn<Never> for Diverging {
    fn erase<H: Fn(Context) -> Self + Send + Sync + 'static>(handler: H) -> Erased {
        Erased(Kind::Synchronous(Arc::new(move |ctx| handler(ctx))))
    }
}

#[diagnostic::do_not_recommend]
impl<F: Future<Output = Diverging> + 'static> HandlerReturn<NeverLater> for F {
    fn erase<H: Fn(Context) -> F + Send + Sync + 'static>(handler: H) -> Erased {
        HandlerReturn::<Later>::erase(move |ctx| never_ready(handler(ctx)))
    }
}

/// The same future with an output that has a name.
async fn never_ready(future: impl Future<Output = Diverging>) {
    future.await
}

/// Erases an onion. It is always asynchronous, so that asynchronous closures may capture.
pub(crate) fn erase_onion<W, R>(onion: W) -> PerCore
where
    W: AsyncFn(Context, Next) -> R + Send + Sync + 'static,
    R: IntoResponse + 'static,
{
    let onion = Arc::new(onion);
    Arc::new(move || {
        // Each run holds the onion: the core's own count keeps that off other cores' caches.
        let onion = Rc::new(Arc::clone(&onion));
        Rc::new(Typed::new(move |ctx, next| {
            let onion = Rc::clone(&onion);
            async move { onion(ctx, next).await }
        }))
    })
}

/// One asynchronous function on one core, with the memory for its futures.
struct Typed<C, F> {
    call: C,
    free: FreeList<F>,
}

impl<C, F> Typed<C, F>
where
    C: Fn(Context, Next) -> F,
    F: Future<Output: IntoResponse> + 'static,
{
    fn new(call: C) -> Self {
        Self {
            call,
            free: FreeList::default(),
        }
    }
}

impl<C, F> Asynchronous for Typed<C, F>
where
    C: Fn(Context, Next) -> F,
    F: Future<Output: IntoResponse> + 'static,
{
    #[inline]
    fn start(&self, ctx: &Context, next: Next, cx: &mut task::Context<'_>) -> Option<Slot> {
        self.free.start(|| (self.call)(ctx.clone(), next), ctx, cx)
    }

    fn home(&self) -> &dyn Any {
        &self.free
    }
}

/// Makes one core's copy of a synchronous layer, which may hold what belongs to that core alone.
pub(crate) type BeforeOnCore = Arc<dyn Fn(&Rc<Core>) -> Before + Send + Sync>;
pub(crate) type AfterOnCore = Arc<dyn Fn(&Rc<Core>) -> After + Send + Sync>;

/// A layer as it was registered: what every core makes its own copy of.
#[derive(Clone)]
pub(crate) enum LayerSpec {
    Before(BeforeOnCore),
    After(AfterOnCore),
    Onion(PerCore),
    /// How long a request's body may be.
    BodyLimit(u64),
}

impl LayerSpec {
    pub(crate) fn on_core(&self, core: &Rc<Core>) -> CoreLayer {
        match self {
            Self::Before(before) => CoreLayer(Layer::Before(before(core))),
            Self::After(after) => CoreLayer(Layer::After(after(core))),
            Self::Onion(onion) => CoreLayer(Layer::Onion(onion())),
            Self::BodyLimit(bytes) => CoreLayer(Layer::Before(limit_body(*bytes))),
        }
    }
}

fn limit_body(bytes: u64) -> Before {
    Rc::new(move |ctx: &Context| {
        ctx.set_body_limit(bytes);
        Flow::Continue
    })
}

/// What stands behind the last limit of a route: only there it is known which one counts.
pub(crate) fn refuse_long_body() -> Layer {
    Layer::Before(Rc::new(|ctx: &Context| ctx.check_body().into_flow(ctx)))
}

/// One core's copy of a layer, shared by all routes it is around.
pub(crate) struct CoreLayer(Layer);

impl CoreLayer {
    pub(crate) fn share(&self) -> Layer {
        match &self.0 {
            Layer::Before(before) => Layer::Before(Rc::clone(before)),
            Layer::After(after) => Layer::After(Rc::clone(after)),
            Layer::Onion(onion) => Layer::Onion(Rc::clone(onion)),
        }
    }
}

#[cfg(test)]
mod tests;
