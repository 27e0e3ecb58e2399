//! Tests the errors of `build()`.

use http::Method;
use ringlane_router::{RouteError, RouterBuilder, TrailingSlash};

use crate::{build, builder};

/// The routes are refused with these lines, and no others.
#[track_caller]
fn check(routes: &[&str], expected: &[&str]) {
    let errors = build(routes, TrailingSlash::Strict).expect_err("the row holds an error");
    let lines: Vec<String> = errors.iter().map(RouteError::to_string).collect();
    assert_eq!(lines, expected);
    assert_eq!(errors.to_string(), expected.join("\n"));
}

/// One pattern is refused for this reason, and so it is under a prefix.
#[track_caller]
fn check_pattern(pattern: &str, flaw: &str) {
    check(
        &[&format!("PUT {pattern}")],
        &[&format!("route `PUT {pattern}`: {flaw}")],
    );
}

#[test]
fn slashes() {
    let flaw = "patterns and prefixes must start with `/`";
    check_pattern("users", flaw);
    check_pattern("{id}", flaw);
    check_pattern("", flaw);
    check_pattern("*", flaw);
    check_pattern("//", "two slashes in a row");
    check_pattern("/a//b", "two slashes in a row");
    check_pattern("/a//", "two slashes in a row");
}

#[test]
fn braces() {
    let never_closed = |at| {
        format!("unbalanced brace: `{{` at byte {at} is never closed (write `{{{{` for a brace)")
    };
    let closes_nothing = |at| {
        format!("unbalanced brace: `}}` at byte {at} closes nothing (write `}}}}` for a brace)")
    };
    check_pattern("/{id", &never_closed(1));
    check_pattern("/a/{id/b", &never_closed(3));
    check_pattern("/{", &never_closed(1));
    check_pattern(r"/{id:\d{4}", &never_closed(1));
    check_pattern(r"/{id:\}", &never_closed(1));
    check_pattern("/{id:[}]", &never_closed(1));
    check_pattern("/{{{", &never_closed(3));
    check_pattern("/id}", &closes_nothing(3));
    check_pattern("/{id}}", &closes_nothing(5));
    check_pattern("/é}", &closes_nothing(3));
    check_pattern("/{{id}", &closes_nothing(5));
    check_pattern(r"/{id:\d}{4}}", "two parameters in one segment");
}

#[test]
fn names() {
    check_pattern("/{}", "a parameter has no name");
    check_pattern("/{*}", "a parameter has no name");
    check_pattern("/{?}", "a parameter has no name");
    check_pattern(r"/{:\d+}", "a parameter has no name");
    for name in ["a b", "a.b", "a/b", "*a", "a*", "a?", "a+", "a\u{301}"] {
        let pattern = if name == "a?" {
            "/{a??}".to_owned()
        } else {
            format!("/x{{{name}}}")
        };
        let pattern = if name == "*a" {
            "/{**a}".to_owned()
        } else {
            pattern
        };
        let flaw = format!("`{name}` is no parameter name (letters, digits, `_` and `-` are)");
        check_pattern(&pattern, &flaw);
    }
    check_pattern("/{id}/{id}", "two parameters are named `id`");
    check_pattern("/{id}/x/{*id}", "two parameters are named `id`");
}

#[test]
fn expressions() {
    check_pattern("/{id:}", "parameter `id` has a colon but no expression");
    check_pattern("/{id:(a}", "bad regular expression `(a`: unclosed group");
    check_pattern(
        "/{id:a)(b}",
        "bad regular expression `a)(b`: unopened group",
    );
    check_pattern(
        "/{id:*}",
        "bad regular expression `*`: repetition operator missing expression",
    );
    check_pattern(
        r"/{id:(a)\1}",
        r"bad regular expression `(a)\1`: backreferences are not supported",
    );
    check_pattern(
        "/{id:(?x)a # b}",
        "bad regular expression `(?x)a # b`: unclosed group",
    );
    check_pattern(
        "/{id:(((a{100}){100}){100}){100}}",
        "bad regular expression `(((a{100}){100}){100}){100}`: \
         Compiled regex exceeds size limit of 10485760 bytes.",
    );
}

#[test]
fn places() {
    check_pattern("/{*rest}/a", "a catch-all must be the last segment");
    check_pattern("/{*rest}/", "a catch-all must be the last segment");
    check_pattern("/a{*rest}", "a catch-all must be the whole segment");
    check_pattern("/{*rest}.js", "a catch-all must be the whole segment");
    check_pattern("/{id?}/a", "an optional parameter must be the last segment");
    check_pattern("/{id?}/", "an optional parameter must be the last segment");
    check_pattern("/v{id?}", "an optional parameter must be the whole segment");
    check_pattern(
        "/{id?}.js",
        "an optional parameter must be the whole segment",
    );
    check_pattern("/{a}{b}", "two parameters in one segment");
    check_pattern("/{a}-{b}", "two parameters in one segment");
    check_pattern(
        "/{a:x/y}/{b:x/y}",
        "only one parameter may have `/` in its expression, and so reach over segments",
    );
}

