//! Which ring a core gets: the best set-up that this kernel and this sandbox allow.
//!
//! Always true here:
//! - Trying is the probe: version numbers are not trusted, because kernels carry back-ports.
//! - A ring that was made has also moved bytes through its buffers before anybody relies on it.
//!
//! Not here: bringing all cores to the same rung (`cores.rs`).

use std::fmt;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
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

mod sending;

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
    /// The kernel was built without it, or is older than 6.0, where a receive cannot repeat.
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
                "io_uring is missing or too old ({error}): Linux 6.0 or later is needed, 6.1 or \
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
    // Closed last: a ring that fails its test may still have to be told to end receiving there.
    let pairs = pairs().map_err(explain)?;
    let mut uring = make(rung, config)?;
    self_test(&mut uring, &pairs)?;
    sending::test(&mut uring)?;
    Ok(uring)
}

fn make(rung: Rung, config: &Config) -> Result<Uring, RingError> {
    let ring = rung.build().map_err(explain)?;
    if !ring.params().is_feature_nodrop() || !ring.params().is_feature_ext_arg() {
        return Err(RingError::Missing(io::ErrorKind::Unsupported.into()));
    }
    Uring::new(ring, Buffers::new(config)).map_err(explain)
}

fn explain(error: io::Error) -> RingError {
    RingError::from_setup(error, disabled_by_sysctl())
}

fn disabled_by_sysctl() -> Option<u8> {
    let text = std::fs::read_to_string("/proc/sys/kernel/io_uring_disabled").ok()?;
    text.trim().parse().ok()
}

/// What is sent over each connection of a self-test, and into which buffers it is received.
const MESSAGES: [(Room, &[u8]); 4] = [
    (Room::Small, b"first connection"),
    (Room::Small, b"the second"),
    (Room::Large, b"the third, into large buffers"),
    (Room::Large, b"and the last"),
];

/// The two ends of a connection; the ring receives at the first.
type Pair = (OwnedFd, OwnedFd);

/// A connection for each message.
fn pairs() -> io::Result<Vec<Pair>> {
    let pair = |_| {
        let (family, flags) = (AddressFamily::UNIX, SocketFlags::CLOEXEC);
        Ok(socketpair(family, SocketType::STREAM, flags, None)?)
    };
    MESSAGES.iter().map(pair).collect()
}

/// Receives different bytes on several connections at once, into buffers full of poison. Some
/// kernels register a ring of buffers and then fill none, or the same one for all. Large buffers
/// are a ring of their own, with memory that only what is received initialises.
///
/// Its receives are ended in any case; should one not end, dropping the ring joins it.
fn self_test(ring: &mut Uring, pairs: &[Pair]) -> Result<(), RingError> {
    const POISON: u8 = 0xa5;
    ring.buffers_mut().poison(POISON);
    for (index, ((near, _), (room, _))) in pairs.iter().zip(MESSAGES).enumerate() {
        let socket = Socket::from_raw(near.as_raw_fd());
        ring.push(Op::Receive { socket, room }, receive_token(index));
    }
    let sent = pairs
        .iter()
        .zip(MESSAGES)
        .try_for_each(|((_, far), (_, message))| rustix::io::write(far, message).map(drop));
    let mut ended = 0;
    let result = sent
        .map_err(|errno| RingError::Other(errno.into()))
        .and_then(|()| expect_messages(ring, &mut ended));
    for index in 0..pairs.len() {
        let target = receive_token(index);
        ring.push(Op::Cancel { target }, Token::of_core(OpKind::Cancel));
    }
    let all_ended = expect_ends(ring, 2 * pairs.len(), ended);
    result.and(all_ended)
}

fn receive_token(index: usize) -> Token {
    Token::new(
        OpKind::Receive,
        Slot::new(index as u32),
        Generation::default(),
    )
}

