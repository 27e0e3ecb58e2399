//! A shell script that does what the findings ask for, and undoes it.
//!
//! Always true here:
//! - What a finding says is quoted wherever it stands in the script: the names of network
//!   interfaces come from the machine.
//! - The script notes what was there before it changes anything.

use std::collections::BTreeSet;

use super::knob::{Change, Finding, Profile, Severity};
use super::style::wrap;

/// The script without what is particular to a machine.
const FRAME: &str = include_str!("script/frame.sh");
/// The width of comments.
const WIDTH: usize = 90;

/// The whole script.
pub(super) fn text(findings: &[Finding], profile: Profile) -> String {
    FRAME
        .replace("@VERSION@", env!("CARGO_PKG_VERSION"))
        .replace("@PROFILE@", profile.name())
        .replace("@CHANGES@\n", &changes(findings))
        .replace("@PRINT@\n", &sysctls(findings))
        .replace("@HINTS@\n", &hints(findings))
}

/// A word that the shell takes as it stands.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// All steps. Queueing disciplines come last: what a new one brings is set in a file.
fn changes(findings: &[Finding]) -> String {
    let mut done = BTreeSet::new();
    let mut text = steps(findings, &mut done, |change| match change {
        Change::File { path, value } => {
            Some(format!("    set_file {} {}\n", quoted(path), quoted(value)))
        }
        Change::Qdisc { .. } => None,
    });
    text.push_str(&steps(findings, &mut done, |change| match change {
        Change::File { .. } => None,
        Change::Qdisc { device, kind } => Some(format!(
            "    set_qdisc {} {}\n",
            quoted(device),
            quoted(kind)
        )),
    }));
    if text.is_empty() {
        let line = quoted("Nothing to change.");
        text.push_str(&format!("    say {line}\n"));
    }
    text
}

/// The steps of one sort, each once, with why above them.
fn steps(
    findings: &[Finding],
    done: &mut BTreeSet<String>,
    step: fn(&Change) -> Option<String>,
) -> String {
    let mut text = String::new();
    for finding in findings {
        let mut own = finding.changes.iter().filter_map(step).collect::<Vec<_>>();
        own.retain(|step| done.insert(step.clone()));
        if !own.is_empty() {
            text.push_str(&comment(finding));
            text.push_str(&own.concat());
        }
    }
    text
}

fn comment(finding: &Finding) -> String {
    let sentence = format!("{}: {}", finding.knob.id, finding.why);
    let lines = wrap(&sentence, WIDTH);
    lines.iter().map(|line| format!("    # {line}\n")).collect()
}

/// The changes below `/proc/sys`, as `sysctl.d` has them.
fn sysctls(findings: &[Finding]) -> String {
    let changes = findings.iter().flat_map(|finding| &finding.changes);
    let lines = changes.filter_map(|change| match change {
        Change::File { path, value } => {
            let key = path.strip_prefix("/proc/sys/")?.replace('/', ".");
            Some(format!("{key} = {value}\n"))
        }
        Change::Qdisc { .. } => None,
    });
    lines.collect()
}

/// What a script cannot do, or should not without being asked.
fn hints(findings: &[Finding]) -> String {
    let left = findings.iter().filter(|finding| {
        finding.severity >= Severity::Advice
            && finding.changes.is_empty()
            && !finding.fix.is_empty()
    });
    let mut text = String::new();
    for finding in left {
        if text.is_empty() {
            let line = quoted("Left to you:");
            text.push_str(&format!("    say {line}\n"));
        }
        let name = quoted(&format!("  {}", finding.name()));
        text.push_str(&format!("    say {name}\n"));
        for command in &finding.fix {
            let line = quoted(&format!("    {command}"));
            text.push_str(&format!("    say {line}\n"));
        }
    }
    text
}
