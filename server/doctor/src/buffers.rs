//! The sysctls of TCP's memory, which hold three values each.

use super::knob::{Change, Finding, Severity, View, sysctl_path};
use super::machine::Unread;
use super::parse::{bytes, meminfo, percent, three_numbers};
use super::rule::set_command;

/// What is wanted of `tcp_rmem` and `tcp_wmem`, for every profile.
pub(super) const WANTED: [&str; 3] = [
    "default at most 1 MiB, max at least 4 MiB",
    "default at most 1 MiB, max at least 4 MiB",
    "default at most 1 MiB, max at least 4 MiB",
];
const FIRST_BYTES_MAX: u64 = 1024 * 1024;
const MOST_BYTES_MIN: u64 = 4 * 1024 * 1024;
/// What the whole of TCP may hold, of memory.
const SHARE_PERCENT: std::ops::RangeInclusive<f64> = 3.0..=50.0;

pub(super) fn receive(view: &View<'_>) -> Vec<Finding> {
    buffer(view, [4096, 131_072, 6_291_456])
}

pub(super) fn send(view: &View<'_>) -> Vec<Finding> {
    buffer(view, [4096, 16_384, 4_194_304])
}

fn read_three(view: &View<'_>) -> Result<[u64; 3], Vec<Finding>> {
    let path = sysctl_path(view.knob.id);
    let three = view
        .machine
        .read(&path)
        .and_then(|text| three_numbers(&text));
    three.map_err(|why| vec![view.unread(&path, &why)])
}

fn joined(values: [u64; 3]) -> String {
    values.map(|value| value.to_string()).join(" ")
}

fn buffer(view: &View<'_>, good: [u64; 3]) -> Vec<Finding> {
    let values = match read_three(view) {
        Ok(values) => values,
        Err(findings) => return findings,
    };
    let [least, first, most] = values;
    let current = values.map(bytes).join(", ");
    let is_rising = least <= first && first <= most;
    let severity = if !is_rising || first > FIRST_BYTES_MAX {
        Severity::Warning
    } else if most < MOST_BYTES_MIN {
        Severity::Advice
    } else {
        return vec![view.fine(current).value(joined(values))];
    };
    let [_, good_first, good_most] = good;
    let target = joined([good[0], good_first, most.max(good_most)]);
    vec![
        view.finding(severity, current)
            .value(joined(values))
            .fix(set_command(view.knob.id, &target))
            .change(Change::sysctl(view.knob.id, target)),
    ]
}

pub(super) fn all_sockets(view: &View<'_>) -> Vec<Finding> {
    let values = match read_three(view) {
        Ok(values) => values,
        Err(findings) => return findings,
    };
    let memory = view.machine.read("/proc/meminfo");
    let memory =
        memory.and_then(|text| meminfo(&text, "MemTotal").ok_or_else(|| Unread::garbage(&text)));
    let memory = match memory {
        Ok(memory) => memory,
        Err(why) => return vec![view.unread("/proc/meminfo", &why)],
    };
    let [calm, pressure, most] = values;
    let share = percent(most.saturating_mul(view.machine.page_bytes()), memory);
    let current = format!(
        "{}: most is {share:.1} % of memory",
        values
            .map(|pages| bytes(pages.saturating_mul(view.machine.page_bytes())))
            .join(", ")
    );
    if calm <= pressure && pressure <= most && SHARE_PERCENT.contains(&share) {
        return vec![view.fine(current).value(joined(values))];
    }
    // As the kernel computes them at boot: 3/64, 4/64 and 6/64 of memory.
    let part = memory / view.machine.page_bytes() / 64;
    let target = joined([3 * part, 4 * part, 6 * part]);
    vec![
        view.finding(Severity::Warning, current)
            .value(joined(values))
            .fix(view.command(0, &[("PAGES", &target)]))
            .change(Change::sysctl(view.knob.id, target)),
    ]
}
