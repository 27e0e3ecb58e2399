//! Writes the README's figures from the results.
//!
//! Always true here:
//! - What stands outside of the two marks is left as it is.
//! - The best other server is the best by this very figure, and it is named when it is ahead, too.
//!
//! Not here: the words around the figures (`README.md` itself).

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;

use crate::contender::Role;
use crate::json::{Report, Row};

/// Where the figures begin and end in the README; a page shows neither.
const BEGIN: &str = "<!-- made by `compare --report` from here -->\n";
const END: &str = "<!-- to here -->\n";

/// The scenarios with a row for each server: name, and what leads to the table.
const TABLES: [(&str, &str); 2] = [
    ("plaintext", "64 connections, one request at a time:"),
    ("pipelined", "64 connections, 16 requests pipelined:"),
];

/// The scenarios with a single row: name, and what it is called.
const TIMES: [(&str, &str); 11] = [
    ("json", "JSON, 64 connections"),
    ("routes", "one of 1,000 routes"),
    ("layers", "ten layers of middleware"),
    ("throng", "4,096 connections"),
    ("short-1", "a connection for each request"),
    ("answers-1m", "answers of 1 MiB"),
    ("uploads-20m", "uploads of 20 MiB"),
    ("echo", "WebSocket echo, 64 sockets"),
    ("echo-deflate", "WebSocket echo, 64 sockets, compressed"),
    ("subscribers", "a topic's 10,000 WebSockets"),
    (
        "subscribers-sse-1",
        "10,000 event streams, an event a second",
    ),
];

const MEMORIES: [(&str, &str); 3] = [
    ("idle", "an idle connection"),
    ("idle-websocket", "an idle WebSocket"),
    ("idle-sse", "an idle event stream"),
];

/// The README with the figures of these results instead of its own.
pub(crate) fn page(readme: &str, latest: &BTreeMap<String, Report>) -> io::Result<String> {
    let missing = || io::Error::other(format!("README.md lacks {BEGIN:?} or, after it, {END:?}"));
    let (before, rest) = readme.split_once(BEGIN).ok_or_else(missing)?;
    let (_, after) = rest.split_once(END).ok_or_else(missing)?;
    Ok([before, BEGIN, &figures(latest), END, after].concat())
}

/// What stands between the marks; what was never measured is left out.
fn figures(latest: &BTreeMap<String, Report>) -> String {
    let mut text = String::new();
    // Writing to a String does not fail.
    for (name, lead) in TABLES {
        if let Some(report) = latest.get(name) {
            let _ = writeln!(text, "\n{lead}\n\n{}", table(report).trim_end());
        }
    }
    let of = |rows: &[(&str, &str)], line: fn(&str, &Report) -> Option<String>| -> String {
        let line = |(name, what): &(&str, &str)| line(what, latest.get(*name)?);
        rows.iter().filter_map(line).collect()
    };
    let lines = of(&TIMES, time) + &of(&MEMORIES, memory);
    if !lines.is_empty() {
        let head = "| | **ringlane** | best other server |\n|---|---|---|\n";
        let lead = "Other scenarios, CPU time or memory, each from an interleaved run of its own:";
        let _ = write!(text, "\n{lead}\n\n{head}{lines}");
    }
    text + "\n"
}

/// Every server of a scenario.
fn table(report: &Report) -> String {
    let unit = report.scenario.unit.name();
    let mut text = format!(
        "| server | CPU per {unit} | × the lowest floor | {}/s |\n|---|---|---|---|\n",
        report.scenario.unit.plural()
    );
    for row in &report.rows {
        let Some(summary) = &row.summary else {
            continue;
        };
        let cpu = summary.cpu_us_per_request;
        let ratio = row.floor_ratio.map(|ratio| format!("{ratio:.2}"));
        let _ = writeln!(
            text,
            "| {} | {:.2} µs ({:.2} to {:.2}) | {} | {} |",
            title(&row.name),
            cpu.median,
            cpu.min,
            cpu.max,
            ratio.unwrap_or_default(),
            grouped(summary.requests_per_second.median),
        );
    }
    text
}

