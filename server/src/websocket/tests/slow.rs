//! Clients that take less than they are sent.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use super::{SECOND, Talk, echo_server, server, word};
use crate::testing::Received;
use crate::websocket::{
    CloseReason, DeflateConfig, Handler, Message, Options, Sent, SlowClient, Socket,
};
use crate::{Context, Result};

const KIB: usize = 1024;

thread_local! {
    static SENT: RefCell<Vec<Sent>> = const { RefCell::new(Vec::new()) };
    static DRAINED: Cell<u32> = const { Cell::new(0) };
    static OPEN: RefCell<Option<Socket>> = const { RefCell::new(None) };
    static END: RefCell<Option<CloseReason>> = const { RefCell::new(None) };
}

/// Answers a number by so many messages of 1 KiB, each beginning with its own number.
struct Flood;

impl Handler for Flood {
    type State = ();

    fn on_open(&self, _: &Context, socket: &Socket) -> Result {
        OPEN.set(Some(socket.clone()));
        Ok(())
    }

    fn on_message(&self, (): &mut (), socket: &Socket, message: Message<'_>) {
        let count: u32 = message
            .text()
            .and_then(|text| text.parse().ok())
            .unwrap_or(0);
        for number in 0..count {
            let sent = socket.send(numbered(number));
            SENT.with_borrow_mut(|all| all.push(sent));
        }
    }

    fn on_drain(&self, (): &mut (), socket: &Socket) {
        assert_eq!(socket.backlog(), 0);
        DRAINED.set(DRAINED.get() + 1);
    }

    fn on_close(&self, (): (), _: &Socket, reason: CloseReason) {
        END.set(Some(reason));
    }
}

fn numbered(number: u32) -> String {
    format!("{number:->1024}")
}

fn flood(options: Options) -> Talk {
    let mut talk = Talk::with(server().websocket_with("/ws", options, Flood));
    talk.socket.connection().pause(true);
    talk.pass(Duration::ZERO);
    talk
}

/// Reads again until nothing more comes; gives the numbers of the messages.
fn rest(talk: &mut Talk) -> Vec<String> {
    talk.socket.connection().pause(false);
    let mut numbers = Vec::new();
    loop {
        talk.pass(Duration::ZERO);
        let heard = talk.socket.read();
        if heard.is_empty() {
            return numbers;
        }
        numbers.extend(heard.iter().map(|received| match received {
            Received::Message(Message::Text(text)) => text.trim_start_matches('-').to_owned(),
            other => word(other),
        }));
    }
}

fn expected(range: std::ops::Range<u32>) -> Vec<String> {
    range.map(|number| number.to_string()).collect()
}

#[test]
fn the_newest_are_dropped_and_the_sender_is_told() {
    let mut talk = flood(Options::default());
    talk.send("100");
    let sent = SENT.take();
    // 1028 bytes each: the 64th reaches the maximum of 64 KiB, and is taken all the same.
    assert_eq!(sent[..63], [Sent::Sent; 63]);
    assert_eq!(sent[63], Sent::Buffered);
    assert_eq!(sent[64..], [Sent::Dropped; 36]);
    assert_eq!(rest(&mut talk), expected(0..64));
    assert_eq!(DRAINED.take(), 1);
    talk.send("1");
    assert_eq!(SENT.take(), [Sent::Sent]);
    assert_eq!(rest(&mut talk), expected(0..1));
    assert_eq!(DRAINED.take(), 0);
}

#[test]
fn more_may_wait_if_it_is_allowed() {
    let mut talk = flood(Options::default().max_backpressure(256 * KIB));
    talk.send("200");
    assert_eq!(SENT.take(), [Sent::Sent; 200]);
    assert_eq!(rest(&mut talk), expected(0..200));
    assert_eq!(DRAINED.take(), 0);
}

#[test]
fn the_oldest_are_dropped_if_that_is_wanted() {
    for deflate in [None, Some(DeflateConfig::DEDICATED)] {
        let options = Options::default()
            .max_backpressure(128 * KIB)
            .slow_client(SlowClient::DropOldest)
            .compression(deflate);
        let mut talk = flood(options);
        talk.send("300");
        let sent = SENT.take();
        assert!(!sent.contains(&Sent::Dropped));
        assert_eq!(sent[299], Sent::Buffered);
        let numbers = rest(&mut talk);
        // What had been handed over could not be taken back; of the rest the newest are there.
        let gap = numbers
            .iter()
            .position(|number| number == "299")
            .expect("the newest");
        assert_eq!(gap + 1, numbers.len());
        assert_eq!(numbers[..63], expected(0..63)[..]);
        let count = numbers.len() as u32;
        assert!((100..=130).contains(&count), "{count}");
        assert_eq!(numbers[64..], expected(300 - (count - 64)..300)[..]);
        assert_eq!(DRAINED.take(), 1);
    }
}

#[test]
fn a_slow_client_is_closed_if_that_is_wanted() {
    let options = Options::default()
        .max_backpressure(128 * KIB)
        .slow_client(SlowClient::Close);
    let mut talk = flood(options);
    talk.send("200");
    let sent = SENT.take();
    let first = sent.iter().position(|one| *one == Sent::Dropped);
    let first = first.expect("one too many");
    assert_eq!(sent[first - 1], Sent::Buffered);
    assert!(sent[first..].iter().all(|one| *one == Sent::Dropped));
    let mut numbers = rest(&mut talk);
    assert_eq!(numbers.pop().expect("a close frame"), "close 1013 too slow");
    assert_eq!(numbers[..], expected(0..numbers.len() as u32)[..]);
    assert!(numbers.len() < first, "what waited was dropped");
    talk.expect_end();
    assert_eq!(END.take(), Some(CloseReason::Slow));
}

#[test]
fn an_echo_to_a_client_that_does_not_read_loses_nothing() {
    let mut talk = Talk::with(echo_server(Options::default()));
    talk.socket.connection().pause(true);
    for number in 0..1000 {
        talk.send(numbered(number));
    }
    assert_eq!(rest(&mut talk), expected(0..1000));
}

#[test]
fn a_maximum_of_one_byte_lets_one_message_pass_at_a_time() {
    let mut talk = Talk::with(echo_server(Options::default().max_backpressure(1)));
    for number in 0..20 {
        talk.socket.send(numbered(number));
    }
    assert_eq!(rest(&mut talk), expected(0..20));
}

#[test]
fn a_client_that_reads_nothing_at_all_is_given_up() {
    let mut talk = flood(Options::default().max_backpressure(256 * KIB));
    talk.send("250");
    talk.pass(40 * SECOND);
    assert_eq!(END.take(), Some(CloseReason::Slow));
    assert_eq!(talk.client.connections(), 0);
}

#[test]
fn pings_of_a_client_that_reads_nothing_do_not_pile_up() {
    for burst in [1, 10, 1000] {
        let mut talk = flood(Options::default());
        talk.send("100");
        let socket = OPEN.take().expect("it is open");
        assert!(socket.backlog() >= 64 * KIB);
        for number in 1..=10_000 {
            talk.socket.ping(&[b'p'; 125]);
            if number % burst == 0 {
                talk.pass(Duration::ZERO);
                let backlog = socket.backlog();
                assert!(
                    backlog <= (64 + 16) * KIB,
                    "{backlog} bytes, {burst} at once"
                );
            }
        }
        let numbers = rest(&mut talk);
        let pongs = numbers.iter().filter(|word| *word == "pong").count();
        assert!((1..10_000).contains(&pongs), "{pongs} pongs");
        assert_eq!(numbers.len() - pongs, 64);
    }
}
