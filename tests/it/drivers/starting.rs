//! Tests starting and stopping several cores, and how connections are shared out.

use std::collections::HashSet;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use ringlane_reactor::cores::{self, Cores, CpuList, Driver, Setup, StartError};
use ringlane_reactor::listener::Bind;
use ringlane_reactor::{End, Intent, Io, local};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use super::stand::{RealRing, be_patient, client, echo, ping, script, watch};

on_both_drivers! {
    cores_start_serve_and_end_in_order
    connections_of_a_unix_socket_are_dealt_out_in_turn
    two_servers_with_a_core_each_do_not_share_a_cpu
    cores_are_pinned_if_each_cpu_has_one_or_by_request
    connections_go_to_the_core_on_whose_cpu_they_come_in
    cores_without_a_cpu_each_cannot_be_chosen_by_it
    an_application_that_cannot_be_made_is_an_error_of_the_start
    an_address_that_is_taken_meanwhile_is_an_error_of_the_start
    of_two_that_start_at_one_path_one_serves_and_the_other_says_so
    nowhere_to_listen_is_an_error_of_the_start
    a_core_that_panics_ends_the_others
}

/// A path of this test alone.
pub(super) fn socket_path(test: &str) -> PathBuf {
    let thread = std::thread::current();
    let driver = thread.name().is_some_and(|name| name.contains("::uring::"));
    let name = format!("ringlane-{test}-{}-{driver}.sock", std::process::id());
    std::env::temp_dir().join(name)
}

fn anywhere() -> Bind {
    Bind::Tcp(SocketAddr::from(([127, 0, 0, 1], 0)))
}

fn setup(driver: Driver, binds: Vec<Bind>) -> Setup {
    Setup {
        binds,
        cores: Some(2),
        driver,
        ..Setup::default()
    }
}

fn port(cores: &Cores) -> SocketAddr {
    match cores.addresses() {
        [Bind::Tcp(address), ..] => *address,
        other => panic!("{other:?}"),
    }
}

fn cores_start_serve_and_end_in_order<R: RealRing>() {
    let _watched = watch("two cores");
    let path = socket_path("starting");
    let binds = vec![anywhere(), Bind::Unix(path.clone())];
    for driver in [R::DRIVER, Driver::Auto] {
        let cores = cores::start(setup(driver, binds.clone()), |_| script(echo));
        let cores = cores.expect("free addresses");
        let name = match driver {
            Driver::Epoll => "driver epoll: as asked",
            Driver::Uring => "driver io_uring (",
            Driver::Auto => "driver ",
        };
        assert!(cores.driver().starts_with(name), "{}", cores.driver());
        assert_eq!(cores.metrics().len(), 2);
        assert_ne!(port(&cores).port(), 0);
        assert_eq!(cores.addresses()[1], binds[1]);
        let clients: Vec<_> = (0..20).map(|_| client(port(&cores))).collect();
        clients.iter().for_each(|client| ping(client, b"hello"));
        ping_by_path(&path);
        let taken = cores::start(setup(driver, vec![Bind::Tcp(port(&cores))]), |_| {
            script(echo)
        });
        assert!(matches!(taken, Err(StartError::Bind(_))));
        drop(clients);
        let (control, address) = (cores.control(), port(&cores));
        control.drain(Duration::from_secs(5));
        cores.wait().expect("they end in order");
        assert!(
            TcpStream::connect(address).is_err(),
            "somebody still listens"
        );
        assert!(!path.exists());
    }
}

/// Answers with the number of its core and what it knows of its peer.
fn tell_core(_: &mut (), io: &mut Io<'_>) -> Intent {
    io.input.consume(io.input.bytes().len());
    let core = local::core().expect("this is a core's thread");
    let [peer, own] = [End::Peer, End::Local].map(|end| local::address(io.socket(), end));
    let text = format!("{core}|{peer:?}|{own:?}");
    io.output.buffer().extend(text.bytes());
    Intent::Finish
}

