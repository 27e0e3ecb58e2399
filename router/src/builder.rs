//! Collects routes and checks all of them at once.
//!
//! Always true here: nothing is reported before `build()`, and then everything is.
//!
//! Not here: the grammar of patterns (`pattern.rs`), the tree they become (`grow.rs`).

use http::Method;

use crate::error::{Flaw, RouteError, RouteErrors, RouteName};
use crate::expressions::Expressions;
use crate::grow::Sapling;
use crate::methods::Methods;
use crate::params::Names;
use crate::pattern::{Part, Pattern};
use crate::router::{Index, Route, Router, TrailingSlash};

/// Most routes in one router.
pub const ROUTES_MAX: usize = 1 << 18;

/// Routes on their way to a [`Router`].
///
/// What patterns may be and which of them wins is told in the [crate's documentation](crate).
///
/// ```
/// use http::Method;
/// use ringlane_router::RouterBuilder;
///
/// let mut users = RouterBuilder::new();
/// users.route(Method::GET, "/", "list");
/// users.route(Method::GET, "/{id}", "show");
///
/// let mut routes = RouterBuilder::new();
/// routes.nest("/users", users);
/// routes.any("/{*path}", "fallback");
/// let router = routes.build()?;
///
/// let patterns: Vec<&str> = router.routes().map(|route| route.pattern()).collect();
/// assert_eq!(patterns, ["/users", "/users/{id}", "/{*path}"]);
/// # Ok::<(), ringlane_router::RouteErrors>(())
/// ```
#[derive(Clone, Debug)]
pub struct RouterBuilder<T> {
    specs: Vec<Spec<T>>,
    trailing_slash: TrailingSlash,
}

/// A route as it was registered, unchecked.
#[derive(Clone, Debug)]
struct Spec<T> {
    method: Option<Method>,
    /// Empty, or what the pattern is nested under, without a trailing slash.
    prefix: String,
    pattern: String,
    value: T,
}

impl<T> Default for RouterBuilder<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> RouterBuilder<T> {
    /// No routes yet, and [`TrailingSlash::Strict`].
    pub const fn new() -> Self {
        Self {
            specs: Vec::new(),
            trailing_slash: TrailingSlash::Strict,
        }
    }

    /// Chooses what a trailing slash means, for all routes of the router.
    pub fn trailing_slash(&mut self, policy: TrailingSlash) -> &mut Self {
        self.trailing_slash = policy;
        self
    }

    /// Lets `value` answer one method on the paths of `pattern`.
    pub fn route(&mut self, method: Method, pattern: &str, value: T) -> &mut Self {
        self.add(Some(method), pattern, value)
    }

    /// Lets `value` answer every method on the paths of `pattern`, `OPTIONS` and unknown ones
    /// included, unless a route for the method has the same pattern.
    pub fn any(&mut self, pattern: &str, value: T) -> &mut Self {
        self.add(None, pattern, value)
    }

    /// Takes over all routes of `nested`, each behind `prefix`.
    ///
    /// A prefix is a pattern without a catch-all; a slash at its end does not count, and an empty
    /// one changes nothing. The nested pattern `/` means the prefix itself. Of the trailing-slash
    /// policies, that of the outermost router holds.
    pub fn nest(&mut self, prefix: &str, nested: Self) -> &mut Self {
        let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
        let specs = nested.specs.into_iter().map(|spec| Spec {
            prefix: format!("{prefix}{}", spec.prefix),
            ..spec
        });
        self.specs.extend(specs);
        self
    }

