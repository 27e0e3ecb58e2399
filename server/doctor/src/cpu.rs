//! CPUs: how fast they run, what their clock costs, who else takes their time.

use super::knob::{Change, Finding, Knob, Setting, Severity, View};
use super::machine::{ENTRIES_MAX, Unread};
use super::parse::{cpus, percent};
use super::rule::Rule;

/// What the host takes from a guest; above the first it is worth knowing, above the second no
/// figure that is measured here means much.
const STEAL_PERCENT: (f64, f64) = (2.0, 10.0);
/// Clocks that user space reads without a system call.
const FAST_CLOCKS: [&str; 5] = [
    "tsc",
    "kvm-clock",
    "arch_sys_counter",
    "hyperv_clocksource_tsc_page",
    "tod",
];

pub(super) static KNOBS: [Knob; 6] = [
    Knob {
        id: "cpu.allowed",
        title: "CPUs that this process may use",
        default: "all that are online",
        why: "Ringlane starts one worker for each allowed CPU and pins it there, if the CPU quota \
              is no smaller; other CPUs stay idle.",
        setting: Setting::Checked {
            wanted: [
                "all that are online",
                "all that are online",
                "all that are online",
            ],
            fix: &["systemctl edit UNIT   # [Service] AllowedCPUs=, CPUAffinity="],
            check: allowed,
        },
    },
    Knob {
        id: "cpu.governor",
        title: "How the clock speed is chosen",
        default: "schedutil or powersave, as the driver has it",
        why: "A slow clock that has to speed up first adds to the latency of every burst, and makes \
              measurements differ.",
        setting: Setting::Checked {
            wanted: ["any", "performance", "performance"],
            fix: &["echo performance | tee /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor"],
            check: governor,
        },
    },
    Knob {
        id: "cpu.clocksource",
        title: "The clock behind every timestamp",
        default: "tsc on most machines",
        why: "With any other clock each reading of the time is a system call, or slower still.",
        setting: Setting::Checked {
            wanted: [
                "one that user space reads itself",
                "one that user space reads itself",
                "one that user space reads itself",
            ],
            fix: &["echo CLOCK > /sys/devices/system/clocksource/clocksource0/current_clocksource"],
            check: clocksource,
        },
    },
    Knob {
        id: "cpu.steal",
        title: "Time that the host gave to other guests, since boot",
        default: "0 on own hardware",
        why: "A worker whose CPU is away answers nobody: every latency figure contains it.",
        setting: Setting::Checked {
            wanted: ["at most 2 %", "at most 2 %", "at most 2 %"],
            fix: &["grep '^cpu ' /proc/stat   # the 8th number; ask for dedicated CPUs"],
            check: steal,
        },
    },
    Knob {
        id: "kernel.sched_autogroup_enabled",
        title: "CPU time shared by session, not by thread",
        default: "1 where it is built in",
        why: "A server and a load generator started from two terminals get equal shares whatever \
              they have to do, so the figures show the scheduler.",
        setting: Setting::Sysctl(Rule::OneOf {
            fine: [&[0, 1], &[0, 1], &[0]],
            otherwise: Severity::Advice,
        }),
    },
    Knob {
        id: "kernel.numa_balancing",
        title: "Pages moved towards the node that uses them",
        default: "1 on machines with several nodes",
        why: "Workers are pinned and touch their memory first, so it lies right already; looking for \
              pages to move costs faults.",
        setting: Setting::Checked {
            wanted: ["any", "0 with several nodes", "0 with several nodes"],
            fix: &["sysctl -w kernel.numa_balancing=0"],
            check: numa,
        },
    },
];

const CPUS: &str = "/sys/devices/system/cpu";

/// CPUs that are online.
pub(super) fn online(view: &View<'_>) -> Result<Vec<usize>, Unread> {
    let list = view.machine.read(&format!("{CPUS}/online"))?;
    cpus(&list)
}

/// CPUs that the process may use.
pub(super) fn usable(view: &View<'_>) -> Result<Vec<usize>, Unread> {
    cpus(&view.machine.status("Cpus_allowed_list")?)
}

fn allowed(view: &View<'_>) -> Vec<Finding> {
    let allowed = match usable(view) {
        Ok(allowed) => allowed,
        Err(why) => return vec![view.unread(&view.machine.process_file("status"), &why)],
    };
    let online = match online(view) {
        Ok(online) => online,
        Err(why) => return vec![view.unread(&format!("{CPUS}/online"), &why)],
    };
    let here = online.iter().filter(|cpu| allowed.contains(cpu)).count();
    let current = format!("{here} of {}", online.len());
    if here == online.len() {
        return vec![view.fine(current).value(here)];
    }
    let finding = view.finding(Severity::Advice, current).value(here);
    vec![finding.fix(view.command(0, &[]))]
}

