//! Tests the example's middleware: log, timing, security headers, CORS, and the order of layers.

use serde_json::json;

use super::tokens::seconds_from_now;
use super::{Answer, Article};

#[test]
fn the_log_has_the_start_and_the_end_of_each_request() {
    let article = Article::start();
    let mut client = article.connect();
    let peer = client.stream.local_addr().expect("an address").to_string();
    let answer = client.send("GET", "/pool", &[("User-Agent", "tests/1.0")], "");
    let id = answer.header("x-request-id").expect("an id");
    let log = article.log_with("status=200");
    let line = |part: &str| {
        let mut lines = log.lines();
        let found = lines.find(|line| line.contains(part) && line.contains(id));
        found.unwrap_or_else(|| panic!("no line with `{part}`: {log}"))
    };
    let start = line("started: GET /pool");
    let end = line("ringlane::access");
    for part in [peer.as_str(), "tests/1.0"] {
        assert!(start.contains(part) && end.contains(part), "{part}: {log}");
    }
    for part in ["method=GET", "path=\"/pool\"", "status=200", "micros="] {
        assert!(end.contains(part), "{part}: {end}");
    }
}

#[test]
fn the_peers_address_is_known() {
    let article = Article::start();
    let mut client = article.connect();
    let seen = client.get("/inspect").json();
    let local = client.stream.local_addr().expect("an address").to_string();
    assert_eq!(seen["peer"].as_str(), Some(local.as_str()));
}

#[test]
fn an_answer_says_when_its_request_began() {
    let article = Article::start();
    let before = seconds_from_now(0) as f64 * 1000.0;
    let answer = article.get("/work?millis=30");
    let start = answer.number("x-request-start");
    let after = seconds_from_now(1) as f64 * 1000.0;
    assert!(
        before <= start && start <= after,
        "{before} {start} {after}"
    );
    assert!(answer.number("x-processing-time") >= 30.0);
}

#[test]
fn security_headers_are_on_every_answer() {
    let article = Article::start();
    let targets = [
        "/pool",
        "/nowhere",
        "/records",
        "/panic",
        "/api/v9/users",
        "/%zz",
    ];
    for target in targets {
        let answer = article.get(target);
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("x-xss-protection", "0"),
            ("content-security-policy", "default-src 'self'"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{target}: {answer:?}");
        }
        // RFC 6797 §7.2: not where the client did not come by https.
        let hsts = answer.header("strict-transport-security");
        assert_eq!(hsts, None, "{target}: {answer:?}");
    }
}

/// The article's list.
fn with_origins() -> Article {
    let origins = [
        "http://localhost:3000",
        "https://myapp.com",
        "https://api.myapp.com",
    ];
    Article::with(json!({ "cors_origins": origins }))
}

/// Checks that nothing is allowed across origins.
#[track_caller]
fn check_silent(answer: &Answer) {
    for name in ["origin", "methods", "headers"] {
        let name = format!("access-control-allow-{name}");
        assert_eq!(answer.header(&name), None, "{answer:?}");
    }
    assert_eq!(answer.header("vary"), Some("Origin"));
}

#[test]
fn an_origin_is_allowed_only_if_it_is_in_the_list() {
    let article = Article::with(json!({
        "cors_origins": ["http://localhost:3000", "https://myapp.com", "https://api.myapp.com"],
        "enable_compression": false,
    }));
    for origin in [
        "http://localhost:3000",
        "https://myapp.com",
        "https://api.myapp.com",
    ] {
        let answer = article.send("GET", "/pool", &[("Origin", origin)], "");
        assert_eq!(answer.header("access-control-allow-origin"), Some(origin));
        assert_eq!(answer.header("vary"), Some("Origin"));
    }
    for origin in [
        "https://evil.example",
        "https://myapp.com.evil.example",
        "null",
    ] {
        check_silent(&article.send("GET", "/pool", &[("Origin", origin)], ""));
    }
    check_silent(&article.get("/pool"));

    let allowed = |origins: serde_json::Value| {
        let article = Article::with(json!({ "cors_origins": origins }));
        let answer = article.send("GET", "/pool", &[("Origin", "https://a.example")], "");
        let allowed = answer.header("access-control-allow-origin");
        allowed.map(str::to_owned)
    };
    assert_eq!(allowed(json!(["*"])).as_deref(), Some("*"));
    assert_eq!(allowed(json!([])), None);
}

#[test]
fn a_preflight_is_204_and_reaches_no_handler() {
    let article = with_origins();
    let preflight = |target: &str, origin: &str| {
        let headers = [("Origin", origin), ("Access-Control-Request-Method", "PUT")];
        article.send("OPTIONS", target, &headers, "")
    };
    for target in ["/records", "/order", "/nowhere"] {
        let answer = preflight(target, "https://myapp.com");
        assert_eq!(answer.status, 204, "{target}");
        assert_eq!(answer.headers("x-order").count(), 0);
        for (name, value) in [
            ("access-control-allow-origin", "https://myapp.com"),
            (
                "access-control-allow-methods",
                "GET, POST, PUT, DELETE, OPTIONS",
            ),
            (
                "access-control-allow-headers",
                "Content-Type, Authorization",
            ),
            ("access-control-max-age", "86400"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{target}");
        }
    }
    let answer = preflight("/records", "https://evil.example");
    assert_eq!(answer.status, 204);
    check_silent(&answer);
    let answer = article.send(
        "OPTIONS",
        "/records",
        &[("Origin", "https://myapp.com")],
        "",
    );
    assert_eq!(
        answer.header("access-control-allow-methods"),
        None,
        "this is no preflight"
    );
}

fn order(article: &Article, target: &str) -> (u16, Vec<String>) {
    let answer = article.get(target);
    let steps = answer.headers("x-order").map(str::to_owned).collect();
    (answer.status, steps)
}

#[test]
fn layers_run_in_order_however_the_request_ends() {
    let article = Article::start();
    let all = [
        "first",
        "second",
        "third",
        "handler",
        "second-again",
        "last",
    ];
    let (status, steps) = order(&article, "/order");
    assert_eq!(status, 200);
    assert_eq!(steps, all);
    let (status, steps) = order(&article, "/order/panic");
    assert_eq!(status, 500);
    assert_eq!(steps, all);
    let (status, steps) = order(&article, "/order/refused");
    assert_eq!(status, 403);
    assert_eq!(steps, ["first", "second", "third", "second-again", "last"]);
}
