//! What a simulation has shown the reactor, and what it must have shown it to be worth something.
//!
//! Always true here:
//! - An outcome counts when the reactor takes it, not when it was drawn.
//!
//! Not here: what leads to an outcome (`execute.rs`).

use std::collections::HashMap;
use std::fmt;

use rustix::io::Errno;

use crate::completion::Completion;
use crate::op::Room;
use crate::token::OpKind;

/// What one completion said, as far as the reactor must tell it apart.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Outcome {
    /// It did what it was asked to; if it repeats, it goes on.
    Done,
    /// It did so for the last time, although it was to go on.
    Last,
    /// A send took fewer bytes than it was given.
    Short,
    /// A receive brought bytes in a large buffer.
    Large,
    /// A receive came to the end of what the peer sends.
    End,
    /// It failed.
    Failed(Errno),
}

/// What was done to the reactor.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Fault {
    /// A receive brought less than was there.
    ShortReceive,
    /// A receive brought a single byte of several.
    SingleByte,
    /// A send took less than there was room for.
    ShortSend,
    /// A send found no room and had to wait for the peer.
    Stall,
    /// A connection broke.
    Reset,
    /// A reset destroyed what its receiver had not read.
    ResetPurge,
    /// A receive found no buffer, though some were free.
    NoBuffer,
    /// Every small buffer was in use.
    OutOfBuffers,
    /// Every large buffer was in use.
    OutOfLargeBuffers,
    /// An accept failed.
    AcceptError,
    /// An operation that repeats ended by itself.
    MultishotEnd,
    /// `EINTR` or `EAGAIN`, for nothing.
    Spurious,
    /// An error without a word for it.
    Unforeseen,
    /// A cancel came after its target had ended, and before that was known.
    CancelTooLate,
    /// A cancel came while its target completed by itself.
    CancelRace,
    /// A cancel was told that its target cannot be stopped.
    CancelAlready,
    /// A wait ended early.
    EarlyWake,
    /// Two completions changed places.
    Reorder,
    /// Something came late.
    Delay,
}

impl Fault {
    /// Every kind.
    pub const ALL: [Self; 19] = [
        Self::ShortReceive,
        Self::SingleByte,
        Self::ShortSend,
        Self::Stall,
        Self::Reset,
        Self::ResetPurge,
        Self::NoBuffer,
        Self::OutOfBuffers,
        Self::OutOfLargeBuffers,
        Self::AcceptError,
        Self::MultishotEnd,
        Self::Spurious,
        Self::Unforeseen,
        Self::CancelTooLate,
        Self::CancelRace,
        Self::CancelAlready,
        Self::EarlyWake,
        Self::Reorder,
        Self::Delay,
    ];
}

/// Errors of accepting after which it goes on at once.
pub(super) const ACCEPT_PASSING: [Errno; 3] = [Errno::CONNABORTED, Errno::PROTO, Errno::PERM];
/// Errors of accepting after which it must rest.
pub(super) const ACCEPT_EXHAUSTED: [Errno; 4] =
    [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM];
/// Errors for nothing.
pub(super) const SPURIOUS: [Errno; 2] = [Errno::INTR, Errno::AGAIN];
/// How a connection breaks.
pub(super) const BROKEN: [Errno; 2] = [Errno::CONNRESET, Errno::TIMEDOUT];

/// The error without a word for it, of each operation that may meet one.
pub(super) const fn unforeseen(kind: OpKind) -> Option<Errno> {
    match kind {
        OpKind::Accept => Some(Errno::OPNOTSUPP),
        OpKind::Receive | OpKind::Send => Some(Errno::IO),
        OpKind::HangUp => Some(Errno::NOMEM),
        OpKind::Cancel | OpKind::Notice => None,
    }
}

/// Which outcomes and faults were seen, and how often. Several runs' are merged.
///
/// ```
/// use ringlane_reactor::sim::Coverage;
///
/// let mut all_runs = Coverage::default();
/// all_runs.merge(&Coverage::default());
/// assert_eq!(all_runs.missing().len(), Coverage::required().len());
/// ```
#[derive(Clone, Debug, Default)]
pub struct Coverage {
    seen: HashMap<Sight, u64>,
}

