//! The command `ringlane`: arguments, log, start, and the exit code.
//!
//! Not here: what the arguments mean (`cli.rs`), what is served (`demo.rs`), how the machine is
//! judged (the crate `ringlane-doctor`).

#![forbid(unsafe_code)]

mod cli;
mod demo;
mod doctor;

use std::error::Error;
use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;

use cli::{Args, Command, DemoArgs};

fn main() -> ExitCode {
    let Args { command } = Args::parse();
    let result = match command {
        Command::Demo(args) => run_demo(&args),
        Command::Doctor(args) => return doctor::run(&args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error);
            ExitCode::FAILURE
        }
    }
}

/// Arguments → checked configuration → routes → one reactor per core → until a signal.
fn run_demo(args: &DemoArgs) -> Result<(), Box<dyn Error>> {
    cli::start_logging(args.log)?;
    let facts = Arc::new(demo::Facts::default());
    let server = demo::routes(args.server(), args.dashboard(), &facts).build()?;
    let served = server.run_with(|handle| {
        facts.set(handle.driver(), handle.metrics().len());
        for bind in handle.binds() {
            announce(bind);
        }
    });
    served.map_err(|error| error.to_string().into())
}

/// The line that a supervisor waits for. Nobody has to: a closed output is no reason to end.
fn announce(address: &impl Display) {
    let _ = writeln!(io::stdout(), "listening on {address}");
}

/// Says what went wrong, if anybody is there to be told.
fn complain(error: &impl Display) {
    let _ = writeln!(io::stderr(), "error: {error}");
}
