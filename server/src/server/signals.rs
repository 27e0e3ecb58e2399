//! The signals that end a server: the first lets it drain, the second ends it at once.
//!
//! Not here: what draining means (`server.rs`).

use std::io;
use std::thread::JoinHandle;

use signal_hook::consts::{SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator;

use super::Shutdown;

/// Signals that are caught from now on, and not acted upon yet.
pub(super) struct Signals(iterator::Signals);

impl Signals {
    pub(super) fn register() -> io::Result<Self> {
        iterator::Signals::new([SIGINT, SIGQUIT, SIGTERM]).map(Self)
    }

    /// Acts upon signals until it is stopped.
    pub(super) fn watch(self, shutdown: Shutdown) -> Watching {
        let mut signals = self.0;
        let handle = signals.handle();
        let thread = std::thread::spawn(move || {
            let mut is_draining = false;
            for _signal in signals.forever() {
                match is_draining {
                    false => {
                        tracing::info!("a signal to shut down; a second one ends at once");
                        shutdown.drain();
                    }
                    true => shutdown.stop(),
                }
                is_draining = true;
            }
        });
        Watching { handle, thread }
    }
}

pub(super) struct Watching {
    handle: iterator::Handle,
    thread: JoinHandle<()>,
}

impl Watching {
    pub(super) fn stop(self) {
        self.handle.close();
        let _ = self.thread.join(); // it had nothing else to do
    }
}
