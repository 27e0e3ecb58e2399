//! One connection of the generator: a non-blocking socket and its unsent bytes.
//!
//! Always true here:
//! - What is written stays in order; nothing is copied.
//! - A socket is known to the epoll instance from its creation to its end, for reading and writing,
//!   by edges: nothing has to be changed there in between.
//!
//! Not here: what is sent and read (the modes), which connection is whose turn (`engine.rs`).

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::ops::Range;
use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;

use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::io::Errno;
use rustix::net::{self, AddressFamily, SendFlags, SocketFlags, SocketType, sockopt};

/// One connection, or the place of one that has ended.
#[derive(Debug)]
pub(crate) struct Line {
    epoll: Rc<OwnedFd>,
    index: u32,
    /// How many sockets were here before this one: their events are none of ours.
    generation: u32,
    socket: Option<OwnedFd>,
    pub(crate) is_connected: bool,
    pub(crate) write_failed: bool,
    /// Nothing is read of it until the load is over.
    pub(crate) is_stalled: bool,
    output: VecDeque<(Rc<[u8]>, Range<usize>)>,
}

impl Line {
    pub(crate) fn new(epoll: Rc<OwnedFd>, index: u32) -> Self {
        Self {
            epoll,
            index,
            generation: 0,
            socket: None,
            is_connected: false,
            write_failed: false,
            is_stalled: false,
            output: VecDeque::new(),
        }
    }

    pub(crate) fn index(&self) -> usize {
        self.index as usize
    }

    pub(crate) fn is_open(&self) -> bool {
        self.socket.is_some()
    }

    /// Index and generation of an event's connection.
    pub(crate) fn of_event(data: u64) -> (usize, u32) {
        ((data & u64::from(u32::MAX)) as usize, (data >> 32) as u32)
    }

    pub(crate) fn is_at(&self, generation: u32) -> bool {
        self.generation == generation && self.is_open()
    }

    /// Begins a connection; what was here has been closed.
    pub(crate) fn connect(&mut self, from: Ipv4Addr, to: SocketAddrV4) -> Result<(), Errno> {
        self.close();
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let socket = net::socket_with(AddressFamily::INET, SocketType::STREAM, flags, None)?;
        sockopt::set_tcp_nodelay(&socket, true)?;
        if from != Ipv4Addr::LOCALHOST {
            net::bind(&socket, &SocketAddrV4::new(from, 0))?;
        }
        let data = u64::from(self.generation) << 32 | u64::from(self.index);
        let events = EventFlags::IN | EventFlags::OUT | EventFlags::ET;
        epoll::add(&*self.epoll, &socket, EventData::new_u64(data), events)?;
        match net::connect(&socket, &to) {
            Ok(()) | Err(Errno::INPROGRESS) => {}
            Err(error) => return Err(error),
        }
        self.socket = Some(socket);
        Ok(())
    }

    /// Whether the connection is made; an error says that it will not be.
    pub(crate) fn check_connected(&self) -> Result<bool, Errno> {
        let socket = self.socket.as_ref().ok_or(Errno::NOTCONN)?;
        sockopt::socket_error(socket).and_then(|result| result)?;
        // An edge may come before: then there is no peer yet.
        match net::getpeername(socket) {
            Ok(_) => Ok(true),
            Err(Errno::NOTCONN) => Ok(false),
            Err(error) => Err(error),
        }
    }

    pub(crate) fn close(&mut self) {
        if self.socket.take().is_some() {
            self.generation = self.generation.wrapping_add(1);
        }
        self.is_connected = false;
        self.write_failed = false;
        self.is_stalled = false;
        self.output.clear();
    }

    /// Sends part of `bytes` behind what is waiting. That it failed is found when reading fails.
    pub(crate) fn send(&mut self, bytes: &Rc<[u8]>, part: Range<usize>) {
        self.output.push_back((Rc::clone(bytes), part));
        if self.output.len() == 1 {
            self.flush();
        }
    }

    /// Writes as much as the socket takes.
    pub(crate) fn flush(&mut self) {
        let Some(socket) = &self.socket else {
            return self.output.clear();
        };
        while let Some((bytes, part)) = self.output.front_mut() {
            match net::send(socket.as_fd(), &bytes[part.clone()], SendFlags::NOSIGNAL) {
                Ok(count) => part.start += count,
                Err(Errno::AGAIN) => return,
                Err(Errno::INTR) => {}
                Err(_) => {
                    self.write_failed = true;
                    return self.output.clear();
                }
            }
            if part.start == part.end {
                self.output.pop_front();
            }
        }
    }

    pub(crate) fn has_output(&self) -> bool {
        !self.output.is_empty()
    }

    /// Reads what there is; 0 is the end.
    pub(crate) fn read(&self, buffer: &mut [u8]) -> Result<usize, Errno> {
        let socket = self.socket.as_ref().ok_or(Errno::NOTCONN)?;
        loop {
            match rustix::io::read(socket, &mut *buffer) {
                Err(Errno::INTR) => {}
                result => return result,
            }
        }
    }
}
