//! Tests parameters: names, text, and that they borrow nothing from the path.

use http::Method;
use ringlane_router::{Found, Params, Router};

use crate::router;

/// Names, texts and raw bytes, of a record that owns its path.
#[track_caller]
fn check(pattern: &str, path: &str, expected: &[(&str, &str, &str)]) {
    let mut params = Params::new();
    {
        let router = router(&[pattern]);
        let found = router.find(&Method::GET, path.as_bytes(), &mut params);
        assert!(matches!(found, Found::Route(_)), "{path}");
    }
    // The router is gone, and the path lies elsewhere.
    let path = path.as_bytes().to_vec();
    let pairs: Vec<_> = params.iter(&path).collect();
    let expected_pairs: Vec<_> = expected.iter().map(|row| (row.0, row.1)).collect();
    assert_eq!(pairs, expected_pairs);
    for (name, text, raw) in expected {
        assert_eq!(params.get(name, &path), Some(*text));
        assert_eq!(params.raw(name, &path), Some(raw.as_bytes()));
    }
}

#[test]
fn raw_bytes_are_where_the_path_has_them() {
    check("/{a}", "/x", &[("a", "x", "x")]);
    check("/{a}", "/%78", &[("a", "x", "%78")]);
    check("/%20/{a}", "/%20/x", &[("a", "x", "x")]);
    check(
        "/{a}/é/v{b}.js/{*c}",
        "/1%2F2/%C3%A9/%76%31.j%73/x%20/%2F",
        &[
            ("a", "1/2", "1%2F2"),
            ("b", "1", "%31"),
            ("c", "x //", "x%20/%2F"),
        ],
    );
}

#[test]
fn another_path_does_not_panic() {
    let router: Router<()> = router(&["/{a}/{b}"]);
    let mut params = Params::new();
    let path = "/12345/6789é".as_bytes();
    assert!(matches!(
        router.find(&Method::GET, path, &mut params),
        Found::Route(_)
    ));
    for other in ["", "/", "/1", "/é/é/é/é/é/é"] {
        for cut in 0..=other.len() {
            let other = &other.as_bytes()[..cut];
            let _ = (
                params.get("a", other),
                params.get("b", other),
                params.raw("b", other),
            );
            assert!(params.iter(other).count() <= 2);
        }
    }
}

#[test]
fn names_that_are_not_there() {
    let router = router(&["/{ab}/{c?}"]);
    let mut params = Params::new();
    assert!(matches!(
        router.find(&Method::GET, b"/1", &mut params),
        Found::Route(_)
    ));
    for name in ["", "a", "b", "abc", "c"] {
        assert_eq!(params.get(name, b"/1"), None, "{name}");
    }
    assert_eq!(params.get("ab", b"/1"), Some("1"));
    params.clear();
    assert_eq!(params.get("ab", b"/1"), None);
    assert!(params.is_empty());
}

/// The same `Params` for many requests keeps nothing of those before.
#[test]
fn used_again() {
    let router = router(&["/{a}/{b}", "/x", "/{only}"]);
    let mut params = Params::new();
    for (path, expected) in [
        ("/1/2", "a=1 b=2"),
        ("/x", ""),
        ("/%31/2", "a=1 b=2"),
        ("/7", "only=7"),
        ("/%41", "only=A"),
        ("/%", ""),
        ("/1/2/3", ""),
        ("/€/2", "a=€ b=2"),
        ("/3/4", "a=3 b=4"),
    ] {
        let _ = router.find(&Method::GET, path.as_bytes(), &mut params);
        let pairs = params.iter(path.as_bytes());
        let line: Vec<String> = pairs.map(|(name, text)| format!("{name}={text}")).collect();
        assert_eq!(line.join(" "), expected, "{path}");
    }
}
