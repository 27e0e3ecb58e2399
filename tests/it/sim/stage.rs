//! Runs one simulation: a world, a reactor in it, events around it, and final checks.
//!
//! Always true here:
//! - After every turn each buffer is home.
//! - Whoever plays must be done within a bounded (simulated) time: nobody starves.
//!
//! Not here: the applications (`echo.rs`, `web.rs`), the clients (`visitor.rs`).

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use ringlane_reactor::clock::{self, Instant};
use ringlane_reactor::sim::{Coverage, Faults, Random, SimRing, World};
use ringlane_reactor::{Application, Config, Letter, Metrics, OverLimit, Post, Reactor, Socket};

use super::seeds::Seed;

/// By when everyone must be done. Waits, limits and time-outs of all runs add up to far less.
pub(super) const DONE_WITHIN: Duration = Duration::from_secs(120);
/// More turns than any run needs: who takes more turns in a circle.
const TURNS_MAX: u32 = 2_000_000;

/// How a run ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Ending {
    /// It drains once everybody is done.
    AllDone,
    /// It drains while they are busy.
    Drained { after: Duration, grace: Duration },
    /// It stops while they are busy.
    Stopped { after: Duration },
    /// The reactor is dropped while they are busy.
    Dropped { turns: u32 },
}

/// What everybody on the stage knows.
#[derive(Debug)]
pub(super) struct Tally {
    /// Clients that are not done.
    pub(super) busy: Cell<usize>,
    /// When the core was told to end, and until when it was to do so politely.
    pub(super) told: Cell<Option<(Instant, Instant)>>,
    /// The core has ended.
    pub(super) over: Cell<bool>,
    pub(super) refuses: bool,
    pub(super) failures: RefCell<Vec<String>>,
}

/// One run in the making.
pub(super) struct Stage<A: Application> {
    pub(super) world: World,
    pub(super) listener: Socket,
    pub(super) random: Random,
    pub(super) tally: Rc<Tally>,
    pub(super) ending: Ending,
    pub(super) reactor: Reactor<SimRing, A>,
    metrics: Arc<Metrics>,
    letters: Arc<[AtomicU32; 2]>,
    began: Instant,
}

/// The faults of a seed: all, none that harm, or each by chance.
fn faults(seed: Seed, random: &mut Random) -> Faults {
    match seed.number % 3 {
        0 => Faults::all(),
        1 => Faults::harmless(),
        _ => Faults::some(random),
    }
}

fn config(random: &mut Random) -> Config {
    let over_limit = random.pick(&[OverLimit::Wait, OverLimit::Wait, OverLimit::Refuse]);
    Config {
        connections_max: random.pick(&[3, 10, 1000]),
        over_limit,
        input_bytes_max: 1024,
        write_timeout: Duration::from_secs(2),
        linger_timeout: Duration::from_millis(500),
        linger_bytes_max: 64 * 1024,
        buffers: random.pick(&[2, 8, 64]),
        buffer_bytes: random.pick(&[64, 256, 4096]),
        large_buffers: random.pick(&[2, 16]),
        large_buffer_bytes: random.pick(&[4096, 16 * 1024]),
        spin: random.pick(&[Duration::ZERO, Duration::from_micros(100)]),
        ..Config::default()
    }
}

fn ending(random: &mut Random) -> Ending {
    let after = random.span(Duration::from_millis(1500));
    match random.below(10) {
        0..=4 => Ending::AllDone,
        5..=7 => Ending::Drained {
            after,
            grace: random.span(Duration::from_secs(4)),
        },
        8 => Ending::Stopped { after },
        _ => Ending::Dropped {
            turns: random.below(3000) as u32,
        },
    }
}

impl<A: Application> Stage<A> {
    pub(super) fn new(seed: Seed, application: impl FnOnce(&World) -> A) -> Self {
        let mut random = Random::new(seed.number);
        let (config, ending) = (config(&mut random), ending(&mut random));
        let world = World::new(random.next_u64(), faults(seed, &mut random));
        if seed.traced {
            world.trace(|event| eprintln!("{event}"));
            eprintln!("{config:?}, {ending:?}");
        }
        if let Some(mutation) = seed.planted {
            world.plant(mutation);
        }
        let listener = world.listen();
        let made = Reactor::new(world.ring(&config), config, || application(&world));
        let mut reactor = made.expect("a core is free");
        reactor.listen(listener);
        let tally = Tally {
            busy: Cell::new(0),
            told: Cell::new(None),
            over: Cell::new(false),
            refuses: config.over_limit == OverLimit::Refuse,
            failures: RefCell::default(),
        };
        Self {
            began: world.now(),
            metrics: reactor.metrics(),
            letters: Arc::default(),
            tally: Rc::new(tally),
            world,
            listener,
            random,
            ending,
            reactor,
        }
    }

