//! Tests each limit at its maximum and one beyond.

use http::Method;
use ringlane_router::{
    METHODS_MAX, PATH_BYTES_MAX, PATTERN_BYTES_MAX, PATTERN_PARAMS_MAX, PATTERN_SEGMENTS_MAX,
    ROUTES_MAX, RouterBuilder, SPAN_SEGMENTS_MAX, TrailingSlash,
};

use crate::{build, outline, router};

#[track_caller]
fn check_error(pattern: &str, flaw: &str) {
    let errors = build(&[pattern], TrailingSlash::Strict).expect_err("one beyond the limit");
    assert_eq!(errors.to_string(), format!("route `GET {pattern}`: {flaw}"));
}

#[test]
fn pattern_bytes() {
    let longest = format!("/{}", "a".repeat(PATTERN_BYTES_MAX - 1));
    assert_eq!(outline(&router(&[&longest]), &longest), longest);
    check_error(&format!("{longest}a"), "1025 bytes are more than 1024");
}

#[test]
fn pattern_params() {
    let params = |count: usize| -> String { (0..count).map(|n| format!("/{{p{n}}}")).collect() };
    let most = params(PATTERN_PARAMS_MAX);
    let line = outline(&router(&[&most]), &"/x".repeat(PATTERN_PARAMS_MAX));
    assert!(line.ends_with("p15=x"), "{line}");
    check_error(&params(PATTERN_PARAMS_MAX + 1), "more than 16 parameters");
}

#[test]
fn pattern_segments() {
    let most = "/a".repeat(PATTERN_SEGMENTS_MAX);
    assert_eq!(outline(&router(&[&most]), &most), most);
    check_error(&format!("{most}/a"), "more than 64 segments");
}

#[test]
fn spanned_segments() {
    let most = "/a".repeat(SPAN_SEGMENTS_MAX);
    let router = router(&["/{p:[a/]+}", "/b/{p:[a/]+}/b"]);
    let line = outline(&router, &most);
    assert_eq!(line, format!("/{{p:[a/]+}} p={}", &most[1..]));
    assert_eq!(outline(&router, &format!("{most}/a")), "404");
    let line = outline(&router, &format!("/b{most}/b"));
    assert_eq!(line, format!("/b/{{p:[a/]+}}/b p={}", &most[1..]));
    assert_eq!(outline(&router, &format!("/b{most}/a/b")), "404");
}

#[test]
fn path_bytes() {
    let router = router(&["/{*rest}", "/x/{id}", "/{a}"]);
    for start in ["/", "/x/", "/x/y/", "/%61"] {
        let longest = format!("{start}{}", "a".repeat(PATH_BYTES_MAX - start.len()));
        assert_ne!(outline(&router, &longest), "400 TooLong", "{start}");
        assert_eq!(
            outline(&router, &format!("{longest}a")),
            "400 TooLong",
            "{start}"
        );
    }
    let slashes = "/".repeat(PATH_BYTES_MAX);
    assert!(outline(&router, &slashes).starts_with("/{*rest} rest=/"));
}

#[test]
fn methods() {
    // Nine are well-known, so there is room for this many others.
    let build = |others: usize| {
        let mut builder = RouterBuilder::new();
        for n in 0..others {
            let method = format!("M{n}").parse::<Method>().expect("a token");
            builder.route(method, "/", n);
        }
        builder.build()
    };
    let router = build(METHODS_MAX - 9).expect("as many as there may be");
    assert_eq!(router.routes().count(), METHODS_MAX - 9);
    let errors = build(METHODS_MAX - 8).expect_err("one beyond the limit");
    assert_eq!(errors.to_string(), "more than 64 different methods");
}

#[test]
fn routes() {
    let mut builder = RouterBuilder::new();
    for n in 0..ROUTES_MAX {
        builder.route(Method::GET, &format!("/{n}"), ());
    }
    let router = builder.clone().build().expect("as many as there may be");
    assert_eq!(outline(&router, "/262143"), "/262143");
    assert_eq!(outline(&router, "/262144"), "404");
    builder.route(Method::GET, "/{one_more}", ());
    let errors = builder.build().expect_err("one beyond the limit");
    assert_eq!(errors.to_string(), "more than 262144 routes");
}
