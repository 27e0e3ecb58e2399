//! Tests methods: `HEAD` by `GET`, automatic `OPTIONS`, 405 with `Allow`, 501.

use http::Method;

use crate::{check, router};

#[test]
fn head_falls_back_to_get() {
    check(&["GET /a"], "HEAD /a", "/a");
    check(&["GET /{a}"], "HEAD /7", "/{a} a=7");
    check(&["POST /a"], "HEAD /a", "405 POST, OPTIONS");
    check(&["GET /{a}", "HEAD /{b}"], "HEAD /7", "/{b} b=7");
    check(&["GET /{a}", "HEAD /{b}"], "GET /7", "/{a} a=7");
    check(&["GET /a", "ANY /{a}"], "HEAD /a", "/a");
    check(&["GET /{a}", "ANY /{b}"], "HEAD /a", "/{a} a=a"); // `GET` names it rather than `any`
    check(&["HEAD /a"], "GET /a", "405 HEAD, OPTIONS");
    check(&["GET /a", "HEAD /{a}"], "HEAD /a", "/a"); // the path counts before the method
}

#[test]
fn a_known_path_without_the_method() {
    let routes = &["GET /a", "PUT /a", "DELETE /a/{id}"];
    check(routes, "POST /a", "405 GET, HEAD, PUT, OPTIONS");
    check(routes, "GET /a/1", "405 DELETE, OPTIONS");
    check(routes, "POST /b", "404");
    check(routes, "PROPFIND /a", "405 GET, HEAD, PUT, OPTIONS");
    check(
        &["TRACE /a", "CONNECT /a"],
        "GET /a",
        "405 CONNECT, OPTIONS, TRACE",
    );
    check(
        &["PURGE /a", "COPY /a", "PATCH /a"],
        "GET /a",
        "405 PATCH, OPTIONS, COPY, PURGE",
    );
    check(&["GET /{*rest}"], "POST /a/b", "405 GET, HEAD, OPTIONS");
    check(&["GET /{a?}"], "POST /", "405 GET, HEAD, OPTIONS");
    check(&["GET /a"], "POST /%61", "405 GET, HEAD, OPTIONS");
}

#[test]
fn options_are_answered_unless_a_route_does() {
    check(
        &["GET /a", "POST /a"],
        "OPTIONS /a",
        "204 GET, HEAD, POST, OPTIONS",
    );
    check(&["GET /{a}"], "OPTIONS /7", "204 GET, HEAD, OPTIONS");
    check(&["GET /a"], "OPTIONS /b", "404");
    check(&["GET /a", "OPTIONS /a"], "OPTIONS /a", "/a");
    check(&["GET /a", "OPTIONS /{b}"], "OPTIONS /a", "/{b} b=a");
    check(
        &["GET /a", "OPTIONS /a"],
        "PUT /a",
        "405 GET, HEAD, OPTIONS",
    );
    check(&["GET /a", "ANY /{*b}"], "OPTIONS /a", "/{*b} b=a");
}

#[test]
fn routes_of_other_methods_do_not_hide_a_match() {
    let routes = &["POST /users/me", "GET /users/{id}", "PUT /{*rest}"];
    check(routes, "GET /users/me", "/users/{id} id=me");
    check(routes, "POST /users/me", "/users/me");
    check(routes, "POST /users/7", "405 GET, HEAD, PUT, OPTIONS");
    check(
        routes,
        "DELETE /users/me",
        "405 GET, HEAD, POST, PUT, OPTIONS",
    ); // of all that match
    check(
        routes,
        "OPTIONS /users/me",
        "204 GET, HEAD, POST, PUT, OPTIONS",
    );
    check(routes, "DELETE /x", "405 PUT, OPTIONS");
    check(
        &[r"GET /{id:\d+}", "DELETE /{id}"],
        "DELETE /7",
        "/{id} id=7",
    );
    check(
        &["POST /users/{id}", "GET /{*all}"],
        "GET /users/7",
        "/{*all} all=users/7",
    );
}

#[test]
fn all_methods() {
    check(&["ANY /a"], "GET /a", "/a");
    check(&["ANY /a"], "OPTIONS /a", "/a");
    check(&["ANY /a"], "HEAD /a", "/a");
    check(&["ANY /a"], "BREW /a", "/a");
    check(&["ANY /{a}", "GET /{b}"], "GET /7", "/{b} b=7");
    check(&["ANY /{a}", "GET /{b}"], "POST /7", "/{a} a=7");
    check(&["ANY /{a}", "GET /{b}"], "BREW /7", "/{a} a=7");
    check(&["ANY /{a}", "GET /{*b}"], "GET /7", "/{a} a=7"); // the path counts before the method
    check(&["ANY /{a}", "BREW /b"], "BREW /b", "/b");
}

#[test]
fn other_methods() {
    check(&["PROPFIND /a"], "PROPFIND /a", "/a");
    // RFC 9110 §9.1: case-sensitive
    check(&["PROPFIND /a"], "propfind /a", "405 OPTIONS, PROPFIND");
    check(&["GET /a"], "get /a", "405 GET, HEAD, OPTIONS");
    check(
        &["A-METHOD-WITH-A-RATHER-LONG-NAME /a"],
        "A-METHOD-WITH-A-RATHER-LONG-NAME /a",
        "/a",
    );
}

#[test]
fn what_is_known() {
    #[track_caller]
    fn check(routes: &[&str], known: &[&str]) {
        let router = router(routes);
        for name in ["GET", "HEAD", "POST", "OPTIONS", "TRACE", "BREW", "COPY"] {
            let method: Method = name.parse().expect("the names are tokens");
            assert_eq!(router.knows(&method), known.contains(&name), "{name}");
        }
    }
    check(&[], &[]);
    check(&["GET /a"], &["GET", "HEAD", "OPTIONS"]);
    check(&["POST /a"], &["POST", "OPTIONS"]);
    check(&["HEAD /a", "BREW /b"], &["HEAD", "OPTIONS", "BREW"]);
    let all = ["GET", "HEAD", "POST", "OPTIONS", "TRACE", "BREW", "COPY"];
    check(&["ANY /a"], &all);
}
