//! Tests the Makefile: every target is one command that a reader sees, and is listed by `make
//! help`.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use super::check;
use crate::source::{Finding, SourceFile, none, root, tracked};

/// What the project promises to anyone who types `make`.
const PROMISED: [&str; 12] = [
    "autobahn",
    "bench",
    "bench-quick",
    "check",
    "doc",
    "fuzz",
    "help",
    "profiled",
    "run",
    "setup",
    "sim",
    "test",
];

/// One target: the line it starts on, what is said about it, its commands.
struct Target {
    line: usize,
    about: Option<String>,
    commands: Vec<String>,
}

fn targets(file: &SourceFile) -> BTreeMap<String, Target> {
    let mut targets = BTreeMap::new();
    let mut current = None;
    for (line, text) in file.lines() {
        if let Some(command) = text.strip_prefix('\t') {
            let target: Option<&mut Target> =
                current.as_ref().and_then(|name| targets.get_mut(name));
            if let Some(target) = target {
                target.commands.push(command.to_owned());
            }
        } else if let Some((name, rest)) = rule(text) {
            let about = rest.split_once("## ").map(|(_, about)| about.to_owned());
            targets.insert(
                name.to_owned(),
                Target {
                    line,
                    about,
                    commands: Vec::new(),
                },
            );
            current = Some(name.to_owned());
        }
    }
    targets
}

/// The target's name and the rest, if a rule starts on this line; `.PHONY` is none of ours.
fn rule(line: &str) -> Option<(&str, &str)> {
    let (name, rest) = line.split_once(':')?;
    let is_name = |character: char| character.is_ascii_lowercase() || character == '-';
    (!name.is_empty() && name.chars().all(is_name) && !rest.starts_with('='))
        .then_some((name, rest))
}

fn unclear_targets(file: &SourceFile) -> Vec<Finding> {
    let mut found = Vec::new();
    for (name, target) in targets(file) {
        let shown = target
            .commands
            .iter()
            .filter(|command| !command.starts_with('@'))
            .count();
        let hidden = target.commands.len() - shown;
        if target.about.is_none() {
            found.push(file.finding(
                target.line,
                format!("`{name}` has no `## …` for `make help`"),
            ));
        }
        if shown > 1 || hidden > 1 || target.commands.is_empty() {
            found.push(file.finding(target.line, format!("`{name}` is not one visible command")));
        }
    }
    found
}

fn makefile() -> SourceFile {
    let text = std::fs::read_to_string(root().join("Makefile")).expect("the Makefile is read");
    SourceFile::sample("Makefile", &text)
}

/// What a bare `make` prints.
fn help() -> String {
    let output = Command::new("make")
        .arg("--no-print-directory")
        .current_dir(root())
        .env_remove("MAKEFLAGS")
        .env_remove("MAKELEVEL")
        .output()
        .expect("make runs");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("the help is UTF-8")
}

#[test]
fn every_target_is_one_visible_command() {
    none(unclear_targets(&makefile()));
}

#[test]
fn a_bare_make_tells_of_every_target() {
    let help = help();
    let targets = targets(&makefile());
    let names: Vec<&str> = targets.keys().map(String::as_str).collect();
    assert_eq!(names, PROMISED);
    for (name, target) in &targets {
        let about = target.about.as_deref().unwrap_or("?");
        let told = help
            .lines()
            .any(|line| line.contains(&format!("make {name} ")) && line.contains(about));
        assert!(told, "`{name}` is not in:\n{help}");
    }
}

#[test]
fn scripts_can_be_run() {
    for path in tracked().iter().filter(|path| path.starts_with(".ci/")) {
        let about = std::fs::metadata(root().join(path)).expect("a tracked file has metadata");
        assert!(
            about.permissions().mode() & 0o111 == 0o111,
            "{path} is not executable"
        );
    }
}

#[test]
fn a_planted_target_is_found() {
    check(
        unclear_targets,
        "Makefile",
        "SEED :=\n.PHONY: a\n\na: ## Says a.\n\techo a\n",
        &[],
    );
    check(
        unclear_targets,
        "Makefile",
        "a: ## Says a.\n\t@echo a\n\techo b\n",
        &[],
    );
    check(unclear_targets, "Makefile", "a:\n\techo a\n", &[1]);
    check(
        unclear_targets,
        "Makefile",
        "\na: ## Says a.\n\techo a\n\techo b\n",
        &[2],
    );
    check(unclear_targets, "Makefile", "a: ## Says a.\n", &[1]);
}
