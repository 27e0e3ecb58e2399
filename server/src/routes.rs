//! Collecting routes and layers, in scopes that nest. Nothing is checked before `build()`.
//!
//! Always true here:
//! - A layer is around every route of its scope and of the scopes within, wherever it was written.
//! - Layers of one scope nest in the order in which they were written: the first is the outermost.
//!
//! Not here: composing chains (`app.rs`), which pattern wins (the router's), what a server has
//! beyond its routes (`server/builder.rs`).

use std::rc::Rc;
use std::sync::Arc;

use ringlane_protocol::Method;

use crate::chain::{After, Before};
use crate::core::Core;
use crate::handler::{Erased, HandlerReturn, LayerSpec, erase_onion};
use crate::middleware::Middleware;
use crate::server::{Problem, Whole};
use crate::websocket::{self, Handler, Options};
use crate::{Context, Flow, IntoFlow, IntoResponse, Next};

/// What one scope holds.
#[derive(Default)]
pub(crate) struct Scope {
    pub(crate) routes: Vec<RouteSpec>,
    pub(crate) layers: Vec<LayerSpec>,
    /// Scopes within, each behind its prefix.
    pub(crate) groups: Vec<(String, Self)>,
    /// What is wrong with the options of this scope's routes and layers.
    pub(crate) problems: Vec<Problem>,
}

pub(crate) struct RouteSpec {
    /// `None`: all methods.
    pub(crate) method: Option<Method>,
    pub(crate) pattern: String,
    pub(crate) handler: Erased,
}

/// Collects routes and layers: of a whole server, or of one group in it.
///
/// Made by [`Server::builder`](crate::Server::builder). Layers that are registered on a server's
/// builder are around everything, answers like 404 included.
///
/// ```
/// use ringlane::{Context, Limits, Server};
///
/// let server = Server::builder()
///     .bind("127.0.0.1:0")
///     .workers(2)
///     .limits(Limits::default().body_bytes_max(64 * 1024))
///     .after(|ctx| { ctx.set_header("X-Content-Type-Options", "nosniff"); })
///     .get("/", |ctx: Context| ctx.text("hello"))
///     .build()?;
/// # Ok::<(), ringlane::BuildError>(())
/// ```
#[must_use = "a builder does nothing until it is built, or given to the group it is for"]
pub struct Builder<S = Whole> {
    pub(crate) scope: Scope,
    pub(crate) whole: S,
}

/// The routes of one group, with the layers around them alone.
///
/// ```
/// use ringlane::{Context, Routes, Server};
///
/// fn api(routes: Routes) -> Routes {
///     routes
///         .before(|ctx| { ctx.set_header("Cache-Control", "no-store"); })
///         .get("/users", |_| "all")
///         .get("/users/{id}", |ctx: Context| ctx.text("one"))
/// }
///
/// let server = Server::builder().group("/api", api).build()?;
/// # Ok::<(), ringlane::BuildError>(())
/// ```
pub type Routes = Builder<Group>;

/// What a group has beyond its routes: nothing.
#[derive(Debug)]
pub struct Group(());

impl<S> Builder<S> {
    /// Answers one method on the paths of `pattern`.
    ///
    /// Patterns are made of text, `{name}`, `{name:expression}`, an optional last part, and
    /// `{*rest}`; see [`ringlane_router`] for their grammar and for which one wins. Where only
    /// `GET` is registered, it answers `HEAD` too. `OPTIONS` is answered with `Allow` unless it is
    /// registered.
    ///
    /// The handler is a function of a [`Context`], asynchronous or not. A closure that is
    /// asynchronous cannot capture; write `move |ctx| { let db = db.clone(); async move { … } }`,
    /// or keep the value as [state of the core](Builder::state).
    pub fn route<H, R, K>(mut self, method: Method, pattern: &str, handler: H) -> Self
    where
        H: Fn(Context) -> R + Send + Sync + 'static,
        R: HandlerReturn<K>,
    {
        self.scope.add(Some(method), pattern, R::erase(handler));
        self
    }

    /// Answers every method on the paths of `pattern` that no other route of the same pattern
    /// answers.
    pub fn any<H, R, K>(mut self, pattern: &str, handler: H) -> Self
    where
        H: Fn(Context) -> R + Send + Sync + 'static,
        R: HandlerReturn<K>,
    {
        self.scope.add(None, pattern, R::erase(handler));
        self
    }

