//! What code that runs on a core can reach without being handed it: the core's tasks and sleeps.
//!
//! Always true here:
//! - A thread is inside at most one core at a time; entering nests and restores.
//! - Nothing borrowed here is held while someone else's code runs.
//!
//! Not here: what tasks and sleeps do (`tasks.rs`, `sleeps.rs`).

use std::cell::RefCell;
use std::io;
use std::rc::Rc;

use crate::mailbox::Post;
use crate::op::Socket;
use crate::ring::{Address, End};
use crate::sleeps::Sleeps;
use crate::tasks::Tasks;
use crate::wake::{ReadyCell, Station};

/// One core's reachable state.
pub(crate) struct Local {
    core: u16,
    station: &'static Station,
    post: Post,
    ready: ReadyCell,
    pub(crate) tasks: RefCell<Tasks>,
    pub(crate) sleeps: RefCell<Sleeps>,
    address: fn(Socket, End) -> io::Result<Address>,
}

impl Local {
    pub(crate) fn new(
        core: u16,
        station: &'static Station,
        post: Post,
        address: fn(Socket, End) -> io::Result<Address>,
    ) -> Rc<Self> {
        Rc::new(Self {
            core,
            station,
            post,
            ready: ReadyCell::default(),
            tasks: RefCell::default(),
            sleeps: RefCell::default(),
            address,
        })
    }

    pub(crate) fn core(&self) -> u16 {
        self.core
    }

    pub(crate) fn ready(&self) -> &ReadyCell {
        &self.ready
    }

    pub(crate) fn station(&self) -> &'static Station {
        self.station
    }
}

thread_local! {
    static CURRENT: RefCell<Option<Rc<Local>>> = const { RefCell::new(None) };
}

/// While this lives, the thread is inside the core.
pub(crate) struct Entered(Option<Rc<Local>>);

/// Makes the thread be inside a core.
pub(crate) fn enter(local: &Rc<Local>) -> Entered {
    Entered(CURRENT.replace(Some(Rc::clone(local))))
}

impl Drop for Entered {
    fn drop(&mut self) {
        CURRENT.set(self.0.take());
    }
}

/// Runs `f` with the core that this thread is inside; `None` if it is in none.
pub(crate) fn try_with<T>(f: impl FnOnce(&Local) -> T) -> Option<T> {
    CURRENT
        .try_with(|current| current.borrow().as_deref().map(f))
        .ok()
        .flatten()
}

/// Runs `f` with the core that this thread is inside.
///
/// # Panics
///
/// If the thread is inside none, naming `what` was asked for.
pub(crate) fn with<T>(what: &str, f: impl FnOnce(&Local) -> T) -> T {
    try_with(f).unwrap_or_else(|| {
        panic!(
            "{what} works only on a core's thread: in a handler, in a task spawned by one, or where \
             a core's state is made (`Builder::state`)"
        )
    })
}

/// The number of the core that this thread is inside, if it is inside one.
pub fn core() -> Option<u16> {
    try_with(Local::core)
}

/// Where to send letters to the core that this thread is inside, if it is inside one.
pub fn post() -> Option<Post> {
    try_with(|local| local.post.clone())
}

/// The address of one end of a live connection, as [`crate::Ring::address`].
///
/// # Errors
///
/// As `getpeername(2)` and `getsockname(2)`; `ENOTCONN` also if this thread is inside no core.
pub fn address(socket: Socket, end: End) -> io::Result<Address> {
    match try_with(|local| local.address) {
        Some(address) => address(socket, end),
        None => Err(io::ErrorKind::NotConnected.into()),
    }
}