fn time(what: &str, report: &Report) -> Option<String> {
    let show = |us: f64| match us {
        us if us >= 1000.0 => format!("{:.2} ms", us / 1000.0),
        us => format!("{us:.1} µs"),
    };
    let unit = report.scenario.unit.name();
    pair(&format!("{what}, per {unit}"), report, Row::cpu_us, show)
}

fn memory(what: &str, report: &Report) -> Option<String> {
    let bytes = |row: &Row| Some(row.summary.as_ref()?.connection_bytes?.median);
    pair(what, report, bytes, |bytes| {
        format!("{} bytes", grouped(bytes))
    })
}

/// Ours and the least of the peers'; nothing unless both were measured.
fn pair(
    what: &str,
    report: &Report,
    figure: impl Fn(&Row) -> Option<f64>,
    show: impl Fn(f64) -> String,
) -> Option<String> {
    let of = |role| {
        let rows = report.rows.iter().filter(move |row| row.role == role);
        let figures = rows.filter_map(|row| Some((row, figure(row)?)));
        figures.min_by(|(_, a), (_, b)| a.total_cmp(b))
    };
    let ((_, own), (peer, other)) = (of(Role::Ringlane)?, of(Role::Peer)?);
    let (own, other, peer) = (show(own), show(other), title(&peer.name));
    Some(format!("| {what} | {own} | {other} ({peer}) |\n"))
}

/// What its makers call a server.
pub(crate) fn title(name: &str) -> &str {
    match name {
        "ringlane" | "ringlane-target" => "**ringlane**",
        "ringlane-spin" => "**ringlane**, spinning",
        "floor-epoll" => "canned answers by epoll",
        "floor-uring" => "canned answers by io_uring, gathering",
        "floor-uring-eager" => "canned answers by io_uring",
        "peer-actix" => "actix-web",
        "peer-bun" => "Bun",
        "peer-may" => "may_minihttp",
        "peer-node" => "Node",
        "peer-xitca" => "xitca-web",
        other => other.strip_prefix("peer-").unwrap_or(other),
    }
}

/// A whole number with a comma before each three digits.
pub(crate) fn grouped(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (index, digit) in digits.char_indices() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::tests::{report, row};

    fn results(name: &str, rows: Vec<Row>) -> BTreeMap<String, Report> {
        [(name.to_owned(), report(rows))].into()
    }

    #[test]
    fn only_what_is_between_the_marks_changes() {
        let readme = format!("# A\n{BEGIN}old\n{END}\nB\n");
        let rows = vec![
            row("floor-epoll", Role::Floor, Some(4.0)),
            row("ringlane", Role::Ringlane, Some(6.0)),
            row("peer-may", Role::Peer, None),
        ];
        let made = page(&readme, &results("plaintext", rows)).expect("both marks are there");
        let expected = format!(
            "# A\n{BEGIN}\n64 connections, one request at a time:\n\n\
             | server | CPU per request | × the lowest floor | requests/s |\n|---|---|---|---|\n\
             | canned answers by epoll | 4.00 µs (4.00 to 4.00) | 1.00 | 250,000 |\n\
             | **ringlane** | 6.00 µs (6.00 to 6.00) | 1.50 | 166,667 |\n\n{END}\nB\n"
        );
        assert_eq!(made, expected);
        assert!(page("# A\n", &BTreeMap::new()).is_err());
        assert!(page(&format!("{END}{BEGIN}"), &BTreeMap::new()).is_err());
    }

    #[test]
    fn the_best_other_server_is_named_when_it_is_ahead_too() {
        let rows = vec![
            row("peer-node", Role::Peer, Some(5.0)),
            row("ringlane", Role::Ringlane, Some(1234.0)),
            row("peer-hyper", Role::Peer, Some(7.0)),
        ];
        let made = figures(&results("json", rows));
        let line = "| JSON, 64 connections, per request | 1.23 ms | 5.0 µs (Node) |\n";
        assert!(made.ends_with(&format!("{line}\n")), "{made}");
    }

    #[test]
    fn numbers_are_grouped() {
        let expected = [
            (0.0, "0"),
            (999.4, "999"),
            (999.5, "1,000"),
            (1_234_567.0, "1,234,567"),
        ];
        for (number, text) in expected {
            assert_eq!(grouped(number), text);
        }
    }
}
