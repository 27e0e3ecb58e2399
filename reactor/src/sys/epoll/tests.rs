//! What is peculiar to epoll: edges, remembered readiness, bursts, and how few calls are made.
//!
//! Not here: what every driver must do (the whole-system tests run both through one suite).

use std::io::{IoSlice, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::Instant;

use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags};

use super::*;
use crate::token::{Generation, Slot};

const BUFFER_BYTES: usize = 64;

/// A ring, its side of some connections, and what it has completed so far.
struct Bench {
    ring: Epoll,
    received: Vec<u8>,
    results: Vec<(OpKind, i32, bool)>,
}

impl Bench {
    fn new() -> Self {
        let config = Config {
            buffers: 4,
            buffer_bytes: BUFFER_BYTES as u32,
            ..Config::default()
        };
        Self {
            ring: Epoll::open(&config).expect("epoll is there"),
            received: Vec::new(),
            results: Vec::new(),
        }
    }

    /// Turns until nothing more comes, and notes what came. Every turn sees at most `per_turn_max`.
    fn settle(&mut self) -> &mut Self {
        let mut idle = 0;
        while idle < 2 {
            let before = self.results.len();
            self.turn(Duration::ZERO);
            idle = if self.results.len() == before {
                idle + 1
            } else {
                0
            };
        }
        self
    }

    /// Closes a socket on which a receive may still wait for more.
    fn close(&mut self, socket: Socket) {
        self.ring.join();
        self.ring.close(socket, None);
    }

    fn turn(&mut self, timeout: Duration) {
        self.ring
            .submit_and_wait(Wait::AtMost(timeout))
            .expect("a wait");
        while let Some(completion) = self.ring.next_completion() {
            let Completion {
                token,
                result,
                more,
                loan,
            } = completion;
            self.results.push((token.kind, result, more));
            if let Loan::Buffer(buffer) = loan {
                self.received.extend_from_slice(&self.ring.bytes(&buffer));
                self.ring.recycle(buffer);
            }
        }
    }

    fn take_results(&mut self) -> Vec<(OpKind, i32, bool)> {
        std::mem::take(&mut self.results)
    }

    fn receive(&mut self, socket: Socket, slot: u32) {
        self.ring.push(
            Op::Receive {
                socket,
                room: Room::Small,
            },
            token(OpKind::Receive, slot),
        );
    }

    fn send(&mut self, socket: Socket, slot: u32, bytes: &[u8]) {
        let bytes = Outgoing::Single {
            buffer: bytes.to_vec(),
            sent: 0,
        };
        self.ring
            .push(Op::Send { socket, bytes }, token(OpKind::Send, slot));
    }

    fn enters(&self) -> u64 {
        self.ring.facts().enters
    }
}

fn token(kind: OpKind, slot: u32) -> Token {
    Token::new(kind, Slot::new(slot), Generation::default())
}

fn tcp_pair() -> (Socket, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let far = TcpStream::connect(listener.local_addr().expect("an address")).expect("connecting");
    far.set_nodelay(true).expect("an option of TCP");
    let (near, _) = listener.accept().expect("a connection");
    (OwnedFd::from(near).into(), far)
}

fn unix_pair() -> (Socket, UnixStream) {
    let (near, far) = UnixStream::pair().expect("a pair");
    (OwnedFd::from(near).into(), far)
}

#[test]
fn a_request_on_a_warm_connection_costs_one_wait() {
    let mut bench = Bench::new();
    let (near, mut far) = tcp_pair();
    bench.receive(near, 0);
    bench.settle();
    let before = bench.enters();
    for _ in 0..100 {
        far.write_all(b"request").expect("sending");
        bench.turn(Duration::from_secs(5));
        bench.send(near, 0, b"answer");
        bench.turn(Duration::from_secs(5)); // brings the send's completion, asks the kernel nothing
        far.read_exact(&mut [0; 6]).expect("an answer");
    }
    assert_eq!(bench.enters() - before, 100);
    assert_eq!(bench.received.len(), 700);
    bench.close(near);
}

