//! Tests which paths a pattern matches, and with which parameters.

use crate::check;

#[test]
fn literals() {
    check(&["/"], "/", "/");
    check(&["/"], "//", "404");
    check(&["/"], "/a", "404");
    check(&["/users"], "/users", "/users");
    check(&["/users"], "/users/", "404");
    check(&["/users"], "/user", "404");
    check(&["/users"], "/users2", "404");
    check(&["/users"], "/Users", "404"); // RFC 3986 §6.2.2.1: paths are case-sensitive
    check(&["/a/b/c"], "/a/b/c", "/a/b/c");
    check(&["/a/b/c"], "/a/b", "404");
    check(&["/a/b/c"], "/a/b/c/d", "404");
    check(&["/a/b/c"], "//a/b/c", "404");
    check(&["/a/b/c"], "/a//b/c", "404");
    check(&["/a/"], "/a/", "/a/");
    check(&["/a/"], "/a", "404");
    check(&["/a/"], "/a//", "404");
    check(&["/a:b*c"], "/a:b*c", "/a:b*c");
    check(&["/.well-known/x"], "/.well-known/x", "/.well-known/x");
}

#[test]
fn segments_are_not_resolved() {
    // RFC 3986 §5.2.4 is for references, and clients do it. What still arrives is text.
    check(&["/a", "/{*rest}"], "/b/../a", "/{*rest} rest=b/../a");
    check(&["/{a}/{b}"], "/./..", "/{a}/{b} a=. b=..");
}

#[test]
fn literals_match_whatever_the_request_escapes() {
    check(&["/users"], "/%75sers", "/users");
    check(&["/users"], "/u%73er%73", "/users");
    check(&["/a/b"], "/a/%62", "/a/b");
    check(&["/a/b"], "/a%2Fb", "404"); // RFC 3986 §2.2: an encoded slash is no separator
    check(&["/café"], "/caf%C3%A9", "/café");
    check(&["/café"], "/caf%c3%a9", "/café");
    check(&["/café"], "/café", "/café");
    check(&["/caf%C3%A9"], "/café", "/caf%C3%A9");
    check(&["/caf%c3%a9"], "/caf%C3%A9", "/caf%c3%a9");
    check(&["/a b"], "/a%20b", "/a b");
    check(&["/a+b"], "/a+b", "/a+b");
    check(&["/a+b"], "/a%20b", "404");
    check(&["/100%25"], "/100%25", "/100%25");
    check(&["/100%25"], "/100%", "400 Escape");
    check(&["/%2525"], "/%2525", "/%2525");
    check(&["/a%2Fb"], "/a%2Fb", "/a%2Fb");
    check(&["/a%2Fb"], "/a%2fb", "/a%2Fb");
    check(&["/a%2Fb"], "/a/b", "404");
    check(&["/a%2Fb", "/a/b"], "/a/b", "/a/b");
    check(&["/a%2Fb", "/a/b"], "/a%2Fb", "/a%2Fb");
    check(&["/x/a%2Fb/c"], "/x/a%2Fb/c", "/x/a%2Fb/c");
    check(&["/x/a%2Fb/c"], "/x/a/b/c", "404");
    check(&["/x/a%2Fb/c"], "/x%2Fa/b/c", "404");
    check(&["/a%3Fb%23"], "/a%3Fb%23", "/a%3Fb%23");
}

#[test]
fn braces_are_written_twice() {
    check(&["/{{a}}"], "/%7Ba%7D", "/{{a}}");
    check(&["/{{a}}"], "/{a}", "/{{a}}");
    check(&["/{{a}}", "/{a}"], "/a", "/{a} a=a");
    check(&["/{{a}}", "/{a}"], "/{a}", "/{{a}}");
    check(&["/{{{a}}}"], "/{7}", "/{{{a}}} a=7");
    check(&["/{{{a}}}"], "/7", "404");
    check(&[r"/{a:\d{2}}}}"], "/42}", r"/{a:\d{2}}}} a=42");
    check(&["/%7Ba%7D"], "/{a}", "/%7Ba%7D");
}

