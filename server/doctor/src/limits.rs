//! Descriptors and locked memory: of one process, and of the whole system.
//!
//! Always true here:
//! - What counts is the hard limit: Ringlane raises its soft limit to it at start.

use super::knob::{Finding, Knob, Setting, Severity, View, sysctl_path};
use super::machine::Unread;
use super::parse::{bytes, cpus, grouped, limit, numbers, percent};
use super::rule::Rule;

/// Fewer descriptors than this leave no room for a server at all.
const DESCRIPTORS_MIN: u64 = 4096;
/// Descriptors wanted for safe, dedicated, benchmark.
const DESCRIPTORS: [u64; 3] = [65_536, 1_048_576, 1_048_576];
/// What the rings of one worker lock at most: queues of 1,024 and 16,384 entries and the ring of
/// receive buffers are charged, the buffers themselves are not.
const RING_LOCKED_BYTES: u64 = 512 * 1024;
/// Room for other processes of the same user, because the limit counts for all of them.
const LOCKED_BYTES_MIN: u64 = 64 * 1024 * 1024;
/// A system with more of its descriptors in use than this is near its limit.
const FILES_PERCENT_MAX: f64 = 80.0;

const CAP_IPC_LOCK: u32 = 14;
const CAP_SYS_RESOURCE: u32 = 24;

pub(super) static KNOBS: [Knob; 6] = [
    Knob {
        id: "limits.nofile",
        title: "Descriptors that a process may have open",
        default: "soft 1,024, hard 524,288 under systemd",
        why: "Every connection is a descriptor. At the limit accept fails with EMFILE, and clients \
              wait in the kernel's queue until another connection ends.",
        setting: Setting::Checked {
            wanted: [
                "hard limit of at least 65,536",
                "hard limit of at least 1,048,576",
                "hard limit of at least 1,048,576",
            ],
            fix: &[
                "systemctl edit UNIT   # add: [Service] LimitNOFILE=COUNT",
                "docker run --ulimit nofile=COUNT:COUNT IMAGE",
                "prlimit --pid PID --nofile=COUNT:COUNT   # needs CAP_SYS_RESOURCE",
            ],
            check: descriptors,
        },
    },
    Knob {
        id: "limits.memlock",
        title: "Memory that a user may lock",
        default: "8 MiB",
        why: "io_uring's queues count as locked memory, summed over all processes of the user. \
              Beyond the limit a ring is refused with ENOMEM and Ringlane falls back to epoll.",
        setting: Setting::Checked {
            wanted: [
                "at least 64 MiB, or CAP_IPC_LOCK",
                "at least 64 MiB, or CAP_IPC_LOCK",
                "at least 64 MiB, or CAP_IPC_LOCK",
            ],
            fix: &[
                "systemctl edit UNIT   # add: [Service] LimitMEMLOCK=infinity",
                "docker run --ulimit memlock=-1:-1 IMAGE",
            ],
            check: locked_memory,
        },
    },
    Knob {
        id: "fs.nr_open",
        title: "Highest descriptor limit that a process can be given",
        default: "1,048,576",
        why: "RLIMIT_NOFILE cannot be set above this.",
        setting: Setting::Sysctl(Rule::AtLeast {
            floor: 65_536,
            wanted: [1_048_576, 2_097_152, 2_097_152],
        }),
    },
    Knob {
        id: "fs.file-max",
        title: "Open files of the whole system",
        default: "a tenth of memory in KiB; systemd raises it to the highest number",
        why: "Beyond it every open, socket and accept of every process fails with ENFILE.",
        setting: Setting::Sysctl(Rule::AtLeast {
            floor: 131_072,
            wanted: [131_072, 2_097_152, 2_097_152],
        }),
    },
    Knob {
        id: "files.open",
        title: "Open files of the whole system, now",
        default: "some thousands",
        why: "At fs.file-max every open, socket and accept of every process fails with ENFILE.",
        setting: Setting::Checked {
            wanted: [
                "at most 80 % of fs.file-max",
                "at most 80 % of fs.file-max",
                "at most 80 % of fs.file-max",
            ],
            fix: &["sysctl -w fs.file-max=COUNT"],
            check: files,
        },
    },
    Knob {
        id: "vm.max_map_count",
        title: "Memory mappings of a process",
        default: "65,530",
        why: "Rings, receive buffers and thread stacks are mappings; a runtime that maps per \
              connection runs out of them first.",
        setting: Setting::Sysctl(Rule::AtLeast {
            floor: 65_530,
            wanted: [65_530, 65_530, 65_530],
        }),
    },
];

