//! The rows of one interval: a rate or a fill, and whether that is a limit being hit.

use std::io;
use std::time::Duration;

use serde::Serialize;

use super::super::knob::Severity;
use super::super::parse::{Softnet, bytes, grouped, percent};
use super::sample::{Process, Sample, Ticks};

/// CPUs that are shown each; of more, the busiest.
pub(super) const CPUS_SHOWN: usize = 32;

/// How a value stands to its limit.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum State {
    Fine,
    Near,
    Hit,
}

impl State {
    pub(super) fn severity(self) -> Severity {
        match self {
            Self::Fine => Severity::Fine,
            Self::Near => Severity::Warning,
            Self::Hit => Severity::Problem,
        }
    }
}

/// One line.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Row {
    pub(super) name: String,
    /// The number in the text, for programs.
    pub(super) value: f64,
    pub(super) text: String,
    pub(super) state: State,
    /// What it means that the limit is hit.
    pub(super) note: &'static str,
}

#[derive(Serialize)]
struct Line<'a> {
    seconds: f64,
    rows: &'a [Row],
}

/// All rows as one line of JSON.
pub(super) fn json(rows: &[Row], since: Duration) -> io::Result<String> {
    let line = Line {
        seconds: since.as_secs_f64(),
        rows,
    };
    Ok(serde_json::to_string(&line)?)
}

/// Something counted that must not happen at all, or not often.
struct Counted {
    name: &'static str,
    counters: &'static [&'static str],
    /// What any of them means.
    state: State,
    note: &'static str,
}

const COUNTED: [Counted; 8] = [
    Counted {
        name: "accept queue overflows",
        counters: &["ListenOverflows"],
        state: State::Hit,
        note: "a listener's queue is full; clients wait a second or more",
    },
    Counted {
        name: "listen drops",
        counters: &["ListenDrops"],
        state: State::Hit,
        note: "SYNs or ACKs to a listener are dropped",
    },
    Counted {
        name: "SYN cookies sent",
        counters: &["SyncookiesSent"],
        state: State::Hit,
        note: "the queue of handshakes is full",
    },
    Counted {
        name: "SYN queue drops",
        counters: &["TCPReqQFullDrop"],
        state: State::Hit,
        note: "the queue of handshakes is full and cookies are off",
    },
    Counted {
        name: "resets sent",
        counters: &["OutRsts"],
        state: State::Fine,
        note: "",
    },
    Counted {
        name: "connections reset",
        counters: &["EstabResets"],
        state: State::Fine,
        note: "",
    },
    Counted {
        name: "TIME_WAIT skipped",
        counters: &["TCPTimeWaitOverflow"],
        state: State::Hit,
        note: "tcp_max_tw_buckets is reached",
    },
    Counted {
        name: "TCP memory pressure",
        counters: &["TCPMemoryPressures", "TCPAbortOnMemory"],
        state: State::Hit,
        note: "tcp_mem is reached; windows shrink or connections are reset",
    },
];

/// What happened between two samples.
pub(super) fn between(before: &Sample, after: &Sample, time: Duration) -> Vec<Row> {
    let rate = |before: u64, after: u64| {
        after.saturating_sub(before) as f64 / time.as_secs_f64().max(0.001)
    };
    let mut rows = Vec::new();
    for counted in &COUNTED {
        let value = |sample: &Sample| {
            let values = counted
                .counters
                .iter()
                .map(|name| sample.counters.get(*name));
            values.fold(None, |sum: Option<u64>, one| match (sum, one) {
                (Some(sum), Some(one)) => Some(sum.saturating_add(*one)),
                (sum, one) => sum.or_else(|| one.copied()),
            })
        };
        if let (Some(before), Some(after)) = (value(before), value(after)) {
            let rate = rate(before, after);
            let state = if rate > 0.0 {
                counted.state
            } else {
                State::Fine
            };
            rows.push(per_second(counted.name, rate, state, counted.note));
        }
    }
    rows.extend(retransmits(before, after, &rate));
    rows.extend(packets(before, after, &rate));
    rows.extend(fills(after));
    rows.extend(process(after));
    rows.extend(cpus(before, after));
    rows
}

fn per_second(name: &str, rate: f64, state: State, note: &'static str) -> Row {
    Row {
        name: name.to_owned(),
        value: rate,
        text: format!("{} per second", short(rate)),
        state,
        note,
    }
}

/// A rate without needless digits.
fn short(rate: f64) -> String {
    if rate == 0.0 || rate >= 10.0 {
        grouped(rate.round() as u64)
    } else {
        format!("{rate:.1}")
    }
}

type Rate<'a> = &'a dyn Fn(u64, u64) -> f64;

fn retransmits(before: &Sample, after: &Sample, rate: Rate<'_>) -> Option<Row> {
    const LOSS_PERCENT: f64 = 1.0;
    let delta = |name: &str| {
        let pair = (before.counters.get(name)?, after.counters.get(name)?);
        Some((*pair.0, *pair.1))
    };
    let again = delta("RetransSegs")?;
    let sent = delta("OutSegs")?;
    let share = percent(
        again.1.saturating_sub(again.0),
        sent.1.saturating_sub(sent.0),
    );
    let again = rate(again.0, again.1);
    let state = if share >= LOSS_PERCENT && again >= 1.0 {
        State::Near
    } else {
        State::Fine
    };
    Some(Row {
        name: "retransmits".to_owned(),
        value: again,
        text: format!("{} per second, {share:.2} % of segments", short(again)),
        state,
        note: "packets are lost on the way or dropped here",
    })
}