#[test]
fn parameters() {
    check(&["/{id}"], "/7", "/{id} id=7");
    check(&["/{id}"], "/", "404");
    check(&["/{id}"], "/7/", "404");
    check(&["/{id}"], "/7/8", "404");
    check(&["/{id}/"], "/7/", "/{id}/ id=7");
    check(&["/{id}/"], "/7", "404");
    check(&["/users/{id}"], "/users/7", "/users/{id} id=7");
    check(&["/users/{id}"], "/users/", "404");
    check(&["/users/{id}"], "/users", "404");
    check(&["/users/{id}"], "/users//", "404");
    check(&["/{a}/x/{b}"], "/1/x/2", "/{a}/x/{b} a=1 b=2");
    check(&["/{a}/x/{b}"], "/1/y/2", "404");
    check(&["/{a}/{b}/{c}"], "/1/2/3", "/{a}/{b}/{c} a=1 b=2 c=3");
    check(&["/{a}/{b}/{c}"], "/1//3", "404");
    check(&["/{größe}"], "/7", "/{größe} größe=7");
    check(&["/{user-id}"], "/7", "/{user-id} user-id=7");
    check(&["/{user_id}"], "/a:b*c", "/{user_id} user_id=a:b*c");
}

#[test]
fn parameters_are_decoded_once() {
    check(&["/{id}"], "/a%20b", "/{id} id=a b");
    check(&["/{id}"], "/a+b", "/{id} id=a+b");
    check(&["/{id}"], "/a%2Fb", "/{id} id=a/b");
    check(&["/{id}"], "/a%252Fb", "/{id} id=a%2Fb");
    check(&["/{id}"], "/%E2%82%AC", "/{id} id=€");
    check(&["/{id}"], "/€", "/{id} id=€");
    check(&["/{a}/{b}"], "/%2F/%2F%2F", "/{a}/{b} a=/ b=//");
    check(&["/{a}/{b}"], "/x%2Fy", "404");
    check(&["/x/{a}/y/{b}"], "/%78/1/y/%32", "/x/{a}/y/{b} a=1 b=2");
    check(&["/{id}"], "/%00", "400 Control");
}

#[test]
fn malformed_paths_are_told_apart_from_unknown_ones() {
    for routes in [&["/a"][..], &["/{a}"], &["/{*a}"], &["/a", "/%25"]] {
        check(routes, "/a%", "400 Escape");
        check(routes, "/a%2", "400 Escape");
        check(routes, "/a%2x", "400 Escape");
        check(routes, "/b/%zz", "400 Escape");
        check(routes, "/%FF", "400 Utf8");
        check(routes, "/a/b/%C3", "400 Utf8");
        check(routes, "/%C3/%A9", "400 Utf8"); // each segment by itself
        check(routes, "/%ED%A0%80", "400 Utf8"); // a surrogate
    }
    check(&["/a"], "*", "400 NoLeadingSlash");
    check(&["/a"], "a", "400 NoLeadingSlash");
    check(&["/a"], "", "400 NoLeadingSlash");
}

#[test]
fn text_around_a_parameter() {
    check(&["/v{version}"], "/v2", "/v{version} version=2");
    check(&["/v{version}"], "/v", "404");
    check(&["/v{version}"], "/w2", "404");
    check(&["/v{version}/x"], "/v2/x", "/v{version}/x version=2");
    check(&["/{name}.json"], "/a.json", "/{name}.json name=a");
    check(&["/{name}.json"], "/a.b.json", "/{name}.json name=a.b");
    check(&["/{name}.json"], "/.json", "404");
    check(&["/{name}.json"], "/a.jsonx", "404");
    check(&["/{name}.json"], "/a%2Ejson", "/{name}.json name=a");
    check(&["/img-{n}.png"], "/img-7.png", "/img-{n}.png n=7");
    check(&["/img-{n}.png"], "/img-.png", "404");
    check(&["/aa{x}aa"], "/aaaaa", "/aa{x}aa x=a");
    check(&["/aa{x}aa"], "/aaaa", "404"); // the two may not overlap
    check(&["/aa{x}aa"], "/aaa", "404");
    check(&["/é{x}"], "/%C3%A9t%C3%A9", "/é{x} x=té");
    check(&["/%C3%A9{x}"], "/ét", "/%C3%A9{x} x=t");
    check(&["/@{user}"], "/@me", "/@{user} user=me");
    check(&["/{a}:cancel"], "/7:cancel", "/{a}:cancel a=7");
    check(&["/{a}%2F"], "/7%2F", "/{a}%2F a=7");
    check(&["/{a}%2F"], "/7/", "404");
}