fn connections_of_a_unix_socket_are_dealt_out_in_turn<R: RealRing>() {
    let _watched = watch("dealing out");
    let path = socket_path("dealing");
    let binds = vec![Bind::Unix(path.clone())];
    let cores = cores::start(setup(R::DRIVER, binds), |_| script(tell_core));
    let cores = cores.expect("a free path");
    let mut by_core: Vec<String> = Vec::new();
    for _ in 0..8 {
        let mut client = UnixStream::connect(&path).expect("connecting");
        client.write_all(b"who is there?").expect("sending");
        let mut answer = String::new();
        client.read_to_string(&mut answer).expect("the answer");
        by_core.push(answer);
    }
    let expected = format!("|Ok(Unix(None))|Ok(Unix(Some({path:?})))");
    assert!(
        by_core.iter().all(|answer| answer.ends_with(&expected)),
        "{by_core:?}"
    );
    let [odd, even] = [0, 1].map(|first| {
        let answers = by_core.iter().skip(first).step_by(2);
        answers.collect::<HashSet<_>>()
    });
    assert_eq!((odd.len(), even.len()), (1, 1), "not in turn: {by_core:?}");
    assert_ne!(odd, even, "one core has them all");
    let accepted = cores.metrics().iter().map(|metrics| metrics.accepted.get());
    assert_eq!(accepted.collect::<Vec<_>>(), [4, 4]);
    cores.control().drain(Duration::from_secs(5));
    cores.wait().expect("they end in order");
}

/// Whether the kernel obeys `SO_INCOMING_CPU` within a group of listeners: from 6.2 on.
fn kernel_prefers_cpus() -> bool {
    let release = rustix::system::uname()
        .release()
        .to_string_lossy()
        .into_owned();
    let mut numbers = release
        .split(['.', '-'])
        .map(|part| part.parse().unwrap_or(0));
    (numbers.next(), numbers.next()) >= (Some(6), Some(2))
}

/// The CPUs on which this thread may run.
fn thread_cpus() -> Vec<usize> {
    let set = sched_getaffinity(None).expect("our CPUs");
    (0..CpuSet::MAX_CPU)
        .filter(|&cpu| set.is_set(cpu))
        .collect()
}

fn list(cpus: &[usize]) -> CpuList {
    let texts: Vec<String> = cpus.iter().map(usize::to_string).collect();
    texts.join(",").parse().expect("a list of CPUs")
}

/// Starts cores and tells on which CPUs each may run.
fn cpus_of_cores(setup: Setup) -> Vec<Vec<usize>> {
    let seen: Arc<Mutex<Vec<_>>> = Arc::default();
    let cores = {
        let seen = Arc::clone(&seen);
        cores::start(setup, move |core| {
            let mut seen = seen.lock().expect("nobody panicked");
            seen.push((core, thread_cpus()));
            script(echo)
        })
    };
    let cores = cores.expect("a free port");
    cores.control().stop();
    cores.wait().expect("they end in order");
    let mut seen = seen.lock().expect("nobody panicked");
    seen.sort();
    seen.drain(..).map(|(_, cpus)| cpus).collect()
}

fn two_servers_with_a_core_each_do_not_share_a_cpu<R: RealRing>() {
    let _watched = watch("a core of two servers each");
    let allowed = thread_cpus();
    for _ in 0..2 {
        let mut setup = setup(R::DRIVER, vec![anywhere()]);
        setup.cores = Some(1);
        assert_eq!(cpus_of_cores(setup), std::slice::from_ref(&allowed));
    }
}

