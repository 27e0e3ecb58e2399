//! The command `ringlane`: arguments, log, start, and the exit code.
//!
//! Not here: what the arguments mean (`cli.rs`), what is served (`demo.rs`), how the machine is
//! judged (the crate `ringlane-doctor`).

#![forbid(unsafe_code)]

mod cli;
mod demo;
mod doctor;

use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;

use ringlane::Bind;

use cli::{Args, Command, DemoArgs};

fn main() -> ExitCode {
    let Args { command } = Args::read();
    let result = match command {
        Command::Demo(args) => run_demo(&args),
        Command::Doctor(args) => return doctor::run(&args),
    };
    let (code, problem) = match result {
        Ok(()) => return ExitCode::SUCCESS,
        Err(Failure::Asked(problem)) => (ASKED_WRONGLY, problem),
        Err(Failure::Served(problem)) => (FAILED, problem),
    };
    complain(&problem);
    ExitCode::from(code)
}

/// It could not serve, or not to the end.
const FAILED: u8 = 1;
/// What the arguments or the environment ask for cannot be: nothing was tried. As `clap` has it.
const ASKED_WRONGLY: u8 = 2;

/// Why the demo did not do what it was to do.
enum Failure {
    /// It was asked for what cannot be.
    Asked(String),
    /// The system refused, or a core failed.
    Served(String),
}

/// Arguments → checked configuration → routes → one reactor per core → until a signal.
fn run_demo(args: &DemoArgs) -> Result<(), Failure> {
    cli::start_logging(args.log).map_err(|error| Failure::Asked(error.to_string()))?;
    let facts = Arc::new(demo::Facts::default());
    let has_dashboard = args.dashboard().is_some();
    let server = demo::routes(args.server(), args.dashboard(), &facts).build();
    let server = server.map_err(|error| Failure::Asked(cli::explain(&error)))?;
    let served = server.run_with(|handle| {
        facts.set(handle.driver(), handle.metrics().len());
        for bind in handle.binds() {
            announce(bind, has_dashboard);
        }
    });
    served.map_err(|error| Failure::Served(error.to_string()))
}

/// The line that a supervisor waits for, with what a browser opens. Nobody has to wait: a closed
/// output is no reason to end.
fn announce(bind: &Bind, has_dashboard: bool) {
    let mut output = io::stdout();
    let _ = match bind {
        Bind::Tcp(address) if has_dashboard => writeln!(
            output,
            "listening on http://{address}, dashboard at http://{address}/_ringlane/"
        ),
        Bind::Tcp(address) => writeln!(output, "listening on http://{address}"),
        Bind::Unix(_) => writeln!(output, "listening on {bind}"),
    };
}

/// Says what went wrong, if anybody is there to be told.
fn complain(error: &impl Display) {
    let _ = writeln!(io::stderr(), "error: {error}");
}
