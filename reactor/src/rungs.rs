//! Which ring a core gets: the best set-up that this kernel and this sandbox allow.
//!
//! Always true here:
//! - Trying is the probe: version numbers are not trusted, because kernels carry back-ports.
//! - A ring that was made has also moved bytes through its buffers before anybody relies on it.
//!
//! Not here: bringing all cores to the same rung (`cores.rs`).

use std::fmt;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use io_uring::IoUring;
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};

use crate::completion::Loan;
use crate::config::Config;
use crate::op::{Op, Room, Socket};
use crate::ring::{Ring, Wait};
use crate::sys::buffers::Buffers;
use crate::sys::uring::Uring;
use crate::token::{Generation, OpKind, Slot, Token};

/// Submissions that fit in the queue; more are handed over early.
const SUBMISSIONS: u32 = 1024;
/// Completions that fit, so that no burst of them needs the kernel's overflow list.
const COMPLETIONS: u32 = 16 * SUBMISSIONS;

/// A way to set a ring up. Each is tried when the one before it fails.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Rung {
    Best,
    /// Before 6.6.
    WithSubmissionArray,
    /// Before 6.1.
    Cooperative,
    Plain,
}

impl Rung {
    pub(crate) const ALL: [Self; 4] = [
        Self::Best,
        Self::WithSubmissionArray,
        Self::Cooperative,
        Self::Plain,
    ];

    fn build(self) -> io::Result<IoUring> {
        let mut builder = IoUring::builder();
        builder.setup_cqsize(COMPLETIONS).setup_clamp();
        match self {
            Self::Best => {
                builder
                    .setup_single_issuer()
                    .setup_defer_taskrun()
                    .setup_taskrun_flag();
                builder.setup_submit_all().setup_no_sqarray();
            }
            Self::WithSubmissionArray => {
                builder
                    .setup_single_issuer()
                    .setup_defer_taskrun()
                    .setup_taskrun_flag();
                builder.setup_submit_all();
            }
            Self::Cooperative => {
                builder
                    .setup_coop_taskrun()
                    .setup_taskrun_flag()
                    .setup_submit_all();
            }
            Self::Plain => {}
        }
        builder.build(SUBMISSIONS)
    }
}

/// The flags, as the start-up line shows them.
impl fmt::Display for Rung {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Best => "SINGLE_ISSUER|DEFER_TASKRUN|TASKRUN_FLAG|SUBMIT_ALL|NO_SQARRAY",
            Self::WithSubmissionArray => "SINGLE_ISSUER|DEFER_TASKRUN|TASKRUN_FLAG|SUBMIT_ALL",
            Self::Cooperative => "COOP_TASKRUN|TASKRUN_FLAG|SUBMIT_ALL",
            Self::Plain => "no flags",
        })
    }
}

/// Why `io_uring` cannot be used here, and what would help.
#[derive(Debug)]
#[non_exhaustive]
pub enum RingError {
    /// The kernel was built without it, or is older than 5.19.
    Missing(io::Error),
    /// `kernel.io_uring_disabled` forbids it; the setting's value.
    Disabled(u8),
    /// A seccomp filter (or another security module) forbids it.
    Filtered(io::Error),
    /// The limit on locked memory is too low.
    LockedMemory(io::Error),
    /// No descriptor is left.
    Descriptors(io::Error),
    /// It was made, but did not move bytes as it should.
    Untrustworthy(&'static str),
    /// Something else.
    Other(io::Error),
}

impl fmt::Display for RingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(error) => write!(
                f,
                "io_uring is missing or too old ({error}): Linux 5.19 or later is needed, 6.1 or \
                 later is best"
            ),
            Self::Disabled(value) => write!(
                f,
                "io_uring is forbidden by kernel.io_uring_disabled = {value}: set it to 0, or to 1 \
                 with kernel.io_uring_group = the group of this process"
            ),
            Self::Filtered(error) => write!(
                f,
                "io_uring is forbidden by a seccomp filter or security module ({error}), as in \
                 containers by default: allow io_uring_setup, io_uring_enter, io_uring_register"
            ),
            Self::LockedMemory(error) => write!(
                f,
                "no locked memory is left for io_uring ({error}): raise RLIMIT_MEMLOCK (ulimit -l, \
                 LimitMEMLOCK=) to 64 MiB or more; it counts for all processes of this user"
            ),
            Self::Descriptors(error) => write!(
                f,
                "no descriptor is left for io_uring ({error}): raise RLIMIT_NOFILE (ulimit -n)"
            ),
            Self::Untrustworthy(what) => {
                write!(f, "io_uring was set up, but failed its self-test: {what}")
            }
            Self::Other(error) => write!(f, "io_uring cannot be set up: {error}"),
        }
    }
}

