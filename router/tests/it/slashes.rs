//! Tests the three policies for trailing slashes.

use ringlane_router::TrailingSlash::{Ignore, Redirect, Strict};
use ringlane_router::{Found, Params, RouterBuilder};

use crate::{build, check_policy};

#[test]
fn strict_is_the_default() {
    let mut builder = RouterBuilder::new();
    builder.route(http::Method::GET, "/a", ());
    let router = builder.build().expect("one route");
    let found = router.find(&http::Method::GET, b"/a/", &mut Params::new());
    assert!(matches!(found, Found::NotFound));
}

#[test]
fn strict_tells_them_apart() {
    let routes = &["/a", "/b/", "/c", "/c/"];
    check_policy(Strict, routes, "/a", "/a");
    check_policy(Strict, routes, "/a/", "404");
    check_policy(Strict, routes, "/b", "404");
    check_policy(Strict, routes, "/b/", "/b/");
    check_policy(Strict, routes, "/c", "/c");
    check_policy(Strict, routes, "/c/", "/c/");
}

#[test]
fn ignore_answers_both() {
    let routes = &["/", "/a", "/b/", "/users/{id}", "/v{n}/x/"];
    for (path, expected) in [
        ("/", "/"),
        ("//", "404"),
        ("/a", "/a"),
        ("/a/", "/a"),
        ("/a//", "404"),
        ("/%61/", "/a"),
        ("/b", "/b/"),
        ("/b/", "/b/"),
        ("/users/7", "/users/{id} id=7"),
        ("/users/7/", "/users/{id} id=7"),
        ("/users/7%2F", "/users/{id} id=7/"),
        ("/users/", "404"),
        ("/users//", "404"),
        ("/v1/x", "/v{n}/x/ n=1"),
        ("/v1/x/", "/v{n}/x/ n=1"),
    ] {
        check_policy(Ignore, routes, path, expected);
    }
    check_policy(Ignore, &["POST /a", "GET /a/"], "GET /a", "/a/");
    check_policy(
        Ignore,
        &["POST /a", "GET /a/"],
        "PUT /a",
        "405 GET, HEAD, POST, OPTIONS",
    );
    check_policy(Ignore, &["/a/{b?}"], "/a/", "/a/{b?}");
    check_policy(Ignore, &["/a/{b?}"], "/a/7/", "/a/{b?} b=7");
    check_policy(Ignore, &["/{p:a/b}"], "/a/b/", "/{p:a/b} p=a/b");
    check_policy(Ignore, &["/{p:a/b}/c"], "/a/b/c/", "/{p:a/b}/c p=a/b");
}

#[test]
fn ignore_leaves_catch_alls_their_slash() {
    check_policy(Ignore, &["/f/{*rest}"], "/f/a/", "/f/{*rest} rest=a/");
    check_policy(Ignore, &["/f/{*rest}"], "/f/", "404");
    check_policy(Ignore, &["/f/{*rest?}"], "/f/", "/f/{*rest?}");
    check_policy(Ignore, &["/f/{*rest?}", "/f/{x}"], "/f/a/", "/f/{x} x=a");
    check_policy(
        Ignore,
        &[r"/f/{*rest:\w+}"],
        "/f/a/",
        r"/f/{*rest:\w+} rest=a",
    );
    check_policy(
        Ignore,
        &["/f/{*rest:a/?}"],
        "/f/a/",
        "/f/{*rest:a/?} rest=a/",
    );
}

#[test]
fn ignore_makes_the_two_one_route() {
    let errors = build(&["/a", "/a/"], Ignore).expect_err("both answer `/a`");
    let message = "route `GET /a/` conflicts with `GET /a`: both answer `/a`";
    assert_eq!(errors.to_string(), message);
    assert!(build(&["/a", "POST /a/"], Ignore).is_ok());
    assert!(build(&["/a", "/a/"], Redirect).is_ok());
    assert!(build(&["/", "/{*rest?}"], Ignore).is_err());
}

#[test]
fn redirect_sends_to_the_other_path() {
    let routes = &["/", "/a", "/b/", "/c", "/c/", "/users/{id}", "POST /p"];
    for (request, expected) in [
        ("/", "/"),
        ("/a", "/a"),
        ("/a/", "308 /a"),
        ("/b", "308 /b/"),
        ("/b/", "/b/"),
        ("/c", "/c"),
        ("/c/", "/c/"),
        ("/%62", "308 /%62/"),
        ("/users/7/", "308 /users/7"),
        ("/users/a%20b/", "308 /users/a%20b"),
        ("/users/a%2F", "/users/{id} id=a/"),
        ("/users/", "404"),
        ("/users", "404"),
        ("/d/", "404"),
        ("/a//", "404"),
        ("POST /p/", "308 /p"),
        ("GET /p/", "404"), // there it would be a 405
        ("POST /a", "405 GET, HEAD, OPTIONS"),
        ("HEAD /a/", "308 /a"),
    ] {
        check_policy(Redirect, routes, request, expected);
    }
    check_policy(
        Redirect,
        &["/f/{*rest:[a-z/]*[a-z]}"],
        "/f/a/b/c/d/e/",
        "308 /f/a/b/c/d/e",
    );
    check_policy(
        Redirect,
        &["/f/{*rest:[a-z/]*/}"],
        "/f/a/b/c/d/e",
        "308 /f/a/b/c/d/e/",
    );
    check_policy(Redirect, &["/{p:[a-z/]+}/"], "/a/b", "308 /a/b/");
    check_policy(Redirect, &["/a{p:[a-z/]+}"], "/%61", "308 /%61/");
    check_policy(Redirect, &["/{p:[a-z]+|a/b}"], "/a/b/", "308 /a/b");
}

/// A `Location` must not leave the server, however a browser reads it.
#[test]
fn redirect_never_leads_away() {
    let routes = &["/{p:/?[^/]+(/x)?}", "/{a}/{b}/{c}"];
    for path in [
        "//example.org/",
        r"/\example.org/",
        "/\t/example.org/",
        "/a\\b/",
        "/a b/",
        "/a\r\nb/",
        "/a\u{7f}/",
        "/a/b/c\\/",
    ] {
        check_policy(Redirect, routes, path, "404");
    }
    check_policy(Redirect, routes, "/example.org/", "308 /example.org");
    check_policy(Redirect, routes, "/%5Cexample.org/", "308 /%5Cexample.org");
}
