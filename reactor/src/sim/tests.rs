//! The simulated ring keeps the seam's rules, and has them kept.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use super::*;
use crate::completion::{Completion, Loan};
use crate::op::{Op, Outgoing, Room};
use crate::ring::{Buffer, Ring, Wait};
use crate::token::{Generation, Slot, Token};

const SECOND: Duration = Duration::from_secs(1);

/// A ring with one accepted connection on slot 0, and nothing in between.
struct Bench {
    world: World,
    ring: SimRing,
    listener: Socket,
    client: Client,
    socket: Socket,
}

impl Bench {
    fn new(faults: Faults) -> Self {
        let world = World::scripted();
        let config = Config {
            buffers: 2,
            buffer_bytes: 64,
            ..Config::default()
        };
        let mut ring = world.ring(&config);
        let listener = world.listen();
        let client = world.connect(listener);
        ring.push(Op::Accept { listener }, token(OpKind::Accept));
        let accepted = turn(&mut ring);
        let [
            Completion {
                result,
                more: false,
                ..
            },
        ] = accepted[..]
        else {
            panic!("one connection is accepted: {accepted:?}");
        };
        ring.push(Op::Accept { listener }, token(OpKind::Accept)); // the next
        ring.submit_and_wait(Wait::NotAtAll)
            .expect("a simulated wait never fails");
        world.set_faults(faults);
        let socket = Socket::from_raw(result);
        Self {
            world,
            ring,
            listener,
            client,
            socket,
        }
    }

    fn push(&mut self, op: Op) {
        let (kind, _) = flight::describe(&op);
        self.ring.push(op, token(kind));
    }

    fn receive(&mut self) {
        let socket = self.socket;
        self.push(Op::Receive {
            socket,
            room: Room::Small,
        });
    }

    fn send(&mut self, bytes: &[u8]) {
        let (socket, buffer) = (self.socket, bytes.to_vec());
        let bytes = Outgoing::Single { buffer, sent: 0 };
        self.push(Op::Send { socket, bytes });
    }

    fn close(&mut self) {
        self.ring.close(self.socket, Some(Slot::new(0)));
    }

    /// The results of one wait, and the bytes that came.
    fn turn(&mut self) -> (Vec<i32>, Vec<u8>) {
        self.wait_for(Wait::AtMost(SECOND))
    }

    fn wait_for(&mut self, wait: Wait) -> (Vec<i32>, Vec<u8>) {
        let (mut results, mut bytes) = (Vec::new(), Vec::new());
        for completion in wait_for(&mut self.ring, wait) {
            results.push(completion.result);
            if let Loan::Buffer(buffer) = completion.loan {
                bytes.extend_from_slice(&self.ring.bytes(&buffer));
                self.ring.recycle(buffer);
            }
        }
        (results, bytes)
    }
}

fn token(kind: OpKind) -> Token {
    Token::new(kind, Slot::new(0), Generation::default())
}

fn turn(ring: &mut SimRing) -> Vec<Completion> {
    wait_for(ring, Wait::AtMost(SECOND))
}

fn wait_for(ring: &mut SimRing, wait: Wait) -> Vec<Completion> {
    ring.submit_and_wait(wait)
        .expect("a simulated wait never fails");
    std::iter::from_fn(|| ring.next_completion()).collect()
}

/// Checks that `act` ends the run with a message that names the rule.
#[track_caller]
fn check_rule(rule: &str, act: impl FnOnce(&mut Bench)) {
    let mut bench = Bench::new(Faults::none());
    let caught = catch_unwind(AssertUnwindSafe(|| act(&mut bench)));
    let payload = caught.expect_err("the rule was broken and nobody cared");
    let message = payload
        .downcast_ref::<String>()
        .expect("a panic with a message");
    assert!(message.contains(rule), "{message}");
}

#[test]
fn who_breaks_a_rule_of_the_seam_is_told_which() {
    check_rule("two sends of one connection", |bench| {
        bench.send(b"one");
        let buffer = b"two".to_vec();
        let (socket, bytes) = (bench.socket, Outgoing::Single { buffer, sent: 0 });
        let other_life = Generation::default().next();
        let name = Token::new(OpKind::Send, Slot::new(0), other_life);
        bench.ring.push(Op::Send { socket, bytes }, name);
    });
    check_rule("bear the name", |bench| {
        bench.receive();
        bench.receive();
    });
    check_rule("is not one for", |bench| {
        let (socket, room) = (bench.socket, Room::Small);
        let op = Op::Receive { socket, room };
        bench.ring.push(op, token(OpKind::Send));
    });
    check_rule("which is closed", |bench| {
        bench.close();
        bench.receive();
    });
    check_rule("is closed while", |bench| {
        bench.receive();
        bench.close();
    });
    check_rule("is closed while", |bench| {
        bench.send(b"x");
        bench
            .ring
            .submit_and_wait(Wait::NotAtAll)
            .expect("a simulated wait never fails");
        bench.close(); // it is sent, but its completion was not taken
    });
    check_rule("is closed while", |bench| {
        bench.push(Op::Cancel {
            target: token(OpKind::Receive),
        });
        bench.close();
    });
    check_rule("is closed while", |bench| {
        bench.receive();
        bench.ring.close(bench.socket, None);
    });
    check_rule("is closed twice", |bench| {
        bench.close();
        bench.close();
    });
    check_rule("given back while it was not lent", |bench| {
        let (ring, id, len) = (bench.ring.buffers.ring(), 1, 1);
        bench.ring.recycle(Buffer { ring, id, len });
    });
    check_rule("read while it was not lent", |bench| {
        let (ring, id, len) = (bench.ring.buffers.ring(), 0, 1);
        bench.ring.bytes(&Buffer { ring, id, len });
    });
}

