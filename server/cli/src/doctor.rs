//! Options, output and exit codes of `ringlane doctor`.
//!
//! Not here: the checks and the forms of their results (`ringlane-doctor`).

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args as ClapArgs, ValueEnum};
use ringlane_doctor::{Machine, Profile, Report, Severity, Style, Watch};

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
    profile: ProfileName,

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

/// Which values are wanted, as the command line names them.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum ProfileName {
    /// Good for every machine that serves, whatever else runs there.
    Safe,
    /// The machine serves and does nothing else.
    Dedicated,
    /// The machine measures, often with the load generator on it, and is thrown away.
    Benchmark,
}

impl From<ProfileName> for Profile {
    fn from(name: ProfileName) -> Self {
        match name {
            ProfileName::Safe => Self::Safe,
            ProfileName::Dedicated => Self::Dedicated,
            ProfileName::Benchmark => Self::Benchmark,
        }
    }
}

/// A time with its unit; without one, seconds.
fn interval(text: &str) -> Result<Duration, String> {
    let time = crate::cli::seconds(text)?;
    if Watch::INTERVAL.contains(&time) {
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
    let machine = Machine::open(&args.root, args.pid)?;
    let style = Style::of_output();
    if args.watch {
        let watch = Watch {
            interval: args.interval,
            count: args.count,
            json: args.json,
        };
        watch.run(&machine, style, &mut io::stdout().lock())?;
        return Ok(NOTHING_TO_DO);
    }
    let report = Report::of(&machine, args.profile.into());
    if args.script {
        write(&report.script())?;
        return Ok(NOTHING_TO_DO);
    }
    if args.json {
        write(&report.json()?)?;
    } else {
        write(&report.text(style, args.all))?;
    }
    Ok(code(report.worst()))
}

fn code(worst: Severity) -> u8 {
    if worst >= Severity::Warning {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_code_tells_whether_there_is_something_to_do() {
        let calm = [Severity::Fine, Severity::Unread, Severity::Advice];
        assert_eq!(
            calm.map(code),
            [NOTHING_TO_DO; 3],
            "advice is not a failure"
        );
        assert_eq!(
            [Severity::Warning, Severity::Problem].map(code),
            [FINDINGS; 2]
        );
    }

    #[test]
    fn intervals_have_units_and_bounds() {
        let millis = |count| Ok(Duration::from_millis(count));
        assert_eq!(interval("500ms"), millis(500));
        assert_eq!(interval("1"), millis(1000));
        assert_eq!(interval("1.5s"), millis(1500));
        assert_eq!(interval("2m"), millis(120_000));
        assert_eq!(interval("100ms"), millis(100));
        assert_eq!(interval("60m"), millis(3_600_000));
        assert_eq!(interval("1h"), millis(3_600_000));
        for wrong in [
            "99ms", "61m", "", "s", "2h", "-1s", "nan", "inf", "1e400", "1 s",
        ] {
            assert!(interval(wrong).is_err(), "{wrong}");
        }
    }
}
