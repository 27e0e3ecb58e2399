//! Tests that `unsafe` stands only in `reactor/src/sys/`.

use super::manifests::packages;
use crate::source::{Finding, SourceFile, Token, none, rust_files, starts_with};

/// The one folder whose code may be `unsafe`.
const HOME: &str = "reactor/src/sys/";
/// The root that can only `deny`, since one of its modules is the home.
const LENIENT_ROOT: &str = "reactor/src/lib.rs";

fn unsafe_words(file: &SourceFile) -> Vec<Finding> {
    if file.path.starts_with(HOME) || file.path == "reactor/src/sys.rs" {
        return Vec::new();
    }
    let tokens = file.tokens();
    let words = tokens.iter().filter(|token| token.is("unsafe"));
    words
        .map(|token| file.finding(token.line, "unsafe outside reactor/src/sys"))
        .collect()
}

/// A crate root that does not ban `unsafe`, or bans it too softly.
fn missing_ban(file: &SourceFile) -> Vec<Finding> {
    let ban = if file.path == LENIENT_ROOT {
        "deny"
    } else {
        "forbid"
    };
    let tokens = file.tokens();
    let form = ["#", "!", "[", ban, "(", "unsafe_code", ")", "]"];
    if (0..tokens.len()).any(|at| starts_with(&tokens[at..], &form)) {
        return Vec::new();
    }
    vec![file.finding(1, format!("the crate root lacks #![{ban}(unsafe_code)]"))]
}

/// Every place that loosens the ban; only `mod sys` of the reactor may.
fn loosened_bans(file: &SourceFile) -> Vec<Finding> {
    let tokens = file.tokens();
    let mut found = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let loosens = ["allow", "expect", "warn"]
            .iter()
            .any(|word| token.is(word))
            && starts_with(&tokens[at + 1..], &["(", "unsafe_code"]);
        if loosens && !(file.path == LENIENT_ROOT && is_home(&tokens[at..])) {
            found.push(file.finding(token.line, "loosens the ban on unsafe"));
        }
    }
    found
}

/// Whether the attribute that these tokens are inside of belongs to `mod sys`.
fn is_home(tokens: &[Token]) -> bool {
    let end = tokens.iter().position(|token| token.is("]"));
    let after = end.map_or(&[][..], |at| &tokens[at + 1..]);
    starts_with(after, &["mod", "sys", ";"])
        || starts_with(after, &["pub", "(", "crate", ")", "mod", "sys", ";"])
}

#[test]
fn unsafe_stays_at_home() {
    none(rust_files().iter().flat_map(unsafe_words));
}

#[test]
fn every_crate_root_bans_unsafe() {
    let roots: Vec<String> = packages()
        .into_iter()
        .flat_map(|package| package.roots)
        .collect();
    assert!(
        roots.iter().any(|root| root == "tests/it/main.rs"),
        "{roots:?}"
    );
    let files = rust_files();
    let found = |root: &String| files.iter().find(|file| file.path == *root);
    none(roots.iter().filter_map(found).flat_map(missing_ban));
}

#[test]
fn only_the_home_is_exempt_from_the_ban() {
    let files = rust_files();
    none(files.iter().flat_map(loosened_bans));
}

#[track_caller]
fn check(rule: fn(&SourceFile) -> Vec<Finding>, path: &str, text: &str, expected: &[usize]) {
    let found = rule(&SourceFile::sample(path, text));
    let lines: Vec<usize> = found.iter().map(|finding| finding.line).collect();
    assert_eq!(lines, expected, "{path}: {text}");
}

#[test]
fn planted_unsafe_is_found() {
    let text = "fn f() {\n    g!(unsafe { h() });\n}\nunsafe fn h() {}\n";
    check(unsafe_words, "reactor/src/ring.rs", text, &[2, 4]);
    check(unsafe_words, "server/src/lib.rs", text, &[2, 4]);
    check(unsafe_words, "reactor/src/sys/uring.rs", text, &[]);
    check(
        unsafe_words,
        "reactor/src/a.rs",
        "//! No unsafe.\n#![deny(unsafe_code)]\nf!(\"unsafe\");",
        &[],
    );
}

#[test]
fn a_planted_root_without_a_ban_is_found() {
    check(missing_ban, "server/src/lib.rs", "//! Head.\n", &[1]);
    check(
        missing_ban,
        "server/src/lib.rs",
        "#![deny(unsafe_code)]",
        &[1],
    );
    check(
        missing_ban,
        "server/src/lib.rs",
        "#![forbid(unsafe_code)]",
        &[],
    );
    check(missing_ban, LENIENT_ROOT, "#![deny(unsafe_code)]", &[]);
    check(missing_ban, LENIENT_ROOT, "// #![deny(unsafe_code)]", &[1]);
}

#[test]
fn a_planted_loosening_is_found() {
    let loosened = "#[expect(unsafe_code, reason = \"the kernel\")]\nmod sys;\n";
    check(loosened_bans, LENIENT_ROOT, loosened, &[]);
    check(
        loosened_bans,
        LENIENT_ROOT,
        &loosened.replace("sys", "ring"),
        &[1],
    );
    check(loosened_bans, "reactor/src/ring.rs", loosened, &[1]);
    check(
        loosened_bans,
        "server/src/lib.rs",
        "#![allow(unsafe_code)]",
        &[1],
    );
}
