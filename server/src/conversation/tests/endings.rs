//! How connections end: by the client, by a panic, by the server.

use std::cell::Cell;
use std::time::Duration;

use super::{SECOND, Talk, server};
use crate::websocket::{Message, Socket};
use crate::{Builder, Config, Context, Next, OverLimit, Result, time};

thread_local! {
    static DROPPED: Cell<u32> = const { Cell::new(0) };
    static AFTER: Cell<u32> = const { Cell::new(0) };
}

struct Guard;

impl Drop for Guard {
    fn drop(&mut self) {
        DROPPED.set(DROPPED.get() + 1);
    }
}

async fn wait(_: Context) -> &'static str {
    let _guard = Guard;
    time::sleep(5 * SECOND).await;
    "waited"
}

fn routes() -> Builder {
    server()
        .get("/", |_| "index")
        .get("/ready", async |_| "ready")
        .get("/wait", wait)
        .get("/panic", |_| panic!("on purpose"))
        .get("/late_panic", async |_| {
            time::sleep(SECOND).await;
            panic!("on purpose")
        })
        .post("/length", async |ctx: Context| -> Result<String> {
            let _guard = Guard;
            Ok(ctx.body().bytes().await?.len().to_string())
        })
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n")
}

#[test]
fn a_client_that_finished_is_answered_if_the_answer_is_there() {
    for path in ["/", "/ready"] {
        let mut talk = Talk::with(routes());
        talk.connection.send(get(path).repeat(2));
        let text = if path == "/" { "index" } else { "ready" };
        talk.finish()
            .expect(&format!("200 {text} | 200 {text} | end"));
    }
    let mut talk = Talk::with(routes());
    talk.connection.send("GET / HT");
    talk.finish().expect("end");
    let mut talk = Talk::with(routes());
    talk.finish().expect("end");
    assert_eq!(talk.client.connections(), 0);
}

#[test]
fn a_client_that_left_takes_its_handler_with_it() {
    DROPPED.set(0);
    let mut talk = Talk::with(routes());
    talk.send(get("/wait")).pass(SECOND).expect("");
    assert_eq!(DROPPED.get(), 0);
    talk.finish().expect("end");
    assert_eq!(DROPPED.get(), 1);
    // Together with its request.
    let mut talk = Talk::with(routes());
    talk.connection.send(get("/wait"));
    talk.finish().expect("end");
    assert_eq!(DROPPED.get(), 2);
    // In the middle of a body.
    let mut talk = Talk::with(routes());
    talk.send("POST /length HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc");
    talk.finish().expect("end");
    assert_eq!(DROPPED.get(), 3);
}

#[test]
fn a_handler_that_still_waits_at_the_end_of_a_drain_is_answered() {
    let routes = || routes().drain_time(4 * SECOND);
    let end = |mut talk: Talk| {
        talk.client.shut_down(4 * SECOND);
        // The server ends before this time is over.
        let _ = talk.client.run(4 * SECOND);
        talk.received.extend(talk.connection.read());
        talk
    };
    DROPPED.set(0);
    let mut talk = Talk::with(routes());
    talk.send(get("/wait")).expect("");
    end(talk).expect("503 close | end");
    assert_eq!(DROPPED.get(), 1);
    // While it waits for its client.
    let mut talk = Talk::with(routes());
    talk.send("POST /length HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc");
    end(talk).expect("503 close | end");
    // One that ends in time.
    let mut talk = Talk::with(routes());
    talk.send(get("/wait")).pass(2 * SECOND).expect("");
    end(talk).expect("200 close waited | end");
}

#[test]
fn half_closed_clients_are_answered_where_that_is_wanted() {
    let mut talk = Talk::with(routes().half_close(true));
    talk.connection.send(get("/wait"));
    talk.finish()
        .expect("")
        .pass(6 * SECOND)
        .expect("200 waited | end");
    let mut talk = Talk::with(routes().half_close(true));
    talk.send("POST /length HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc");
    talk.finish().expect("400 close the body was cut off | end");
}

#[test]
fn after_parts_go_on_without_the_client() {
    AFTER.set(0);
    let server = server()
        .wrap(async |ctx: Context, next: Next| {
            let outcome = next.run(&ctx).await;
            assert_eq!(outcome, crate::Outcome::ClientGone);
            assert_eq!(ctx.status(), 499);
            time::sleep(SECOND / 2).await;
            AFTER.set(AFTER.get() + 1);
        })
        .after(|_| AFTER.set(AFTER.get() + 10))
        .get("/", async |_| std::future::pending::<()>().await);
    let mut talk = Talk::with(server);
    talk.send(get("/")).finish().expect("end");
    assert_eq!((talk.client.connections(), AFTER.get()), (0, 10));
    talk.pass(SECOND);
    assert_eq!(AFTER.get(), 11);
}

#[test]
fn a_reset_ends_a_handler_too() {
    DROPPED.set(0);
    let mut talk = Talk::with(routes());
    talk.send(get("/wait"));
    let other = talk.client.connect();
    let before = std::mem::replace(&mut talk.connection, other);
    drop(before);
    talk.pass(Duration::ZERO);
    assert_eq!(DROPPED.get(), 1);
    talk.send(get("/")).expect("200 index");
}

#[test]
fn a_panic_ends_its_connection_and_no_other() {
    for (path, time) in [("/panic", Duration::ZERO), ("/late_panic", 2 * SECOND)] {
        let mut talk = Talk::with(routes());
        let bystander = talk.client.connect();
        talk.send(get(path)).pass(time);
        talk.expect("500 close internal server error | end");
        bystander.send(get("/"));
        talk.connection = bystander;
        talk.pass(Duration::ZERO).expect("200 index");
        assert_eq!(talk.client.http().core.counts.panics.get(), 1);
    }
}

