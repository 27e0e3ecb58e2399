//! A pool over a simulated core, in every order of taking, returning and leaving; and over several.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use super::{Manage, Pool, PoolBuilder, PoolError, Pooled};
use crate::testing::Client;
use crate::{Context, Error, Result, Server, Task, blocking, time};

const SECOND: Duration = Duration::from_secs(1);

/// What the test sees of its resources, and how they behave.
#[derive(Default)]
struct World {
    made: AtomicU32,
    alive: AtomicU32,
    most: AtomicU32,
    checked: AtomicU32,
    create_fails: AtomicBool,
    create_panics: AtomicBool,
    check_fails: AtomicBool,
    create_takes: Duration,
    check_takes: Duration,
    blocks: bool,
}

/// Numbered in the order in which they are made; odd values mark broken ones.
struct Thing {
    number: u32,
    is_broken: bool,
    world: Arc<World>,
}

impl Thing {
    fn new(world: Arc<World>) -> Self {
        let alive = world.alive.fetch_add(1, Ordering::SeqCst) + 1;
        world.most.fetch_max(alive, Ordering::SeqCst);
        Self {
            number: world.made.fetch_add(1, Ordering::SeqCst),
            is_broken: false,
            world,
        }
    }
}

impl Drop for Thing {
    fn drop(&mut self) {
        self.world.alive.fetch_sub(1, Ordering::SeqCst);
    }
}

struct Things(Arc<World>);

impl Manage for Things {
    type Resource = Thing;
    type Error = Error;

    async fn create(&self) -> Result<Thing> {
        let world = Arc::clone(&self.0);
        if world.blocks {
            let made = blocking(move || {
                let thing = Thing::new(world);
                std::thread::sleep(Duration::from_millis(1));
                thing
            });
            return Ok(made.await?);
        }
        time::sleep(self.0.create_takes).await;
        assert!(!world.create_panics.load(Ordering::SeqCst), "on purpose");
        match world.create_fails.load(Ordering::SeqCst) {
            true => Err(Error::new(500, "on purpose")),
            false => Ok(Thing::new(world)),
        }
    }

    async fn check(&self, thing: Thing) -> Result<Thing> {
        self.0.checked.fetch_add(1, Ordering::SeqCst);
        time::sleep(self.0.check_takes).await;
        match self.0.check_fails.load(Ordering::SeqCst) {
            true => Err(Error::new(500, "on purpose")),
            false => Ok(thing),
        }
    }

    fn is_broken(&self, thing: &mut Thing) -> bool {
        thing.is_broken
    }
}

/// A pool on a simulated core.
struct Scene {
    client: Client,
    pool: Pool<Things>,
    world: Arc<World>,
}

type Answer = Result<Pooled<Things>, PoolError>;

/// Who takes something, as the test sees it.
struct Taker {
    task: Task<()>,
    got: Rc<Cell<Option<Answer>>>,
}

impl Taker {
    fn thing(&self) -> Pooled<Things> {
        let got = self.got.take().expect("it got an answer");
        got.unwrap_or_else(|error| panic!("it got {error:?}"))
    }

    fn error(&self) -> PoolError {
        let got = self.got.take().expect("it got an answer");
        got.err().expect("it got an error")
    }

    fn waits(&self) -> bool {
        !self.task.is_finished()
    }
}

impl Scene {
    fn new(set: impl FnOnce(PoolBuilder<Things>) -> PoolBuilder<Things>) -> Self {
        Self::of(World::default(), set)
    }

    fn of(world: World, set: impl FnOnce(PoolBuilder<Things>) -> PoolBuilder<Things>) -> Self {
        let world = Arc::new(world);
        let server = Server::builder().build().expect("an empty server");
        Self {
            client: Client::new(server).expect("a core is free"),
            pool: set(Pool::builder(Things(Arc::clone(&world)))).build(),
            world,
        }
    }

    fn run(&mut self, future: impl Future<Output = ()> + 'static) -> Task<()> {
        let task = self.client.spawn(future);
        self.pass(Duration::ZERO);
        task
    }

