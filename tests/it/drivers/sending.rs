//! Tests that output arrives whole at slow readers, or the connection is given up.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use bytes::Bytes;
use ringlane_reactor::{CloseReason, Config, Intent, Io, PIECE_BYTES_MIN, PIECES_PER_SEND_MAX};

use super::stand::{PATIENCE, RealRing, Stand, alone, client, exchange, pattern, script};

on_both_drivers! {
    a_long_answer_in_one_piece_reaches_a_slow_reader
    a_long_answer_in_many_pieces_reaches_a_slow_reader
    an_application_is_told_once_its_output_has_gone
    a_peer_that_reads_nothing_is_given_up
    a_peer_that_reads_slowly_and_steadily_is_kept
    a_lingering_close_delivers_the_answer_while_the_peer_still_sends
    a_lingering_close_delivers_the_answer_when_input_was_held_back
    a_peer_that_never_stops_sending_is_not_lingered_for
    a_lingering_close_needs_no_kernel_worker
    a_long_last_answer_reaches_a_peer_that_reads_once_it_has_sent_all
    a_slow_last_upload_is_waited_for_longer_than_a_silent_peer
}

const LONG: usize = 10 * 1024 * 1024;

/// Reads all, a little at a time, as one who is busy with other things.
fn read_slowly(mut client: &TcpStream) -> Vec<u8> {
    let mut all = Vec::new();
    let mut piece = vec![0; 100_000];
    loop {
        let count = client.read(&mut piece).expect("the answer");
        if count == 0 {
            return all;
        }
        all.extend_from_slice(&piece[..count]);
        if all.len() % 7 == 0 {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

/// Has an application answer at length, in so many sends if none were short, and a slow reader
/// compare.
fn answers_whole<R: RealRing>(answer: &[u8], sends: u64, write: impl Fn(&mut Io<'_>)) {
    let step = |_: &mut (), io: &mut Io<'_>| {
        if !io.peer_finished {
            return Intent::Continue;
        }
        write(io);
        Intent::Finish
    };
    let mut stand = Stand::<R, _>::new(Config::default(), script(step));
    let address = stand.address;
    let before = stand.reactor.ring().facts().completions;
    let received = stand.serve(|| {
        let client = client(address);
        rustix::net::sockopt::set_socket_recv_buffer_size(&client, 16 * 1024).expect("an option");
        client.shutdown(Shutdown::Write).expect("the end");
        read_slowly(&client)
    });
    assert!(received == answer, "what arrived is not what was written");
    stand.turn_until_idle();
    let completions = stand.reactor.ring().facts().completions - before;
    let others = 3; // an accept, a receive, and the clients' last word
    assert!(
        completions > sends + others,
        "no send was short: this proves nothing"
    );
    stand.check_nothing_is_held();
}

fn a_long_answer_in_one_piece_reaches_a_slow_reader<R: RealRing>() {
    let answer = pattern(1, LONG);
    answers_whole::<R>(&answer, 1, |io| {
        io.output.buffer().extend_from_slice(&answer)
    });
}

fn a_long_answer_in_many_pieces_reaches_a_slow_reader<R: RealRing>() {
    let answer = Bytes::from(pattern(2, LONG));
    // More pieces than one send takes, none as long as another, and short ones between.
    let mut cuts = Vec::new();
    let mut left = LONG;
    while left > 0 {
        let long = (PIECE_BYTES_MIN + 997 * (cuts.len() % 90)).min(left);
        let short = (13 * cuts.len()).min(left - long);
        cuts.push((long, short));
        left -= long + short;
    }
    let sends = 2 * cuts.len() / PIECES_PER_SEND_MAX;
    assert!(sends >= 2, "{} pieces", 2 * cuts.len());
    answers_whole::<R>(&answer, sends as u64, |io| {
        let mut rest = answer.clone();
        for &(long, short) in &cuts {
            io.output.append(rest.split_to(long));
            io.output.buffer().extend_from_slice(&rest.split_to(short));
        }
    });
}

fn an_application_is_told_once_its_output_has_gone<R: RealRing>() {
    const PIECES: usize = 40;
    let step = |pieces: &mut usize, io: &mut Io<'_>| {
        if !io.peer_finished {
            return Intent::Continue;
        }
        assert_eq!(io.output.len(), 0, "told too early");
        if *pieces == PIECES {
            return Intent::Finish;
        }
        io.output
            .buffer()
            .extend(pattern(*pieces as u64, 256 * 1024));
        io.wake_when_drained();
        *pieces += 1;
        Intent::Continue
    };
    let mut stand = Stand::<R, _>::new(Config::default(), script(step));
    let client = stand.client();
    let received = stand.serve(|| {
        client.shutdown(Shutdown::Write).expect("the end");
        read_slowly(&client)
    });
    let expected = (0..PIECES).flat_map(|piece| pattern(piece as u64, 256 * 1024));
    assert!(received.into_iter().eq(expected));
}

fn a_peer_that_reads_nothing_is_given_up<R: RealRing>() {
    let config = Config {
        write_timeout: Duration::from_millis(100),
        ..Config::default()
    };
    let step = |_: &mut (), io: &mut Io<'_>| {
        io.input.consume(io.input.bytes().len());
        io.output.append(Bytes::from(vec![1; 16 * 1024 * 1024]));
        Intent::Continue
    };
    let mut stand = Stand::<R, _>::new(config, script(step));
    let mut client = stand.client();
    client.write_all(b"much, please").expect("sending");
    let started = Instant::now();
    let metrics = stand.reactor.metrics();
    stand.turn_until("giving a peer up", |_| metrics.write_timeouts.get() == 1);
    assert!(started.elapsed() >= config.write_timeout);
    stand.turn_until_idle();
    let took = started.elapsed();
    assert!(took < Duration::from_secs(5), "it took {took:?}");
    assert_eq!(
        stand.reactor.application().closed,
        [CloseReason::WriteTimedOut]
    );
    stand.check_nothing_is_held();
    // The kernel keeps nothing for it either: what it had queued is dropped, and the peer reset.
    assert_eq!(kernel_holds(stand.address), 0);
    let mut read = Vec::new();
    let error = client.read_to_end(&mut read).expect_err("it was reset");
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
}

/// How many bytes the kernel has queued for peers of this port, closed connections included.
fn kernel_holds(address: std::net::SocketAddr) -> u64 {
    let table = std::fs::read_to_string("/proc/self/net/tcp").expect("the kernel's connections");
    let port = format!(":{:04X}", address.port());
    let mut held = 0;
    for line in table.lines().skip(1) {
        // sl, local address, remote address, state, queue to send:queue received, …
        let fields: Vec<&str> = line.split_whitespace().collect();
        let (local, state, queues) = (fields[1], fields[3], fields[4]);
        if local.ends_with(&port) && state != "0A" {
            let queued = queues.split(':').next().expect("two numbers");
            held += u64::from_str_radix(queued, 16).expect("a number");
        }
    }
    held
}

/// The kernel lets a send that waits go on when a third of its buffer is free. This reader needs
/// several times the time-out for that, and never pauses.
fn a_peer_that_reads_slowly_and_steadily_is_kept<R: RealRing>() {
    let config = Config {
        write_timeout: Duration::from_millis(600),
        ..Config::default()
    };
    let step = |_: &mut (), io: &mut Io<'_>| {
        if io.input.bytes().is_empty() {
            return Intent::Continue;
        }
        io.input.consume(io.input.bytes().len());
        io.output.append(Bytes::from(vec![1; 16 * 1024 * 1024]));
        Intent::Continue
    };
    let mut stand = Stand::<R, _>::new(config, script(step));
    let mut client = stand.client();
    rustix::net::sockopt::set_socket_recv_buffer_size(&client, 16 * 1024).expect("an option");
    client.write_all(b"much, please").expect("sending");
    let metrics = stand.reactor.metrics();
    let read = stand.serve(|| {
        let (started, mut read) = (Instant::now(), 0);
        while started.elapsed() < 5 * config.write_timeout {
            read += client.read(&mut [0; 2048]).expect("it is not given up");
            std::thread::sleep(Duration::from_millis(10));
        }
        read
    });
    assert_eq!(metrics.write_timeouts.get(), 0, "after {read} bytes");
    assert_eq!(stand.reactor.connections(), 1);
    // Then it stops: that ends it in time.
    let stopped = Instant::now();
    stand.turn_until("giving a peer up", |_| metrics.write_timeouts.get() == 1);
    let took = stopped.elapsed();
    assert!(took < Duration::from_secs(5), "it took {took:?}");
    stand.turn_until_idle();
    stand.check_nothing_is_held();
}

