//! The router: finds the route of a method and a path, or the status to answer instead.
//!
//! Always true here:
//! - A pattern without parameters costs one hash lookup, one whose only parameter is its last
//!   segment two, if the request has no escapes. What such a lookup finds is what a search would
//!   find.
//! - Whether a path is well-formed does not depend on the routes.
//!
//! Not here: registering routes (`builder.rs`), the search itself (`walk.rs`).

use http::Method;

use crate::methods::{Allow, MethodSet, Methods};
use crate::params::{Capture, Names, Params, Span};
use crate::path::{Cut, PathFlaw, cut, last_segment};
use crate::tree::{BEFORE_PARAM, EndIndex, Tree, WHOLE};
use crate::walk::Walk;

/// What a trailing slash means.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum TrailingSlash {
    /// `/a` and `/a/` are two paths, as RFC 3986 has it. The default.
    #[default]
    Strict,
    /// A route answers with and without it. (A catch-all still gets to see it.)
    Ignore,
    /// As `Strict`, but a request that only the other path would answer is sent there.
    Redirect,
}

impl TrailingSlash {
    pub(crate) fn is_ignored(self) -> bool {
        match self {
            Self::Ignore => true,
            Self::Strict | Self::Redirect => false,
        }
    }
}

/// Routes by method and path. Made by [`RouterBuilder::build`](crate::RouterBuilder::build).
///
/// The number of routes does not slow a lookup down, and a lookup allocates nothing once the
/// caller's [`Params`] and the expressions' matching states are warm. Expressions keep those
/// states behind locks: threads that share a router work, but to share nothing, give each its own
/// [`Clone`] or [`map`](Self::map).
///
/// ```
/// use http::Method;
/// use ringlane_router::{Found, Params, RouterBuilder};
///
/// let mut routes = RouterBuilder::new();
/// routes.route(Method::GET, "/", "index");
/// routes.route(Method::GET, "/users/{id}", "show");
/// let router = routes.build()?;
///
/// let mut params = Params::new();
/// let path = b"/users/7";
/// let Found::Route(route) = router.find(&Method::GET, path, &mut params) else {
///     panic!("`/users/{{id}}` matches");
/// };
/// assert_eq!(*route.value(), "show");
/// assert_eq!(params.get("id", path), Some("7"));
/// # Ok::<(), ringlane_router::RouteErrors>(())
/// ```
#[derive(Clone, Debug)]
pub struct Router<T> {
    pub(crate) routes: Box<[Route<T>]>,
    pub(crate) index: Index,
}

/// All that lookups need and that does not depend on the values.
#[derive(Clone, Debug)]
pub(crate) struct Index {
    pub(crate) tree: Tree,
    pub(crate) methods: Methods,
    pub(crate) trailing_slash: TrailingSlash,
    /// Whether some route answers all methods.
    pub(crate) has_any: bool,
}

/// One registered route.
#[derive(Clone, Debug)]
pub struct Route<T> {
    pub(crate) method: Option<Method>,
    pub(crate) pattern: Box<str>,
    pub(crate) names: Names,
    pub(crate) value: T,
}

impl<T> Route<T> {
    /// The method it was registered for; `None` for all of them.
    pub fn method(&self) -> Option<&Method> {
        self.method.as_ref()
    }

    /// The pattern as it was registered, with its prefixes.
    pub fn pattern(&self) -> &str {
        &self.pattern
    }

    /// The names of its parameters, in the pattern's order.
    pub fn param_names(&self) -> impl Iterator<Item = &str> {
        self.names.iter()
    }

    /// What was registered.
    pub fn value(&self) -> &T {
        &self.value
    }
}

