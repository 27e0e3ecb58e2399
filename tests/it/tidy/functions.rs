//! Tests the length of functions.

use super::{check, hold_in_rust};
use crate::source::{Finding, Kind, SourceFile, Token, closing};

const FUNCTION_LINES_MAX: usize = 70;

/// Functions with too many lines, from the name's line to that of the last brace. One that a
/// macro writes counts as well.
fn function_length(file: &SourceFile) -> Vec<Finding> {
    let tokens = file.tokens();
    let mut found = Vec::new();
    for at in 0..tokens.len() {
        let Some(name) = named_function(&tokens[at..]) else {
            continue;
        };
        let Some(open) = body(&tokens, at) else {
            continue;
        };
        let lines = tokens[closing(&tokens, open)].line - tokens[at].line + 1;
        if lines > FUNCTION_LINES_MAX {
            let what = format!("`{name}` has {lines} lines, {FUNCTION_LINES_MAX} at most");
            found.push(file.finding(tokens[at].line, what));
        }
    }
    found
}

/// The name of the function that starts here; `fn(u8)` is a type.
fn named_function(tokens: &[Token]) -> Option<&str> {
    match tokens {
        [word, name, ..] if word.is("fn") && name.kind == Kind::Word => Some(&name.text),
        _ => None,
    }
}

/// The index of the brace that opens a function's body, if it has one.
fn body(tokens: &[Token], function: usize) -> Option<usize> {
    let mut at = function;
    while at < tokens.len() {
        match tokens[at].text.as_str() {
            "{" => return Some(at),
            ";" | ")" | "]" | "}" => return None,
            "(" | "[" => at = closing(tokens, at),
            _ => {}
        }
        at += 1;
    }
    None
}

#[test]
fn functions_are_short() {
    hold_in_rust(function_length);
}

#[test]
fn a_long_function_is_found() {
    let lines = |count: usize| "\n".repeat(count - 1);
    let most = lines(FUNCTION_LINES_MAX);
    let more = lines(FUNCTION_LINES_MAX + 1);
    check(function_length, "a.rs", &format!("fn f() {{{most}}}"), &[]);
    check(
        function_length,
        "a.rs",
        &format!("\nfn f() {{{more}}}"),
        &[2],
    );
    check(
        function_length,
        "a.rs",
        &format!("impl A {{\n    fn f(&self) {{{more}}} }}"),
        &[2],
    );
    check(
        function_length,
        "a.rs",
        &format!("trait A {{\n    fn f() -> [u8; {{ 2 }}] {{{more}}} }}"),
        &[2],
    );
    check(
        function_length,
        "a.rs",
        &format!("m! {{ fn f(a in 0..9) {{{more}}} }}"),
        &[1],
    );
    check(
        function_length,
        "a.rs",
        &format!("trait A {{ fn f(); }} mod b {{{more}}}"),
        &[],
    );
    check(
        function_length,
        "a.rs",
        &format!("type F = fn(u8); mod b {{{more}}}"),
        &[],
    );
    check(
        function_length,
        "a.rs",
        &format!("// fn f\nmod b {{ const A: &str = \"{{\"; {more}}}"),
        &[],
    );
}
