//! At the limit the longest idle connections make room, those and no others.

use super::*;
use crate::config::OverLimit;
use crate::op::Socket;
use crate::sim::{Client, Link, SimRing, World};
use crate::{Budget, Config, Intent, Io};

const IDLE_TIME: Duration = Duration::from_secs(60);
const EVICT_AFTER: Duration = Duration::from_secs(1);

/// Answers each byte; one that is `b` keeps its connection busy from then on.
struct Answers;

impl Application for Answers {
    /// Whether it is busy.
    type Conversation = bool;

    fn opened(&mut self, io: &mut Io<'_>) -> bool {
        io.set_deadline(io.now + IDLE_TIME);
        false
    }

    fn advance(&mut self, is_busy: &mut bool, io: &mut Io<'_>) -> Intent {
        if io.over_limit {
            io.output.buffer().extend_from_slice(b"full");
            return Intent::Finish;
        }
        *is_busy |= io.input.bytes().contains(&b'b');
        let count = io.input.bytes().len();
        io.input.consume(count);
        io.output.buffer().extend(std::iter::repeat_n(b'.', count));
        io.set_deadline(io.now + IDLE_TIME);
        match io.peer_finished {
            true => Intent::Finish,
            false => Intent::Continue,
        }
    }

    fn timed_out(&mut self, _: &mut bool, _io: &mut Io<'_>) -> Intent {
        Intent::Finish
    }

    fn idle_since(&self, is_busy: &bool, deadline: Instant) -> Option<Instant> {
        let since = deadline - (Instant::default() + IDLE_TIME);
        (!is_busy).then(|| Instant::default() + since)
    }

    fn closed(&mut self, _: bool, _reason: CloseReason) {}
}

struct Scene {
    world: World,
    listener: Socket,
    core: Reactor<SimRing, Answers>,
}

impl Scene {
    fn new(config: Config, budget: &Budget) -> Self {
        let world = World::scripted();
        let listener = world.listen();
        let core = Reactor::new(world.ring(&config), config, || Answers);
        let mut core = core.expect("a core is free in this process");
        core.share_budget(budget.lease());
        core.listen(listener);
        Self {
            world,
            listener,
            core,
        }
    }

    /// A client that has said something, `time` before this returns.
    fn client(&mut self, says: &[u8], time: Duration) -> Client {
        let client = self.world.connect(self.listener);
        client.send(says);
        self.run(time);
        client
    }

    fn run(&mut self, time: Duration) {
        self.world.set_horizon(self.world.now() + time);
        self.core.settle().expect("the ring is of use");
    }
}

fn config(over_limit: OverLimit) -> Config {
    Config {
        over_limit,
        evict_after: EVICT_AFTER,
        ..Config::default()
    }
}

const PART: Duration = Duration::from_millis(100);

#[test]
fn the_longest_idle_connections_make_room() {
    for over_limit in [OverLimit::Wait, OverLimit::Refuse] {
        for own in [3, 1000] {
            let config = Config {
                connections_max: own,
                ..config(over_limit)
            };
            let mut scene = Scene::new(config, &Budget::new(3, 1));
            let first = scene.client(b"a", PART);
            let busy = scene.client(b"b", PART);
            let third = scene.client(b"a", PART);
            first.send(b"again"); // so it is not the longest idle one any more
            scene.run(EVICT_AFTER);
            let newcomer = scene.client(b"a", PART);
            assert_eq!(newcomer.read(), b".", "it was served");
            let links = [&first, &busy, &third].map(Client::link);
            assert_eq!(links, [Link::Open, Link::Open, Link::Finished]);
            let another = scene.client(b"a", PART);
            assert_eq!(another.read(), b".");
            assert_eq!((first.link(), busy.link()), (Link::Finished, Link::Open));
            assert_eq!(scene.core.metrics().evicted.get(), 2);
            assert_eq!(scene.core.metrics().refused.get(), 0);
        }
    }
}

