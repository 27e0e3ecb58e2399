//! `compare`: ringlane beside the floors and its peers, in one interleaved run.
//!
//! Each round starts every server afresh, one after the other, pinned to one core, and loads it
//! with
//! wrk, pinned to another. The result is a table on the terminal and a JSON file in
//! `bench/results`.
//!
//! Always true here:
//! - Only processes that were started here are ended, by their id, however the run ends.
//! - A server that cannot be built, started or measured is a row that says so.
//!
//! Not here: the servers (`bench/peers`), micro benchmarks (`bench/benches`).

#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "the table is what this program is for")]

mod arguments;
mod bars;
mod build;
mod calendar;
mod contender;
mod json;
mod load;
mod machine;
mod measure;
mod probe;
mod process;
mod scenario;
mod statistics;
mod table;
mod usage;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::arguments::{Arguments, USAGE};
use crate::bars::Verdict;
use crate::calendar::Moment;
use crate::contender::Role;
use crate::json::Report;
use crate::process::Interrupt;

fn main() -> ExitCode {
    let arguments = match Arguments::parse(std::env::args().skip(1)) {
        Ok(Some(arguments)) => arguments,
        Ok(None) => {
            print!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Err(message) => {
            eprintln!("error: {message}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match run(&arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

/// Build, then one interleaved run per scenario. False if `--check` was given and a bar is missed.
fn run(arguments: &Arguments) -> io::Result<bool> {
    let interrupt = Interrupt::install()?;
    let root = root();
    load::find_tools()?;
    machine::check_cores(arguments.server_core, arguments.load_core)?;
    let contenders = build::contenders(arguments, &root, &interrupt)?;
    // From here on this program only watches: it shares the core of the load, never the server's.
    usage::pin(arguments.load_core)?;

    let mut reached = true;
    for scenario in &arguments.scenarios {
        let started = Moment::now();
        let machine = machine::describe(&root);
        let rows = measure::run(scenario, &contenders, arguments, &root, &interrupt)?;
        let report = Report::new(scenario, arguments, rows, machine, started);
        print!("{}", table::render(&report));
        let verdicts = bars::judge(scenario, &report.rows);
        // A run of the peers alone is not about the bars, unless it is asked to be.
        if arguments.check
            || arguments
                .contenders
                .iter()
                .any(|contender| contender.role == Role::Ringlane)
        {
            verdicts.iter().for_each(|verdict| println!("{verdict}"));
        }
        reached &= verdicts.iter().all(Verdict::holds);
        if arguments.save {
            println!("kept in {}", save(&report, &root)?);
        }
    }
    Ok(reached || !arguments.check)
}

/// The repository that this program was built from.
fn root() -> PathBuf {
    let bench = Path::new(env!("CARGO_MANIFEST_DIR"));
    bench.parent().unwrap_or(bench).to_path_buf()
}

/// Writes the report beside the earlier ones; returns its name from the root.
fn save(report: &Report, root: &Path) -> io::Result<String> {
    let name = format!(
        "bench/results/{}-{}.json",
        report.scenario.name,
        report.started.for_file_name()
    );
    let path = root.join(&name);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let text = serde_json::to_string_pretty(report).map_err(io::Error::other)?;
    fs::write(path, text + "\n")?;
    Ok(name)
}
