//! What a stream's head says, in each version and to each method.

use super::*;
use crate::testing::Answer;

fn both() -> Builder {
    server()
        .get("/silent", silent)
        .get("/news", |ctx: Context| ctx.event_stream_of("news"))
        .get("/said", |ctx: Context| {
            ctx.set_header("Cache-Control", "no-store");
            ctx.event_stream_of("news")
        })
}

#[test]
fn the_head_comes_before_the_first_event() {
    let mut client = start(both());
    for target in ["/silent", "/news"] {
        let events = open(&mut client, target);
        let head = events.head();
        assert_eq!(head.header("Content-Type"), Some("text/event-stream"));
        assert_eq!(head.header("Cache-Control"), Some("no-cache"));
        assert_eq!(head.header("X-Accel-Buffering"), Some("no"));
        assert_eq!(head.header("Content-Length"), None);
    }
    let events = open(&mut client, "/said");
    assert_eq!(events.head().header("Cache-Control"), Some("no-store"));
}

#[test]
fn an_older_client_gets_events_until_the_connection_ends() {
    let builder = both().get("/two", async |ctx: Context| -> Result {
        let mut events = ctx.event_stream()?;
        events.send("1").await?;
        events.send("2").await
    });
    let topics = builder.topics();
    let mut client = start(builder);
    let answer = raw(&mut client, "GET /two HTTP/1.0\r\n\r\n");
    assert!(
        answer.ends_with("\r\n\r\ndata: 1\n\ndata: 2\n\n"),
        "{answer}"
    );
    assert!(!answer.contains("Transfer-Encoding"), "{answer}");

    let connection = client.connect();
    connection.send("GET /news HTTP/1.0\r\n\r\n");
    pass(&mut client, Duration::ZERO);
    topics.publish("news", "a\nb");
    pass(&mut client, 15 * SECOND);
    let answer = String::from_utf8(connection.read()).expect("text");
    assert!(answer.ends_with("\r\n\r\ndata: a\ndata: b\n\n"), "{answer}");
    pass(&mut client, SECOND);
    assert_eq!(connection.read(), b":\n\n");
    assert!(!answer.contains("Transfer-Encoding"), "{answer}");
}

#[test]
fn a_question_for_the_head_gets_the_head_alone() {
    let builder = both();
    let topics = builder.topics();
    let mut client = start(builder);
    for target in ["/silent", "/news"] {
        let head = format!("HEAD {target} HTTP/1.1\r\nHost: a\r\n\r\n");
        let answer = raw(&mut client, &head);
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        assert!(answer.contains("text/event-stream"), "{answer}");
        assert!(answer.ends_with("\r\n\r\n"), "{answer}");
        let next = "GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n";
        let answers = raw(&mut client, &format!("{head}{head}{next}"));
        assert_eq!(answers.matches("200 OK").count(), 2, "{answers}");
        assert!(answers.contains("404 Not Found"), "{answers}");
    }
    assert_eq!(topics.subscribers("news"), 0);
    let answer: Answer = client.get("/nowhere").send().expect("it goes on");
    assert_eq!(answer.status(), 404);
}

#[test]
fn another_answer_ends_what_had_begun() {
    let builder = server()
        .after(|ctx: &Context| {
            if ctx.header("X-No").is_some() {
                ctx.set_status(503);
            }
        })
        .get("/news", |ctx: Context| ctx.event_stream_of("news"))
        .get("/fails", |ctx: Context| -> Result {
            ctx.event_stream_of("news")?;
            Err(crate::Error::new(409, "after all"))
        })
        .get("/faulty", |ctx: Context| -> Result {
            ctx.event_stream_of("news")?;
            ctx.set_header("X-Bad", "a\r\nb");
            Ok(())
        });
    let topics = builder.topics();
    let mut client = start(builder);
    let answer = client.get("/news").header("X-No", "1").send();
    let answer = answer.expect("an answer");
    assert_eq!(answer.status(), 503);
    assert_eq!(answer.header("X-Accel-Buffering"), None);
    for (target, status) in [("/fails", 409), ("/faulty", 500)] {
        let answer = client.get(target).send().expect("an answer");
        assert_eq!(answer.status(), status, "{target}");
        assert_ne!(answer.header("Content-Type"), Some("text/event-stream"));
    }
    assert_eq!(topics.subscribers("news"), 0);
}

