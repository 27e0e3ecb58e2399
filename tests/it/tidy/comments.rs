//! Tests that comments are sentences, not disabled code.

use syn::parse::Parser as _;
use syn::{Block, Expr, Stmt};

use super::{check, hold_in_rust};
use crate::source::{Finding, SourceFile};

fn commented_out_code(file: &SourceFile) -> Vec<Finding> {
    let comments = file.comments();
    let code = comments.iter().filter(|comment| is_code(&comment.text));
    code.map(|comment| file.finding(comment.line, format!("code in a comment: {}", comment.text)))
        .collect()
}

/// Whether one line of a comment reads as a line of Rust.
///
/// It must end as a statement does and parse as one that does something, and it must hold a mark
/// that prose lacks: "use it;" parses, and so does "return early;".
fn is_code(line: &str) -> bool {
    let brackets = |character: char| "()[]{};,".contains(character);
    if line.chars().all(brackets) || line.starts_with("} else") {
        return true;
    }
    if line.starts_with("#[") && line.ends_with(']') {
        return true;
    }
    let Some(last) = line.chars().last() else {
        return false;
    };
    let prose = |character: char| character.is_alphanumeric() || " -,".contains(character);
    if line[..line.len() - last.len_utf8()].chars().all(prose) {
        return false;
    }
    let whole = match last {
        ';' | '}' => line.to_owned(),
        '{' => format!("{line}}}"),
        _ => return false,
    };
    Block::parse_within
        .parse_str(&whole)
        .is_ok_and(|statements| statements.iter().any(does_something))
}

/// Whether a statement is more than a name or a value, which prose in marks may look like.
fn does_something(statement: &Stmt) -> bool {
    match statement {
        Stmt::Local(_) | Stmt::Item(_) | Stmt::Macro(_) => true,
        Stmt::Expr(expression, _) => matches!(
            expression,
            Expr::Assign(_)
                | Expr::Await(_)
                | Expr::Binary(_)
                | Expr::Break(_)
                | Expr::Call(_)
                | Expr::ForLoop(_)
                | Expr::If(_)
                | Expr::Loop(_)
                | Expr::Macro(_)
                | Expr::Match(_)
                | Expr::MethodCall(_)
                | Expr::Return(_)
                | Expr::Try(_)
                | Expr::Unsafe(_)
                | Expr::While(_)
        ),
    }
}

#[test]
fn comments_hold_no_code() {
    hold_in_rust(commented_out_code);
}

#[test]
fn commented_out_code_is_found() {
    for line in [
        "let tail = self.tail;",
        "self.ring.submit()?;",
        "count += 1;",
        "if self.closed() {",
        "while let Some(one) = ring.next() {",
        "match self.phase {",
        "fn turn(&mut self) -> io::Result<()> {",
        "use std::fmt;",
        "println!(\"{x}\");",
        "return Err(error);",
        "unsafe { close(fd) };",
        "struct Slot(u32);",
        "}",
        "});",
        "} else {",
        "#[inline]",
    ] {
        assert!(is_code(line), "{line}");
    }
    check(
        commented_out_code,
        "a.rs",
        "fn f() {\n    // g(1);\n    h(); // i();\n}\n",
        &[2, 3],
    );
    check(
        commented_out_code,
        "a.rs",
        "/* let a = 1;\nlet b = 2; */\n",
        &[1, 2],
    );
    check(
        commented_out_code,
        "a.rs",
        "const A: &str = \"// g(1);\";\n/// g(1);\nfn f() {}\n",
        &[],
    );
}

#[test]
fn prose_is_left_alone() {
    for line in [
        "The ring owns it; nobody else may.",
        "use it;",
        "return early;",
        "break out;",
        "done;",
        "the slot, once freed;",
        "see `recv_outcome();`",
        "RFC 9112 §6.3 (7);",
        "as in h2.rs;",
        "Closing { reason }",
        "in the loop {",
        "SAFETY: `tail` points into the mapping; it lives as long as `self`;",
        "(7);",
        "Open → Draining;",
        "re-arm once a buffer comes home",
        "-----",
    ] {
        assert!(!is_code(line), "{line}");
    }
}
