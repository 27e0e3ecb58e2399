//! Time limits of groups and routes.

use std::cell::Cell;
use std::future::pending;
use std::time::Duration;

use super::super::{RequestId, Timeout};
use crate::testing::{Answer, Client};
use crate::{Builder, Bytes, Context, Limits, Next, Outcome, Result, Server, time};

const SECOND: Duration = Duration::from_secs(1);

thread_local! {
    static WRITTEN: Cell<u32> = const { Cell::new(0) };
    static SEEN: Cell<Option<Outcome>> = const { Cell::new(None) };
}

async fn slow(ctx: Context) -> Result {
    time::sleep(ctx.param::<u32>("seconds")? * SECOND).await;
    WRITTEN.set(WRITTEN.get() + 1);
    ctx.set_header("X-Late", "yes").text("slow");
    Ok(())
}

fn server() -> Builder {
    Server::builder()
        .with(RequestId::new())
        .get("/free/{seconds}", slow)
        .group("/limited", |routes| {
            routes
                .with(Timeout::new(5 * SECOND))
                .get("/{seconds}", slow)
                .get("/sync", |_| "at once")
                .get("/stream", async |ctx: Context| -> Result {
                    let mut stream = ctx.stream()?;
                    time::sleep(20 * SECOND).await;
                    stream.send(Bytes::from_static(b"late")).await?;
                    stream.finish();
                    Ok(())
                })
        })
}

fn get(server: Builder, path: &str) -> Answer {
    let server = server.build().expect("the routes are well-formed");
    let mut client = Client::new(server).expect("a core is free for the test");
    client.get(path).send().expect("an answer")
}

#[test]
fn only_what_is_below_is_limited() {
    for (path, status, text) in [
        ("/free/10", 200, "slow"),
        ("/limited/4", 200, "slow"),
        ("/limited/6", 503, "the request took too long"),
        ("/limited/sync", 200, "at once"),
        ("/limited/stream", 200, "late"), // its head is committed in time
    ] {
        let answer = get(server(), path);
        assert_eq!(
            (answer.status().as_u16(), answer.text()),
            (status, text),
            "{path}"
        );
        assert!(answer.header("x-request-id").is_some(), "{path}");
        assert_eq!(answer.header("x-late").is_some(), text == "slow", "{path}");
    }
}

#[test]
fn what_timed_out_is_dropped_and_writes_nothing_more() {
    WRITTEN.set(0);
    let server = server().build().expect("the routes are well-formed");
    let mut client = Client::new(server).expect("a core is free for the test");
    assert_eq!(
        client.get("/limited/6").send().expect("an answer").status(),
        503
    );
    client.run(60 * SECOND).expect("the core runs");
    assert_eq!(WRITTEN.get(), 0);
}

#[test]
fn the_answer_can_be_chosen() {
    let limited = |timeout: Timeout| {
        let server = Server::builder();
        get(
            server
                .with(timeout)
                .get("/", async |_| pending::<()>().await),
            "/",
        )
    };
    let answer = limited(Timeout::new(SECOND).status(408).json());
    assert_eq!(answer.status(), 408);
    assert_eq!(answer.header("connection"), Some("close"));
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let body: serde_json::Value = answer.json().expect("JSON");
    assert_eq!(body["error"], "Request Timeout");
    assert_eq!(body["message"], "the request took too long");
    assert_eq!(body["code"], "REQUEST_TIMEOUT");
    let answer = limited(Timeout::new(SECOND).status(504).message("ask again"));
    assert_eq!(
        (answer.status().as_u16(), answer.text()),
        (504, "ask again")
    );
    // The server's own limit answers in the same way.
    let limits = Limits::default().handler_time(SECOND);
    let limits = limits
        .handler_timeout_is_408(true)
        .handler_timeout_is_json(true);
    let server = Server::builder().limits(limits);
    let answer = get(server.get("/", async |_| pending::<()>().await), "/");
    let body: serde_json::Value = answer.json().expect("JSON");
    assert_eq!(
        (answer.status().as_u16(), &body["error"]),
        (408, &"Request Timeout".into())
    );
}

/// Runs one request through: an outer onion, the limit, an inner onion that takes so long behind
/// its `next`, and a handler that never ends.
fn nested(after: Duration) -> Answer {
    SEEN.set(None);
    let server = Server::builder()
        .wrap(async |ctx: Context, next: Next| {
            SEEN.set(Some(next.run(&ctx).await));
            time::sleep(10 * SECOND).await; // not limited, nor cancelled
            ctx.set_header("X-Outer", "yes");
        })
        .with(Timeout::new(5 * SECOND))
        .wrap(async move |ctx: Context, next: Next| {
            let outcome = next.run(&ctx).await;
            assert_eq!((outcome, ctx.status().as_u16()), (Outcome::TimedOut, 503));
            ctx.set_header("X-Before", "yes");
            time::sleep(after).await;
            ctx.set_header("X-Inner", "yes");
        })
        .after(|ctx| {
            ctx.set_header("X-After", "yes");
        })
        .get("/", async |_| pending::<()>().await);
    let answer = get(server, "/");
    assert_eq!(answer.status(), 503);
    assert_eq!(SEEN.get(), Some(Outcome::TimedOut));
    for name in ["x-outer", "x-before", "x-after"] {
        assert_eq!(answer.header(name), Some("yes"), "{name}");
    }
    answer
}

#[test]
fn layers_below_have_the_grace_time_and_layers_around_go_on() {
    assert_eq!(nested(SECOND / 2).header("x-inner"), Some("yes"));
    assert_eq!(nested(2 * SECOND).header("x-inner"), None);
}

#[test]
fn limits_nest_and_the_shorter_counts() {
    for (outer, inner, message) in [(2, 5, "outer"), (5, 2, "inner")] {
        let server = Server::builder()
            .with(Timeout::new(outer * SECOND).message("outer"))
            .with(Timeout::new(inner * SECOND).message("inner"))
            .get("/", async |_| pending::<()>().await);
        assert_eq!(get(server, "/").text(), message);
    }
    let server = Server::builder()
        .limits(Limits::default().handler_time(SECOND))
        .with(Timeout::new(5 * SECOND).message("layer"))
        .get("/", async |_| pending::<()>().await);
    assert_eq!(get(server, "/").text(), "the request took too long");
}

#[test]
fn a_client_that_leaves_is_not_timed_out() {
    SEEN.set(None);
    let server = Server::builder()
        .with(Timeout::new(5 * SECOND))
        .wrap(async |ctx: Context, next: Next| SEEN.set(Some(next.run(&ctx).await)))
        .get("/", async |_| pending::<()>().await);
    let mut client = Client::new(server.build().expect("valid")).expect("a core is free");
    let connection = client.connect();
    connection.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    client.run(SECOND).expect("the core runs");
    connection.finish();
    client.run(SECOND).expect("the core runs");
    assert_eq!(SEEN.get(), Some(Outcome::ClientGone));
}
