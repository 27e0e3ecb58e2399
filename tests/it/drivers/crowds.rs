//! Tests more operations than queues hold, and more connections than slots.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use ringlane_reactor::{Config, Intent, Io, Letter, cores};
use rustix::process::{Resource, getrlimit, setrlimit};

use super::stand::{
    PATIENCE, RealRing, Stand, alone, client, descriptors, echo, exchange, pattern, ping, script,
    watch,
};

on_both_drivers! {
    two_thousand_connections_at_once_lose_nothing
    tens_of_thousands_of_completions_at_once_lose_nothing
    five_thousand_short_connections_leave_nothing_behind
}

/// Sockets of this test, both ends of each, and some to spare.
fn allow_descriptors(count: u64) {
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current.is_some_and(|current| current < count) {
        limit.current = limit
            .maximum
            .map_or(Some(count), |maximum| Some(maximum.min(count)));
        setrlimit(Resource::Nofile, limit).expect("raising one's own limit");
    }
    let allowed = getrlimit(Resource::Nofile).current;
    assert!(
        allowed.is_none_or(|allowed| allowed >= count),
        "this test needs {count} descriptors: raise RLIMIT_NOFILE (ulimit -Hn)"
    );
}

fn two_thousand_connections_at_once_lose_nothing<R: RealRing>() {
    const CLIENTS: u64 = 2000;
    allow_descriptors(2 * CLIENTS + 200);
    let mut stand = Stand::<R, _>::new(Config::default(), script(echo_and_part));
    let clients: Vec<TcpStream> = (0..CLIENTS).map(|_| stand.client()).collect();
    let message = |round, client| format!("{round} {client}").into_bytes();
    for round in 0..3 {
        // All of it is there before the reactor looks at any.
        for (index, mut client) in clients.iter().enumerate() {
            client.write_all(&message(round, index)).expect("sending");
        }
        stand.serve(|| {
            for (index, mut client) in clients.iter().enumerate() {
                let mut answer = vec![0; message(round, index).len()];
                client.read_exact(&mut answer).expect("the answer");
                assert_eq!(answer, message(round, index));
            }
        });
    }
    // All are told at once that it is over, and all answer in that turn.
    let sent = stand.reactor.post().send(Letter::Drain(PATIENCE));
    sent.expect("the mailbox is empty");
    let parting = std::thread::spawn(move || {
        for mut client in clients {
            let mut last = Vec::new();
            client.read_to_end(&mut last).expect("the last answer");
            assert_eq!(last, b"bye");
        }
    });
    let _watched = watch("parting");
    while stand.turn() {}
    parting.join().expect("everybody was told");
    let facts = stand.reactor.ring().facts();
    if R::DRIVER == cores::Driver::Uring {
        assert!(
            facts.submissions_full > 0,
            "there was room: this proves nothing"
        );
    }
    stand.check_nothing_is_held();
}

/// Echoes; at the end of the core it says a last word.
fn echo_and_part(_: &mut (), io: &mut Io<'_>) -> Intent {
    let intent = echo(&mut (), io);
    if !io.draining {
        return intent;
    }
    io.output.buffer().extend_from_slice(b"bye");
    Intent::Finish
}

fn tens_of_thousands_of_completions_at_once_lose_nothing<R: RealRing>() {
    const CLIENTS: usize = 1000;
    const MESSAGES: usize = 25;
    const MESSAGE: usize = 64;
    allow_descriptors(2 * CLIENTS as u64 + 200);
    let config = Config {
        buffers: 32_768,
        buffer_bytes: MESSAGE as u32, // each message is a completion
        large_buffer_bytes: MESSAGE as u32,
        ..Config::default()
    };
    let mut stand = Stand::<R, _>::new(config, script(echo));
    let clients: Vec<TcpStream> = (0..CLIENTS).map(|_| stand.client()).collect();
    let metrics = stand.reactor.metrics();
    stand.turn_until("accepting", |_| metrics.accepted.get() == CLIENTS as u64);
    let before = metrics.completions.get();
    for (seed, mut client) in clients.iter().enumerate() {
        client
            .write_all(&pattern(seed as u64, MESSAGES * MESSAGE))
            .expect("sending");
    }
    stand.serve(|| {
        for (seed, client) in clients.iter().enumerate() {
            let expected = pattern(seed as u64, MESSAGES * MESSAGE);
            assert_eq!(exchange(client, b""), expected, "client {seed}");
        }
    });
    let completions = metrics.completions.get() - before;
    let least = (CLIENTS * MESSAGES) as u64;
    assert!(completions >= least, "{completions} completions only");
    stand.turn_until_idle();
    stand.check_nothing_is_held();
}

/// Connects, says something, and goes: in good order, abruptly, or without a word.
fn come_and_go(address: SocketAddr, thread: u64, count: u64) {
    for number in 0..count {
        let client = client(address);
        let message = pattern(thread * count + number, 1 + number as usize % 300);
        match number % 5 {
            0 => assert_eq!(exchange(&client, &message), message),
            1 => {
                // The answer lies unread when it goes: the server is sent a reset.
                (&client).write_all(&message).expect("sending");
            }
            2 => {}
            _ => ping(&client, &message),
        }
    }
}

fn five_thousand_short_connections_leave_nothing_behind<R: RealRing>() {
    const THREADS: u64 = 4;
    const EACH: u64 = 1250;
    alone(|| {
        let mut stand = Stand::<R, _>::new(Config::default(), script(echo));
        let address = stand.address;
        stand.serve(|| come_and_go(address, 0, 10));
        stand.turn_until_idle();
        let before = descriptors();
        let metrics = stand.reactor.metrics();
        let accepted = metrics.accepted.get();
        stand.serve(|| {
            std::thread::scope(|scope| {
                for thread in 0..THREADS {
                    scope.spawn(move || come_and_go(address, thread, EACH));
                }
            });
        });
        stand.turn_until("the last connections to come", |_| {
            metrics.accepted.get() == accepted + THREADS * EACH
        });
        stand.turn_until_idle();
        stand.check_nothing_is_held();
        assert_eq!(descriptors(), before, "a descriptor is held");
        drop(stand);
        assert!(descriptors() < before, "the ring's own are still open");
    });
}
