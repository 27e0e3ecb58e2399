//! Limits of groups, around the server's own and around each other.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::BodyLimit;
use crate::middleware::Decompression;
use crate::testing::Client;
use crate::{Builder, Context, Limits, Method, Next, Result, Routes, Server};

async fn length(ctx: Context) -> Result<String> {
    Ok(ctx.body().bytes().await?.len().to_string())
}

async fn streamed(ctx: Context) -> Result<String> {
    let mut body = ctx.body();
    let mut count = 0;
    while let Some(piece) = body.chunk().await? {
        count += piece.len();
    }
    Ok(count.to_string())
}

fn limited(bytes: u64) -> impl Fn(Routes) -> Routes {
    move |routes| {
        routes
            .with(BodyLimit::new(bytes))
            .post("/length", length)
            .post("/streamed", streamed)
            .post("/ignored", |_| "ignored")
    }
}

fn server() -> Builder {
    let limits = Limits::default()
        .body_bytes_max(20)
        .unread_body_bytes_max(1000);
    Server::builder()
        .limits(limits)
        .post("/length", length)
        .group("/less", limited(10))
        .group("/more", limited(30))
        .group("/none", limited(0))
}

/// Sends a body of so many bytes, with its length or in chunks, and another request behind it;
/// gives both statuses.
#[track_caller]
fn check(server: Builder, path: &str, bytes: usize, expected: u16) {
    let server = server.build().expect("the routes are well-formed");
    let mut client = Client::new(server).expect("a core is free for the test");
    let body = "x".repeat(bytes);
    let start = format!("POST {path} HTTP/1.1\r\nHost: a\r\n");
    let next = "GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n";
    let chunk = match bytes {
        0 => String::new(),
        _ => format!("{bytes:x}\r\n{body}\r\n"),
    };
    for request in [
        format!("{start}Content-Length: {bytes}\r\n\r\n{body}{next}"),
        format!("{start}Transfer-Encoding: chunked\r\n\r\n{chunk}0\r\n\r\n{next}"),
    ] {
        let connection = client.connect();
        connection.send(&request);
        client
            .run(std::time::Duration::ZERO)
            .expect("the core runs");
        let heard = String::from_utf8(connection.read()).expect("answers in text");
        let answers = heard.split("HTTP/1.1 ").skip(1);
        let statuses: Vec<&str> = answers.map(|answer| &answer[..3]).collect();
        let expected = expected.to_string();
        assert_eq!(statuses, [&expected, "404"], "{path} {bytes} {request}");
        if expected == "200" {
            assert!(heard.contains(&format!("\r\n\r\n{bytes}HTTP")), "{heard}");
        }
    }
}

#[test]
fn each_limit_at_its_maximum_and_one_beyond() {
    for (path, most) in [("/less", 10), ("/more", 30), ("/none", 0)] {
        for kind in ["length", "streamed"] {
            let path = format!("{path}/{kind}");
            check(server(), &path, most, 200);
            check(server(), &path, most + 1, 413);
        }
    }
    check(server(), "/length", 20, 200);
    check(server(), "/length", 21, 413);
}

#[test]
fn the_innermost_limit_counts() {
    let nested = |outer: u64, inner: u64| {
        let group = move |routes: Routes| {
            let routes = routes.with(BodyLimit::new(outer)).post("/length", length);
            routes.group("/inner", limited(inner))
        };
        server().group("/outer", group)
    };
    check(nested(5, 15), "/outer/inner/length", 15, 200);
    check(nested(5, 15), "/outer/inner/length", 16, 413);
    check(nested(5, 15), "/outer/length", 5, 200);
    check(nested(5, 15), "/outer/length", 6, 413);
    check(nested(15, 5), "/outer/inner/length", 5, 200);
    check(nested(15, 5), "/outer/inner/length", 6, 413);
    check(server().with(BodyLimit::new(1)), "/more/length", 30, 200);
    check(server().with(BodyLimit::new(1)), "/length", 2, 413);
}

