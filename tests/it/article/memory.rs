//! Tests the connection pool, targets borrowed from the request, and memory after connections end.

use serde_json::{Value, json};

use super::Article;
use super::process::{Client, eventually, request};

fn pool(article: &Article) -> Value {
    article.get("/pool").json()
}

/// Connections that each hold one of the pool's, or wait for one.
fn holders(article: &Article, count: usize, millis: u64) -> Vec<Client> {
    let hold = request("GET", &format!("/pool/hold?millis={millis}"), &[], "");
    let holder = |_| {
        let mut client = article.connect();
        client.write(&hold);
        client
    };
    (0..count).map(holder).collect()
}

#[test]
fn a_pool_makes_no_more_connections_than_its_maximum() {
    let article = Article::start();
    assert_eq!(
        pool(&article)["alive"],
        0,
        "connections are made when they are needed"
    );
    for mut client in holders(&article, 12, 50) {
        let answer = client.answer("GET");
        assert_eq!(answer.status, 200, "{answer:?}");
        let held = answer.json();
        assert!(held["alive"].as_u64() <= held["max"].as_u64(), "{held}");
    }
    let status = pool(&article);
    assert_eq!(
        status["alive"], status["idle"],
        "all have come back: {status}"
    );
    assert_eq!((&status["max"], &status["waiting"]), (&json!(4), &json!(0)));
}

#[test]
fn waiting_too_long_for_a_pooled_connection_is_an_error() {
    let article = Article::start();
    let busy = holders(&article, 4, 60_000);
    let is_used_up = || pool(&article)["alive"] == 4 && pool(&article)["idle"] == 0;
    assert!(eventually(is_used_up));
    let answer = article.get("/pool/hold?millis=0");
    answer.check_error(500, "Internal Server Error", "DB_ERROR");
    drop(busy); // their clients have left: the handlers end, and the connections go back
    assert!(eventually(|| pool(&article)["idle"] == 4));
    assert_eq!(article.get("/pool/hold?millis=0").status, 200);
}

#[test]
fn a_broken_pooled_connection_is_replaced() {
    let article = Article::start();
    assert_eq!(article.get("/pool/hold?millis=0").status, 200);
    assert_eq!(pool(&article)["alive"], 1);
    assert_eq!(article.send("POST", "/pool/break", &[], "").status, 200);
    assert_eq!(pool(&article)["alive"], 0);
    assert_eq!(article.get("/pool/hold?millis=0").status, 200);
    assert_eq!(pool(&article)["alive"], 1);
}

#[test]
fn path_and_query_are_borrowed_from_the_request() {
    let article = Article::start();
    let split = |target: &str| {
        let answer = article.get(target).json();
        assert_eq!(answer["is_zero_copy"], true, "{answer}");
        (answer["path"].clone(), answer["params"].clone())
    };
    let both = |path, params| (json!(path), params);
    assert_eq!(split("/split/a"), both("/split/a", json!([])));
    assert_eq!(split("/split/a?"), both("/split/a", json!([])));
    assert_eq!(
        split("/split?x=1&y=&z&=w&x=a=b"),
        both(
            "/split",
            json!([["x", "1"], ["y", ""], ["z", ""], ["", "w"], ["x", "a=b"]])
        )
    );
    let plain = article.get("/split?a=1&b=two").json();
    assert_eq!(plain["decoded"], json!([["a", "1"], ["b", "two"]]));
    assert_eq!(plain["is_decoded_without_copy"], true);
    let escaped = article.get("/split?a=%41").json();
    assert_eq!(escaped["decoded"], json!([["a", "A"]]));
    assert_eq!(escaped["params"], json!([["a", "%41"]]));
}

/// What the server holds, in MiB.
fn held(article: &Article) -> f64 {
    let health = article.get("/health").json();
    health["memory"]["used_mb"].as_f64().expect("a number")
}

fn churn(article: &Article, connections: usize) {
    for _ in 0..connections {
        let mut client = article.connect();
        assert_eq!(client.get("/work").status, 200);
    }
}

#[test]
fn closed_connections_leave_no_memory_behind() {
    let article = Article::start();
    churn(&article, 1_000);
    let before = held(&article);
    churn(&article, 6_000);
    let after = held(&article);
    // Half a kilobyte kept of each would be too much.
    assert!(after < before + 3.0, "{before} MiB, and then {after} MiB");
    let only_mine = || article.get("/health").json()["connections"]["active"] == 1;
    assert!(eventually(only_mine));
}
