//! Whether ringlane keeps the bars: close to the better floor, and below every peer.
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
    let Some(percent_max) = scenario.floor_percent_max else {
        return Vec::new();
    };
    let whole = |row: &&Row| row.failure.is_none() && row.summary.is_some();
    let of = |role: Role| rows.iter().filter(move |row| row.role == role);
    let own = of(Role::Ringlane).find(whole);
    let own_cpu = own.and_then(Row::cpu_us);

    let bar = f64::from(percent_max) / 100.0;
    let mut verdicts = vec![match own.and_then(|row| row.floor_ratio) {
        // One floor alone may be the worse one.
        Some(ratio) if of(Role::Floor).all(|row| whole(&row)) => Verdict {
            holds: ratio <= bar,
            text: format!("{ratio:.3} x the better floor, at most {bar:.2}"),
        },
        _ => Verdict {
            holds: false,
            text: format!("at most {bar:.2} x the better floor: not measured"),
        },
    }];
    verdicts.extend(of(Role::Peer).map(|peer| {
        let peer_cpu = Some(peer).filter(whole).and_then(Row::cpu_us);
        match own_cpu.zip(peer_cpu) {
            Some((own, other)) => Verdict {
                holds: own < other,
                text: format!("{own:.3} µs per request, below {} ({other:.3})", peer.name),
            },
            None => Verdict {
                holds: false,
                text: format!("below {}: not measured", peer.name),
            },
        }
    }));
    verdicts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::tests::{report, row};
    use crate::scenario::SCENARIOS;

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
        let holds: Vec<bool> = judge(&SCENARIOS[0], &report.rows)
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
    fn a_scenario_without_a_bar() {
        let rows = [row("ringlane", Role::Ringlane, None)];
        assert_eq!(judge(&SCENARIOS[2], &rows), []);
    }
}