#[test]
fn events_are_looked_for_however_many_completions_are_there_already() {
    let mut bench = Bench::new();
    let (near, mut far) = tcp_pair();
    bench.receive(near, 0);
    bench.settle();
    far.write_all(b"request").expect("sending");
    for _ in 0..3 {
        bench.ring.push(
            Op::Cancel {
                target: token(OpKind::Send, 9),
            },
            token(OpKind::Cancel, 9),
        );
        bench.turn(Duration::ZERO);
    }
    assert_eq!(bench.received, b"request");
    bench.close(near);
}

/// What a peer may do before it is looked at, and what must come of it: all bytes, then the end.
#[track_caller]
fn arrives_whole<F: AsFd>(pair: (Socket, F), act: impl FnOnce(&mut F) -> Vec<u8>) {
    let mut bench = Bench::new();
    let (near, mut far) = pair;
    bench.receive(near, 0);
    bench.settle();
    let sent = act(&mut far);
    bench.settle();
    assert_eq!(bench.received, sent);
    drop(far);
    bench.settle();
    assert_eq!(bench.received, sent);
    assert_eq!(bench.results.last(), Some(&(OpKind::Receive, 0, false)));
    bench.close(near);
}

#[test]
fn bytes_and_the_end_are_seen_wherever_they_fall_on_a_buffer() {
    let length = [
        1,
        BUFFER_BYTES - 1,
        BUFFER_BYTES,
        BUFFER_BYTES + 1,
        40 * BUFFER_BYTES,
    ];
    for length in length {
        let bytes: Vec<u8> = (0..length).map(|at| at as u8).collect();
        for end in [false, true] {
            arrives_whole(tcp_pair(), |far| {
                far.write_all(&bytes).expect("sending");
                if end {
                    far.shutdown(std::net::Shutdown::Write).expect("the end");
                }
                bytes.clone()
            });
            arrives_whole(unix_pair(), |far| {
                far.write_all(&bytes).expect("sending");
                if end {
                    far.shutdown(std::net::Shutdown::Write).expect("the end");
                }
                bytes.clone()
            });
        }
    }
}

#[test]
fn bytes_behind_urgent_data_do_not_wait_for_more() {
    arrives_whole(tcp_pair(), |far| {
        far.write_all(b"before").expect("sending");
        rustix::net::send(&*far, b"!", SendFlags::OOB).expect("sending out of band");
        far.write_all(b"behind").expect("sending");
        b"beforebehind".to_vec()
    });
}

#[test]
fn bytes_behind_a_passed_descriptor_do_not_wait_for_more() {
    arrives_whole(unix_pair(), |far| {
        let passed = [far.as_fd()];
        let mut space = [const { std::mem::MaybeUninit::uninit() }; 64];
        let mut control = SendAncillaryBuffer::new(&mut space);
        assert!(control.push(SendAncillaryMessage::ScmRights(&passed)));
        let flags = SendFlags::empty();
        rustix::net::sendmsg(&*far, &[IoSlice::new(b"before")], &mut control, flags)
            .expect("passing a descriptor");
        far.write_all(b"behind").expect("sending");
        b"beforebehind".to_vec()
    });
}

#[test]
fn a_connection_with_much_to_say_waits_for_its_turn() {
    let mut bench = Bench::new();
    let (loud, mut loud_far) = unix_pair();
    let (quiet, mut quiet_far) = unix_pair();
    bench.receive(loud, 0);
    bench.receive(quiet, 1);
    loud_far
        .write_all(&[1; 100 * BUFFER_BYTES])
        .expect("sending");
    quiet_far.write_all(&[2]).expect("sending");
    bench.turn(Duration::ZERO);
    assert_eq!(bench.results.len(), line::BURST_MAX as usize + 1);
    assert_eq!(bench.received.last(), Some(&2));
    bench.settle();
    assert_eq!(bench.received.len(), 100 * BUFFER_BYTES + 1);
    bench.close(loud);
    bench.close(quiet);
}

