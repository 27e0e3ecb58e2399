//! Tests that input arrives in order when buffers run out, and that unread input stops receiving.

use std::cell::{Cell, RefCell};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use ringlane_reactor::{Config, ConnectionWaker, Intent, Io};

use super::stand::{PATIENCE, RealRing, Stand, echo, exchange, pattern, script, take_into_output};

on_both_drivers! {
    connections_that_find_no_buffer_get_all_their_bytes_in_order
    floods_come_in_large_pieces
    more_floods_than_large_buffers_arrive_all_the_same
    every_one_of_several_floods_gets_on
    floods_that_are_taken_with_their_memory_arrive_whole
    input_that_nobody_takes_stays_with_the_peer_and_arrives_later
    a_hang_up_is_seen_while_input_is_held_back
    a_peer_that_has_finished_is_still_answered
}

/// Two buffers among fifty: most receives end without one. Nothing in this reactor has a deadline
/// within the test's patience, so that it goes on only because buffers come home.
fn connections_that_find_no_buffer_get_all_their_bytes_in_order<R: RealRing>() {
    const CLIENTS: u64 = 50;
    let config = Config {
        buffers: 2,
        buffer_bytes: 64,
        large_buffers: 2,
        large_buffer_bytes: 64,
        write_timeout: 10 * PATIENCE,
        ..Config::default()
    };
    let mut stand = Stand::<R, _>::new(config, script(echo));
    let clients: Vec<TcpStream> = (0..CLIENTS).map(|_| stand.client()).collect();
    stand.serve(|| {
        let messages = (0..CLIENTS).map(|seed| pattern(seed, 8 * 1024));
        let messages: Vec<_> = messages.collect();
        // Piece by piece, so that all of them talk at the same time.
        for piece in 0..8 {
            for (mut client, message) in clients.iter().zip(&messages) {
                let piece = &message[piece * 1024..(piece + 1) * 1024];
                client.write_all(piece).expect("sending");
            }
        }
        for (client, message) in clients.iter().zip(&messages) {
            assert_eq!(exchange(client, b""), *message);
        }
    });
    stand.turn_until_idle();
    stand.check_nothing_is_held();
    if R::DRIVER == ringlane_reactor::cores::Driver::Uring {
        let starved = stand.reactor.metrics().starved.get();
        assert!(starved > 0, "two buffers were enough: this proves nothing");
    }
}

/// A long message in pieces of 256 bytes would be 16,384 completions.
fn floods_come_in_large_pieces<R: RealRing>() {
    let config = Config {
        buffer_bytes: 256,
        ..Config::default()
    };
    let mut stand = Stand::<R, _>::new(config, script(echo));
    let message = pattern(7, 4 * 1024 * 1024);
    let client = stand.client();
    stand.serve(|| {
        assert!(exchange(&client, &message) == message, "not what was sent");
    });
    let completions = stand.reactor.ring().facts().completions;
    assert!(completions < 4096, "{completions} completions");
    stand.turn_until_idle();
    stand.check_nothing_is_held();
}

/// Whoever takes memory from the ring keeps it; later receives go into other memory.
fn floods_that_are_taken_with_their_memory_arrive_whole<R: RealRing>() {
    let config = Config {
        buffer_bytes: 256,
        large_buffers: 2,
        large_buffer_bytes: 4096,
        ..Config::default()
    };
    let all = Rc::new(RefCell::new(Vec::new()));
    let (kept, copied) = (Rc::clone(&all), Rc::new(Cell::new(0)));
    let count = Rc::clone(&copied);
    let take = move |(): &mut (), io: &mut Io<'_>| {
        let len = io.input.bytes().len();
        let piece = io.input.take(len).unwrap_or_else(|| {
            count.set(count.get() + len);
            let piece = BytesMut::from(io.input.bytes());
            io.input.consume(len);
            piece
        });
        kept.borrow_mut().push(piece);
        match io.peer_finished {
            true => Intent::Finish,
            false => Intent::Continue,
        }
    };
    let mut stand = Stand::<R, _>::new(config, script(take));
    let message = pattern(11, 1024 * 1024);
    let client = stand.client();
    stand.serve(|| assert_eq!(exchange(&client, &message), b""));
    assert!(all.borrow().concat() == message, "not what was sent");
    let copied = copied.get();
    assert!(copied < message.len() / 2, "{copied} bytes were copied");
    stand.turn_until_idle();
    stand.check_nothing_is_held();
}

