//! Containers: whether this is one, and what its control group allows.
//!
//! Not here: reading control groups (`cgroup.rs`).

use super::cgroup::{self, Limit};
use super::cpu;
use super::knob::{Finding, Knob, Setting, Severity, View};
use super::machine::Machine;
use super::parse::{bytes, grouped, percent};

/// From the first on a group is near its limit, from the second on it is at it.
const FILL_PERCENT: (f64, f64) = (80.0, 95.0);

pub(super) static KNOBS: [Knob; 4] = [
    Knob {
        id: "container",
        title: "Whether this is a container",
        default: "no",
        why: "A container has sysctls of its own for most of net.ipv4 and for net.core.somaxconn, \
              and none for net.core.netdev_max_backlog, busy polling, fs, vm and kernel: those are \
              the host's.",
        setting: Setting::Checked {
            wanted: ["any", "any", "any"],
            fix: &["docker run --sysctl net.core.somaxconn=65535 IMAGE"],
            check: container,
        },
    },
    Knob {
        id: "cgroup.cpu",
        title: "CPU time that the control group may use",
        default: "no limit",
        why: "When the group's share of a period is used up, all its threads stand still until the \
              next one: pauses of tens of milliseconds under load.",
        setting: Setting::Checked {
            wanted: [
                "at least one CPU for each worker",
                "at least one CPU for each worker",
                "at least one CPU for each worker",
            ],
            fix: &[
                "ringlane demo --workers COUNT",
                "systemctl set-property UNIT CPUQuota=   # in Kubernetes: no CPU limit, or whole CPUs",
            ],
            check: cpu_time,
        },
    },
    Knob {
        id: "cgroup.memory",
        title: "Memory that the control group may use",
        default: "no limit",
        why: "Sockets' memory in the kernel counts too. At the limit the kernel reclaims first, then \
              kills.",
        setting: Setting::Checked {
            wanted: [
                "below 80 % of the limit",
                "below 80 % of the limit",
                "below 80 % of the limit",
            ],
            fix: &["systemctl set-property UNIT MemoryMax=BYTES   # in Kubernetes: limits.memory"],
            check: memory,
        },
    },
    Knob {
        id: "cgroup.pids",
        title: "Threads that the control group may have",
        default: "no limit; 15 % of the system's under systemd",
        why: "Blocking calls and io_uring's own workers are threads. At the limit they cannot start, \
              and what they should do fails.",
        setting: Setting::Checked {
            wanted: [
                "below 80 % of the limit",
                "below 80 % of the limit",
                "below 80 % of the limit",
            ],
            fix: &["systemctl set-property UNIT TasksMax=COUNT"],
            check: threads,
        },
    },
];

/// The kind of container that this process runs in.
pub(super) fn kind(machine: &Machine) -> Option<String> {
    let environment = machine.read("/proc/1/environ").unwrap_or_default();
    let variable = |name: &str| {
        let value = environment.split('\0').find_map(|pair| {
            let (key, value) = pair.split_once('=')?;
            (key == name).then(|| value.to_owned())
        });
        value.filter(|value| !value.is_empty())
    };
    if machine.exists("/var/run/secrets/kubernetes.io") || variable("KUBERNETES_PORT").is_some() {
        return Some("kubernetes".to_owned());
    }
    if let Ok(name) = machine.read("/run/systemd/container") {
        return Some(name);
    }
    if let Some(name) = variable("container") {
        return Some(name);
    }
    if machine.exists("/run/.containerenv") {
        return Some("podman".to_owned());
    }
    machine
        .exists("/.dockerenv")
        .then(|| "docker, or something that looks like it".to_owned())
}

fn container(view: &View<'_>) -> Vec<Finding> {
    let current = kind(view.machine).unwrap_or_else(|| "no sign of one".to_owned());
    vec![view.fine(current)]
}

fn cpu_time(view: &View<'_>) -> Vec<Finding> {
    let limit = match cgroup::cpu(view.machine) {
        Ok(limit) => limit,
        Err(why) => return vec![view.unread("/proc/self/cgroup", &why)],
    };
    let Some(limit) = limit else {
        return vec![view.fine("no limit")];
    };
    let workers = cpu::usable(view).map_or(1, |cpus| cpus.len());
    let current = format!(
        "{:.2} CPUs for {workers} workers; held back {} times",
        limit.cpus,
        grouped(limit.throttled)
    );
    if limit.cpus >= workers as f64 {
        return vec![view.fine(current).value(format!("{:.2}", limit.cpus))];
    }
    let count = (limit.cpus.floor() as u64).max(1).to_string();
    let severity = if limit.throttled > 0 {
        Severity::Problem
    } else {
        Severity::Warning
    };
    vec![
        view.finding(severity, current)
            .value(format!("{:.2}", limit.cpus))
            .fix(view.command(0, &[("COUNT", &count)]))
            .fix(view.command(1, &[])),
    ]
}

/// Judges how near to its limit a group is.
fn fill(view: &View<'_>, limit: Option<Limit>, shown: fn(u64) -> String, more: &str) -> Finding {
    let Some(Limit { used, most, hits }) = limit else {
        return view.fine("no limit");
    };
    let share = percent(used, most);
    let current = format!(
        "{} of {}: {share:.0} %; {} {more}",
        shown(used),
        shown(most),
        grouped(hits)
    );
    let severity = match share {
        share if share >= FILL_PERCENT.1 => Severity::Problem,
        share if share >= FILL_PERCENT.0 => Severity::Warning,
        _ if hits > 0 => Severity::Warning,
        _ => return view.fine(current).value(most),
    };
    let double = most.saturating_mul(2).to_string();
    let words = [("COUNT", double.as_str()), ("BYTES", double.as_str())];
    view.finding(severity, current)
        .value(most)
        .fix(view.command(0, &words))
}

fn memory(view: &View<'_>) -> Vec<Finding> {
    match cgroup::memory(view.machine) {
        Ok(limit) => vec![fill(view, limit, bytes, "processes killed")],
        Err(why) => vec![view.unread("/proc/self/cgroup", &why)],
    }
}

fn threads(view: &View<'_>) -> Vec<Finding> {
    match cgroup::threads(view.machine) {
        Ok(limit) => vec![fill(view, limit, grouped, "threads refused")],
        Err(why) => vec![view.unread("/proc/self/cgroup", &why)],
    }
}
