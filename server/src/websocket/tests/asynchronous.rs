//! Sockets in asynchronous handlers: receiving, sending, ends, and what is cancelled.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use super::{SECOND, Talk, heard, server, start};
use crate::websocket::{CloseCode, INBOX_MESSAGES_MAX, Options, WebSocket};
use crate::{Builder, Context, Error, Next, Result, time};

thread_local! {
    static LOG: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
    static DROPPED: Cell<u32> = const { Cell::new(0) };
}

fn log(line: impl Into<String>) {
    LOG.with_borrow_mut(|log| log.push(line.into()));
}

#[track_caller]
fn expect_log(expected: &str) {
    assert_eq!(LOG.take().join(" | "), expected);
}

struct Guard;

impl Drop for Guard {
    fn drop(&mut self) {
        DROPPED.set(DROPPED.get() + 1);
    }
}

async fn echo(ctx: Context) -> Result {
    let mut socket = ctx.websocket()?;
    while let Some(message) = socket.receive().await? {
        socket.send(message).await?;
    }
    log("ended");
    Ok(())
}

fn asynchronous<F: Future<Output = Result> + 'static>(handler: fn(Context) -> F) -> Builder {
    server().get("/ws", handler)
}

/// Does as it is told.
async fn obedient(ctx: Context) -> Result {
    let _guard = Guard;
    time::sleep(SECOND).await; // the handshake need not be answered at once
    let mut socket = ctx.websocket()?;
    loop {
        let message = match socket.receive().await {
            Ok(Some(message)) => message,
            Ok(None) => {
                log("closed");
                break;
            }
            Err(error) => {
                log(format!("broken: {error}"));
                time::sleep(SECOND / 2).await; // within the grace time
                log("tidied up");
                return Err(error);
            }
        };
        match message.text().unwrap_or_default() {
            "return" => return Ok(()),
            "fail" => return Err(Error::new(500, "on purpose")),
            "panic" => panic!("on purpose"),
            "close" => socket.close(DONE, "done"),
            "sleep" => time::sleep(3600 * SECOND).await,
            text => socket.send(text).await?,
        }
    }
    Ok(())
}

const DONE: CloseCode = CloseCode::SERVICE_RESTART;

fn obey() -> Talk {
    let mut client = start(asynchronous(obedient));
    let mut socket = client
        .get("/ws")
        .websocket_after(2 * SECOND)
        .expect("a socket");
    assert_eq!(heard(&mut socket), "");
    Talk { client, socket }
}

#[test]
fn messages_are_received_and_sent() {
    let mut talk = Talk::with(asynchronous(echo));
    for _ in 0..3 {
        talk.send("one").send(b"2").expect("one | [50]");
    }
    for _ in 0..500 {
        talk.socket.send("many");
    }
    let all = vec!["many"; 500].join(" | ");
    talk.pass(Duration::ZERO).expect(&all);
    talk.socket.close(CloseCode::NORMAL, "");
    talk.pass(Duration::ZERO).expect("close 1000 | end");
    expect_log("ended");
    talk.expect_end();
}

#[test]
fn returning_closes_well_and_failing_does_not() {
    for (how, close) in [("return", 1000), ("fail", 1011), ("panic", 1011)] {
        let mut talk = obey();
        talk.send("hello").expect("hello");
        talk.send(how).expect(&format!("close {close}"));
        talk.expect_end();
    }
    expect_log("");
}

#[test]
fn a_close_of_the_handlers_is_answered_and_then_told() {
    let mut talk = obey();
    talk.send("close");
    expect_log("");
    talk.expect("close 1012 done").expect_end();
    expect_log("closed");
}

#[test]
fn a_broken_connection_is_an_error_and_there_is_time_to_tidy_up() {
    let mut talk = obey();
    talk.socket.connection().finish();
    talk.pass(Duration::ZERO).expect("end");
    talk.pass(SECOND);
    expect_log("broken: the connection is closed: the connection was gone | tidied up");
    let Talk { mut client, socket } = obey();
    drop(socket);
    client.run(SECOND).expect("the core runs");
    expect_log("broken: the connection is closed: the connection was gone | tidied up");
}

#[test]
fn a_handler_that_waits_for_something_else_is_cancelled_at_once() {
    DROPPED.set(0);
    let mut talk = obey();
    talk.send("sleep").pass(SECOND);
    let before = DROPPED.get();
    talk.socket.connection().finish();
    talk.pass(Duration::ZERO).expect("end");
    assert_eq!(DROPPED.get(), before + 1);
    expect_log("");
    let mut talk = obey();
    talk.send("sleep").pass(SECOND);
    let before = DROPPED.get();
    talk.socket.close(CloseCode::NORMAL, "");
    talk.pass(Duration::ZERO).expect("close 1000 | end");
    assert_eq!(DROPPED.get(), before + 1);
}

