//! Numbers the methods of a router, chooses the route of a method, and builds `Allow`.
//!
//! Always true here:
//! - Numbers follow one fixed order (the well-known methods, then others by name), so that
//!   `Allow` reads the same in whatever order routes were registered.
//! - `GET` implies `HEAD` (RFC 9110 §9.3.2), and every path that has a route answers `OPTIONS`.
//!
//! Not here: which routes match a path (`walk.rs`).

use std::fmt;

use http::Method;

/// Most different methods in one router, the nine well-known ones included. One more is an error of
/// [`build`](crate::RouterBuilder::build).
pub const METHODS_MAX: usize = 64;

/// Stands in a row where no route answers.
pub(crate) const NO_ROUTE: u32 = u32::MAX;

/// The methods of RFC 9110 §9.3 and RFC 5789, in the order `Allow` lists them.
const WELL_KNOWN: [Method; 9] = [
    Method::GET,
    Method::HEAD,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
    Method::CONNECT,
    Method::OPTIONS,
    Method::TRACE,
];
const GET: usize = 0;
const HEAD: usize = 1;
const OPTIONS: usize = 7;

/// The methods registered anywhere in a router.
///
/// Each path pattern has one row of routes. Methods that some route names have a column of their
/// own, and so does `HEAD` when there is a `GET`; all others share the last one.
#[derive(Clone, Debug)]
pub(crate) struct Methods {
    /// The well-known ones first, registered or not, then the others by name. The index is the
    /// number.
    names: Box<[Method]>,
    /// Per number.
    columns: Box<[u8]>,
    /// The column of every method without its own.
    shared: u8,
    known: MethodSet,
}

impl Methods {
    /// Numbers the methods that routes name; `None` if there are more than [`METHODS_MAX`].
    pub(crate) fn of<'m>(registered: impl Iterator<Item = &'m Method>) -> Option<Self> {
        let mut columned = MethodSet::default();
        let mut others: Vec<Method> = Vec::new();
        for method in registered {
            match well_known(method) {
                Some(number) => columned.insert(number),
                None => others.push(method.clone()),
            }
        }
        others.sort_by(|a, b| a.as_str().cmp(b.as_str()));
        others.dedup();
        let names: Box<[Method]> = WELL_KNOWN.into_iter().chain(others).collect();
        if names.len() > METHODS_MAX {
            return None;
        }
        for number in WELL_KNOWN.len()..names.len() {
            columned.insert(number);
        }
        let mut known = columned;
        if columned.contains(GET) {
            columned.insert(HEAD);
        }
        known.complete();
        let shared = columned.len() as u8;
        let mut columns = vec![shared; names.len()];
        for (column, number) in columned.numbers().enumerate() {
            columns[number] = column as u8;
        }
        Some(Self {
            names,
            columns: columns.into(),
            shared,
            known,
        })
    }

    /// How many columns a row of routes has.
    pub(crate) fn width(&self) -> usize {
        usize::from(self.shared) + 1
    }

    /// The column that says which route answers `method`.
    #[inline]
    pub(crate) fn column(&self, method: &Method) -> usize {
        let column = match self.number(method) {
            Some(number) => self.columns[number],
            None => self.shared,
        };
        usize::from(column)
    }

    #[inline]
    pub(crate) fn number(&self, method: &Method) -> Option<usize> {
        well_known(method).or_else(|| self.number_of_other(method))
    }

    /// Whether a route names `method`, or answers it because of `GET` or `OPTIONS`.
    pub(crate) fn knows(&self, method: &Method) -> bool {
        self.number(method)
            .is_some_and(|number| self.known.contains(number))
    }

    /// The row of a path with these routes: per column the one that answers, or [`NO_ROUTE`].
    pub(crate) fn row(&self, named: &[(usize, u32)], any: Option<u32>) -> Vec<u32> {
        let of = |number: usize| {
            let found = named.iter().find(|(named, _)| *named == number);
            found.map(|(_, route)| *route)
        };
        let mut row = vec![any.unwrap_or(NO_ROUTE); self.width()];
        for number in 0..self.names.len() {
            let fallback = if number == HEAD { of(GET) } else { None };
            if let Some(route) = of(number).or(fallback) {
                row[usize::from(self.columns[number])] = route;
            }
        }
        row
    }

    /// The list that goes with `set`.
    pub(crate) fn allow(&self, set: MethodSet) -> Allow<'_> {
        Allow {
            names: &self.names,
            set,
        }
    }

    #[cold]
    fn number_of_other(&self, method: &Method) -> Option<usize> {
        let others = &self.names[WELL_KNOWN.len()..];
        let at = others.iter().position(|name| name == method)?;
        Some(WELL_KNOWN.len() + at)
    }
}

#[inline]
fn well_known(method: &Method) -> Option<usize> {
    Some(match *method {
        Method::GET => GET,
        Method::HEAD => HEAD,
        Method::POST => 2,
        Method::PUT => 3,
        Method::PATCH => 4,
        Method::DELETE => 5,
        Method::CONNECT => 6,
        Method::OPTIONS => OPTIONS,
        Method::TRACE => 8,
        _ => return None,
    })
}

/// A set of method numbers.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct MethodSet(u64);

impl MethodSet {
    /// The methods that a path with these routes answers.
    pub(crate) fn of_routes(named: &[(usize, u32)]) -> Self {
        let mut set = Self::default();
        for (number, _) in named {
            set.insert(*number);
        }
        set.complete();
        set
    }

    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(crate) fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    fn insert(&mut self, number: usize) {
        self.0 |= 1 << number;
    }

    /// Adds what is answered without a route of its own.
    fn complete(&mut self) {
        if self.contains(GET) {
            self.insert(HEAD);
        }
        if !self.is_empty() {
            self.insert(OPTIONS);
        }
    }

    fn contains(self, number: usize) -> bool {
        self.0 & 1 << number != 0
    }

    fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    fn numbers(self) -> impl Iterator<Item = usize> {
        (0..METHODS_MAX).filter(move |number| self.contains(*number))
    }
}

const _: () = assert!(METHODS_MAX == u64::BITS as usize, "one bit per method");

/// The methods that a path answers: the value of an `Allow` field (RFC 9110 §10.2.1).
///
/// It borrows from the router and is as cheap to copy as two words. `Display` writes the field's
/// value:
///
/// ```
/// use http::Method;
/// use ringlane_router::{Found, Params, RouterBuilder};
///
/// let mut routes = RouterBuilder::new();
/// routes.route(Method::GET, "/users/{id}", "show");
/// routes.route(Method::DELETE, "/users/{id}", "delete");
/// let router = routes.build()?;
///
/// let mut params = Params::new();
/// let Found::MethodNotAllowed(allow) = router.find(&Method::PUT, b"/users/7", &mut params) else {
///     panic!("no route has PUT");
/// };
/// assert_eq!(allow.to_string(), "GET, HEAD, DELETE, OPTIONS");
/// # Ok::<(), ringlane_router::RouteErrors>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Allow<'r> {
    names: &'r [Method],
    set: MethodSet,
}

impl<'r> Allow<'r> {
    /// The methods, in the order they are listed.
    pub fn methods(self) -> impl Iterator<Item = &'r Method> {
        self.set.numbers().map(move |number| &self.names[number])
    }
}

impl fmt::Display for Allow<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, method) in self.methods().enumerate() {
            if index > 0 {
                f.write_str(", ")?;
            }
            f.write_str(method.as_str())?;
        }
        Ok(())
    }
}
