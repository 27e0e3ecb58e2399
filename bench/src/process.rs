//! Starts child processes that never outlive the run.
//!
//! Always true here: a [`Process`] that is dropped is killed by its id and waited for, so the id
//! cannot have become somebody else's. Interrupting the run unwinds it, which drops them all.
//!
//! Not here: what runs in them.

use std::io;
use std::process::{Child, ChildStdout, Command, ExitStatus};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

/// How often a wait looks again. A look costs microseconds, on the load's core.
const PAUSE: Duration = Duration::from_millis(50);

/// Whether somebody asked for the end of the run.
#[derive(Clone, Debug)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Catches the signals that would end this program at once.
    pub fn install() -> io::Result<Self> {
        let flag = Arc::new(AtomicBool::new(false));
        for signal in [SIGHUP, SIGINT, SIGTERM] {
            signal_hook::flag::register(signal, Arc::clone(&flag))?;
        }
        Ok(Self(flag))
    }

    /// An error if the run is to end.
    pub fn check(&self) -> io::Result<()> {
        // Relaxed: the flag orders nothing else.
        if self.0.load(Ordering::Relaxed) {
            return Err(io::Error::new(
                io::ErrorKind::Interrupted,
                "interrupted: nothing is kept of this scenario",
            ));
        }
        Ok(())
    }

    /// Sleeps for `duration`, unless the run is to end.
    pub fn sleep(&self, duration: Duration) -> io::Result<()> {
        thread::sleep(duration);
        self.check()
    }
}

/// One child process.
#[derive(Debug)]
pub struct Process(Child);

impl Process {
    /// Starts it.
    ///
    /// # Errors
    ///
    /// As [`Command::spawn`].
    pub fn start(command: &mut Command) -> io::Result<Self> {
        command.spawn().map(Self)
    }

    /// Its id, which stays its own until this is dropped.
    pub fn id(&self) -> u32 {
        self.0.id()
    }

    /// What it prints, if that was piped; once.
    pub fn take_stdout(&mut self) -> Option<ChildStdout> {
        self.0.stdout.take()
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.0.try_wait()
    }

    /// Waits for its end; `look` is called now and then in between, and says whether to wait on.
    /// Nothing if it said no.
    pub fn wait(
        &mut self,
        interrupt: &Interrupt,
        mut look: impl FnMut() -> bool,
    ) -> io::Result<Option<ExitStatus>> {
        loop {
            if let Some(status) = self.ended()? {
                return Ok(Some(status));
            }
            if !look() {
                return Ok(None);
            }
            interrupt.sleep(PAUSE)?;
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only for a process that has ended and been waited for.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::time::Instant;

    use super::*;

    #[test]
    fn a_dropped_process_is_gone() -> io::Result<()> {
        let process = Process::start(Command::new("sleep").arg("60"))?;
        let entry = PathBuf::from(format!("/proc/{}", process.id()));
        assert!(entry.exists());
        drop(process);
        assert!(!entry.exists());
        Ok(())
    }

    #[test]
    fn an_interrupt_ends_a_wait() -> io::Result<()> {
        let interrupt = Interrupt(Arc::new(AtomicBool::new(true)));
        let started = Instant::now();
        let mut process = Process::start(Command::new("sleep").arg("60"))?;
        let error = process
            .wait(&interrupt, || true)
            .expect_err("the flag is set");
        assert_eq!(error.kind(), io::ErrorKind::Interrupted);
        assert!(started.elapsed() < Duration::from_secs(30));
        Ok(())
    }
}
