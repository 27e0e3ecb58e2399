//! What happens when anything takes too long, and when nothing does.

use std::time::Duration;

use super::{SECOND, Talk, server};
use crate::{Builder, Context, Limits, Next, Result, time};

fn limits() -> Limits {
    Limits::default()
        .head_time(10 * SECOND)
        .idle_time(60 * SECOND)
        .body_progress_time(10 * SECOND)
        .body_progress_bytes_min(4)
        .handler_time(30 * SECOND)
}

fn routes() -> Builder {
    server()
        .limits(limits())
        .get("/", |_| "index")
        .get("/sleep/{seconds}", async |ctx: Context| -> Result {
            time::sleep(ctx.param::<u32>("seconds")? * SECOND).await;
            ctx.text("slept");
            Ok(())
        })
        .post("/length", async |ctx: Context| -> Result<String> {
            Ok(ctx.body().bytes().await?.len().to_string())
        })
        .post("/ignored", |_| "ignored")
}

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/// More than all buffers on the way hold.
const LARGE: usize = 4 * 1024 * 1024;

fn sleep(seconds: u32) -> String {
    format!("GET /sleep/{seconds} HTTP/1.1\r\nHost: a\r\n\r\n")
}

#[test]
fn idle_connections_are_closed_without_a_word() {
    let mut talk = Talk::with(routes());
    talk.pass(59 * SECOND)
        .expect("")
        .pass(2 * SECOND)
        .expect("end");
    let mut talk = Talk::with(routes());
    talk.pass(59 * SECOND).send(GET).expect("200 index");
    talk.pass(59 * SECOND).send(GET).expect("200 index");
    talk.pass(61 * SECOND).expect("end");
    // Empty lines are no request.
    let mut talk = Talk::with(routes());
    talk.send("\r\n")
        .pass(59 * SECOND)
        .expect("")
        .pass(2 * SECOND)
        .expect("end");
}

#[test]
fn a_connection_is_not_idle_while_its_answer_is_being_sent() {
    let download = || {
        let server = routes()
            .limits(limits().idle_time(5 * SECOND))
            .get("/large", |_| "x".repeat(LARGE));
        let mut talk = Talk::with(server);
        talk.connection.pause(true);
        talk.send("GET /large HTTP/1.1\r\nHost: a\r\n\r\n");
        talk.pass(13 * SECOND);
        assert!(!talk.connection.is_finished(), "{}", talk.heard());
        talk
    };
    let whole = format!("200 {LARGE} x");
    let mut talk = download();
    talk.connection.pause(false);
    talk.pass(Duration::ZERO).expect(&whole);
    // The time begins when all is sent.
    talk.pass(4 * SECOND).send(GET).expect("200 index");
    talk.pass(6 * SECOND).expect("end");
    // What was sent meanwhile is answered.
    let mut talk = download();
    talk.send(GET).pass(6 * SECOND).connection.pause(false);
    talk.pass(Duration::ZERO)
        .expect(&format!("{whole} | 200 index"));
    // A client that sends as the server ends gets what is on its way, and its answer.
    let mut talk = download();
    talk.client.shut_down(60 * SECOND);
    talk.send(GET).connection.pause(false);
    let _ = talk.client.run(6 * SECOND);
    talk.received.extend(talk.connection.read());
    talk.expect(&format!("{whole} | 200 index | end"));
}

#[test]
fn a_body_that_nobody_waits_for_any_more_spends_the_handlers_time() {
    let server = server()
        .limits(limits())
        .post("/once", async |ctx: Context| {
            let mut body = ctx.body();
            let first = time::timeout(SECOND, body.chunk()).await;
            assert!(first.is_err(), "nothing was sent");
            time::sleep(15 * SECOND).await;
            match body.bytes().await {
                Ok(bytes) => format!("{} bytes", bytes.len()),
                Err(error) => error.message().to_owned(),
            }
        })
        .post("/never", async |ctx: Context| {
            let mut body = ctx.body();
            let _ = time::timeout(SECOND, body.chunk()).await;
            time::sleep(100 * SECOND).await;
        })
        .post("/task", async |ctx: Context| {
            let mut body = ctx.body();
            let task = crate::spawn(async move {
                let _ = time::timeout(SECOND, body.chunk()).await;
                std::future::pending::<()>().await;
            });
            let _ = task.await;
        });
    let head = |path| format!("POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n");
    let mut talk = Talk::with(server);
    talk.send(head("/once")).pass(14 * SECOND).send("abcd");
    talk.pass(3 * SECOND).expect("200 4 bytes");
    for path in ["/never", "/task"] {
        talk.send(head(path)).pass(30 * SECOND).expect("");
        talk.pass(2 * SECOND)
            .send("abcd")
            .expect("503 the request took too long");
    }
}