#[test]
fn expressions_match_the_whole_text() {
    check(&["/{id:[0-9]+}"], "/42", "/{id:[0-9]+} id=42");
    check(&["/{id:[0-9]+}"], "/42a", "404");
    check(&["/{id:[0-9]+}"], "/a42", "404");
    check(&["/{id:[0-9]+}"], "/", "404");
    check(&["/{id:[0-9]*}"], "/", "404"); // a parameter is never empty
    check(&[r"/{year:\d{4}}"], "/2024", r"/{year:\d{4}} year=2024");
    check(&[r"/{year:\d{4}}"], "/20245", "404");
    check(&["/{x:a|ab}"], "/ab", "/{x:a|ab} x=ab"); // not only the first alternative
    check(&["/{x:a|b}"], "/ab", "404");
    check(&["/{x:^a$}"], "/a", "/{x:^a$} x=a");
    check(&["/{x:(?i)abc}"], "/ABC", "/{x:(?i)abc} x=ABC");
    check(&["/{x:é+}"], "/%C3%A9é", "/{x:é+} x=éé");
    check(&[r"/{x:\w+}"], "/straße", r"/{x:\w+} x=straße");
    check(&["/{x:a b}"], "/a%20b", "/{x:a b} x=a b"); // the decoded text
    check(&["/{x:a:b}"], "/a:b", "/{x:a:b} x=a:b");
    check(&[r"/{x:[{}]+}"], "/{}", r"/{x:[{}]+} x={}");
    check(&[r"/{x:\{+}"], "/{{", r"/{x:\{+} x={{");
    check(&[r"/{x:[]}]+}"], "/]}", r"/{x:[]}]+} x=]}");
    check(&[r"/{x:[^]}]+}"], "/a", r"/{x:[^]}]+} x=a");
    check(&[r"/{x:\p{Lu}+}"], "/AB", r"/{x:\p{Lu}+} x=AB");
    check(&[r"/v{n:\d+}.x"], "/v12.x", r"/v{n:\d+}.x n=12");
    check(&[r"/v{n:\d+}.x"], "/v1a.x", "404");
    check(&["/{x:.+}"], "/a/b", "404"); // no slash in the expression: one segment
    check(&["/{x:.+}"], "/a%0Ab", "400 Control"); // whatever the expression
    check(&["/{x:.+}"], "/a%2Fb", "/{x:.+} x=a/b");
}

#[test]
fn expressions_with_a_slash_reach_over_segments() {
    let docs = "/{path:docs(/[a-z]+)*}";
    check(&[docs], "/docs", "/{path:docs(/[a-z]+)*} path=docs");
    check(&[docs], "/docs/a/b", "/{path:docs(/[a-z]+)*} path=docs/a/b");
    check(&[docs], "/docs/a/7", "404");
    check(&[docs], "/docs/", "404");
    check(&[docs], "/docs%2Fa", "/{path:docs(/[a-z]+)*} path=docs/a");
    let edit = "/{path:[a-z/]+}/-/edit";
    check(&[edit], "/a/b/-/edit", "/{path:[a-z/]+}/-/edit path=a/b");
    check(&[edit], "/a/-/edit", "/{path:[a-z/]+}/-/edit path=a");
    check(&[edit], "/-/edit", "404");
    check(&[edit], "/a/b/-/edits", "404");
    check(&[edit], "/a/b/edit", "404");
    let rest = "/{path:[a-z/]+}/-/{*rest}";
    check(
        &[rest],
        "/a/b/-/c/d",
        "/{path:[a-z/]+}/-/{*rest} path=a/b rest=c/d",
    );
    let longest = "/{path:[a-z/]+}/{last}";
    check(
        &[longest],
        "/a/b/c/d",
        "/{path:[a-z/]+}/{last} path=a/b/c last=d",
    );
    check(
        &[longest],
        "/a/b/c/7",
        "/{path:[a-z/]+}/{last} path=a/b/c last=7",
    );
    check(&[longest], "/a", "404");
    let around = "/x{path:[a-z/]+}.html";
    check(&[around], "/xa/b.html", "/x{path:[a-z/]+}.html path=a/b");
    check(&[around], "/xa.html", "/x{path:[a-z/]+}.html path=a");
    check(&[around], "/a/b.html", "404");
    check(&[around], "/xa/b", "404");
    check(&[around], "/x.html", "404");
    check(&["/aa{p:a|a/a}aa"], "/aaa", "404");
    check(&["/{p:[^/]+}"], "/a", "/{p:[^/]+} p=a");
    check(&["/{p:[^/]+}"], "/a/b", "404");
    check(&["/{p:a/b}/"], "/a/b/", "/{p:a/b}/ p=a/b");
    check(&["/{p:a/b}/"], "/a/b", "404");
}

