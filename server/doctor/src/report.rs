//! Findings as text: worst first, grouped, and a summary as the last line.
//!
//! Not here: the same for programs (`json.rs`).

use super::facts::Facts;
use super::knob::{Finding, Group, Profile, Severity};
use super::style::{Style, labelled};

/// How many findings there are of a severity.
pub(super) fn count(findings: &[Finding], severity: Severity) -> usize {
    let same = findings.iter().filter(|one| one.severity == severity);
    same.count()
}

/// The whole report.
pub(super) fn text(
    findings: &[Finding],
    facts: &Facts,
    profile: Profile,
    style: Style,
    all: bool,
) -> String {
    let title = format!("ringlane doctor, profile {}", profile.name());
    let mut text = format!("{}\n", style.bold(&title));
    text.push_str(&labelled("", &facts.line(), style.width));
    for severity in Severity::WORST_FIRST {
        let some: Vec<&Finding> = findings
            .iter()
            .filter(|finding| finding.severity == severity)
            .collect();
        if some.is_empty() || (severity == Severity::Fine && !all) {
            continue;
        }
        text.push_str(&heading(severity, some.len(), style));
        match severity {
            Severity::Fine | Severity::Unread => text.push_str(&short(&some, style)),
            Severity::Advice | Severity::Warning | Severity::Problem => {
                text.push_str(&long(&some, style));
            }
        }
    }
    text.push('\n');
    text.push_str(&summary(findings, style, all));
    text
}

fn heading(severity: Severity, count: usize, style: Style) -> String {
    let word = match severity {
        Severity::Problem => "PROBLEMS: a limit is hit now",
        Severity::Warning => "WARNINGS: will limit or harm under load",
        Severity::Advice => "ADVICE: could be better",
        Severity::Unread => "NOT READ",
        Severity::Fine => "FINE",
    };
    let line = format!("{word} ({count})");
    format!("\n{}\n", style.severity(severity, &line))
}

/// Each finding with what it is, what is wanted, why, and the fix.
fn long(findings: &[&Finding], style: Style) -> String {
    let mut text = String::new();
    let mut group: Option<Group> = None;
    for finding in findings {
        text.push('\n');
        if group != Some(finding.group) {
            group = Some(finding.group);
            text.push_str(&format!("  {}\n", style.dim(finding.group.title())));
        }
        let name = finding.name();
        text.push_str(&format!("  {}\n", style.bold(&name)));
        let width = style.width;
        text.push_str(&labelled("    what    ", finding.knob.title, width));
        text.push_str(&labelled("    now     ", &finding.current, width));
        text.push_str(&labelled("    wanted  ", &finding.wanted, width));
        text.push_str(&labelled("    why     ", &finding.why, width));
        let mut label = "    fix     ";
        for command in &finding.fix {
            text.push_str(&format!("{label}{command}\n")); // never cut: it is copied
            label = "            ";
        }
    }
    text
}

/// One aligned line for each finding.
fn short(findings: &[&Finding], style: Style) -> String {
    let names: Vec<String> = findings.iter().map(|finding| finding.name()).collect();
    let widest = names.iter().map(|name| name.chars().count()).max();
    let column = widest.unwrap_or_default();
    let side_by_side = column + 24 <= style.width;
    let mut text = String::new();
    let mut group: Option<Group> = None;
    for (finding, name) in findings.iter().zip(names) {
        if group != Some(finding.group) {
            group = Some(finding.group);
            text.push_str(&format!("\n  {}\n", style.dim(finding.group.title())));
        }
        let label = if side_by_side {
            format!("  {name:column$}  ")
        } else {
            text.push_str(&format!("  {name}\n"));
            "    ".to_owned()
        };
        text.push_str(&labelled(&label, &finding.current, style.width));
    }
    text
}

/// `1 problem, 2 warnings`, and what to do next.
fn summary(findings: &[Finding], style: Style, all: bool) -> String {
    let word = |severity: Severity, one: &str, more: &str| {
        let count = count(findings, severity);
        let word = if count == 1 { one } else { more };
        let text = format!("{count} {word}");
        if count == 0 {
            text
        } else {
            style.severity(severity, &text)
        }
    };
    let counts = [
        word(Severity::Problem, "problem", "problems"),
        word(Severity::Warning, "warning", "warnings"),
        word(Severity::Advice, "piece of advice", "pieces of advice"),
        word(Severity::Unread, "not read", "not read"),
        word(Severity::Fine, "fine", "fine"),
    ];
    let mut text = counts.join(", ");
    let can_change = findings.iter().any(|finding| !finding.changes.is_empty());
    let next = match (can_change, all) {
        (true, true) => ". --script prints the changes.",
        (true, false) => ". --all lists what is fine, --script prints the changes.",
        (false, true) => ".",
        (false, false) => ". --all lists what is fine.",
    };
    text.push_str(next);
    text.push('\n');
    text
}
