//! Tests reading a request and writing an answer through `Context`, tokens, and request ids.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::process::{SECRET, request};
use super::tokens::{seconds_from_now, signed, token};
use super::{Answer, Article};

#[test]
fn all_parts_of_a_request_are_read_from_its_context() {
    let article = Article::start();
    let headers = [("X-One", "1"), ("X-Two", "zwei")];
    let answer = article.send(
        "PUT",
        "/inspect?a=1&b=two%20words&a=3",
        &headers,
        "the body",
    );
    let seen = answer.json();
    assert_eq!(seen["method"], "PUT");
    assert_eq!(seen["path"], "/inspect");
    assert_eq!(
        seen["query"],
        json!([["a", "1"], ["b", "two words"], ["a", "3"]])
    );
    assert_eq!(seen["headers"]["x-one"], "1");
    assert_eq!(seen["headers"]["x-two"], "zwei");
    assert_eq!(seen["headers"]["host"], "article.test");
    assert_eq!(seen["body"], "the body");
}

#[test]
fn a_header_is_found_in_any_case() {
    let article = Article::start();
    for name in ["Authorization", "authorization", "AUTHORIZATION"] {
        let seen = article
            .send("GET", "/inspect", &[(name, "Basic eA==")], "")
            .json();
        assert_eq!(seen["authorization"], "Basic eA==", "{name}");
    }
}

#[test]
fn a_request_without_a_token_is_a_401_in_json() {
    let article = Article::start();
    let answer = article.send("POST", "/records", &[], "this is not even JSON");
    answer.check_error(401, "Unauthorized", "UNAUTHORIZED");
    let answer = article.get("/resilient?fail=authentication");
    answer.check_error(401, "Unauthorized", "AUTH_ERROR");
}

/// A request to `/records`.
#[track_caller]
fn records(article: &Article, method: &str, more: &str, token: &str, body: &str) -> Answer {
    let headers = [
        ("Authorization", token),
        ("Content-Type", "application/json"),
    ];
    article.send(method, &format!("/records{more}"), &headers, body)
}

#[test]
fn each_method_has_its_handler_and_others_are_405_with_allow() {
    let article = Article::start();
    let user = token("user123", &["read", "write"]);
    let made = records(&article, "POST", "", &user, r#"{ "text": "first" }"#);
    assert_eq!(made.status, 201, "{made:?}");
    let id = made.json()["id"].clone();
    let list = || {
        let answer = records(&article, "GET", "?contains=s", &user, "");
        let records = answer.json()["records"].clone();
        let texts = records.as_array().expect("a list").iter();
        texts
            .map(|record| record["text"].clone())
            .collect::<Vec<Value>>()
    };
    assert_eq!(list(), ["first"]);
    let change = json!({ "id": id, "text": "second" }).to_string();
    assert_eq!(records(&article, "PUT", "", &user, &change).status, 200);
    assert_eq!(list(), ["second"]);
    let other = token("user456", &["read", "write"]);
    assert_eq!(records(&article, "PUT", "", &other, &change).status, 404);
    let delete = format!("?id={id}");
    assert_eq!(records(&article, "DELETE", &delete, &user, "").status, 200);
    assert_eq!(list(), Vec::<Value>::new());
    assert_eq!(records(&article, "DELETE", &delete, &user, "").status, 404);

    let answer = records(&article, "PATCH", "", &user, "");
    answer.check_error(405, "Method Not Allowed", "METHOD_NOT_ALLOWED");
    let allowed: HashSet<&str> = answer.header("allow").expect("it").split(", ").collect();
    for method in ["GET", "POST", "PUT", "DELETE"] {
        assert!(allowed.contains(method), "{allowed:?}");
    }
    assert!(!allowed.contains("PATCH"));
}

#[test]
fn status_headers_and_body_are_set_in_one_chain() {
    let article = Article::start();
    let answer = article.get("/inspect");
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("x-inspected"), Some("yes"));
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert!(
        answer
            .header("x-request-id")
            .is_some_and(|id| !id.is_empty())
    );
    let length = answer.body.len().to_string();
    assert_eq!(answer.header("content-length"), Some(length.as_str()));
}

