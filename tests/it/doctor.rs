//! Tests the command `ringlane doctor` on this machine, in pipes, with signals.
//!
//! Not here: what it finds on machines that are good or bad; it has tests of its own for that.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Resource, Signal, getrlimit, kill_process};
use serde_json::Value;

use crate::demo::binary;

fn doctor(arguments: &[&str]) -> Command {
    let mut command = Command::new(binary());
    command.arg("doctor").args(arguments);
    command
}

fn output(arguments: &[&str]) -> Output {
    doctor(arguments).output().expect("started")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What it says of this machine, for programs.
fn findings(arguments: &[&str]) -> Vec<Value> {
    let output = output(arguments);
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let list = report["findings"].as_array().expect("a list").clone();
    let worst = list[0]["severity"].as_str().expect("a severity");
    let expected = i32::from(["problem", "warning"].contains(&worst));
    assert_eq!(output.status.code(), Some(expected), "{worst}");
    list
}

#[track_caller]
fn value<'a>(findings: &'a [Value], knob: &str) -> &'a str {
    let finding = findings.iter().find(|finding| finding["knob"] == knob);
    let finding = finding.unwrap_or_else(|| panic!("nothing about {knob}"));
    finding["value"].as_str().unwrap_or_default()
}

#[test]
fn it_says_what_is_so_on_this_machine() {
    for profile in ["safe", "dedicated", "benchmark"] {
        let findings = findings(&["--json", "--profile", profile]);
        let limit = getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX);
        assert_eq!(value(&findings, "limits.nofile"), limit.to_string());
        let path = "/proc/sys/net/core/somaxconn";
        let length = std::fs::read_to_string(path).unwrap_or_default();
        assert_eq!(value(&findings, "net.core.somaxconn"), length.trim());
    }
}

#[test]
fn a_report_in_a_pipe_is_plain_and_ends_with_a_summary() {
    let output = output(&["--all"]);
    let said = text(&output.stdout);
    assert!(!said.contains('\x1b'), "{said}");
    let last = said.lines().last().expect("a line");
    assert!(last.contains("warning") && last.contains("fine"), "{last}");
    assert_eq!(text(&output.stderr), "");
}

#[test]
fn another_process_is_looked_at() {
    let mut child = Command::new("sleep").arg("60").spawn().expect("started");
    let id = child.id().to_string();
    let findings = findings(&["--json", "--pid", &id]);
    child.kill().expect("ended");
    child.wait().expect("ended");
    let limit = getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX);
    assert_eq!(value(&findings, "limits.nofile"), limit.to_string());
}

#[test]
fn what_it_cannot_look_at_ends_it_with_two() {
    for arguments in [
        ["--root", "/nonexistent"],
        ["--pid", "4194304"],
        ["--profile", "fast"],
        ["--interval", "1s"],
    ] {
        let output = output(&arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(!output.stderr.is_empty() && output.stdout.is_empty());
    }
}

#[test]
fn its_script_is_one_and_says_what_it_would_do() {
    let script = output(&["--script", "--profile", "benchmark"]);
    assert!(script.status.success());
    let path = std::env::temp_dir().join(format!("ringlane-tune-{}.sh", std::process::id()));
    std::fs::write(&path, &script.stdout).expect("written");
    for arguments in [
        ["-n", "", ""],
        ["", "--dry-run", ""],
        ["", "--revert", "--dry-run"],
    ] {
        let [option, rest @ ..] = arguments;
        let ran = Command::new("sh")
            .args([option].iter().filter(|word| !word.is_empty()))
            .arg(&path)
            .args(rest.iter().filter(|word| !word.is_empty()))
            .output()
            .expect("sh can be run");
        assert!(ran.status.success(), "{arguments:?}: {}", text(&ran.stderr));
    }
    std::fs::remove_file(&path).expect("removed");
}

#[test]
fn watching_writes_a_block_for_each_interval_and_a_summary() {
    let output = output(&["--watch", "--interval", "100ms", "--count", "3"]);
    assert!(output.status.success());
    let said = text(&output.stdout);
    assert_eq!(said.matches("ringlane doctor --watch, after").count(), 3);
    assert!(!said.contains('\x1b'), "{said}");
    let last = said.lines().last().expect("a line");
    assert!(last.starts_with("Limits hit: ") || last.starts_with("No limit was hit in 3"));
}

#[test]
fn watching_writes_a_line_of_json_for_each_interval() {
    let output = output(&["--watch", "--json", "--interval", "100ms", "--count", "2"]);
    let said = text(&output.stdout);
    let lines: Vec<Value> = said
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(lines.len(), 2);
    assert!(
        lines[0]["rows"]
            .as_array()
            .is_some_and(|rows| rows.len() > 5)
    );
}

/// Starts watching and waits for the first line.
fn watching() -> (Child, BufReader<impl Read>) {
    let mut child = doctor(&["--watch", "--interval", "100ms"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("started");
    let mut output = BufReader::new(child.stdout.take().expect("piped"));
    let mut line = String::new();
    output.read_line(&mut line).expect("a line");
    assert!(line.starts_with("ringlane doctor --watch"), "{line}");
    (child, output)
}

/// Waits for the end and returns the exit code and what was complained about.
fn end(mut child: Child) -> (Option<i32>, String) {
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(30) {
        if let Some(status) = child.try_wait().expect("waited for") {
            let mut errors = String::new();
            let mut stderr = child.stderr.take().expect("piped");
            stderr.read_to_string(&mut errors).expect("read");
            return (status.code(), errors);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let _ = child.kill(); // the assertion below says what is wrong
    panic!("it does not end");
}

#[test]
fn a_signal_ends_watching_without_an_error() {
    for signal in [Signal::INT, Signal::TERM] {
        let (child, mut output) = watching();
        let id = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        kill_process(id.expect("an id"), signal).expect("signalled");
        let mut rest = String::new();
        output.read_to_string(&mut rest).expect("the rest");
        let last = rest.lines().last().expect("a summary");
        assert!(last.contains("imit"), "{last}");
        assert_eq!(end(child), (Some(0), String::new()));
    }
}

#[test]
fn a_reader_that_leaves_is_no_error() {
    let (child, output) = watching();
    drop(output);
    assert_eq!(end(child), (Some(0), String::new()));
    let mut child = doctor(&["--all"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("started");
    drop(child.stdout.take());
    let (code, errors) = end(child);
    assert!(matches!(code, Some(0 | 1)), "{code:?}");
    assert_eq!(errors, "");
}
