//! The guide and doctor agree: every knob has its section, with the same default, the same wanted
//! values and the same commands.
//!
//! When a knob was changed, the message of the failing test holds the line that the guide needs.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::super::knob::{Knob, Profile, Setting};
use super::super::knobs::tables;
use super::super::rule::set_command;

const PROFILES: [Profile; 3] = [Profile::Safe, Profile::Dedicated, Profile::Benchmark];

fn guide() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/KERNEL-TUNING.md");
    std::fs::read_to_string(path).expect("the guide is there")
}

/// The lines below each heading of the third level, by its text.
fn sections(guide: &str) -> BTreeMap<String, Vec<String>> {
    let mut sections: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut heading = String::new();
    let mut in_code = false;
    for line in guide.lines() {
        in_code ^= line.starts_with("```");
        if !in_code && line.starts_with('#') {
            heading = line.strip_prefix("### ").unwrap_or_default().to_owned();
        }
        sections
            .entry(heading.clone())
            .or_default()
            .push(line.to_owned());
    }
    sections
}

/// The line that says what the profiles ask for.
fn wanted(knob: &Knob) -> String {
    let [safe, dedicated, benchmark] = PROFILES.map(|profile| knob.wanted(profile));
    match (safe == dedicated, dedicated == benchmark) {
        (true, true) => format!("Wanted: {safe}."),
        (false, true) => format!("Wanted: {safe}; dedicated and benchmark: {dedicated}."),
        (true, false) => format!("Wanted: {safe}; benchmark: {benchmark}."),
        (false, false) => {
            format!("Wanted: {safe}; dedicated: {dedicated}; benchmark: {benchmark}.")
        }
    }
}

/// Every command that doctor may give.
fn commands(knob: &Knob) -> BTreeSet<String> {
    match &knob.setting {
        Setting::Sysctl(rule) => PROFILES
            .iter()
            .map(|profile| set_command(knob.id, rule.target(*profile)))
            .collect(),
        Setting::Checked { fix, .. } => fix.iter().map(|line| (*line).to_owned()).collect(),
    }
}

fn knobs() -> impl Iterator<Item = &'static Knob> {
    tables().into_iter().flat_map(|(_, knobs)| knobs)
}

#[test]
fn every_knob_has_a_section_that_says_the_same() {
    let sections = sections(&guide());
    for knob in knobs() {
        let lines = sections.get(knob.id);
        let lines = lines.unwrap_or_else(|| panic!("no section: ### {}", knob.id));
        let prose = lines.join(" ");
        let opening = format!("{}. Default: {}.", knob.title, knob.default);
        assert!(prose.contains(&opening), "{}: {opening}", knob.id);
        let wanted = wanted(knob);
        assert!(lines.contains(&wanted), "{}: {wanted}", knob.id);
        for command in commands(knob) {
            assert!(lines.contains(&command), "{}: {command}", knob.id);
        }
        for label in [
            "**When.**",
            "**Effect.**",
            "- Verify:",
            "- Undo:",
            "- Risk:",
        ] {
            assert!(prose.contains(label), "{}: {label}", knob.id);
        }
    }
}

#[test]
fn no_section_is_about_a_knob_that_doctor_does_not_know() {
    let known: BTreeSet<&str> = knobs().map(|knob| knob.id).chain([""]).collect();
    for heading in sections(&guide()).keys() {
        assert!(known.contains(heading.as_str()), "### {heading}");
    }
}

#[test]
fn groups_are_chapters_in_the_same_order() {
    let guide = guide();
    let places = tables().map(|(group, _)| {
        let heading = format!("\n## {}\n", group.title());
        guide
            .find(&heading)
            .unwrap_or_else(|| panic!("no chapter:{heading}"))
    });
    assert!(places.is_sorted());
}

#[test]
fn links_within_the_guide_lead_somewhere() {
    let guide = guide();
    let anchor = |heading: &str| -> String {
        let kept = |character: &char| character.is_alphanumeric() || "_- ".contains(*character);
        let kept: String = heading.chars().filter(kept).collect();
        kept.to_lowercase().replace(' ', "-")
    };
    let anchors: BTreeSet<String> = guide
        .lines()
        .filter(|line| line.starts_with("##"))
        .map(|line| anchor(line.trim_start_matches('#').trim()))
        .collect();
    for piece in guide.split("](#").skip(1) {
        let target = piece.split(')').next().unwrap_or_default();
        assert!(anchors.contains(target), "#{target}");
    }
    for knob in knobs() {
        assert!(anchors.contains(&knob.anchor()), "{}", knob.anchor());
    }
}

#[test]
fn the_profiles_as_files_hold_what_doctor_sets() {
    let guide = guide();
    for (profile, title) in PROFILES.iter().zip(["Safe:", "Dedicated:", "Benchmark:"]) {
        let start = format!("\n{title}\n\n```ini\n");
        let (_, rest) = guide.split_once(&start).expect("the file of a profile");
        let (file, _) = rest.split_once("```").expect("its end");
        for line in file.lines() {
            let (key, value) = line.split_once(" = ").expect("a setting");
            let knob = knobs().find(|knob| knob.id == key);
            let knob = knob.unwrap_or_else(|| panic!("doctor does not know {key}"));
            let command = set_command(key, value);
            let is_right = match &knob.setting {
                Setting::Sysctl(rule) => command == set_command(key, rule.target(*profile)),
                Setting::Checked { .. } => commands(knob).contains(&command),
            };
            assert!(is_right, "{title} {line}");
        }
    }
}

#[test]
fn names_of_knobs_are_unique() {
    let mut seen = BTreeSet::new();
    for knob in knobs() {
        assert!(
            seen.insert(knob.id) && seen.insert(knob.title),
            "{}",
            knob.id
        );
    }
}
