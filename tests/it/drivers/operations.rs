//! What a driver owes for each operation, without a reactor above it: every one that is pushed
//! completes once for all, and brings back what it was lent.

use std::collections::HashSet;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use ringlane_reactor::{
    Buffer, Completion, Config, Generation, Loan, Op, OpKind, Outgoing, Ring, Room, Slot, Socket,
    Token, Wait, cores,
};
use rustix::io::Errno;

use super::stand::{RealRing, alone, descriptors, listener};

on_both_drivers! {
    a_receive_ends_once_whether_bytes_or_its_cancel_come_first
    a_blocked_send_comes_back_when_it_is_cancelled
    a_send_to_a_peer_that_is_gone_fails_without_a_signal
    an_accept_that_is_cancelled_loses_no_connection
    what_is_not_in_flight_cannot_be_cancelled
    a_receive_without_a_buffer_says_so_and_works_again_after
    every_one_of_twenty_thousand_operations_completes
    a_ring_that_is_dropped_lets_go_of_everything_at_once
}

fn token(kind: OpKind, slot: u32) -> Token {
    Token::new(kind, Slot::new(slot), Generation::default())
}

fn negated(errno: Errno) -> i32 {
    -errno.raw_os_error()
}

fn pair() -> (Socket, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let far = TcpStream::connect(listener.local_addr().expect("an address")).expect("connecting");
    let (near, _) = listener.accept().expect("a connection");
    (OwnedFd::from(near).into(), far)
}

fn single(bytes: Vec<u8>) -> Outgoing {
    Outgoing::Single {
        buffer: bytes,
        sent: 0,
    }
}

/// Everything that completes until nothing has for a while.
fn settle<R: Ring>(ring: &mut R) -> Vec<Completion> {
    let wait = Wait::AtMost(Duration::from_millis(10));
    let mut all = Vec::new();
    loop {
        let before = all.len();
        // Twice: what is there already may come without a look at what is new.
        for _ in 0..2 {
            ring.submit_and_wait(wait).expect("the ring is of use");
            all.extend(std::iter::from_fn(|| ring.next_completion()));
        }
        if all.len() == before {
            return all;
        }
    }
}

/// The results of one kind, without their memory.
fn results(completions: &[Completion], kind: OpKind) -> Vec<(i32, bool)> {
    let of_kind = completions.iter().filter(|one| one.token.kind == kind);
    of_kind.map(|one| (one.result, one.more)).collect()
}

fn take_home<R: Ring>(ring: &mut R, completions: Vec<Completion>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for completion in completions {
        if let Loan::Buffer(buffer) = completion.loan {
            bytes.extend_from_slice(&ring.bytes(&buffer));
            ring.recycle(buffer);
        }
    }
    bytes
}

fn a_receive_ends_once_whether_bytes_or_its_cancel_come_first<R: RealRing>() {
    let mut ring = <R as RealRing>::open(&Config::default());
    for (round, bytes_first) in [true, false].repeat(5).into_iter().enumerate() {
        let (near, mut far) = pair();
        let slot = round as u32;
        let target = token(OpKind::Receive, slot);
        ring.push(
            Op::Receive {
                socket: near,
                room: Room::Small,
            },
            target,
        );
        assert!(settle(&mut ring).is_empty());
        if bytes_first {
            far.write_all(b"hello").expect("sending");
            ring.push(Op::Cancel { target }, token(OpKind::Cancel, slot));
        } else {
            ring.push(Op::Cancel { target }, token(OpKind::Cancel, slot));
            ring.submit_and_wait(Wait::NotAtAll)
                .expect("the ring is of use");
            far.write_all(b"hello").expect("sending");
        }
        let all = settle(&mut ring);
        let received = results(&all, OpKind::Receive);
        let (last, before) = received.split_last().expect("it ends");
        assert_eq!(*last, (negated(Errno::CANCELED), false), "{bytes_first}");
        assert!(
            before.iter().all(|&(count, more)| count > 0 && more),
            "{received:?}"
        );
        assert_eq!(results(&all, OpKind::Cancel), [(0, false)]);
        let early = take_home(&mut ring, all);

        // What did not come before the end is there for the next.
        ring.push(
            Op::Receive {
                socket: near,
                room: Room::Small,
            },
            target,
        );
        let all = settle(&mut ring);
        let late = take_home(&mut ring, all);
        assert_eq!([early, late].concat(), b"hello");
        drop(far);
        let all = settle(&mut ring);
        assert_eq!(results(&all, OpKind::Receive), [(0, false)]);
        ring.close(near, Some(Slot::new(slot)));
        assert_eq!(ring.facts().buffers_lent, 0);
    }
}

