//! Builds what is to be measured, one package at a time, so that one failure is one row.
//!
//! Not here: what there is to build (`contender.rs`).

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::arguments::Arguments;
use crate::contender::{Contender, Source};
use crate::process::{Interrupt, Process};

/// A server, and why it cannot be started if that is known already.
#[derive(Debug)]
pub(crate) struct Candidate {
    pub(crate) contender: Contender,
    pub(crate) failure: Option<String>,
}

/// Builds all contenders. An error means that the run is to end; a failed build is in the
/// candidate.
pub(crate) fn contenders(
    arguments: &Arguments,
    root: &Path,
    interrupt: &Interrupt,
) -> io::Result<Vec<Candidate>> {
    let mut candidates: Vec<Candidate> = Vec::new();
    let mut root_failure: Option<Option<String>> = None;
    for contender in &arguments.contenders {
        let mut failure = None;
        if arguments.build {
            failure = match contender.source {
                Source::Given => None,
                Source::Peers(package) => build(contender, &peers(package), root, interrupt)?,
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

fn ringlane() -> Vec<String> {
    "--target-dir target --package ringlane"
        .split(' ')
        .map(str::to_owned)
        .collect()
}

/// Runs cargo; returns why it failed, in its own first words.
fn build(
    contender: &Contender,
    arguments: &[String],
    root: &Path,
    interrupt: &Interrupt,
) -> io::Result<Option<String>> {
    eprintln!("building {} ...", contender.name);
    let (log, path) = log_file(root, &format!("{}-build", contender.name))?;
    let mut command = Command::new("cargo");
    command
        .args(["build", "--release", "--quiet"])
        .args(arguments)
        .current_dir(root);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log);
    let mut process = Process::start(&mut command)?;
    if process
        .wait(interrupt, || true)?
        .is_some_and(|status| status.success())
    {
        return Ok(None);
    }
    let words = fs::read_to_string(path)?;
    let reason = words
        .lines()
        .find(|line| line.starts_with("error"))
        .unwrap_or("cargo gave no reason");
    Ok(Some(format!("does not build: {reason}")))
}
