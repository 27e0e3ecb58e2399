//! Tests that a sleeping core is woken by every source of work.

use std::future::poll_fn;
use std::io::Write;
use std::net::TcpStream;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use ringlane_reactor::{Config, Intent, Io, Letter, Post, Sleep, clock, spawn};

use super::pressure::PressureGroup;
use super::stand::{PATIENCE, RealRing, Stand, alone, ping, script};

on_both_drivers! {
    no_word_is_lost_however_often_the_core_goes_to_sleep
    sleeps_end_in_time_and_in_order
    sleeps_of_a_core_that_spins_do_not_end_early
    a_core_that_looks_for_work_before_it_sleeps_misses_none
    a_core_that_sleeps_is_not_taken_for_one_that_waits_for_a_disk
}

/// Threads that wake connections, and as many that wake tasks.
const EACH: usize = 2;
/// Words of each thread while it is alone, and again while all are at it.
const WORDS_EACH: u64 = 12_500;

/// Something on the core that can be woken, and how often it has been.
#[derive(Clone)]
struct Sleeper {
    waker: Waker,
    woken: Arc<AtomicU64>,
}

impl Sleeper {
    fn new(waker: Waker) -> Self {
        Self {
            waker,
            woken: Arc::default(),
        }
    }
}

/// All sleepers of one core; they enlist themselves.
#[derive(Clone, Default)]
struct Sleepers(Arc<Mutex<Vec<Sleeper>>>);

impl Sleepers {
    /// Counts a wake, if it is not the first call of all.
    fn note(&self, known: &mut Option<Sleeper>, waker: impl FnOnce() -> Waker) {
        let sleeper = known.get_or_insert_with(|| {
            let sleeper = Sleeper::new(waker());
            self.lock().push(sleeper.clone());
            sleeper
        });
        sleeper.woken.fetch_add(1, Ordering::SeqCst);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Sleeper>> {
        self.0.lock().expect("no thread has panicked")
    }
}

/// Waits until the core has counted up to here. Nothing else wakes the core meanwhile.
fn wait_for(count: &AtomicU64, at_least: u64) {
    let started = Instant::now();
    let mut spins = 0;
    while count.load(Ordering::SeqCst) < at_least {
        spins += 1;
        if spins % 64 == 0 {
            std::thread::yield_now();
            assert!(started.elapsed() < PATIENCE, "word {at_least} was lost");
        }
    }
}

/// Sends one word after another, each when the one before was seen: the core has slept in between.
fn hammer(post: &Post, sleeper: &Sleeper) {
    let letters = Arc::new(AtomicU64::new(0));
    for word in 1..=WORDS_EACH / 2 {
        let counted = Arc::clone(&letters);
        let read = move || {
            counted.fetch_add(1, Ordering::SeqCst);
        };
        assert!(post.send(Letter::Run(Box::new(read))).is_ok());
        wait_for(&letters, word);
        let before = sleeper.woken.load(Ordering::SeqCst);
        sleeper.waker.wake_by_ref();
        wait_for(&sleeper.woken, before + 1);
    }
}

fn no_word_is_lost_however_often_the_core_goes_to_sleep<R: RealRing>() {
    let sleepers = Sleepers::default();
    let mine = sleepers.clone();
    let step = move |known: &mut Option<Sleeper>, io: &mut Io<'_>| {
        io.input.consume(io.input.bytes().len());
        mine.note(known, || io.waker().to_waker());
        if io.peer_finished {
            Intent::Finish
        } else {
            Intent::Continue
        }
    };
    let mut stand = Stand::<R, _>::new(Config::default(), script(step));
    let clients: Vec<TcpStream> = (0..EACH).map(|_| stand.client()).collect();
    for mut client in &clients {
        client.write_all(b"x").expect("sending");
    }
    for _ in 0..EACH {
        let (mine, mut known) = (sleepers.clone(), None);
        let task = poll_fn(move |cx| {
            mine.note(&mut known, || cx.waker().clone());
            Poll::<()>::Pending
        });
        stand.reactor.enter(|| spawn(task));
    }
    stand.turn_until("everyone to come", |_| sleepers.lock().len() == 2 * EACH);
    let post = stand.reactor.post();
    let turns = stand.reactor.metrics().turns.get();
    stand.serve(|| {
        let sleepers = sleepers.lock().clone();
        // Alone, nobody else's word wakes the core when one is lost.
        sleepers.iter().for_each(|sleeper| hammer(&post, sleeper));
        std::thread::scope(|scope| {
            for sleeper in &sleepers {
                scope.spawn(|| hammer(&post, sleeper));
            }
        });
    });
    let turns = stand.reactor.metrics().turns.get() - turns;
    assert!(
        turns > 4 * WORDS_EACH,
        "{turns} turns: the core hardly slept"
    );
    drop(clients);
    stand.turn_until_idle();
    stand.check_nothing_is_held();
}