/// Refuses at the first bytes and has nothing to do with the rest.
fn refuse(_: &mut (), io: &mut Io<'_>) -> Intent {
    io.input.consume(io.input.bytes().len());
    io.output.buffer().extend_from_slice(b"no");
    Intent::Linger
}

fn a_lingering_close_delivers_the_answer_while_the_peer_still_sends<R: RealRing>() {
    let config = Config {
        linger_bytes_max: 4 * 1024 * 1024,
        ..Config::default()
    };
    let mut stand = Stand::<R, _>::new(config, script(refuse));
    let clients: Vec<TcpStream> = (0..10).map(|_| stand.client()).collect();
    stand.serve(|| {
        for client in &clients {
            // A reset would fail the sending, or lose the answer.
            assert_eq!(exchange(client, &pattern(1, 1024 * 1024)), b"no");
        }
    });
    stand.turn_until_idle();
    stand.check_nothing_is_held();
    assert_eq!(
        stand.reactor.application().closed,
        [CloseReason::Finished; 10]
    );
}

fn a_lingering_close_delivers_the_answer_when_input_was_held_back<R: RealRing>() {
    let config = Config {
        input_bytes_max: 1024,
        buffers: 2,
        buffer_bytes: 1024,
        ..Config::default()
    };
    let step = |_: &mut (), io: &mut Io<'_>| {
        if !io.hung_up {
            return Intent::Continue; // takes nothing: soon no more is received
        }
        assert!(
            !io.peer_finished,
            "nothing is left with the kernel: this proves nothing"
        );
        io.output.buffer().extend_from_slice(b"no");
        Intent::Linger
    };
    let mut stand = Stand::<R, _>::new(config, script(step));
    let client = stand.client();
    let answer = stand.serve(|| exchange(&client, &pattern(1, 40_000)));
    assert_eq!(answer, b"no");
    stand.turn_until_idle();
    stand.check_nothing_is_held();
}