/// Whoever took the body for a request would answer what nobody asked.
#[test]
fn another_answer_leaves_the_body_of_its_request_alone() {
    let builder = server()
        .get("/fails", |ctx: Context| -> Result {
            ctx.event_stream_of("news")?;
            Err(crate::Error::new(409, "after all"))
        })
        .get("/there", |ctx: Context| ctx.text("there"));
    let mut client = start(builder);
    let body = "GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n";
    let length = body.len();
    let connection = client.connect();
    connection.send(format!(
        "GET /fails HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n"
    ));
    pass(&mut client, Duration::ZERO);
    assert!(connection.read().starts_with(b"HTTP/1.1 409 "));
    connection.send(format!("{body}GET /there HTTP/1.1\r\nHost: a\r\n\r\n"));
    pass(&mut client, Duration::ZERO);
    let answer = String::from_utf8(connection.read()).expect("text");
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.ends_with("\r\n\r\nthere"), "{answer}");
}

/// It is compressed a part at a time.
#[test]
fn another_answer_may_be_long() {
    let builder = server()
        .with(crate::middleware::Compression::new())
        .after(|ctx: &Context| {
            ctx.set_status(503);
            ctx.set_content_type("text/plain").text("a".repeat(1 << 20));
        })
        .get("/news", |ctx: Context| ctx.event_stream_of("news"));
    let mut client = start(builder);
    let question = "GET /news HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n";
    let connection = client.connect();
    connection.send(question);
    pass(&mut client, Duration::ZERO);
    let answer = connection.read();
    let head = String::from_utf8_lossy(&answer[..answer.len().min(500)]).into_owned();
    assert!(head.starts_with("HTTP/1.1 503 "), "{head}");
    assert!(head.contains("Content-Encoding: gzip"), "{head}");
    assert!(answer.ends_with(b"\r\n0\r\n\r\n"), "{head}");
}

#[test]
fn the_last_id_comes_from_the_header_or_the_query() {
    let mut client = start(server().get("/", |ctx: Context| {
        ctx.text(ctx.last_event_id().unwrap_or_else(|| "none".to_owned()));
    }));
    let mut ask = |target: &str, header: Option<&str>| {
        let mut request = client.get(target);
        if let Some(id) = header {
            request = request.header("Last-Event-ID", id);
        }
        request.send().expect("an answer").text().to_owned()
    };
    assert_eq!(ask("/", None), "none");
    assert_eq!(ask("/?last_event_id=a%3A1", None), "a:1");
    assert_eq!(ask("/?last_event_id=a", Some("b")), "b");
    assert_eq!(ask("/", Some("")), "none");
}

#[test]
fn options_out_of_their_range_are_an_error() {
    let wrong = Options::default().heartbeat(Duration::from_millis(99));
    let other = wrong.clone();
    let mut client = start(
        server()
            .get("/a", move |ctx: Context| {
                ctx.event_stream_of_with("a", &wrong)
            })
            .get("/b", move |ctx: Context| {
                ctx.event_stream_with(&other).map(drop)
            }),
    );
    for target in ["/a", "/b"] {
        assert_eq!(client.get(target).send().expect("an answer").status(), 500);
    }
    let long = "x".repeat(crate::topics::TOPIC_BYTES_MAX + 1);
    let mut client = start(server().get("/a", move |ctx: Context| ctx.event_stream_of(&long)));
    assert_eq!(client.get("/a").send().expect("an answer").status(), 500);
}