fn packets(before: &Sample, after: &Sample, rate: Rate<'_>) -> Vec<Row> {
    let pairs = before.softnet.iter().zip(&after.softnet);
    let new = Softnet::sum(pairs.map(|(before, after)| after.since(*before)));
    if after.softnet.is_empty() {
        return Vec::new();
    }
    let state = |count: f64, state: State| if count > 0.0 { state } else { State::Fine };
    let handled = rate(0, new.processed);
    let squeezed = rate(0, new.squeezed);
    let dropped = rate(0, new.dropped);
    vec![
        per_second("packets handled", handled, State::Fine, ""),
        per_second(
            "packet rounds cut short",
            squeezed,
            state(squeezed, State::Near),
            "netdev_budget ends rounds before all packets are handled",
        ),
        per_second(
            "backlog drops",
            dropped,
            state(dropped, State::Hit),
            "netdev_max_backlog is reached on a CPU",
        ),
    ]
}

/// How much of a limit is used up; near from 80 %, hit from 95 %.
fn fill(name: &str, (used, most): (u64, u64), shown: fn(u64) -> String, note: &'static str) -> Row {
    let share = percent(used, most);
    let state = match share {
        share if share >= 95.0 => State::Hit,
        share if share >= 80.0 => State::Near,
        _ => State::Fine,
    };
    Row {
        name: name.to_owned(),
        value: used as f64,
        text: format!("{} of {}, {share:.0} %", shown(used), shown(most)),
        state,
        note,
    }
}

fn fills(now: &Sample) -> Vec<Row> {
    let mut rows = Vec::new();
    if let Some(count) = now.established {
        rows.push(Row {
            name: "connections".to_owned(),
            value: count as f64,
            text: grouped(count),
            state: State::Fine,
            note: "",
        });
    }
    let mut add = |name, pair, shown, note| {
        if let Some(pair) = pair {
            rows.push(fill(name, pair, shown, note));
        }
    };
    add(
        "TIME_WAIT",
        now.time_wait.zip(now.time_wait_max),
        grouped,
        "tcp_max_tw_buckets is all but reached",
    );
    add(
        "orphans",
        now.orphans.zip(now.orphans_max),
        grouped,
        "tcp_max_orphans is all but reached; closing connections are reset",
    );
    let page = |pages: u64| pages.saturating_mul(now.page_bytes);
    let pressure = now.tcp_limits.map(|[_, pressure, _]| page(pressure));
    add(
        "TCP memory before pressure",
        now.tcp_pages.map(page).zip(pressure),
        bytes,
        "tcp_mem's pressure is all but reached",
    );
    add(
        "open files, system",
        now.files,
        grouped,
        "fs.file-max is all but reached",
    );
    add(
        "tracked connections",
        now.tracked,
        grouped,
        "nf_conntrack_max is all but reached; packets are dropped",
    );
    let memory = now
        .memory
        .map(|(available, total)| (total.saturating_sub(available), total));
    add(
        "memory in use",
        memory,
        bytes,
        "memory is all but used up; the kernel reclaims, then kills",
    );
    rows
}

fn process(now: &Sample) -> Vec<Row> {
    let Some(Process {
        lives,
        files,
        resident,
    }) = now.process
    else {
        return Vec::new();
    };
    let mut rows = Vec::new();
    let plain = |name: &str, value: f64, text: String| Row {
        name: name.to_owned(),
        value,
        text,
        state: State::Fine,
        note: "",
    };
    match files {
        Some(pair) => rows.push(fill(
            "open files, process",
            pair,
            grouped,
            "RLIMIT_NOFILE is all but reached; accept fails",
        )),
        None => {
            let text = if lives {
                "may not be seen: run it as root"
            } else {
                "it has ended"
            };
            rows.push(plain("open files, process", 0.0, text.to_owned()));
        }
    }
    if let Some(resident) = resident {
        rows.push(plain("memory, process", resident as f64, bytes(resident)));
    }
    rows
}

/// One row for each CPU; of very many, for the busiest.
fn cpus(before: &Sample, after: &Sample) -> Vec<Row> {
    let both = after
        .cpus
        .iter()
        .filter_map(|(number, now)| Some((*number, before.cpus.get(number)?, now)));
    let mut rows: Vec<(usize, Row)> = both
        .map(|(number, before, now)| (number, cpu(number, before, now)))
        .collect();
    if rows.len() > CPUS_SHOWN {
        rows.sort_by(|(_, one), (_, other)| other.value.total_cmp(&one.value));
        rows.truncate(CPUS_SHOWN);
        rows.sort_by_key(|(number, _)| *number);
    }
    rows.into_iter().map(|(_, row)| row).collect()
}

fn cpu(name: usize, before: &Ticks, now: &Ticks) -> Row {
    let all = now.all.saturating_sub(before.all);
    let part = |before: u64, now: u64| percent(now.saturating_sub(before), all);
    let busy = if all == 0 {
        0.0
    } else {
        100.0 - part(before.idle, now.idle)
    };
    let steal = part(before.steal, now.steal);
    let softirq = part(before.softirq, now.softirq);
    let (state, note) = match (busy, steal, softirq) {
        (_, steal, _) if steal >= 20.0 => (State::Hit, "the host gives its time to others"),
        (busy, _, softirq) if busy >= 95.0 && softirq >= 50.0 => {
            (State::Hit, "all its time, most of it for packets")
        }
        (busy, _, _) if busy >= 95.0 => (State::Hit, "all its time is used"),
        (_, steal, _) if steal >= 5.0 => (State::Near, "the host gives its time to others"),
        _ => (State::Fine, ""),
    };
    Row {
        name: format!("CPU {name}"),
        value: busy,
        text: format!(
            "{busy:3.0} % busy: user {:.0}, system {:.0}, softirq {softirq:.0}, steal {steal:.0}",
            part(before.user, now.user),
            part(before.system, now.system),
        ),
        state,
        note,
    }
}
