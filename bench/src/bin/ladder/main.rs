//! `ladder`: what each setting of the kernel is worth to this server on this machine, step by step.
//!
//! Each sample starts a server in network namespaces made for it alone, with one setting changed,
//! and loads it; steps and their variants take turns in every round. The result is a JSON file in
//! `bench/results`; of the latest one `--report` makes a table and a plot for the guide.
//!
//! Always true here:
//! - A setting of the network is made in a namespace that ends with its sample, so nothing has to
//!   be put back, however the run ends. The one setting of the whole machine, huge pages, is put
//!   back when its sample ends, also when the run is interrupted.
//! - Only processes that were started here are ended, by their id.
//! - What this machine cannot do is a row that says why.
//!
//! Not here: servers beside each other (`compare`).

#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "the table is what this program is for")]

mod measure;
mod namespace;
mod report;
mod result;
mod steps;
mod storm;

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use ringlane_bench::calendar::Moment;
use ringlane_bench::process::Interrupt;
use ringlane_bench::{folded, machine, root, usage};

use crate::result::{Ladder, Method};

/// What each setting of the kernel is worth to this server on this machine.
#[derive(Debug, Parser)]
#[command(name = "ladder", version)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Task>,
    /// One round of one second each: to see that it runs.
    #[arg(long)]
    quick: bool,
    /// Rounds, each of which takes every variant of every step once.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=50))]
    rounds: Option<u32>,
    /// Only steps whose name contains this.
    #[arg(long)]
    only: Option<String>,
    /// Keep no file.
    #[arg(long)]
    no_save: bool,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Makes the guide's table and plot of the latest result.
    Report,
    /// Opens connections in bursts and prints how long they took; the ladder starts this.
    #[command(hide = true)]
    Storm {
        address: SocketAddr,
        bursts: u32,
        burst: u32,
    },
}

fn main() -> ExitCode {
    ringlane_bench::finish(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> io::Result<()> {
    match &arguments.command {
        Some(Task::Report) => report::write(&root()),
        Some(Task::Storm {
            address,
            bursts,
            burst,
        }) => {
            let storm = storm::run(*address, *bursts, *burst)?;
            let text = serde_json::to_string(&storm).map_err(io::Error::other)?;
            println!("{text}");
            Ok(())
        }
        None => climb(arguments),
    }
}

/// Measures every step.
fn climb(arguments: &Arguments) -> io::Result<()> {
    if !rustix::process::geteuid().is_root() {
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            "only root can make network namespaces and set what is measured: sudo bench/ladder",
        ));
    }
    let root = root();
    let interrupt = Interrupt::install()?;
    machine::check_cores(measure::SERVER_CORE, measure::LOAD_CORE)?;
    usage::pin(measure::LOAD_CORE)?;
    let mut method = Method::new(arguments.quick);
    method.rounds = arguments.rounds.unwrap_or(method.rounds);
    let mut steps = steps::all();
    steps.retain(|step| {
        let wanted = arguments.only.as_ref();
        wanted.is_none_or(|part| step.name.contains(part.as_str()))
    });
    let mut ladder = Ladder {
        started: Moment::now(),
        machine: machine::describe(&root),
        method,
        steps,
    };
    measure::rounds(&mut ladder, &root, &interrupt)?;
    print!("{}", report::table(&ladder));
    if !arguments.no_save {
        println!("kept in {}", save(&ladder, &root)?);
    }
    Ok(())
}

/// Replaces the earlier result; returns the file's name from the root.
fn save(ladder: &Ladder, root: &Path) -> io::Result<String> {
    let name = format!("bench/results/{}", report::RESULT);
    folded::write(ladder, root, &name)?;
    Ok(name)
}
