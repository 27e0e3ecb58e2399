//! One handle to a request and its response: cheap to clone, and never sent to another core.
//!
//! Always true here:
//! - What the client sent does not change while anyone can see it, so getters lend from `&self`.
//! - No code of a user's runs while a cell of the record is borrowed.
//! - A handle that outlives its request still sees that request, and changes nothing any more.
//!
//! Not here: how a record is filled and sent (`conversation.rs`), what runs in between
//! (`chain.rs`).

pub(crate) mod client;
pub(crate) mod exchange;
mod extensions;
mod negotiation;
pub(crate) mod pool;
mod query;
pub(crate) mod record;
mod request;
mod response;

use std::fmt;
use std::rc::Rc;

use record::Record;

/// A request and its response.
///
/// Handlers and middleware get it by value. Cloning it costs a count; all clones are the same
/// request. It belongs to the core that received the request and cannot be sent to another thread:
/// take out what a thread needs.
///
/// Reads are nouns (`ctx.header("Accept")`), writes are `set_…` and `add_…`, which can be chained,
/// and the body comes last: `text`, `html`, `json`, `bytes`, `stream`. The answer is sent when the
/// outermost layer has returned. A handler that writes nothing answers 200 with an empty body.
///
/// A mistake in a write, such as a header value with a line break in it, is a mistake in the
/// program: the request is answered with 500, and the log says why.
///
/// ```
/// use ringlane::{Context, Result};
///
/// fn greet(ctx: Context) -> Result {
///     let name: String = ctx.param("name")?;
///     ctx.set_status(201)
///         .set_header("X-Greeted", &name)
///         .text(format!("Hello, {name}!"));
///     Ok(())
/// }
/// ```
#[derive(Clone)]
pub struct Context(pub(crate) Rc<Record>);

impl Context {
    /// Stores a value with the request, for whoever handles it later. The first value of each type
    /// stays; returned is the one that is stored.
    ///
    /// ```
    /// use ringlane::{Context, Next};
    ///
    /// struct User(String);
    ///
    /// async fn authenticate(ctx: Context, next: Next) {
    ///     ctx.insert(User("ferris".into()));
    ///     next.run(&ctx).await;
    /// }
    ///
    /// fn whoami(ctx: Context) -> Option<String> {
    ///     ctx.get::<User>().map(|user| user.0.clone())
    /// }
    /// ```
    pub fn insert<T: 'static>(&self, value: T) -> &T {
        self.0.extensions.insert(value)
    }

    /// The value of a type that was stored with the request.
    pub fn get<T: 'static>(&self) -> Option<&T> {
        self.0.extensions.get()
    }

    /// The core's own value of a type that [`Builder::state`](crate::Builder::state) made.
    ///
    /// # Panics
    ///
    /// If no state of this type was registered.
    ///
    /// ```
    /// use std::cell::Cell;
    ///
    /// use ringlane::{Server, testing};
    ///
    /// let server = Server::builder()
    ///     .state(|_core| Cell::new(0_u32)) // no lock: each core has its own
    ///     .get("/", |ctx| {
    ///         let visits = ctx.state::<Cell<u32>>();
    ///         visits.set(visits.get() + 1);
    ///         ctx.text_fmt(format_args!("visit {}", visits.get()));
    ///     })
    ///     .build()?;
    /// let mut client = testing::Client::new(server)?;
    /// assert_eq!(client.get("/").send()?.text(), "visit 1");
    /// assert_eq!(client.get("/").send()?.text(), "visit 2");
    /// # Ok::<(), ringlane::Error>(())
    /// ```
    #[track_caller]
    pub fn state<T: 'static>(&self) -> &T {
        let Some(state) = self.0.core.state() else {
            panic!(
                "no state of type {} was registered: add `.state(|core| …)` to the builder",
                std::any::type_name::<T>()
            )
        };
        state
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("method", self.method())
            .field("target", &self.target())
            .field("status", &self.status())
            .finish_non_exhaustive()
    }
}
