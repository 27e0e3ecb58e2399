//! What callbacks see, in what order, and what becomes of their panics and errors.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use super::{Talk, echo, echo_server, heard, server, start};
use crate::websocket::{CloseCode, CloseReason, Handler, Message, Options, Sent, Socket};
use crate::{Context, Error, Result};

thread_local! {
    static LOG: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
    static KEPT: RefCell<Option<Socket>> = const { RefCell::new(None) };
    static OPEN: Cell<i32> = const { Cell::new(0) };
}

fn log(line: impl Into<String>) {
    LOG.with_borrow_mut(|log| log.push(line.into()));
}

#[track_caller]
fn expect_log(expected: &str) {
    assert_eq!(LOG.take().join(" | "), expected);
}

/// Does as it is told by the messages, and logs what happens.
struct Obedient;

impl Handler for Obedient {
    type State = u32;

    fn on_open(&self, ctx: &Context, socket: &Socket) -> Result<u32> {
        match ctx.query::<String>("open") {
            Ok(how) if how == "refuse" => return Err(Error::new(401, "who are you?")),
            Ok(how) if how == "panic" => panic!("on purpose"),
            Ok(how) if how == "close" => socket.close(CloseCode::NORMAL, "at once"),
            _ => {}
        }
        socket.send("welcome");
        log("open");
        Ok(0)
    }

    fn on_message(&self, count: &mut u32, socket: &Socket, message: Message<'_>) {
        *count += 1;
        log(format!("message {count}"));
        match message.text() {
            Some("panic") => panic!("on purpose"),
            Some("close") => {
                socket.send("last words");
                socket.close(CloseCode::NORMAL, "as you like");
                assert_eq!(socket.send("too late"), Sent::Dropped);
            }
            Some("keep") => KEPT.set(Some(socket.clone())),
            _ => {
                socket.send(format!("{count}: {}", message.len()));
            }
        }
    }

    fn on_close(&self, count: u32, socket: &Socket, reason: CloseReason) {
        assert_eq!(socket.send("after the end"), Sent::Dropped);
        log(format!(
            "closed after {count}: {reason} ({})",
            reason.code()
        ));
        if count == 13 {
            panic!("on purpose");
        }
    }
}

fn obedient() -> Talk {
    Talk::with(server().websocket("/ws", Obedient))
}

#[test]
fn messages_come_back_in_order_of_either_kind() {
    let mut talk = Talk::with(echo_server(Options::default()));
    talk.send("one").send(b"two").send("");
    talk.expect("one | [116, 119, 111] | ");
    let long = "x".repeat(16 * 1024);
    talk.send(&long).expect("16384 bytes");
    talk.send(&(long + "x")).expect("close 1009 | end");
}

#[test]
fn what_comes_in_pieces_or_all_at_once_is_the_same() {
    let handshake = "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    let frames = b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58\x88\x80\0\0\0\0";
    let all = [handshake.as_bytes(), frames].concat();
    let mut answers = Vec::new();
    for cut in 0..=all.len() {
        let mut client = start(echo_server(Options::default()));
        let connection = client.connect();
        for part in [&all[..cut], &all[cut..]] {
            connection.send(part);
            client.run(Duration::ZERO).expect("the core runs");
        }
        assert!(connection.is_finished(), "cut at {cut}");
        answers.push(connection.read());
    }
    let mut client = start(echo_server(Options::default()));
    let connection = client.connect();
    for byte in &all {
        connection.send([*byte]);
        client.run(Duration::ZERO).expect("the core runs");
    }
    answers.push(connection.read());
    answers.dedup();
    assert_eq!(answers.len(), 1, "it depends on how the bytes came");
    let answer = &answers[0];
    assert!(answer.starts_with(b"HTTP/1.1 101 Switching Protocols\r\n"));
    assert!(answer.ends_with(b"\r\n\r\n\x81\x05Hello\x88\x00"));
}

#[test]
fn each_step_of_a_socket_is_told_once() {
    let mut talk = obedient();
    expect_log("open");
    talk.send("a").send("bc");
    talk.expect("welcome | 1: 1 | 2: 2");
    talk.socket.ping(b"are you there?");
    talk.pass(Duration::ZERO).expect("pong");
    let bye = CloseCode::new(4321).expect("a private code");
    talk.socket.close(bye, "enough");
    talk.pass(Duration::ZERO).expect("close 4321 | end");
    talk.expect_end();
    expect_log("message 1 | message 2 | closed after 2: the client closed: enough (4321)");
}

#[test]
fn a_close_of_ours_follows_what_was_sent_and_hides_what_comes() {
    let mut talk = obedient();
    talk.expect("welcome");
    talk.socket.send("close");
    talk.socket.send("not heard any more");
    talk.pass(Duration::ZERO);
    talk.expect("last words | close 1000 as you like");
    talk.expect_end();
    expect_log("open | message 1 | closed after 1: the application closed (1000)");
    // Before the handshake is answered.
    let mut client = start(server().websocket("/ws", Obedient));
    let mut socket = client.get("/ws?open=close").websocket().expect("a socket");
    assert_eq!(heard(&mut socket), "close 1000 at once");
    client.run(Duration::ZERO).expect("the core runs");
    assert_eq!(client.connections(), 0);
}

