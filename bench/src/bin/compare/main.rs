//! `compare`: ringlane beside the floors and its peers, in one interleaved run.
//!
//! Each round starts every server afresh, one after the other, pinned to one core, and loads it
//! from another, with wrk or ringlane-load. The result is a table on the terminal and a JSON file
//! in `bench/results`, which replaces the scenario's earlier one; of those files it makes
//! `docs/PERFORMANCE.md` and the README's figures.
//!
//! Always true here:
//! - Only processes that were started here are ended, by their id, however the run ends.
//! - A server that cannot be built, started or measured is a row that says so.
//!
//! Not here: the loads (`bench/scenarios`), the servers (`bench/peers`), micro benchmarks
//! (`bench/benches`).

#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "the table is what this program is for")]

mod arguments;
mod bars;
mod build;
mod contender;
mod enters;
mod front;
mod json;
mod load;
mod measure;
mod probe;
mod report;
mod results;
mod scenario;
mod summary;
mod table;

use std::fs;
use std::io;
use std::path::Path;
use std::process::ExitCode;

use clap::Parser as _;
use ringlane_bench::calendar::Moment;
use ringlane_bench::process::Interrupt;
use ringlane_bench::{machine, root, usage};

use crate::arguments::Arguments;
use crate::bars::Verdict;
use crate::build::Candidate;
use crate::contender::{Contender, Role};
use crate::json::{Report, Row};
use crate::scenario::Scenario;

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
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
    let root = root();
    let plan = arguments.plan(scenario::read_all(&root)?);
    let mut plan = plan.map_err(|what| io::Error::new(io::ErrorKind::InvalidInput, what))?;
    if arguments.list {
        print!("{}", list(&scenario::read_all(&root)?));
        return Ok(true);
    }
    if arguments.report {
        for (name, text) in report::pages(&root)? {
            fs::write(root.join(&name), text)?;
            println!("wrote {name}");
        }
        return Ok(true);
    }
    if arguments.resume {
        let today = Moment::now().day();
        plan.retain(|(scenario, _)| !results::is_of(&scenario.name, &today, &root));
    }
    let interrupt = Interrupt::install()?;
    load::find_tools()?;
    machine::check_cores(arguments.server_core, arguments.load_core)?;
    let candidates = build(&plan, arguments, &root, &interrupt)?;
    // From here on this program only watches: it shares the core of the load, never the server's.
    usage::pin(arguments.load_core)?;
    let mut reached = true;
    for (scenario, contenders) in &plan {
        let of_scenario = |candidate: &&Candidate| contenders.contains(&candidate.contender);
        let candidates: Vec<&Candidate> = candidates.iter().filter(of_scenario).collect();
        let started = Moment::now();
        let machine = machine::describe(&root);
        let rows = measure::run(scenario, &candidates, arguments, &root, &interrupt)?;
        let report = Report::new(scenario, arguments, rows, machine, started);
        reached &= tell(scenario, &report, arguments);
        if !arguments.no_save {
            println!("kept in {}", results::save(&report, &root)?);
        }
    }
    Ok(reached || !arguments.check)
}

/// Every server of the plan, built once, and the generator.
fn build(
    plan: &[(Scenario, Vec<Contender>)],
    arguments: &Arguments,
    root: &Path,
    interrupt: &Interrupt,
) -> io::Result<Vec<Candidate>> {
    let mut contenders: Vec<Contender> = Vec::new();
    for contender in plan.iter().flat_map(|(_, contenders)| contenders) {
        if !contenders.contains(contender) {
            contenders.push(contender.clone());
        }
    }
    if !arguments.no_build {
        build::own("ringlane-load", root, interrupt)?;
    }
    build::contenders(&contenders, arguments, root, interrupt)
}

/// Prints a scenario's table and its verdicts; false if a bar is missed.
fn tell(scenario: &Scenario, report: &Report, arguments: &Arguments) -> bool {
    print!("{}", table::render(report));
    let verdicts = bars::judge(scenario, &report.rows);
    // A run of the peers alone is not about the bars, unless it is asked to be.
    let is_own = |row: &Row| row.role == Role::Ringlane;
    if arguments.check || report.rows.iter().any(is_own) {
        verdicts.iter().for_each(|verdict| println!("{verdict}"));
    }
    verdicts.iter().all(Verdict::holds)
}

/// One line per scenario.
fn list(scenarios: &[Scenario]) -> String {
    let line = |scenario: &Scenario| {
        let (name, title) = (&scenario.name, &scenario.title);
        format!("{name}: {title}\n    {}\n", scenario.servers.join(" "))
    };
    scenarios.iter().map(line).collect()
}
