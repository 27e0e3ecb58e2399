//! Tests which of several matching routes wins, in every order of registration.

use crate::check;

#[test]
fn literal_before_parameter_before_catch_all() {
    let routes = &["/users/me", "/users/{id}", "/users/{*rest}", "/{*rest}"];
    check(routes, "/users/me", "/users/me");
    check(routes, "/users/7", "/users/{id} id=7");
    check(routes, "/users/7/x", "/users/{*rest} rest=7/x");
    check(routes, "/users/me/x", "/users/{*rest} rest=me/x");
    check(routes, "/users", "/{*rest} rest=users");
    check(routes, "/users/", "/{*rest} rest=users/");
    check(routes, "/users/m%65", "/users/me");
}

#[test]
fn an_expression_before_none() {
    let routes = &[r"/{id:\d+}", "/{name}", r"/{*rest:\d.*}", "/{*rest}"];
    check(routes, "/7", r"/{id:\d+} id=7");
    check(routes, "/a", "/{name} name=a");
    check(routes, "/7/a", r"/{*rest:\d.*} rest=7/a");
    check(routes, "/a/7", "/{*rest} rest=a/7");
}

#[test]
fn expressions_by_their_text() {
    let routes = &["/{x:[a-c]+}", "/{x:[b-d]+}", "/{x:a+}"];
    check(routes, "/b", "/{x:[a-c]+} x=b");
    check(routes, "/d", "/{x:[b-d]+} x=d");
    check(routes, "/a", "/{x:[a-c]+} x=a"); // `[` before `a`
    let routes = &["/{*x:[a-c]+}", "/{*x:[b-d]+}"];
    check(routes, "/b", "/{*x:[a-c]+} x=b");
    check(routes, "/d", "/{*x:[b-d]+} x=d");
}

#[test]
fn longer_text_around_a_parameter_first() {
    let routes = &["/{x}", "/v{x}", "/v1{x}", "/{x}.js", "/{x}.min.js"];
    check(routes, "/a", "/{x} x=a");
    check(routes, "/va", "/v{x} x=a");
    check(routes, "/v1a", "/v1{x} x=a");
    check(routes, "/v1", "/v{x} x=1");
    check(routes, "/a.js", "/{x}.js x=a");
    check(routes, "/a.min.js", "/{x}.min.js x=a");
    check(routes, "/va.js", "/v{x} x=a.js"); // what comes first in the segment counts first
    let routes = &["/v{x}", "/v{x}.js", r"/v{x:\d+}", r"/v{x:\d+}.js", "/v1.js"];
    check(routes, "/v1.js", "/v1.js");
    check(routes, "/v2.js", r"/v{x:\d+}.js x=2");
    check(routes, "/va.js", "/v{x}.js x=a");
    check(routes, "/v2", r"/v{x:\d+} x=2");
    check(routes, "/va", "/v{x} x=a");
    check(&["/{x:.*}", "/a{x}"], "/ab", "/a{x} x=b");
}

#[test]
fn one_segment_before_several() {
    let routes = &["/{p:[a-z/]+}", "/{p:[a-z]+}", "/{p}", "/{a}/{b}", "/a/b"];
    check(routes, "/a", "/{p:[a-z]+} p=a");
    check(routes, "/7", "/{p} p=7");
    check(routes, "/a/b", "/a/b");
    check(routes, "/a/c", "/{p:[a-z/]+} p=a/c"); // it has an expression
    check(routes, "/a/7", "/{a}/{b} a=a b=7");
    check(&["/{p:a/.*}", "/{*rest}"], "/a/b", "/{p:a/.*} p=a/b");
    check(
        &["/{p:[a-z/]+}", "/{p:a/[a-z]+}"],
        "/a/b",
        "/{p:[a-z/]+} p=a/b",
    );
    check(
        &["/{p:[a-z/]+}", "/a{p:[a-z/]+}"],
        "/ax/b",
        "/a{p:[a-z/]+} p=x/b",
    );
}

#[test]
fn the_leftmost_difference_decides() {
    let routes = &["/a/{x}/{y}", "/{x}/b/c"];
    check(routes, "/a/b/c", "/a/{x}/{y} x=b y=c");
    check(routes, "/d/b/c", "/{x}/b/c x=d");
    check(&["/a/{*rest}", "/{x}/b"], "/a/b", "/a/{*rest} rest=b");
    check(&["/{x:a}/{y}", "/{x}/b"], "/a/b", "/{x:a}/{y} x=a y=b");
}

#[test]
fn a_search_goes_back() {
    let routes = &["/users/{id}/posts", "/users/me"];
    check(routes, "/users/me/posts", "/users/{id}/posts id=me");
    check(routes, "/users/me", "/users/me");
    check(routes, "/users/me/other", "404");
    let routes = &["/a/b/c/d", "/a/{x}/c/e", "/{x}/b/{y}/f", "/a/b/{*rest}"];
    check(routes, "/a/b/c/d", "/a/b/c/d");
    check(routes, "/a/b/c/e", "/a/b/{*rest} rest=c/e");
    check(routes, "/a/z/c/e", "/a/{x}/c/e x=z");
    check(routes, "/a/z/c/f", "404");
    check(routes, "/z/b/y/f", "/{x}/b/{y}/f x=z y=y");
    let routes = &[r"/{a:\d+}/x", "/{a}/y", "/{*rest}"];
    check(routes, "/7/x", r"/{a:\d+}/x a=7");
    check(routes, "/7/y", "/{a}/y a=7");
    check(routes, "/7/z", "/{*rest} rest=7/z");
    let routes = &["/v{a}/x", "/{a}.1/y", "/{a}/z"];
    check(routes, "/v.1/y", "/{a}.1/y a=v");
    check(routes, "/v.1/z", "/{a}/z a=v.1");
    let routes = &["/{p:[a-z/]+}/x", "/{a}/{b}/y", "/{*rest}"];
    check(routes, "/a/b/x", "/{p:[a-z/]+}/x p=a/b");
    check(routes, "/a/b/y", "/{a}/{b}/y a=a b=b");
    check(routes, "/a/b/z", "/{*rest} rest=a/b/z");
    check(routes, "/a/x/x", "/{p:[a-z/]+}/x p=a/x"); // as far as it can
}

#[test]
fn parameters_of_a_way_not_taken_are_forgotten() {
    let routes = &["/{a}/{b}/{c}/x", "/{*rest}"];
    check(routes, "/1/2/3/y", "/{*rest} rest=1/2/3/y");
    check(
        &["/{a:.+}/{b}/x", "/{a}/{b}/y"],
        "/1/2/y",
        "/{a}/{b}/y a=1 b=2",
    );
}

#[test]
fn many_ways_back_are_cheap() {
    // Literal or parameter at each of 12 levels: 4,096 patterns, none of which has the last
    // segment.
    let patterns: Vec<String> = (0..1 << 12)
        .map(|bits: u32| {
            let segment = |level: u32| match bits >> level & 1 {
                0 => "/a".to_owned(),
                _ => format!("/{{p{level}}}"),
            };
            (0..12).map(segment).collect::<String>() + "/end"
        })
        .collect();
    let rows: Vec<&str> = patterns.iter().map(String::as_str).collect();
    let router = crate::router(&rows);
    let path = "/a".repeat(12);
    assert_eq!(crate::outline(&router, &format!("{path}/miss")), "404");
    assert_eq!(
        crate::outline(&router, &format!("{path}/end")),
        format!("{path}/end")
    );
}
