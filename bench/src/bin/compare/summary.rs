//! Writes the first page of `docs/PERFORMANCE.md`: what was measured, wins and losses.
//!
//! Always true here: every scenario that was measured beside a peer is counted and has a row; the
//! best peer is the best by the figure that is compared.
//!
//! Not here: the sections of the scenarios (`report.rs`).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::contender::Role;
use crate::front::{grouped, title};
use crate::json::{Report, Row};

/// Medians this close to each other, in percent, are no difference on a shared machine.
const NOISE_PERCENT: f64 = 10.0;

/// One scenario with ringlane and a peer in it.
struct Standing<'a> {
    report: &'a Report,
    own: &'a Row,
    own_us: f64,
    peer: &'a Row,
    peer_us: f64,
    /// Ringlane's units per second over those of the fastest peer.
    rate_ratio: f64,
}

impl<'a> Standing<'a> {
    fn of(report: &'a Report) -> Option<Self> {
        let of_role = |role| report.rows.iter().filter(move |row| row.role == role);
        let best = |role| {
            let rows = of_role(role).filter_map(|row| Some((row, row.cpu_us()?)));
            rows.min_by(|(_, a), (_, b)| a.total_cmp(b))
        };
        let (own, own_us) = best(Role::Ringlane)?;
        let (peer, peer_us) = best(Role::Peer)?;
        let rate = |row: &Row| Some(row.summary.as_ref()?.requests_per_second.median);
        let fastest = of_role(Role::Peer)
            .filter_map(rate)
            .max_by(f64::total_cmp)?;
        Some(Self {
            report,
            own,
            own_us,
            peer,
            peer_us,
            rate_ratio: rate(own)? / fastest,
        })
    }

    /// CPU time against the best peer's, in percent: below zero is less.
    fn percent(&self) -> f64 {
        100.0 * self.own_us / self.peer_us - 100.0
    }
}

/// Leads to the section of a scenario.
fn link(report: &Report) -> String {
    let heading = heading(report);
    format!("[{heading}](#{})", anchor(heading))
}

/// What the section of a scenario is called.
pub(crate) fn heading(report: &Report) -> &str {
    match report.scenario.title.as_str() {
        "" => &report.scenario.name,
        title => title,
    }
}

/// The anchor of a heading, as GitHub makes it.
fn anchor(heading: &str) -> String {
    let keep = |letter: &char| letter.is_alphanumeric() || "-_ ".contains(*letter);
    let letters = heading.chars().filter(keep);
    letters
        .flat_map(char::to_lowercase)
        .map(|letter| if letter == ' ' { '-' } else { letter })
        .collect()
}

/// The whole summary of these results.
pub(crate) fn page(reports: &[Report]) -> String {
    let standings: Vec<Standing<'_>> = reports.iter().filter_map(Standing::of).collect();
    let mut text = method(reports);
    text.push_str("\n## At a glance\n\n");
    let memories: Vec<Memory<'_>> = reports.iter().filter_map(Memory::of).collect();
    text.push_str(&counts(&standings, &memories));
    text.push_str(&table(&standings));
    text.push_str(&memory_table(&memories));
    text
}

/// What was measured, where, and what was not.
fn method(reports: &[Report]) -> String {
    let rows = || reports.iter().flat_map(|report| &report.rows);
    let peers: BTreeSet<&str> = rows()
        .filter(|row| row.role == Role::Peer)
        .map(|row| title(&row.name))
        .collect();
    let mut machines: BTreeMap<String, usize> = BTreeMap::new();
    for report in reports {
        let machine = &report.machine;
        let unknown = || "unknown".to_owned();
        let cpu = machine.cpu.clone().unwrap_or_else(unknown);
        let kernel = machine.kernel.clone().unwrap_or_else(unknown);
        let kind = match machine.virtual_machine {
            true => "virtual machine",
            false => "machine",
        };
        let name = format!("{cpu}, {kind} with {} cores, Linux {kernel}", machine.cores);
        *machines.entry(name).or_default() += 1;
    }
    let days = || reports.iter().map(|report| report.started.day());
    let (first, last) = (days().min(), days().max());
    let mut text = format!(
        "\n{} scenarios and {} peers ({}) were measured from {} to {} on\n\n",
        reports.len(),
        peers.len(),
        Vec::from_iter(peers).join(", "),
        first.unwrap_or_default(),
        last.unwrap_or_default(),
    );
    // Writing to a String does not fail.
    for (machine, count) in machines {
        let _ = writeln!(text, "- {machine}: {count} scenarios");
    }
    text.push_str(LIMITS);
    text
}

