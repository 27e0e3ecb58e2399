//! Watching a machine under load: which limit is being hit now.
//!
//! ```text
//! sample ──► rows (rates between two samples, each with a state) ──► block of text, or JSON
//! ```
//!
//! Always true here:
//! - A signal or a closed output ends it without an error.
//! - Rates are per second of measured time, not of the interval that was asked for.

mod rows;
mod sample;
#[cfg(test)]
mod tests;

use std::io::{self, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use signal_hook::consts::{SIGINT, SIGTERM};

use super::machine::Machine;
use super::style::Style;
use rows::{Row, State};
use sample::Sample;

/// Shows, interval by interval, which limit of a machine is being hit.
///
/// ```
/// use std::time::Duration;
/// use ringlane_doctor::{Machine, Style, Watch};
///
/// # fn main() -> std::io::Result<()> {
/// let watch = Watch { interval: Duration::from_millis(100), count: Some(1), json: false };
/// let mut output = Vec::new();
/// watch.run(&Machine::open("/", None)?, Style::plain(80), &mut output)?;
/// assert!(output.starts_with(b"ringlane doctor --watch, after "));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Watch {
    /// The time between two looks, within [`Watch::INTERVAL`].
    pub interval: Duration,
    /// How many intervals; `None` is until a signal comes.
    pub count: Option<u64>,
    /// One line of JSON for each interval, instead of a block of text.
    pub json: bool,
}

impl Watch {
    /// The shortest and the longest interval: 100 milliseconds and one hour.
    pub const INTERVAL: std::ops::RangeInclusive<Duration> =
        Duration::from_millis(100)..=Duration::from_secs(3600);

    /// Writes to `output` for each interval. Ends after [`count`](Self::count) of them, at SIGINT
    /// or SIGTERM, which it catches from then on, and when nobody reads `output` any more.
    ///
    /// # Errors
    /// `InvalidInput` for an interval out of bounds; otherwise what writing to `output` returned.
    pub fn run(&self, machine: &Machine, style: Style, output: &mut impl Write) -> io::Result<()> {
        if !Self::INTERVAL.contains(&self.interval) {
            let message = "the interval must be from 100 ms to one hour";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        run(machine, *self, style, output)
    }
}

fn run(machine: &Machine, options: Watch, style: Style, output: &mut impl Write) -> io::Result<()> {
    let alarm = Alarm::new()?;
    let mut seen = Seen::default();
    let started = Instant::now();
    let mut before = Sample::read(machine, machine.pid());
    let mut taken = started;
    while options.count.is_none_or(|count| seen.blocks < count) {
        if alarm.wait(options.interval)? {
            break;
        }
        let after = Sample::read(machine, machine.pid());
        let now = Instant::now();
        let rows = rows::between(&before, &after, now - taken);
        seen.note(&rows);
        let block = if options.json {
            rows::json(&rows, now - started)? + "\n"
        } else {
            block(&rows, now - started, style)
        };
        if !written(output, &block)? {
            return Ok(());
        }
        (before, taken) = (after, now);
    }
    if !options.json {
        written(output, &seen.summary())?;
    }
    Ok(())
}

/// Writes and flushes; `false` if nobody reads any more.
fn written(output: &mut impl Write, text: &str) -> io::Result<bool> {
    match output
        .write_all(text.as_bytes())
        .and_then(|()| output.flush())
    {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(error),
    }
}

/// One interval as text. On a terminal it is written over the one before.
fn block(rows: &[Row], since: Duration, style: Style) -> String {
    let clear = if style.redraws { "\x1b[H\x1b[2J" } else { "" };
    let title = format!(
        "ringlane doctor --watch, after {:.1} s",
        since.as_secs_f64()
    );
    let mut text = format!("{clear}{}\n", style.bold(&title));
    let widest = rows.iter().map(|row| row.name.chars().count()).max();
    let column = widest.unwrap_or_default();
    let shown = fitting(rows, style);
    for row in &shown {
        let line = format!("  {:column$}  {}", row.name, row.text);
        let mark = match row.state {
            State::Fine => String::new(),
            State::Near => format!("  NEAR THE LIMIT: {}", row.note),
            State::Hit => format!("  LIMIT HIT: {}", row.note),
        };
        text.push_str(&line);
        if !mark.is_empty() {
            text.push_str(&style.severity(row.state.severity(), &mark));
        }
        text.push('\n');
    }
    if shown.len() < rows.len() {
        let hidden = rows.len() - shown.len();
        text.push_str(&format!("  and {hidden} more that are fine\n"));
    }
    if !style.redraws {
        text.push('\n');
    }
    text
}

/// The rows for which there is room: where a terminal is too low, some that are fine are left out.
fn fitting(rows: &[Row], style: Style) -> Vec<&Row> {
    /// The title, the line that says how many are left out, and the cursor's.
    const OTHER_LINES: usize = 3;
    let room = match style.height {
        Some(height) if style.redraws => height.saturating_sub(OTHER_LINES),
        _ => rows.len(),
    };
    let mut too_many = rows.len().saturating_sub(room);
    let mut shown: Vec<&Row> = rows.iter().rev().collect();
    shown.retain(|row| {
        let hide = too_many > 0 && row.state == State::Fine;
        too_many -= usize::from(hide);
        !hide
    });
    shown.reverse();
    shown
}

/// Which rows were at their limit, in how many blocks.
#[derive(Debug, Default)]
struct Seen {
    blocks: u64,
    hit: Vec<(String, u64)>,
}

impl Seen {
    fn note(&mut self, rows: &[Row]) {
        self.blocks += 1;
        for row in rows.iter().filter(|row| row.state == State::Hit) {
            match self.hit.iter_mut().find(|(name, _)| *name == row.name) {
                Some((_, count)) => *count += 1,
                None => self.hit.push((row.name.clone(), 1)),
            }
        }
    }

    fn summary(&self) -> String {
        let blocks = self.blocks;
        if self.hit.is_empty() {
            return format!("No limit was hit in {blocks} intervals.\n");
        }
        let list: Vec<String> = self
            .hit
            .iter()
            .map(|(name, count)| format!("{name} (in {count} of {blocks} intervals)"))
            .collect();
        format!("Limits hit: {}.\n", list.join(", "))
    }
}

/// Tells of SIGINT and SIGTERM, and sleeps until then.
struct Alarm(UnixStream);

impl Alarm {
    fn new() -> io::Result<Self> {
        /// What a shell says of a program that a signal ended.
        const ENDED_BY_SIGNAL: i32 = 128;
        let (heard, rung) = UnixStream::pair()?;
        for signal in [SIGINT, SIGTERM] {
            // A second one ends it at once: it may be stuck in a pipe that nobody reads.
            let again = Arc::new(AtomicBool::new(false));
            let code = ENDED_BY_SIGNAL + signal;
            signal_hook::flag::register_conditional_shutdown(signal, code, Arc::clone(&again))?;
            signal_hook::flag::register(signal, again)?;
            signal_hook::low_level::pipe::register(signal, rung.try_clone()?)?;
        }
        Ok(Self(heard))
    }

    /// Sleeps; `true` if a signal has come.
    fn wait(&self, time: Duration) -> io::Result<bool> {
        let end = Instant::now() + time;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let left = Timespec::try_from(left).map_err(io::Error::other)?;
            let mut descriptors = [PollFd::new(&self.0, PollFlags::IN)];
            match poll(&mut descriptors, Some(&left)) {
                Ok(0) => return Ok(false),
                Ok(_) => return Ok(true),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}
