//! Tests single scenes in simulation, without chance.
//!
//! Not here: everything at once (`echo.rs`, `web.rs`).

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use ringlane_reactor::sim::{Client, Faults, Link, SimRing, World};
use ringlane_reactor::{Config, DEADLINE_TICK, Metrics, OpKind, Reactor, Socket};

use super::echo::application::{Book, Echo};
use super::echo::{Kind, answer, message};

/// The process may have no more descriptors (`errno(3)`).
const EMFILE: i32 = 24;
/// Accepts that are armed at a listener at one time.
const ACCEPTS: u64 = 16;

/// An echo server in a world without faults.
struct Scene {
    world: World,
    listener: Socket,
    book: Rc<Book>,
    reactor: Reactor<SimRing, Echo>,
    metrics: Arc<Metrics>,
}

impl Scene {
    fn new(config: Config) -> Self {
        let world = World::scripted();
        let (listener, book) = (world.listen(), Rc::new(Book::default()));
        let echo = || Echo::new(world.clone(), Rc::clone(&book));
        let mut reactor = Reactor::new(world.ring(&config), config, echo).expect("a core is free");
        reactor.listen(listener);
        let metrics = reactor.metrics();
        Self {
            world,
            listener,
            book,
            reactor,
            metrics,
        }
    }

    fn connect(&self) -> Client {
        self.world.connect(self.listener)
    }

    /// Lets everything happen that happens within so much time.
    fn run(&mut self, time: Duration) {
        self.world.set_horizon(self.world.now() + time);
        let goes_on = self.reactor.settle().expect("a simulated wait never fails");
        assert!(goes_on, "nobody told the core to end");
    }

    /// Lets everything happen that happens at once.
    fn run_now(&mut self) {
        self.run(Duration::ZERO);
    }
}

#[test]
fn accepting_rests_without_turning_and_goes_on_by_itself() {
    let config = Config::default();
    let mut scene = Scene::new(config);
    // All that are armed at first fail; then it tries one at a time.
    (0..ACCEPTS + 2).for_each(|_| scene.world.fail_next(OpKind::Accept, EMFILE));
    let clients = [scene.connect(), scene.connect()];
    clients
        .iter()
        .for_each(|client| client.send(&message(Kind::AtOnce, b"me")));
    scene.run(3 * config.accept_backoff - Duration::from_nanos(1));
    assert_eq!(scene.reactor.connections(), 0, "it rests three times");
    scene.run(Duration::from_millis(1));
    for client in clients {
        assert_eq!(client.read(), answer(Kind::AtOnce, 0, b"me"));
    }
    let turns = scene.metrics.turns.get();
    assert!(turns < 20, "{turns} turns for three rests and two clients");
    assert_eq!(scene.metrics.exhausted.get(), ACCEPTS + 2);
}

#[test]
fn who_finds_no_buffer_waits_in_line_and_not_for_a_timer() {
    let config = Config {
        buffers: 2,
        buffer_bytes: 64,
        ..Config::default()
    };
    let mut scene = Scene::new(config);
    let clients: Vec<_> = (0..20).map(|_| scene.connect()).collect();
    scene.run_now();
    let sent = message(Kind::AtOnce, &[7; 600]);
    clients.iter().for_each(|client| client.send(&sent));
    scene.run_now();
    for client in clients {
        assert_eq!(client.read(), answer(Kind::AtOnce, 0, &[7; 600]));
    }
    assert!(scene.metrics.starved.get() > 0);
    assert_eq!(scene.world.buffers_lent(), 0);
}

#[test]
fn a_client_that_takes_nothing_is_given_up_in_time() {
    let config = Config {
        write_timeout: Duration::from_secs(2),
        ..Config::default()
    };
    let mut scene = Scene::new(config);
    scene.world.set_window(1000);
    let client = scene.connect();
    client.pause(true);
    client.send(&message(Kind::Vectored, b""));
    scene.run(config.write_timeout - Duration::from_nanos(1));
    assert_eq!(scene.reactor.connections(), 1);
    scene.run(2 * DEADLINE_TICK);
    assert_eq!(scene.reactor.connections(), 0);
    assert_eq!(scene.metrics.write_timeouts.get(), 1);
}

