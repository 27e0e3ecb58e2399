//! Panics of handlers and layers: what a monitor is told of one.
//!
//! Not here: what the client gets, and that a monitor's own panic is caught, too (`chain.rs`);
//! panics of tasks and of blocking work, which are errors of whoever awaits those.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use crate::{Context, Method};

/// A monitor, as [`Builder::on_panic`](crate::Builder::on_panic) sets one.
pub(crate) type PanicHook = Arc<dyn Fn(&Panic<'_>) + Send + Sync>;

/// A panic of a handler or a layer, and the request in which it happened.
///
/// ```
/// use std::sync::{Arc, Mutex};
/// use ringlane::middleware::RequestId;
/// use ringlane::{Server, testing::Client};
///
/// let seen = Arc::new(Mutex::new(Vec::new()));
/// let monitor = Arc::clone(&seen);
/// let server = Server::builder()
///     .with(RequestId::new())
///     .on_panic(move |panic| {
///         assert!(panic.request_id().is_some());
///         let line = format!("{} {}: {}", panic.method(), panic.target(), panic.message());
///         monitor.lock().unwrap().push(line);
///     })
///     .get("/", |_| panic!("out of coffee"))
///     .build()?;
/// assert_eq!(Client::new(server)?.get("/?size=xl").send()?.status(), 500);
/// assert_eq!(*seen.lock().unwrap(), ["GET /?size=xl: out of coffee"]);
/// # Ok::<(), ringlane::Error>(())
/// ```
pub struct Panic<'a> {
    ctx: &'a Context,
    payload: &'a (dyn Any + Send),
}

impl<'a> Panic<'a> {
    pub(crate) fn new(ctx: &'a Context, payload: &'a (dyn Any + Send)) -> Self {
        Self { ctx, payload }
    }

    /// The request's method.
    pub fn method(&self) -> &'a Method {
        self.ctx.method()
    }

    /// The request's target, as it was sent: mostly the path and the query.
    pub fn target(&self) -> &'a str {
        self.ctx.target()
    }

    /// The request's id, if it was given one: see [`Context::request_id`].
    pub fn request_id(&self) -> Option<String> {
        self.ctx.request_id()
    }

    /// What `panic!` was called with.
    pub fn message(&self) -> &'a str {
        let text = self.payload.downcast_ref::<&'static str>().copied();
        let text = text.or_else(|| self.payload.downcast_ref::<String>().map(String::as_str));
        text.unwrap_or("a value that is no text")
    }

    /// The panic's value: text, unless `std::panic::panic_any` was called.
    pub fn payload(&self) -> &'a (dyn Any + Send) {
        self.payload
    }

    /// The request. What is written on it now is replaced by the 500, except headers.
    pub fn context(&self) -> &'a Context {
        self.ctx
    }
}

impl fmt::Debug for Panic<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Panic")
            .field("method", self.method())
            .field("target", &self.target())
            .field("message", &self.message())
            .finish_non_exhaustive()
    }
}