#[test]
fn the_optional_last_segment() {
    check(&["/posts/{page?}"], "/posts", "/posts/{page?}");
    check(&["/posts/{page?}"], "/posts/2", "/posts/{page?} page=2");
    check(&["/posts/{page?}"], "/posts/", "404");
    check(&["/posts/{page?}"], "/posts/2/3", "404");
    check(&["/{page?}"], "/", "/{page?}");
    check(&["/{page?}"], "/2", "/{page?} page=2");
    check(
        &[r"/posts/{page?:\d+}"],
        "/posts/2",
        r"/posts/{page?:\d+} page=2",
    );
    check(&[r"/posts/{page?:\d+}"], "/posts", r"/posts/{page?:\d+}");
    check(&[r"/posts/{page?:\d+}"], "/posts/x", "404");
    check(&["/{a}/{b?}"], "/1", "/{a}/{b?} a=1");
    check(&["/{a}/{b?}"], "/1/2", "/{a}/{b?} a=1 b=2");
    check(&["/{a?:x/y}"], "/x/y", "/{a?:x/y} a=x/y");
    check(&["/{a?:x/y}"], "/", "/{a?:x/y}");
    // What a single expression over three parts would do, the third of them optional.
    let versioned = r"/api/{version:v\d+}/{kind:\w+}/{id?:\w+}";
    check(
        &[versioned],
        "/api/v1/users",
        &format!("{versioned} version=v1 kind=users"),
    );
    check(
        &[versioned],
        "/api/v2/users/7",
        &format!("{versioned} version=v2 kind=users id=7"),
    );
    check(&[versioned], "/api/x/users", "404");
}

#[test]
fn catch_alls() {
    check(&["/{*rest}"], "/a", "/{*rest} rest=a");
    check(&["/{*rest}"], "/a/b", "/{*rest} rest=a/b");
    check(&["/{*rest}"], "/a/b/", "/{*rest} rest=a/b/");
    check(&["/{*rest}"], "//a", "/{*rest} rest=/a");
    check(&["/{*rest}"], "/", "404");
    check(&["/f/{*rest}"], "/f/a/b", "/f/{*rest} rest=a/b");
    check(&["/f/{*rest}"], "/f/", "404");
    check(&["/f/{*rest}"], "/f", "404");
    check(&["/f/{*rest}"], "/f//", "/f/{*rest} rest=/");
    check(&["/f/{*rest}"], "/f/a%2Fb%20c", "/f/{*rest} rest=a/b c");
    check(&["/f/{*rest}"], "/f/%2e%2e/x", "/f/{*rest} rest=../x");
    check(&["/{a}/{*rest}"], "/1/2/3", "/{a}/{*rest} a=1 rest=2/3");
    check(&["/{*rest:[a-z/]+}"], "/a/b", "/{*rest:[a-z/]+} rest=a/b");
    check(&["/{*rest:[a-z/]+}"], "/a/7", "404");
    check(&["/{*rest:.*}"], "/a/7", "/{*rest:.*} rest=a/7");
    check(&["/f/{*rest?}"], "/f", "/f/{*rest?}");
    check(&["/f/{*rest?}"], "/f/", "/f/{*rest?}");
    check(&["/f/{*rest?}"], "/f/a/b", "/f/{*rest?} rest=a/b");
    check(&["/{*rest?}"], "/", "/{*rest?}");
    check(&["/{*rest?}"], "/a", "/{*rest?} rest=a");
    check(&["/f/{*rest?:[a-z]+}"], "/f/7", "404");
    check(&["/f/{*rest?:[a-z]+}"], "/f/", "/f/{*rest?:[a-z]+}");
}
