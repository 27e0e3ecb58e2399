//! Tests that there is no placeholder, no skipped test, and no assertion that always holds.

use super::{check, hold_in_rust};
use crate::source::{Finding, SourceFile, Token, starts_with};

fn stubs(file: &SourceFile) -> Vec<Finding> {
    let tokens = file.tokens();
    let mut found = Vec::new();
    for at in 0..tokens.len() {
        if let Some(what) = stub(&tokens[at..]) {
            found.push(file.finding(tokens[at].line, what));
        }
    }
    found
}

fn stub(tokens: &[Token]) -> Option<&'static str> {
    let placeholders = ["todo", "unimplemented", "dbg"];
    if placeholders
        .iter()
        .any(|name| starts_with(tokens, &[name, "!"]))
    {
        return Some("a placeholder");
    }
    if starts_with(tokens, &["#", "[", "ignore"]) {
        return Some("a test that does not run");
    }
    for name in ["assert", "debug_assert"] {
        if starts_with(tokens, &[name, "!", "(", "true", ")"])
            || starts_with(tokens, &[name, "!", "(", "true", ","])
        {
            return Some("an assertion that cannot fail");
        }
    }
    None
}

#[test]
fn nothing_is_left_for_later() {
    hold_in_rust(stubs);
}

#[test]
fn planted_stubs_are_found() {
    check(stubs, "a.rs", "fn f() {\n    todo !()\n}\n", &[2]);
    check(stubs, "a.rs", "fn f() { g(dbg !(1)); }\n", &[1]);
    check(
        stubs,
        "a.rs",
        "fn f() { unimplemented !(\"later\") }\n",
        &[1],
    );
    check(
        stubs,
        "a.rs",
        "#[test]\n# [ignore = \"slow\"]\nfn f() {}\n",
        &[2],
    );
    check(
        stubs,
        "a.rs",
        "fn f() { assert! (true); assert! (true, \"a\"); }\n",
        &[1, 1],
    );
    check(
        stubs,
        "a.rs",
        "//! Nothing to do.\nfn f() { assert!(true && g(), \"todo\"); }\n",
        &[],
    );
}