impl std::error::Error for RingError {}

impl RingError {
    /// Tells the causes apart; `disabled` is the value of `kernel.io_uring_disabled`, if known.
    fn from_setup(error: io::Error, disabled: Option<u8>) -> Self {
        match error.raw_os_error() {
            Some(libc::ENOSYS) => Self::Missing(error),
            Some(libc::EPERM | libc::EACCES) => match disabled {
                Some(value @ 1..) => Self::Disabled(value),
                Some(0) | None => Self::Filtered(error),
            },
            Some(libc::ENOMEM) => Self::LockedMemory(error),
            Some(libc::EMFILE | libc::ENFILE) => Self::Descriptors(error),
            _ => Self::Other(error),
        }
    }

    /// Another set-up would fail for the same reason.
    pub(crate) fn is_final(&self) -> bool {
        match self {
            Self::Missing(_) | Self::Disabled(_) | Self::Filtered(_) | Self::Descriptors(_) => true,
            Self::LockedMemory(_) | Self::Untrustworthy(_) | Self::Other(_) => false,
        }
    }
}

impl Uring {
    /// The best ring that can be had on this thread, which must be the one that uses it.
    ///
    /// # Errors
    ///
    /// Why not even the plainest can be had.
    pub fn open(config: &Config) -> Result<Self, RingError> {
        let mut result = open(Rung::Best, config);
        for rung in &Rung::ALL[1..] {
            match result {
                Err(error) if !error.is_final() => result = open(*rung, config),
                Ok(_) | Err(_) => break,
            }
        }
        result
    }
}

impl Uring {
    /// Tries every set-up of a ring on this thread, best first, and says what each came to. Each
    /// ring that was made is gone again when this returns.
    ///
    /// ```
    /// use ringlane_reactor::{Config, Uring};
    ///
    /// for (flags, result) in Uring::probe(&Config::default()) {
    ///     match result {
    ///         Ok(()) => println!("{flags}: works"),
    ///         Err(error) => println!("{flags}: {error}"),
    ///     }
    /// }
    /// ```
    #[must_use]
    pub fn probe(config: &Config) -> Vec<(String, Result<(), RingError>)> {
        Rung::ALL
            .map(|rung| (rung.to_string(), open(rung, config).map(drop)))
            .into()
    }
}

/// Makes a ring on this thread, which must be the one that uses it, and tests it.
pub(crate) fn open(rung: Rung, config: &Config) -> Result<Uring, RingError> {
    let explain = |error| RingError::from_setup(error, disabled_by_sysctl());
    let ring = rung.build().map_err(explain)?;
    if !ring.params().is_feature_nodrop() || !ring.params().is_feature_ext_arg() {
        return Err(RingError::Missing(io::ErrorKind::Unsupported.into()));
    }
    let buffers = Buffers::new(config);
    let mut uring = Uring::new(ring, buffers).map_err(explain)?;
    self_test(&mut uring)?;
    Ok(uring)
}

fn disabled_by_sysctl() -> Option<u8> {
    let text = std::fs::read_to_string("/proc/sys/kernel/io_uring_disabled").ok()?;
    text.trim().parse().ok()
}