/// What a router has to say to a request.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub enum Found<'r, T> {
    /// This route answers; its parameters are in [`Params`].
    Route(&'r Route<T>),
    /// `OPTIONS`, and no route took it over: answer 204 with this `Allow` (RFC 9110 §9.3.7).
    Options(Allow<'r>),
    /// Routes match the path but not the method: 405 with this `Allow` (RFC 9110 §15.5.6).
    MethodNotAllowed(Allow<'r>),
    /// 308 to the same path with its trailing slash changed (RFC 9110 §15.4.9).
    Redirect(SlashChange),
    /// No route matches the path: 404.
    NotFound,
    /// The path is malformed: 400.
    BadPath(PathFlaw),
}

/// How a path has to change to be answered.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SlashChange {
    /// A slash goes behind it.
    Append,
    /// Its last slash goes.
    Remove,
}

impl SlashChange {
    /// The changed path, in two pieces to be written one behind the other. The query follows them.
    ///
    /// ```
    /// use ringlane_router::SlashChange;
    ///
    /// assert_eq!(SlashChange::Append.apply(b"/docs").concat(), b"/docs/");
    /// assert_eq!(SlashChange::Remove.apply(b"/docs/").concat(), b"/docs");
    /// ```
    pub fn apply(self, path: &[u8]) -> [&[u8]; 2] {
        match self {
            Self::Append => [path, b"/"],
            Self::Remove => [path.strip_suffix(b"/").unwrap_or(path), b""],
        }
    }
}

impl<T> Router<T> {
    /// Finds the most specific route that answers `method` on `path`, and fills `params`.
    ///
    /// `path` is the raw path of the request target: with its escapes, without the query. What
    /// `params` held before is forgotten; it stays empty unless a route is found.
    #[inline]
    pub fn find(&self, method: &Method, path: &[u8], params: &mut Params) -> Found<'_, T> {
        params.clear();
        let column = self.index.methods.column(method);
        let Tree {
            shortcuts, ends, ..
        } = &self.index.tree;
        // Nothing is more specific than a pattern without parameters.
        if let Some(end) = shortcuts.find(WHOLE, path)
            && let Some(route) = ends.route(EndIndex(end), column)
        {
            return Found::Route(&self.routes[route]);
        }
        // And if that has no answer, nothing than one whose parameter comes last.
        if let Some(last) = last_segment(path)
            && let Some(end) = shortcuts.find(BEFORE_PARAM, &path[..last.range().start])
            && let Some(route) = ends.route(EndIndex(end), column)
        {
            let route = &self.routes[route];
            params.captures.push(Capture::of(last));
            params.finish(&route.names, path, false);
            return Found::Route(route);
        }
        self.search(method, column, path, params)
    }

    fn search(
        &self,
        method: &Method,
        column: usize,
        path: &[u8],
        params: &mut Params,
    ) -> Found<'_, T> {
        let Index { tree, methods, .. } = &self.index;
        if params.segments.len() < tree.segments_max {
            params.segments.resize(tree.segments_max, Span::default());
        }
        let segments = &mut params.segments[..tree.segments_max];
        let cut = match cut(path, segments, &mut params.decoded) {
            Ok(cut) => cut,
            Err(flaw) => return Found::BadPath(flaw),
        };
        let (route, allowed) = self.index.walk(column, path, cut, params);
        if let Some(route) = route {
            let route = &self.routes[route];
            params.finish(&route.names, path, cut.decoded);
            return Found::Route(route);
        }
        if !allowed.is_empty() {
            let allow = methods.allow(allowed);
            return match *method {
                Method::OPTIONS => Found::Options(allow),
                _ => Found::MethodNotAllowed(allow),
            };
        }
        match self.index.trailing_slash {
            TrailingSlash::Strict | TrailingSlash::Ignore => Found::NotFound,
            TrailingSlash::Redirect => self.redirect(column, path, cut, params),
        }
    }

    #[cold]
    fn redirect(
        &self,
        column: usize,
        path: &[u8],
        mut cut: Cut,
        params: &mut Params,
    ) -> Found<'_, T> {
        if !is_safe_to_redirect(path) {
            return Found::NotFound;
        }
        let change = if path.ends_with(b"/") {
            SlashChange::Remove
        } else {
            SlashChange::Append
        };
        change.apply_to_cut(path, &mut cut, params);
        let (route, _) = self.index.walk(column, path, cut, params);
        params.captures.clear();
        match route {
            Some(_) => Found::Redirect(change),
            None => Found::NotFound,
        }
    }

    /// Whether some route answers `method` on some path. If not, the answer is 501 and not 405
    /// (RFC 9110 §9.1).
    pub fn knows(&self, method: &Method) -> bool {
        self.index.has_any || self.index.methods.knows(method)
    }

    /// All routes, in the order of registration.
    pub fn routes(&self) -> impl Iterator<Item = &Route<T>> {
        self.routes.iter()
    }

    /// The same routes with other values, and no mutable state shared: what a core makes
    /// of the routes that were checked once for all.
    pub fn map<U>(&self, mut value: impl FnMut(&Route<T>) -> U) -> Router<U> {
        let routes = self.routes.iter().map(|route| Route {
            method: route.method.clone(),
            pattern: route.pattern.clone(),
            names: route.names.clone(),
            value: value(route),
        });
        Router {
            routes: routes.collect(),
            index: self.index.clone(),
        }
    }
}

impl Index {
    fn walk(
        &self,
        column: usize,
        path: &[u8],
        cut: Cut,
        params: &mut Params,
    ) -> (Option<usize>, MethodSet) {
        let text: &[u8] = if cut.decoded { &params.decoded } else { path };
        let stored = cut.segments.min(self.tree.segments_max);
        let mut walk = Walk {
            tree: &self.tree,
            column,
            text,
            segments: &params.segments[..stored],
            segments_all: cut.segments,
            end: (text.len() - cut.trimmed) as u32,
            spare_slash: self.trailing_slash.is_ignored() && path.ends_with(b"/"),
            captures: &mut params.captures,
            allowed: MethodSet::default(),
        };
        let route = walk.run();
        (route, walk.allowed)
    }
}

impl SlashChange {
    /// Makes `cut` and `params` what they would be for the changed path.
    fn apply_to_cut(self, path: &[u8], cut: &mut Cut, params: &mut Params) {
        match self {
            Self::Append => {
                if !cut.decoded {
                    params.decoded.extend_from_slice(path);
                    cut.decoded = true;
                }
                params.decoded.push(b'/');
                if let Some(segment) = params.segments.get_mut(cut.segments) {
                    *segment = Span::new(params.decoded.len(), params.decoded.len());
                }
                cut.segments += 1;
            }
            Self::Remove => {
                cut.segments -= 1;
                cut.trimmed = 1;
            }
        }
    }
}

/// Whether `path` stays a path of this server when it is put into `Location`.
///
/// `//host` names another server, and browsers read `/\host` and white space between the two the
/// same way.
fn is_safe_to_redirect(path: &[u8]) -> bool {
    let is_plain = |byte: &u8| *byte > b' ' && *byte != b'\\' && *byte != 0x7f;
    path.len() > 1 && !path.starts_with(b"//") && path.iter().all(is_plain)
}
