//! Where a log goes: standard error or standard output, and nowhere if nobody takes it there.
//!
//! A server must outlive whoever reads its log. [`stderr`] and [`stdout`] are writers for a
//! subscriber that never fail and wait for nobody: a reader that has left, a disk that is full, and
//! a reader that reads no more cost the lines that they do not take, and nothing else. Once lines
//! are taken again, the first says how many are missing.
//!
//! `std::io::stderr` is not like that: with it `tracing-subscriber` panics if the reader has left,
//! and every core waits while a pipe is full.
//!
//! ```
//! tracing_subscriber::fmt().with_writer(ringlane::log::stderr).init();
//! ringlane::Server::builder().bind("127.0.0.1:0").build()?;
//! # Ok::<(), ringlane::Error>(())
//! ```
//!
//! Always true here:
//! - A line is written whole, between no parts of another of this process.
//! - No write waits for a reader, but 10 ms at most before the first entry is lost. What waits for
//!   a disk is left to the kernel.
//!
//! Not here: what is logged, and in which form (the subscriber's business).

use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

/// What is written at a time: a pipe that takes anything takes this much (`PIPE_BUF`).
const PIECE_BYTES_MAX: usize = 4096;
/// How long a slow reader is waited for before the first line is lost.
const PATIENCE: Duration = Duration::from_millis(10);

static STDERR: Mutex<State> = Mutex::new(State::new());
static STDOUT: Mutex<State> = Mutex::new(State::new());

/// Standard error, as a writer for a log.
pub fn stderr() -> Writer {
    Writer(Stream::Stderr)
}

/// Standard output, as a writer for a log.
pub fn stdout() -> Writer {
    Writer(Stream::Stdout)
}

/// Takes the lines of a log. Writing to it always succeeds, whether or not they are taken.
#[derive(Debug)]
pub struct Writer(Stream);

#[derive(Clone, Copy, Debug)]
enum Stream {
    Stderr,
    Stdout,
}

impl Write for Writer {
    fn write(&mut self, lines: &[u8]) -> io::Result<usize> {
        let (state, stderr, stdout) = (self.0.state(), io::stderr(), io::stdout());
        let to = match self.0 {
            Stream::Stderr => stderr.as_fd(),
            Stream::Stdout => stdout.as_fd(),
        };
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        state.put(to, lines);
        Ok(lines.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Stream {
    fn state(self) -> &'static Mutex<State> {
        match self {
            Self::Stderr => &STDERR,
            Self::Stdout => &STDOUT,
        }
    }
}

/// What became of the lines before.
struct State {
    /// Writes that were lost since one was taken.
    lost: u64,
    /// A line was begun and not ended.
    is_cut: bool,
}

impl State {
    const fn new() -> Self {
        Self {
            lost: 0,
            is_cut: false,
        }
    }

    fn put(&mut self, to: BorrowedFd<'_>, lines: &[u8]) {
        if self.lost > 0 {
            let end = if self.is_cut { "\n" } else { "" };
            let note = format!("{end}{} entries of the log were lost\n", self.lost);
            if send(to, note.as_bytes(), Duration::ZERO) < note.len() {
                self.lost += 1;
                return;
            }
            (self.lost, self.is_cut) = (0, false);
        }
        let sent = send(to, lines, PATIENCE);
        if sent < lines.len() {
            self.lost += 1;
            self.is_cut = sent > 0;
        }
    }
}

/// Writes as much as is taken without waiting longer than `patience`, and says how much that was.
fn send(to: BorrowedFd<'_>, bytes: &[u8], patience: Duration) -> usize {
    let mut sent = 0;
    while let Some(rest) = bytes.get(sent..).filter(|rest| !rest.is_empty()) {
        let piece = &rest[..rest.len().min(PIECE_BYTES_MAX)];
        if !takes_more(to, patience) {
            break;
        }
        match rustix::io::write(to, piece) {
            Ok(count) if count > 0 => sent += count,
            Err(Errno::INTR) => {}
            Ok(_) | Err(_) => break,
        }
    }
    sent
}

/// Whether a write would not wait for a reader. One that has left takes nothing either.
fn takes_more(to: BorrowedFd<'_>, patience: Duration) -> bool {
    let mut asked = [PollFd::new(&to, PollFlags::OUT)];
    let patience = Timespec::try_from(patience).ok();
    let ready = poll(&mut asked, patience.as_ref());
    let gone = PollFlags::ERR | PollFlags::HUP | PollFlags::NVAL;
    let told = asked[0].revents();
    ready.is_ok_and(|count| count > 0) && told.contains(PollFlags::OUT) && !told.intersects(gone)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn what_is_taken_is_written_and_what_is_not_is_counted() {
        let (mut reader, writer) = io::pipe().expect("a pipe");
        let mut state = State::new();
        let line = [b"x".repeat(1023), b"\n".to_vec()].concat();
        let mut put = 0;
        while state.lost == 0 {
            state.put(writer.as_fd(), &line);
            put += 1;
            assert!(put <= 1024, "a pipe has an end");
        }
        state.put(writer.as_fd(), &line);
        assert_eq!(state.lost, 2);
        let mut taken = vec![0; (put - 1) * line.len()];
        reader.read_exact(&mut taken).expect("what was written");
        state.put(writer.as_fd(), b"again\n");
        assert_eq!(state.lost, 0);
        drop(writer);
        let mut rest = String::new();
        reader.read_to_string(&mut rest).expect("text");
        assert_eq!(rest, "2 entries of the log were lost\nagain\n");
    }

    #[test]
    fn a_line_that_was_cut_is_ended_before_the_next() {
        let (mut reader, writer) = io::pipe().expect("a pipe");
        let mut state = State::new();
        let endless = b"y".repeat(1 << 20);
        state.put(writer.as_fd(), &endless);
        assert!(state.lost == 1 && state.is_cut, "longer than a pipe");
        let some = reader.read(&mut [0; 1 << 15]).expect("read");
        assert!(some > 0);
        state.put(writer.as_fd(), b"after\n");
        drop(writer);
        let mut rest = String::new();
        reader.read_to_string(&mut rest).expect("text");
        let rest = rest.trim_start_matches('y');
        assert_eq!(rest, "\n1 entries of the log were lost\nafter\n");
    }

    #[test]
    fn who_has_left_is_no_error() {
        let (reader, writer) = io::pipe().expect("a pipe");
        drop(reader);
        let mut state = State::new();
        for lost in 1..=3 {
            state.put(writer.as_fd(), b"line\n");
            assert_eq!(state.lost, lost);
        }
    }
}