#[test]
fn who_has_not_been_idle_for_long_stays() {
    let budget = Budget::new(2, 1);
    let mut scene = Scene::new(config(OverLimit::Wait), &budget);
    let clients = [(); 2].map(|()| scene.client(b"a", Duration::ZERO));
    let began = scene.world.now();
    let newcomer = scene.client(b"a", EVICT_AFTER - PART);
    assert_eq!(newcomer.read(), b"", "nobody has been idle for long enough");
    assert_eq!(clients.each_ref().map(Client::link), [Link::Open; 2]);
    scene.run(2 * PART); // then one has
    assert_eq!(newcomer.read(), b".");
    assert!(scene.world.now() < began + 2 * EVICT_AFTER);
    assert_eq!(scene.core.metrics().evicted.get(), 1);
    let turns = scene.core.metrics().turns.get();
    assert!(turns < 100, "{turns} turns: it looks all the time");
}

#[test]
fn busy_connections_are_never_closed_for_others() {
    for (over_limit, answer) in [(OverLimit::Wait, &b""[..]), (OverLimit::Refuse, b"full")] {
        let mut scene = Scene::new(config(over_limit), &Budget::new(2, 1));
        let busy = [(); 2].map(|()| scene.client(b"b", 2 * EVICT_AFTER));
        let newcomer = scene.client(b"a", 5 * EVICT_AFTER);
        assert_eq!(newcomer.read(), answer);
        assert_eq!(busy.each_ref().map(Client::link), [Link::Open; 2]);
        assert_eq!(scene.core.metrics().evicted.get(), 0);
    }
}

#[test]
fn connections_are_kept_if_that_is_wished() {
    let config = Config {
        evict_after: Duration::MAX,
        ..config(OverLimit::Wait)
    };
    let mut scene = Scene::new(config, &Budget::new(1, 1));
    let idle = scene.client(b"a", IDLE_TIME / 2);
    let newcomer = scene.client(b"a", IDLE_TIME / 4);
    assert_eq!((idle.link(), newcomer.read()), (Link::Open, Vec::new()));
}

#[test]
fn a_crowd_that_is_idle_makes_room_for_another() {
    const CROWD: usize = 600;
    let mut scene = Scene::new(config(OverLimit::Wait), &Budget::new(CROWD, 1));
    let idle: Vec<Client> = (0..CROWD)
        .map(|_| scene.client(b"a", Duration::from_micros(1)))
        .collect();
    scene.run(EVICT_AFTER);
    let crowd = CROWD / 2;
    let new: Vec<Client> = (0..crowd)
        .map(|_| scene.world.connect(scene.listener))
        .collect();
    new.iter().for_each(|client| client.send(b"a"));
    scene.run(2 * EVICT_AFTER);
    assert!(new.iter().all(|client| client.read() == b"."));
    let kept = idle.iter().filter(|client| client.link() == Link::Open);
    assert_eq!(kept.count(), CROWD - crowd, "no more than needed");
    // The first ones came first, and had been idle for the longest.
    assert!(
        idle[..crowd]
            .iter()
            .all(|client| client.link() != Link::Open)
    );
}

#[test]
fn another_core_that_has_idle_connections_makes_room() {
    let budget = Budget::new(64, 2);
    let mut scene = Scene::new(config(OverLimit::Wait), &budget);
    let idle: Vec<Client> = (0..2)
        .map(|_| scene.client(b"a", 2 * EVICT_AFTER))
        .collect();
    let mut other = budget.lease();
    let taken = (0..64).filter(|_| other.take()).count();
    assert!(taken < 64, "some are held back by the first core");
    let post = scene.core.post();
    post.send(Letter::MakeRoom).expect("the mailbox is empty");
    scene.run(PART);
    let more = (0..64).filter(|_| other.take()).count();
    assert_eq!(taken + more, 64 - 1, "all but those of one connection");
    let open = idle.iter().filter(|client| client.link() == Link::Open);
    assert_eq!(open.count(), 1);
}