    fn pass(&mut self, time: Duration) {
        let _slept = self.client.spawn(time::sleep(time)); // makes the clock go on
        self.client.run(time).expect("the core runs");
    }

    fn take(&mut self) -> Taker {
        let got = Rc::new(Cell::new(None));
        let place = Rc::clone(&got);
        let pool = self.pool.clone();
        let task = self.run(async move { place.set(Some(pool.take().await)) });
        Taker { task, got }
    }

    /// Has someone leave, at the very moment after `before`.
    fn leave(&mut self, taker: Taker, before: impl FnOnce() + 'static) {
        let _done = self.run(async move {
            before();
            taker.task.abort();
        });
    }

    /// Alive, idle, waiting.
    fn counts(&self) -> [usize; 3] {
        let status = self.pool.status();
        let alive = self.world.alive.load(Ordering::SeqCst);
        assert!(usize::try_from(alive).is_ok_and(|alive| alive <= status.alive));
        [status.alive, status.idle, status.waiting]
    }
}

#[test]
fn things_are_made_when_needed_and_used_again() {
    let mut scene = Scene::new(|pool| pool.max(2));
    let first = scene.take().thing();
    let second = scene.take().thing();
    assert_eq!((first.number, second.number), (0, 1));
    drop(first);
    assert_eq!(scene.counts(), [2, 1, 0]);
    assert_eq!(scene.take().thing().number, 0);
    drop(second);
    assert_eq!(scene.take().thing().number, 1, "the one that was used last");
    assert_eq!(scene.world.made.load(Ordering::SeqCst), 2);
    assert_eq!(scene.world.checked.load(Ordering::SeqCst), 0);
}

#[test]
fn who_came_first_is_served_first_and_newcomers_do_not_pass() {
    let mut scene = Scene::new(|pool| pool.max(1));
    let held = scene.take().thing();
    let order = Rc::new(RefCell::new(Vec::new()));
    for number in 0..5 {
        let (pool, order) = (scene.pool.clone(), Rc::clone(&order));
        let _goes_on = scene.run(async move {
            let thing = pool.take().await;
            order.borrow_mut().push(number);
            time::sleep(SECOND / 10).await;
            drop(thing);
        });
    }
    assert_eq!(scene.counts(), [1, 0, 5]);
    drop(held);
    let (pool, late) = (scene.pool.clone(), Rc::clone(&order));
    let _goes_on = scene.client.spawn(async move {
        drop(pool.take().await);
        late.borrow_mut().push(9);
    });
    scene.pass(SECOND);
    assert_eq!(*order.borrow(), [0, 1, 2, 3, 4, 9]);
    assert_eq!(scene.counts(), [1, 1, 0]);
    assert_eq!(scene.world.most.load(Ordering::SeqCst), 1);
}

#[test]
fn waiting_ends_with_its_time_and_the_line_has_an_end() {
    let mut scene = Scene::new(|pool| pool.max(1).waiting_max(2).wait_time(5 * SECOND));
    let held = scene.take().thing();
    let waiting = [scene.take(), scene.take()];
    assert!(matches!(scene.take().error(), PoolError::Full));
    scene.pass(4 * SECOND);
    assert!(waiting.iter().all(Taker::waits));
    scene.pass(2 * SECOND);
    for taker in waiting {
        assert!(matches!(taker.error(), PoolError::TimedOut));
    }
    assert_eq!(scene.counts(), [1, 0, 0]);
    drop(held);
    assert_eq!(scene.take().thing().number, 0);
    let mut none = Scene::new(|pool| pool.max(0).waiting_max(0));
    let _held = none.take().thing(); // at least one there is
    assert!(matches!(none.take().error(), PoolError::Full));
}

