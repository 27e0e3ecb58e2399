//! Tests many connections on one core, request metrics, and handlers that wait.

use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::json;

use super::Article;
use super::process::{Client, request};

const CONNECTIONS: usize = 2_000;
/// Descriptors for everything else.
const SPARE: u64 = 100;

/// As many connections as this process may have, up to the number of the test.
fn connections() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    let _ = setrlimit(Resource::Nofile, raised); // what there is will do
    let most = getrlimit(Resource::Nofile).current;
    let most = most.map_or(usize::MAX, |most| {
        usize::try_from(most.saturating_sub(SPARE)).unwrap_or(0)
    });
    CONNECTIONS.min(most)
}

#[test]
fn one_core_serves_thousands_of_connections() {
    let article = Article::with(json!({ "workers": 1 }));
    let mut clients: Vec<Client> = (0..connections()).map(|_| article.connect()).collect();
    let request = request("GET", "/work?millis=5", &[], "");
    for _ in 0..2 {
        for client in &mut clients {
            client.write(&request);
        }
        for client in &mut clients {
            let answer = client.answer("GET");
            assert_eq!((answer.status, answer.body.len()), (200, 30));
        }
    }
    let health = article.get("/health").json();
    let active = health["connections"]["active"].as_u64().expect("a number");
    assert!(active > clients.len() as u64, "{health}");
}

#[test]
fn requests_errors_and_times_are_counted() {
    let article = Article::start();
    for _ in 0..18 {
        assert_eq!(article.get("/work?millis=5").status, 200);
    }
    assert_eq!(article.get("/panic").status, 500);
    assert_eq!(article.get("/resilient?fail=internal").status, 500);
    let stats = article.get("/stats").json();
    let number = |name: &str| {
        let number = stats[name].as_f64();
        number.unwrap_or_else(|| panic!("no {name}: {stats}"))
    };
    assert_eq!((number("requests"), number("errors")), (20.0, 2.0));
    assert_eq!(number("error_rate"), 10.0);
    assert_eq!(stats["panicked"], 1);
    assert!(number("rate") > 0.0 && number("elapsed_seconds") > 0.0);
    assert!(
        number("mean_ms") >= 4.5,
        "18 of 20 took 5 ms or longer: {stats}"
    );
    let percentiles = ["p50_ms", "p90_ms", "p99_ms", "p999_ms"].map(number);
    assert!(percentiles[0] >= 5.0, "{stats}");
    assert!(percentiles.is_sorted(), "{stats}");
    let page = article.get("/metrics").text();
    assert!(
        page.contains("ringlane_requests_total{status=\"5xx\"} 2"),
        "{page}"
    );
    assert!(
        page.contains("ringlane_request_duration_seconds_bucket"),
        "{page}"
    );
}

#[test]
fn waiting_requests_of_one_core_overlap() {
    let article = Article::with(json!({ "workers": 1 }));
    let answer = article.get("/performance");
    let body = answer.json();
    assert_eq!(body["status"], "success");
    let data = body["data"].as_array().expect("numbers");
    assert_eq!(
        (data.len(), &data[10], &data[29]),
        (1000, &json!(55), &json!(514_229))
    );
    assert_eq!(body["db_result"]["query_result"], "success");
    assert_eq!(body["db_result"]["rows"], 5);
    assert!(body["db_result"]["execution_time_ms"].as_f64() >= Some(5.0));
    assert!(body["processing_time_ms"].as_f64() >= Some(5.0));
    assert!(body["timestamp"].as_i64() > Some(1_700_000_000));
    assert!(answer.number("x-processing-time") >= 5.0);

    // Many that wait, on one core: one after the other they would take ten seconds.
    let mut clients: Vec<Client> = (0..50).map(|_| article.connect()).collect();
    let began = Instant::now();
    for client in &mut clients {
        client.write(&request("GET", "/work?millis=200", &[], ""));
    }
    for client in &mut clients {
        assert_eq!(client.answer("GET").status, 200);
    }
    assert!(
        began.elapsed() < Duration::from_secs(8),
        "{:?}",
        began.elapsed()
    );
}

#[test]
fn a_waiting_handler_does_not_block_its_core() {
    let article = Article::with(json!({ "workers": 1 }));
    let mut waiting = article.connect();
    waiting.write(&request("GET", "/work?millis=20000", &[], ""));
    for _ in 0..100 {
        assert_eq!(article.get("/pool").status, 200);
    }
    let health = article.get("/health").json();
    assert_eq!(
        health["connections"]["active_requests"], 2,
        "it still waits: {health}"
    );
}
