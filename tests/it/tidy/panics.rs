//! Tests that library code has no `unwrap`, and that `expect` states an invariant.
//!
//! `expect("…")` with a literal sentence is for what our own code guarantees. What a peer, a
//! file, the kernel or a user controls is answered with a `Result`; that part no machine can see.

use std::ops::RangeInclusive;

use super::check;
use crate::source::{Finding, SourceFile, Token, none, rust_files, starts_with, test_lines};

/// The crates that run for a user.
const CRATES: [&str; 6] = [
    "protocol/src/",
    "reactor/src/",
    "router/src/",
    "server/cli/src/",
    "server/doctor/src/",
    "server/src/",
];
/// An invariant in fewer words than this is a label.
const INVARIANT_WORDS_MIN: usize = 3;

fn careless_panics(file: &SourceFile) -> Vec<Finding> {
    let tokens = file.tokens();
    let tests = test_lines(&tokens);
    let mut found = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let is_test = tests
            .iter()
            .any(|lines: &RangeInclusive<usize>| lines.contains(&token.line));
        if let Some(what) = careless(&tokens[at..]).filter(|_| !is_test) {
            found.push(file.finding(token.line, what));
        }
    }
    found
}

fn careless(tokens: &[Token]) -> Option<&'static str> {
    if starts_with(tokens, &[".", "unwrap", "("]) {
        return Some("`unwrap` in code that runs for a user");
    }
    let expects = starts_with(tokens, &[".", "expect", "("]);
    let sentence = tokens
        .get(3)
        .map(|token| token.content().split_whitespace().count());
    if expects && sentence.unwrap_or(0) < INVARIANT_WORDS_MIN {
        return Some("`expect` without a literal sentence that states the invariant");
    }
    None
}

/// The files that only a test build has: those of each `#[cfg(test)] mod name;`, without `.rs`.
fn test_modules(files: &[SourceFile]) -> Vec<String> {
    let mut stems = Vec::new();
    for file in files {
        let tokens = file.tokens();
        let tests = test_lines(&tokens);
        for (at, token) in tokens.iter().enumerate() {
            let declared = token.is("mod") && tokens.get(at + 2).is_some_and(|end| end.is(";"));
            if declared && tests.iter().any(|lines| lines.contains(&token.line)) {
                stems.push(file.module_stem(&tokens[at + 1].text));
            }
        }
    }
    stems
}

/// Whether the file is that module or lies below it.
fn is_of(stem: &str, path: &str) -> bool {
    let rest = path.strip_prefix(stem);
    rest.is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
}

#[test]
fn panics_state_an_invariant() {
    let mut files = rust_files();
    files.retain(|file| CRATES.iter().any(|folder| file.path.starts_with(folder)));
    let tests = test_modules(&files);
    files.retain(|file| !tests.iter().any(|stem| is_of(stem, &file.path)));
    assert!(files.len() >= CRATES.len(), "{} files only", files.len());
    none(files.iter().flat_map(careless_panics));
}

#[test]
fn planted_panics_are_found() {
    check(
        careless_panics,
        "a.rs",
        "fn f() {\n    g().unwrap();\n}\n",
        &[2],
    );
    check(
        careless_panics,
        "a.rs",
        "fn f() { assert!(g()\n    .unwrap()); }\n",
        &[2],
    );
    check(
        careless_panics,
        "a.rs",
        "fn f() { g().expect(\"never fails\"); }\n",
        &[1],
    );
    check(
        careless_panics,
        "a.rs",
        "fn f() { g().expect(&format!(\"a b c d\")); }\n",
        &[1],
    );
    check(
        careless_panics,
        "a.rs",
        "fn f() { g().expect(\"a slot is freed once\"); }\n",
        &[],
    );
    check(
        careless_panics,
        "a.rs",
        "fn f() { g().unwrap_or(1); h(\".unwrap()\"); }\n",
        &[],
    );
    check(
        careless_panics,
        "a.rs",
        "#[cfg(test)]\nmod tests {\n    fn f() { g().unwrap(); }\n}\n",
        &[],
    );
    check(
        careless_panics,
        "a.rs",
        "#[cfg(test)]\nmod tests;\nfn f() { g().unwrap(); }\n",
        &[3],
    );
    check(
        careless_panics,
        "a.rs",
        "#[expect(dead_code)]\nfn f() {}\n",
        &[],
    );
}

#[test]
fn test_modules_are_known_by_their_declaration() {
    let modules = |path, text| test_modules(&[SourceFile::sample(path, text)]);
    assert_eq!(
        modules("a/src/lib.rs", "#[cfg(test)]\nmod tests;"),
        ["a/src/tests"]
    );
    assert_eq!(
        modules("a/src/b.rs", "#[cfg(test)]\npub(crate) mod c;"),
        ["a/src/b/c"]
    );
    assert_eq!(modules("a/src/lib.rs", "mod tests;"), Vec::<String>::new());
    assert_eq!(
        modules("a/src/lib.rs", "#[cfg(test)]\nmod tests {}"),
        Vec::<String>::new()
    );
    assert!(is_of("a/src/b/tests", "a/src/b/tests.rs"));
    assert!(is_of("a/src/b/tests", "a/src/b/tests/rows.rs"));
    assert!(!is_of("a/src/b/tests", "a/src/b/tests_more.rs"));
}