#[test]
fn what_is_handed_to_someone_who_leaves_goes_to_the_next() {
    let mut scene = Scene::new(|pool| pool.max(1));
    for is_broken in [false, true] {
        let mut held = scene.take().thing();
        held.is_broken = is_broken;
        let (leaving, staying) = (scene.take(), scene.take());
        scene.leave(leaving, || drop(held)); // handed over, and not looked at yet
        let thing = staying.thing();
        assert_eq!(thing.number, u32::from(is_broken));
        drop(thing);
        assert_eq!(scene.counts(), [1, 1, 0]);
    }
    // Nobody is left: it is idle.
    let held = scene.take().thing();
    let leaving = scene.take();
    scene.leave(leaving, || drop(held));
    assert_eq!(scene.counts(), [1, 1, 0]);
    // Someone leaves the middle of the line.
    let held = scene.take().thing();
    let [first, middle, last] = [scene.take(), scene.take(), scene.take()];
    scene.leave(middle, || {});
    assert_eq!(scene.counts(), [1, 0, 2]);
    drop(held);
    scene.pass(Duration::ZERO);
    drop(first.thing());
    scene.pass(Duration::ZERO);
    drop(last.thing());
    assert_eq!(scene.counts(), [1, 1, 0]);
}

#[test]
fn what_is_made_for_someone_who_leaves_is_kept() {
    let world = World {
        create_takes: SECOND,
        ..World::default()
    };
    let mut scene = Scene::of(world, |pool| pool.max(1).wait_time(Duration::from_secs(60)));
    let leaving = scene.take();
    scene.leave(leaving, || {});
    let staying = scene.take();
    assert_eq!(
        scene.counts(),
        [1, 0, 1],
        "its place is taken until it is made"
    );
    scene.pass(2 * SECOND);
    assert_eq!(staying.thing().number, 0);
    assert_eq!(scene.counts(), [1, 1, 0]);
}

#[test]
fn what_cannot_be_made_leaves_its_place_to_the_next() {
    let world = World {
        create_takes: SECOND,
        ..World::default()
    };
    let mut scene = Scene::of(world, |pool| pool.max(1).wait_time(Duration::from_secs(60)));
    for panics in [false, true] {
        let flag = match panics {
            true => &scene.world.create_panics,
            false => &scene.world.create_fails,
        };
        flag.store(true, Ordering::SeqCst);
        let (failing, next) = (scene.take(), scene.take());
        scene.pass(SECOND);
        assert!(matches!(failing.error(), PoolError::Create(_)));
        scene.world.create_fails.store(false, Ordering::SeqCst);
        scene.world.create_panics.store(false, Ordering::SeqCst);
        scene.pass(SECOND);
        next.thing().discard();
        assert_eq!(scene.counts(), [0, 0, 0]);
    }
}

#[test]
fn what_takes_too_long_to_make_leaves_its_place_to_the_next() {
    let world = World {
        create_takes: 3 * SECOND,
        ..World::default()
    };
    let patient = |pool: PoolBuilder<_>| pool.max(1).wait_time(60 * SECOND);
    let mut scene = Scene::of(world, |pool| patient(pool).create_time(2 * SECOND));
    let (first, second) = (scene.take(), scene.take());
    scene.pass(2 * SECOND);
    assert!(matches!(first.error(), PoolError::Create(_)));
    assert!(second.waits());
    scene.pass(2 * SECOND);
    assert!(matches!(second.error(), PoolError::Create(_)));
    assert_eq!(scene.counts(), [0, 0, 0]);
    let world = World {
        create_takes: 2 * SECOND,
        ..World::default()
    };
    let mut scene = Scene::of(world, |pool| patient(pool).create_time(3 * SECOND));
    let in_time = scene.take();
    scene.pass(2 * SECOND);
    assert_eq!(in_time.thing().number, 0);
}

#[test]
fn what_does_not_answer_a_check_is_replaced() {
    let world = World {
        check_takes: 3 * SECOND,
        ..World::default()
    };
    let set = |pool: PoolBuilder<_>| pool.max(1).check_after(Duration::ZERO);
    let mut scene = Scene::of(world, |pool| set(pool).check_time(2 * SECOND));
    drop(scene.take().thing());
    let other = scene.take();
    assert!(other.waits());
    scene.pass(2 * SECOND);
    assert_eq!(other.thing().number, 1, "a new one");
    let world = World {
        check_takes: 2 * SECOND,
        ..World::default()
    };
    let mut scene = Scene::of(world, |pool| set(pool).check_time(3 * SECOND));
    drop(scene.take().thing());
    let same = scene.take();
    scene.pass(2 * SECOND);
    assert_eq!(same.thing().number, 0);
}