#[test]
fn bearer_tokens_are_validated() {
    let article = Article::start();
    let claims = |exp: i64| json!({ "sub": "user123", "permissions": ["read"], "exp": exp });
    let refused = |token: &str, code: &str| {
        let answer = records(&article, "GET", "", token, "");
        answer.check_error(401, "Unauthorized", code);
        let challenge = answer.header("www-authenticate").expect("a challenge");
        assert!(
            challenge.starts_with("Bearer realm=\"records\""),
            "{challenge}"
        );
    };
    let missing = article.get("/records");
    missing.check_error(401, "Unauthorized", "UNAUTHORIZED");
    assert!(
        missing
            .header("www-authenticate")
            .is_some_and(|text| text.starts_with("Bearer"))
    );
    refused("Basic dXNlcjpwYXNz", "UNAUTHORIZED");
    refused("Bearer not-a-token", "INVALID_TOKEN");
    refused("Bearer a.b.c", "INVALID_TOKEN");
    let stranger = "another secret, which is just as long as it";
    refused(
        &signed(&claims(seconds_from_now(60)), stranger),
        "INVALID_TOKEN",
    );
    refused(
        &signed(&claims(seconds_from_now(-3600)), SECRET),
        "INVALID_TOKEN",
    );
    refused(
        &signed(&json!({ "sub": "user123" }), SECRET),
        "INVALID_TOKEN",
    );
    let mut forged = token("user123", &["read"]);
    forged.truncate(forged.rfind('.').expect("three parts") + 1);
    refused(&forged, "INVALID_TOKEN");

    let reader = token("user123", &["read"]);
    assert_eq!(records(&article, "GET", "", &reader, "").status, 200);
    let answer = records(&article, "POST", "", &reader, r#"{ "text": "no" }"#);
    assert_eq!(answer.status, 403);
    let challenge = answer.header("www-authenticate").expect("a challenge");
    assert!(
        challenge.contains(r#"error="insufficient_scope", scope="write""#),
        "{challenge}"
    );
    let nobody = token("user123", &[]);
    assert_eq!(records(&article, "GET", "", &nobody, "").status, 403);
}

/// Requests on each of the connections that a core may get.
const REQUESTS: usize = 4_000;
const CONNECTIONS: usize = 8;
const PIPELINED: usize = 50;

#[test]
fn request_ids_are_unique_across_connections_and_cores() {
    let article = Article::start();
    let of_connection = || {
        let mut client = article.connect();
        let burst = request("GET", "/pool", &[], "").repeat(PIPELINED);
        let mut ids = Vec::new();
        while ids.len() < REQUESTS {
            client.write(&burst);
            for _ in 0..PIPELINED {
                let answer = client.answer("GET");
                ids.push(answer.header("x-request-id").expect("an id").to_owned());
            }
        }
        ids
    };
    let ids: Vec<String> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..CONNECTIONS)
            .map(|_| scope.spawn(of_connection))
            .collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().expect("ids"))
            .collect()
    });
    let different: HashSet<&String> = ids.iter().collect();
    assert_eq!(
        (ids.len(), different.len()),
        (REQUESTS * CONNECTIONS, REQUESTS * CONNECTIONS)
    );
}

/// `/work` stands above its handler as an attribute.
#[test]
fn an_attribute_above_a_handler_is_its_route() {
    let article = Article::start();
    let answer = article.get("/work");
    assert_eq!(
        (answer.status, answer.text().as_str()),
        (200, "Request processed successfully")
    );
    let refused = article.send("POST", "/work", &[], "");
    refused.check_error(405, "Method Not Allowed", "METHOD_NOT_ALLOWED");
}