#[test]
fn an_early_answer_reaches_a_client_that_is_still_sending() {
    let mut scene = Scene::new(Config::default());
    scene.world.set_faults(Faults {
        reset_purges: 1.0,
        ..Faults::none()
    });
    for (kind, link) in [(Kind::Linger, Link::Finished), (Kind::Finish, Link::Reset)] {
        let client = scene.connect();
        client.pause(true);
        client.send(&message(kind, b"early"));
        client.send(&[0; 2000]);
        scene.run_now();
        client.send(&[0; 2000]);
        client.finish();
        scene.run_now();
        let lingers = kind == Kind::Linger;
        let expected = if lingers {
            answer(kind, 0, b"early")
        } else {
            Vec::new()
        };
        assert_eq!((client.link(), client.read()), (link, expected), "{kind:?}");
    }
}

#[test]
fn the_time_of_a_closing_connection_is_extended_for_who_still_sends() {
    let config = Config::default();
    let (each, just_before) = (config.linger_timeout, Duration::from_millis(200));
    let mut scene = Scene::new(config);
    let silent = scene.connect();
    silent.send(&message(Kind::Linger, b"silent"));
    let sending = scene.connect();
    sending.send(&message(Kind::Linger, b"sending"));
    scene.run_now();
    scene.run(each - just_before);
    assert_eq!(scene.reactor.connections(), 2);
    for extension in 0..5 {
        sending.send(b"more");
        scene.run(2 * just_before);
        assert_eq!(scene.reactor.connections(), 1, "extension {extension}");
        scene.run(each - 2 * just_before);
    }
    sending.send(b"more");
    scene.run(5 * just_before);
    assert_eq!(scene.reactor.connections(), 0);
    assert_eq!(sending.read(), answer(Kind::Linger, 0, b"sending"));
}

#[test]
fn a_closing_connection_takes_bytes_up_to_its_limit() {
    let config = Config {
        linger_bytes_max: 100_000,
        ..Config::default()
    };
    for (bytes, is_open) in [(99_999, true), (100_000, false)] {
        let mut scene = Scene::new(config);
        let client = scene.connect();
        client.send(&message(Kind::Linger, b"early"));
        scene.run_now();
        client.send(&vec![0; bytes]);
        scene.run_now();
        assert_eq!(scene.reactor.connections() == 1, is_open, "{bytes}");
    }
}

#[test]
fn one_client_more_than_allowed_waits_until_another_has_left() {
    let mut scene = Scene::new(Config {
        connections_max: 1,
        ..Config::default()
    });
    let (first, second) = (scene.connect(), scene.connect());
    second.send(&message(Kind::AtOnce, b"second"));
    scene.run_now();
    assert_eq!(second.read(), b"");
    first.close();
    scene.run_now();
    assert_eq!(second.read(), answer(Kind::AtOnce, 0, b"second"));
}

#[test]
fn a_client_that_finishes_while_its_input_is_held_back_is_answered_to_the_last_message() {
    let config = Config {
        input_bytes_max: 1024,
        buffer_bytes: 256,
        ..Config::default()
    };
    let mut scene = Scene::new(config);
    let client = scene.connect();
    let mut expected = answer(Kind::Slow, 0, b"first");
    client.send(&message(Kind::Slow, b"first"));
    for index in 1..40 {
        client.send(&message(Kind::AtOnce, &[index; 100]));
        expected.extend(answer(Kind::AtOnce, index.into(), &[index; 100]));
    }
    client.finish();
    scene.run(Duration::from_secs(1));
    assert_eq!(client.read(), expected);
    assert_eq!(client.link(), Link::Finished);
}

#[test]
fn a_reactor_that_is_dropped_in_the_middle_leaves_nothing() {
    let mut scene = Scene::new(Config::default());
    scene.world.set_window(1000);
    let clients: Vec<_> = (0..3).map(|_| scene.connect()).collect();
    clients[0].send(&message(Kind::Slow, b"pending"));
    clients[1].pause(true);
    clients[1].send(&message(Kind::Vectored, b""));
    scene.run_now();
    let late = scene.connect();
    assert_eq!(scene.reactor.connections(), 3);
    drop(scene.reactor);
    assert_eq!(
        (scene.world.descriptors_open(), scene.world.buffers_lent()),
        (0, 0)
    );
    scene.book.check();
    assert_eq!(clients[0].link(), Link::Finished);
    assert_eq!(late.link(), Link::Reset);
}
