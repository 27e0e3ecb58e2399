//! Tests the fallback to epoll where io_uring is forbidden, and its reasons.
//!
//! Filters and capabilities are those of a thread and of those it starts: each test dresses one of
//! its own and leaves the others alone.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use ringlane_reactor::cores::{self, Cores, Driver, Setup, StartError};
use ringlane_reactor::listener::Bind;
use ringlane_reactor::{RingError, Uring};
use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, setrlimit};
use rustix::thread::{CapabilitySet, capabilities, set_capabilities};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, apply_filter};

use super::stand::{RealRing, alone, client, echo, ping, script, watch};

/// Starts two cores and has them serve, if they start.
fn start(driver: Driver) -> Result<String, StartError> {
    let setup = Setup {
        binds: vec![Bind::Tcp(SocketAddr::from(([127, 0, 0, 1], 0)))],
        cores: Some(2),
        driver,
        ..Setup::default()
    };
    let _watched = watch("starting in a sandbox");
    let cores: Cores = cores::start(setup, |_| script(echo))?;
    let [Bind::Tcp(address)] = cores.addresses() else {
        panic!("one address was asked for")
    };
    ping(&client(*address), b"hello");
    let text = cores.driver().to_owned();
    cores.control().drain(Duration::from_secs(5));
    cores.wait().expect("they end in order");
    Ok(text)
}

/// Runs `body` where `io_uring_setup(2)` fails as it does under a filter of this kind.
fn filtered<T: Send>(errno: Errno, body: impl FnOnce() -> T + Send) -> T {
    /// The same number on every architecture.
    const IO_URING_SETUP: i64 = 425;
    let machine = std::env::consts::ARCH.try_into().expect("a known machine");
    let action = SeccompAction::Errno(errno.raw_os_error().unsigned_abs());
    let rules = BTreeMap::from([(IO_URING_SETUP, Vec::new())]);
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, action, machine);
    let program: BpfProgram = filter.and_then(TryInto::try_into).expect("a filter");
    std::thread::scope(|scope| {
        let dressed = scope.spawn(move || {
            apply_filter(&program).expect("this kernel filters calls");
            body()
        });
        match dressed.join() {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

#[track_caller]
fn check_filtered(errno: Errno, is_expected: fn(&RingError) -> bool, reason: &str) {
    let [automatic, demanded, epoll] = [Driver::Auto, Driver::Uring, Driver::Epoll]
        .map(|driver| filtered(errno, || start(driver)));
    let text = automatic.expect("epoll is there");
    assert!(
        text.starts_with("driver epoll: ") && text.contains(reason),
        "{text}"
    );
    match demanded {
        Err(StartError::Ring(error)) if is_expected(&error) => {
            assert!(error.to_string().contains(reason), "{error}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(epoll.expect("epoll is there"), "driver epoll: as asked");
}

#[test]
fn a_call_that_a_filter_refuses_is_told_from_one_that_is_missing() {
    check_filtered(
        Errno::PERM,
        |error| matches!(error, RingError::Filtered(_) | RingError::Disabled(_)),
        "io_uring is forbidden by ",
    );
    check_filtered(
        Errno::NOSYS,
        |error| matches!(error, RingError::Missing(_)),
        "io_uring is missing or too old",
    );
}

/// Only root can give up what exempts it from the limit, and only some kernels charge rings to it;
/// elsewhere this shows nothing, and says so.
#[test]
fn a_limit_on_locked_memory_is_named_with_its_remedy() {
    if !Uring::is_here() {
        return;
    }
    alone(|| {
        let limit = Rlimit {
            current: Some(0),
            maximum: Some(0),
        };
        setrlimit(Resource::Memlock, limit).expect("lowering one's own limit");
        let mut mine = capabilities(None).expect("one's own capabilities");
        mine.effective.remove(CapabilitySet::IPC_LOCK);
        set_capabilities(None, mine).expect("giving a capability up");
        let automatic = start(Driver::Auto).expect("epoll is there");
        match start(Driver::Uring) {
            Ok(_) => eprintln!("NOT SHOWN: this kernel charges no ring to RLIMIT_MEMLOCK"),
            Err(StartError::Ring(error @ RingError::LockedMemory(_))) => {
                assert!(error.to_string().contains("RLIMIT_MEMLOCK"), "{error}");
                assert!(automatic.starts_with("driver epoll: "), "{automatic}");
                assert!(automatic.contains("RLIMIT_MEMLOCK"), "{automatic}");
            }
            Err(other) => panic!("{other}"),
        }
    });
}