#[test]
fn literals() {
    check_pattern("/a?b=c", "`?` never stands in a path");
    check_pattern("/{id}?", "`?` never stands in a path");
    check_pattern("/a#b", "`#` never stands in a path");
    let escape = "malformed percent-escape at byte 4 (write `%25` for a percent sign)";
    check_pattern("/100%", escape);
    check_pattern("/100%/a", escape);
    check_pattern("/100%4", escape);
    check_pattern("/100%4é", escape);
    check_pattern("/a%FF", "percent-escapes that are not UTF-8");
    check_pattern("/%C3{a}%A9", "percent-escapes that are not UTF-8");
    check_pattern(
        "/:id",
        "a parameter is written `{name}` (write `%3A` for a colon)",
    );
    check_pattern(
        "/a/*rest",
        "a catch-all is written `{*name}` (write `%2A` for a star)",
    );
}

#[test]
fn conflicts() {
    check(
        &["/a/{x}", "/a/{y}"],
        &["route `GET /a/{y}` conflicts with `GET /a/{x}`: both answer `/a/{}`"],
    );
    check(
        &["/a", "/a"],
        &["route `GET /a` conflicts with `GET /a`: both answer `/a`"],
    );
    check(
        &["/", "/"],
        &["route `GET /` conflicts with `GET /`: both answer `/`"],
    );
    check(
        &["/a", "/%61"],
        &["route `GET /%61` conflicts with `GET /a`: both answer `/a`"],
    );
    check(
        &[r"/{x:\d+}", r"/{y:\d+}"],
        &[r"route `GET /{y:\d+}` conflicts with `GET /{x:\d+}`: both answer `/{:\d+}`"],
    );
    check(
        &["/v{x}.js", "/v{y}.js"],
        &["route `GET /v{y}.js` conflicts with `GET /v{x}.js`: both answer `/v{}.js`"],
    );
    check(
        &["/{*x}", "/{*y}"],
        &["route `GET /{*y}` conflicts with `GET /{*x}`: both answer `/{*}`"],
    );
    check(
        &["ANY /{x}", "ANY /{y}"],
        &["route `ANY /{y}` conflicts with `ANY /{x}`: both answer `/{}`"],
    );
    check(
        &["/users", "/users/{id?}"],
        &["route `GET /users/{id?}` conflicts with `GET /users`: both answer `/users`"],
    );
    check(
        &["/users/{id?}", "/users/{name}"],
        &["route `GET /users/{name}` conflicts with `GET /users/{id?}`: both answer `/users/{}`"],
    );
    check(
        &["/f/", "/f/{*rest?}"],
        &["route `GET /f/{*rest?}` conflicts with `GET /f/`: both answer `/f/`"],
    );
    check(
        &["BREW /{x}", "BREW /{y}"],
        &["route `BREW /{y}` conflicts with `BREW /{x}`: both answer `/{}`"],
    );
}

#[test]
fn no_conflict() {
    for routes in [
        &["GET /a", "POST /a", "ANY /a"][..],
        &["GET /{a}", "POST /{b}", "ANY /{c}"],
        &["/a/{x}", "/{x}/a"],
        &[r"/{x:\d+}", "/{x:[0-9]+}", "/{x}"],
        &["/{x}.js", "/{x}.css", "/j{x}"],
        &["/a", "/a/"],
        &["/f/{*rest}", "/f/", "/f"],
        &["GET /{a}/b", "GET /{b}/c"],
        &["/{*a}", "/{*a:.*}"],
    ] {
        assert!(build(routes, TrailingSlash::Strict).is_ok(), "{routes:?}");
    }
}

#[test]
fn all_errors_at_once() {
    check(
        &["/{x}", "/{", "/{y}", "nothing", "/{z}", "POST /{z}"],
        &[
            "route `GET /{`: unbalanced brace: `{` at byte 1 is never closed \
             (write `{{` for a brace)",
            "route `GET nothing`: patterns and prefixes must start with `/`",
            "route `GET /{y}` conflicts with `GET /{x}`: both answer `/{}`",
            "route `GET /{z}` conflicts with `GET /{x}`: both answer `/{}`",
        ],
    );
}

#[test]
fn nested_routes_are_named_in_full() {
    let mut outer = RouterBuilder::new();
    outer.route(Method::GET, "/api/{version}/users", ());
    outer.nest("/api/{v}", builder(&["/users", "users", "/{v}"]));
    outer.nest("api", builder(&["/a"]));
    outer.nest("/{*rest}", builder(&["/a"]));
    let errors = outer.build().expect_err("four of them are wrong");
    let lines: Vec<String> = errors.iter().map(RouteError::to_string).collect();
    let expected = [
        "route `GET /api/{v}users`: patterns and prefixes must start with `/`",
        "route `GET /api/{v}/{v}`: two parameters are named `v`",
        "route `GET api/a`: patterns and prefixes must start with `/`",
        "route `GET /{*rest}/a`: a catch-all must be the last segment",
        "route `GET /api/{v}/users` conflicts with `GET /api/{version}/users`: \
         both answer `/api/{}/users`",
    ];
    assert_eq!(lines, expected);
}