#[test]
fn a_handler_that_does_not_listen_holds_its_client_back() {
    async fn deaf(ctx: Context) -> Result {
        let mut socket = ctx.websocket_with(&Options::default().max_message_bytes(1 << 20))?;
        time::sleep(10 * SECOND).await;
        let (mut count, mut bytes) = (0, 0);
        while let Some(message) = socket.receive().await? {
            (count, bytes) = (count + 1, bytes + message.len());
            if count == 300 {
                socket.send(format!("{count} of {bytes}")).await?;
            }
        }
        Ok(())
    }
    for bytes in [10, 100_000] {
        let mut talk = Talk::with(asynchronous(deaf));
        let message = vec![b'x'; bytes];
        for _ in 0..300 {
            talk.socket.send(&message[..]);
        }
        talk.pass(5 * SECOND).expect("");
        talk.pass(6 * SECOND)
            .expect(&format!("300 of {}", 300 * bytes));
    }
    const { assert!(INBOX_MESSAGES_MAX < 300) };
}

#[test]
fn a_handler_that_sends_too_fast_waits_for_its_client() {
    async fn fast(ctx: Context) -> Result {
        let mut socket = ctx.websocket()?;
        socket.receive().await?;
        for number in 0..1000 {
            socket.send(format!("{number:->1024}")).await?;
            LOG.set(vec![number.to_string()]);
        }
        Ok(())
    }
    let mut talk = Talk::with(asynchronous(fast));
    talk.socket.connection().pause(true);
    talk.send("begin");
    let sent: u32 = LOG.with_borrow(|log| log[0].parse().expect("a number"));
    assert!((60..300).contains(&sent), "{sent} before it had to wait");
    talk.socket.connection().pause(false);
    let mut count = 0;
    for _ in 0..200 {
        talk.pass(Duration::ZERO);
        count += talk.socket.read().len();
    }
    assert_eq!(count, 1001, "and a close frame");
}

#[test]
fn receiving_may_be_dropped_while_it_waits() {
    async fn both(ctx: Context) -> Result {
        let mut socket = ctx.websocket()?;
        loop {
            let patience = time::sleep(SECOND);
            let message = {
                let mut receiving = pin!(socket.receive());
                let mut patience = pin!(patience);
                std::future::poll_fn(|cx| match patience.as_mut().poll(cx) {
                    Poll::Ready(()) => Poll::Ready(None),
                    Poll::Pending => receiving.as_mut().poll(cx).map(Some),
                })
                .await
            };
            match message {
                None => socket.send("tick").await?,
                Some(Ok(Some(message))) => socket.send(message).await?,
                Some(Ok(None)) => return Ok(()),
                Some(Err(error)) => return Err(error),
            }
        }
    }
    let mut talk = Talk::with(asynchronous(both));
    talk.pass(SECOND / 2)
        .send("a")
        .pass(SECOND * 7 / 10)
        .expect("a");
    talk.pass(SECOND).expect("tick");
    talk.send("b").send("c").expect("b | c");
}

#[test]
fn a_socket_may_outlive_its_handler() {
    async fn hand_over(ctx: Context) -> Result {
        let socket = ctx.websocket()?;
        drop(crate::spawn(answer(socket)));
        Ok(())
    }
    async fn answer(mut socket: WebSocket) {
        while let Ok(Some(message)) = socket.receive().await {
            socket.send(message).await.expect("it is open");
        }
        log("the task ended");
    }
    let mut talk = Talk::with(asynchronous(hand_over));
    for _ in 0..300 {
        talk.socket.send("hello");
    }
    talk.pass(Duration::ZERO);
    talk.expect(&vec!["hello"; 300].join(" | "));
    talk.socket.connection().finish();
    talk.pass(Duration::ZERO).expect("end");
    expect_log("the task ended");
    // The handler and its record are gone meanwhile.
    assert_eq!(talk.client.http().core().counts.contexts_kept.get(), 0);
}

#[test]
fn a_handlers_time_ends_at_the_upgrade_and_not_before() {
    async fn slow(ctx: Context) -> Result {
        time::sleep(SECOND * 20).await;
        let mut socket = ctx.websocket()?;
        time::sleep(SECOND * 200).await;
        socket.send("at last").await?;
        socket.receive().await?;
        Ok(())
    }
    let mut client = start(asynchronous(slow));
    let mut socket = client
        .get("/ws")
        .websocket_after(21 * SECOND)
        .expect("a socket");
    for _ in 0..20 {
        client.run(10 * SECOND).expect("the core runs");
        let words = heard(&mut socket);
        if words.ends_with("at last") {
            return;
        }
        assert!(["", "ping"].contains(&words.as_str()), "{words}");
    }
    panic!("it never came");
}

#[test]
fn onions_go_on_behind_a_socket() {
    async fn onion(ctx: Context, next: Next) {
        let outcome = next.run(&ctx).await;
        log(format!("{outcome:?} {}", ctx.status()));
    }
    let mut talk = Talk::with(asynchronous(echo).wrap(onion));
    talk.send("hello").expect("hello");
    talk.socket.close(CloseCode::NORMAL, "");
    talk.pass(Duration::ZERO);
    expect_log("ended | Answered 101 Switching Protocols");
}

#[test]
fn a_bad_handshake_is_answered_through_the_handlers_error() {
    let mut client = start(asynchronous(echo));
    let answer = client.get("/ws").send().expect("an answer");
    assert_eq!(answer.status(), 426);
    assert_eq!(answer.header("Sec-WebSocket-Version"), Some("13"));
}