#[test]
fn a_send_that_takes_all_at_once_ends_no_wait() {
    let mut bench = Bench::new(Faults::none());
    let began = bench.world.now();
    bench.send(b"answer");
    assert_eq!(bench.turn(), (vec![6], vec![]));
    assert_eq!(bench.world.now(), began + SECOND);
}

#[test]
fn without_faults_everything_is_whole_and_there_at_once() {
    let mut bench = Bench::new(Faults::none());
    let began = bench.world.now();
    bench.receive();
    bench.client.send(&[7; 100]);
    assert_eq!(bench.turn(), (vec![64, 36], vec![7; 100]));
    bench.send(b"answer");
    assert_eq!(bench.wait_for(Wait::NotAtAll), (vec![6], vec![]));
    assert_eq!(bench.client.read(), b"answer");
    bench.client.finish();
    assert_eq!(bench.turn(), (vec![0], vec![]));
    bench.close();
    assert_eq!(bench.wait_for(Wait::NotAtAll), (vec![], vec![]));
    assert_eq!(bench.client.link(), Link::Finished);
    assert_eq!(bench.world.now(), began);
    assert_eq!(bench.world.descriptors_open(), 1);
    assert_eq!(bench.world.operations_in_flight(), 1, "the accept");
}

#[test]
fn a_wait_lasts_until_something_happens_or_its_time_is_up() {
    let mut bench = Bench::new(Faults::none());
    let began = bench.world.now();
    assert_eq!(bench.turn(), (vec![], vec![]));
    assert_eq!(bench.world.now(), began + SECOND);
    assert!(!bench.world.is_idle());
    let (world, listener) = (bench.world.clone(), bench.listener);
    bench.world.at(began + 3 * SECOND / 2, move || {
        drop(world.connect(listener))
    });
    assert_eq!(bench.turn().0.len(), 1);
    assert_eq!(bench.world.now(), began + 3 * SECOND / 2);
    bench.world.set_horizon(began + 2 * SECOND);
    bench.turn();
    assert_eq!(bench.world.now(), began + 2 * SECOND);
    assert!(bench.world.is_idle());
}

#[test]
fn a_bell_ends_a_wait() {
    let mut bench = Bench::new(Faults::none());
    bench.push(Op::Notice);
    let bell = bench.ring.bell();
    bench
        .world
        .at(bench.world.now() + SECOND / 2, move || bell.ring());
    assert_eq!(bench.turn().0, [8]);
    bench.push(Op::Notice);
    assert_eq!(bench.turn().0, [], "it rings once");
}

#[test]
fn a_client_that_does_not_read_lets_sends_wait() {
    let mut bench = Bench::new(Faults::none());
    bench.world.set_window(4);
    bench.client.pause(true);
    bench.send(b"12345678");
    assert_eq!(bench.turn().0, [4]);
    bench.send(b"5678");
    assert_eq!(bench.turn().0, []);
    bench.client.pause(false);
    assert_eq!(bench.turn().0, [4]);
    assert_eq!(bench.client.read(), b"12345678");
}

#[test]
fn closing_with_bytes_unread_resets_the_peer() {
    let mut bench = Bench::new(Faults::none());
    bench.client.send(b"nobody reads this");
    bench.close();
    bench.turn();
    assert_eq!(bench.client.link(), Link::Reset);
    let mut bench = Bench::new(Faults::none());
    bench.close();
    bench.turn();
    assert_eq!(bench.client.link(), Link::Finished);
    bench.client.send(b"too late");
    bench.turn();
    assert_eq!(bench.client.link(), Link::Reset);
}

