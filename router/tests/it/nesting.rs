//! Tests groups of routes under a prefix.

use http::Method;
use ringlane_router::{Params, RouterBuilder, TrailingSlash};

use crate::{builder, outline};

/// `nested` under `prefix` answers `request` so.
#[track_caller]
fn check(prefix: &str, nested: &[&str], request: &str, expected: &str) {
    let mut outer = RouterBuilder::new();
    outer.nest(prefix, builder(nested));
    match outer.build() {
        Ok(router) => assert_eq!(outline(&router, request), expected),
        Err(errors) => panic!("{errors}"),
    }
}

#[test]
fn prefixes_go_before_patterns() {
    check("/api", &["/users"], "/api/users", "/api/users");
    check("/api", &["/users"], "/users", "404");
    check("/api/", &["/users"], "/api/users", "/api/users");
    check("/api", &["/"], "/api", "/api");
    check("/api", &["/"], "/api/", "404");
    check("/api/", &["/"], "/api", "/api");
    check("/api", &["/users/"], "/api/users/", "/api/users/");
    check("", &["/users"], "/users", "/users");
    check("/", &["/users"], "/users", "/users");
    check("/", &["/"], "/", "/");
    check(
        "/{tenant}",
        &["/users/{id}"],
        "/t/users/7",
        "/{tenant}/users/{id} tenant=t id=7",
    );
    check(
        "/v{n}",
        &["/{*rest}"],
        "/v1/a/b",
        "/v{n}/{*rest} n=1 rest=a/b",
    );
    check("/api", &["POST /a"], "GET /api/a", "405 POST, OPTIONS");
    check("/api", &["/{page?}"], "/api", "/api/{page?}");
}

#[test]
fn groups_in_groups() {
    let mut inner = builder(&["/", "/{id}"]);
    inner.trailing_slash(TrailingSlash::Ignore);
    let mut middle = builder(&["/status"]);
    middle.nest("/users", inner);
    let mut outer = builder(&["/"]);
    outer.nest("/api", middle);
    let router = outer.build().expect("the patterns differ");
    let patterns: Vec<&str> = router.routes().map(|route| route.pattern()).collect();
    assert_eq!(
        patterns,
        ["/", "/api/status", "/api/users", "/api/users/{id}"]
    );
    assert_eq!(outline(&router, "/api/users/7"), "/api/users/{id} id=7");
    // The outermost policy holds.
    assert_eq!(outline(&router, "/api/users/"), "404");
}

#[test]
fn mapped_routers_answer_alike_with_other_values() {
    let mut routes = RouterBuilder::new();
    routes.route(Method::GET, "/a/{id}", 1);
    routes.any("/{*rest}", 2);
    let router = routes.build().expect("the patterns differ");
    let mapped = router.map(|route| format!("{} {}", route.pattern(), route.value()));
    let values: Vec<&String> = mapped.routes().map(|route| route.value()).collect();
    assert_eq!(values, ["/a/{id} 1", "/{*rest} 2"]);
    let mut params = Params::new();
    let found = mapped.find(&Method::GET, b"/a/7", &mut params);
    let ringlane_router::Found::Route(route) = found else {
        panic!("the first pattern matches");
    };
    assert_eq!(route.value(), "/a/{id} 1");
    assert_eq!(route.method(), Some(&Method::GET));
    assert!(route.param_names().eq(["id"]));
    assert_eq!(params.get("id", b"/a/7"), Some("7"));
}
