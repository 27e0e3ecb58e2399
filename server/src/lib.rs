//! Ringlane: a web server framework for Linux with one pinned event loop per core.
//!
//! Handlers are functions of a [`Context`], asynchronous or not. They run on the core that owns the
//! connection and share nothing with other cores, so they need no lock, no `Arc` and no `Send`.
//! io_uring moves the bytes, or epoll where that is refused.
//!
//! ```no_run
//! use ringlane::{Context, Result, Server};
//!
//! fn hello(ctx: Context) { // synchronous: no future is made
//!     ctx.text("Hello, World!");
//! }
//!
//! async fn user(ctx: Context) -> Result {
//!     let id: u64 = ctx.param("id")?; // 400 with a clear message if it is no number
//!     let row = ringlane::blocking(move || format!("user {id}")).await?;
//!     ctx.json(&row)
//! }
//!
//! fn main() -> Result {
//!     Server::builder()
//!         .bind("127.0.0.1:8080")
//!         .get("/", hello)
//!         .get("/users/{id:[0-9]+}", user)
//!         .build()? // every limit and pattern is checked here, by name
//!         .run()
//! }
//! ```
//!
//! # What is where
//!
//! | to | see |
//! |---|---|
//! | register routes, layers and settings | [`Server::builder`], [`Builder`], [`Routes`] |
//! | read a request and answer it | [`Context`], [`Body`], [`ResponseStream`], [`cookies`] |
//! | send events, talk both ways | [`event_stream`], [`websocket`] |
//! | tell many at once, on all cores | [`topics`] |
//! | return an answer | [`IntoResponse`], [`Json`], [`Html`], [`StatusCode`] |
//! | say what errors mean | [`Error`], [`Result`], [`AppError`], [`Builder::map_error`] |
//! | put something around handlers | [`middleware`], [`Builder::before`], [`Builder::wrap`] |
//! | know who is asking | [`middleware::auth`], [`Context::client_address`] |
//! | keep values of a core, or of a request | [`Builder::state`], [`Context::insert`] |
//! | wait, repeat, give up | [`time`], [`spawn`], [`task`] |
//! | do what blocks | [`blocking()`] |
//! | live with what fails | [`Retry`], [`Breaker`], [`Pool`] |
//! | limit what clients may do | [`Limits`], [`middleware::RateLimit`], [`middleware::BodyLimit`] |
//! | see what is going on | [`middleware::Health`], [`middleware::Metrics`], [`ServerStatus`] |
//! | know what the process uses | [`usage()`] |
//! | write a log that cannot stop the server | [`log`] |
//! | start, and end in order | [`Server::run`], [`Server::start`], [`Handle`], [`Shutdown`] |
//! | test without a socket | [`testing`] |
//!
//! The repository's pages go further: the [guide] leads from a first server to one in production,
//! [routing] has the grammar of patterns, [HTTP] says what is accepted and refused, [kernel tuning]
//! which Linux settings limit a server, and [architecture] how all of this works.
//!
//! [architecture]: ../../../docs/ARCHITECTURE.md
//! [guide]: ../../../docs/GUIDE.md
//! [HTTP]: ../../../docs/HTTP.md
//! [kernel tuning]: ../../../docs/KERNEL-TUNING.md
//! [routing]: ../../../docs/ROUTING.md
//!
//! # Features
//!
//! | feature | default | what it adds | needs a C compiler |
//! |---|---|---|---|
//! | `brotli` | on | the content coding br, beside gzip and deflate | no |
//! | `macros` | on | attributes such as `#[ringlane::get("/")]` for [`Builder::endpoint`] | no |
//! | `jwt` | off | JSON Web Tokens: `middleware::auth::{Jwt, Key}` | yes |
//! | `zstd` | off | the content coding zstd | yes |
//!
//! # Within
//!
//! A request's bytes travel through these modules:
//!
//! ```text
//! conversation ──► chain ──► handler          server: starts one core per CPU
//!   │ head, body     │ layers   │ Context     app, routes: what was registered
//!   ▼                ▼          ▼             limits: how much and how long
//! answer ◄──── context (request, response) ◄── respond, error
//! ```
//!
//! Always true here:
//! - A request never leaves its core, and nothing that it needs is shared with another core.
//! - No input makes this panic; a panic in a handler ends that request and its connection alone.

#![forbid(unsafe_code)]

#[cfg(not(target_os = "linux"))]
compile_error!("ringlane runs on Linux only: its event loop is built on io_uring and epoll");

mod app;
mod blocking;
mod body;
mod breaker;
mod chain;
mod coding;
mod context;
mod conversation;
pub mod cookies;
mod core;
mod drain;
mod error;
mod escaped;
pub mod event_stream;
pub mod fields;
mod files;
mod handler;
mod limits;
pub mod log;
pub mod middleware;
mod networks;
mod panic;
mod pool;
mod respond;
mod retry;
mod routes;
mod server;
mod slots;
mod status;
mod stream;
mod system;
pub mod task;
pub mod testing;
pub mod time;
pub mod topics;
mod verdict;
pub mod websocket;

pub use blocking::{
    BLOCKING_QUEUE_MAX, BLOCKING_THREADS_MAX, Blocking, BlockingError, FILE_QUEUE_MAX,
    FILE_THREADS_MAX, blocking,
};
pub use body::{Body, Multipart, Part};
pub use breaker::{Breaker, BreakerCall, BreakerOpen, BreakerState};
pub use bytes::Bytes;
pub use chain::{Descent, Flow, IntoFlow, Next, Outcome};
pub use context::Context;
pub use context::client::ForwardingHeader;
pub use error::{AppError, Error, Result, ok};
pub use fields::FIELDS_MAX;
#[doc(hidden)]
pub use handler::{Erased, Returns};
pub use handler::{HandlerReturn, Later, Never, NeverLater, Now};
pub use limits::{LimitError, Limits};
pub use networks::NetworkError;
pub use panic::Panic;
pub use pool::{Manage, Pool, PoolBuilder, PoolError, PoolStatus, Pooled};
pub use respond::{Html, IntoResponse, IntoStatus, Json};
pub use retry::Retry;
#[cfg(feature = "macros")]
pub use ringlane_macros::{delete, get, head, options, patch, post, put, route};
pub use ringlane_protocol::{
    HeaderError, MediaType, Method, MultipartLimits, ResponseHeaders, StatusCode, Version,
};
pub use ringlane_reactor::cores::{Driver, StartError};
pub use ringlane_reactor::listener::{AddressError, Bind};
pub use ringlane_reactor::{Address, Config, ConfigError, Counter, Metrics, OverLimit};
pub use ringlane_router::{RouteError, TrailingSlash};
pub use routes::{Builder, Group, Routes};
pub use server::{BuildError, Handle, OtherPeers, Problem, Server, Shutdown, Whole};
pub use status::{CoreStatus, ServerPhase, ServerStatus};
pub use stream::ResponseStream;
pub use system::{ProcessUsage, SystemUsage, Usage, usage};
pub use task::{Task, TaskError, spawn};
