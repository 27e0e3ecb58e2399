//! Bodies of requests: read, limited, asked for, left unread.

use super::{Talk, check, server};
use crate::{Builder, Context, Limits, Result};

async fn length(ctx: Context) -> Result<String> {
    Ok(ctx.body().bytes().await?.len().to_string())
}

async fn chunks(ctx: Context) -> Result<String> {
    let mut body = ctx.body();
    let mut count = 0;
    while let Some(chunk) = body.chunk().await? {
        assert!(!chunk.is_empty());
        count += chunk.len();
    }
    assert_eq!(body.chunk().await?, None);
    Ok(count.to_string())
}

#[derive(serde::Serialize, serde::Deserialize)]
struct User {
    name: String,
}

fn routes() -> Builder {
    server()
        .limits(
            Limits::default()
                .body_bytes_max(10)
                .unread_body_bytes_max(20),
        )
        .post("/length", length)
        .post("/chunks", chunks)
        .post("/text", async |ctx: Context| ctx.body().text().await)
        .post("/more", async |ctx: Context| {
            length(ctx.set_body_limit(12).clone()).await
        })
        .post("/json", async |ctx: Context| -> Result {
            let user: User = ctx.body().json().await?;
            ctx.json(&user)
        })
        .post("/twice", async |ctx: Context| -> Result<String> {
            let (first, second) = (ctx.body().text().await?, ctx.body().text().await?);
            Ok(format!("{first}/{second}"))
        })
        .post("/ignored", |_| "ignored")
        .post("/ignored_later", async |_| {
            crate::time::sleep(super::SECOND).await;
            "ignored"
        })
}

fn with_length(path: &str, body: &str) -> String {
    let length = body.len();
    format!("POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n{body}")
}

fn in_chunks(path: &str, body: &str) -> String {
    let mut text = format!("POST {path} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    for piece in body.as_bytes().chunks(3) {
        let piece = String::from_utf8_lossy(piece);
        text.push_str(&format!("{:x}\r\n{piece}\r\n", piece.len()));
    }
    text + "0\r\n\r\n"
}

/// Of chunks nobody knows how many follow: the connection is kept only if the last one is here.
#[track_caller]
fn check_chunks_beyond(path: &str, body: &str) {
    let input = in_chunks(path, body);
    let refused = "413 the body is too large";
    Talk::with(routes()).send(&input).expect(refused);
    let mut slowly = Talk::with(routes());
    for byte in input.as_bytes() {
        slowly.send([*byte]);
    }
    slowly.expect("413 close the body is too large | end");
}

#[test]
fn each_limit_at_its_maximum_and_one_beyond() {
    for path in ["/length", "/chunks"] {
        for form in [with_length, in_chunks] {
            for (body, expected) in [("", "200 0"), ("1", "200 1"), ("1234567890", "200 10")] {
                check(routes, &form(path, body), expected);
            }
        }
        let beyond = "12345678901";
        check(
            routes,
            &with_length(path, beyond),
            "413 the body is too large",
        );
        check_chunks_beyond(path, beyond);
    }
    check(routes, &with_length("/more", "123456789012"), "200 12");
    check(
        routes,
        &with_length("/more", "1234567890123"),
        "413 the body is too large",
    );
    check_chunks_beyond("/more", "1234567890123");
    check(routes, "POST /length HTTP/1.1\r\nHost: a\r\n\r\n", "200 0");
}

#[test]
fn the_next_request_begins_behind_the_body() {
    let next = "POST /length HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx";
    for path in ["/length", "/chunks", "/ignored"] {
        for form in [with_length, in_chunks] {
            let expected = if path == "/ignored" {
                "200 ignored"
            } else {
                "200 5"
            };
            let input = form(path, "12345") + next;
            check(routes, &input, &format!("{expected} | 200 1"));
        }
    }
}

#[test]
fn a_length_beyond_the_limit_is_refused_before_it_comes() {
    let head = "POST /length HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n";
    check(routes, head, "413 close the body is too large | end");
}

#[test]
fn a_chunk_beyond_the_limit_is_refused_before_it_comes() {
    let head = "HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    for path in ["/length", "/chunks"] {
        for (size, expected) in [
            ("a", ""), // at the limit: it may come
            ("b", "413 close the body is too large | end"),
            ("1100000", "413 close the body is too large | end"), // 17 MiB
            ("100000005", "413 close the body is too large | end"),
            ("7fffffffffffffff", "413 close the body is too large | end"),
            ("8000000000000000", "413 close the body is too large | end"),
            ("fffffffffffffffe", "413 close the body is too large | end"),
            ("ffffffffffffffff", "413 close the body is too large | end"),
            ("10000000000000000", "400 close chunk size too large | end"),
        ] {
            check(routes, &format!("POST {path} {head}{size}\r\n"), expected);
        }
        // Together with what came before it.
        let more = format!("POST {path} {head}3\r\nabc\r\n8\r\n");
        check(routes, &more, "413 close the body is too large | end");
        let fits = format!("POST {path} {head}3\r\nabc\r\n7\r\n");
        check(routes, &fits, "");
    }
    // Nobody reads it: what is announced counts as what was dropped.
    let end = format!("POST /ignored {head}14\r\n");
    check(routes, &end, "200 ignored");
    let mut talk = Talk::with(routes());
    talk.send(format!("POST /ignored {head}15\r\n"));
    talk.expect("200 ignored | end");
}

