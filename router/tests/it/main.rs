//! The router from outside: rows of routes, requests and answers; and a slow matcher that judges
//! the fast one.

#![forbid(unsafe_code)]

mod docs;
mod errors;
mod limits;
mod methods;
mod nesting;
mod oracle;
mod params;
mod patterns;
mod precedence;
mod slashes;

use http::Method;
use ringlane_router::{Found, Params, RouteErrors, Router, RouterBuilder, TrailingSlash};

/// Splits `POST /path` or `ANY /path`; a bare `/path` is for `GET`.
fn split(line: &str) -> (Option<Method>, &str) {
    let (method, path) = match line.split_once(' ') {
        Some((method, path)) if !method.starts_with('/') => (method, path),
        Some(_) | None => ("GET", line),
    };
    let named = method
        .parse()
        .expect("a row's method is written as a request's");
    ((method != "ANY").then_some(named), path)
}

fn builder(routes: &[&str]) -> RouterBuilder<()> {
    let mut builder = RouterBuilder::new();
    for route in routes {
        match split(route) {
            (Some(method), pattern) => builder.route(method, pattern, ()),
            (None, pattern) => builder.any(pattern, ()),
        };
    }
    builder
}

fn build(routes: &[&str], policy: TrailingSlash) -> Result<Router<()>, RouteErrors> {
    let mut builder = builder(routes);
    builder.trailing_slash(policy);
    builder.build()
}

#[track_caller]
fn router(routes: &[&str]) -> Router<()> {
    match build(routes, TrailingSlash::Strict) {
        Ok(router) => router,
        Err(errors) => panic!("{errors}"),
    }
}

/// What a router answers, as one line: the pattern and its parameters, or a status and what goes
/// with it.
fn outline(router: &Router<()>, request: &str) -> String {
    let (method, path) = split(request);
    outline_bytes(router, &method.unwrap_or_default(), path.as_bytes())
}

fn outline_bytes(router: &Router<()>, method: &Method, path: &[u8]) -> String {
    // Left over from other requests, in the middle of whose path it would be noticed.
    let mut params = Params::new();
    for other in ["/x/y/z/%41/%42", "/", path_without_end(path)] {
        let _ = router.find(method, other.as_bytes(), &mut params);
    }
    match router.find(method, path, &mut params) {
        Found::Route(route) => {
            let mut line = route.pattern().to_owned();
            for (name, value) in params.iter(path) {
                assert_eq!(params.get(name, path), Some(value));
                line += &format!(" {name}={value}");
            }
            line
        }
        found => {
            assert!(params.is_empty(), "only a route has parameters");
            match found {
                Found::Route(_) => unreachable!("the arm above takes it"),
                Found::Options(allow) => format!("204 {allow}"),
                Found::MethodNotAllowed(allow) => format!("405 {allow}"),
                Found::Redirect(change) => {
                    let location = change.apply(path).concat();
                    format!("308 {}", String::from_utf8_lossy(&location))
                }
                Found::NotFound => "404".to_owned(),
                Found::BadPath(flaw) => format!("400 {flaw:?}"),
            }
        }
    }
}

fn path_without_end(path: &[u8]) -> &str {
    let end = path.len().saturating_sub(1);
    str::from_utf8(&path[..end]).unwrap_or("/")
}

/// The routes answer the request so, in whatever order they are registered.
#[track_caller]
fn check(routes: &[&str], request: &str, expected: &str) {
    check_policy(TrailingSlash::Strict, routes, request, expected);
}

#[track_caller]
fn check_policy(policy: TrailingSlash, routes: &[&str], request: &str, expected: &str) {
    for routes in permutations(routes) {
        match build(&routes, policy) {
            Ok(router) => assert_eq!(outline(&router, request), expected, "{request} {routes:?}"),
            Err(errors) => panic!("{errors}"),
        }
    }
}

/// All orders of up to five rows, and the rotations of more.
fn permutations<'r>(rows: &[&'r str]) -> Vec<Vec<&'r str>> {
    if rows.len() > 5 {
        let rotated = |by| [&rows[by..], &rows[..by]].concat();
        return (0..rows.len()).map(rotated).collect();
    }
    let Some((first, rest)) = rows.split_first() else {
        return vec![Vec::new()];
    };
    let mut all = Vec::new();
    for permutation in permutations(rest) {
        for at in 0..=permutation.len() {
            let mut longer = permutation.clone();
            longer.insert(at, *first);
            all.push(longer);
        }
    }
    all
}