fn cores_are_pinned_if_each_cpu_has_one_or_by_request<R: RealRing>() {
    let _watched = watch("pinning");
    let allowed = thread_cpus();
    let each: Vec<Vec<usize>> = allowed.iter().map(|&cpu| vec![cpu]).collect();
    let mut all = setup(R::DRIVER, vec![anywhere()]);
    all.cores = Some(allowed.len());
    assert_eq!(cpus_of_cores(all.clone()), each);
    all.unpinned = true;
    assert_eq!(
        cpus_of_cores(all.clone()),
        vec![allowed.clone(); allowed.len()]
    );
    let last = allowed.last().copied().expect("a CPU");
    let mut one = setup(R::DRIVER, vec![anywhere()]);
    (one.cores, one.cpus) = (None, Some(list(&[last])));
    assert_eq!(cpus_of_cores(one.clone()), [[last]]);
    one.cores = Some(2);
    let error = cores::start(one.clone(), |_| script(echo)).expect_err("which one?");
    let text = error.to_string();
    assert!(text.contains("2 workers, 1 CPUs"), "{text}");
    (one.cores, one.cpus) = (None, Some(list(&[CpuSet::MAX_CPU - 1])));
    let error = cores::start(one, |_| script(echo)).expect_err("no machine has it");
    let text = error.to_string();
    assert!(text.contains("may not use CPU 1023, only "), "{text}");
}

fn connections_go_to_the_core_on_whose_cpu_they_come_in<R: RealRing>() {
    const EACH: u64 = 8;
    let _watched = watch("dealing by CPU");
    let allowed = sched_getaffinity(None).expect("our CPUs");
    let cpus = thread_cpus();
    let mut setup = setup(R::DRIVER, vec![anywhere()]);
    setup.cores = None;
    setup.cpus = Some(list(&cpus)); // one on each of these CPUs, in this order
    setup.listen.incoming_cpu = true;
    let cores = cores::start(setup, |_| script(echo)).expect("a free port");
    // What is sent over loopback comes in on the sender's CPU.
    for cpu in &cpus {
        let mut only = CpuSet::new();
        only.set(*cpu);
        sched_setaffinity(None, &only).expect("one of our CPUs");
        for _ in 0..EACH {
            ping(&client(port(&cores)), b"hello");
        }
    }
    sched_setaffinity(None, &allowed).expect("those that we had");
    let accepted = cores.metrics().iter().map(|metrics| metrics.accepted.get());
    let accepted: Vec<u64> = accepted.collect();
    if kernel_prefers_cpus() {
        assert_eq!(accepted, vec![EACH; cpus.len()]);
    } else {
        assert_eq!(accepted.iter().sum::<u64>(), EACH * cpus.len() as u64);
    }
    cores.control().stop();
    cores.wait().expect("they end in order");
}

fn cores_without_a_cpu_each_cannot_be_chosen_by_it<R: RealRing>() {
    let mut setup = setup(R::DRIVER, vec![anywhere()]);
    setup.listen.incoming_cpu = true;
    let allowed = std::thread::available_parallelism().map_or(1, usize::from);
    let too_many = Setup {
        cores: Some(allowed + 1),
        ..setup.clone()
    };
    let unpinned = Setup {
        unpinned: true,
        ..setup
    };
    for setup in [too_many, unpinned] {
        let error = cores::start(setup, |_| script(echo)).expect_err("no CPU for each");
        assert!(matches!(error, StartError::NotPinned), "{error}");
        assert!(error.to_string().contains("incoming_cpu"), "{error}");
    }
}

/// Ports that nobody has.
fn free_ports<const COUNT: usize>() -> [SocketAddr; COUNT] {
    let any = |_| TcpListener::bind("127.0.0.1:0").expect("a free port");
    std::array::from_fn(any).map(|listener| listener.local_addr().expect("its port"))
}

fn ping_by_path(path: &Path) {
    let mut client = UnixStream::connect(path).expect("connecting");
    client.write_all(b"hello").expect("sending");
    client.read_exact(&mut [0; 5]).expect("the answer");
}

fn an_application_that_cannot_be_made_is_an_error_of_the_start<R: RealRing>() {
    let _watched = watch("a start that fails");
    let path = socket_path("failing");
    let [address] = free_ports();
    let binds = vec![Bind::Unix(path.clone()), Bind::Tcp(address)];
    let start = |fails: bool| {
        cores::start(setup(R::DRIVER, binds.clone()), move |core| {
            assert!(!fails || core == 0, "the application cannot be made");
            script(echo)
        })
    };
    let error = start(true).expect_err("core 1 has no application");
    let text = error.to_string();
    assert!(text.contains("making an application on its core"), "{text}");
    assert!(TcpStream::connect(address).is_err(), "somebody listens");
    assert!(!path.exists(), "a path is left");
    let cores = start(false).expect("nothing is left of the first start");
    ping(&client(address), b"hello");
    cores.control().stop();
    cores.wait().expect("they end in order");
}