fn governor(view: &View<'_>) -> Vec<Finding> {
    let names = view.machine.list(CPUS).unwrap_or_default();
    let mut governors: Vec<(String, String)> = Vec::new();
    for name in names.iter().take(ENTRIES_MAX) {
        let number = name.strip_prefix("cpu").unwrap_or_default();
        if number.is_empty() || !number.chars().all(|digit| digit.is_ascii_digit()) {
            continue;
        }
        let path = format!("{CPUS}/{name}/cpufreq/scaling_governor");
        match view.machine.read(&path) {
            Ok(governor) => governors.push((path, governor)),
            Err(Unread::Missing) => {}
            Err(why) => return vec![view.unread(&path, &why)],
        }
    }
    if governors.is_empty() {
        return vec![view.fine("none to see: the host or the firmware chooses")];
    }
    let mut kinds: Vec<&str> = governors.iter().map(|(_, kind)| kind.as_str()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let current = kinds.join(", ");
    if !view.is_dedicated() || kinds == ["performance"] {
        return vec![view.fine(&current).value(&current)];
    }
    let mut finding = view.finding(Severity::Advice, &current).value(&current);
    for (path, kind) in &governors {
        if kind != "performance" {
            finding = finding.change(Change::File {
                path: path.clone(),
                value: "performance".to_owned(),
            });
        }
    }
    vec![finding.fix(view.command(0, &[]))]
}

fn clocksource(view: &View<'_>) -> Vec<Finding> {
    let folder = "/sys/devices/system/clocksource/clocksource0";
    let path = format!("{folder}/current_clocksource");
    let current = match view.machine.read(&path) {
        Ok(current) => current,
        Err(why) => return vec![view.unread(&path, &why)],
    };
    if FAST_CLOCKS.contains(&current.as_str()) {
        return vec![view.fine(&current).value(&current)];
    }
    let available = view
        .machine
        .read(&format!("{folder}/available_clocksource"))
        .unwrap_or_default();
    let better = FAST_CLOCKS
        .iter()
        .find(|clock| available.split_whitespace().any(|one| one == **clock));
    let finding = view.finding(Severity::Warning, &current).value(&current);
    vec![match better {
        Some(clock) => finding
            .fix(view.command(0, &[("CLOCK", clock)]))
            .change(Change::File {
                path,
                value: (*clock).to_owned(),
            }),
        None => finding.why(format!(
            "{} The kernel offers no better one here ({available}): it found the TSC unreliable, or \
             the host hides it.",
            view.knob.why
        )),
    }]
}

/// The times of all CPUs together, and the part of it that was stolen.
fn steal(view: &View<'_>) -> Vec<Finding> {
    let text = match view.machine.read("/proc/stat") {
        Ok(text) => text,
        Err(why) => return vec![view.unread("/proc/stat", &why)],
    };
    let times = text
        .lines()
        .find_map(|line| line.strip_prefix("cpu "))
        .and_then(|line| super::parse::numbers(line).ok());
    let Some([user, nice, system, idle, wait, irq, softirq, steal, ..]) = times.as_deref() else {
        return vec![view.unread("/proc/stat", &Unread::garbage(&text))];
    };
    let all = [user, nice, system, idle, wait, irq, softirq, steal];
    let whole = all
        .iter()
        .fold(0_u64, |sum, time| sum.saturating_add(**time));
    let share = percent(*steal, whole);
    let current = format!("{share:.1} %");
    let severity = match share {
        share if share > STEAL_PERCENT.1 => Severity::Warning,
        share if share > STEAL_PERCENT.0 => Severity::Advice,
        _ => return vec![view.fine(current).value(format!("{share:.3}"))],
    };
    let finding = view.finding(severity, current).value(format!("{share:.3}"));
    vec![finding.fix(view.command(0, &[]))]
}

fn numa(view: &View<'_>) -> Vec<Finding> {
    let nodes = view.machine.list("/sys/devices/system/node");
    let is_node = |name: &&String| {
        let number = name.strip_prefix("node").unwrap_or_default();
        !number.is_empty() && number.chars().all(|digit| digit.is_ascii_digit())
    };
    let count = nodes.map_or(1, |names| names.iter().filter(is_node).count().max(1));
    if count == 1 {
        return vec![view.fine("one node")];
    }
    let path = super::knob::sysctl_path(view.knob.id);
    match view.machine.number(&path) {
        Ok(value) if value == 0 || !view.is_dedicated() => {
            vec![view.fine(format!("{value}, {count} nodes")).value(value)]
        }
        Ok(value) => vec![
            view.finding(Severity::Advice, format!("{value}, {count} nodes"))
                .value(value)
                .fix(view.command(0, &[]))
                .change(Change::sysctl(view.knob.id, 0)),
        ],
        Err(why) => vec![view.unread(&path, &why)],
    }
}
