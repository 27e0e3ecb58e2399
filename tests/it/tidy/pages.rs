//! Tests the links of the pages, and that every page can be reached.

use std::collections::{BTreeMap, BTreeSet};

use regex::Regex;

use super::check;
use crate::source::{Finding, SourceFile, none, text_files};

/// Where reading begins.
const FRONT: &str = "README.md";
/// The page that lists every decision.
const INDEX: &str = "docs/decisions/README.md";

/// A link from one place of the project to another, as a path below the root.
struct Link {
    line: usize,
    target: String,
}

fn links(file: &SourceFile) -> Vec<Link> {
    let pattern = Regex::new(r"\]\(([^)\s]+)\)").expect("the pattern is valid");
    let folder = file.path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut links = Vec::new();
    let mut in_fence = false;
    for (line, text) in file.lines() {
        in_fence ^= text.trim_start().starts_with("```");
        for found in pattern.captures_iter(text).filter(|_| !in_fence) {
            let target = found[1].split('#').next().unwrap_or_default();
            if !target.is_empty() && !target.contains(':') {
                links.push(Link {
                    line,
                    target: resolve(folder, target),
                });
            }
        }
    }
    links
}

/// `target` as seen from `folder`, with `.` and `..` gone.
fn resolve(folder: &str, target: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            name => parts.push(name),
        }
    }
    parts.join("/")
}

/// Links to what is not there; `paths` are all files of the project.
fn dead_links(file: &SourceFile, paths: &BTreeSet<String>) -> Vec<Finding> {
    let exists = |target: &str| {
        let below = format!("{target}/");
        paths
            .iter()
            .any(|path| path == target || path.starts_with(&below))
    };
    let dead = links(file).into_iter().filter(|link| !exists(&link.target));
    dead.map(|link| file.finding(link.line, format!("a link to nothing: {}", link.target)))
        .collect()
}

/// The pages that no chain of links from the front page reaches.
fn unreached(pages: &[SourceFile]) -> Vec<Finding> {
    let by_path: BTreeMap<&str, &SourceFile> = pages
        .iter()
        .map(|page| (page.path.as_str(), page))
        .collect();
    let mut reached = BTreeSet::new();
    let mut next = vec![FRONT.to_owned()];
    while let Some(path) = next.pop() {
        let page = by_path.get(path.as_str());
        if reached.insert(path) {
            next.extend(
                page.iter()
                    .flat_map(|page| links(page))
                    .map(|link| link.target),
            );
        }
    }
    let lost = pages
        .iter()
        .filter(|page| page.path.starts_with("docs/") && !reached.contains(&page.path));
    lost.map(|page| page.finding(1, format!("no links lead here from {FRONT}")))
        .collect()
}

/// The decisions that their index does not list, and those whose name has no number.
fn unlisted(pages: &[SourceFile]) -> Vec<Finding> {
    let name = Regex::new(r"^docs/decisions/\d{4}-[a-z0-9-]+\.md$").expect("the pattern is valid");
    let index = pages.iter().find(|page| page.path == INDEX);
    let listed: BTreeSet<String> = index
        .into_iter()
        .flat_map(links)
        .map(|link| link.target)
        .collect();
    let mut found = Vec::new();
    for page in pages
        .iter()
        .filter(|page| page.path.starts_with("docs/decisions/") && page.path != INDEX)
    {
        if !listed.contains(&page.path) {
            found.push(page.finding(1, format!("{INDEX} does not list this decision")));
        }
        if !name.is_match(&page.path) {
            found.push(page.finding(1, "a decision is called NNNN-what-it-is-about.md"));
        }
    }
    found
}

fn pages() -> Vec<SourceFile> {
    let mut pages = text_files();
    pages.retain(|file| file.path.ends_with(".md"));
    assert!(pages.iter().any(|page| page.path == FRONT));
    pages
}

#[test]
fn every_link_leads_somewhere() {
    let paths = crate::source::tracked().into_iter().collect();
    none(pages().iter().flat_map(|page| dead_links(page, &paths)));
}

#[test]
fn every_page_can_be_reached() {
    none(unreached(&pages()));
}

#[test]
fn every_decision_is_listed() {
    none(unlisted(&pages()));
}

#[test]
fn a_planted_dead_link_is_found() {
    let dead = |file: &SourceFile| {
        dead_links(
            file,
            &BTreeSet::from(["docs/a.md".to_owned(), "c".to_owned()]),
        )
    };
    check(dead, "README.md", "[a](docs/a.md), [b](docs/b.md)\n", &[1]);
    check(
        dead,
        "docs/b.md",
        "[a](a.md#part) [docs](../docs) [c](../c)\n[d](d.md)\n",
        &[2],
    );
    check(
        dead,
        "docs/b.md",
        "[a](https://example.org/) [b](#part)\n```\n[d](d.md)\n```\n",
        &[],
    );
}

#[test]
fn a_planted_lost_page_is_found() {
    let page = |path, text| SourceFile::sample(path, text);
    let front = page(FRONT, "[guide](docs/guide.md)\n");
    let guide = page("docs/guide.md", "[more](more.md), [home](../README.md)\n");
    let more = page("docs/more.md", "");
    assert_eq!(unreached(&[front.clone(), guide, more.clone()]), []);
    assert_eq!(unreached(&[front, more])[0].path, "docs/more.md");
}

#[test]
fn a_planted_unlisted_decision_is_found() {
    let page = |path, text| SourceFile::sample(path, text);
    let one = page("docs/decisions/0001-crates.md", "");
    let index = page(INDEX, "[crates](0001-crates.md) [two](two.md)\n");
    assert_eq!(unlisted(&[one.clone(), index.clone()]), []);
    assert_eq!(unlisted(&[one])[0].path, "docs/decisions/0001-crates.md");
    assert_eq!(
        unlisted(&[page("docs/decisions/two.md", ""), index]).len(),
        1
    );
}