fn more_floods_than_large_buffers_arrive_all_the_same<R: RealRing>() {
    const CLIENTS: u64 = 20;
    let config = Config {
        buffer_bytes: 256,
        large_buffers: 2,
        large_buffer_bytes: 1024,
        ..Config::default()
    };
    let mut stand = Stand::<R, _>::new(config, script(echo));
    let clients: Vec<TcpStream> = (0..CLIENTS).map(|_| stand.client()).collect();
    stand.serve(|| {
        std::thread::scope(|scope| {
            for (seed, client) in clients.iter().enumerate() {
                scope.spawn(move || {
                    let message = pattern(seed as u64, 64 * 1024);
                    assert!(exchange(client, &message) == message, "client {seed}");
                });
            }
        });
    });
    stand.turn_until_idle();
    stand.check_nothing_is_held();
}

/// Whoever is served first takes every buffer there is.
fn every_one_of_several_floods_gets_on<R: RealRing>() {
    const CLIENTS: usize = 9;
    const ENOUGH: usize = 512 * 1024;
    let config = Config {
        buffer_bytes: 256,
        large_buffers: 2,
        large_buffer_bytes: 4096,
        ..Config::default()
    };
    let read: [AtomicUsize; CLIENTS] = Default::default();
    let read = Arc::new(read);
    let counts = Arc::clone(&read);
    // Each client sends its own number over and over.
    let count = move |(): &mut (), io: &mut Io<'_>| {
        if let Some(&client) = io.input.bytes().first() {
            counts[usize::from(client)].fetch_add(io.input.bytes().len(), Ordering::Relaxed);
        }
        io.input.consume(io.input.bytes().len());
        match io.peer_finished {
            true => Intent::Finish,
            false => Intent::Continue,
        }
    };
    let mut stand = Stand::<R, _>::new(config, script(count));
    let clients: Vec<TcpStream> = (0..CLIENTS).map(|_| stand.client()).collect();
    let is_over = AtomicBool::new(false);
    stand.serve(|| {
        std::thread::scope(|scope| {
            for (number, client) in clients.iter().enumerate() {
                let is_over = &is_over;
                scope.spawn(move || {
                    let flood = [number as u8; 64 * 1024];
                    let patience = Some(Duration::from_millis(100));
                    client.set_write_timeout(patience).expect("a valid time");
                    let mut client = client;
                    while !is_over.load(Ordering::Relaxed) {
                        let _ = client.write(&flood); // it may have to wait
                    }
                    client.shutdown(Shutdown::Write).expect("a connection");
                });
            }
            let began = Instant::now();
            let has_enough = |one: &AtomicUsize| one.load(Ordering::Relaxed) >= ENOUGH;
            while !read.iter().all(has_enough) && began.elapsed() < Duration::from_secs(20) {
                std::thread::sleep(Duration::from_millis(1));
            }
            is_over.store(true, Ordering::Relaxed);
            assert!(
                read.iter().all(has_enough),
                "somebody gets nothing: {read:?}"
            );
        });
    });
    stand.turn_until_idle();
    stand.check_nothing_is_held();
}

/// An application that takes nothing until it is told to, then echoes.
#[derive(Clone, Default)]
struct Holding {
    takes: Rc<Cell<bool>>,
    calls: Rc<Cell<usize>>,
    /// The most input that was ever shown.
    shown_max: Rc<Cell<usize>>,
    hung_up: Rc<Cell<bool>>,
    waker: Rc<Cell<Option<ConnectionWaker>>>,
}

impl Holding {
    fn step(&self, io: &mut Io<'_>) -> Intent {
        self.calls.set(self.calls.get() + 1);
        self.hung_up.set(io.hung_up);
        assert!(!io.peer_finished || io.hung_up);
        self.waker.set(Some(io.waker()));
        let shown = io.input.bytes().len();
        self.shown_max.set(self.shown_max.get().max(shown));
        if !self.takes.get() {
            return Intent::Continue;
        }
        echo(&mut (), io)
    }

    fn go_on(&self) {
        self.takes.set(true);
        self.waker.get().expect("a connection is there").wake();
    }
}