#[test]
fn what_nobody_reads_is_taken_in_up_to_a_limit() {
    for path in ["/ignored", "/none"] {
        let answer = if path == "/none" {
            "404 no such path"
        } else {
            "200 ignored"
        };
        let (status, text) = answer.split_once(' ').expect("a status and a text");
        let most = "x".repeat(20);
        check(routes, &with_length(path, &most), answer);
        check(routes, &in_chunks(path, &most), answer);
        let closed = format!("{status} close {text} | end");
        check(routes, &with_length(path, &(most.clone() + "x")), &closed);
        // Of chunks it is not known before how many come.
        check(
            routes,
            &in_chunks(path, &(most + "x")),
            &format!("{answer} | end"),
        );
    }
    let mut talk = Talk::with(routes());
    talk.send(with_length("/ignored_later", "12345"))
        .pass(2 * super::SECOND);
    talk.expect("200 ignored")
        .send(with_length("/length", "1"))
        .expect("200 1");
}

#[test]
fn malformed_bodies() {
    for (rest, expected) in [
        ("x\r\n", "400 close invalid chunk size | end"),
        (
            "3\r\nabcd",
            "400 close chunk data longer than its size | end",
        ),
        (
            "3\nabc\r\n0\r\n\r\n",
            "400 close line feed without a carriage return in chunk framing | end",
        ),
    ] {
        for path in ["/length", "/chunks"] {
            let head =
                format!("POST {path} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
            let heard = Talk::with(routes()).send(head.clone() + rest).heard();
            assert_eq!(heard, expected, "{rest:?}");
            check(routes, &(head + rest), expected);
        }
    }
    // Nobody looked at it: the answer is there before the error is.
    let head = "POST /ignored HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    check(routes, &format!("{head}x\r\n"), "200 ignored | end");
    check(routes, &with_length("/text", "\u{e9}"), "200 \u{e9}");
    let not_text = [with_length("/text", "1").as_bytes(), b""].concat();
    let mut not_text = not_text;
    *not_text.last_mut().expect("a body") = 0xff;
    Talk::with(routes())
        .send(&not_text)
        .expect("400 the body is not valid UTF-8");
}

#[test]
fn a_body_can_be_read_once() {
    check(routes, &with_length("/twice", "abc"), "200 abc/");
}

#[test]
fn json_is_declared_and_valid() {
    let ask = |kind: &str, body: &str| {
        let length = body.len();
        let head = format!("POST /json HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n");
        let server = routes().limits(Limits::default());
        Talk::with(server)
            .send(format!("{head}{kind}\r\n{body}"))
            .heard()
    };
    let declared = "Content-Type: application/json\r\n";
    for (kind, body, expected) in [
        (declared, r#"{"name":"a"}"#, r#"200 {"name":"a"}"#),
        (
            "Content-Type: Application/vnd.a+JSON; charset=utf-8\r\n",
            r#"{"name":"a"}"#,
            r#"200 {"name":"a"}"#,
        ),
        (
            "",
            "{}",
            "415 the body must be declared as `Content-Type: application/json`",
        ),
        (
            "Content-Type: text/plain\r\n",
            "{}",
            "415 the body must be declared as `Content-Type: application/json`",
        ),
        (
            declared,
            "{",
            "400 invalid JSON: EOF while parsing an object at line 1 column 1",
        ),
        (
            declared,
            "{}",
            "400 invalid JSON: missing field `name` at line 1 column 2",
        ),
    ] {
        assert_eq!(ask(kind, body), expected);
    }
}

#[test]
fn a_client_that_waits_is_asked_when_the_handler_reads() {
    let head = |path: &str, length: u32| {
        format!(
            "POST {path} HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: {length}\r\n\r\n"
        )
    };
    for path in ["/length", "/chunks"] {
        let mut talk = Talk::with(routes());
        talk.send(head(path, 3)).expect("100");
        talk.send("a").expect("").send("bc").expect("200 3");
        talk.send(with_length(path, "1")).expect("200 1");
        // It did not wait after all: it need not be asked.
        let input = head(path, 3) + "abc";
        Talk::with(routes()).send(&input).expect("200 3");
    }
    // The answer comes first: whether the body still comes is unknown, so the connection ends.
    for (path, length, expected) in [
        ("/ignored", 3, "200 close ignored | end"),
        ("/none", 3, "404 close no such path | end"),
        ("/length", 11, "413 close the body is too large | end"),
    ] {
        Talk::with(routes())
            .send(head(path, length))
            .expect(expected);
    }
    // HTTP/1.0 knows no interim answers.
    let old = head("/length", 3).replace("HTTP/1.1", "HTTP/1.0");
    Talk::with(routes())
        .send(&old)
        .expect("")
        .send("abc")
        .expect("200 close 3 | end");
}

#[test]
fn a_large_body_flows_through_a_small_window() {
    const LENGTH: usize = 3_000_000;
    for path in ["/length", "/chunks"] {
        let limits = Limits::default().body_bytes_max(LENGTH as u64);
        let mut talk = Talk::with(routes().limits(limits));
        let body = "x".repeat(LENGTH);
        talk.send(with_length(path, &body))
            .expect(&format!("200 {LENGTH}"));
        talk.send(in_chunks(path, &body))
            .expect(&format!("200 {LENGTH}"));
    }
}

#[test]
fn a_handler_that_reads_slowly_holds_its_client_back() {
    async fn slow(ctx: Context) -> Result<String> {
        let mut body = ctx.body();
        let mut count = 0;
        loop {
            crate::time::sleep(super::SECOND).await;
            let Some(chunk) = body.chunk().await? else {
                break;
            };
            assert!(chunk.len() <= 64 * 1024, "{}", chunk.len());
            count += chunk.len();
        }
        Ok(count.to_string())
    }
    let limits = Limits::default().handler_time(std::time::Duration::MAX);
    let mut talk = Talk::with(server().limits(limits).post("/", slow));
    talk.send(with_length("/", &"x".repeat(1_000_000)))
        .expect("");
    talk.pass(50 * super::SECOND).expect("200 1000000");
}
