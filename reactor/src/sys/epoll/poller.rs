//! One epoll instance: what it watches, and the wait for something to happen.
//!
//! Always true here:
//! - Everything is watched by edges: an event is told once, and whoever is told remembers it.
//! - An event bears the name it was asked for under, so that one of an earlier life is recognised.
//!
//! Not here: what events mean (`sockets.rs`, `epoll.rs`).

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::Duration;

use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::io::Errno;
use rustix::time::Timespec;

use crate::token::Token;

/// Events taken by one wait; more come with the next.
pub(super) const EVENTS_MAX: usize = 1024;
/// A wait that is asked to be longer ends early: a turn for nothing, once a day.
const WAIT_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// An epoll instance and the events of its last wait.
pub(super) struct Poller {
    epoll: OwnedFd,
    events: Vec<Event>,
    /// Waits end to the nanosecond; before Linux 5.11, or where a sandbox does not know that call,
    /// they are rounded up to milliseconds.
    precise: bool,
}

impl Poller {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            epoll: epoll::create(CreateFlags::CLOEXEC)?,
            events: Vec::with_capacity(EVENTS_MAX),
            precise: true,
        })
    }

    /// Begins to watch a descriptor. What is the case already is told at once.
    pub(super) fn add(
        &self,
        fd: impl AsFd,
        name: Token,
        interest: EventFlags,
    ) -> Result<(), Errno> {
        let data = EventData::new_u64(name.pack());
        epoll::add(&self.epoll, fd, data, interest | EventFlags::ET)
    }

    /// Watches for something else. What is the case already is told again.
    pub(super) fn modify(
        &self,
        fd: impl AsFd,
        name: Token,
        interest: EventFlags,
    ) -> Result<(), Errno> {
        let data = EventData::new_u64(name.pack());
        epoll::modify(&self.epoll, fd, data, interest | EventFlags::ET)
    }

    /// Waits until something happens, or `timeout` has passed, or a signal comes.
    pub(super) fn wait(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        self.events.clear();
        let timeout = timeout.map(|timeout| timeout.min(WAIT_MAX));
        let mut result = Err(Errno::NOSYS);
        if self.precise {
            result = self.wait_precisely(timeout);
            // Sandboxes refuse calls they do not know with either.
            self.precise = !matches!(result, Err(Errno::NOSYS | Errno::PERM));
        }
        if !self.precise {
            result = self.wait_roughly(timeout);
        }
        match result {
            Ok(()) | Err(Errno::INTR) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }

    fn wait_roughly(&mut self, timeout: Option<Duration>) -> Result<(), Errno> {
        let time = timeout.map(|timeout| Timespec {
            tv_sec: timeout.as_secs().cast_signed(), // at most WAIT_MAX
            tv_nsec: timeout.subsec_nanos().into(),
        });
        epoll::wait(&self.epoll, spare_capacity(&mut self.events), time.as_ref())?;
        Ok(())
    }

    fn wait_precisely(&mut self, timeout: Option<Duration>) -> Result<(), Errno> {
        let time = timeout.map(|timeout| libc::timespec {
            tv_sec: timeout.as_secs().cast_signed(), // at most WAIT_MAX
            tv_nsec: timeout.subsec_nanos().into(),
        });
        let time = time.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
        let space = self.events.spare_capacity_mut();
        // SAFETY: the kernel writes at most `space.len()` events to `space`, which is ours alone
        // during the call, and `Event` is laid out as the kernel's own. `time` is null or points to
        // a value of this frame; no signal mask is given. All arguments are as wide as the kernel
        // reads them.
        let count = unsafe {
            libc::syscall(
                libc::SYS_epoll_pwait2,
                libc::c_long::from(self.epoll.as_raw_fd()),
                space.as_mut_ptr(),
                space.len(),
                time,
                std::ptr::null::<libc::sigset_t>(),
                0_usize,
            )
        };
        let Ok(count) = usize::try_from(count) else {
            let errno = Errno::from_io_error(&io::Error::last_os_error());
            return Err(errno.unwrap_or(Errno::INVAL));
        };
        // SAFETY: the events were cleared before, and the kernel has written `count` of them, which
        // is not more than there was space for.
        unsafe { self.events.set_len(count) };
        Ok(())
    }

    /// The events of the last wait. Give the vector back by [`Self::reuse`].
    pub(super) fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    pub(super) fn reuse(&mut self, events: Vec<Event>) {
        self.events = events;
    }

    #[cfg(test)]
    pub(super) fn forget_precision(&mut self) {
        self.precise = false;
    }
}

const _: () = assert!(size_of::<Event>() == size_of::<libc::epoll_event>());
