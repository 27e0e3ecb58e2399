//! The floor by epoll: one thread, edge-triggered, one receive and one send per batch of requests.
//!
//! Nothing is parsed: a blank line is a request, and the answer is canned.
//!
//! Always true here:
//! - A receive that filled less than the buffer emptied the socket, so no second one asks for EAGAIN:
//!   whatever comes later is a new edge.
//! - What a full socket refuses is owed and sent when the socket says it is writable.
//!
//! Not here: limits, timeouts, and anything that a server for strangers needs.

use std::io;
use std::net::TcpListener;
use std::os::fd::AsRawFd;

use bench_peers_common::{Answers, Debt, Terminators, announce, listen, port};

/// Events taken by one wait.
const EVENTS_MAX: usize = 1024;
const RECEIVE_BYTES: usize = 16 * 1024;

/// One connection, found by its descriptor.
#[derive(Clone, Copy, Default)]
struct Connection {
    terminators: Terminators,
    debt: Debt,
}

struct Floor {
    epoll: i32,
    listener: TcpListener,
    connections: Vec<Connection>,
    answers: Answers,
    receive: Vec<u8>,
}

fn main() -> io::Result<()> {
    let listener = listen(port()?)?;
    listener.set_nonblocking(true)?;
    // SAFETY: no pointer is passed.
    let epoll = check(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })?;
    let mut floor = Floor {
        epoll,
        listener,
        connections: Vec::new(),
        answers: Answers::new("epollraw", 0),
        receive: vec![0; RECEIVE_BYTES],
    };
    floor.watch(floor.listener.as_raw_fd(), libc::EPOLLIN)?;
    announce();
    floor.serve()
}

impl Floor {
    fn serve(&mut self) -> io::Result<()> {
        let mut events = vec![libc::epoll_event { events: 0, u64: 0 }; EVENTS_MAX];
        let listener = self.listener.as_raw_fd();
        loop {
            // SAFETY: `events` is valid for writes of `EVENTS_MAX` events.
            let ready = check(unsafe {
                libc::epoll_wait(self.epoll, events.as_mut_ptr(), EVENTS_MAX as i32, -1)
            })?;
            let second = unix_second();
            if self.answers.is_stale(second) {
                self.answers.refresh(second);
            }
            for event in &events[..ready as usize] {
                let descriptor = event.u64 as i32;
                if descriptor == listener {
                    self.accept()?;
                } else {
                    self.turn(descriptor);
                }
            }
        }
    }

    fn watch(&self, descriptor: i32, events: i32) -> io::Result<()> {
        let mut event = libc::epoll_event {
            events: events as u32,
            u64: descriptor as u64,
        };
        // SAFETY: `event` is read during the call only.
        check(unsafe { libc::epoll_ctl(self.epoll, libc::EPOLL_CTL_ADD, descriptor, &mut event) })?;
        Ok(())
    }

    /// Takes every connection that waits.
    fn accept(&mut self) -> io::Result<()> {
        loop {
            let flags = libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
            // SAFETY: null pointers say that the peer's address is not wanted.
            let accepted = check(unsafe {
                libc::accept4(
                    self.listener.as_raw_fd(),
                    std::ptr::null_mut(),
                    std::ptr::null_mut(),
                    flags,
                )
            });
            match accepted {
                Ok(descriptor) => {
                    let index = descriptor as usize;
                    if index >= self.connections.len() {
                        self.connections.resize(index + 1, Connection::default());
                    }
                    self.connections[index] = Connection::default();
                    self.watch(descriptor, libc::EPOLLIN | libc::EPOLLOUT | libc::EPOLLET)?;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }

    /// Receives what is there, answers it; closes on end of file or error.
    fn turn(&mut self, descriptor: i32) {
        let connection = &mut self.connections[descriptor as usize];
        loop {
            // SAFETY: `receive` is valid for writes of its length.
            let received = unsafe {
                libc::recv(
                    descriptor,
                    self.receive.as_mut_ptr().cast(),
                    RECEIVE_BYTES,
                    0,
                )
            };
            let received = match usize::try_from(received) {
                Ok(0) => return close(descriptor),
                Ok(received) => received,
                Err(_) if would_block() => 0,
                Err(_) => return close(descriptor),
            };
            let requests = connection.terminators.count(&self.receive[..received]);
            connection.debt.owe(requests);
            if !send(descriptor, &mut connection.debt, &self.answers) {
                return close(descriptor);
            }
            if received < RECEIVE_BYTES {
                return;
            }
        }
    }
}

/// Sends what is owed until the socket takes no more. False if the connection is broken.
fn send(descriptor: i32, debt: &mut Debt, answers: &Answers) -> bool {
    while !debt.is_empty() {
        let mut part = debt.take();
        let bytes = part.bytes(answers);
        // SAFETY: `bytes` is valid for reads of its length.
        let sent = unsafe {
            libc::send(
                descriptor,
                bytes.as_ptr().cast(),
                bytes.len(),
                libc::MSG_NOSIGNAL,
            )
        };
        let taken = usize::try_from(sent);
        part.pay(taken.unwrap_or(0), answers);
        debt.refund(part);
        if taken.is_err() {
            return would_block();
        }
    }
    true
}

fn close(descriptor: i32) {
    // SAFETY: the descriptor was accepted here and nobody else holds it.
    unsafe { libc::close(descriptor) };
}

/// Unix time from the clock that costs no more than a load.
fn unix_second() -> u64 {
    let mut now = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `now` is valid for writes.
    unsafe { libc::clock_gettime(libc::CLOCK_REALTIME_COARSE, &mut now) };
    now.tv_sec as u64
}

fn would_block() -> bool {
    io::Error::last_os_error().kind() == io::ErrorKind::WouldBlock
}

fn check(result: i32) -> io::Result<i32> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}
