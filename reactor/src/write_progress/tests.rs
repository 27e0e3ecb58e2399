//! Slow peers are kept and stalled ones given up, on the simulated ring.

use std::time::Duration;

use bytes::Bytes;

use super::*;
use crate::sim::{Client, Link, Mutation, SimRing, World};
use crate::timers::DEADLINE_TICK;
use crate::{Application, CloseReason, Intent, Io, Reactor};

/// Sends more than anybody reads.
struct Flood(Vec<CloseReason>);

impl Application for Flood {
    type Conversation = ();

    fn opened(&mut self, io: &mut Io<'_>) {
        io.output.append(Bytes::from(vec![1; 1 << 20]));
    }

    fn advance(&mut self, _: &mut (), _io: &mut Io<'_>) -> Intent {
        Intent::Continue
    }

    fn timed_out(&mut self, _: &mut (), _io: &mut Io<'_>) -> Intent {
        Intent::Abort
    }

    fn closed(&mut self, _: (), reason: CloseReason) {
        self.0.push(reason);
    }
}

const TIMEOUT: Duration = Duration::from_secs(2);

struct Scene {
    world: World,
    reactor: Reactor<SimRing, Flood>,
    client: Client,
}

impl Scene {
    fn new(write_bytes_min: u64) -> Self {
        let config = Config {
            write_timeout: TIMEOUT,
            write_bytes_min,
            ..Config::default()
        };
        let world = World::scripted();
        world.set_window(90_000);
        let listener = world.listen();
        let flood = || Flood(Vec::new());
        let mut reactor = Reactor::new(world.ring(&config), config, flood).expect("a core is free");
        reactor.listen(listener);
        let client = world.connect(listener);
        client.pause(true);
        Self {
            world,
            reactor,
            client,
        }
    }

    fn run(&mut self, time: Duration) {
        self.world.set_horizon(self.world.now() + time);
        self.reactor.settle().expect("a simulated wait never fails");
    }

    /// Reads so much each half second, so many times. Whether the connection has lasted.
    fn reads(&mut self, bytes: usize, times: usize) -> bool {
        for _ in 0..times {
            self.run(TIMEOUT / 4);
            assert!(self.client.read_some(bytes).len() <= bytes);
        }
        self.reactor.connections() == 1
    }

    #[track_caller]
    fn check_given_up(&self) {
        assert_eq!(self.reactor.application().0, [CloseReason::WriteTimedOut]);
        assert_eq!(self.reactor.metrics().write_timeouts.get(), 1);
        assert_eq!(self.client.link(), Link::Reset);
        assert_eq!(self.world.descriptors_open(), 1, "the listener");
        assert_eq!(self.reactor.write_progress.len(), 0);
    }
}

#[test]
fn a_steady_slow_reader_is_kept_and_given_up_once_it_stops() {
    let mut scene = Scene::new(1);
    // A third of the window, which a send waits for, takes this reader 15 s.
    assert!(scene.reads(1000, 80), "it reads without a pause");
    scene.run(TIMEOUT - Duration::from_nanos(1));
    assert_eq!(scene.reactor.connections(), 1);
    scene.run(scene.reactor.write_progress.interval + 2 * DEADLINE_TICK);
    scene.check_given_up();
}

#[test]
fn a_steady_slow_reader_is_lost_where_acknowledgements_are_not_seen() {
    let mut scene = Scene::new(1);
    scene.world.plant(Mutation::AcknowledgementsHidden);
    assert!(!scene.reads(1000, 8), "the planted bug was not found");
    scene.check_given_up();
}

#[test]
fn a_reader_below_the_minimum_rate_is_given_up() {
    assert!(Scene::new(4000).reads(1000, 80), "4 times in each time-out");
    let mut scene = Scene::new(4001);
    assert!(!scene.reads(1000, 9));
    scene.run(Duration::ZERO);
    scene.check_given_up();
}

#[test]
fn a_reader_that_takes_all_is_not_watched_any_more() {
    let mut scene = Scene::new(1);
    scene.run(TIMEOUT / 2);
    assert_eq!(scene.reactor.write_progress.len(), 1);
    scene.client.pause(false);
    scene.run(TIMEOUT * 5);
    assert_eq!(scene.client.read().len(), 1 << 20);
    assert_eq!(scene.reactor.write_progress.len(), 0);
    assert_eq!(scene.reactor.connections(), 1);
}

#[test]
fn the_memory_of_many_stalled_readers_is_given_back() {
    let mut progress = WriteProgress::new(&Config::default());
    let now = Instant::default() + TIMEOUT;
    for slot in 0..=2 * KEPT_MAX as u32 {
        progress.sent(Slot::new(slot), 1, None, now);
    }
    (0..=2 * KEPT_MAX as u32).for_each(|slot| progress.forget(Slot::new(slot)));
    assert!(progress.watched.capacity() <= KEPT_MAX);
}

#[test]
fn a_kernel_that_cannot_tell_leaves_it_to_completions() {
    let mut progress = WriteProgress::new(&Config::default());
    let (slot, began) = (Slot::new(0), Instant::default() + TIMEOUT);
    let timeout = Config::default().write_timeout;
    let just_before = began + (timeout - Duration::from_nanos(1));
    assert!(progress.look(slot, None, (began, just_before)).is_some());
    progress.sent(slot, 1, None, just_before);
    assert!(
        progress
            .look(slot, None, (began, began + timeout))
            .is_some()
    );
    assert_eq!(
        progress.look(slot, None, (began, just_before + timeout)),
        None
    );
}