/// Takes what was sent. `ended` counts the receives that will not complete again.
fn expect_messages(ring: &mut Uring, ended: &mut usize) -> Result<(), RingError> {
    let mut received = MESSAGES.map(|_| Vec::new());
    for _ in 0..100 {
        wait(ring)?;
        while let Some(completion) = ring.next_completion() {
            *ended += usize::from(!completion.more);
            let Loan::Buffer(buffer) = completion.loan else {
                return Err(refused(completion.result));
            };
            if let Some(received) = received.get_mut(completion.token.slot.index()) {
                received.extend_from_slice(&ring.bytes(&buffer));
            }
            ring.recycle(buffer);
        }
        let mut each = received.iter().zip(MESSAGES);
        let is_complete = each
            .clone()
            .all(|(received, (_, sent))| received.len() >= sent.len());
        if is_complete {
            return if each.all(|(received, (_, sent))| received == sent) {
                Ok(())
            } else {
                Err(untrustworthy("what was received is not what was sent"))
            };
        }
    }
    Err(untrustworthy("what was sent did not arrive"))
}

/// What a receive that brought nothing says of the ring.
fn refused(result: i32) -> RingError {
    if result == -libc::EINVAL {
        // Before 6.0 a receive cannot repeat.
        return RingError::Missing(io::Error::from_raw_os_error(libc::EINVAL));
    }
    untrustworthy("a receive failed or brought no buffer")
}

/// Takes the last completions of so many operations, `ended` of which had theirs.
fn expect_ends(ring: &mut Uring, count: usize, mut ended: usize) -> Result<(), RingError> {
    for _ in 0..100 {
        if ended == count {
            return Ok(());
        }
        wait(ring)?;
        while let Some(completion) = ring.next_completion() {
            ended += usize::from(!completion.more);
            if let Loan::Buffer(buffer) = completion.loan {
                ring.recycle(buffer);
            }
        }
    }
    Err(untrustworthy("a cancelled receive did not end"))
}

fn untrustworthy(what: &'static str) -> RingError {
    RingError::Untrustworthy(what)
}

fn wait(ring: &mut Uring) -> Result<(), RingError> {
    ring.submit_and_wait(Wait::AtMost(Duration::from_millis(20)))
        .map_err(|_| untrustworthy("it could not be entered"))
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::time::Instant;

    use rustix::net::{Shutdown, shutdown, socket_with};

    #[test]
    fn each_cause_has_its_own_message_and_fix() {
        let cases = [
            (libc::ENOSYS, None, "6.0"),
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
        if !crate::sys::uring::tests::is_here() {
            return;
        }
        for rung in Rung::ALL {
            open(rung, &Config::default()).unwrap_or_else(|error| panic!("{rung}: {error}"));
        }
    }

    /// Tests a ring with these connections, which must fail at once and leave nothing in flight.
    #[track_caller]
    fn fails_at_once(rung: Rung, pairs: &[Pair]) -> RingError {
        let mut ring = make(rung, &Config::default()).expect("it can be had");
        let began = Instant::now();
        let error = self_test(&mut ring, pairs).expect_err("nothing can be received");
        assert!(began.elapsed() < Duration::from_secs(1), "{rung}: {error}");
        for (_, far) in pairs {
            let _ = rustix::io::write(far, b"late"); // some cannot
        }
        wait(&mut ring).expect("it can be entered");
        let completion = ring.next_completion();
        assert!(completion.is_none(), "{rung}: {completion:?}");
        error
    }

    #[test]
    fn a_receive_that_is_refused_is_told_at_once() {
        if !crate::sys::uring::tests::is_here() {
            return;
        }
        for rung in Rung::ALL {
            for refused in 0..MESSAGES.len() {
                let mut pairs = pairs().expect("sockets");
                let (family, flags) = (AddressFamily::UNIX, SocketFlags::CLOEXEC);
                let alone = socket_with(family, SocketType::STREAM, flags, None);
                // Connected to nobody: receives fail as all that repeat do before 6.0.
                let alone = alone.expect("a socket");
                let _connected = std::mem::replace(&mut pairs[refused].0, alone);
                let error = fails_at_once(rung, &pairs);
                assert!(matches!(error, RingError::Missing(_)), "{rung}: {error}");
                assert!(error.is_final() && error.to_string().contains("6.0"));
            }
        }
    }

    #[test]
    fn a_message_that_cannot_be_sent_leaves_no_receive_behind() {
        if !crate::sys::uring::tests::is_here() {
            return;
        }
        for rung in Rung::ALL {
            let pairs = pairs().expect("sockets");
            shutdown(&pairs[1].1, Shutdown::Write).expect("an end");
            let error = fails_at_once(rung, &pairs);
            assert!(matches!(error, RingError::Other(_)), "{rung}: {error}");
        }
    }
}
