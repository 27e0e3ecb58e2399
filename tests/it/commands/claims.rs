//! Tests that each effect claimed in the tuning guide has a source.
//!
//! Always true here: what was measured by this project links to a result or to the ladder's table,
//! any other figure in an *Effect* to where it was published.
//!
//! Not here: whether the ladder's table is what the results make (`bench/src/bin/ladder`).

use std::fs;

use regex::Regex;

use super::GUIDE;
use crate::source::{Finding, SourceFile, none, root};

/// Paragraphs outside of code, each with the line it begins on.
fn paragraphs(file: &SourceFile) -> Vec<(usize, String)> {
    let mut paragraphs: Vec<(usize, String)> = Vec::new();
    let (mut in_code, mut goes_on) = (false, false);
    for (line, text) in file.lines() {
        in_code ^= text.starts_with("```");
        if in_code || text.is_empty() || text.starts_with("```") {
            goes_on = false;
            continue;
        }
        match paragraphs.last_mut() {
            Some((_, paragraph)) if goes_on => {
                paragraph.push(' ');
                paragraph.push_str(text);
            }
            _ => paragraphs.push((line, text.to_owned())),
        }
        goes_on = true;
    }
    paragraphs
}

fn unfounded(file: &SourceFile) -> Vec<Finding> {
    let measured = Regex::new(r"(?i)\bmeasured here\b").expect("the pattern is valid");
    let own = Regex::new(r"\]\((?:\.\./bench/results/|#our-own-ladder)").expect("valid");
    // A share, a factor, or the word of somebody.
    let claim = Regex::new(r"\d ?%|\d ?×|times as|published ladder|reported|gained")
        .expect("the pattern is valid");
    let published = Regex::new(r"\]\(https://").expect("the pattern is valid");
    let mut found = Vec::new();
    for (line, text) in paragraphs(file) {
        if measured.is_match(&text) && !own.is_match(&text) {
            found.push(file.finding(line, "measured here, and no link to the result"));
        }
        let is_claim = text.starts_with("**Effect.**") && claim.is_match(&text);
        if is_claim && !published.is_match(&text) && !own.is_match(&text) {
            found.push(file.finding(line, "an effect without a link to its source"));
        }
    }
    found
}

#[test]
fn every_effect_can_be_looked_up() {
    let text = fs::read_to_string(root().join(GUIDE)).expect("the guide is there");
    assert!(text.contains("**Effect.**") && text.contains("## Our own ladder"));
    none(unfounded(&SourceFile::sample(GUIDE, &text)));
}

#[test]
fn planted_claims_without_a_source_are_found() {
    let lines = |text: &str| -> Vec<usize> {
        let found = unfounded(&SourceFile::sample(GUIDE, text));
        found.iter().map(|found| found.line).collect()
    };
    let text = "**Effect.** It gained\n5 %.\n\n**Effect.** None.\n\n**Measured here**: 3 KiB.\n";
    assert_eq!(lines(text), [1, 6]);
    let text = "**Effect.** It gained\n5 % ([a](https://a)).\n\n\
        **Measured here** ([file](../bench/results/a.json)), **measured here** ([b](#our-own-ladder)).\n\n\
        ```sh\n# measured here\n```\n";
    assert_eq!(lines(text), [0; 0]);
}