/// Sends until the socket takes no more; the last send is left in flight.
fn block<R: Ring>(ring: &mut R, socket: Socket, slot: u32) {
    for _ in 0..100 {
        let bytes = single(vec![7; 1 << 20]);
        ring.push(Op::Send { socket, bytes }, token(OpKind::Send, slot));
        if settle(ring).is_empty() {
            return;
        }
    }
    panic!("the socket takes everything");
}

fn a_blocked_send_comes_back_when_it_is_cancelled<R: RealRing>() {
    let mut ring = <R as RealRing>::open(&Config::default());
    let (near, far) = pair();
    block(&mut ring, near, 0);
    let target = token(OpKind::Send, 0);
    ring.push(Op::Cancel { target }, token(OpKind::Cancel, 0));
    let mut all = settle(&mut ring);
    assert_eq!(
        results(&all, OpKind::Send),
        [(negated(Errno::CANCELED), false)]
    );
    assert_eq!(results(&all, OpKind::Cancel), [(0, false)]);
    all.retain(|one| one.token.kind == OpKind::Send);
    let Some(Loan::Outgoing(bytes)) = all.pop().map(|one| one.loan) else {
        panic!("what was lent did not come back")
    };
    assert_eq!(bytes.left(), 1 << 20);
    drop(far);
    ring.close(near, None);
}

fn a_send_to_a_peer_that_is_gone_fails_without_a_signal<R: RealRing>() {
    let mut ring = <R as RealRing>::open(&Config::default());
    let (near, far) = pair();
    block(&mut ring, near, 0);
    drop(far); // what it has not read makes this a reset
    let reset = results(&settle(&mut ring), OpKind::Send);
    let [(result, false)] = reset[..] else {
        panic!("{reset:?}")
    };
    let gone = [Errno::CONNRESET, Errno::PIPE].map(negated);
    assert!(gone.contains(&result), "{result}");
    ring.push(
        Op::Send {
            socket: near,
            bytes: single(b"again".to_vec()),
        },
        token(OpKind::Send, 0),
    );
    let again = results(&settle(&mut ring), OpKind::Send);
    assert_eq!(again, [(negated(Errno::PIPE), false)]);
    ring.close(near, None);
}

fn an_accept_that_is_cancelled_loses_no_connection<R: RealRing>() {
    let mut ring = <R as RealRing>::open(&Config::default());
    let (socket, address) = listener();
    let target = token(OpKind::Accept, 0);
    let mut accepted = 0;
    for round in 0..20 {
        ring.push(Op::Accept { listener: socket }, target);
        if round % 2 == 0 {
            ring.submit_and_wait(Wait::NotAtAll)
                .expect("the ring is of use");
        }
        let clients: Vec<_> = (0..3).map(|_| super::stand::client(address)).collect();
        ring.push(Op::Cancel { target }, token(OpKind::Cancel, 0));
        for (result, more) in results(&settle(&mut ring), OpKind::Accept) {
            if !more && result < 0 {
                assert_eq!(result, negated(Errno::CANCELED));
                continue;
            }
            assert!(result >= 0);
            accepted += 1;
        }
        while let Some(connection) = ring.accept_now(socket).expect("there are descriptors") {
            ring.close(connection, None);
            accepted += 1;
        }
        drop(clients);
    }
    assert_eq!(accepted, 60);
    ring.close(socket, None);
}

fn what_is_not_in_flight_cannot_be_cancelled<R: RealRing>() {
    let mut ring = <R as RealRing>::open(&Config::default());
    let (near, _far) = pair();
    for kind in OpKind::ALL {
        let target = token(kind, 0);
        ring.push(Op::Cancel { target }, token(OpKind::Cancel, 1));
        let all = settle(&mut ring);
        assert_eq!(
            results(&all, OpKind::Cancel),
            [(negated(Errno::NOENT), false)]
        );
    }
    // Another life of the same slot is another operation.
    ring.push(
        Op::Receive {
            socket: near,
            room: Room::Small,
        },
        token(OpKind::Receive, 0),
    );
    let next = Generation::default().next();
    let target = Token::new(OpKind::Receive, Slot::new(0), next);
    ring.push(Op::Cancel { target }, token(OpKind::Cancel, 1));
    let all = settle(&mut ring);
    assert_eq!(all.len(), 1);
    assert_eq!(
        results(&all, OpKind::Cancel),
        [(negated(Errno::NOENT), false)]
    );
    ring.join();
    ring.close(near, None);
}

