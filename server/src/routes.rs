//! Collecting routes and layers, in scopes that nest. Nothing is checked before `build()`.
//!
//! Always true here:
//! - A layer is around every route of its scope and of the scopes within, wherever it was written.
//! - Layers of one scope nest in the order in which they were written: the first is the outermost.
//!
//! Not here: composing chains (`app.rs`), which pattern wins (the router's).

use ringlane_protocol::Method;

use crate::handler::{Erased, LayerSpec};

/// What one scope holds.
#[derive(Default)]
pub(crate) struct Scope {
    pub(crate) routes: Vec<RouteSpec>,
    pub(crate) layers: Vec<LayerSpec>,
    /// Scopes within, each behind its prefix.
    pub(crate) groups: Vec<(String, Self)>,
}

pub(crate) struct RouteSpec {
    /// `None`: all methods.
    pub(crate) method: Option<Method>,
    pub(crate) pattern: String,
    pub(crate) handler: Erased,
}

/// The routes of one group, with the layers around them.
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
#[derive(Default)]
#[must_use = "routes do nothing until they are returned to the group they are for"]
pub struct Routes {
    scope: Scope,
}

impl Routes {
    fn scope(&mut self) -> &mut Scope {
        &mut self.scope
    }

    pub(crate) fn into_scope(self) -> Scope {
        self.scope
    }
}

impl std::fmt::Debug for Routes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Routes")
            .field("routes", &self.scope.routes.len())
            .field("layers", &self.scope.layers.len())
            .field("groups", &self.scope.groups.len())
            .finish()
    }
}

impl Scope {
    pub(crate) fn add(&mut self, method: Option<Method>, pattern: &str, handler: Erased) {
        self.routes.push(RouteSpec {
            method,
            pattern: pattern.to_owned(),
            handler,
        });
    }
}

/// One method of registration per method of requests.
macro_rules! verbs {
    ($($name:ident $method:ident $text:literal)*) => {
        $(
            #[doc = concat!("Answers `", $text, "` on the paths of `pattern`, as [`route`](Self::route).")]
            pub fn $name<H, R, K>(self, pattern: &str, handler: H) -> Self
            where
                H: Fn($crate::Context) -> R + Send + Sync + 'static,
                R: $crate::handler::HandlerReturn<K>,
            {
                self.route($crate::Method::$method, pattern, handler)
            }
        )*
    };
}

/// The methods of registration: the same on the server's builder and in its groups.
macro_rules! registration {
    ($type:ty) => {
        impl $type {
            $crate::routes::verbs! {
                get GET "GET"
                post POST "POST"
                put PUT "PUT"
                delete DELETE "DELETE"
                patch PATCH "PATCH"
                head HEAD "HEAD"
                options OPTIONS "OPTIONS"
            }

            /// Answers one method on the paths of `pattern`.
            ///
            /// Patterns are made of text, `{name}`, `{name:expression}`, an optional last part, and
            /// `{*rest}`; see [`ringlane_router`] for their grammar and for which one wins. Where
            /// only `GET` is registered, it answers `HEAD` too. `OPTIONS` is answered with `Allow`
            /// unless it is registered.
            ///
            /// The handler is a function of a [`Context`](crate::Context), asynchronous or not. A
            /// closure that is asynchronous cannot capture; write
            /// `move |ctx| { let db = db.clone(); async move { … } }`, or keep the value as
            /// [state of the core](crate::Builder::state).
            pub fn route<H, R, K>(
                mut self,
                method: $crate::Method,
                pattern: &str,
                handler: H,
            ) -> Self
            where
                H: Fn($crate::Context) -> R + Send + Sync + 'static,
                R: $crate::handler::HandlerReturn<K>,
            {
                self.scope().add(Some(method), pattern, R::erase(handler));
                self
            }

            /// Answers every method on the paths of `pattern` that no other route of the same
            /// pattern answers.
            pub fn any<H, R, K>(mut self, pattern: &str, handler: H) -> Self
            where
                H: Fn($crate::Context) -> R + Send + Sync + 'static,
                R: $crate::handler::HandlerReturn<K>,
            {
                self.scope().add(None, pattern, R::erase(handler));
                self
            }

            /// Adds routes that share a prefix, and layers around them alone.
            ///
            /// The prefix may hold parameters. The pattern `/` within means the prefix itself.
            pub fn group(
                mut self,
                prefix: &str,
                routes: impl FnOnce($crate::Routes) -> $crate::Routes,
            ) -> Self {
                let group = routes($crate::Routes::default()).into_scope();
                self.scope().groups.push((prefix.to_owned(), group));
                self
            }

            /// Runs a function before what is below it. It may end the request: by
            /// [`Flow::Stop`](crate::Flow::Stop), or by an error.
            pub fn before<B, R>(mut self, before: B) -> Self
            where
                B: Fn(&$crate::Context) -> R + Send + Sync + 'static,
                R: $crate::IntoFlow,
            {
                let before = move |ctx: &$crate::Context| before(ctx).into_flow(ctx);
                let layer = $crate::handler::LayerSpec::Before(std::sync::Arc::new(before));
                self.scope().layers.push(layer);
                self
            }

            /// Runs a function after what is below it, whatever ended it: an answer, an error, a
            /// panic, a deadline, or a client that has left.
            pub fn after<A>(mut self, after: A) -> Self
            where
                A: Fn(&$crate::Context) + Send + Sync + 'static,
            {
                let layer = $crate::handler::LayerSpec::After(std::sync::Arc::new(after));
                self.scope().layers.push(layer);
                self
            }

            /// Puts an asynchronous function around what is below it: an onion.
            ///
            /// What follows `next.run(&ctx).await` runs whatever ended the layers below. Each onion
            /// costs a future per request; where `before` or `after` suffice, they are cheaper.
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
                W: AsyncFn($crate::Context, $crate::Next) -> R + Send + Sync + 'static,
                R: $crate::IntoResponse + 'static,
            {
                let onion = $crate::handler::erase_onion(onion);
                self.scope()
                    .layers
                    .push($crate::handler::LayerSpec::Onion(onion));
                self
            }
        }
    };
}

pub(crate) use {registration, verbs};

registration!(Routes);
