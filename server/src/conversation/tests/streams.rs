//! Answers that are sent while they are made.

use std::time::Duration;

use super::{Talk, check, server};
use crate::{Builder, Context, Error, Limits, ResponseStream, Result, time};

async fn count(ctx: Context) -> Result {
    let mut stream = ctx.stream()?;
    for number in 0..3 {
        stream.send(format!("{number} ")).await?;
    }
    stream.finish();
    Ok(())
}

async fn flood(mut stream: ResponseStream) -> Result {
    for _ in 0..1000 {
        stream.send(vec![b'x'; 1000]).await?;
    }
    stream.finish();
    Ok(())
}

fn routes() -> Builder {
    server()
        .limits(Limits::default().body_bytes_max(100))
        .get("/count", count)
        .get("/empty", async |ctx: Context| -> Result {
            ctx.stream()?.finish();
            Ok(())
        })
        .get("/unfinished", async |ctx: Context| -> Result {
            ctx.stream()?.send("some").await
        })
        .get("/failing", async |ctx: Context| -> Result {
            ctx.stream()?.send("some").await?;
            Err(Error::new(500, "too late"))
        })
        .get("/panicking", async |ctx: Context| -> Result {
            let mut stream = ctx.stream()?;
            stream.send("some").await?;
            time::sleep(super::SECOND).await;
            panic!("in the middle")
        })
        .get("/flood", async |ctx: Context| flood(ctx.stream()?).await)
        .get("/beside", |ctx: Context| -> Result {
            crate::spawn(flood(ctx.stream()?));
            Ok(())
        })
        .get("/slowly", async |ctx: Context| -> Result {
            let mut stream = ctx.stream()?;
            stream.send("a").await?;
            time::sleep(100 * super::SECOND).await;
            stream.send("b").await
        })
        .get("/late", async |ctx: Context| -> Result {
            let mut stream = ctx.set_status(201).stream()?;
            ctx.set_status(500).set_header("X-Late", "yes").text("late");
            assert!(ctx.is_committed() && ctx.stream().is_err());
            stream.send("on time").await
        })
        .post("/echo", async |ctx: Context| -> Result {
            let mut body = ctx.body();
            let mut chunk = body.chunk().await?;
            let mut stream = ctx.stream()?;
            while let Some(bytes) = chunk {
                stream.send(bytes).await?;
                chunk = body.chunk().await?;
            }
            Ok(())
        })
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n")
}

#[test]
fn a_stream_ends_well_or_is_seen_to_be_cut() {
    for (path, expected) in [
        ("/count", "200 0 1 2 "),
        ("/empty", "200"),
        ("/unfinished", "200 some"),
        ("/failing", "200 some (cut) | end"),
        ("/late", "201 on time"),
    ] {
        check(routes, &get(path), expected);
    }
    let mut talk = Talk::with(routes());
    talk.send(get("/panicking")).expect("200 some (cut)");
    talk.pass(2 * super::SECOND).expect("end");
    let next = get("/count").repeat(2);
    check(routes, &next, "200 0 1 2  | 200 0 1 2 ");
}

#[test]
fn old_clients_read_until_the_end() {
    let mut talk = Talk::with(routes());
    let heard = talk
        .send("GET /count HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        .text();
    assert!(heard.contains("Connection: close\r\n"), "{heard}");
    assert!(heard.ends_with("\r\n\r\n0 1 2 "), "{heard}");
    assert!(talk.connection.is_finished());
}

#[test]
fn head_gets_the_head_of_a_stream() {
    let mut talk = Talk::with(routes());
    let heard = talk.send("HEAD /flood HTTP/1.1\r\nHost: a\r\n\r\n").text();
    assert!(heard.contains("Transfer-Encoding: chunked\r\n"), "{heard}");
    assert!(heard.ends_with("\r\n\r\n"), "{heard}");
    assert!(!talk.connection.is_finished());
    talk.received.clear();
    talk.send(get("/count")).expect("200 0 1 2 ");
}

#[test]
fn whoever_sends_faster_than_the_client_reads_has_to_wait() {
    for path in ["/flood", "/beside"] {
        let mut talk = Talk::with(routes());
        talk.connection.pause(true);
        talk.send(get(path));
        talk.connection.pause(false);
        talk.pass(Duration::ZERO);
        talk.expect("200 1000000 x");
        talk.send(get("/count")).expect("200 0 1 2 ");
    }
}

#[test]
fn a_stream_is_not_bound_by_the_handlers_time() {
    let mut talk = Talk::with(routes());
    talk.send(get("/slowly")).expect("200 a (cut)");
    talk.pass(99 * super::SECOND).expect("");
    talk.pass(2 * super::SECOND);
    assert_eq!(talk.text(), "1\r\nb\r\n0\r\n\r\n");
}

#[test]
fn a_body_is_sent_back_as_it_comes() {
    let head = "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    let mut talk = Talk::with(routes());
    talk.send(head).expect("");
    talk.send("5\r\nhello\r\n").expect("200 hello (cut)");
    talk.send("5\r\nworld\r\n");
    assert_eq!(talk.text(), "5\r\nworld\r\n");
    talk.received.clear();
    talk.send("0\r\n\r\n");
    assert_eq!(talk.text(), "0\r\n\r\n");
    talk.received.clear();
    talk.send(get("/count")).expect("200 0 1 2 ");
    // Too large, when the answer has begun: no last chunk.
    let mut talk = Talk::with(routes());
    talk.send(head)
        .send("5\r\nhello\r\n")
        .expect("200 hello (cut)");
    talk.send(format!("60\r\n{}\r\n", "x".repeat(0x60)))
        .expect("end");
}

#[test]
fn a_stream_of_a_length_keeps_to_it() {
    fn sized() -> Builder {
        async fn send(ctx: Context) -> Result {
            let mut stream = ctx.sized_stream(ctx.query("length")?)?;
            for piece in ["abc", "def"] {
                stream.send(piece).await?;
            }
            if ctx.query_text("end").is_some() {
                stream.finish();
            }
            Ok(())
        }
        server().get("/", send)
    }
    let get = |query: &str| format!("GET /?{query} HTTP/1.1\r\nHost: a\r\n\r\n");
    for end in ["", "&end"] {
        check(
            sized,
            &get(&format!("length=6{end}")).repeat(2),
            "200 abcdef | 200 abcdef",
        );
        check(
            sized,
            &get(&format!("length=7{end}")),
            "200 abcdef (cut) | end",
        );
        check(
            sized,
            &get(&format!("length=5{end}")),
            "200 abc (cut) | end",
        );
        check(sized, &get(&format!("length=3{end}")), "200 abc");
    }
    let heard = Talk::with(sized()).send(get("length=6")).text();
    assert!(heard.contains("Content-Length: 6\r\n"), "{heard}");
    assert!(!heard.contains("Transfer-Encoding"), "{heard}");
    let mut old = Talk::with(sized());
    let input = "GET /?length=6 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
    old.send(input.repeat(2)).expect("200 abcdef | 200 abcdef");
    let mut head = Talk::with(sized());
    let heard = head
        .send("HEAD /?length=6 HTTP/1.1\r\nHost: a\r\n\r\n")
        .text();
    assert!(
        heard.contains("Content-Length: 6\r\n") && heard.ends_with("\r\n\r\n"),
        "{heard}"
    );
}
