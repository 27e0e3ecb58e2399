//! Calls into one ring by a number that the kernel keeps for the thread, instead of a descriptor.
//!
//! A descriptor is looked up, with two atomic operations, in each call; the number is not. The
//! `io-uring` crate makes such calls only through a borrow of the ring that would have to last.
//!
//! Always true here:
//! - The number is the thread's that made it: the kernel refuses it to any other.
//! - While the number exists the ring does, so it is given back before the ring is closed.

use std::io;
use std::os::fd::RawFd;

use crate::ring::Wait;

/// From `linux/io_uring.h`.
const ENTER_GETEVENTS: u32 = 1 << 0;
const ENTER_EXT_ARG: u32 = 1 << 3;
const ENTER_REGISTERED_RING: u32 = 1 << 4;
const ENTER_NO_IOWAIT: u32 = 1 << 7;
const REGISTER_RING_FDS: u32 = 20;
const UNREGISTER_RING_FDS: u32 = 21;

/// `struct io_uring_rsrc_update`.
#[repr(C)]
struct Update {
    offset: u32,
    reserved: u32,
    data: u64,
}

/// `struct io_uring_getevents_arg`.
#[repr(C)]
#[derive(Default)]
struct GetEvents {
    signals: u64,
    signals_bytes: u32,
    min_wait_micros: u32,
    timeout: u64,
}

/// `struct __kernel_timespec`.
#[repr(C)]
struct Timespec {
    seconds: i64,
    nanos: i64,
}

/// How this thread calls into its ring.
#[derive(Debug)]
pub(super) struct Entrance {
    descriptor: RawFd,
    /// The kernel's number for it; `None` before 5.18, or when this thread has 16 rings.
    number: Option<u32>,
    flags: u32,
}

impl Entrance {
    /// Into the ring behind `descriptor`, which must stay open. `has_no_iowait` says whether the
    /// kernel knows that flag (`IORING_FEAT_NO_IOWAIT`, Linux 6.15).
    pub(super) fn new(descriptor: RawFd, has_no_iowait: bool) -> Self {
        let mut update = Update {
            offset: u32::MAX, // any that is free
            reserved: 0,
            data: descriptor as u64,
        };
        let registered = register(descriptor, REGISTER_RING_FDS, &mut update);
        let number = registered.is_ok().then_some(update.offset);
        Self {
            descriptor,
            number,
            flags: flags(number.is_some(), has_no_iowait),
        }
    }

    /// Hands over `count` submissions and waits as `wait` says, or only runs what the kernel has
    /// put off for this thread.
    pub(super) fn enter(&self, count: u32, wait: Wait) -> io::Result<()> {
        let (want, time) = match wait {
            Wait::NotAtAll => (0, None),
            Wait::AtMost(time) => (1, Some(time)),
            Wait::ForEver => (1, None),
        };
        let timeout = time.map(|time| Timespec {
            seconds: i64::try_from(time.as_secs()).unwrap_or(i64::MAX),
            nanos: i64::from(time.subsec_nanos()),
        });
        let argument = GetEvents {
            timeout: timeout.as_ref().map_or(0, |time| (&raw const *time) as u64),
            ..GetEvents::default()
        };
        let descriptor = match self.number {
            Some(number) => i64::from(number),
            None => i64::from(self.descriptor),
        };
        // SAFETY: `argument`, and the time it points to, live until the call returns, and the flag
        // says what they are. What the submissions point to is the caller's to keep.
        let result = unsafe {
            libc::syscall(
                libc::SYS_io_uring_enter,
                descriptor,
                count,
                want,
                self.flags,
                &raw const argument,
                size_of::<GetEvents>(),
            )
        };
        match result {
            ..0 => Err(io::Error::last_os_error()),
            0.. => Ok(()),
        }
    }

    /// Gives the number back, so that the ring ends when its descriptor is closed.
    pub(super) fn close(&mut self) {
        if let Some(offset) = self.number.take() {
            let mut update = Update {
                offset,
                reserved: 0,
                data: 0,
            };
            // It fails only on another thread than the one it belongs to; that one's end frees it.
            let _ = register(self.descriptor, UNREGISTER_RING_FDS, &mut update);
            self.flags &= !ENTER_REGISTERED_RING;
        }
    }
}

/// How every call is made. A wait for completions counts as a wait for a disk otherwise: an idle
/// server would show as 100 % I/O pressure of its control group, and its CPU as in `iowait`.
fn flags(is_registered: bool, has_no_iowait: bool) -> u32 {
    let mut flags = ENTER_GETEVENTS | ENTER_EXT_ARG;
    if is_registered {
        flags |= ENTER_REGISTERED_RING;
    }
    if has_no_iowait {
        flags |= ENTER_NO_IOWAIT;
    }
    flags
}

fn register(descriptor: RawFd, what: u32, update: &mut Update) -> io::Result<()> {
    // SAFETY: both calls take one `Update`, which is valid for reads and writes.
    let result = unsafe {
        libc::syscall(
            libc::SYS_io_uring_register,
            descriptor,
            what,
            &raw mut *update,
            1,
        )
    };
    match result {
        ..0 => Err(io::Error::last_os_error()),
        0.. => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_no_wait_for_a_disk_where_the_kernel_can_be_told() {
        for is_registered in [false, true] {
            assert_eq!(
                flags(is_registered, true) & ENTER_NO_IOWAIT,
                ENTER_NO_IOWAIT
            );
            // A kernel that does not know the flag refuses the call.
            assert_eq!(flags(is_registered, false) & ENTER_NO_IOWAIT, 0);
        }
    }
}