    /// Checks all routes and makes the router.
    ///
    /// # Errors
    ///
    /// Every pattern that is malformed or over a limit, and every two routes that answer the same
    /// method on the same paths: not only the first of them.
    pub fn build(self) -> Result<Router<T>, RouteErrors> {
        let mut errors = Vec::new();
        if self.specs.len() > ROUTES_MAX {
            return Err(RouteErrors(vec![RouteError::TooManyRoutes]));
        }
        let named = self.specs.iter().filter_map(|spec| spec.method.as_ref());
        let Some(methods) = Methods::of(named) else {
            return Err(RouteErrors(vec![RouteError::TooManyMethods]));
        };
        let mut expressions = Expressions::default();
        let mut sapling = Sapling::new();
        let mut routes: Vec<Route<T>> = Vec::with_capacity(self.specs.len());
        let mut conflicts = Vec::new();
        for spec in self.specs {
            let name = spec.name();
            match spec.parse(&mut expressions) {
                Ok(pattern) => {
                    let number = spec.method.as_ref().and_then(|name| methods.number(name));
                    let route = routes.len() as u32;
                    routes.push(spec.route(&pattern));
                    let taken = plant(&mut sapling, pattern, self.trailing_slash, number, route);
                    conflicts.extend(taken.map(|taken| taken.between(&routes, name)));
                }
                Err(flaw) => errors.push(RouteError::Pattern { route: name, flaw }),
            }
        }
        errors.extend(conflicts);
        if !errors.is_empty() {
            return Err(RouteErrors(errors));
        }
        Ok(Router {
            index: Index {
                tree: sapling.freeze(&methods, expressions, self.trailing_slash.is_ignored()),
                methods,
                trailing_slash: self.trailing_slash,
                has_any: routes.iter().any(|route| route.method.is_none()),
            },
            routes: routes.into(),
        })
    }

    fn add(&mut self, method: Option<Method>, pattern: &str, value: T) -> &mut Self {
        self.specs.push(Spec {
            method,
            prefix: String::new(),
            pattern: pattern.to_owned(),
            value,
        });
        self
    }
}

impl<T> Spec<T> {
    fn full(&self) -> String {
        match self.pattern.as_str() {
            "/" if !self.prefix.is_empty() => self.prefix.clone(),
            pattern => format!("{}{pattern}", self.prefix),
        }
    }

    fn name(&self) -> RouteName {
        RouteName {
            method: self.method.clone(),
            pattern: self.full(),
        }
    }

    fn parse(&self, expressions: &mut Expressions) -> Result<Pattern, Flaw> {
        // Behind a prefix, the joined text would not show it.
        if !self.pattern.starts_with('/') {
            return Err(Flaw::NoLeadingSlash);
        }
        let pattern = Pattern::parse(&self.full())?;
        for part in &pattern.parts {
            if let Some(text) = part.expression() {
                expressions.add(text)?;
            }
        }
        Ok(pattern)
    }

    fn route(self, pattern: &Pattern) -> Route<T> {
        Route {
            pattern: self.full().into(),
            method: self.method,
            names: Names::of(&pattern.names),
            value: self.value,
        }
    }
}

/// The route that was there first, and the paths it answers.
struct Taken {
    route: u32,
    paths: String,
}

impl Taken {
    fn between<T>(self, routes: &[Route<T>], second: RouteName) -> RouteError {
        let first = &routes[self.route as usize];
        RouteError::Conflict {
            first: RouteName {
                method: first.method.clone(),
                pattern: first.pattern.to_string(),
            },
            second,
            paths: self.paths,
        }
    }
}

/// Plants every form of a pattern; returns the first conflict.
fn plant(
    sapling: &mut Sapling,
    pattern: Pattern,
    trailing_slash: TrailingSlash,
    method: Option<usize>,
    route: u32,
) -> Option<Taken> {
    let mut taken = None;
    for mut parts in pattern.expand() {
        if trailing_slash.is_ignored() {
            parts.pop_if(|part| *part == Part::Literal(String::new()));
        }
        if let Err(route) = sapling.plant(&parts, method, route) {
            taken.get_or_insert_with(|| Taken {
                route,
                paths: outline(&parts),
            });
        }
    }
    taken
}

/// The parts as a pattern whose parameters have no names.
fn outline(parts: &[Part]) -> String {
    let mut text: String = parts.iter().map(|part| format!("/{part}")).collect();
    if text.is_empty() {
        text.push('/');
    }
    text
}
