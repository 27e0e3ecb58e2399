//! Tests draining: a core serves every connection that was established before, then ends.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use ringlane_reactor::cores::{self, Setup};
use ringlane_reactor::listener::Bind;
use ringlane_reactor::{Application, CloseReason, Config, Intent, Io, Letter};

use super::stand::{PATIENCE, RealRing, Stand, be_patient, echo, exchange, script, watch};

on_both_drivers! {
    connections_that_wait_to_be_accepted_are_still_served
    connections_that_wait_for_a_place_are_still_served
    whoever_gets_through_while_a_core_drains_is_served
    whoever_gets_through_while_cores_drain_is_served
    whoever_gets_through_a_unix_socket_while_cores_drain_is_served
    conversations_that_do_not_end_are_ended_when_the_time_is_over
}

const GRACE: Duration = Duration::from_secs(5);

fn connections_that_wait_to_be_accepted_are_still_served<R: RealRing>() {
    let stand = Stand::<R, _>::new(Config::default(), script(echo));
    let clients = (0..50).map(|_| stand.client()).collect();
    serve_the_last(stand, clients);
}

fn connections_that_wait_for_a_place_are_still_served<R: RealRing>() {
    let config = Config {
        connections_max: 2,
        ..Config::default()
    };
    let mut stand = Stand::<R, _>::new(config, script(echo));
    let mut clients: Vec<TcpStream> = (0..3).map(|_| stand.client()).collect();
    // The third has no place, and accepting stops: those after it stay with the kernel.
    stand.serve(|| std::thread::sleep(Duration::from_millis(20)));
    clients.extend((0..20).map(|_| stand.client()));
    stand.serve(|| std::thread::sleep(Duration::from_millis(20)));
    assert_eq!(stand.reactor.metrics().accepted.get(), 2);
    serve_the_last(stand, clients);
}

/// Begins the end of a core to which all of these have got through.
fn serve_the_last<R: RealRing, A: Application>(mut stand: Stand<R, A>, clients: Vec<TcpStream>) {
    let drain = Letter::Drain(GRACE);
    stand
        .reactor
        .post()
        .send(drain)
        .expect("the mailbox is empty");
    let _watched = watch("draining");
    let count = clients.len();
    let served = std::thread::spawn(move || {
        let answers = clients.iter().map(|client| exchange(client, b"hello"));
        answers.filter(|answer| answer == b"hello").count()
    });
    while stand.turn() {}
    assert_eq!(served.join().expect("no client was cut off"), count);
    stand.check_nothing_is_held();
    let late = TcpStream::connect_timeout(&stand.address, Duration::from_millis(100));
    assert!(late.is_err(), "somebody still listens");
}

/// A client of TCP or of a Unix socket.
trait Client: Read + Write {
    /// `None` if nobody listens any more.
    fn connect(to: &Bind) -> Option<Self>
    where
        Self: Sized;
}

impl Client for TcpStream {
    fn connect(to: &Bind) -> Option<Self> {
        let Bind::Tcp(address) = to else {
            panic!("an address of TCP")
        };
        let client = Self::connect_timeout(address, Duration::from_millis(200)).ok()?;
        be_patient(&client);
        Some(client)
    }
}

impl Client for UnixStream {
    fn connect(to: &Bind) -> Option<Self> {
        let Bind::Unix(path) = to else {
            panic!("a path")
        };
        let client = Self::connect(path).ok()?;
        client.set_read_timeout(Some(PATIENCE)).expect("a time-out");
        Some(client)
    }
}

/// Clients that connect again and again until nobody listens any more. Everyone who gets through
/// must get an answer.
#[derive(Default)]
struct Storm {
    served: AtomicUsize,
    draining: AtomicBool,
    over: AtomicBool,
}

impl Storm {
    const THREADS: usize = 4;
    /// So many are served before the end begins.
    const BEFORE: usize = 300;
    /// So many more each thread may have open at a time, once it has begun.
    const OPEN_MAX: usize = 500;

    fn rage<C: Client>(to: &Bind, begin_draining: impl FnOnce() + Send) {
        let storm = Self::default();
        std::thread::scope(|scope| {
            let connect = || storm.connect::<C>(to);
            let clients: Vec<_> = (0..Self::THREADS).map(|_| scope.spawn(connect)).collect();
            while storm.served.load(Ordering::SeqCst) < Self::BEFORE {
                let over = storm.over.load(Ordering::SeqCst);
                assert!(!over, "it ended before it was told to");
                std::thread::yield_now();
            }
            storm.draining.store(true, Ordering::SeqCst);
            begin_draining();
            for client in clients {
                if let Err(panic) = client.join() {
                    std::panic::resume_unwind(panic);
                }
            }
        });
    }