/// Little room for input, and that room in bytes: what may wait, and one burst. There are more
/// buffers than one turn fills: it is not for the lack of them that receiving stops.
fn little_room() -> (Config, usize) {
    let config = Config {
        input_bytes_max: 4096,
        buffers: 64,
        buffer_bytes: 256,
        large_buffer_bytes: 64 * 256, // no more than the burst
        ..Config::default()
    };
    let room = config.input_bytes_max + usize::from(config.buffers) * 256;
    (config, room)
}

fn input_that_nobody_takes_stays_with_the_peer_and_arrives_later<R: RealRing>() {
    let (config, room) = little_room();
    let message = pattern(1, 10 * 1024 * 1024);
    let holding = Holding::default();
    let step = holding.clone();
    let mut stand = Stand::<R, _>::new(config, script(move |_: &mut (), io| step.step(io)));
    let client = stand.client();
    let (mut sender, sent) = (client.try_clone().expect("a duplicate"), message.clone());
    let sender = std::thread::spawn(move || {
        sender.write_all(&sent).expect("sending");
        sender.shutdown(Shutdown::Write).expect("the end");
    });
    stand.turn_until("input to fill its room", |_| {
        holding.shown_max.get() > config.input_bytes_max
    });
    // The receive that was armed ends, and no other begins: nothing more is shown.
    let pause = || std::thread::sleep(Duration::from_millis(50));
    stand.serve(pause);
    let (calls, shown) = (holding.calls.get(), holding.shown_max.get());
    assert!(shown <= room, "{shown} bytes wait where {room} may");
    stand.serve(pause);
    assert_eq!(holding.calls.get(), calls, "it was called for nothing");
    assert_eq!(holding.shown_max.get(), shown);
    assert!(!holding.hung_up.get());
    assert!(!sender.is_finished(), "10 MiB have gone: where to?");
    holding.go_on();
    let mut answer = Vec::new();
    stand.serve(|| (&client).read_to_end(&mut answer).expect("the answer"));
    sender.join().expect("all was sent");
    assert!(answer == message, "what came back is not what was sent");
    stand.turn_until_idle();
    stand.check_nothing_is_held();
}

fn a_hang_up_is_seen_while_input_is_held_back<R: RealRing>() {
    let (config, room) = little_room();
    let message = pattern(2, 3 * room); // it fits into the kernel, with its end
    // The receive is ending, or has ended and made place for a wait for the hang-up.
    for pause in [Duration::ZERO, Duration::from_millis(30)] {
        let holding = Holding::default();
        let step = holding.clone();
        let mut stand = Stand::<R, _>::new(config, script(move |_: &mut (), io| step.step(io)));
        let mut client = stand.client();
        client.write_all(&message).expect("sending");
        stand.turn_until("input to fill its room", |_| {
            holding.shown_max.get() > config.input_bytes_max
        });
        if !pause.is_zero() {
            stand.serve(|| std::thread::sleep(pause));
        }
        assert!(!holding.hung_up.get());
        client.shutdown(Shutdown::Write).expect("the end");
        stand.turn_until("the hang-up", |_| holding.hung_up.get());
        assert!(holding.shown_max.get() <= room);
        holding.go_on();
        let mut answer = Vec::new();
        stand.serve(|| client.read_to_end(&mut answer).expect("the answer"));
        assert!(answer == message, "what came back is not what was sent");
        stand.turn_until_idle();
        stand.check_nothing_is_held();
    }
}

fn a_peer_that_has_finished_is_still_answered<R: RealRing>() {
    let step = |count: &mut usize, io: &mut Io<'_>| {
        *count += take_into_output(io);
        if !io.peer_finished {
            return Intent::Continue;
        }
        io.output.buffer().extend(count.to_string().bytes());
        Intent::Finish
    };
    let mut stand = Stand::<R, _>::new(Config::default(), script(step));
    let clients: Vec<TcpStream> = (0..3).map(|_| stand.client()).collect();
    stand.serve(|| {
        let [one, two, three] = &clients[..] else {
            unreachable!("three were made")
        };
        assert_eq!(exchange(one, b"hello"), b"hello5");
        assert_eq!(exchange(two, b""), b"0");
        let long = pattern(3, 100_000);
        assert_eq!(exchange(three, &long), [&long[..], b"100000"].concat());
    });
    stand.turn_until_idle();
    stand.check_nothing_is_held();
}
