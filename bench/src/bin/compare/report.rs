//! `docs/PERFORMANCE.md`, its images and the README's figures, made of the files in
//! `bench/results`: no figure is typed.
//!
//! Always true here:
//! - Losses and failures are rows like all others.
//! - The same files make the same pages.
//!
//! Not here: what the text around the tables explains (`bench/README.md`).

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;

use crate::contender::Role;
use crate::front;
use crate::json::{Report, Row};
use crate::results;
use crate::scenario;
use crate::summary;
use crate::table;
use ringlane_bench::statistics::Spread;

const PAGE: &str = "docs/PERFORMANCE.md";
const FRONT_PAGE: &str = "README.md";

const HEAD: &str = "\
# Performance

Ringlane beside other servers, each on one core, measured in interleaved rounds. `compare --report`
makes this page from the files in [`bench/results`](../bench/results), losses included;
[`bench/README.md`](../bench/README.md) says how the figures come about and what each column means.
Figures are medians, with minimum and maximum in parentheses.
";

/// The page and its images: names from the root, and contents.
pub(crate) fn pages(root: &Path) -> io::Result<Vec<(String, String)>> {
    let mut latest = results::read_all(root)?;
    let order: Vec<String> = scenario::read_all(root)?
        .into_iter()
        .map(|scenario| scenario.name)
        .collect();
    let mut page = HEAD.to_owned();
    let readme = fs::read_to_string(root.join(FRONT_PAGE))?;
    let mut pages = vec![(FRONT_PAGE.to_owned(), front::page(&readme, &latest)?)];
    // Results of scenarios that are no more come last.
    let mut reports: Vec<Report> = order
        .iter()
        .filter_map(|name| latest.remove(name))
        .collect();
    reports.extend(latest.into_values());
    page.push_str(&summary::page(&reports));
    for report in &reports {
        let image = format!("docs/images/performance-{}.svg", report.scenario.name);
        page.push_str(&section(report));
        pages.push((image, chart(report)));
    }
    pages.push((PAGE.to_owned(), page));
    Ok(pages)
}

/// One scenario: its head, its image, its table, its remarks.
fn section(report: &Report) -> String {
    let (scenario, method, machine) = (&report.scenario, &report.method, &report.machine);
    let unit = scenario.unit.name();
    let unknown = || "unknown".to_owned();
    let mut text = format!(
        "\n## {title}\n\n![CPU per {unit}](images/performance-{name}.svg)\n\n\
         {load}; {rounds} rounds of {seconds} s on {day}; {cpu}, {cores} cores, Linux \
         {kernel}.\n\n\
         | server | CPU µs per {unit} | × lowest floor | user | system | {units}/s | p50 µs | p99 µs | errors | busy: server, load |\n\
         |---|---|---|---|---|---|---|---|---|---|\n",
        name = scenario.name,
        title = summary::heading(report),
        load = scenario.load(),
        units = scenario.unit.plural(),
        rounds = method.rounds,
        seconds = method.seconds,
        day = report.started.day(),
        cpu = machine.cpu.clone().unwrap_or_else(unknown),
        cores = machine.cores,
        kernel = machine.kernel.clone().unwrap_or_else(unknown),
    );
    // Writing to a String does not fail.
    for row in &report.rows {
        let _ = writeln!(text, "{}", line(row));
    }
    text.push_str(&latencies(&report.rows));
    text.push_str(&memory(&report.rows));
    let remarks = table::remarks(report);
    if !remarks.is_empty() {
        text.push('\n');
    }
    for remark in remarks {
        let _ = writeln!(text, "- {remark}");
    }
    text.push_str(&folded("Disturbances", &table::disturbances(report)));
    text
}

/// A list that is shown when it is asked for.
fn folded(title: &str, lines: &[String]) -> String {
    if lines.is_empty() {
        return String::new();
    }
    let mut text = format!(
        "\n<details><summary>{title} ({})</summary>\n\n",
        lines.len()
    );
    for line in lines {
        // Writing to a String does not fail.
        let _ = writeln!(text, "- {line}");
    }
    text.push_str("\n</details>\n");
    text
}

/// One row of a table.
fn line(row: &Row) -> String {
    let Some(summary) = &row.summary else {
        return format!("| `{}` | not measured | | | | | | | | |", row.name);
    };
    let cpu = summary.cpu_us_per_request;
    let optional = |spread: Option<Spread>| {
        spread.map_or_else(String::new, |spread| format!("{:.0}", spread.median))
    };
    format!(
        "| `{}` | {:.3} ({:.3} to {:.3}) | {} | {:.3} | {:.3} | {:.0} | {} | {} | {} | {:.0} %, {:.0} % |",
        row.name,
        cpu.median,
        cpu.min,
        cpu.max,
        row.floor_ratio
            .map_or_else(String::new, |ratio| format!("{ratio:.3}")),
        summary.user_us_per_request.median,
        summary.system_us_per_request.median,
        summary.requests_per_second.median,
        optional(summary.p50_us),
        optional(summary.p99_us),
        summary.errors,
        100.0 * summary.server_core_share.median,
        100.0 * summary.load_core_share.median,
    )
}

