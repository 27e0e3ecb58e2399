//! Routes paths: finds the value and the parameters of the most specific pattern.
//!
//! A [`RouterBuilder`] collects routes, each a method, a pattern and a value of any type, and
//! checks them all at once. The [`Router`] it makes [finds](Router::find) the most specific route
//! for a method and a raw path, fills [`Params`] with decoded parameters, and says what to answer
//! where no route does.
//!
//! ```
//! use http::Method;
//! use ringlane_router::{Found, Params, RouterBuilder};
//!
//! let mut routes = RouterBuilder::new();
//! routes.route(Method::GET, "/users/me", "me");
//! routes.route(Method::GET, "/users/{id:[0-9]+}/posts/{page?}", "posts");
//! routes.route(Method::GET, "/static/{*file}", "file");
//! let router = routes.build()?;
//!
//! let mut params = Params::new();
//! let path = b"/users/7/posts/2";
//! match router.find(&Method::GET, path, &mut params) {
//!     Found::Route(route) => assert_eq!(*route.value(), "posts"),
//!     other => panic!("{other:?}"),
//! }
//! assert_eq!(params.get("id", path), Some("7"));
//! assert_eq!(params.get("page", path), Some("2"));
//!
//! let Found::MethodNotAllowed(allow) = router.find(&Method::PUT, b"/users/me", &mut params) else {
//!     panic!("there is only a `GET`");
//! };
//! assert_eq!(allow.to_string(), "GET, HEAD, OPTIONS");
//! # Ok::<(), ringlane_router::RouteErrors>(())
//! ```
//!
//! # Patterns
//!
//! | Segment | Matches |
//! |---|---|
//! | `users` | exactly this text, however the request encodes it |
//! | `{id}` | any text without a slash, at least one character |
//! | `{id:[0-9]+}` | text that the expression matches as a whole |
//! | `{path:[a-z/]+}` | the same over several segments, because the expression speaks of `/` |
//! | `v{major}`, `{name}.json` | a parameter with text around it |
//! | `{page?}`, `{page?:[0-9]+}` | last: the same, or the path ends before it |
//! | `{*rest}`, `{*rest:expression}` | last: everything that is left, at least one character |
//! | `{*rest?}` | last: the same, or nothing |
//! | `{{`, `}}` | a brace |
//!
//! # Precedence
//!
//! Of all routes that match the path and answer the method, the most specific one is found.
//! Patterns are compared segment by segment from the left, and the first difference decides:
//!
//! 1. text
//! 2. a parameter; among parameters: the longer text before it, then the longer text behind it,
//!    then with an expression before one whose expression speaks of `/` before without;
//!    expressions by their text
//! 3. a catch-all with an expression, by its text
//! 4. a catch-all
//!
//! The order of registration plays no part. Two routes with the same method and the same pattern,
//! names aside, are an error.
//!
//! # Cost
//!
//! Children of a node are found by hash, so cost does not grow with the number of routes; only
//! different expressions at the same place are tried one after the other. A lookup visits each
//! node of the pattern tree at most once (below a parameter that spans segments, at most
//! [`SPAN_SEGMENTS_MAX`] times) and runs expressions in time linear in the text, so no path makes
//! it slow. Once warm, it allocates nothing.
//!
//! Not here: sockets, requests, and what an answer looks like (`server`).
#![forbid(unsafe_code)]

mod builder;
mod error;
mod expressions;
mod freeze;
mod grow;
mod methods;
mod params;
mod path;
mod pattern;
mod router;
mod table;
mod tree;
mod walk;

pub use builder::{ROUTES_MAX, RouterBuilder};
pub use error::{Flaw, RouteError, RouteErrors, RouteName};
pub use methods::{Allow, METHODS_MAX};
pub use params::Params;
pub use path::{PATH_BYTES_MAX, PathFlaw};
pub use pattern::{PATTERN_BYTES_MAX, PATTERN_PARAMS_MAX, PATTERN_SEGMENTS_MAX};
pub use router::{Found, Route, Router, SlashChange, TrailingSlash};
pub use tree::SPAN_SEGMENTS_MAX;