/// One thing that can be seen.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Sight {
    /// An operation ended so.
    Outcome(OpKind, Outcome),
    /// A fault happened.
    Fault(Fault),
}

impl fmt::Display for Sight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Outcome(kind, Outcome::Failed(errno)) => write!(f, "{kind:?} × {errno}"),
            Self::Outcome(kind, outcome) => write!(f, "{kind:?} × {outcome:?}"),
            Self::Fault(fault) => write!(f, "fault {fault:?}"),
        }
    }
}

impl Coverage {
    /// Everything that the seeds of a suite must show between them.
    pub fn required() -> Vec<Sight> {
        let mut all: Vec<Sight> = Fault::ALL.into_iter().map(Sight::Fault).collect();
        for kind in OpKind::ALL {
            all.extend(
                outcomes(kind)
                    .into_iter()
                    .map(|outcome| Sight::Outcome(kind, outcome)),
            );
        }
        all
    }

    /// What is required and was not seen.
    pub fn missing(&self) -> Vec<Sight> {
        let mut all = Self::required();
        all.retain(|sight| self.count(*sight) == 0);
        all
    }

    /// How often something was seen.
    pub fn count(&self, sight: Sight) -> u64 {
        self.seen.get(&sight).copied().unwrap_or(0)
    }

    /// Adds what another run has seen.
    pub fn merge(&mut self, other: &Self) {
        for (sight, count) in &other.seen {
            *self.seen.entry(*sight).or_default() += count;
        }
    }

    pub(super) fn fault(&mut self, fault: Fault) {
        *self.seen.entry(Sight::Fault(fault)).or_default() += 1;
    }

    /// Notes what the reactor is about to learn; `asked` is how much a send was to take.
    pub(super) fn completion(&mut self, completion: &Completion, asked: usize) {
        let kind = completion.token.kind;
        let outcome = match (kind, completion.result) {
            (_, result) if result < 0 => Outcome::Failed(Errno::from_raw_os_error(-result)),
            (OpKind::Receive, 0) => Outcome::End,
            (OpKind::Receive, _) if completion.loan.room() == Some(Room::Large) => Outcome::Large,
            (OpKind::Receive, _) if !completion.more => Outcome::Last,
            (OpKind::Send, count) if (count as usize) < asked => Outcome::Short,
            _ => Outcome::Done,
        };
        *self.seen.entry(Sight::Outcome(kind, outcome)).or_default() += 1;
    }
}

/// The outcomes of one operation that must be seen.
fn outcomes(kind: OpKind) -> Vec<Outcome> {
    use Outcome::{Done, End, Failed, Large, Last, Short};
    let failed = |errnos: &[Errno]| errnos.iter().copied().map(Failed).collect::<Vec<_>>();
    let mut all = match kind {
        OpKind::Accept => [
            vec![Done, Failed(Errno::CANCELED)],
            failed(&ACCEPT_PASSING),
            failed(&ACCEPT_EXHAUSTED),
            failed(&SPURIOUS),
        ]
        .concat(),
        OpKind::Receive => [
            vec![
                Done,
                Last,
                Large,
                End,
                Failed(Errno::NOBUFS),
                Failed(Errno::CANCELED),
                Failed(Errno::PIPE),
            ],
            failed(&BROKEN),
            failed(&SPURIOUS),
        ]
        .concat(),
        OpKind::Send => [
            vec![Done, Short, Failed(Errno::PIPE), Failed(Errno::CANCELED)],
            failed(&BROKEN),
            failed(&SPURIOUS),
        ]
        .concat(),
        OpKind::HangUp => vec![Done, Failed(Errno::CANCELED)],
        OpKind::Cancel => vec![Done, Failed(Errno::NOENT), Failed(Errno::ALREADY)],
        OpKind::Notice => [vec![Done], failed(&SPURIOUS)].concat(),
    };
    all.extend(unforeseen(kind).map(Failed));
    all
}