/// Sends all before it reads, and does not say that it was all.
fn send_then_read(mut client: &TcpStream, bytes: &[u8]) -> Vec<u8> {
    client.write_all(bytes).expect("sending");
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).expect("the answer");
    answer
}

fn a_long_last_answer_reaches_a_peer_that_reads_once_it_has_sent_all<R: RealRing>() {
    let answer = pattern(3, LONG);
    let step = |_: &mut (), io: &mut Io<'_>| {
        io.input.consume(io.input.bytes().len());
        io.output.buffer().extend_from_slice(&answer);
        Intent::Linger
    };
    let mut stand = Stand::<R, _>::new(Config::default(), script(step));
    let client = stand.client();
    let received = stand.serve(|| {
        let received = send_then_read(&client, &pattern(1, 2 * LONG));
        drop(client);
        received
    });
    assert!(received == answer, "what arrived is not what was written");
    stand.turn_until_idle();
    stand.check_nothing_is_held();
}

fn a_slow_last_upload_is_waited_for_longer_than_a_silent_peer<R: RealRing>() {
    let config = Config {
        linger_timeout: Duration::from_millis(500),
        ..Config::default()
    };
    let mut stand = Stand::<R, _>::new(config, script(refuse));
    let client = stand.client();
    let answer = stand.serve(|| {
        let started = Instant::now();
        while started.elapsed() < config.linger_timeout * 2 {
            (&client).write_all(b"more").expect("sending");
            std::thread::sleep(Duration::from_millis(20));
        }
        exchange(&client, b"the last")
    });
    assert_eq!(answer, b"no");
    stand.turn_until_idle();
    stand.check_nothing_is_held();
}

fn a_peer_that_never_stops_sending_is_not_lingered_for<R: RealRing>() {
    let config = Config {
        linger_bytes_max: 64 * 1024,
        linger_timeout: Duration::from_secs(60),
        ..Config::default()
    };
    let mut stand = Stand::<R, _>::new(config, script(refuse));
    let client = stand.client();
    stand.serve(|| {
        let piece = [0; 4096];
        let bytes = (0..).take_while(|_| (&client).write_all(&piece).is_ok());
        let bytes = bytes.map(|_| piece.len()).take(100_000).sum::<usize>();
        assert!(bytes < 100 * 1024 * 1024, "{bytes} bytes were taken");
    });
    stand.turn_until_idle();
    stand.check_nothing_is_held();
    drop(client);

    // The same for one who sends nothing and does not go: only time ends it.
    let config = Config {
        linger_timeout: Duration::from_millis(100),
        ..config
    };
    let mut stand = Stand::<R, _>::new(config, script(refuse));
    let mut client = stand.client();
    client.write_all(b"x").expect("sending");
    let started = Instant::now();
    stand.turn_until("a connection to come", |stand| {
        stand.reactor.connections() == 1
    });
    stand.turn_until_idle();
    let took = started.elapsed();
    assert!(
        (config.linger_timeout..PATIENCE).contains(&took),
        "{took:?}"
    );
}

/// `IORING_OP_SHUTDOWN` always runs on a worker thread of the kernel's, which takes longer and
/// fails where the process may have no more threads.
fn a_lingering_close_needs_no_kernel_worker<R: RealRing>() {
    alone(|| {
        let mut stand = Stand::<R, _>::new(Config::default(), script(refuse));
        let clients: Vec<TcpStream> = (0..10).map(|_| stand.client()).collect();
        stand.serve(|| {
            for client in &clients {
                assert_eq!(exchange(client, b"hello"), b"no");
            }
        });
        stand.turn_until_idle();
        stand.check_nothing_is_held();
        let tasks = std::fs::read_dir("/proc/self/task").expect("this process's threads");
        let names =
            tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok());
        let workers: Vec<String> = names.filter(|name| name.starts_with("iou-wrk")).collect();
        assert_eq!(
            workers, [""; 0],
            "workers live for 5 s after their last operation"
        );
    });
}
