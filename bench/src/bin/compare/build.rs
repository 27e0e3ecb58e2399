//! Builds what is to be measured, one package at a time, so that one failure is one row.
//!
//! Not here: what there is to build (`contender.rs`).

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::arguments::Arguments;
use crate::contender::{Contender, Source};
use ringlane_bench::process::{Interrupt, Process};

/// A server, and why it cannot be started if that is known already.
#[derive(Debug)]
pub(crate) struct Candidate {
    pub(crate) contender: Contender,
    pub(crate) failure: Option<String>,
}

/// Builds all contenders. An error means that the run is to end; a failed build is in the
/// candidate.
pub(crate) fn contenders(
    contenders: &[Contender],
    arguments: &Arguments,
    root: &Path,
    interrupt: &Interrupt,
) -> io::Result<Vec<Candidate>> {
    let mut candidates: Vec<Candidate> = Vec::new();
    let mut root_failure: Option<Option<String>> = None;
    for contender in contenders {
        let mut failure = None;
        if !arguments.no_build {
            failure = match contender.source {
                Source::Given => None,
                Source::Bench(program) => build(contender, &bench(program), root, interrupt)?,
                Source::Peers(package) => build(contender, &peers(package), root, interrupt)?,
                Source::Script => set_up(contender, root, interrupt)?,
                Source::Root => match &root_failure {
                    Some(known) => known.clone(),
                    None => {
                        let built = build(contender, &ringlane(), root, interrupt)?;
                        root_failure = Some(built.clone());
                        built
                    }
                },
            };
        }
        if failure.is_none()
            && contender.source != Source::Given
            && !root.join(&contender.command[0]).exists()
        {
            failure = Some(format!("not built: there is no {}", contender.command[0]));
        }
        candidates.push(Candidate {
            contender: contender.clone(),
            failure,
        });
    }
    Ok(candidates)
}

/// Where the servers' and the builds' own words are kept, by name.
pub(crate) fn log_file(root: &Path, name: &str) -> io::Result<(File, PathBuf)> {
    let folder = root.join("target/compare");
    fs::create_dir_all(&folder)?;
    let path = folder.join(format!("{name}.log"));
    Ok((File::create(&path)?, path))
}

/// The target directory is named, so that the binary is where the contender's command expects it.
fn peers(package: &str) -> Vec<String> {
    let words =
        "--manifest-path bench/peers/Cargo.toml --target-dir bench/peers/target --locked --package";
    words
        .split(' ')
        .chain([package])
        .map(str::to_owned)
        .collect()
}

/// Builds a program of our own package: a server, or the generator.
pub(crate) fn own(program: &str, root: &Path, interrupt: &Interrupt) -> io::Result<()> {
    match run_cargo(program, &bench(program), root, interrupt)? {
        None => Ok(()),
        Some(reason) => Err(io::Error::other(format!("{program} {reason}"))),
    }
}

fn bench(program: &str) -> Vec<String> {
    "--target-dir target --package ringlane-bench --bin"
        .split(' ')
        .chain([program])
        .map(str::to_owned)
        .collect()
}

fn ringlane() -> Vec<String> {
    "--target-dir target --package ringlane-cli"
        .split(' ')
        .map(str::to_owned)
        .collect()
}

/// Builds one server; returns why that failed.
fn build(
    contender: &Contender,
    arguments: &[String],
    root: &Path,
    interrupt: &Interrupt,
) -> io::Result<Option<String>> {
    run_cargo(&contender.name, arguments, root, interrupt)
}

/// Has a script install what it starts; returns why that failed.
fn set_up(contender: &Contender, root: &Path, interrupt: &Interrupt) -> io::Result<Option<String>> {
    let mut command = Command::new(root.join(&contender.command[0]));
    command.arg("--setup");
    let failed = run(&contender.name, &mut command, root, interrupt)?;
    Ok(failed.map(|words| {
        let reason = words.lines().last().unwrap_or("it gave no reason");
        format!("cannot be set up: {reason}")
    }))
}

/// Runs cargo; returns why it failed, in its own first words.
fn run_cargo(
    name: &str,
    arguments: &[String],
    root: &Path,
    interrupt: &Interrupt,
) -> io::Result<Option<String>> {
    let mut command = Command::new("cargo");
    command
        .args(["build", "--release", "--quiet"])
        .args(arguments);
    let failed = run(name, &mut command, root, interrupt)?;
    Ok(failed.map(|words| {
        let mut lines = words.lines();
        let reason = lines.find(|line| line.starts_with("error"));
        format!(
            "does not build: {}",
            reason.unwrap_or("cargo gave no reason")
        )
    }))
}

/// Runs a command to its end; returns its words if it failed.
fn run(
    name: &str,
    command: &mut Command,
    root: &Path,
    interrupt: &Interrupt,
) -> io::Result<Option<String>> {
    eprintln!("building {name} ...");
    let (log, path) = log_file(root, &format!("{name}-build"))?;
    command
        .current_dir(root)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log);
    let mut process = Process::start(command)?;
    let status = process.wait(interrupt, || true)?;
    if status.is_some_and(|status| status.success()) {
        return Ok(None);
    }
    fs::read_to_string(path).map(Some)
}
