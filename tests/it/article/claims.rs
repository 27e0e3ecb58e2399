//! Tests answers without a route, a cache client on Tokio, and a database that survives a restart.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};

use serde_json::json;

use super::Article;
use super::process::request;

#[test]
fn an_answer_without_a_route_has_the_headers_of_the_servers_layers() {
    let article = Article::start();
    let headers = [("Accept-Encoding", "gzip"), ("Origin", "https://a.example")];
    let answer = article.send("GET", "/nowhere", &headers, "");
    answer.check_error(404, "Not Found", "NOT_FOUND");
    for name in [
        "access-control-allow-origin",
        "content-security-policy",
        "date",
        "server-timing",
        "x-active-connections",
        "x-processing-time",
        "x-request-id",
        "x-request-start",
        "x-total-requests",
    ] {
        assert!(answer.header(name).is_some(), "{name}: {answer:?}");
    }
    assert!(article.log_with("status=404").contains("path=\"/nowhere\""));
    let stats = article.get("/stats").json();
    assert_eq!(stats["requests"], 1);
}

/// Stands in for a server that speaks Redis' protocol: a null for `none`, an error for `bad`,
/// silence for `slow`, else the key itself twice.
fn serve_keys(stream: TcpStream) {
    let mut lines = BufReader::new(stream.try_clone().expect("a second handle")).lines();
    let mut stream = stream;
    while let Some(Ok(_)) = lines.next() {
        let rest: Vec<String> = lines.by_ref().take(4).map_while(Result::ok).collect();
        let Some(key) = rest.last() else { return };
        let answer = match key.as_str() {
            "none" => "$-1\r\n".to_owned(),
            "bad" => "-ERR this one is bad\r\n".to_owned(),
            "huge" => "$99999999\r\n".to_owned(),
            "slow" => continue,
            key => format!("${}\r\n{key}{key}\r\n", 2 * key.len()),
        };
        if stream.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

/// Serves keys on a thread; gives its address.
fn start_keys() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || serve_keys(stream));
        }
    });
    address
}

#[test]
fn a_handler_awaits_a_client_on_tokio() {
    let article = Article::with(json!({ "workers": 1, "cache_address": start_keys() }));
    let cached = |key: &str| {
        let answer = article.get(&format!("/cached/{key}"));
        (answer.status, answer.text())
    };
    assert_eq!(cached("ab"), (200, "abab".to_owned()));
    assert_eq!(cached("none").0, 404);
    article
        .get("/cached/bad")
        .check_error(502, "Bad Gateway", "BAD_GATEWAY");
    article
        .get("/cached/huge")
        .check_error(502, "Bad Gateway", "BAD_GATEWAY");
    assert_eq!(
        cached("again"),
        (200, "againagain".to_owned()),
        "it connects anew"
    );

    let mut clients: Vec<_> = (0..50).map(|_| article.connect()).collect();
    for (number, client) in clients.iter_mut().enumerate() {
        client.write(&request("GET", &format!("/cached/{number:03}"), &[], ""));
    }
    for (number, client) in clients.iter_mut().enumerate() {
        assert_eq!(
            client.answer("GET").text(),
            format!("{number:03}{number:03}")
        );
    }
}

#[test]
fn a_waiting_client_on_tokio_blocks_no_core() {
    let article = Article::with(json!({ "workers": 1, "cache_address": start_keys() }));
    let mut waiting = article.connect();
    waiting.write(&request("GET", "/cached/slow", &[], ""));
    for _ in 0..20 {
        assert_eq!(article.get("/pool").status, 200);
    }
    assert_eq!(waiting.answer("GET").status, 502, "it gives up in the end");
    assert_eq!(article.get("/cached/ab").text(), "abab");
}

#[test]
fn a_cache_that_refuses_connections_is_a_502() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    drop(listener);
    let article = Article::with(json!({ "cache_address": address }));
    article
        .get("/cached/ab")
        .check_error(502, "Bad Gateway", "BAD_GATEWAY");
}

#[test]
fn the_database_keeps_its_rows_over_a_restart() {
    let name = format!("ringlane-article-{}.sqlite", std::process::id());
    let path = std::env::temp_dir().join(name);
    let _ = std::fs::remove_file(&path); // of a run that was cut off
    let settings = json!({ "database": path });
    let user = super::tokens::token("user123", &["read", "write"]);
    let headers = [
        ("Authorization", user.as_str()),
        ("Content-Type", "application/json"),
    ];
    let article = Article::with(settings.clone());
    let made = article.send("POST", "/records", &headers, r#"{ "text": "kept" }"#);
    assert_eq!(made.status, 201, "{made:?}");
    drop(article);
    let again = Article::with(settings);
    let records = again.send("GET", "/records", &headers, "").json();
    assert_eq!(records["records"][0]["text"], "kept", "{records}");
    drop(again);
    std::fs::remove_file(&path).expect("the data are removed");
}
