//! Silence, lifetimes, close frames that nobody answers, and shutting down.

use std::cell::RefCell;
use std::time::Duration;

use super::{SECOND, Talk, echo_server, heard, server};
use crate::websocket::{CloseCode, CloseReason, Handler, Message, Options, Socket};
use crate::{Context, Result};

thread_local! {
    static ENDS: RefCell<Vec<CloseReason>> = const { RefCell::new(Vec::new()) };
}

/// Closes when it is asked to, and notes how it ends.
struct Noting;

impl Handler for Noting {
    type State = ();

    fn on_open(&self, _: &Context, _: &Socket) -> Result {
        Ok(())
    }

    fn on_message(&self, (): &mut (), socket: &Socket, _: Message<'_>) {
        socket.close(CloseCode::NORMAL, "");
    }

    fn on_close(&self, (): (), _: &Socket, reason: CloseReason) {
        ENDS.with_borrow_mut(|ends| ends.push(reason));
    }
}

fn noting(options: Options) -> Talk {
    Talk::with(server().websocket_with("/ws", options, Noting))
}

#[test]
fn silence_is_asked_about_and_then_believed() {
    let mut talk = noting(Options::default());
    talk.pass(59 * SECOND).expect("");
    talk.pass(2 * SECOND).expect("ping"); // answered by the expectation
    talk.pass(58 * SECOND).expect("");
    talk.pass(3 * SECOND).expect("ping");
    talk.socket.connection().pause(true);
    talk.pass(121 * SECOND);
    assert_eq!(ENDS.take(), [CloseReason::Idle]);
    talk.pass(60 * SECOND);
    assert_eq!(talk.client.connections(), 0);
}

#[test]
fn half_a_frame_is_a_sign_of_life_too() {
    let mut talk = noting(Options::default().idle_timeout(10 * SECOND));
    let frame = b"\x81\x8a\0\0\0\0abcdefghij";
    for byte in frame {
        talk.pass(4 * SECOND).expect("");
        talk.socket.connection().send([*byte]);
        talk.pass(Duration::ZERO);
    }
    talk.expect("close 1000");
}

#[test]
fn silence_may_last_for_ever_if_it_is_allowed() {
    let mut talk = Talk::with(echo_server(Options::default().idle_timeout(Duration::ZERO)));
    talk.pass(24 * 3600 * SECOND).expect("");
    talk.send("still here").expect("still here");
}

#[test]
fn a_lifetime_ends_with_1001() {
    let mut talk = noting(Options::default().max_lifetime(10 * SECOND));
    talk.pass(9 * SECOND).expect("");
    talk.pass(2 * SECOND).expect("close 1001").expect_end();
    assert_eq!(ENDS.take(), [CloseReason::Lifetime]);
}

#[test]
fn a_close_frame_that_nobody_answers_is_not_waited_for_long() {
    let mut talk = noting(Options::default());
    talk.send("close");
    let raw = talk.socket.connection().read(); // and no answer
    assert!(raw.ends_with(b"\x88\x02\x03\xe8"), "{raw:?}");
    talk.pass(4 * SECOND);
    assert!(!talk.socket.connection().is_finished());
    talk.pass(2 * SECOND);
    assert!(talk.socket.connection().is_finished());
    let code = CloseCode::NORMAL;
    assert_eq!(ENDS.take(), [CloseReason::Server { code }]);
}

#[test]
fn a_shutdown_closes_each_socket_at_its_own_time() {
    let mut talk = noting(Options::default());
    let mut others: Vec<_> = (0..9)
        .map(|_| talk.client.get("/ws").websocket().expect("a socket"))
        .collect();
    talk.client.shut_down(10 * SECOND);
    let mut closed_at = Vec::new();
    let mut sockets = vec![&mut talk.socket];
    sockets.extend(&mut others);
    for second in 0..=5 {
        let mut count = 0;
        for socket in &mut sockets {
            match heard(socket).as_str() {
                "" | "end" => {}
                words => {
                    assert_eq!(words, "close 1001");
                    count += 1;
                }
            }
        }
        closed_at.push(count);
        // The last one ends the server.
        let _ = talk.client.run(SECOND);
        let _ = second;
    }
    let early: usize = closed_at[..3].iter().sum();
    let total: usize = closed_at.iter().sum();
    assert_eq!(total, 10, "{closed_at:?}");
    assert!((2..=8).contains(&early), "all at once: {closed_at:?}");
    assert_eq!(ENDS.take(), vec![CloseReason::ShutDown; 10]);
}

#[test]
fn a_stop_tells_handlers_and_nobody_else() {
    let talk = noting(Options::default());
    drop(talk.client);
    assert_eq!(ENDS.take(), [CloseReason::ShutDown]);
}