const LIMITS: &str = "
Each server had one core, the load generator the other. Compare CPU time per request (or message,
delivery, connection): it does not depend on which side was the bottleneck, and less is better. The
floors send canned answers and parse nothing; they show what the kernel's part costs at least. All
traffic went over loopback: no network card, no TLS, no second core for a server. Of results that
lie less than 10 % apart, another run may reverse the order.
";

/// How many scenarios were won, and the names of those that were not.
fn counts(standings: &[Standing<'_>], memories: &[Memory<'_>]) -> String {
    let percents = || standings.iter().map(Standing::percent);
    let won = percents().filter(|percent| *percent < -NOISE_PERCENT);
    let ahead = percents().filter(|percent| (-NOISE_PERCENT..=0.0).contains(percent));
    let behind = standings.iter().filter(|standing| {
        let percent = standing.percent();
        percent > 0.0 && percent <= NOISE_PERCENT
    });
    let lost = standings
        .iter()
        .filter(|standing| standing.percent() > NOISE_PERCENT);
    let slower = standings
        .iter()
        .filter(|standing| standing.rate_ratio < 1.0 - NOISE_PERCENT / 100.0);
    let larger = memories.iter().filter(|memory| memory.own > memory.least);
    format!(
        "CPU time of ringlane against the best peer, in {all} scenarios:\n\n\
         - **{won}: more than {NOISE_PERCENT} % less.**\n\
         - {ahead}: up to {NOISE_PERCENT} % less.\n\
         - {behind}\n\
         - {lost}\n\n\
         Throughput is more than {NOISE_PERCENT} % below that of the fastest peer in {slower} \
         Memory per connection is above that of the best peer in {larger}\n\n",
        all = standings.len(),
        won = won.count(),
        ahead = ahead.count(),
        behind = named(
            behind.map(|one| one.report),
            &format!(": up to {NOISE_PERCENT} % more")
        ),
        lost = named(
            lost.map(|one| one.report),
            &format!(": more than {NOISE_PERCENT} % more")
        ),
        slower = named(slower.map(|one| one.report), ""),
        larger = named(larger.map(|one| one.report), ""),
    )
}

/// How many there are, and which.
fn named<'a>(reports: impl Iterator<Item = &'a Report>, what: &str) -> String {
    let links: Vec<String> = reports.map(link).collect();
    match links.is_empty() {
        true => format!("0{what}."),
        false => format!("{}{what} ({}).", links.len(), links.join("; ")),
    }
}

/// A difference in whole percent, with its sign.
fn signed(percent: f64) -> String {
    match percent.round() {
        0.0 => "0 %".to_owned(),
        whole => format!("{whole:+} %"),
    }
}

/// A row for each scenario.
fn table(standings: &[Standing<'_>]) -> String {
    let mut text = "| scenario | ringlane, CPU µs | × lowest floor | best peer, CPU µs | CPU: \
         ringlane to best peer | throughput: ringlane to fastest peer |\n\
         |---|---|---|---|---|---|\n"
        .to_owned();
    for standing in standings {
        let floor = standing.own.floor_ratio;
        // Writing to a String does not fail.
        let _ = writeln!(
            text,
            "| {} | {:.2} per {} | {} | {:.2} ({}) | {} | {} |",
            link(standing.report),
            standing.own_us,
            standing.report.scenario.unit.name(),
            floor.map_or_else(String::new, |ratio| format!("{ratio:.2}")),
            standing.peer_us,
            title(&standing.peer.name),
            signed(standing.percent()),
            signed(100.0 * (standing.rate_ratio - 1.0)),
        );
    }
    text
}

/// Memory per connection in one scenario with ringlane and a peer in it.
struct Memory<'a> {
    report: &'a Report,
    own: f64,
    least: f64,
    peer: &'a Row,
}