#[test]
fn a_head_has_its_time_from_its_first_byte() {
    let mut talk = Talk::with(routes());
    talk.pass(50 * SECOND).send("G").pass(9 * SECOND).expect("");
    talk.send("ET / HTTP/1.1\r\n").pass(2 * SECOND);
    talk.expect("408 close the request did not arrive in time | end");
    // However slowly the first one came, the next has its own time.
    let mut talk = Talk::with(routes());
    let (first, rest) = GET.split_at(5);
    for _ in 0..2 {
        talk.send(first)
            .pass(9 * SECOND)
            .send(rest)
            .expect("200 index");
    }
}

#[test]
fn a_handler_has_its_time() {
    let mut talk = Talk::with(routes());
    talk.send(sleep(29)).pass(29 * SECOND).expect("200 slept");
    talk.send(sleep(40)).pass(29 * SECOND).expect("");
    talk.pass(2 * SECOND)
        .expect("503 the request took too long");
    talk.send(GET).expect("200 index");
    let as_408 = routes().limits(limits().handler_timeout_is_408(true));
    let mut talk = Talk::with(as_408);
    talk.send(sleep(40))
        .pass(31 * SECOND)
        .expect("408 close the request took too long | end");
    let unlimited = routes().limits(
        limits()
            .handler_time(Duration::MAX)
            .connection_time(Duration::MAX),
    );
    let mut talk = Talk::with(unlimited);
    talk.send(sleep(86_400))
        .pass(86_401 * SECOND)
        .expect("200 slept");
}

#[test]
fn a_body_must_get_on() {
    let head = "POST /length HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n";
    let mut talk = Talk::with(routes());
    talk.send(head).pass(9 * SECOND).expect("").pass(2 * SECOND);
    talk.expect("408 close the body came too slowly | end");
    // Enough in each of its times, however slowly, also beyond the handler's time.
    let mut talk = Talk::with(routes());
    talk.send(head);
    for _ in 0..25 {
        talk.pass(9 * SECOND).expect("").send("abcd");
    }
    talk.expect("200 100");
    // One byte less than enough.
    let mut talk = Talk::with(routes());
    talk.send(head).send("abc").pass(11 * SECOND);
    talk.expect("408 close the body came too slowly | end");
}

/// Sends the bytes one by one, one in so many seconds, until an answer comes. How long that took.
fn trickle(talk: &mut Talk, bytes: &str, every: u32) -> u32 {
    let mut seconds = 0;
    for byte in bytes.bytes().chain(std::iter::repeat(b'1')).take(1000) {
        talk.send([byte]).pass(every * SECOND);
        if !talk.received.is_empty() {
            return seconds;
        }
        seconds += every;
    }
    panic!("it is held for ever");
}

#[test]
fn a_byte_now_and_then_holds_nothing_for_ever() {
    let mut talk = Talk::with(routes());
    assert_eq!(trickle(&mut talk, "GET /", 3), 9);
    talk.expect("408 close the request did not arrive in time | end");
    let post = "POST /length HTTP/1.1\r\nHost: a\r\n";
    for framing in [
        "Content-Length: 1000000\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n4000\r\n",
        // What belongs to no data is no progress either.
        "Transfer-Encoding: chunked\r\n\r\n1;a=",
        "Transfer-Encoding: chunked\r\n\r\n0\r\nA: ",
    ] {
        let mut talk = Talk::with(routes());
        talk.send(format!("{post}{framing}"));
        // Three bytes of four in each time.
        assert!(trickle(&mut talk, "", 4) <= 12, "{framing:?}");
        talk.expect("408 close the body came too slowly | end");
    }
}

