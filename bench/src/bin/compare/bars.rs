//! Judges whether ringlane keeps a scenario's bars: close to the lowest floor, below every peer.
//!
//! Always true here: what was not measured in full cannot be kept.
//!
//! Not here: how high a bar is (`scenario.rs`).

use std::fmt;

use crate::contender::Role;
use crate::json::Row;
use crate::scenario::Scenario;

/// One bar, judged.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Verdict {
    holds: bool,
    text: String,
}

impl Verdict {
    pub(crate) fn holds(&self) -> bool {
        self.holds
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = if self.holds { "kept" } else { "MISSED" };
        write!(formatter, "{word}: {}", self.text)
    }
}

/// Judges all bars of a scenario; none if it sets none.
pub(crate) fn judge(scenario: &Scenario, rows: &[Row]) -> Vec<Verdict> {
    let (bars, unit) = (&scenario.bars, scenario.unit.name());
    let own = rows
        .iter()
        .find(|row| row.role == Role::Ringlane && is_whole(row));
    let mut verdicts = Vec::new();
    if let Some(percent_max) = bars.floor_percent_max {
        verdicts.push(floor(own, rows, percent_max));
    }
    let peers = || rows.iter().filter(|row| row.role == Role::Peer);
    if bars.below_peers {
        verdicts.extend(peers().map(|peer| below(own, peer, 100, unit)));
    }
    for (name, percent_max) in &bars.peer_percent_max {
        let mut others = rows.iter().filter(|row| is_whole(row));
        if let Some(peer) = others.find(|row| row.name == *name) {
            verdicts.push(below(own, peer, *percent_max, unit));
        }
    }
    if let Some(percent_min) = bars.rate_percent_min {
        verdicts.extend(peers().map(|peer| faster(own, peer, percent_min)));
    }
    if let Some(bytes_max) = bars.connection_bytes_max {
        verdicts.push(memory(own, bytes_max));
    }
    verdicts
}

fn is_whole(row: &Row) -> bool {
    row.failure.is_none() && row.summary.is_some()
}

/// A verdict on two figures, if both are there.
fn relate(
    figures: Option<(f64, f64)>,
    what: &str,
    text: impl FnOnce(f64, f64) -> (bool, String),
) -> Verdict {
    let (holds, text) = match figures {
        Some((own, other)) => text(own, other),
        None => (false, format!("{what}: not measured")),
    };
    Verdict { holds, text }
}

fn floor(own: Option<&Row>, rows: &[Row], percent_max: u32) -> Verdict {
    let bar = f64::from(percent_max) / 100.0;
    // One floor alone may be the worse one.
    let mut floors = rows.iter().filter(|row| row.role == Role::Floor);
    let ratio = own
        .and_then(|row| row.floor_ratio)
        .filter(|_| floors.all(is_whole));
    let what = format!("at most {bar:.2} × the lowest floor");
    relate(ratio.zip(Some(bar)), &what, |ratio, bar| {
        (
            ratio <= bar,
            format!("{ratio:.3} × the lowest floor, at most {bar:.2}"),
        )
    })
}

fn below(own: Option<&Row>, peer: &Row, percent_max: u32, unit: &str) -> Verdict {
    let own = own.and_then(Row::cpu_us);
    let other = Some(peer).filter(|row| is_whole(row)).and_then(Row::cpu_us);
    let share = match percent_max {
        100 => String::new(),
        percent => format!("{percent} % of "),
    };
    let name = &peer.name;
    relate(
        own.zip(other),
        &format!("below {share}{name}"),
        |own, other| {
            let holds = own < other * f64::from(percent_max) / 100.0;
            (
                holds,
                format!("{own:.3} µs per {unit}, below {share}{name} ({other:.3})"),
            )
        },
    )
}

fn faster(own: Option<&Row>, peer: &Row, percent_min: u32) -> Verdict {
    let rate = |row: &Row| Some(row.summary.as_ref()?.requests_per_second.median);
    let other = Some(peer).filter(|row| is_whole(row)).and_then(rate);
    let bar = format!("at least {percent_min} % of {}", peer.name);
    relate(own.and_then(rate).zip(other), &bar, |own, other| {
        let holds = own >= other * f64::from(percent_min) / 100.0;
        (holds, format!("{own:.0} per second, {bar} ({other:.0})"))
    })
}

fn memory(own: Option<&Row>, bytes_max: u32) -> Verdict {
    let bytes = own.and_then(|row| row.summary.as_ref()?.connection_bytes);
    let bytes = bytes.map(|spread| (spread.median, f64::from(bytes_max)));
    let bar = format!("at most {bytes_max} bytes per connection");
    relate(bytes, &bar, |own, max| {
        (own <= max, format!("{own:.0}, {bar}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::tests::{report, row};
    use crate::scenario::tests::scenario;

    /// Which of (floor, first peer, second peer) hold, for these CPU times; nothing is a failure.
    #[track_caller]
    fn check(
        ringlane: Option<f64>,
        floors: [Option<f64>; 2],
        peers: [Option<f64>; 2],
        expected: [bool; 3],
    ) {
        let mut rows = vec![row("ringlane", Role::Ringlane, ringlane)];
        rows.extend(floors.map(|cpu| row("floor", Role::Floor, cpu)));
        rows.extend(peers.map(|cpu| row("peer", Role::Peer, cpu)));
        let mut report = report(rows);
        // Ranking mixes the peers: back into the order of the arguments.
        report.rows.sort_by_key(|row| {
            peers
                .iter()
                .position(|cpu| row.role == Role::Peer && row.cpu_us() == *cpu)
        });
        let mut scenario = scenario("plaintext");
        scenario.bars = crate::scenario::Bars {
            floor_percent_max: Some(105),
            below_peers: true,
            ..Default::default()
        };
        let holds: Vec<bool> = judge(&scenario, &report.rows)
            .iter()
            .map(Verdict::holds)
            .collect();
        assert_eq!(holds, expected);
    }

    #[test]
    fn bars() {
        let (floors, peers) = ([Some(4.0), Some(5.0)], [Some(6.0), Some(7.0)]);
        check(Some(4.2), floors, peers, [true, true, true]);
        check(Some(4.21), floors, peers, [false, true, true]);
        check(Some(3.0), floors, peers, [true, true, true]);
        check(Some(6.0), floors, peers, [false, false, true]);
        check(None, floors, peers, [false, false, false]);
        check(Some(4.2), [Some(4.0), None], peers, [false, true, true]);
        check(Some(4.2), floors, [Some(6.0), None], [true, true, false]);
    }

    #[test]
    fn bars_in_percent_of_a_peer() {
        let mut scenario = scenario("plaintext");
        scenario.bars = crate::scenario::Bars {
            peer_percent_max: [("peer".to_owned(), 50)].into(),
            rate_percent_min: Some(200),
            ..Default::default()
        };
        let holds = |own| {
            let rows = vec![
                row("ringlane", Role::Ringlane, Some(own)),
                row("peer", Role::Peer, Some(4.0)),
            ];
            let verdicts = judge(&scenario, &rows);
            verdicts.iter().map(Verdict::holds).collect::<Vec<_>>()
        };
        assert_eq!(holds(1.9), [true, true]);
        assert_eq!(holds(2.0), [false, true]);
        assert_eq!(holds(2.1), [false, false]);
    }

    #[test]
    fn a_scenario_without_a_bar() {
        let rows = [row("ringlane", Role::Ringlane, None)];
        assert_eq!(judge(&scenario("uploads-20m"), &rows), []);
    }
}
