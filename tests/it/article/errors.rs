//! Tests error answers, panics, retries and rate limits of the example.

use serde_json::json;

use super::Article;

#[test]
fn the_log_has_the_source_of_an_error_and_the_client_does_not() {
    let article = Article::start();
    let answer = article.get("/resilient?fail=database");
    assert!(!answer.text().contains("Connection timeout"), "{answer:?}");
    article.log_with("Database connection failed: Connection timeout");
}

#[test]
fn a_panic_is_logged_and_reported_and_ends_no_other_connection() {
    let article = Article::start();
    let mut other = article.connect();
    assert_eq!(other.get("/pool").status, 200);
    let answer = article.get("/panic?secret=1");
    assert_eq!(answer.status, 500);
    answer.check_error(500, "Internal Server Error", "INTERNAL_SERVER_ERROR");
    assert!(!answer.text().contains("on purpose"), "{answer:?}");
    let id = answer.header("x-request-id").expect("an id");
    let report = format!(
        "Sending error to monitoring: a handler that fails on purpose \
         (GET /panic?secret=1, request {id})"
    );
    article.output_with(&report);
    let log = article.log_with("Application panic occurred");
    assert!(
        log.lines()
            .any(|line| line.contains("ERROR") && line.contains(id)),
        "{log}"
    );
    assert_eq!(other.get("/pool").status, 200);
    for _ in 0..100 {
        assert_eq!(article.get("/panic").status, 500);
    }
    assert_eq!(other.get("/pool").status, 200);
}

#[test]
fn a_transient_failure_is_retried_up_to_three_times() {
    let article = Article::start();
    let attempts = |target: &str| {
        let answer = article.get(target);
        (answer.status, answer.number("x-attempts"))
    };
    assert_eq!(attempts("/resilient"), (200, 1.0));
    assert_eq!(attempts("/resilient?fail=database&times=1"), (200, 2.0));
    assert_eq!(attempts("/resilient?fail=database&times=2"), (200, 3.0));
    assert_eq!(attempts("/resilient?fail=database&times=3"), (500, 3.0));
    let answer = article.get("/resilient").json();
    let expected = json!({ "status": "success", "data": "processed", "users": 3 });
    assert_eq!(answer, expected);
}

#[test]
fn only_retryable_errors_are_retried() {
    let article = Article::start();
    for (failure, attempts) in [
        ("database", 3.0),
        ("internal", 3.0),
        ("authentication", 1.0),
        ("validation", 1.0),
        ("rate-limit", 1.0),
    ] {
        let answer = article.get(&format!("/resilient?fail={failure}"));
        assert_eq!(answer.number("x-attempts"), attempts, "{failure}");
    }
}

#[test]
fn each_error_has_its_status_and_its_json() {
    let article = Article::start();
    for (failure, status, error, message, code) in [
        (
            "database",
            500,
            "Internal Server Error",
            "Database operation failed",
            "DB_ERROR",
        ),
        (
            "authentication",
            401,
            "Unauthorized",
            "no such user",
            "AUTH_ERROR",
        ),
        (
            "validation",
            400,
            "Bad Request",
            "Validation failed for field: email",
            "VALIDATION_ERROR",
        ),
        (
            "rate-limit",
            429,
            "Too Many Requests",
            "Rate limit exceeded",
            "RATE_LIMIT",
        ),
        (
            "internal",
            500,
            "Internal Server Error",
            "An unexpected error occurred",
            "INTERNAL_ERROR",
        ),
    ] {
        let answer = article.get(&format!("/resilient?fail={failure}"));
        let expected = json!({ "error": error, "message": message, "code": code });
        assert_eq!((answer.status, answer.json()), (status, expected));
        assert_eq!(answer.header("retry-after").is_some(), status == 429);
        assert_eq!(answer.header("www-authenticate").is_some(), status == 401);
    }
    let unknown = article.get("/resilient?fail=nothing");
    unknown.check_error(400, "Bad Request", "VALIDATION_ERROR");
}

#[test]
fn a_request_over_the_rate_limit_is_a_429_with_retry_after() {
    let article = Article::start();
    for _ in 0..5 {
        assert_eq!(article.get("/limited").status, 200);
    }
    let answer = article.get("/limited");
    answer.check_error(429, "Too Many Requests", "RATE_LIMIT");
    let wait = answer.number("retry-after");
    assert!((1.0..=12.0).contains(&wait), "{wait}");
    assert_eq!(
        article.get("/pool").status,
        200,
        "other routes are not limited"
    );
}
