//! Connections that find no place: dealt to a core that has one, or waiting, up to a number.

use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};

use super::*;
use crate::sim::World;
use crate::{CloseReason, Config, Epoll, Io};

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
    let clients = [(); 3].map(|()| world.connect(listener));
    let mut core = Reactor::new(world.ring(&config), config, || Silent)
        .expect("a core is free in this process");
    let [served, waits, refused] = [(); 3].map(|()| core.ring.accept_now(listener).expect("one"));
    core.admit(served);
    assert_eq!((core.connections(), core.waiting.len()), (1, 0));
    core.waiting.resize(WAITING_MAX - 1, waits); // stands for all the others
    core.admit(waits);
    assert_eq!(core.waiting.len(), WAITING_MAX);
    core.admit(refused);
    assert_eq!(core.waiting.len(), WAITING_MAX);
    assert_eq!(core.metrics().refused.get(), 1);
    core.waiting.truncate(1);
    drop(clients);
}
