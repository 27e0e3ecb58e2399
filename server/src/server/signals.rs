//! The signals that end a server: the first lets it drain, the second ends it at once.
//!
//! | signal | what it does |
//! |---|---|
//! | SIGTERM, SIGINT, SIGQUIT, SIGHUP | the first drains, the second closes all, a third kills |
//! | SIGHUP under `nohup` | nothing: who started the process had it ignored |
//! | SIGUSR1, SIGUSR2 | nothing |
//!
//! Always true here:
//! - They are caught from before the first core starts: none that comes later ends undrained.
//! - What a signal asks for is done before it is logged, and whether or not that succeeds.
//!
//! Not here: what draining means (`server.rs`).

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use procfs::process::Process;
use ringlane_reactor::contain;
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
use signal_hook::iterator;
use signal_hook::low_level::emulate_default_handler;

use super::Shutdown;

/// Signals that are caught, and acted upon on a thread of their own, until this is dropped.
pub(super) struct Signals {
    asked: Arc<Mutex<Asked>>,
    handle: iterator::Handle,
    thread: Option<JoinHandle<()>>,
}

/// What signals have asked for.
#[derive(Default)]
struct Asked {
    /// Known once the server serves.
    shutdown: Option<Shutdown>,
    /// Signals to end that came so far.
    times: usize,
}

impl Signals {
    /// Catches them from now on. What comes before [`serve`](Self::serve) is done by it.
    pub(super) fn catch() -> io::Result<Self> {
        let mut caught = vec![SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2];
        if !is_ignored(SIGHUP) {
            caught.push(SIGHUP);
        }
        let mut signals = iterator::Signals::new(caught)?;
        let handle = signals.handle();
        let asked = Arc::<Mutex<Asked>>::default();
        let theirs = Arc::clone(&asked);
        let thread = std::thread::Builder::new().name("ringlane-signals".to_owned());
        let thread = thread.spawn(move || {
            for signal in signals.forever() {
                // A panic is a subscriber's: of no concern to the next signal.
                let _ = contain(|| act(signal, &theirs));
            }
        })?;
        Ok(Self {
            asked,
            handle,
            thread: Some(thread),
        })
    }

    /// The server serves: from now on signals end it, and if one has come already, now.
    pub(super) fn serve(&self, shutdown: Shutdown) {
        let mut asked = lock(&self.asked);
        let is_asked = asked.times > 0;
        asked.shutdown = Some(shutdown.clone());
        drop(asked);
        if is_asked {
            shutdown.drain();
        }
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        self.handle.close();
        let ended = self.thread.take().map(JoinHandle::join);
        drop(ended); // it had nothing else to do
    }
}

fn act(signal: i32, asked: &Mutex<Asked>) {
    if matches!(signal, SIGUSR1 | SIGUSR2) {
        tracing::debug!(signal, "a signal without a meaning");
        return;
    }
    let mut asked = lock(asked);
    asked.times += 1;
    let (times, shutdown) = (asked.times, asked.shutdown.clone());
    drop(asked);
    match (shutdown, times) {
        (None, 1) => {} // `serve` does it
        (Some(shutdown), 1) => {
            shutdown.drain();
            tracing::info!(signal, "a signal to shut down; a second one ends at once");
        }
        (Some(shutdown), 2) => shutdown.stop(),
        // Who asks so often is in earnest. A signal that has no default action does not come here.
        (_, _) => drop(emulate_default_handler(signal)),
    }
}

/// Whether who started this process had it ignore a signal, as `nohup` does. If that cannot be
/// known, it did not.
fn is_ignored(signal: i32) -> bool {
    let status = Process::myself().and_then(|process| process.status());
    status.is_ok_and(|status| status.sigign >> (signal - 1) & 1 == 1)
}

/// A panic while it was locked left nothing half-done: each section here is a few moves.
fn lock(asked: &Mutex<Asked>) -> MutexGuard<'_, Asked> {
    asked.lock().unwrap_or_else(PoisonError::into_inner)
}