/// Receives different bytes on two connections at once, into buffers full of poison. Some kernels
/// register a ring of buffers and then fill none, or the same one for both.
fn self_test(ring: &mut Uring) -> Result<(), RingError> {
    const POISON: u8 = 0xa5;
    const MESSAGES: [&[u8]; 2] = [b"first connection", b"the second"];
    ring.buffers_mut().poison(POISON);
    let pair = || -> io::Result<(OwnedFd, OwnedFd)> {
        let flags = SocketFlags::CLOEXEC;
        Ok(socketpair(
            AddressFamily::UNIX,
            SocketType::STREAM,
            flags,
            None,
        )?)
    };
    let pairs = [
        pair().map_err(RingError::Other)?,
        pair().map_err(RingError::Other)?,
    ];
    let mut ours = Vec::new();
    for (index, (near, far)) in pairs.into_iter().enumerate() {
        let socket = Socket::from(near);
        ours.push((socket, far));
        let room = Room::Small;
        ring.push(Op::Receive { socket, room }, receive_token(index));
    }
    for (message, (_, far)) in MESSAGES.iter().zip(&ours) {
        rustix::io::write(far.as_fd(), message).map_err(|errno| RingError::Other(errno.into()))?;
    }
    let result = expect_messages(ring, MESSAGES);
    for (index, _) in MESSAGES.iter().enumerate() {
        ring.push(
            Op::Cancel {
                target: receive_token(index),
            },
            Token::of_core(OpKind::Cancel),
        );
    }
    let ended = expect_ends(ring, 2 * MESSAGES.len());
    for (socket, _) in ours {
        ring.close_now(socket);
    }
    result.and(ended).map_err(RingError::Untrustworthy)
}

fn receive_token(index: usize) -> Token {
    Token::new(
        OpKind::Receive,
        Slot::new(index as u32),
        Generation::default(),
    )
}

fn expect_messages(ring: &mut Uring, messages: [&[u8]; 2]) -> Result<(), &'static str> {
    let mut received = [Vec::new(), Vec::new()];
    for _ in 0..100 {
        wait(ring)?;
        while let Some(completion) = ring.next_completion() {
            let Loan::Buffer(buffer) = completion.loan else {
                return Err("a receive failed or brought no buffer");
            };
            if let Some(received) = received.get_mut(completion.token.slot.index()) {
                received.extend_from_slice(&ring.bytes(&buffer));
            }
            ring.recycle(buffer);
        }
        if received
            .iter()
            .zip(messages)
            .all(|(received, message)| received.len() >= message.len())
        {
            let intact = received
                .iter()
                .zip(messages)
                .all(|(received, sent)| received == sent);
            return if intact {
                Ok(())
            } else {
                Err("what was received is not what was sent")
            };
        }
    }
    Err("what was sent did not arrive")
}

/// Takes the last completions of so many operations.
fn expect_ends(ring: &mut Uring, mut count: usize) -> Result<(), &'static str> {
    for _ in 0..100 {
        wait(ring)?;
        while let Some(completion) = ring.next_completion() {
            count -= usize::from(!completion.more);
            if let Loan::Buffer(buffer) = completion.loan {
                ring.recycle(buffer);
            }
        }
        if count == 0 {
            return Ok(());
        }
    }
    Err("a cancelled receive did not end")
}

fn wait(ring: &mut Uring) -> Result<(), &'static str> {
    ring.submit_and_wait(Wait::AtMost(Duration::from_millis(20)))
        .map_err(|_| "it could not be entered")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cause_has_its_own_message_and_fix() {
        let cases = [
            (libc::ENOSYS, None, "5.19"),
            (libc::EPERM, Some(2), "kernel.io_uring_disabled = 2"),
            (libc::EPERM, Some(0), "seccomp"),
            (libc::EPERM, None, "seccomp"),
            (libc::ENOMEM, Some(0), "RLIMIT_MEMLOCK"),
            (libc::EMFILE, Some(0), "RLIMIT_NOFILE"),
            (libc::EINVAL, Some(0), "cannot be set up"),
        ];
        for (errno, disabled, expected) in cases {
            let error = RingError::from_setup(io::Error::from_raw_os_error(errno), disabled);
            assert!(error.to_string().contains(expected), "{errno}: {error}");
        }
    }

    #[test]
    fn a_probe_tells_of_every_rung_best_first() {
        let probed = Uring::probe(&Config::default());
        let names: Vec<&str> = probed.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, Rung::ALL.map(|rung| rung.to_string()));
    }

    #[test]
    fn every_rung_passes_its_self_test_where_the_best_one_does() {
        if open(Rung::Best, &Config::default()).is_err() {
            return; // no io_uring on this machine: `cores` reports it
        }
        for rung in Rung::ALL {
            open(rung, &Config::default()).unwrap_or_else(|error| panic!("{rung}: {error}"));
        }
    }
}