    /// Answers `GET` on the paths of `pattern`, as [`route`](Self::route).
    pub fn get<H, R, K>(self, pattern: &str, handler: H) -> Self
    where
        H: Fn(Context) -> R + Send + Sync + 'static,
        R: HandlerReturn<K>,
    {
        self.route(Method::GET, pattern, handler)
    }

    /// Answers `POST` on the paths of `pattern`, as [`route`](Self::route).
    pub fn post<H, R, K>(self, pattern: &str, handler: H) -> Self
    where
        H: Fn(Context) -> R + Send + Sync + 'static,
        R: HandlerReturn<K>,
    {
        self.route(Method::POST, pattern, handler)
    }

    /// Answers `PUT` on the paths of `pattern`, as [`route`](Self::route).
    pub fn put<H, R, K>(self, pattern: &str, handler: H) -> Self
    where
        H: Fn(Context) -> R + Send + Sync + 'static,
        R: HandlerReturn<K>,
    {
        self.route(Method::PUT, pattern, handler)
    }

    /// Answers `DELETE` on the paths of `pattern`, as [`route`](Self::route).
    pub fn delete<H, R, K>(self, pattern: &str, handler: H) -> Self
    where
        H: Fn(Context) -> R + Send + Sync + 'static,
        R: HandlerReturn<K>,
    {
        self.route(Method::DELETE, pattern, handler)
    }

    /// Answers `PATCH` on the paths of `pattern`, as [`route`](Self::route).
    pub fn patch<H, R, K>(self, pattern: &str, handler: H) -> Self
    where
        H: Fn(Context) -> R + Send + Sync + 'static,
        R: HandlerReturn<K>,
    {
        self.route(Method::PATCH, pattern, handler)
    }

    /// Answers `HEAD` on the paths of `pattern`, as [`route`](Self::route).
    pub fn head<H, R, K>(self, pattern: &str, handler: H) -> Self
    where
        H: Fn(Context) -> R + Send + Sync + 'static,
        R: HandlerReturn<K>,
    {
        self.route(Method::HEAD, pattern, handler)
    }

    /// Answers `OPTIONS` on the paths of `pattern`, as [`route`](Self::route).
    pub fn options<H, R, K>(self, pattern: &str, handler: H) -> Self
    where
        H: Fn(Context) -> R + Send + Sync + 'static,
        R: HandlerReturn<K>,
    {
        self.route(Method::OPTIONS, pattern, handler)
    }

    /// Registers a function that has its route above it, as an attribute: `#[ringlane::get("/")]`,
    /// `post`, `put`, `delete`, `patch`, `head`, `options` or `route` (feature `macros`).
    ///
    /// Anything else that adds routes to a scope may be given as well.
    ///
    /// ```
    /// use ringlane::{Builder, Context, Server, testing::Client};
    ///
    /// // What `#[ringlane::get("/users/{id}")]` makes of a function `user`.
    /// fn user<S>(routes: Builder<S>) -> Builder<S> {
    ///     routes.get("/users/{id}", |ctx: Context| ctx.param::<String>("id"))
    /// }
    ///
    /// let server = Server::builder()
    ///     .endpoint(user)
    ///     .group("/api", |routes| routes.endpoint(user))
    ///     .build()?;
    /// assert_eq!(Client::new(server)?.get("/api/users/7").send()?.text(), "7");
    /// # Ok::<(), ringlane::Error>(())
    /// ```
    pub fn endpoint(self, endpoint: impl FnOnce(Self) -> Self) -> Self {
        endpoint(self)
    }

    /// Answers WebSocket handshakes on the paths of `pattern`: see
    /// [`websocket::Handler`](crate::websocket::Handler). Other requests for them get 426.
    ///
    /// For sockets in asynchronous handlers see
    /// [`Context::websocket`](crate::Context::websocket).
    pub fn websocket<H: Handler>(self, pattern: &str, handler: H) -> Self {
        self.websocket_with(pattern, Options::default(), handler)
    }

    /// The same with options of its own.
    pub fn websocket_with<H: Handler>(
        mut self,
        pattern: &str,
        options: Options,
        handler: H,
    ) -> Self {
        let problems = options.check().map(Problem::Limit);
        self.scope.problems.extend(problems);
        let handler = websocket::erase(handler, options);
        self.scope.add(Some(Method::GET), pattern, handler);
        self
    }