#[test]
fn receives_without_a_buffer_end() {
    let mut bench = Bench::new(Faults::none());
    bench.client.send(&[1; 200]);
    bench.receive();
    let mut held = Vec::new();
    let mut results = Vec::new();
    for completion in turn(&mut bench.ring) {
        results.push((completion.result, completion.more));
        held.push(completion.loan);
    }
    let no_buffer = -Errno::NOBUFS.raw_os_error();
    assert_eq!(results, [(64, true), (64, true), (no_buffer, false)]);
    assert_eq!(bench.world.buffers_lent(), 2);
    for loan in held {
        if let Loan::Buffer(buffer) = loan {
            bench.ring.recycle(buffer);
        }
    }
    bench.receive();
    assert_eq!(bench.turn(), (vec![64, 8], vec![1; 72]));
}

#[test]
fn a_cancel_and_its_target_end_in_either_order() {
    let (cancelled, not_found, already) = (
        -Errno::CANCELED.raw_os_error(),
        -Errno::NOENT.raw_os_error(),
        -Errno::ALREADY.raw_os_error(),
    );
    let ends = |faults| {
        let mut bench = Bench::new(faults);
        bench.receive();
        bench
            .ring
            .submit_and_wait(Wait::NotAtAll)
            .expect("a simulated wait never fails");
        bench.push(Op::Cancel {
            target: token(OpKind::Receive),
        });
        let mut results = bench.turn().0;
        while results.len() < 2 {
            results.extend(bench.turn().0);
        }
        results
    };
    assert_eq!(ends(Faults::none()), [cancelled, 0]);
    let mut bench = Bench::new(Faults::none());
    bench.push(Op::Cancel {
        target: token(OpKind::Receive),
    });
    assert_eq!(bench.turn().0, [not_found]);
    let races = ends(Faults {
        cancel_race: 1.0,
        ..Faults::none()
    });
    assert!(races[0] == not_found || races[0] == already, "{races:?}");
    assert_eq!(races[1], cancelled);
}

#[test]
fn a_failure_that_was_asked_for_happens_once() {
    let mut bench = Bench::new(Faults::none());
    let busy = Errno::MFILE.raw_os_error();
    bench.world.fail_next(OpKind::Accept, busy);
    let late = bench.world.connect(bench.listener);
    assert_eq!(bench.turn().0, [-busy]);
    let listener = bench.listener;
    bench.push(Op::Accept { listener });
    assert_eq!(bench.turn().0.len(), 1);
    assert_eq!(late.link(), Link::Open);
}

#[test]
fn a_listener_that_closes_resets_its_queue() {
    let mut bench = Bench::new(Faults::none());
    let target = token(OpKind::Accept);
    bench.push(Op::Cancel { target });
    bench.turn();
    let (first, second) = (
        bench.world.connect(bench.listener),
        bench.world.connect(bench.listener),
    );
    bench.ring.refuse_new(bench.listener);
    let third = bench.world.connect(bench.listener);
    let accepted = bench.ring.accept_now(bench.listener);
    assert!(accepted.expect("no fault").is_some());
    bench.ring.close(bench.listener, None);
    assert_eq!(third.link(), Link::Refused);
    assert_eq!((first.link(), second.link()), (Link::Open, Link::Reset));
}

#[test]
fn one_seed_is_one_run() {
    let run = |seed| {
        let events: Rc<RefCell<Vec<String>>> = Rc::default();
        let world = World::new(seed, Faults::all());
        let sink = Rc::clone(&events);
        world.trace(move |event| sink.borrow_mut().push(event.into()));
        let mut ring = world.ring(&Config::default());
        let listener = world.listen();
        let clients: Vec<_> = (0..20).map(|_| world.connect(listener)).collect();
        for _ in 0..50 {
            if world.operations_in_flight() == 0 {
                ring.push(Op::Accept { listener }, token(OpKind::Accept));
            }
            turn(&mut ring);
        }
        drop(clients);
        events.take()
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}

/// Nothing is said on its connections.
struct Silent;

impl crate::Application for Silent {
    type Conversation = ();

    fn opened(&mut self, _io: &mut crate::Io<'_>) {}

    fn advance(&mut self, _: &mut (), _io: &mut crate::Io<'_>) -> crate::Intent {
        crate::Intent::Continue
    }

    fn timed_out(&mut self, _: &mut (), _io: &mut crate::Io<'_>) -> crate::Intent {
        crate::Intent::Abort
    }

    fn closed(&mut self, _: (), _reason: crate::CloseReason) {}
}

#[test]
fn a_reactor_that_is_dropped_ends_what_it_has_staged_before_it_closes_sockets() {
    let (world, config) = (World::scripted(), Config::default());
    let listener = world.listen();
    let mut reactor = crate::Reactor::new(world.ring(&config), config, || Silent)
        .expect("a core is free in this process");
    reactor.listen(listener);
    let _client = world.connect(listener);
    while reactor.connections() == 0 {
        reactor.turn().expect("the ring is of use");
    }
    assert!(world.operations_in_flight() > 0, "a receive is staged");
    drop(reactor); // the ring panics if a socket is closed under an operation
    assert_eq!(world.descriptors_open(), 0);
}
