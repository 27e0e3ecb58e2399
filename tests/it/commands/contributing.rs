//! Tests that commands of `docs/CONTRIBUTING.md` name targets, packages, programs and files that
//! exist. They are not run here: most of them build or test everything.

use std::collections::BTreeSet;

use regex::Regex;

use crate::source::{Finding, SourceFile, none, root, tracked};

const PAGE: &str = "docs/CONTRIBUTING.md";

/// What commands and pages may name.
struct Known {
    targets: BTreeSet<String>,
    variables: BTreeSet<String>,
    packages: BTreeSet<String>,
    paths: BTreeSet<String>,
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn captures(pattern: &str, text: &str) -> BTreeSet<String> {
    let pattern = Regex::new(pattern).expect("the pattern is valid");
    let found = pattern.captures_iter(text);
    found.map(|found| found[1].to_owned()).collect()
}

impl Known {
    fn of_the_project() -> Self {
        let paths: BTreeSet<String> = tracked().into_iter().collect();
        let manifests = paths.iter().filter(|path| path.ends_with("Cargo.toml"));
        let name = r#"(?m)^name = "([a-z-]+)"$"#;
        let packages = manifests
            .flat_map(|path| captures(name, &read(path)))
            .collect();
        let makefile = read("Makefile");
        Self {
            targets: captures(r"(?m)^([a-z-]+):", &makefile),
            variables: captures(r"(?m)^([A-Z_]+) \?=", &makefile),
            packages,
            paths,
        }
    }

    /// Whether a file or a folder is there; words in capitals stand for a name of the reader's.
    fn has_path(&self, path: &str) -> bool {
        let placeholder = Regex::new("[A-Z]{4,}").expect("the pattern is valid");
        let until = placeholder
            .find(path)
            .map_or(path.len(), |found| found.start());
        let exact = until == path.len();
        let (path, below) = (&path[..until], format!("{}/", path.trim_end_matches('/')));
        let matches = |one: &String| match exact {
            true => one == path || one.starts_with(&below),
            false => one.starts_with(path),
        };
        self.paths.iter().any(matches)
    }
}

/// What a command names and the project does not have.
fn unknown(command: &str, known: &Known) -> Vec<String> {
    let command = command.split(" #").next().unwrap_or_default();
    let words: Vec<&str> = command.split_whitespace().collect();
    let mut found = Vec::new();
    let is_make = words.first() == Some(&"make");
    for (at, word) in words.iter().enumerate() {
        let before = at.checked_sub(1).map(|at| words[at]);
        let wrong = match (*word, before) {
            (name, Some("-p" | "--bench" | "--bin")) => {
                !known.packages.contains(name)
                    && !known.has_path(&format!("bench/benches/{name}.rs"))
                    && !known.has_path(&format!("bench/src/bin/{name}"))
            }
            (path, None) if path.starts_with(".ci/") => !known.has_path(path),
            (setting, Some(_)) if is_make && setting.contains('=') => {
                let name = setting.split('=').next().unwrap_or_default();
                !known.variables.contains(name)
            }
            (target, Some("make")) if is_make => !known.targets.contains(target),
            _ => false,
        };
        if wrong {
            found.push((*word).to_owned());
        }
    }
    found
}

fn unknown_names(page: &SourceFile, known: &Known) -> Vec<Finding> {
    let code = Regex::new("`([^`]+)`").expect("the pattern is valid");
    let folders = [
        "bench/",
        "docs/",
        "protocol/",
        "reactor/",
        "router/",
        "server/",
        "tests/",
    ];
    let mut found = Vec::new();
    let mut in_block = false;
    for (line, text) in page.lines() {
        if text.starts_with("```") {
            in_block = !in_block;
        } else if in_block {
            let names = unknown(text, known).into_iter();
            found.extend(names.map(|name| page.finding(line, format!("there is no {name}"))));
        } else {
            for span in code.captures_iter(text) {
                let is_path = folders.iter().any(|folder| span[1].starts_with(folder));
                let mut names = unknown(&span[1], known);
                names.extend((is_path && !known.has_path(&span[1])).then(|| span[1].to_owned()));
                let names = names.into_iter();
                found.extend(names.map(|name| page.finding(line, format!("there is no {name}"))));
            }
        }
    }
    found
}

#[test]
fn commands_and_paths_for_contributors_exist() {
    let page = SourceFile::sample(PAGE, &read(PAGE));
    assert!(page.text.contains("make test") && page.text.contains("server/src/middleware/NAME.rs"));
    none(unknown_names(&page, &Known::of_the_project()));
}

#[test]
fn planted_commands_that_do_not_exist_are_found() {
    let known = Known::of_the_project();
    let lines = |text: &str| -> Vec<usize> {
        let found = unknown_names(&SourceFile::sample(PAGE, text), &known);
        found.iter().map(|found| found.line).collect()
    };
    let good = "`make test`, `tests/it/` and `tests/src/decoders/NAME.rs`\n\n```sh\nmake\n\
        make sim SEED=7   # make nothing\n.ci/instructions 810\n\
        cargo bench -p ringlane-bench --bench router\n```\n";
    assert_eq!(lines(good), [0; 0]);
    let bad = "`make nothing` and `tests/nowhere.rs`\n\n```sh\nmake sim SEEDS=7\n.ci/nothing\n\
        cargo test -p ringlane-nothing\ncargo bench --bench nothing\n```\n";
    assert_eq!(lines(bad), [1, 1, 4, 5, 6, 7]);
}
