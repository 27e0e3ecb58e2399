//! Listening sockets: whether connections wait there, and taking them one by one.
//!
//! Always true here:
//! - That connections wait is remembered until the kernel says that none does: neither an error nor
//!   a rest after it loses one.
//!
//! Not here: what an error means and when accepting goes on (`admission.rs`).

use std::collections::VecDeque;
use std::os::fd::IntoRawFd;

use rustix::event::epoll::EventFlags;
use rustix::io::{Errno, ioctl_fionbio};
use rustix::net::{SocketFlags, accept_with};

use super::poller::Poller;
use crate::op::Socket;
use crate::sys::socket;
use crate::token::{Slot, Token};

/// One listening socket.
#[derive(Default)]
pub(super) struct Listener {
    /// As it is watched.
    socket: Option<Socket>,
    /// The names of the accepts that are armed, in order.
    pub(super) accepting: VecDeque<Token>,
    /// It is in line to be accepted from.
    pub(super) queued: bool,
    /// Connections may wait.
    readable: bool,
}

impl Listener {
    /// Whether there is something to do.
    pub(super) fn is_ready(&self) -> bool {
        !self.accepting.is_empty() && self.readable
    }

    pub(super) fn note_readable(&mut self) {
        self.readable = true;
    }

    /// Takes one connection: its number or a negated errno, and the name of the accept that this
    /// ends. `None` if none is armed, or no connection waits.
    pub(super) fn accept(&mut self) -> Option<(Token, i32)> {
        let token = *self.accepting.front().filter(|_| self.readable)?;
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        loop {
            match socket::with(self.socket?, |fd| accept_with(fd, flags)) {
                Ok(fd) => {
                    self.accepting.pop_front();
                    return Some((token, fd.into_raw_fd()));
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => {
                    self.readable = false;
                    return None;
                }
                Err(errno) => {
                    self.accepting.pop_front();
                    return Some((token, super::negated(errno)));
                }
            }
        }
    }
}

/// The listeners of one core, by the slot in the names of their accepts. They are few.
#[derive(Default)]
pub(super) struct Listeners {
    listeners: Vec<Listener>,
}

impl Listeners {
    /// Arms an accept; the listener is watched from now on.
    pub(super) fn arm(
        &mut self,
        poller: &Poller,
        socket: Socket,
        token: Token,
    ) -> Result<&mut Listener, Errno> {
        const LISTENERS_MAX: usize = 1 << 16;
        let index = token.slot.index();
        assert!(index < LISTENERS_MAX, "there is no such listener");
        if index >= self.listeners.len() {
            self.listeners.resize_with(index + 1, Listener::default);
        }
        let listener = &mut self.listeners[index];
        if listener.socket != Some(socket) {
            socket::with(socket, |fd| {
                ioctl_fionbio(fd, true)?;
                poller.add(fd, token, EventFlags::IN)
            })?;
            *listener = Listener {
                socket: Some(socket),
                queued: listener.queued,
                ..Listener::default()
            };
        }
        listener.accepting.push_back(token);
        Ok(listener)
    }

    pub(super) fn at(&mut self, slot: Slot) -> Option<&mut Listener> {
        self.listeners.get_mut(slot.index())
    }

    /// The socket is about to be closed, if it is one of these.
    pub(super) fn forget(&mut self, socket: Socket) {
        for listener in &mut self.listeners {
            if listener.socket == Some(socket) {
                *listener = Listener {
                    queued: listener.queued,
                    ..Listener::default()
                };
            }
        }
    }
}
