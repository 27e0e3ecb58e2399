//! Connections that find no place: dealt to a core that has one, or waiting, up to a number.

use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::Duration;

use super::*;
use crate::accepting::ACCEPTS_MAX;
use crate::listener::BoundPath;
use crate::mailbox::Letter;
use crate::sim::{SimRing, World};
use crate::token::OpKind;
use crate::{Budget, CloseReason, Config, Epoll, Io, OverLimit};

/// Nothing is said on its connections.
struct Silent;

impl Application for Silent {
    type Conversation = ();

    fn opened(&mut self, _io: &mut Io<'_>) {}

    fn advance(&mut self, _: &mut (), _io: &mut Io<'_>) -> Intent {
        Intent::Continue
    }

    fn timed_out(&mut self, _: &mut (), _io: &mut Io<'_>) -> Intent {
        Intent::Abort
    }

    fn closed(&mut self, _: (), _reason: CloseReason) {}
}

fn core(connections_max: usize) -> Reactor<Epoll, Silent> {
    let config = Config {
        connections_max,
        ..Config::default()
    };
    let ring = Epoll::open(&config).expect("epoll is there");
    Reactor::new(ring, config, || Silent).expect("a core is free in this process")
}

/// Some turns, none of which sleeps.
fn turn(core: &mut Reactor<Epoll, Silent>) {
    for _ in 0..4 {
        let sent = core.post().send(Letter::Run(Box::new(|| ())));
        assert!(sent.is_ok(), "the mailbox is full");
        core.turn().expect("the ring is of use");
    }
}

#[test]
fn a_core_that_is_full_is_dealt_no_connection() {
    let name = format!("ringlane-dealing-{}.sock", std::process::id());
    let path = std::env::temp_dir().join(name);
    let listener = UnixListener::bind(&path).expect("a free path");
    let bound = BoundPath::new(&path).expect("it is there");
    let (mut dealer, mut other) = (core(4), core(2));
    let posts = vec![dealer.post(), other.post()];
    let socket = Socket::from(OwnedFd::from(listener));
    dealer.listen_and_deal(socket, bound.clone(), posts, 0);
    let mut clients = Vec::new();
    let mut here = Vec::new();
    for _ in 0..7 {
        clients.push(UnixStream::connect(&path).expect("connecting"));
        turn(&mut dealer);
        turn(&mut other);
        here.push((dealer.connections(), other.connections()));
    }
    let expected = [(1, 0), (1, 1), (2, 1), (2, 2), (3, 2), (4, 2), (4, 2)];
    assert_eq!(here, expected);
    assert_eq!((dealer.waiting.len(), other.waiting.len()), (1, 0));
    bound.remove();
}

#[test]
fn so_many_wait_for_a_place_and_not_one_more() {
    let (world, config) = (World::scripted(), Config::default());
    let config = Config {
        connections_max: 1,
        ..config
    };
    let listener = world.listen();
    let mut core = Reactor::new(world.ring(&config), config, || Silent)
        .expect("a core is free in this process");
    let mut clients = Vec::new();
    for _ in 0..1 + WAITING_MAX + 1 {
        clients.push(world.connect(listener));
        let connection = core.ring.accept_now(listener);
        core.admit(connection.expect("no fault").expect("one waits"));
    }
    assert_eq!(core.connections(), 1);
    assert_eq!(core.waiting.len(), WAITING_MAX);
    assert_eq!(core.metrics().refused.get(), 1);
}

/// A core with these limits, its own and one over all cores, in a world without faults.
fn simulated(
    own: usize,
    total: usize,
    over_limit: OverLimit,
) -> (Reactor<SimRing, Silent>, Budget) {
    let world = World::scripted();
    let config = Config {
        connections_max: own,
        over_limit,
        ..Config::default()
    };
    let core = Reactor::new(world.ring(&config), config, || Silent);
    let mut core = core.expect("a core is free in this process");
    let budget = Budget::new(total, 1);
    core.share_budget(budget.lease());
    (core, budget)
}

#[test]
fn a_burst_beyond_the_limit_takes_no_descriptors() {
    for (own, total) in [(PLACES_MAX, 300), (300, 1000)] {
        for over_limit in [OverLimit::Wait, OverLimit::Refuse] {
            let (mut core, _budget) = simulated(own, total, over_limit);
            let world = core.ring().world().clone();
            let listener = world.listen();
            let mut clients: Vec<_> = (0..700).map(|_| world.connect(listener)).collect();
            core.listen(listener);
            let mut most = 0;
            let until = world.now() + Duration::from_millis(200);
            world.set_horizon(until);
            while world.now() < until {
                core.turn().expect("the ring is of use");
                most = most.max(world.descriptors_open());
            }
            let beyond = match over_limit {
                OverLimit::Wait => ACCEPTS_MAX as usize,
                OverLimit::Refuse => ACCEPTS_MAX as usize + REFUSING_MAX,
            };
            assert!((300..=1 + 300 + beyond).contains(&most), "{most} are open");
            if over_limit == OverLimit::Wait {
                clients.drain(..400); // 300 that are served, and some of those that wait
                world.set_horizon(until + Duration::from_millis(200));
                core.settle().expect("the ring is of use");
                assert_eq!(core.connections(), 300, "who waits gets their places");
            }
        }
    }
}

#[test]
fn who_waits_for_a_place_on_this_core_has_one_of_all_cores() {
    let (mut core, budget) = simulated(1, 3, OverLimit::Wait);
    let world = core.ring().world().clone();
    let listener = world.listen();
    let clients: Vec<_> = (0..4).map(|_| world.connect(listener)).collect();
    for _ in 0..4 {
        let connection = core.ring.accept_now(listener);
        core.admit(connection.expect("no fault").expect("one waits"));
    }
    assert_eq!((core.connections(), core.waiting.len()), (1, 3));
    assert!(
        !budget.lease().take(),
        "one is served, and two hold their places"
    );
    drop(clients);
    core.drain(Duration::ZERO);
    core.stop();
    while core.turn().expect("the ring is of use") {}
    let mut other = budget.lease();
    assert!((0..3).all(|_| other.take()), "all are given back");
}

#[test]
fn the_last_connections_of_a_queue_wait_for_descriptors() {
    let (mut core, _budget) = simulated(10, 10, OverLimit::Wait);
    let world = core.ring().world().clone();
    let (listener, began) = (world.listen(), world.now());
    let client = world.connect(listener);
    // Those of all accepts that are armed, and those of the two first looks at the queue.
    for _ in 0..ACCEPTS_MAX + 2 {
        world.fail_next(OpKind::Accept, rustix::io::Errno::MFILE.raw_os_error());
    }
    core.listen(listener);
    core.turn().expect("the ring is of use");
    core.drain(Duration::from_secs(5));
    while core.metrics().accepted.get() == 0 {
        assert!(core.turn().expect("the ring is of use"), "it ended before");
    }
    assert_eq!(client.link(), crate::sim::Link::Open, "it was not reset");
    assert_eq!(core.metrics().exhausted.get(), u64::from(ACCEPTS_MAX) + 2);
    assert!(world.now() < began + Duration::from_secs(1));
    core.stop();
    while core.turn().expect("the ring is of use") {}
}