#[test]
fn a_connection_that_breaks_is_told_as_such() {
    let mut talk = obedient();
    talk.expect("welcome");
    talk.socket.connection().finish();
    talk.pass(Duration::ZERO).expect_end();
    expect_log("open | closed after 0: the connection was gone (1006)");
    let mut talk = obedient();
    talk.expect("welcome");
    talk.socket.connection().send(b"\x81\x01x"); // without a mask
    talk.pass(Duration::ZERO).expect("close 1002 | end");
    expect_log(
        "open | closed after 0: the client broke the protocol: unmasked frame from a client (1002)",
    );
    let mut talk = obedient();
    drop(talk.socket);
    talk.client.run(Duration::ZERO).expect("the core runs");
    expect_log("open | closed after 0: the connection was gone (1006)");
}

#[test]
fn a_panic_closes_its_socket_alone() {
    let mut talk = obedient();
    let mut other = talk.client.get("/ws").websocket().expect("a socket");
    talk.expect("welcome");
    talk.send("panic").expect("close 1011");
    talk.pass(Duration::ZERO);
    expect_log("open | open | message 1 | closed after 1: a callback panicked (1011)");
    assert_eq!(talk.client.http().core().counts.panics.get(), 1);
    other.send("and I?");
    talk.pass(Duration::ZERO);
    assert_eq!(heard(&mut other), "welcome | 1: 6");
    // In the closing callback.
    for _ in 0..12 {
        other.send("more");
    }
    other.close(CloseCode::NORMAL, "");
    talk.pass(Duration::ZERO);
    assert_eq!(talk.client.connections(), 0);
}

#[test]
fn an_error_or_a_panic_when_it_opens_is_an_answer() {
    let mut client = start(server().websocket("/ws", Obedient));
    for (how, status) in [("refuse", "401 Unauthorized"), ("panic", "500 Internal")] {
        let target = format!("/ws?open={how}");
        let refused = client.get(&target).websocket().expect_err("no socket");
        let text = refused.to_string();
        assert!(text.contains(status), "{text}");
        assert!(!text.contains("Sec-WebSocket-Accept"), "{text}");
    }
    expect_log("");
}

#[test]
fn a_layer_may_refuse_before_and_after() {
    let guarded = server()
        .before(|ctx: &Context| match ctx.header("Authorization") {
            Some(_) => Ok(()),
            None => Err(Error::new(401, "not you")),
        })
        .after(|ctx| {
            ctx.set_header("X-Layer", "seen");
            if ctx.query::<bool>("spoil").is_ok_and(|yes| yes) {
                ctx.set_status(503).text("spoilt");
            }
        })
        .websocket("/ws", Obedient);
    let mut client = start(guarded);
    assert!(client.get("/ws").websocket().is_err());
    expect_log("");
    let spoilt = client.get("/ws?spoil=true").header("Authorization", "me");
    let refusal = spoilt.websocket().expect_err("no socket").to_string();
    assert!(
        refusal.contains("503") && refusal.contains("spoilt"),
        "{refusal}"
    );
    assert!(!refusal.contains("Sec-WebSocket"), "{refusal}");
    expect_log("open | closed after 0: a layer refused the handshake (1006)");
    let taken = client.get("/ws").header("Authorization", "me");
    let mut socket = taken.websocket().expect("a socket");
    assert_eq!(heard(&mut socket), "welcome");
}

#[test]
fn a_handle_that_was_kept_sends_from_anywhere_and_outlives_its_socket() {
    let mut talk = obedient();
    let mut other = talk.client.get("/ws").websocket().expect("a socket");
    talk.send("keep").expect("welcome");
    let kept = KEPT.take().expect("a handle");
    let task = kept.clone();
    drop(talk.client.spawn(async move {
        task.send("from a task");
        task.send("twice");
    }));
    talk.pass(Duration::ZERO).expect("from a task | twice");
    other.send("hello");
    talk.socket.close(CloseCode::NORMAL, "");
    talk.pass(Duration::ZERO);
    assert_eq!(heard(&mut other), "welcome | 1: 5");
    assert!(!kept.is_open());
    assert_eq!(kept.send("too late"), Sent::Dropped);
    kept.close(CloseCode::NORMAL, "too late");
    let reason = kept.close_reason().expect("a reason");
    assert_eq!(reason.code(), 1000);
    talk.pass(Duration::ZERO);
}

#[test]
fn a_socket_needs_no_record_of_its_request() {
    let mut talk = Talk::with(server().websocket("/ws", echo));
    talk.send("hello").expect("hello");
    assert_eq!(talk.client.http().core().counts.contexts_kept.get(), 0);
    let answer = talk.client.get("/nowhere").send().expect("an answer");
    assert_eq!(answer.status(), 404);
}