/// Memory per connection, where a scenario is about it.
fn memory(rows: &[Row]) -> String {
    let of = |row: &Row| {
        let bytes = row.summary.as_ref()?.connection_bytes?;
        Some(format!("`{}` {:.0}", row.name, bytes.median))
    };
    let figures: Vec<String> = rows.iter().filter_map(of).collect();
    if figures.is_empty() {
        return String::new();
    }
    format!(
        "\nBytes of memory per connection: {}.\n",
        figures.join(", ")
    )
}

/// Latencies at common rates, where they were measured.
fn latencies(rows: &[Row]) -> String {
    let mut text = String::new();
    for row in rows {
        for latency in &row.latencies {
            let _ = writeln!(
                text,
                "| `{}` | {} % | {:.0} | {:.0} | {:.0} | {:.0} | {} |",
                row.name,
                latency.percent,
                latency.per_second,
                latency.p50_us.median,
                latency.p99_us.median,
                latency.p999_us.median,
                latency.errors + latency.unsent,
            );
        }
    }
    if !text.is_empty() {
        let head = "\nLatency at a share of the rate that the slowest server sustains, counted from when a \
            request was due:\n\n\
            | server | share | per second | p50 µs | p99 µs | p99.9 µs | errors, not sent |\n\
            |---|---|---|---|---|---|---|\n";
        text.insert_str(0, head);
    }
    text
}

const BAR_HEIGHT: usize = 18;
const ROW_HEIGHT: usize = 26;
const NAMES_WIDTH: usize = 170;
const BARS_WIDTH: usize = 420;

/// CPU per unit as bars, the least first: a drawing of rectangles needs no library.
fn chart(report: &Report) -> String {
    let measured: Vec<(&Row, f64)> = report
        .rows
        .iter()
        .filter_map(|row| Some((row, row.cpu_us()?)))
        .collect();
    let most = measured
        .iter()
        .map(|(_, cpu)| *cpu)
        .fold(f64::MIN_POSITIVE, f64::max);
    let (width, height) = (
        NAMES_WIDTH + BARS_WIDTH + 90,
        ROW_HEIGHT * (measured.len() + 1),
    );
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         font-family=\"sans-serif\" font-size=\"13\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"8\" y=\"18\">CPU µs per {}</text>\n",
        report.scenario.unit.name()
    );
    for (index, (row, cpu)) in measured.iter().enumerate() {
        let top = ROW_HEIGHT * (index + 1);
        let length = cpu / most * BARS_WIDTH as f64;
        let color = match row.role {
            Role::Ringlane => "#c2410c",
            Role::Floor => "#a8a29e",
            Role::Extra | Role::Peer | Role::Variant => "#57534e",
        };
        let base = top + BAR_HEIGHT - 4;
        let end = NAMES_WIDTH as f64 + length + 6.0;
        let _ = writeln!(
            text,
            "<text x=\"8\" y=\"{base}\">{}</text>\n\
             <rect x=\"{NAMES_WIDTH}\" y=\"{top}\" width=\"{length:.1}\" height=\"{BAR_HEIGHT}\" fill=\"{color}\"/>\n\
             <text x=\"{end:.1}\" y=\"{base}\">{cpu:.2}</text>",
            escape(&row.name)
        );
    }
    text.push_str("</svg>\n");
    text
}

/// A name may come from the command line.
fn escape(name: &str) -> String {
    name.replace('&', "&amp;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::tests::{report, row};

    /// Whoever commits a result, or changes what is made of them, runs `compare --report`.
    #[test]
    fn the_page_is_what_the_results_make() {
        let root = ringlane_bench::root();
        for (name, text) in pages(&root).expect("every result can be read") {
            let there = fs::read_to_string(root.join(&name)).unwrap_or_default();
            assert!(
                there == text,
                "{name} is not up to date: run compare --report"
            );
        }
    }

    #[test]
    fn a_section_shows_losses_and_failures() {
        let rows = vec![
            row("ringlane", Role::Ringlane, Some(6.0)),
            row("faster", Role::Peer, Some(3.0)),
            row("a<b", Role::Peer, Some(4.0)),
            row("broken", Role::Peer, None),
        ];
        let report = report(rows);
        let text = section(&report);
        let places = ["`faster`", "`ringlane`", "`broken` | not measured"];
        let places = places.map(|name| text.find(name).expect("a row"));
        assert!(places.is_sorted(), "{text}");
        assert!(text.contains("- broken: does not start"), "{text}");
        assert!(!text.contains("Bytes of memory"), "{text}");
        let chart = chart(&report);
        assert!(
            chart.contains("a&lt;b") && !chart.contains("broken"),
            "{chart}"
        );
    }

    #[test]
    fn a_section_shows_memory_where_it_was_measured() {
        let mut small = row("small", Role::Ringlane, Some(2.0));
        small.samples[0].connection_bytes = Some(512.4);
        small.summarise();
        let other = row("other", Role::Peer, Some(3.0));
        let text = section(&report(vec![small, other]));
        assert!(
            text.contains("\nBytes of memory per connection: `small` 512.\n"),
            "{text}"
        );
    }
}
