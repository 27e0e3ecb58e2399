//! Tests the example's request timeout, its counters and its health endpoints.

use serde_json::json;

use super::Article;
use super::process::{eventually, request};
use super::tokens::seconds_from_now;

#[test]
fn a_handler_over_the_request_timeout_is_a_408_and_writes_nothing_later() {
    let article = Article::with(json!({ "request_timeout": 1 }));
    assert_eq!(article.get("/work?millis=5").status, 200);
    let mut client = article.connect();
    client.write(&request("GET", "/work?millis=1500", &[], ""));
    let answer = client.answer("GET");
    answer.check_error(408, "Request Timeout", "REQUEST_TIMEOUT");
    assert_eq!(answer.json()["message"], "Request took too long to process");
    assert_eq!(answer.header("x-worked"), None);
    assert_eq!(answer.header("connection"), Some("close"));
    assert_eq!(client.rest(), b"");
    let health = article.get("/health").json();
    assert_eq!(health["connections"]["active_requests"], 1, "{health}");
}

#[test]
fn connections_and_requests_are_counted_in_headers() {
    let article = Article::start();
    let mut one = article.connect();
    let first = one.get("/pool");
    assert_eq!(
        (
            first.number("x-active-connections"),
            first.number("x-total-requests")
        ),
        (1.0, 1.0)
    );
    let mut other = article.connect();
    let second = other.get("/pool");
    assert_eq!(second.number("x-active-connections"), 2.0);
    assert_eq!(second.number("x-total-requests"), 2.0);
    let third = one.get("/nowhere");
    assert_eq!(
        third.number("x-active-connections"),
        2.0,
        "requests are no connections"
    );
    assert_eq!(third.number("x-total-requests"), 3.0);
    drop(other);
    assert!(eventually(|| one
        .get("/pool")
        .number("x-active-connections")
        == 1.0));
}

#[test]
fn counts_return_to_zero_however_requests_end() {
    let article = Article::with(json!({ "request_timeout": 1 }));
    let mut late = Vec::new();
    for _ in 0..20 {
        assert_eq!(article.get("/panic").status, 500);
        assert_eq!(article.get("/nowhere").status, 404);
        assert_eq!(article.get("/records").status, 401);
        let mut client = article.connect();
        client.write(&request("GET", "/work?millis=900", &[], ""));
        drop(client); // it has left before its answer
        let mut client = article.connect();
        client.write(&request("GET", "/work?millis=60000", &[], ""));
        late.push(client);
        let mut client = article.connect();
        client.write("POST /inspect HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\ncut");
        drop(client);
    }
    for mut client in late {
        assert_eq!(client.answer("GET").status, 408);
    }
    let mut last = json!(null);
    let only_mine = eventually(|| {
        last = article.get("/health").json();
        last["connections"]["active"] == 1 && last["connections"]["active_requests"] == 1
    });
    assert!(only_mine, "{last}");
}

#[test]
fn health_reports_live_figures() {
    let article = Article::start();
    let first = article.get("/health").json();
    assert_eq!(first["status"], "healthy");
    let now = seconds_from_now(0) as f64;
    let timestamp = first["timestamp"].as_f64().expect("a number");
    assert!((timestamp - now).abs() < 60.0, "{timestamp}");
    let memory = |name: &str| first["memory"][name].as_f64().expect("a number");
    assert!((0.5..4096.0).contains(&memory("used_mb")), "{first}");
    assert!(memory("available_mb") > 1.0, "{first}");
    assert!(
        0.0 < memory("usage_percent") && memory("usage_percent") < 100.0,
        "{first}"
    );
    assert!(
        first["uptime_seconds"]
            .as_f64()
            .is_some_and(|time| time < 600.0),
        "{first}"
    );
    let mut clients: Vec<_> = (0..20).map(|_| article.connect()).collect();
    for client in &mut clients {
        assert_eq!(client.get("/pool").status, 200);
    }
    let second = article.get("/health").json();
    let moved =
        |name: &str| second["connections"][name].as_u64() > first["connections"][name].as_u64();
    assert!(
        moved("active") && moved("total_processed"),
        "{first} {second}"
    );
    assert!(second["uptime_seconds"].as_f64() > first["uptime_seconds"].as_f64());
    let live = article.get("/healthz").json();
    assert_eq!(live["status"], "ok");
    assert!(live["process"]["memory_bytes"].as_u64() > Some(0), "{live}");
    let ready = article.get("/readyz").json();
    assert_eq!(
        ready,
        json!({ "status": "ready", "checks": { "database": "ok" } })
    );
    let has_cpu = || {
        let live = article.get("/healthz").json();
        live["process"]["cpu_percent"].is_number() && live["system"]["cpu_percent"].is_number()
    };
    assert!(eventually(has_cpu));
}
