//! Tests accepting: it survives errors and holds its limits.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use ringlane_reactor::{Budget, Config, End, Intent, Io, OverLimit, local};
use rustix::process::{Resource, getrlimit, setrlimit};

use super::stand::{RealRing, Stand, alone, be_patient, descriptors, echo, exchange, ping, script};

on_both_drivers! {
    accepting_rests_while_no_descriptor_is_left_and_goes_on_after
    a_burst_beyond_the_limit_leaves_the_application_its_descriptors
    one_more_than_the_limit_waits_for_a_place
    one_more_than_the_limit_is_told_so
    both_ends_of_a_connection_are_known
}

const BACKOFF: Duration = Duration::from_millis(50);

/// So many more descriptors may be opened than are open now.
fn leave_descriptors(count: usize) {
    let names = std::fs::read_dir("/proc/self/fd").expect("this process's descriptors");
    let open: BTreeSet<u64> = names
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect();
    let mut free = (0..).filter(|number| !open.contains(number));
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = free.nth(count);
    setrlimit(Resource::Nofile, limit).expect("lowering one's own limit");
}

fn accepting_rests_while_no_descriptor_is_left_and_goes_on_after<R: RealRing>() {
    const CLIENTS: usize = 20;
    alone(|| {
        let config = Config {
            accept_backoff: BACKOFF,
            ..Config::default()
        };
        let mut stand = Stand::<R, _>::new(config, script(echo));
        let mut clients: Vec<TcpStream> = (0..CLIENTS).map(|_| stand.client()).collect();
        leave_descriptors(5);
        let metrics = stand.reactor.metrics();
        stand.turn_until("running out of descriptors", |_| {
            metrics.exhausted.get() > 0
        });
        let (turns, tries) = (metrics.turns.get(), metrics.exhausted.get());
        let resting = Instant::now();
        while resting.elapsed() < 6 * BACKOFF {
            stand.turn();
        }
        let rests = u64::try_from(resting.elapsed().as_millis() / BACKOFF.as_millis());
        let rests = rests.expect("a small number");
        let turns = metrics.turns.get() - turns;
        assert!(turns <= 4 * rests + 4, "{turns} turns in {rests} rests");
        let tries = metrics.exhausted.get() - tries;
        assert!(
            (1..=rests + 1).contains(&tries),
            "{tries} tries in {rests} rests"
        );
        let accepted = metrics.accepted.get();
        assert!((1..CLIENTS as u64).contains(&accepted), "{accepted}");
        // Each that ends leaves a descriptor to the next.
        let answered = stand.serve(move || {
            clients.retain(|client| exchange(client, b"hello") == b"hello");
            clients.len()
        });
        assert_eq!(answered, CLIENTS);
        assert_eq!(metrics.accepted.get(), CLIENTS as u64);
        stand.turn_until_idle();
        stand.check_nothing_is_held();
    });
}

fn a_burst_beyond_the_limit_leaves_the_application_its_descriptors<R: RealRing>() {
    const CLIENTS: usize = 700;
    const DESCRIPTORS: usize = 400;
    const LIMIT: usize = DESCRIPTORS - 64;
    alone(|| {
        let opens_a_file = |_: &mut (), io: &mut Io<'_>| {
            let file = std::fs::File::open("/dev/null");
            file.expect("a descriptor is left for the application");
            echo(&mut (), io)
        };
        let mut stand = Stand::<R, _>::new(Config::default(), script(opens_a_file));
        stand.reactor.share_budget(Budget::new(LIMIT, 1).lease());
        let mut clients: Vec<TcpStream> = (0..CLIENTS).map(|_| stand.client()).collect();
        leave_descriptors(DESCRIPTORS);
        let metrics = stand.reactor.metrics();
        stand.turn_until("accepting", |_| metrics.accepted.get() == LIMIT as u64);
        let served = stand.serve(|| {
            // Each that ends leaves its place to the next.
            clients.retain(|client| exchange(client, b"hello") == b"hello");
            clients.len()
        });
        assert_eq!(served, CLIENTS);
        assert_eq!(metrics.exhausted.get(), 0);
        drop(clients);
        stand.turn_until_idle();
        stand.check_nothing_is_held();
    });
}

fn one_more_than_the_limit_waits_for_a_place<R: RealRing>() {
    let config = Config {
        connections_max: 2,
        over_limit: OverLimit::Wait,
        ..Config::default()
    };
    let mut stand = Stand::<R, _>::new(config, script(echo));
    let clients: Vec<TcpStream> = (0..40).map(|_| stand.client()).collect();
    let metrics = stand.reactor.metrics();
    stand.serve(|| {
        for client in &clients {
            (&*client).write_all(b"hello").expect("sending");
        }
        // In the order in which they came, two at a time.
        for client in &clients {
            let mut answer = [0; 5];
            (&*client).read_exact(&mut answer).expect("the answer");
            assert!(metrics.connections.get() <= 2);
            assert_eq!(exchange(client, b""), b"");
        }
    });
    assert_eq!(metrics.refused.get(), 0);
    stand.turn_until_idle();
    stand.check_nothing_is_held();
}

fn one_more_than_the_limit_is_told_so<R: RealRing>() {
    fn answer(_: &mut (), io: &mut Io<'_>) -> Intent {
        if io.over_limit {
            io.output.buffer().extend_from_slice(b"full");
            return Intent::Linger;
        }
        echo(&mut (), io)
    }
    let config = Config {
        connections_max: 2,
        over_limit: OverLimit::Refuse,
        ..Config::default()
    };
    let mut stand = Stand::<R, _>::new(config, script(answer));
    let inside = [stand.client(), stand.client()];
    let address = stand.address;
    stand.serve(|| {
        inside.iter().for_each(|client| ping(client, b"first"));
        for _ in 0..10 {
            let client = TcpStream::connect(address).expect("connecting");
            be_patient(&client);
            assert_eq!(exchange(&client, b"hello"), b"full");
        }
        inside.iter().for_each(|client| ping(client, b"second"));
        let [one, _] = &inside;
        assert_eq!(exchange(one, b""), b"");
    });
    stand.turn_until("a place to be free", |stand| {
        stand.reactor.connections() == 1
    });
    let client = stand.client();
    stand.serve(|| ping(&client, b"there is room again"));
    assert_eq!(stand.reactor.metrics().refused.get(), 10);
    drop((inside, client));
    stand.turn_until_idle();
    stand.check_nothing_is_held();
}

fn both_ends_of_a_connection_are_known<R: RealRing>() {
    let addresses = |_: &mut (), io: &mut Io<'_>| {
        let [peer, own] = [End::Peer, End::Local].map(|end| local::address(io.socket(), end));
        io.output
            .buffer()
            .extend(format!("{peer:?} {own:?}").bytes());
        Intent::Finish
    };
    let mut stand = Stand::<R, _>::new(Config::default(), script(addresses));
    let client = stand.client();
    let own = client.local_addr().expect("an address");
    let expected = format!("Ok(Tcp({own})) Ok(Tcp({}))", stand.address);
    let answer = stand.serve(|| exchange(&client, b"where am I?"));
    assert_eq!(String::from_utf8_lossy(&answer), expected);
}

/// Keeps the helper honest: the count sees a descriptor come and go.
#[test]
fn open_descriptors_are_counted() {
    alone(|| {
        let before = descriptors();
        let one = std::fs::File::open("/dev/null").expect("a file that is always there");
        assert_eq!(descriptors(), before + 1);
        drop(one);
        assert_eq!(descriptors(), before);
    });
}