fn sleeps_end_in_time_and_in_order<R: RealRing>() {
    check_sleeps::<R>(Config::default());
}

fn sleeps_of_a_core_that_spins_do_not_end_early<R: RealRing>() {
    check_sleeps::<R>(Config {
        spin: Duration::from_millis(1),
        ..Config::default()
    });
}

#[track_caller]
fn check_sleeps<R: RealRing>(config: Config) {
    let mut stand = Stand::<R, _>::new(config, script(super::stand::echo));
    let ended: Arc<Mutex<Vec<(u64, Duration)>>> = Arc::default();
    for micros in [20_000, 300, 5_000, 0] {
        let ended = Arc::clone(&ended);
        stand.reactor.enter(|| {
            spawn(async move {
                let begun = clock::now();
                Sleep::until(begun + Duration::from_micros(micros)).await;
                let mut ended = ended.lock().expect("no thread has panicked");
                ended.push((micros, begun.elapsed()));
            })
        });
    }
    let count = || ended.lock().expect("no thread has panicked").len();
    stand.turn_until("the last sleep to end", |_| count() == 4);
    let ended = ended.lock().expect("no thread has panicked");
    let order: Vec<u64> = ended.iter().map(|&(micros, _)| micros).collect();
    assert_eq!(order, [0, 300, 5_000, 20_000]);
    for &(micros, took) in &*ended {
        assert!(
            took >= Duration::from_micros(micros),
            "{took:?} of {micros} µs"
        );
        assert!(took < Duration::from_secs(2), "{took:?} of {micros} µs");
    }
    let turns = stand.reactor.metrics().turns.get();
    assert!(turns < 100, "{turns} turns: it did not sleep");
}

/// A core that spins is to notice the same things as one that sleeps.
fn a_core_that_looks_for_work_before_it_sleeps_misses_none<R: RealRing>() {
    let config = Config {
        spin: Duration::from_millis(1),
        ..Config::default()
    };
    let mut stand = Stand::<R, _>::new(config, script(super::stand::echo));
    let client = stand.client();
    let post = stand.reactor.post();
    stand.serve(|| {
        let read = Arc::new(AtomicU64::new(0));
        for word in 1..=1000 {
            ping(&client, &word.to_string().into_bytes());
            let counted = Arc::clone(&read);
            let count = move || {
                counted.fetch_add(1, Ordering::SeqCst);
            };
            assert!(post.send(Letter::Run(Box::new(count))).is_ok());
            wait_for(&read, word);
            if word % 100 == 0 {
                std::thread::sleep(Duration::from_millis(10)); // longer than it spins
            }
        }
        drop(client);
    });
    stand.turn_until_idle();
    stand.check_nothing_is_held();
}

fn a_core_that_sleeps_is_not_taken_for_one_that_waits_for_a_disk<R: RealRing>() {
    // The kernel brings the sums of pressure up to date every two seconds.
    const ASLEEP: Duration = Duration::from_millis(2200);
    alone(|| {
        let mut stand = Stand::<R, _>::new(Config::default(), script(super::stand::echo));
        let client = stand.client();
        stand.serve(|| ping(&client, b"hello"));
        let Some(group) = PressureGroup::enter() else {
            return eprintln!("NOT RUN: no control group with io.pressure can be made here");
        };
        let before = group.io();
        stand.serve(|| std::thread::sleep(ASLEEP));
        let pressure = group.io() - before;
        drop(group);
        assert!(pressure < ASLEEP / 10, "{pressure:?} of {ASLEEP:?} asleep");
    });
}
