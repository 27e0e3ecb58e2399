//! Connection tracking: whether it is in the way, how full its table is, what it threw away.

use super::knob::{Change, Finding, Knob, Setting, Severity, View, sysctl_path};
use super::parse::{grouped, percent};
use super::rule::set_command;

/// From the first on the table is near its end, from the second on a burst fills it.
const FILL_PERCENT: (f64, f64) = (50.0, 80.0);
/// Entries wanted for safe, dedicated, benchmark.
const ENTRIES: [u64; 3] = [65_536, 1_048_576, 1_048_576];

const COUNT: &str = "net.netfilter.nf_conntrack_count";
const MAX: &str = "net.netfilter.nf_conntrack_max";

pub(super) static KNOBS: [Knob; 3] = [
    Knob {
        id: "net.netfilter.nf_conntrack_max",
        title: "Connections that the firewall can track",
        default: "the number of its hash buckets: 262,144 from 4 GiB on",
        why: "Each tracked connection takes an entry, those in TIME_WAIT included. When the table is \
              full, packets of new connections are dropped without an answer.",
        setting: Setting::Checked {
            wanted: [
                "at least 65,536 where tracking is used",
                "at least 1,048,576 where tracking is used",
                "at least 1,048,576 where tracking is used",
            ],
            fix: &[
                "sysctl -w net.netfilter.nf_conntrack_max=65536",
                "sysctl -w net.netfilter.nf_conntrack_max=1048576",
            ],
            check: max,
        },
    },
    Knob {
        id: "conntrack.fill",
        title: "How full the table of tracked connections is",
        default: "0 without rules that track",
        why: "When it is full, packets of new connections are dropped without an answer; only the \
              kernel's log says so.",
        setting: Setting::Checked {
            wanted: ["below 50 %", "below 50 %", "below 50 %"],
            fix: &[
                "nft add table inet raw",
                "nft add chain inet raw prerouting '{ type filter hook prerouting priority raw; }'",
                "nft add chain inet raw output '{ type filter hook output priority raw; }'",
                "nft add rule inet raw prerouting tcp dport PORT notrack",
                "nft add rule inet raw output tcp sport PORT notrack",
                "sysctl -w net.netfilter.nf_conntrack_max=COUNT",
            ],
            check: fill,
        },
    },
    Knob {
        id: "conntrack.drops",
        title: "Packets that connection tracking threw away, since boot",
        default: "0",
        why: "The table was full, or an entry could not be made: a client saw no answer.",
        setting: Setting::Checked {
            wanted: ["none", "none", "none"],
            fix: &["conntrack -S; sysctl net.netfilter.nf_conntrack_max"],
            check: drops,
        },
    },
];

/// Entries in use and the most; `None` where nothing is tracked at all.
fn entries(view: &View<'_>) -> Result<Option<(u64, u64)>, Vec<Finding>> {
    if !view.machine.exists(&sysctl_path(COUNT)) {
        return Ok(None);
    }
    let number = |key| {
        let path = sysctl_path(key);
        let number = view.machine.number(&path);
        number.map_err(|why| vec![view.unread(&path, &why)])
    };
    Ok(Some((number(COUNT)?, number(MAX)?)))
}

fn max(view: &View<'_>) -> Vec<Finding> {
    let (count, max) = match entries(view) {
        Ok(Some(entries)) => entries,
        Ok(None) => return vec![view.fine("connection tracking is not loaded")],
        Err(findings) => return findings,
    };
    let wanted = view.profile.pick(&ENTRIES);
    if count == 0 {
        let current = format!("{}, and nothing is tracked", grouped(max));
        return vec![view.fine(current).value(max)];
    }
    if max >= wanted {
        return vec![view.fine(grouped(max)).value(max)];
    }
    vec![
        view.finding(Severity::Advice, grouped(max))
            .value(max)
            .fix(set_command(MAX, wanted))
            .change(Change::sysctl(MAX, wanted)),
    ]
}

fn fill(view: &View<'_>) -> Vec<Finding> {
    let (count, max) = match entries(view) {
        Ok(Some(entries)) => entries,
        Ok(None) => return vec![view.fine("connection tracking is not loaded")],
        Err(findings) => return findings,
    };
    let share = percent(count, max);
    let current = format!("{} of {}: {share:.0} %", grouped(count), grouped(max));
    let severity = match share {
        share if share >= FILL_PERCENT.1 => Severity::Problem,
        share if share >= FILL_PERCENT.0 => Severity::Warning,
        _ => return vec![view.fine(current).value(count)],
    };
    let double = max.saturating_mul(2).to_string();
    let mut finding = view.finding(severity, current).value(count);
    for command in 0..=5 {
        finding = finding.fix(view.command(command, &[("COUNT", &double)]));
    }
    vec![finding]
}

fn drops(view: &View<'_>) -> Vec<Finding> {
    let path = view.machine.net_file("stat/nf_conntrack");
    if !view.machine.exists(&path) {
        return vec![view.fine("connection tracking is not loaded")];
    }
    let text = match view.machine.read(&path) {
        Ok(text) => text,
        Err(why) => return vec![view.unread(&path, &why)],
    };
    let mut lines = text.lines();
    let names: Vec<&str> = lines
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .collect();
    let rows: Vec<Vec<&str>> = lines
        .map(|line| line.split_whitespace().collect())
        .collect();
    let sum = |name: &str| {
        let at = names.iter().position(|one| *one == name)?;
        let column = rows.iter().filter_map(|row| row.get(at));
        let numbers = column.filter_map(|word| u64::from_str_radix(word, 16).ok());
        Some(numbers.fold(0, u64::saturating_add))
    };
    let (Some(dropped), Some(early)) = (sum("drop"), sum("early_drop")) else {
        return vec![view.unread(&path, &super::machine::Unread::garbage(&text))];
    };
    let current = format!(
        "{} dropped, {} entries evicted",
        grouped(dropped),
        grouped(early)
    );
    let severity = match (dropped, early) {
        (0, 0) => return vec![view.fine(current).value(dropped)],
        _ => Severity::Warning,
    };
    let finding = view.finding(severity, current).value(dropped);
    vec![finding.fix(view.command(0, &[]))]
}
