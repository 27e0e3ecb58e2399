//! Tests the layout of files: length, width, head, white space.

use super::{check, hold_everywhere, hold_in_rust};
use crate::source::{Finding, Kind, SourceFile, Token};

const FILE_LINES_MAX: usize = 500;
const LINE_CHARS_MAX: usize = 100;
/// A head of fewer words than this says nothing.
const HEAD_WORDS_MIN: usize = 3;

/// What white space is looked at in: what people write. Recorded output is left as it came.
const WRITTEN: [&str; 6] = [".rs", ".toml", ".md", ".sh", ".yml", ".gitignore"];

fn file_length(file: &SourceFile) -> Vec<Finding> {
    let count = file.lines().count();
    if count <= FILE_LINES_MAX {
        return Vec::new();
    }
    vec![file.finding(
        FILE_LINES_MAX + 1,
        format!("{count} lines, {FILE_LINES_MAX} at most"),
    )]
}

/// The first paragraph of the file's head must be a sentence.
fn head(file: &SourceFile) -> Vec<Finding> {
    let is_head = |line: &&str| line.strip_prefix("//! ").is_some();
    let lines = file.text.lines().take_while(is_head);
    let sentence: Vec<&str> = lines.filter_map(|line| line.strip_prefix("//! ")).collect();
    let sentence = sentence.join(" ");
    let words = sentence.split_whitespace().count();
    if words >= HEAD_WORDS_MIN && sentence.ends_with(['.', ':', '?']) {
        return Vec::new();
    }
    vec![file.finding(1, "the file does not open with a sentence in `//!`")]
}

/// Lines that are too wide, strings and addresses of pages aside: those cannot be cut.
fn line_width(file: &SourceFile) -> Vec<Finding> {
    let mut strings = file.tokens();
    strings.retain(|token| token.kind == Kind::Text);
    let mut found = Vec::new();
    let mut start = 0;
    for (number, line) in file.lines() {
        let end = start + line.len();
        if line.len() > LINE_CHARS_MAX && !line.contains("://") {
            let part = |string: &Token| {
                let (from, to) = (string.bytes.start.max(start), string.bytes.end.min(end));
                file.text
                    .get(from..to)
                    .map_or(0, |part| part.chars().count())
            };
            let width = line.chars().count() - strings.iter().map(part).sum::<usize>();
            if width > LINE_CHARS_MAX {
                let what = format!("{width} characters wide, {LINE_CHARS_MAX} at most");
                found.push(file.finding(number, what));
            }
        }
        start = end + 1;
    }
    found
}

fn white_space(file: &SourceFile) -> Vec<Finding> {
    let is_script = file.path.starts_with(".ci/") || file.text.starts_with("#!");
    if !is_script && file.path != "Makefile" && !WRITTEN.iter().any(|end| file.path.ends_with(end))
    {
        return Vec::new();
    }
    let mut found = Vec::new();
    for (number, line) in file.lines() {
        if line.ends_with([' ', '\t', '\r']) {
            found.push(file.finding(number, "white space at the end of the line"));
        }
        if line.contains('\t') && file.path != "Makefile" {
            found.push(file.finding(number, "a tab"));
        }
    }
    if !file.text.is_empty() && (!file.text.ends_with('\n') || file.text.ends_with("\n\n")) {
        found.push(file.finding(file.lines().count(), "the file must end with one line end"));
    }
    found
}

#[test]
fn files_are_short() {
    hold_in_rust(file_length);
}

#[test]
fn files_open_with_a_sentence() {
    hold_in_rust(head);
}

#[test]
fn lines_are_narrow() {
    hold_in_rust(line_width);
}

#[test]
fn white_space_is_clean() {
    hold_everywhere(white_space);
}

#[test]
fn a_long_file_is_found() {
    check(file_length, "a.rs", &"\n".repeat(FILE_LINES_MAX), &[]);
    check(
        file_length,
        "a.rs",
        &"\n".repeat(FILE_LINES_MAX + 1),
        &[FILE_LINES_MAX + 1],
    );
}

#[test]
fn a_poor_head_is_found() {
    check(
        head,
        "a.rs",
        "//! How a body ends: by length, by\n//! chunks, or at once.\n",
        &[],
    );
    check(head, "a.rs", "", &[1]);
    check(head, "a.rs", "use std::fmt;\n", &[1]);
    check(head, "a.rs", "\n//! How a body ends.\n", &[1]);
    check(head, "a.rs", "// How a body ends.\n", &[1]);
    check(head, "a.rs", "//! The parser.\n", &[1]);
    check(
        head,
        "a.rs",
        "//! How a body ends\n\n//! in any case.\n",
        &[1],
    );
}

#[test]
fn a_wide_line_is_found() {
    let wide = "x".repeat(LINE_CHARS_MAX - 3);
    check(line_width, "a.rs", &format!("// {wide}\n"), &[]);
    check(line_width, "a.rs", &format!("\n// {wide}x\n"), &[2]);
    check(line_width, "a.rs", &format!("/// {wide}é\n"), &[1]);
    check(
        line_width,
        "a.rs",
        &format!("// https://example.org/{wide}\n"),
        &[],
    );
    check(
        line_width,
        "a.rs",
        &format!("const A: &str = \"{wide}\";\n"),
        &[],
    );
    check(
        line_width,
        "a.rs",
        &format!("const A: &str = \"\n {wide}xxxx\";\n"),
        &[],
    );
    check(
        line_width,
        "a.rs",
        &format!("const A: &str = \"a\"; // {wide}\n"),
        &[1],
    );
}

#[test]
fn planted_white_space_is_found() {
    check(white_space, "a.rs", "a \nb\t\nc\n", &[1, 2, 2]);
    check(white_space, "a.md", "a\r\nb", &[1, 2]);
    check(white_space, "a.toml", "a\n\n", &[2]);
    check(white_space, "Makefile", "a:\n\tb\n", &[]);
    check(white_space, "Makefile", "a: \n\tb\n", &[1]);
    check(white_space, ".ci/run", "a \n", &[1]);
    check(white_space, "a.stderr", "a \n", &[]);
}
