//! Formats a result as a table for the terminal.
//!
//! Always true here: a server without figures has a line that says why; a run that others disturbed
//! says so.
//!
//! Not here: what is written to disk (`json.rs`).

use std::fmt::Write;

use crate::json::{Latency, Report, Row, Summary};
use ringlane_bench::statistics::Spread;

/// From this share of a core on, a sample is called disturbed.
const DISTURBANCE_MIN: f64 = 0.03;

/// A core this busy has no time left: its side is the bottleneck.
const FULL_CORE_MIN: f64 = 0.95;

/// Answers this much longer or shorter than the others' make the figures doubtful.
const ANSWER_BYTES_APART_MAX: usize = 8;

const ROUNDS_ENOUGH: u32 = 5;

/// The columns; the first is as wide as the names.
const HEAD: [&str; 13] = [
    "server",
    "CPU µs/unit",
    "x floor",
    "user",
    "system",
    "units/s",
    "p50 µs",
    "p99 µs",
    "errors",
    "Pss MiB",
    "B/connection",
    "enters/unit",
    "busy: server, load",
];

/// The whole table, with its remarks.
pub(crate) fn render(report: &Report) -> String {
    let mut lines = vec![HEAD.map(str::to_owned)];
    lines.extend(
        report
            .rows
            .iter()
            .filter_map(|row| Some(cells(row, row.summary.as_ref()?))),
    );
    let width = |column: usize| {
        lines
            .iter()
            .map(|cells| cells[column].chars().count())
            .max()
            .unwrap_or(0)
    };
    let widths: [usize; HEAD.len()] = std::array::from_fn(width);

    let mut text = title(report);
    for cells in &lines {
        for (column, (cell, width)) in cells.iter().zip(widths).enumerate() {
            // Names to the left, figures to the right.
            let padded = if column == 0 {
                format!("{cell:<width$}")
            } else {
                format!("  {cell:>width$}")
            };
            text.push_str(&padded);
        }
        text.push('\n');
    }
    let remarks = remarks(report).into_iter().chain(disturbances(report));
    for remark in latencies(&report.rows).into_iter().chain(remarks) {
        push_line(&mut text, &remark);
    }
    text
}

/// Latencies at common rates, where they were measured.
fn latencies(rows: &[Row]) -> Vec<String> {
    let pairs = rows
        .iter()
        .flat_map(|row| row.latencies.iter().map(move |latency| (row, latency)));
    let line = |(row, latency): (&Row, &Latency)| {
        let [p50, p99, p999] =
            [latency.p50_us, latency.p99_us, latency.p999_us].map(|spread| spread.median);
        let (name, percent, rate) = (&row.name, latency.percent, latency.per_second);
        let (errors, unsent) = (latency.errors, latency.unsent);
        format!(
            "{name} at {percent} % ({rate:.0}/s): p50 {p50:.0} µs, p99 {p99:.0}, p99.9 {p999:.0}, {errors} errors, {unsent} not sent"
        )
    };
    pairs.map(line).collect()
}

fn title(report: &Report) -> String {
    let (scenario, method, machine) = (&report.scenario, &report.method, &report.machine);
    let unknown = || "unknown".to_owned();
    format!(
        "\n{} ({}): {}; unit: {}; {} rounds of {} s; median (min-max)\n{} on {}, congestion control {}\n\n",
        scenario.name,
        scenario.title,
        scenario.load(),
        scenario.unit.name(),
        method.rounds,
        method.seconds,
        machine.kernel.clone().unwrap_or_else(unknown),
        machine.cpu.clone().unwrap_or_else(unknown),
        machine.congestion_control.clone().unwrap_or_else(unknown),
    )
}

fn cells(row: &Row, summary: &Summary) -> [String; HEAD.len()] {
    let cpu = summary.cpu_us_per_request;
    let optional = |spread: Option<Spread>| {
        spread.map_or_else(|| "-".to_owned(), |spread| format!("{:.0}", spread.median))
    };
    [
        row.name.clone(),
        format!("{:.3} ({:.3}-{:.3})", cpu.median, cpu.min, cpu.max),
        row.floor_ratio
            .map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.3}")),
        format!("{:.3}", summary.user_us_per_request.median),
        format!("{:.3}", summary.system_us_per_request.median),
        format!("{:.0}", summary.requests_per_second.median),
        optional(summary.p50_us),
        optional(summary.p99_us),
        summary.errors.to_string(),
        format!("{:.1}", summary.pss_kib.median / 1024.0),
        optional(summary.connection_bytes),
        summary
            .enters_per_request
            .map_or_else(String::new, |spread| format!("{:.3}", spread.median)),
        busy(summary),
    ]
}

