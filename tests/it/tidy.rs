//! Tests style rules over every file of the project.
//!
//! Each rule is a function from a file to what it found there. Beside the test that holds it
//! stands one that shows it a bad sample: a rule that cannot fail is no rule.
//!
//! Not here: which crate may know which (`layering.rs`), whether snippets compile (`snippets.rs`).

use crate::source::{Finding, SourceFile, none, rust_files, text_files};

mod comments;
mod functions;
mod layout;
mod make;
mod names;
mod pages;
mod panics;
mod stubs;
mod words;

/// Fails and lists what `rule` finds in any Rust file.
#[track_caller]
fn hold_in_rust(rule: fn(&SourceFile) -> Vec<Finding>) {
    none(rust_files().iter().flat_map(rule));
}

/// Fails and lists what `rule` finds in any text file.
#[track_caller]
fn hold_everywhere(rule: fn(&SourceFile) -> Vec<Finding>) {
    none(text_files().iter().flat_map(rule));
}

/// Shows a rule a sample and checks on which lines it fires.
#[track_caller]
fn check(rule: fn(&SourceFile) -> Vec<Finding>, path: &str, text: &str, expected: &[usize]) {
    let found = rule(&SourceFile::sample(path, text));
    let lines: Vec<usize> = found.iter().map(|finding| finding.line).collect();
    assert_eq!(lines, expected, "{path}: {text}\n{found:?}");
}