/// The soft and the hard limit in a line of `/proc/PID/limits`.
fn process_limit(view: &View<'_>, name: &str) -> Result<(u64, u64), Unread> {
    let text = view.machine.read(&view.machine.process_file("limits"))?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(name))
        .ok_or_else(|| Unread::garbage(&text))?;
    let mut words = line.split_whitespace();
    let mut next = || limit(words.next().unwrap_or_default());
    Ok((next()?, next()?))
}

/// Whether a capability, by its number, is in a set as `status` writes it.
fn has(set: Result<String, Unread>, number: u32) -> bool {
    let bits = set
        .ok()
        .and_then(|bits| u64::from_str_radix(&bits, 16).ok());
    bits.is_some_and(|bits| bits >> number & 1 == 1)
}

fn descriptors(view: &View<'_>) -> Vec<Finding> {
    let (soft, hard) = match process_limit(view, "Max open files") {
        Ok(limits) => limits,
        Err(why) => return vec![view.unread(&view.machine.process_file("limits"), &why)],
    };
    let wanted = view.profile.pick(&DESCRIPTORS);
    let mut current = format!("soft {}, hard {}", grouped(soft), grouped(hard));
    if hard >= wanted {
        return vec![view.fine(current).value(hard)];
    }
    let raisable = has(view.machine.own_status("CapEff"), CAP_SYS_RESOURCE);
    current.push_str(if raisable {
        "; can be raised from here"
    } else {
        "; cannot be raised from here: CAP_SYS_RESOURCE is missing"
    });
    let severity = if hard < DESCRIPTORS_MIN {
        Severity::Problem
    } else {
        Severity::Warning
    };
    let count = wanted.to_string();
    let words = [("COUNT", count.as_str())];
    let mut finding = view.finding(severity, current).value(hard);
    finding = finding
        .fix(view.command(0, &words))
        .fix(view.command(1, &words));
    if raisable {
        finding = finding.fix(view.command(2, &words));
    }
    vec![finding]
}

fn locked_memory(view: &View<'_>) -> Vec<Finding> {
    let (_, hard) = match process_limit(view, "Max locked memory") {
        Ok(limits) => limits,
        Err(why) => return vec![view.unread(&view.machine.process_file("limits"), &why)],
    };
    if has(view.machine.status("CapEff"), CAP_IPC_LOCK) {
        let current = format!("{}; CAP_IPC_LOCK exempts this process", bytes(hard));
        return vec![view.fine(current).value(hard)];
    }
    if hard >= LOCKED_BYTES_MIN {
        return vec![view.fine(bytes(hard)).value(hard)];
    }
    let allowed = view.machine.status("Cpus_allowed_list");
    let workers = allowed
        .and_then(|list| cpus(&list))
        .map_or(1, |cpus| cpus.len() as u64);
    let needed = workers.saturating_mul(RING_LOCKED_BYTES);
    let current = format!(
        "{}; the rings of {workers} workers lock up to {}",
        bytes(hard),
        bytes(needed)
    );
    let severity = if hard < needed {
        Severity::Warning
    } else {
        Severity::Advice
    };
    let finding = view.finding(severity, current).value(hard);
    vec![finding.fix(view.command(0, &[])).fix(view.command(1, &[]))]
}

fn files(view: &View<'_>) -> Vec<Finding> {
    let path = sysctl_path("fs.file-nr");
    let read = view.machine.read(&path).and_then(|text| numbers(&text));
    let (used, max) = match read.as_deref() {
        Ok([used, _, max]) => (*used, *max),
        Ok(_) => return vec![view.unread(&path, &Unread::garbage("not three numbers"))],
        Err(why) => return vec![view.unread(&path, why)],
    };
    let share = percent(used, max);
    let current = format!("{} of {}", grouped(used), grouped(max));
    if share <= FILES_PERCENT_MAX {
        return vec![view.fine(current).value(used)];
    }
    let count = max.saturating_mul(2).to_string();
    vec![
        view.finding(Severity::Problem, format!("{current}: {share:.0} %"))
            .value(used)
            .fix(view.command(0, &[("COUNT", &count)])),
    ]
}