/// How busy both sides are, and which of them limits the rate.
fn busy(summary: &Summary) -> String {
    let (server, load) = (
        summary.server_core_share.median,
        summary.load_core_share.median,
    );
    let side = match (server >= FULL_CORE_MIN, load >= FULL_CORE_MIN) {
        (true, true) => "both",
        (true, false) => "server",
        (false, true) => "load",
        (false, false) => "neither",
    };
    format!("{:.0} %, {:.0} %: {side}", 100.0 * server, 100.0 * load)
}

/// What a reader has to know beside the figures: failures, unlike answers, too few rounds.
pub(crate) fn remarks(report: &Report) -> Vec<String> {
    let mut remarks = Vec::new();
    for row in &report.rows {
        if let Some(failure) = &row.failure {
            remarks.push(format!("{}: {failure}", row.name));
        }
    }
    let lengths = || report.rows.iter().filter_map(|row| row.answer_bytes);
    if let Some((min, max)) = lengths().min().zip(lengths().max())
        && max - min > ANSWER_BYTES_APART_MAX
    {
        remarks.push(format!("answers differ in length: {min} to {max} bytes"));
    }
    if report.method.rounds < ROUNDS_ENOUGH {
        remarks.push(format!(
            "fewer than {ROUNDS_ENOUGH} rounds: not to be quoted"
        ));
    }
    remarks
}

/// Samples during which something else took time from the two cores.
pub(crate) fn disturbances(report: &Report) -> Vec<String> {
    let measured = report.rows.iter();
    let measured = measured.filter_map(|row| Some((&row.name, row.summary.as_ref()?)));
    measured
        .flat_map(|(name, summary)| disturbances_of(name, summary))
        .collect()
}

fn disturbances_of(name: &str, summary: &Summary) -> Vec<String> {
    let sources = [
        ("other programs", summary.others_core_share),
        ("the hypervisor", summary.stolen_core_share),
    ];
    let disturbing = sources
        .into_iter()
        .filter(|(_, share)| share.max >= DISTURBANCE_MIN);
    let text = |(source, share): (&str, Spread)| {
        format!(
            "{name} was disturbed: {source} took up to {:.0} % of a core",
            100.0 * share.max
        )
    };
    disturbing.map(text).collect()
}

fn push_line(text: &mut String, line: &str) {
    // Writing to a String does not fail.
    let _ = writeln!(text, "- {line}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contender::Role;
    use crate::json::tests::{report, row};

    #[test]
    fn a_server_that_failed_is_not_left_out() {
        let rows = vec![
            row("floor", Role::Floor, Some(4.0)),
            row("broken", Role::Peer, None),
        ];
        let text = render(&report(rows));
        assert!(
            text.contains("\n- broken: does not start: exit status: 1\n"),
            "{text}"
        );
        assert!(
            text.contains("\nfloor   4.000 (4.000-4.000)    1.000  1.000   3.000"),
            "{text}"
        );
        assert!(text.contains("99 %, 50 %: server\n"), "{text}");
    }

    #[test]
    fn who_counts_no_enters_has_none() {
        let rows = vec![
            row("ringlane", Role::Ringlane, Some(5.0)),
            row("other", Role::Peer, Some(6.0)),
        ];
        let text = render(&report(rows));
        assert!(text.contains("enters/unit  busy"), "{text}");
        assert!(text.contains("        0.250  99 %, 50 %: server"), "{text}");
        assert!(text.contains("               99 %, 50 %: server"), "{text}");
    }

    #[test]
    fn disturbances_are_told() {
        let mut noisy = row("noisy", Role::Peer, Some(4.0));
        noisy.samples[0].stolen_core_share = DISTURBANCE_MIN;
        noisy.samples[0].others_core_share = 0.9 * DISTURBANCE_MIN;
        noisy.summarise();
        let text = render(&report(vec![noisy]));
        assert!(
            text.contains("- noisy was disturbed: the hypervisor took up to 3 % of a core"),
            "{text}"
        );
        assert!(!text.contains("other programs"), "{text}");
    }

    #[test]
    fn answers_of_other_lengths_are_told() {
        let lengths = |a, b| {
            let mut rows = vec![
                row("a", Role::Peer, Some(1.0)),
                row("b", Role::Peer, Some(1.0)),
            ];
            rows[0].answer_bytes = Some(a);
            rows[1].answer_bytes = Some(b);
            render(&report(rows)).contains("answers differ in length")
        };
        assert!(!lengths(133, 133 + ANSWER_BYTES_APART_MAX));
        assert!(lengths(133, 134 + ANSWER_BYTES_APART_MAX));
    }
}