#[test]
fn a_server_that_ends_lets_requests_end() {
    let mut talk = Talk::with(routes());
    let (idle, fresh) = (talk.client.connect(), talk.client.connect());
    idle.send(get("/"));
    talk.send(get("/wait"));
    assert!(!idle.read().is_empty());
    talk.client.shut_down(60 * SECOND);
    talk.pass(Duration::ZERO).expect("");
    assert!(
        idle.is_finished() && !fresh.is_finished(),
        "only the idle one ends at once"
    );
    fresh.send(get("/"));
    talk.pass(Duration::ZERO);
    let answer = String::from_utf8_lossy(&fresh.read()).into_owned();
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("Connection: close\r\n"));
    // The last connection's end is the core's.
    let _ = talk.client.run(6 * SECOND);
    talk.received.extend(talk.connection.read());
    talk.expect("200 close waited | end");
}

#[test]
fn a_connection_that_opens_while_the_server_ends_does_not_hold_it_for_long() {
    let config = Config {
        connections_max: 1,
        ..Config::default()
    };
    let mut talk = Talk::with(routes().reactor(config));
    let late = talk.client.connect(); // it has no place until the first one ends
    talk.send(get("/wait"));
    talk.client.shut_down(60 * SECOND);
    talk.pass(4 * SECOND);
    assert!(!late.is_finished());
    // The first one is answered, and given its time to close.
    let ended = talk.client.run(8 * SECOND);
    assert!(ended.is_err() && late.is_finished());
}

/// Panics when it is dropped, with another of its kind.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            std::panic::panic_any(Self);
        }
    }
}

impl AsRef<[u8]> for Bomb {
    fn as_ref(&self) -> &[u8] {
        b"bomb"
    }
}

fn bomb() -> bytes::Bytes {
    bytes::Bytes::from_owner(Bomb)
}

#[test]
fn destructors_that_panic_end_no_core() {
    let bombs = || {
        server()
            .state(|_| Bomb)
            .get("/", |_| "index")
            .get("/bytes", |ctx: Context| {
                ctx.bytes(bomb());
            })
            .get("/panic", |_| std::panic::panic_any(Bomb))
            .get("/both", |ctx: Context| {
                ctx.bytes(bomb());
                std::panic::panic_any(Bomb)
            })
            .get("/stored", |ctx: Context| {
                struct Other(Bomb);
                ctx.insert(Bomb);
                let _ = &ctx.insert(Other(Bomb)).0;
            })
            .get("/late", async |ctx: Context| {
                ctx.bytes(bomb());
                std::future::pending::<()>().await;
            })
            .get("/stream", async |ctx: Context| -> Result {
                let mut stream = ctx.stream()?;
                for _ in 0..3 {
                    stream.send(bomb()).await?;
                }
                std::future::pending::<()>().await;
                Ok(())
            })
            .get("/task", async |_| {
                drop(crate::blocking(|| Bomb));
            })
    };
    let paths = [
        "/bytes", "/panic", "/both", "/stored", "/late", "/stream", "/task",
    ];
    for path in paths {
        for method in ["GET", "HEAD"] {
            let mut talk = Talk::with(bombs());
            let bystander = talk.client.connect();
            talk.send(format!("{method} {path} HTTP/1.1\r\nHost: a\r\n\r\n"));
            talk.pass(31 * SECOND).finish();
            bystander.send(get("/"));
            talk.connection = bystander;
            talk.received.clear();
            talk.pass(Duration::ZERO).expect("200 index");
        }
    }
}

#[test]
fn what_was_sent_before_the_end_began_is_answered() {
    let mut talk = Talk::with(routes());
    talk.connection.send(get("/wait") + &get("/").repeat(3));
    talk.pass(SECOND);
    talk.client.shut_down(60 * SECOND);
    let _ = talk.client.run(6 * SECOND);
    talk.received.extend(talk.connection.read());
    talk.expect("200 waited | 200 index | 200 index | 200 close index | end");
}

#[test]
fn one_connection_too_many_is_told_so() {
    let config = Config {
        connections_max: 1,
        over_limit: OverLimit::Refuse,
        ..Config::default()
    };
    let mut talk = Talk::with(routes().reactor(config));
    let second = talk.client.connect();
    second.send(get("/"));
    talk.pass(Duration::ZERO);
    let answer = String::from_utf8_lossy(&second.read()).into_owned();
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert!(answer.contains("Retry-After: 1\r\n") && answer.contains("Connection: close\r\n"));
    talk.send(get("/")).expect("200 index");
}

#[test]
fn addresses_are_known_while_the_request_lives() {
    let server = server().get("/", |ctx: Context| {
        ctx.text(format!(
            "{:?} {:?}",
            ctx.peer_address().is_some(),
            ctx.local_address().is_some()
        ));
    });
    Talk::with(server).send(get("/")).expect("200 true true");
}

#[test]
fn what_pages_and_sockets_panic_with_ends_no_core() {
    let servers = || {
        server()
            .get("/", |_| "index")
            .on_error(|_, _| std::panic::panic_any(Bomb))
            .websocket("/ws", |_: &Socket, _: Message<'_>| {
                std::panic::panic_any(Bomb)
            })
    };
    let handshake = "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    let message = [handshake.as_bytes(), b"\x81\x81\0\0\0\0a"].concat();
    for input in [get("/nowhere").into(), message] {
        let mut talk = Talk::with(servers());
        let bystander = talk.client.connect();
        talk.send(input);
        bystander.send(get("/"));
        talk.connection = bystander;
        talk.received.clear();
        talk.pass(Duration::ZERO).expect("200 index");
    }
}