#[test]
fn a_declared_length_is_refused_before_the_handler_is_called() {
    let calls = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&calls);
    let group = move |routes: Routes| {
        let counted = Arc::clone(&counted);
        routes
            .with(BodyLimit::new(10))
            .post("/", move |_: Context| {
                counted.fetch_add(1, Ordering::Relaxed);
                "called"
            })
    };
    let server = Server::builder().group("/group", group).build();
    let mut client = Client::new(server.expect("well-formed")).expect("a core is free");
    let mut post = |bytes: usize| {
        let request = client.post("/group").body("x".repeat(bytes));
        request.send().expect("an answer").status().as_u16()
    };
    assert_eq!((post(10), post(11)), (200, 413));
    assert_eq!(calls.load(Ordering::Relaxed), 1);
}

#[test]
fn nothing_is_read_of_a_body_that_is_refused() {
    let server = server().build().expect("the routes are well-formed");
    let mut client = Client::new(server).expect("a core is free for the test");
    let connection = client.connect();
    let head = "POST /less/ignored HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n";
    connection.send(head);
    client
        .run(std::time::Duration::ZERO)
        .expect("the core runs");
    let heard = String::from_utf8(connection.read()).expect("an answer in text");
    assert!(heard.starts_with("HTTP/1.1 413 "), "{heard}");
    assert!(heard.contains("\r\nConnection: close\r\n"), "{heard}");
    assert!(connection.is_finished());
}

#[test]
fn a_layer_that_reads_has_the_limit_of_its_place() {
    async fn reader(ctx: Context, next: Next) -> Result<()> {
        let mut body = ctx.body();
        let first = body.chunk().await?;
        ctx.insert(first.map_or(0, |bytes| bytes.len()));
        next.run(&ctx).await;
        Ok(())
    }
    let routes = |routes: Routes| {
        let routes = routes.with(BodyLimit::new(5)).wrap(reader);
        routes.group("/inner", |routes: Routes| {
            routes
                .with(BodyLimit::new(50))
                .post("/", |ctx: Context| ctx.get::<usize>().map(usize::to_string))
        })
    };
    let server = Server::builder().group("/a", routes).build();
    let mut client = Client::new(server.expect("well-formed")).expect("a core is free");
    let mut post = |bytes: usize| {
        let request = client.post("/a/inner").body("x".repeat(bytes));
        request.send().expect("an answer").status().as_u16()
    };
    assert_eq!((post(5), post(6)), (200, 413));
}

#[test]
fn requests_without_a_body_pass() {
    let server = server().group("/get", |routes: Routes| {
        routes.with(BodyLimit::new(0)).get("/", |_| "got")
    });
    let server = server.build().expect("the routes are well-formed");
    let mut client = Client::new(server).expect("a core is free for the test");
    for method in [Method::GET, Method::HEAD] {
        let answer = client.request(method, "/get").send().expect("an answer");
        assert_eq!(answer.status(), 200);
    }
}

#[test]
fn an_encoded_body_is_limited_by_what_it_comes_to() {
    // Ten bytes of gzip's "hello, " and "hello": 25 bytes that come to 5.
    let gzipped: [u8; 25] = [
        31, 139, 8, 0, 0, 0, 0, 0, 0, 3, 203, 72, 205, 201, 201, 7, 0, 134, 166, 16, 54, 5, 0, 0, 0,
    ];
    for (limit, expected) in [(5, 200), (4, 413)] {
        for decodes_first in [true, false] {
            let server = Server::builder();
            let server = match decodes_first {
                true => server
                    .with(Decompression::new())
                    .with(BodyLimit::new(limit)),
                false => server
                    .with(BodyLimit::new(limit))
                    .with(Decompression::new()),
            };
            let server = server.post("/", length).build();
            let mut client = Client::new(server.expect("well-formed")).expect("a core is free");
            let request = client.post("/").header("Content-Encoding", "gzip");
            let answer = request.body(gzipped.to_vec()).send().expect("an answer");
            assert_eq!(answer.status(), expected, "{limit} {decodes_first}");
        }
    }
}