#[test]
fn broken_ones_are_replaced() {
    let mut scene = Scene::new(|pool| pool.max(1).check_after(3 * SECOND));
    scene.take().thing().is_broken = true;
    assert_eq!(scene.counts(), [0, 0, 0]);
    scene.take().thing().discard();
    assert_eq!(scene.counts(), [0, 0, 0]);
    assert_eq!(scene.take().thing().number, 2);
    assert_eq!(scene.take().thing().number, 2);
    scene.pass(3 * SECOND);
    assert_eq!(scene.take().thing().number, 2);
    assert_eq!(scene.world.checked.load(Ordering::SeqCst), 1);
    scene.world.check_fails.store(true, Ordering::SeqCst);
    assert_eq!(scene.take().thing().number, 2, "it was used just now");
    scene.pass(3 * SECOND);
    assert_eq!(scene.take().thing().number, 3);
    assert_eq!(scene.world.checked.load(Ordering::SeqCst), 2);
    assert_eq!(scene.world.most.load(Ordering::SeqCst), 1);
}

#[test]
fn idle_and_old_ones_are_dropped() {
    let mut scene = Scene::new(|pool| pool.max(3).idle_time(10 * SECOND).life_time(25 * SECOND));
    let all = [scene.take(), scene.take(), scene.take()].map(|taker| taker.thing());
    drop(all);
    assert_eq!(scene.counts(), [3, 3, 0]);
    scene.pass(10 * SECOND);
    assert_eq!(scene.take().thing().number, 2);
    scene.pass(SECOND);
    assert_eq!(
        scene.take().thing().number,
        2,
        "the others were idle for too long"
    );
    assert_eq!(scene.counts(), [1, 1, 0]);
    scene.pass(9 * SECOND);
    let old = scene.take().thing();
    scene.pass(6 * SECOND);
    drop(old); // too old when it comes back
    assert_eq!(scene.counts(), [0, 0, 0]);
    assert_eq!(scene.take().thing().number, 3);
}

#[test]
fn several_cores_share_one_pool_of_what_blocks() -> Result {
    const MAX: usize = 3;
    const CLIENTS: usize = 12;
    let world = Arc::new(World {
        blocks: true,
        ..World::default()
    });
    let pool = Pool::builder(Things(Arc::clone(&world)))
        .max(MAX)
        .wait_time(60 * SECOND)
        .check_after(Duration::ZERO)
        .build();
    let theirs = pool.clone();
    async fn work(ctx: Context, pool: Pool<Things>) -> Result {
        let mut thing = pool.take().await?;
        let number = blocking(move || {
            std::thread::sleep(Duration::from_micros(200));
            thing.is_broken = thing.number % 5 == 4;
            thing.number // it goes back from this thread
        });
        ctx.text(number.await?.to_string());
        Ok(())
    }
    let server = Server::builder()
        .get("/", move |ctx| work(ctx, theirs.clone()))
        .bind("127.0.0.1:0")
        .workers(2);
    let handle = server.build()?.start()?;
    let address = handle.addresses().next().expect("it listens");
    let client = move || -> std::io::Result<()> {
        for round in 0..20 {
            let mut stream = TcpStream::connect(address)?;
            stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")?;
            if round % 7 == 3 {
                continue; // gone at once: its handler is cancelled somewhere
            }
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        }
        Ok(())
    };
    let clients: Vec<_> = (0..CLIENTS).map(|_| std::thread::spawn(client)).collect();
    for client in clients {
        client.join().expect("no assertion failed")?;
    }
    handle.shutdown();
    handle.wait()?;
    let most = world.most.load(Ordering::SeqCst);
    assert!((1..=3).contains(&most), "{most} at one time");
    assert_eq!(pool.status().waiting, 0);
    drop(pool);
    assert_eq!(world.alive.load(Ordering::SeqCst), 0, "none was lost");
    Ok(())
}