#[test]
fn what_was_told_while_nobody_asked_is_remembered() {
    let mut bench = Bench::new();
    let (near, mut far) = tcp_pair();
    bench.receive(near, 0);
    let target = token(OpKind::Receive, 0);
    bench
        .ring
        .push(Op::Cancel { target }, token(OpKind::Cancel, 0));
    bench.settle();
    let cancelled = -libc::ECANCELED;
    let ended = [
        (OpKind::Receive, cancelled, false),
        (OpKind::Cancel, 0, false),
    ];
    assert_eq!(bench.take_results(), ended);
    far.write_all(b"hello").expect("sending");
    far.shutdown(std::net::Shutdown::Write).expect("the end");
    bench.ring.bell().ring();
    bench.settle();
    assert_eq!(bench.take_results(), [], "nothing is armed");
    bench.ring.push(Op::Notice, token(OpKind::Notice, 0));
    bench
        .ring
        .push(Op::HangUp { socket: near }, token(OpKind::HangUp, 0));
    bench.receive(near, 0);
    bench.settle();
    let seen = [
        (OpKind::Notice, NOTICED, false),
        (OpKind::HangUp, HUNG_UP, false),
        (OpKind::Receive, 5, true),
        (OpKind::Receive, 0, false),
    ];
    assert_eq!(bench.take_results(), seen);
    bench.close(near);
}

#[test]
fn events_of_an_earlier_life_are_nobodys() {
    let mut bench = Bench::new();
    let (near, mut far) = tcp_pair();
    // As a process that was just forked does, this keeps the socket open after its close.
    let kept = socket::with(near, |fd| fd.try_clone_to_owned()).expect("a duplicate");
    bench.receive(near, 0);
    let target = token(OpKind::Receive, 0);
    bench
        .ring
        .push(Op::Cancel { target }, token(OpKind::Cancel, 0));
    bench.settle();
    bench.take_results();
    bench.ring.close(near, Some(Slot::new(0)));
    let (next, mut next_far) = tcp_pair();
    let next_life = |kind| Token::new(kind, Slot::new(0), Generation::default().next());
    bench.ring.push(
        Op::Receive {
            socket: next,
            room: Room::Small,
        },
        next_life(OpKind::Receive),
    );
    bench
        .ring
        .push(Op::HangUp { socket: next }, next_life(OpKind::HangUp));
    bench.settle();
    bench.take_results();
    far.write_all(b"for nobody").expect("sending");
    drop(far);
    bench.settle();
    assert_eq!(bench.take_results(), [], "the next connection goes on");
    next_far.write_all(b"hello").expect("sending");
    bench.settle();
    assert_eq!(bench.take_results(), [(OpKind::Receive, 5, true)]);
    drop(kept);
    bench.close(next);
}

#[test]
#[should_panic(expected = "two sends of one connection")]
fn a_second_send_is_our_bug() {
    let mut bench = Bench::new();
    let (near, _far) = unix_pair();
    bench.send(near, 0, &[0; 1 << 22]);
    bench.send(near, 0, &[0; 1 << 22]);
    bench.send(near, 0, b"x");
}

#[test]
fn waits_last_as_long_as_they_should_in_either_precision() {
    for precise in [true, false] {
        let mut bench = Bench::new();
        if !precise {
            bench.ring.poller.forget_precision();
        }
        for micros in [0, 300, 2_500] {
            let timeout = Duration::from_micros(micros);
            let started = Instant::now();
            bench.turn(timeout);
            let took = started.elapsed();
            assert!(took >= timeout, "{took:?} of {timeout:?}");
            assert!(took < timeout + Duration::from_secs(1), "{took:?}");
        }
        let (near, mut far) = tcp_pair();
        bench.receive(near, 0);
        far.write_all(b"x").expect("sending");
        bench.ring.submit_and_wait(Wait::ForEver).expect("a wait");
        bench.turn(Duration::ZERO);
        assert_eq!(bench.received, b"x");
        far.write_all(b"y").expect("sending");
        bench.turn(Duration::MAX); // longer than the kernel can count
        assert_eq!(bench.received, b"xy");
        bench.close(near);
    }
}
