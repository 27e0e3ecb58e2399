//! Letters to a core from other threads, and the bell that wakes it for them.
//!
//! Always true here:
//! - The bell is rung only for a core that has announced that it sleeps: a busy one looks anyway.
//! - Letters arrive in the order in which one thread sent them.
//!
//! Not here: wakes (`wake.rs`), which need no letter; what a letter asks for (`reactor.rs`).

use std::fmt;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender};

use crate::wake::Station;

/// Wakes one core's ring out of its wait.
#[derive(Clone, Debug)]
pub enum Bell {
    /// The kernel's: an `eventfd`.
    Event(Arc<OwnedFd>),
    /// A simulation's: a flag that it looks at.
    Flag(Arc<AtomicBool>),
}

impl Bell {
    /// A bell of the kernel's, for rings that wait in the kernel.
    ///
    /// # Errors
    ///
    /// As `eventfd(2)`: above all `EMFILE`.
    pub fn event() -> std::io::Result<Self> {
        use rustix::event::{EventfdFlags, eventfd};
        let fd = eventfd(0, EventfdFlags::CLOEXEC)?;
        Ok(Self::Event(Arc::new(fd)))
    }

    /// Rings. Ringing twice before the core looks is ringing once.
    pub fn ring(&self) {
        match self {
            Self::Event(fd) => {
                // It fails only if 2^64 - 1 rings are waiting to be heard: then it rings already.
                let _ = rustix::io::write(fd, &1_u64.to_ne_bytes());
            }
            Self::Flag(flag) => flag.store(true, Ordering::SeqCst),
        }
    }

    /// The descriptor to wait on; a simulation's bell has none.
    pub(crate) fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        match self {
            Self::Event(fd) => Some(fd.as_fd()),
            Self::Flag(_) => None,
        }
    }
}

/// What another thread may ask of a core.
pub enum Letter {
    /// Stop accepting, let the conversations end, and be done within this time.
    Drain(Duration),
    /// End at once.
    Stop,
    /// Take this connection, which another core accepted.
    Adopt(OwnedFd),
    /// Close a connection that is idle: another core has no place for one more.
    MakeRoom,
    /// Run this on the core.
    Run(Box<dyn FnOnce() + Send>),
}

impl fmt::Debug for Letter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Drain(grace) => f.debug_tuple("Drain").field(grace).finish(),
            Self::Stop => f.write_str("Stop"),
            Self::Adopt(fd) => f.debug_tuple("Adopt").field(fd).finish(),
            Self::MakeRoom => f.write_str("MakeRoom"),
            Self::Run(_) => f.write_str("Run"),
        }
    }
}

/// Letters that may wait for one core; whoever sends one more is told. Senders that come at the
/// same instant may exceed it by one each.
pub const LETTERS_MAX: usize = 65_536;

/// The address of a core's mailbox. Cheap to clone, usable from any thread.
#[derive(Clone)]
pub struct Post {
    sender: Sender<Letter>,
    station: &'static Station,
}

impl fmt::Debug for Post {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Post")
            .field("waiting", &self.sender.len())
            .finish_non_exhaustive()
    }
}

impl Post {
    /// Sends a letter and wakes the core if it sleeps.
    ///
    /// # Errors
    ///
    /// Gives the letter back if the core has ended, or [`LETTERS_MAX`] letters wait already; one
    /// that ends the core is taken all the same.
    pub fn send(&self, letter: Letter) -> Result<(), Letter> {
        let is_end = matches!(letter, Letter::Drain(_) | Letter::Stop);
        if !is_end && self.sender.len() >= LETTERS_MAX {
            return Err(letter);
        }
        self.sender.send(letter).map_err(|refused| refused.0)?;
        self.station.ring();
        Ok(())
    }
}

impl Post {
    pub(crate) fn station(&self) -> &'static Station {
        self.station
    }

    /// Whether the core had a place for another connection at the end of its last turn.
    pub(crate) fn has_room(&self) -> bool {
        !self.station.is_full()
    }
}

/// A core's own end of its mailbox.
pub(crate) fn mailbox(station: &'static Station) -> (Post, Receiver<Letter>) {
    // Not `bounded`: that would set aside the memory for all of them now. The limit is ours.
    let (sender, receiver) = crossbeam_channel::unbounded();
    (Post { sender, station }, receiver)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_core_that_is_crowded_can_still_be_ended() {
        let bell = Bell::Flag(Arc::new(AtomicBool::new(false)));
        let (_, station) = Station::claim(bell).expect("a core's number is free");
        let (post, letters) = mailbox(station);
        for _ in 0..LETTERS_MAX {
            assert!(post.send(Letter::Run(Box::new(|| ()))).is_ok());
        }
        assert!(post.send(Letter::Run(Box::new(|| ()))).is_err());
        assert!(post.send(Letter::Drain(Duration::ZERO)).is_ok());
        assert!(post.send(Letter::Stop).is_ok());
        assert_eq!(letters.len(), LETTERS_MAX + 2);
        station.release();
    }
}
