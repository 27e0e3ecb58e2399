//! Tests that every Rust snippet of the pages is compiled.
//!
//! `../src/lib.rs` hands each page to `cargo test --doc`. Here: that every page with a snippet
//! stands there, and that no snippet asks to be passed over.

use std::collections::BTreeSet;

use crate::source::{Finding, Kind, SourceFile, none, root, rust_files, text_files};

/// The file that lists the pages, and the way from it to the root.
const LIST: &str = "tests/src/lib.rs";
const WAY_UP: &str = "../../";

/// The opening line of a block of code.
struct Fence {
    line: usize,
    /// The language, then what is asked of the compiler: `rust,no_run`.
    words: Vec<String>,
}

impl Fence {
    fn is_rust(&self) -> bool {
        self.words.iter().any(|word| word == "rust")
    }

    fn is_passed_over(&self) -> bool {
        self.words
            .iter()
            .any(|word| word == "ignore" || word.starts_with("ignore-"))
    }
}

/// The blocks of code in Markdown.
fn fences<'t>(lines: impl Iterator<Item = (usize, &'t str)>) -> Vec<Fence> {
    let mut fences = Vec::new();
    let mut open: Option<String> = None;
    for (line, text) in lines {
        let text = text.trim();
        match &open {
            Some(mark)
                if text.starts_with(mark.as_str())
                    && text.trim_start_matches(['`', '~']).is_empty() =>
            {
                open = None;
            }
            Some(_) => {}
            None if text.starts_with("```") || text.starts_with("~~~") => {
                let rest = text.trim_start_matches(['`', '~']);
                open = Some(text[..text.len() - rest.len()].to_owned());
                let words = rest
                    .split([',', ' ', '{', '}'])
                    .filter(|word| !word.is_empty());
                fences.push(Fence {
                    line,
                    words: words.map(str::to_owned).collect(),
                });
            }
            None => {}
        }
    }
    fences
}

/// Snippets of a page that the compiler does not see, or sees without being meant to.
fn escaping_snippets(page: &SourceFile) -> Vec<Finding> {
    let mut found = Vec::new();
    for fence in fences(page.lines()) {
        if fence.is_rust() && fence.is_passed_over() {
            found.push(page.finding(fence.line, "a Rust snippet that is not compiled"));
        }
        if fence.words.is_empty() {
            found.push(page.finding(fence.line, "a block of code without its language"));
        }
    }
    found
}

/// The same in the documentation of code, where a block without a language is Rust.
fn escaping_examples(file: &SourceFile) -> Vec<Finding> {
    let documentation = |line: &'_ str| -> String {
        let line = line.trim_start();
        let text = line
            .strip_prefix("///")
            .or_else(|| line.strip_prefix("//!"));
        text.unwrap_or_default().to_owned()
    };
    let lines: Vec<(usize, String)> = file
        .lines()
        .map(|(number, line)| (number, documentation(line)))
        .collect();
    let fences = fences(lines.iter().map(|(number, line)| (*number, line.as_str())));
    let escaping = fences.into_iter().filter(Fence::is_passed_over);
    escaping
        .map(|fence| file.finding(fence.line, "an example that is not compiled"))
        .collect()
}

/// The pages that `list` hands to the compiler.
fn handed_over(list: &SourceFile) -> BTreeSet<String> {
    let tokens = list.tokens();
    let path = tokens.windows(4).filter_map(|window| match window {
        [name, bang, open, path] if name.is("include_str") && bang.is("!") && open.is("(") => {
            Some(path)
        }
        _ => None,
    });
    let text = path.filter(|path| path.kind == Kind::Text);
    text.map(|path| path.content().trim_start_matches(WAY_UP).to_owned())
        .collect()
}

/// Pages with Rust in them that no one hands to the compiler.
fn forgotten(pages: &[SourceFile], handed_over: &BTreeSet<String>) -> Vec<Finding> {
    let rust = |page: &&SourceFile| fences(page.lines()).iter().any(Fence::is_rust);
    let forgotten = pages
        .iter()
        .filter(rust)
        .filter(|page| !handed_over.contains(&page.path));
    forgotten
        .map(|page| page.finding(1, format!("has Rust snippets; {LIST} does not name it")))
        .collect()
}

fn pages() -> Vec<SourceFile> {
    let mut pages = text_files();
    pages.retain(|file| file.path.ends_with(".md") && !file.path.starts_with("tests/fuzz/"));
    pages
}

#[test]
fn every_page_with_rust_is_handed_to_the_compiler() {
    let list = std::fs::read_to_string(root().join(LIST)).expect("the list of pages is read");
    let handed_over = handed_over(&SourceFile::sample(LIST, &list));
    assert!(handed_over.contains("README.md"), "{handed_over:?}");
    none(forgotten(&pages(), &handed_over));
}

#[test]
fn no_snippet_is_passed_over() {
    none(pages().iter().flat_map(escaping_snippets));
    none(rust_files().iter().flat_map(escaping_examples));
}

#[track_caller]
fn check(rule: fn(&SourceFile) -> Vec<Finding>, text: &str, expected: &[usize]) {
    let found = rule(&SourceFile::sample("sample", text));
    let lines: Vec<usize> = found.iter().map(|finding| finding.line).collect();
    assert_eq!(lines, expected, "{text}");
}

#[test]
fn planted_escapes_are_found() {
    check(
        escaping_snippets,
        "```rust\nfn\n```\n\n```rust,no_run\n```\n```sh\n```\n",
        &[],
    );
    check(escaping_snippets, "```rust,ignore\n```\n", &[1]);
    check(
        escaping_snippets,
        "- a:\n  ```rust ignore-x86\n  ```\n",
        &[2],
    );
    check(escaping_snippets, "a\n```\nb\n```\n", &[2]);
    check(
        escaping_snippets,
        "````md\n```\n```rust,ignore\n````\n~~~rust,ignore\n~~~\n",
        &[5],
    );
    check(
        escaping_examples,
        "/// ```\n/// f();\n/// ```\nfn f() {}\n",
        &[],
    );
    check(
        escaping_examples,
        "//! A.\n//! ```ignore\n//! f();\n//! ```\n",
        &[2],
    );
}

#[test]
fn a_planted_forgotten_page_is_found() {
    let page = SourceFile::sample("docs/guide.md", "```rust\n```\n");
    let plain = SourceFile::sample("docs/plain.md", "```toml\n```\n");
    let list = |text| handed_over(&SourceFile::sample(LIST, text));
    let named =
        list("#[cfg(doctest)]\n#[doc = include_str!(\"../../docs/guide.md\")]\nmod guide {}");
    let pages = [page, plain];
    assert_eq!(forgotten(&pages, &named), []);
    let commented = list("// #[doc = include_str!(\"../../docs/guide.md\")]\nmod guide {}");
    assert_eq!(forgotten(&pages, &commented).len(), 1);
}
