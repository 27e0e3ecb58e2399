//! The forms that findings are written in.

use std::collections::BTreeSet;

use serde_json::Value;

use super::super::facts::Facts;
use super::super::knob::{Profile, Severity};
use super::super::style::Style;
use super::super::{Report, json, report};
use super::fake::Fake;

const PLAIN: Style = Style {
    width: 80,
    height: None,
    colour: false,
    redraws: false,
};

/// A machine with something of every severity.
fn mixed() -> Fake {
    let fake = Fake::new();
    fake.set("proc/self/limits", "Max open files 1024 2048 files\n")
        .set("proc/sys/net/ipv4/tcp_syncookies", "0")
        .set("proc/sys/net/ipv4/tcp_slow_start_after_idle", "1")
        .remove("proc/sys/net/ipv4/tcp_sack");
    fake
}

fn text(fake: &Fake, style: Style, all: bool) -> String {
    let findings = fake.examine(Profile::Safe);
    let facts = Facts::read(&fake.machine());
    report::text(&findings, &facts, Profile::Safe, style, all)
}

#[test]
fn a_report_lists_the_worst_first_and_ends_with_a_summary() {
    let text = text(&mixed(), PLAIN, true);
    let headings = ["PROBLEMS", "WARNINGS", "ADVICE", "NOT READ", "FINE"];
    let places = headings.map(|heading| text.find(heading).expect("a heading"));
    assert!(places.is_sorted(), "{text}");
    let last = text.lines().last().expect("a line");
    assert!(
        last.starts_with("1 problem, 2 warnings, 1 piece of advice, 3 not read, "),
        "{last}"
    );
    for part in [
        "  limits.nofile\n",
        "    now     soft 1,024, hard 2,048",
        "    wanted  hard limit of at least 65,536\n",
        "    fix     systemctl edit UNIT   # add: [Service] LimitNOFILE=65536\n",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
}

#[test]
fn what_is_fine_is_listed_when_asked_for() {
    assert!(!text(&mixed(), PLAIN, false).contains("FINE ("));
    assert!(text(&mixed(), PLAIN, true).contains("net.core.somaxconn"));
}

#[test]
fn lines_fit_except_for_commands() {
    for width in [40, 60, 110] {
        let text = text(&mixed(), Style { width, ..PLAIN }, true);
        for line in text.lines() {
            let is_command = line.contains("sysctl -w") || line.contains("systemctl edit");
            let is_command = is_command || line.contains("docker run");
            // A name, a group or the summary is one piece.
            let is_whole = !line.starts_with("    ") || line.trim_start().contains("  ");
            assert!(
                line.chars().count() <= width || is_command || is_whole,
                "{width}: {line}"
            );
        }
    }
}

#[test]
fn colour_only_adds_to_the_words() {
    let fake = mixed();
    let plain = text(&fake, PLAIN, true);
    let colourful = text(
        &fake,
        Style {
            colour: true,
            ..PLAIN
        },
        true,
    );
    assert!(!plain.contains('\x1b') && colourful.contains('\x1b'));
    let mut stripped = String::new();
    let mut pieces = colourful.split('\x1b');
    stripped.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        stripped.push_str(piece.split_once('m').map_or("", |(_, rest)| rest));
    }
    assert_eq!(stripped, plain);
}

#[test]
fn a_report_knows_the_worst_that_it_found() {
    let worst = |fake: &Fake, profile| Report::of(&fake.machine(), profile).worst();
    let fake = Fake::new();
    assert!(worst(&fake, Profile::Benchmark) < Severity::Advice);
    fake.set("proc/sys/net/ipv4/tcp_slow_start_after_idle", "1");
    assert_eq!(worst(&fake, Profile::Safe), Severity::Advice);
    fake.set("proc/sys/net/ipv4/tcp_sack", "0");
    assert_eq!(worst(&fake, Profile::Safe), Severity::Warning);
}

/// Every path in a value with the type of what stands there; lists as one.
fn shape(value: &Value, path: &str, lines: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                shape(value, &format!("{path}.{key}"), lines);
            }
        }
        Value::Array(list) => {
            lines.insert(format!("{path}: list"));
            for value in list {
                shape(value, &format!("{path}[]"), lines);
            }
        }
        Value::Null => drop(lines.insert(format!("{path}: null"))),
        Value::Bool(_) => drop(lines.insert(format!("{path}: boolean"))),
        Value::Number(_) => drop(lines.insert(format!("{path}: number"))),
        Value::String(_) => drop(lines.insert(format!("{path}: string"))),
    }
}

/// What programs rely on. Lines may be added; one that goes or changes makes a new schema.
const SHAPE: &str = "\
.findings: list
.findings[].changes: list
.findings[].changes[].device: string
.findings[].changes[].kind: string
.findings[].changes[].path: string
.findings[].changes[].qdisc: string
.findings[].changes[].value: string
.findings[].current: string
.findings[].default: string
.findings[].fix: list
.findings[].fix[]: string
.findings[].group: string
.findings[].guide: string
.findings[].knob: string
.findings[].severity: string
.findings[].subject: null
.findings[].subject: string
.findings[].title: string
.findings[].value: null
.findings[].value: string
.findings[].wanted: string
.findings[].why: string
.machine.container: null
.machine.cpus: number
.machine.kernel: string
.machine.memory_bytes: number
.machine.root: boolean
.profile: string
.schema: number
.summary.advice: number
.summary.fine: number
.summary.problem: number
.summary.unread: number
.summary.warning: number
.version: string
";

#[test]
fn the_schema_of_json_is_stable() {
    let fake = mixed();
    fake.set("proc/sys/net/ipv4/tcp_congestion_control", "bbr");
    let findings = fake.examine(Profile::Safe);
    let facts = Facts::read(&fake.machine());
    let text = json::text(&findings, &facts, Profile::Safe).expect("JSON");
    let value: Value = serde_json::from_str(&text).expect("JSON");
    let mut lines = BTreeSet::new();
    shape(&value, "", &mut lines);
    let lines: Vec<String> = lines.into_iter().collect();
    assert_eq!(lines.join("\n") + "\n", SHAPE);
    assert_eq!(value["schema"], 1);
    let list = value["findings"].as_array().expect("a list");
    assert_eq!(list.len(), findings.len());
    let nofile = list
        .iter()
        .find(|one| one["knob"] == "limits.nofile")
        .expect("a finding");
    assert_eq!(nofile["severity"], "problem");
    assert_eq!(nofile["value"], "2048");
    assert_eq!(nofile["guide"], "docs/KERNEL-TUNING.md#limitsnofile");
}

#[test]
fn facts_of_a_machine_that_says_nothing_are_unknown() {
    let line = Facts::default().line();
    assert!(line.starts_with("Linux unknown, unknown CPUs"), "{line}");
    let facts = Facts::read(&Fake::new().machine());
    assert_eq!(facts.cpus, Some(2));
    assert_eq!(facts.kernel.as_deref(), Some("6.12.0-fake"));
    assert!(!facts.is_root);
}

#[test]
fn severities_have_an_order_and_a_name() {
    let worst = Severity::WORST_FIRST;
    assert!(worst.is_sorted_by(|one, other| one > other));
    let names: BTreeSet<&str> = worst.iter().map(|severity| severity.name()).collect();
    assert_eq!(names.len(), worst.len());
}