#[test]
fn a_connection_ends_with_the_first_answer_after_its_time() {
    let server = || routes().limits(limits().connection_time(200 * SECOND));
    let mut talk = Talk::with(server());
    for _ in 0..4 {
        talk.send(GET).expect("200 index").pass(44 * SECOND);
    }
    talk.send(GET).expect("200 index").pass(24 * SECOND); // 176 s: less than nine tenths
    talk.send(GET).expect("200 close index | end");
    // Until then it is only idle; and what goes on when its time comes is not cut off.
    let server = server().limits(limits().connection_time(10 * SECOND));
    let mut talk = Talk::with(server);
    talk.pass(59 * SECOND).expect("");
    talk.send(GET).expect("200 close index | end");
    let mut talk = Talk::with(routes().limits(limits().connection_time(10 * SECOND)));
    talk.send(sleep(20)).pass(19 * SECOND).expect("");
    talk.pass(2 * SECOND).expect("200 close slept | end");
    // Off.
    let mut talk = Talk::with(routes().limits(limits().connection_time(Duration::MAX)));
    for _ in 0..100 {
        talk.send(GET).expect("200 index").pass(50 * SECOND);
    }
}

#[test]
fn a_body_that_nobody_reads_must_get_on_too() {
    let mut talk = Talk::with(routes());
    talk.send("POST /ignored HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc");
    talk.expect("200 ignored").pass(11 * SECOND).expect("end");
    let mut talk = Talk::with(routes());
    talk.send("POST /ignored HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc");
    talk.expect("200 ignored")
        .pass(5 * SECOND)
        .send("defghi")
        .send(GET)
        .expect("200 index");
    talk.pass(59 * SECOND).send(GET).expect("200 index");
}

#[test]
fn what_follows_next_has_a_grace_time() {
    let onion = |seconds: u32| {
        let server = server()
            .limits(limits().grace_time(SECOND))
            .wrap(async move |ctx: Context, next: Next| {
                let outcome = next.run(&ctx).await;
                ctx.set_header("X-Outcome", format!("{outcome:?}"));
                time::sleep(seconds * SECOND / 10).await;
                ctx.set_header("X-After", "yes");
            })
            .get("/", async |_| std::future::pending::<()>().await);
        let mut talk = Talk::with(server);
        talk.send(GET).pass(33 * SECOND);
        let heard = talk.text();
        assert!(heard.starts_with("HTTP/1.1 503 "), "{heard}");
        assert!(heard.contains("X-Outcome: TimedOut\r\n"), "{heard}");
        let exceeded = talk.client.http().core.counts.graces_exceeded.get();
        (heard.contains("X-After: yes\r\n"), exceeded)
    };
    assert_eq!(onion(5), (true, 0));
    assert_eq!(onion(15), (false, 1));
}

#[test]
fn what_took_too_long_is_counted_by_kind() {
    let server = routes().get("/counts", |ctx: Context| {
        let status = ctx.server_status();
        let core = &status.cores[0];
        let (head, idle) = (core.head_timeouts, core.idle_timeouts);
        let (body, handler) = (core.body_timeouts, core.handler_timeouts);
        format!("{head} {idle} {body} {handler}")
    });
    let mut talk = Talk::with(server);
    let mut after = |input: &str, time: Duration, expected: &str| {
        let late = talk.client.connect();
        late.send(input);
        talk.client.run(time).expect("the core runs");
        talk.connection = talk.client.connect();
        talk.received.clear();
        talk.send("GET /counts HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            .expect(&format!("200 close {expected} | end"));
    };
    after("GET / HTTP/1.1\r\n", 11 * SECOND, "1 0 0 0");
    after("", 61 * SECOND, "1 1 0 0");
    let slow = "POST /length HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n1";
    after(slow, 11 * SECOND, "1 1 1 0");
    after(&sleep(31), 31 * SECOND, "1 1 1 1");
}