fn an_address_that_is_taken_meanwhile_is_an_error_of_the_start<R: RealRing>() {
    let _watched = watch("an address that is taken");
    let path = socket_path("taken");
    let [free, contested] = free_ports();
    let binds = vec![
        Bind::Tcp(free),
        Bind::Unix(path.clone()),
        Bind::Tcp(contested),
    ];
    let other = Arc::new(OnceLock::new());
    let seize = Arc::clone(&other);
    let started = cores::start(setup(R::DRIVER, binds), move |_| {
        // Everything is bound and nothing listens yet.
        seize.get_or_init(|| TcpListener::bind(contested).expect("nobody listens yet"));
        script(echo)
    });
    match started {
        Err(StartError::Bind(error)) => {
            assert_eq!(error.bind, Bind::Tcp(contested));
            let text = error.to_string();
            assert!(text.contains("another process listens there"), "{text}");
        }
        started => panic!("{started:?}"),
    }
    assert!(
        TcpStream::connect(free).is_err(),
        "somebody listens where nobody accepts"
    );
    assert!(!path.exists(), "a path is left");
    assert_eq!(Arc::strong_count(&other), 1, "a core is left");
}

fn of_two_that_start_at_one_path_one_serves_and_the_other_says_so<R: RealRing>() {
    let _watched = watch("two at one path");
    let path = socket_path("contested");
    let binds = vec![Bind::Unix(path.clone())];
    let other = Arc::new(OnceLock::new());
    let (start, seize) = (setup(R::DRIVER, binds.clone()), Arc::clone(&other));
    let started = cores::start(setup(R::DRIVER, binds), move |_| {
        // Nobody listens at the path yet: it looks as if it was left behind.
        seize.get_or_init(|| cores::start(start.clone(), |_| script(echo)).expect("a dead path"));
        script(echo)
    });
    match started {
        Err(StartError::Bind(error)) => {
            let text = error.to_string();
            assert!(text.contains("another process listens there"), "{text}");
        }
        started => panic!("nobody finds it: {started:?}"),
    }
    ping_by_path(&path);
    let serving = Arc::into_inner(other).and_then(OnceLock::into_inner);
    let serving = serving.expect("nothing is left of the first start");
    serving.control().drain(Duration::from_secs(5));
    serving.wait().expect("they end in order");
    assert!(!path.exists());
}

fn nowhere_to_listen_is_an_error_of_the_start<R: RealRing>() {
    let started = cores::start(setup(R::DRIVER, Vec::new()), |_| script(echo));
    assert!(matches!(started, Err(StartError::NoAddress)));
}

fn a_core_that_panics_ends_the_others<R: RealRing>() {
    let _watched = watch("a core that panics");
    let fragile = |_: &mut (), io: &mut Io<'_>| {
        assert!(io.input.bytes() != b"panic", "as the peer wished");
        echo(&mut (), io)
    };
    let cores = cores::start(setup(R::DRIVER, vec![anywhere()]), move |_| script(fragile));
    let cores = cores.expect("a free port");
    let clients: Vec<_> = (0..20).map(|_| client(port(&cores))).collect();
    clients.iter().for_each(|client| ping(client, b"hello"));
    let last = TcpStream::connect(port(&cores)).expect("connecting");
    be_patient(&last);
    (&last).write_all(b"panic").expect("sending");
    let error = cores.wait().expect_err("a core panicked");
    assert!(error.to_string().contains("panicked"), "{error}");
    for mut client in clients.into_iter().chain([last]) {
        // Closed or reset, but not left open.
        assert!(!matches!(client.read(&mut [0; 1]), Ok(1..)));
    }
}
