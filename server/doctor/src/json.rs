//! Findings as JSON, for programs. The guide describes the schema.
//!
//! Always true here:
//! - Fields are only ever added; when one changes its meaning, [`SCHEMA`] goes up.

use serde::Serialize;

use super::facts::Facts;
use super::knob::{Change, Finding, Profile, Severity};
use super::report::count;

/// The version of what is written.
const SCHEMA: u32 = 1;

#[derive(Serialize)]
struct Document<'a> {
    schema: u32,
    version: &'static str,
    profile: &'static str,
    machine: MachineFacts<'a>,
    summary: Summary,
    findings: Vec<Entry<'a>>,
}

#[derive(Serialize)]
struct MachineFacts<'a> {
    kernel: Option<&'a str>,
    cpus: Option<usize>,
    memory_bytes: Option<u64>,
    container: Option<&'a str>,
    root: bool,
}

#[derive(Serialize)]
struct Summary {
    problem: usize,
    warning: usize,
    advice: usize,
    unread: usize,
    fine: usize,
}

#[derive(Serialize)]
struct Entry<'a> {
    knob: &'a str,
    subject: Option<&'a str>,
    group: &'a str,
    title: &'a str,
    severity: &'a str,
    value: Option<&'a str>,
    current: &'a str,
    wanted: &'a str,
    default: &'a str,
    why: &'a str,
    fix: &'a [String],
    changes: Vec<Step<'a>>,
    guide: String,
}

#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Step<'a> {
    File { path: &'a str, value: &'a str },
    Qdisc { device: &'a str, qdisc: &'a str },
}

impl<'a> Entry<'a> {
    fn of(finding: &'a Finding) -> Self {
        let step = |change: &'a Change| match change {
            Change::File { path, value } => Step::File { path, value },
            Change::Qdisc { device, kind } => Step::Qdisc {
                device,
                qdisc: kind,
            },
        };
        Self {
            knob: finding.knob.id,
            subject: finding.subject.as_deref(),
            group: finding.group.name(),
            title: finding.knob.title,
            severity: finding.severity.name(),
            value: finding.value.as_deref(),
            current: &finding.current,
            wanted: &finding.wanted,
            default: finding.knob.default,
            why: &finding.why,
            fix: &finding.fix,
            changes: finding.changes.iter().map(step).collect(),
            guide: format!("docs/KERNEL-TUNING.md#{}", finding.knob.anchor()),
        }
    }
}

/// The whole report, with one line end behind it.
pub(super) fn text(
    findings: &[Finding],
    facts: &Facts,
    profile: Profile,
) -> serde_json::Result<String> {
    let document = Document {
        schema: SCHEMA,
        version: env!("CARGO_PKG_VERSION"),
        profile: profile.name(),
        machine: MachineFacts {
            kernel: facts.kernel.as_deref(),
            cpus: facts.cpus,
            memory_bytes: facts.memory,
            container: facts.container.as_deref(),
            root: facts.is_root,
        },
        summary: Summary {
            problem: count(findings, Severity::Problem),
            warning: count(findings, Severity::Warning),
            advice: count(findings, Severity::Advice),
            unread: count(findings, Severity::Unread),
            fine: count(findings, Severity::Fine),
        },
        findings: findings.iter().map(Entry::of).collect(),
    };
    Ok(serde_json::to_string_pretty(&document)? + "\n")
}