    /// Plays until the core has ended, and checks what must hold then.
    pub(super) fn play(mut self) -> Coverage {
        self.send_letters();
        self.watch_the_time();
        self.arrange_the_end();
        let mut turns = 0;
        while self.reactor.turn().expect("a simulated wait never fails") {
            turns += 1;
            assert!(turns < TURNS_MAX, "the loop turns in a circle");
            self.check_buffers();
            assert!(!self.world.is_idle(), "nothing will ever happen again");
            if self.ending == (Ending::Dropped { turns }) {
                break;
            }
        }
        self.check_buffers();
        let sent = self
            .letters
            .each_ref()
            .map(|count| count.load(Ordering::Relaxed));
        assert_eq!(sent[0], sent[1], "letters sent and read");
        self.see_the_rest();
        let failures = self.tally.failures.take();
        assert!(failures.is_empty(), "{failures:#?}");
        self.check_end()
    }

    /// What the core has sent still arrives, and everybody sees how it ended.
    fn see_the_rest(&self) {
        if !matches!(self.ending, Ending::Dropped { .. }) {
            self.tally.over.set(true);
            self.world.pass(Duration::from_secs(1));
            assert_eq!(self.tally.busy.get(), 0, "clients are left");
        }
    }

    fn check_buffers(&self) {
        let lent = self.world.buffers_lent();
        assert_eq!(
            lent, 0,
            "{lent} buffers did not come home within their turn"
        );
        let stale = self.metrics.stale.get();
        assert_eq!(stale, 0, "stale completions");
    }

    fn check_end(self) -> Coverage {
        let Self {
            world,
            reactor,
            ending,
            ..
        } = self;
        if !matches!(ending, Ending::Dropped { .. }) {
            assert_eq!(reactor.connections(), 0, "slots are held");
            assert_eq!(world.descriptors_open(), 0, "descriptors are held");
            assert_eq!(world.operations_in_flight(), 0, "operations are in flight");
        }
        drop(reactor);
        assert_eq!(
            world.descriptors_open(),
            0,
            "descriptors outlive their reactor"
        );
        world.coverage()
    }

    /// Other threads have something to say now and then.
    fn send_letters(&mut self) {
        for _ in 0..20 {
            let when = self.began + self.random.span(Duration::from_secs(2));
            let (post, letters) = (self.reactor.post(), Arc::clone(&self.letters));
            self.world.at(when, move || {
                let read = Arc::clone(&letters);
                let letter = Letter::Run(Box::new(move || {
                    read[1].fetch_add(1, Ordering::Relaxed);
                }));
                if post.send(letter).is_ok() {
                    letters[0].fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    }

    fn watch_the_time(&self) {
        let (tally, post) = (Rc::clone(&self.tally), self.reactor.post());
        self.world.at(self.began + 2 * DONE_WITHIN, move || {
            tell(&tally, &post, Letter::Stop);
        });
    }

    fn arrange_the_end(&self) {
        let (tally, post) = (Rc::clone(&self.tally), self.reactor.post());
        match self.ending {
            Ending::AllDone | Ending::Dropped { .. } => {
                drain_when_done(self.world.clone(), tally, post);
            }
            Ending::Drained { after, grace } => {
                let drain = move || tell(&tally, &post, Letter::Drain(grace));
                self.world.at(self.began + after, drain);
            }
            Ending::Stopped { after } => {
                let stop = move || tell(&tally, &post, Letter::Stop);
                self.world.at(self.began + after, stop);
            }
        }
    }
}

fn tell(tally: &Tally, post: &Post, letter: Letter) {
    let now = clock::now();
    let grace = match &letter {
        Letter::Drain(grace) => *grace,
        _ => Duration::ZERO,
    };
    tally.told.set(Some((now, now + grace)));
    let sent = post.send(letter);
    assert!(sent.is_ok(), "the core took no letter: {sent:?}");
}

fn drain_when_done(world: World, tally: Rc<Tally>, post: Post) {
    const LOOK_EVERY: Duration = Duration::from_millis(50);
    if tally.busy.get() == 0 {
        return tell(&tally, &post, Letter::Drain(Duration::from_secs(1)));
    }
    let again = world.clone();
    let when = world.now() + LOOK_EVERY;
    world.at(when, move || drain_when_done(again, tally, post));
}
