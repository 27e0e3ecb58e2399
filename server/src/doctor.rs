//! `ringlane doctor`: what of this machine will limit a server, and how to change it.
//!
//! ```text
//! knobs (one table per family) ──► findings ──► report, json or script
//! machine (files below a root)         └──► exit code
//! ```
//!
//! Always true here:
//! - It changes nothing. What it would change is a script for a person to read and run.
//! - It needs no privilege; what it cannot read it lists, with the reason.

mod admission;
mod buffers;
mod cgroup;
mod congestion;
mod containers;
mod cpu;
mod facts;
mod interfaces;
mod json;
mod kernel;
mod knob;
mod knobs;
mod limits;
mod machine;
mod memory;
mod netfilter;
mod packets;
mod parse;
mod ports;
mod report;
mod rule;
mod script;
mod security;
mod style;
#[cfg(test)]
mod tests;
mod uring;
mod watch;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args as ClapArgs;

use facts::Facts;
use knob::{Finding, Profile, Severity};
use machine::Machine;
use style::Style;

/// Nothing worse than advice was found.
const NOTHING_TO_DO: u8 = 0;
/// A warning or a problem was found.
const FINDINGS: u8 = 1;
/// It could not run.
const COULD_NOT_RUN: u8 = 2;

/// Options of `ringlane doctor`.
#[derive(Debug, ClapArgs)]
#[command(
    after_help = "Exit code: 0 if there is nothing to do, 1 with a warning or a problem, 2 \
                        if it could not run."
)]
pub(crate) struct DoctorArgs {
    /// Which values are wanted.
    #[arg(long, value_enum, default_value = "safe")]
    profile: Profile,

    /// List what is fine too; JSON always does.
    #[arg(long, conflicts_with_all = ["script", "watch"])]
    all: bool,

    /// Write JSON: one object, or with --watch one line for each interval.
    #[arg(long, conflicts_with = "script")]
    json: bool,

    /// Write a shell script that makes the changes, and with --revert undoes them.
    #[arg(long, conflicts_with = "watch")]
    script: bool,

    /// Show, interval by interval, which limit is being hit.
    #[arg(long)]
    watch: bool,

    /// Time between two looks: 500ms, 1s, 2m.
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = interval)]
    #[arg(requires = "watch")]
    interval: Duration,

    /// Looks until it ends by itself.
    #[arg(long, value_name = "COUNT", requires = "watch")]
    count: Option<u64>,

    /// The process whose limits and descriptors are looked at. Default: this one.
    #[arg(long, value_name = "PID")]
    pid: Option<u32>,

    /// Look at the copy of a machine's /proc and /sys below this folder.
    #[arg(long, value_name = "FOLDER", default_value = "/", hide = true)]
    root: PathBuf,
}

/// A time with its unit; without one, seconds.
fn interval(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|character: char| character.is_ascii_alphabetic());
    let (number, unit) = text.split_at(digits.len());
    let number: f64 = number
        .parse()
        .map_err(|_| "a number and ms, s or m are expected, as in 500ms".to_owned())?;
    let seconds = match unit {
        "ms" => number / 1000.0,
        "" | "s" => number,
        "m" => number * 60.0,
        _ => return Err("the units are ms, s and m".to_owned()),
    };
    let time = Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())?;
    if watch::INTERVAL.contains(&time) {
        Ok(time)
    } else {
        Err("it must be from 100ms to 60m".to_owned())
    }
}

/// Looks at the machine, writes what was found, and says it in the exit code.
pub(crate) fn run(args: &DoctorArgs) -> ExitCode {
    match examine(args) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            crate::complain(&error);
            ExitCode::from(COULD_NOT_RUN)
        }
    }
}

fn examine(args: &DoctorArgs) -> io::Result<u8> {
    let machine = Machine::new(&args.root, args.pid);
    require(&machine, args)?;
    let style = Style::of_output();
    if args.watch {
        let options = watch::Options {
            interval: args.interval,
            count: args.count,
            json: args.json,
            pid: args.pid,
        };
        watch::run(&machine, options, style)?;
        return Ok(NOTHING_TO_DO);
    }
    let findings = knobs::examine(&machine, args.profile);
    if args.script {
        write(&script::text(&findings, args.profile))?;
        return Ok(NOTHING_TO_DO);
    }
    let facts = Facts::read(&machine);
    if args.json {
        write(&json::text(&findings, &facts, args.profile)?)?;
    } else {
        let text = report::text(&findings, &facts, args.profile, style, args.all);
        write(&text)?;
    }
    Ok(code(&findings))
}

/// Fails if there is nothing to look at.
fn require(machine: &Machine, args: &DoctorArgs) -> io::Result<()> {
    let missing = |what: String| Err(io::Error::new(io::ErrorKind::NotFound, what));
    if !machine.exists("/proc") {
        let proc = args.root.join(Path::new("proc"));
        return missing(format!("{} is not there; is it mounted?", proc.display()));
    }
    match args.pid {
        Some(pid) if !machine.exists(&format!("/proc/{pid}")) => {
            missing(format!("there is no process {pid}"))
        }
        _ => Ok(()),
    }
}

fn code(findings: &[Finding]) -> u8 {
    let worst = findings.iter().map(|finding| finding.severity).max();
    if worst >= Some(Severity::Warning) {
        FINDINGS
    } else {
        NOTHING_TO_DO
    }
}

/// Writes to standard output. That nobody reads on, as before `head`, is no failure.
fn write(text: &str) -> io::Result<()> {
    let mut output = io::stdout().lock();
    let result = output
        .write_all(text.as_bytes())
        .and_then(|()| output.flush());
    match result {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}
