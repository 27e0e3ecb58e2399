//! Words that stand in no file: paths of one machine, and pages that this project does not have.

use regex::Regex;

use super::{check, hold_everywhere};
use crate::source::{Finding, SourceFile};

/// What must not be found, and why.
const BANNED: [(&str, &str); 3] = [
    (
        r"(?:^|[^A-Za-z0-9_./{}-])/(?:home|root|work)/",
        "a path of one machine",
    ),
    (r"/tmp/(?:bash|target)", "a path of one machine"),
    (
        r"\b(?:DESIGN|STYLE)(?:\.md| §)|\.\./shared/",
        "a page that is not here",
    ),
];

fn banned_words(file: &SourceFile) -> Vec<Finding> {
    let banned =
        BANNED.map(|(pattern, why)| (Regex::new(pattern).expect("the pattern is valid"), why));
    let mut found = Vec::new();
    for (number, line) in file.lines() {
        for (pattern, why) in &banned {
            if let Some(word) = pattern.find(line) {
                found.push(file.finding(number, format!("{why}: {}", word.as_str())));
            }
        }
    }
    found
}

#[test]
fn no_file_names_a_machine_or_a_missing_page() {
    hold_everywhere(banned_words);
}

#[test]
fn planted_words_are_found() {
    // Put together here, so that this file holds none of them.
    let machine = ["/wo", "rk/main/x"].concat();
    let scratch = ["/tmp/ba", "sh_jobs"].concat();
    let page = ["DES", "IGN.md"].concat();
    let section = ["STY", "LE §2"].concat();
    check(
        banned_words,
        "docs/a.md",
        &format!("fine\nsee {machine}\n"),
        &[2],
    );
    check(banned_words, "a.rs", &format!("\"{machine}\""), &[1]);
    check(banned_words, "a.rs", &scratch, &[1]);
    check(banned_words, "a.rs", &format!("as {page} says"), &[1]);
    check(banned_words, "a.rs", &format!("as {section} says"), &[1]);
    check(
        banned_words,
        "a.rs",
        "frame/work/ /workers /tmp/ringlane.sock /users/{id} STYLE",
        &[],
    );
}