impl<'a> Memory<'a> {
    fn of(report: &'a Report) -> Option<Self> {
        let best = |role| {
            let rows = report.rows.iter().filter(move |row| row.role == role);
            let bytes = |row: &Row| Some(row.summary.as_ref()?.connection_bytes?.median);
            let measured = rows.filter_map(|row| Some((row, bytes(row)?)));
            measured.min_by(|(_, a), (_, b)| a.total_cmp(b))
        };
        let ((_, own), (peer, least)) = (best(Role::Ringlane)?, best(Role::Peer)?);
        Some(Self {
            report,
            own,
            least,
            peer,
        })
    }
}

fn memory_table(memories: &[Memory<'_>]) -> String {
    let mut text = String::new();
    for memory in memories {
        let (own, least) = (grouped(memory.own), grouped(memory.least));
        let (heading, peer) = (heading(memory.report), title(&memory.peer.name));
        // Writing to a String does not fail.
        let _ = writeln!(text, "| {heading} | {own} bytes | {least} bytes ({peer}) |");
    }
    if !text.is_empty() {
        let head = "\n| memory per connection | ringlane | best peer |\n|---|---|---|\n";
        text.insert_str(0, head);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::tests::{report, row};

    fn result(name: &str, own: f64, peers: &[(&str, f64)]) -> Report {
        let mut rows = vec![row("ringlane", Role::Ringlane, Some(own))];
        rows.extend(
            peers
                .iter()
                .map(|(name, us)| row(name, Role::Peer, Some(*us))),
        );
        let mut report = report(rows);
        report.scenario.name = name.to_owned();
        report.scenario.title = format!("Scenario {name}, 16 B");
        report
    }

    #[test]
    fn wins_and_losses_are_counted_and_losses_are_named() {
        let page = page(&[
            result("won", 8.9, &[("peer-node", 10.0), ("peer-hyper", 20.0)]),
            result("ahead", 9.0, &[("peer-node", 10.0)]),
            result("even", 10.0, &[("peer-node", 10.0)]),
            result("behind", 11.0, &[("peer-node", 10.0)]),
            result("lost", 11.2, &[("peer-node", 10.0)]),
            result("alone", 1.0, &[]),
        ]);
        let link = |name: &str| format!("[Scenario {name}, 16 B](#scenario-{name}-16-b)");
        let (behind, lost) = (link("behind"), link("lost"));
        for line in [
            "in 5 scenarios:\n".to_owned(),
            "- **1: more than 10 % less.**\n".to_owned(),
            "- 2: up to 10 % less.\n".to_owned(),
            format!("- 1: up to 10 % more ({behind}).\n"),
            format!("- 1: more than 10 % more ({lost}).\n"),
            format!("of the fastest peer in 1 ({lost}). Memory"),
            "of the best peer in 0.\n".to_owned(),
            "| 10.00 (Node) | 0 % | 0 % |\n".to_owned(),
            format!(
                "| {} | 8.90 per request |  | 10.00 (Node) | -11 % | +12 % |\n",
                link("won")
            ),
        ] {
            assert!(page.contains(&line), "{line}\n{page}");
        }
        assert!(!page.contains("Scenario alone"), "{page}");
    }

    #[test]
    fn the_best_peer_by_memory_need_not_be_the_best_by_time() {
        let mut report = result("idle", 1.0, &[("peer-node", 2.0), ("peer-bun", 3.0)]);
        for (row, bytes) in report.rows.iter_mut().zip([1220.0, 5000.0, 4000.0]) {
            row.samples[0].connection_bytes = Some(bytes);
            row.summarise();
        }
        let page = page(std::slice::from_ref(&report));
        let line = "| Scenario idle, 16 B | 1,220 bytes | 4,000 bytes (Bun) |\n";
        assert!(page.contains(line), "{page}");
        report.rows[0].samples[0].connection_bytes = Some(4001.0);
        report.rows[0].summarise();
        let page = super::page(&[report]);
        assert!(
            page.contains("best peer in 1 ([Scenario idle, 16 B]"),
            "{page}"
        );
    }
}