    fn connect<C: Client>(&self, to: &Bind) {
        let mut open = Vec::new();
        while let Some(mut client) = C::connect(to) {
            client.write_all(b"hello").expect("sending");
            open.push(client);
            // Then they come as thick as they can, so that one comes at the very last moment.
            if !self.draining.load(Ordering::SeqCst) || open.len() == Self::OPEN_MAX {
                self.take_answers(open.drain(..));
            }
        }
        self.take_answers(open.drain(..));
        self.over.store(true, Ordering::SeqCst);
    }

    fn take_answers<C: Client>(&self, open: impl Iterator<Item = C>) {
        for mut client in open {
            let mut answer = [0; 5];
            client.read_exact(&mut answer).unwrap_or_else(|error| {
                let served = self.served.load(Ordering::SeqCst);
                panic!("got through and was cut off after {served} others: {error}")
            });
            assert_eq!(&answer, b"hello");
            self.served.fetch_add(1, Ordering::SeqCst);
        }
    }
}

/// Echoes one message; ends when that is done, or when the peer has gone.
fn echo_once(done: &mut bool, io: &mut Io<'_>) -> Intent {
    *done |= super::stand::take_into_output(io) > 0;
    if *done && io.draining || io.peer_finished {
        Intent::Finish
    } else {
        Intent::Continue
    }
}

fn whoever_gets_through_while_a_core_drains_is_served<R: RealRing>() {
    let mut stand = Stand::<R, _>::new(Config::default(), script(echo_once));
    let (post, to) = (stand.reactor.post(), Bind::Tcp(stand.address));
    let _watched = watch("draining");
    let clients = std::thread::spawn(move || {
        Storm::rage::<TcpStream>(&to, || {
            post.send(Letter::Drain(GRACE))
                .expect("the mailbox has room");
        });
    });
    while stand.turn() {}
    clients.join().expect("everyone who got through was served");
    stand.check_nothing_is_held();
}

/// The same with several cores, which share the port or are dealt what comes by one path. Several
/// times: the last moments of a core are short.
fn cores_drain<R: RealRing, C: Client>(bind: &Bind) {
    for _ in 0..4 {
        let setup = Setup {
            binds: vec![bind.clone()],
            cores: Some(2),
            driver: R::DRIVER,
            ..Setup::default()
        };
        let _watched = watch("draining two cores");
        let cores = cores::start(setup, |_| script(echo_once)).expect("a free address");
        let (control, to) = (cores.control(), cores.addresses()[0].clone());
        Storm::rage::<C>(&to, || control.drain(GRACE));
        let started = Instant::now();
        cores.wait().expect("they end in order");
        let took = started.elapsed();
        assert!(took < GRACE, "it took {took:?}");
    }
}

fn whoever_gets_through_while_cores_drain_is_served<R: RealRing>() {
    let any: SocketAddr = ([127, 0, 0, 1], 0).into();
    cores_drain::<R, TcpStream>(&Bind::Tcp(any));
}

fn whoever_gets_through_a_unix_socket_while_cores_drain_is_served<R: RealRing>() {
    let path = super::starting::socket_path("draining");
    cores_drain::<R, UnixStream>(&Bind::Unix(path));
}

fn conversations_that_do_not_end_are_ended_when_the_time_is_over<R: RealRing>() {
    let grace = Duration::from_millis(200);
    let deaf = |_: &mut (), io: &mut Io<'_>| {
        io.input.consume(io.input.bytes().len());
        Intent::Continue
    };
    let mut stand = Stand::<R, _>::new(Config::default(), script(deaf));
    let clients: Vec<TcpStream> = (0..5).map(|_| stand.client()).collect();
    stand.turn_until("all to be accepted", |stand| {
        stand.reactor.connections() == 5
    });
    stand
        .reactor
        .post()
        .send(Letter::Drain(grace))
        .expect("the mailbox is empty");
    let started = Instant::now();
    let _watched = watch("draining");
    while stand.turn() {}
    let took = started.elapsed();
    assert!((grace..PATIENCE).contains(&took), "{took:?}");
    assert_eq!(
        stand.reactor.application().closed,
        [CloseReason::ShutDown; 5]
    );
    drop(clients);
}
