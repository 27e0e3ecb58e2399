//! Tests the example's configuration file: each setting takes effect, and a wrong one is named.

use std::io::Read;
use std::net::TcpListener;

use flate2::read::GzDecoder;
use serde_json::{Value, json};

use super::Article;
use super::process::{eventually, refusal};

/// Checks that a setting is refused, and what is said.
#[track_caller]
fn check_refused(setting: Value, parts: &[&str]) {
    let said = refusal(&setting.to_string());
    for part in parts {
        assert!(said.contains(part), "{setting}: `{part}` is not in {said}");
    }
}

#[test]
fn it_listens_on_the_configured_address_and_refuses_a_wrong_one() {
    let free = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = free.local_addr().expect("an address").port();
    drop(free);
    let article = Article::with(json!({ "server_port": port }));
    assert_eq!(article.address.to_string(), format!("127.0.0.1:{port}"));
    assert_eq!(article.get("/pool").status, 200);
    check_refused(json!({ "server_host": "no host" }), &["`server_host`"]);
    check_refused(json!({ "server_host": "" }), &["`server_host`"]);
    check_refused(json!({ "server_host": "1.2.3.4.5" }), &["`server_host`"]);
    check_refused(
        json!({ "server_port": 70_000 }),
        &["`server_port`", "70000"],
    );
}

#[test]
fn a_connection_over_the_limit_gets_503_until_another_closes() {
    let article = Article::with(json!({ "max_connections": 4, "workers": 1 }));
    let mut four: Vec<_> = (0..4).map(|_| article.connect()).collect();
    for client in &mut four {
        assert_eq!(client.get("/pool").status, 200);
    }
    let mut fifth = article.connect();
    let refused = fifth.answer("GET");
    assert_eq!(refused.status, 503);
    assert!(refused.header("retry-after").is_some(), "{refused:?}");
    assert_eq!(fifth.rest(), b"");
    drop(four.pop());
    let mut active = || four[0].get("/health").json()["connections"]["active"].clone();
    assert!(eventually(|| active() == 3));
    four.push(article.connect());
    for client in &mut four {
        assert_eq!(client.get("/pool").status, 200);
    }
}

#[test]
fn answers_are_compressed_if_the_client_accepts_it() {
    let article = Article::start();
    let gzip = [("Accept-Encoding", "gzip")];
    let coded = article.send("GET", "/performance", &gzip, "");
    assert_eq!(coded.header("content-encoding"), Some("gzip"));
    assert!(
        coded
            .headers("vary")
            .any(|value| value.contains("Accept-Encoding"))
    );
    let mut text = String::new();
    let read = GzDecoder::new(&*coded.body).read_to_string(&mut text);
    read.expect("it is gzip");
    let decoded: Value = serde_json::from_str(&text).expect("it is JSON");
    assert_eq!(decoded["status"], "success");
    assert!(2 * coded.body.len() < text.len());

    let plain = article.get("/performance");
    assert_eq!(plain.header("content-encoding"), None);
    assert_eq!(plain.json()["status"], "success");
    let short = article.send("GET", "/pool", &gzip, "");
    assert_eq!(short.header("content-encoding"), None);

    let off = Article::with(json!({ "enable_compression": false }));
    let answer = off.send("GET", "/performance", &gzip, "");
    assert_eq!(answer.header("content-encoding"), None);
}

#[test]
fn the_configuration_has_defaults_and_survives_a_round_trip() {
    let article = Article::with_file(r#"{ "server_port": 0 }"#);
    assert_eq!(article.address.ip().to_string(), "0.0.0.0");
    let log = article.log_with("configuration: ");
    let line = log
        .lines()
        .find_map(|line| line.split_once("configuration: "));
    let (_, text) = line.expect("the line");
    let mut config: Value = serde_json::from_str(text).expect("it is JSON");
    let expected = json!({
        "server_host": "0.0.0.0",
        "server_port": 0,
        "max_connections": 10_000,
        "request_timeout": 30,
        "enable_compression": true,
        "cors_origins": ["*"],
    });
    for (key, value) in expected.as_object().expect("an object") {
        assert_eq!(&config[key], value, "{key}");
    }
    assert_eq!(config.get("jwt_secret"), None, "secrets are not logged");
    config["server_host"] = json!("127.0.0.1");
    let again = Article::with_file(&config.to_string());
    assert_eq!(again.get("/pool").status, 200);
}

#[test]
fn an_error_at_the_start_names_its_cause() {
    let article = Article::start();
    let port = article.address.port();
    check_refused(
        json!({ "server_host": "127.0.0.1", "server_port": port }),
        &["cannot listen", &article.address.to_string()],
    );
    let said = refusal("{ \"server_port\": ");
    assert!(said.contains("line 1"), "{said}");
    let said = refusal("{} {}");
    assert!(said.contains("trailing characters"), "{said}");
    check_refused(
        json!({ "database": "/no/such/folder/a.sqlite" }),
        &["`database`"],
    );
    check_refused(json!({ "jwt_secret": "short" }), &["`jwt_secret`"]);
}

#[test]
fn requests_may_be_larger_than_the_receive_buffer() {
    let article = Article::with(json!({ "http_buffer_size": 64 }));
    let long = "x".repeat(4000);
    let answer = article.send("POST", "/inspect", &[("X-Long", &long)], &long);
    let seen = answer.json();
    assert_eq!(
        (seen["headers"]["x-long"].as_str(), seen["body"].as_str()),
        {
            let long = Some(long.as_str());
            (long, long)
        }
    );
    check_refused(
        json!({ "http_buffer_size": 63 }),
        &["`http_buffer_size`", "63"],
    );
    let most = 1 << 20;
    check_refused(
        json!({ "http_buffer_size": most + 1 }),
        &["`http_buffer_size`"],
    );
}

#[test]
fn every_setting_is_checked_at_the_start_and_named() {
    check_refused(
        json!({ "max_conections": 5 }),
        &["max_conections", "unknown field"],
    );
    check_refused(
        json!({ "max_connections": 0 }),
        &["`max_connections`", "0 is not"],
    );
    check_refused(
        json!({ "max_connections": 1_000_001 }),
        &["`max_connections`"],
    );
    check_refused(json!({ "max_connections": -1 }), &["`max_connections`"]);
    check_refused(json!({ "request_timeout": 0 }), &["`request_timeout`"]);
    check_refused(
        json!({ "request_timeout": "30" }),
        &["`request_timeout`", "string"],
    );
    check_refused(
        json!({ "enable_compression": 1 }),
        &["`enable_compression`"],
    );
    check_refused(json!({ "workers": 0 }), &["`workers`"]);
    let origins = json!({ "cors_origins": ["https://a.example", "a.example/path"] });
    check_refused(origins, &["`cors_origins[1]`", "a.example/path"]);
    check_refused(json!({ "cors_origins": [7] }), &["`cors_origins[0]`"]);
}
