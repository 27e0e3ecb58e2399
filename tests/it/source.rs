//! Reads the project's files for tests: tracked paths, Rust tokens, comments.
//!
//! Always true here:
//! - A file is looked at as its compiler sees it: a rule about code never reads a string or a
//!   comment, and a rule about comments never reads a string.
//! - What is not committed yet but not ignored either is read too, so a rule speaks up early.
//!
//! Not here: what the rules ask for (`layering.rs`, `tidy.rs`, `snippets.rs`).

use std::fmt::{self, Write as _};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::process::Command;

pub(crate) use tokens::{Comment, Kind, Token, closing, paths, starts_with};

mod tokens;

/// The folder of the root manifest.
pub(crate) fn root() -> &'static Path {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().expect("the tests' folder has a parent")
}

/// The paths of the project's files below its root, sorted; build products are not among them.
pub(crate) fn tracked() -> Vec<String> {
    let listed = Command::new("git")
        .args([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
            "--deduplicate",
        ])
        .current_dir(root())
        .output()
        .expect("git lists the project's files; is it installed?");
    let errors = String::from_utf8_lossy(&listed.stderr);
    assert!(listed.status.success(), "git ls-files: {errors}");
    let names = String::from_utf8(listed.stdout).expect("the project's paths are UTF-8");
    let mut paths: Vec<String> = names.split_terminator('\0').map(str::to_owned).collect();
    // A file that is deleted but not yet committed as such is still listed.
    paths.retain(|path| root().join(path).is_file());
    paths.sort();
    paths
}

/// Rust code that rules do not reach: programs to compare with, and fuzz targets. Both are
/// workspaces of their own and serve no user.
const EXEMPT: [&str; 2] = ["bench/peers/", "tests/fuzz/"];

/// Every Rust file that the rules are about.
pub(crate) fn rust_files() -> Vec<SourceFile> {
    let mut files = text_files();
    files.retain(|file| {
        file.path.ends_with(".rs") && !EXEMPT.iter().any(|folder| file.path.starts_with(folder))
    });
    assert!(files.len() > 10, "found {} Rust files only", files.len());
    files
}

/// Every file of the project that is text.
pub(crate) fn text_files() -> Vec<SourceFile> {
    let read = |path: String| {
        let bytes = std::fs::read(root().join(&path)).ok()?;
        let text = String::from_utf8(bytes).ok()?;
        Some(SourceFile { path, text })
    };
    tracked().into_iter().filter_map(read).collect()
}

/// One file: where it is and what it says.
#[derive(Clone, Debug)]
pub(crate) struct SourceFile {
    /// Below the project's root, with `/` between folders.
    pub(crate) path: String,
    pub(crate) text: String,
}

impl SourceFile {
    /// A file that exists nowhere, for showing that a rule fires.
    pub(crate) fn sample(path: &str, text: &str) -> Self {
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
        }
    }

    /// The file's tokens without comments, documentation comments among them.
    pub(crate) fn tokens(&self) -> Vec<Token> {
        tokens::scan(&self.path, &self.text).0
    }

    /// The file's comments line by line, except documentation.
    pub(crate) fn comments(&self) -> Vec<Comment> {
        tokens::scan(&self.path, &self.text).1
    }

    /// The lines, each with its number, counted from 1.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text
            .split_terminator('\n')
            .enumerate()
            .map(|(at, line)| (at + 1, line))
    }

    /// Something to complain about on `line`.
    pub(crate) fn finding(&self, line: usize, what: impl Into<String>) -> Finding {
        Finding {
            path: self.path.clone(),
            line,
            what: what.into(),
        }
    }

    /// Where `mod name;` inside this file finds its file, without `.rs`.
    pub(crate) fn module_stem(&self, name: &str) -> String {
        let path = PathBuf::from(&self.path);
        let mut folder = path.with_extension("");
        if ["lib", "main", "mod"]
            .iter()
            .any(|stem| folder.ends_with(stem))
        {
            folder.pop();
        }
        folder.join(name).to_string_lossy().into_owned()
    }
}

/// The lines of each item that only a test build has, attributes included.
pub(crate) fn test_lines(tokens: &[Token]) -> Vec<RangeInclusive<usize>> {
    let mut ranges = Vec::new();
    for at in 0..tokens.len() {
        if tokens::is_test_attribute(&tokens[at..]) {
            let end = tokens::item_end(tokens, at);
            ranges.push(tokens[at].line..=tokens[end].line);
        }
    }
    ranges
}

/// What a rule found, and where.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Finding {
    pub(crate) path: String,
    pub(crate) line: usize,
    pub(crate) what: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}: {}", self.path, self.line, self.what)
    }
}

/// Fails and lists every finding, if there is one.
#[track_caller]
pub(crate) fn none(findings: impl IntoIterator<Item = Finding>) {
    let mut list = String::new();
    let mut count = 0;
    for finding in findings {
        count += 1;
        writeln!(list, "  {finding}").expect("a String takes every write");
    }
    assert!(count == 0, "{count} findings:\n{list}");
}