fn a_receive_without_a_buffer_says_so_and_works_again_after<R: RealRing>() {
    let config = Config {
        buffers: 2,
        buffer_bytes: 64,
        ..Config::default()
    };
    let mut ring = <R as RealRing>::open(&config);
    let (near, mut far) = pair();
    ring.push(
        Op::Receive {
            socket: near,
            room: Room::Small,
        },
        token(OpKind::Receive, 0),
    );
    far.write_all(&[1; 3 * 64]).expect("sending");
    let all = settle(&mut ring);
    let expected = [(64, true), (64, true), (negated(Errno::NOBUFS), false)];
    assert_eq!(results(&all, OpKind::Receive), expected);
    let held: Vec<Buffer> = all
        .into_iter()
        .filter_map(|one| match one.loan {
            Loan::Buffer(buffer) => Some(buffer),
            Loan::Outgoing(_) | Loan::Nothing => None,
        })
        .collect();
    assert_eq!(ring.facts().buffers_lent, 2);
    held.into_iter().for_each(|buffer| ring.recycle(buffer));
    ring.push(
        Op::Receive {
            socket: near,
            room: Room::Small,
        },
        token(OpKind::Receive, 0),
    );
    let all = settle(&mut ring);
    assert_eq!(results(&all, OpKind::Receive), [(64, true)]);
    take_home(&mut ring, all);
    assert_eq!(ring.facts().buffers_lent, 0);
    ring.join();
    ring.close(near, None);
}

/// More than both queues of a ring hold, pushed at one go.
fn every_one_of_twenty_thousand_operations_completes<R: RealRing>() {
    const COUNT: u32 = 20_000;
    let mut ring = <R as RealRing>::open(&Config::default());
    let before = ring.facts().completions;
    for slot in 0..COUNT {
        let target = token(OpKind::Receive, slot);
        ring.push(Op::Cancel { target }, token(OpKind::Cancel, slot));
    }
    let all = settle(&mut ring);
    let names: HashSet<_> = all.iter().map(|one| one.token.pack()).collect();
    assert_eq!((all.len(), names.len()), (COUNT as usize, COUNT as usize));
    assert!(all.iter().all(|one| one.result == negated(Errno::NOENT)));
    let facts = ring.facts();
    assert_eq!(facts.completions - before, u64::from(COUNT));
    if R::DRIVER == cores::Driver::Uring {
        assert!(
            facts.submissions_full > 0,
            "there was room: this proves nothing"
        );
        assert!(
            facts.completions_overflowed > 0,
            "there was room: this proves nothing"
        );
    }
}

fn a_ring_that_is_dropped_lets_go_of_everything_at_once<R: RealRing>() {
    alone(|| {
        let before = descriptors();
        let mut ring = <R as RealRing>::open(&Config::default());
        let (listening, address) = listener();
        ring.push(
            Op::Accept {
                listener: listening,
            },
            token(OpKind::Accept, 0),
        );
        ring.push(Op::Notice, token(OpKind::Notice, 0));
        let pairs: Vec<_> = (0..10).map(|_| pair()).collect();
        for (slot, (near, _)) in (0..).zip(&pairs) {
            block(&mut ring, *near, slot);
            ring.push(
                Op::Receive {
                    socket: *near,
                    room: Room::Small,
                },
                token(OpKind::Receive, slot),
            );
            ring.push(Op::HangUp { socket: *near }, token(OpKind::HangUp, slot));
        }
        assert!(settle(&mut ring).is_empty());
        // These are accepted, received and never looked at.
        let late: Vec<_> = (0..10).map(|_| super::stand::client(address)).collect();
        for (_, far) in &pairs {
            (&mut &*far).write_all(b"hello").expect("sending");
        }
        let started = Instant::now();
        drop(ring);
        let took = started.elapsed();
        assert!(took < Duration::from_secs(2), "it took {took:?}");
        // The memory that was lent is free, the descriptors are the caller's: both ends of the
        // pairs, the listener and the clients are all that is left.
        assert_eq!(descriptors(), before + 2 * pairs.len() + 1 + late.len());
        for (_, mut far) in pairs {
            assert!(far.read(&mut [0; 100]).expect("bytes that had gone") > 0);
        }
    });
}