    /// Adds routes that share a prefix, and layers around them alone.
    ///
    /// The prefix may hold parameters. The pattern `/` within means the prefix itself.
    pub fn group(mut self, prefix: &str, routes: impl FnOnce(Routes) -> Routes) -> Self {
        let empty = Routes {
            scope: Scope::default(),
            whole: Group(()),
        };
        let group = routes(empty).scope;
        self.scope.groups.push((prefix.to_owned(), group));
        self
    }

    /// Adds layers that belong together, such as those of [`middleware`](crate::middleware).
    pub fn with(self, middleware: impl Middleware) -> Self {
        middleware.install(self)
    }

    /// Runs a function before what is below it. It may end the request: by
    /// [`Flow::Stop`](crate::Flow::Stop), or by an error.
    pub fn before<B, R>(self, before: B) -> Self
    where
        B: Fn(&Context) -> R + Send + Sync + 'static,
        R: IntoFlow,
    {
        let before = Arc::new(before);
        self.before_on_core(move |_| {
            let before = Arc::clone(&before);
            move |ctx: &Context| before(ctx).into_flow(ctx)
        })
    }

    /// As [`before`](Self::before), with a function of its own for each core, made on that core.
    pub(crate) fn before_on_core<M, B>(mut self, make: M) -> Self
    where
        M: Fn(&Rc<Core>) -> B + Send + Sync + 'static,
        B: Fn(&Context) -> Flow + 'static,
    {
        let make = move |core: &Rc<Core>| Rc::new(make(core)) as Before;
        self.scope.layers.push(LayerSpec::Before(Arc::new(make)));
        self
    }

    /// Runs a function after what is below it, whatever ended it: an answer, an error, a panic, a
    /// deadline, or a client that has left.
    pub fn after<A>(self, after: A) -> Self
    where
        A: Fn(&Context) + Send + Sync + 'static,
    {
        let after = Arc::new(after);
        self.after_on_core(move |_| {
            let after = Arc::clone(&after);
            move |ctx: &Context| after(ctx)
        })
    }

    /// As [`after`](Self::after), with a function of its own for each core, made on that core.
    pub(crate) fn after_on_core<M, A>(mut self, make: M) -> Self
    where
        M: Fn(&Rc<Core>) -> A + Send + Sync + 'static,
        A: Fn(&Context) + 'static,
    {
        let make = move |core: &Rc<Core>| Rc::new(make(core)) as After;
        self.scope.layers.push(LayerSpec::After(Arc::new(make)));
        self
    }

    /// Puts an asynchronous function around what is below it: an onion.
    ///
    /// What follows `next.run(&ctx).await` runs whatever ended the layers below. Each onion costs a
    /// future per request; where `before` or `after` suffice, they are cheaper.
    ///
    /// ```
    /// use ringlane::{Context, Next, Server};
    ///
    /// async fn timing(ctx: Context, next: Next) {
    ///     let started = ringlane::time::now();
    ///     next.run(&ctx).await;
    ///     let millis = started.elapsed().as_millis();
    ///     ctx.set_header("Server-Timing", format!("app;dur={millis}"));
    /// }
    ///
    /// let server = Server::builder().wrap(timing).build()?;
    /// # Ok::<(), ringlane::BuildError>(())
    /// ```
    pub fn wrap<W, R>(mut self, onion: W) -> Self
    where
        W: AsyncFn(Context, Next) -> R + Send + Sync + 'static,
        R: IntoResponse + 'static,
    {
        self.scope.layers.push(LayerSpec::Onion(erase_onion(onion)));
        self
    }
}

impl<S: std::fmt::Debug> std::fmt::Debug for Builder<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Builder")
            .field("routes", &self.scope.routes.len())
            .field("layers", &self.scope.layers.len())
            .field("groups", &self.scope.groups.len())
            .field("whole", &self.whole)
            .finish()
    }
}

impl Scope {
    /// All that is wrong with options, of the scopes within as well.
    pub(crate) fn take_problems(&mut self) -> Vec<Problem> {
        let mut problems = std::mem::take(&mut self.problems);
        for (_, group) in &mut self.groups {
            problems.extend(group.take_problems());
        }
        problems
    }

    fn add(&mut self, method: Option<Method>, pattern: &str, handler: Erased) {
        self.routes.push(RouteSpec {
            method,
            pattern: pattern.to_owned(),
            handler,
        });
    }
}
