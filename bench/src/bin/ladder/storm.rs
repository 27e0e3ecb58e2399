//! A storm: bursts of connections, each opened at once, and how long every one of them took.
//!
//! Always true here: connections stay open until the storm is over, as those of users would.
//!
//! Not here: the server, and its queue (`measure.rs`).

use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, connect, socket_with, sockopt};
use serde::{Deserialize, Serialize};

/// Longer than four SYNs sent again, which are due after 1, 3, 7 and 15 s.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a storm was like.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Storm {
    pub(crate) connected: u64,
    pub(crate) failed: u64,
    pub(crate) microseconds: u64,
    pub(crate) p99_us: f64,
}

/// Opens `bursts` times `burst` connections.
pub(crate) fn run(address: SocketAddr, bursts: u32, burst: u32) -> io::Result<Storm> {
    let started = Instant::now();
    let mut held = Vec::new();
    let mut times = Vec::new();
    let mut failed = 0;
    for _ in 0..bursts {
        failed += one_burst(address, burst, &mut held, &mut times)?;
    }
    let microseconds = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
    times.sort_unstable();
    let p99 = times.len().saturating_sub(1) * 99 / 100;
    Ok(Storm {
        connected: times.len() as u64,
        failed,
        microseconds,
        p99_us: times
            .get(p99)
            .map_or(0.0, |time| time.as_nanos() as f64 / 1e3),
    })
}

/// Opens so many at once and waits for all; returns how many failed.
fn one_burst(
    address: SocketAddr,
    burst: u32,
    held: &mut Vec<OwnedFd>,
    times: &mut Vec<Duration>,
) -> io::Result<u64> {
    let poll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    let first = held.len();
    let mut begun = Vec::new();
    let (mut left, mut failed) = (0_u64, 0);
    for index in 0..burst {
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let socket = socket_with(AddressFamily::INET, SocketType::STREAM, flags, None)?;
        begun.push(Instant::now());
        match connect(&socket, &address) {
            Ok(()) | Err(Errno::INPROGRESS) => {
                let data = epoll::EventData::new_u64(index.into());
                let flags = epoll::EventFlags::OUT | epoll::EventFlags::ONESHOT;
                epoll::add(&poll, &socket, data, flags)?;
                left += 1;
            }
            Err(Errno::CONNREFUSED) => failed += 1,
            Err(error) => return Err(error.into()),
        }
        held.push(socket);
    }
    let end = Instant::now() + PATIENCE;
    while left > 0 && Instant::now() < end {
        let mut events = Vec::with_capacity(1024);
        let pause = Timespec {
            tv_sec: 1,
            tv_nsec: 0,
        };
        epoll::wait(&poll, spare_capacity(&mut events), Some(&pause))?;
        let now = Instant::now();
        for event in events {
            let index = usize::try_from(event.data.u64()).unwrap_or(0);
            left -= 1;
            match sockopt::socket_error(&held[first + index])? {
                Ok(()) => times.push(now - begun[index]),
                Err(_) => failed += 1,
            }
        }
    }
    Ok(failed + left)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn all_are_connected_and_timed() -> io::Result<()> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        // Fewer than the queue takes: nobody accepts them.
        let storm = run(listener.local_addr()?, 2, 20)?;
        assert_eq!((storm.connected, storm.failed), (40, 0));
        assert!(storm.p99_us > 0.0);
        Ok(())
    }

    #[test]
    fn refusals_are_failures() -> io::Result<()> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        drop(listener);
        let storm = run(address, 1, 5)?;
        assert_eq!((storm.connected, storm.failed), (0, 5));
        Ok(())
    }
}
