//! The limits of the control group that a process is in, and of the groups around it.
//!
//! Always true here:
//! - Of all groups on the way to the root the tightest limit is told, with what was used of it.
//! - Both versions are read: v2, and v1 where a controller is still mounted that way.

use super::machine::{Machine, Unread};
use super::parse::{limit, numbers};

/// Groups deeper than this are not looked at; systemd and Kubernetes nest fewer than ten.
const DEPTH_MAX: usize = 64;
/// Limits as high as this are v1's way to say that there is none.
const NONE_FROM: u64 = 1 << 62;

const MOUNT: &str = "/sys/fs/cgroup";

/// CPU time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct CpuLimit {
    pub(super) cpus: f64,
    /// Periods in which the group had to stand still.
    pub(super) throttled: u64,
}

/// Something that is counted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Limit {
    pub(super) used: u64,
    pub(super) most: u64,
    /// How often the limit was hit.
    pub(super) hits: u64,
}

/// The folders of the process's group and of those around it, innermost first, and the version.
fn folders(machine: &Machine, controller: &str) -> Result<(Vec<String>, u8), Unread> {
    let text = machine.read(&machine.process_file("cgroup"))?;
    let entry = |wanted: &str| {
        text.lines().find_map(|line| {
            let mut parts = line.splitn(3, ':');
            let (_, names, path) = (parts.next()?, parts.next()?, parts.next()?);
            let found = names.split(',').any(|name| name == wanted);
            found.then(|| path.to_owned())
        })
    };
    let v1 = entry(controller).map(|path| (format!("{MOUNT}/{controller}"), path, 1));
    let found = v1.or_else(|| entry("").map(|path| (MOUNT.to_owned(), path, 2)));
    let (mount, path, version) = found.ok_or_else(|| Unread::garbage(&text))?;
    let mut parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    parts.truncate(DEPTH_MAX);
    let mut folders = Vec::new();
    loop {
        folders.push(format!("{mount}/{}", parts.join("/")));
        if parts.pop().is_none() {
            return Ok((folders, version));
        }
    }
}

/// A number behind its name in a file of lines.
fn named(machine: &Machine, path: &str, name: &str) -> u64 {
    let text = machine.read(path).unwrap_or_default();
    let value = text.lines().find_map(|line| {
        let (key, value) = line.split_once(' ')?;
        (key == name).then(|| value.trim().parse().ok()).flatten()
    });
    value.unwrap_or_default()
}

/// The tightest limit on CPU time, if there is one.
pub(super) fn cpu(machine: &Machine) -> Result<Option<CpuLimit>, Unread> {
    let (folders, version) = folders(machine, "cpu")?;
    let mut tightest: Option<CpuLimit> = None;
    for folder in folders {
        let quota = match version {
            1 => [
                format!("{folder}/cpu.cfs_quota_us"),
                format!("{folder}/cpu.cfs_period_us"),
            ]
            .map(|path| machine.number(&path).ok()),
            _ => machine
                .read(&format!("{folder}/cpu.max"))
                .ok()
                .and_then(|text| numbers(&text).ok())
                .map_or([None, None], |numbers| {
                    [numbers.first().copied(), numbers.get(1).copied()]
                }),
        };
        let [Some(quota), Some(period @ 1..)] = quota else {
            continue;
        };
        let cpus = quota as f64 / period as f64;
        if tightest.is_none_or(|limit| cpus < limit.cpus) {
            let throttled = named(machine, &format!("{folder}/cpu.stat"), "nr_throttled");
            tightest = Some(CpuLimit { cpus, throttled });
        }
    }
    Ok(tightest)
}

/// The names of the files of one controller.
struct Files {
    controller: &'static str,
    most: [&'static str; 2],
    used: [&'static str; 2],
    /// The file and the line in it that count how often the limit was hit.
    hits: [(&'static str, &'static str); 2],
    /// The same for what is used but can be had back at once.
    spare: [(&'static str, &'static str); 2],
}

/// The group that is fullest, among those with a limit.
fn fullest(machine: &Machine, files: &Files) -> Result<Option<Limit>, Unread> {
    let (folders, version) = folders(machine, files.controller)?;
    let at = usize::from(version == 2);
    let mut fullest: Option<Limit> = None;
    for folder in folders {
        let read = |name: &str| {
            let text = machine.read(&format!("{folder}/{name}")).ok()?;
            limit(&text).ok()
        };
        let (Some(most), Some(used)) = (read(files.most[at]), read(files.used[at])) else {
            continue;
        };
        if most >= NONE_FROM {
            continue;
        }
        let fill = |limit: &Limit| limit.used as f64 / limit.most.max(1) as f64;
        let count = |(file, line): (&str, &str)| named(machine, &format!("{folder}/{file}"), line);
        let one = Limit {
            used: used.saturating_sub(count(files.spare[at])),
            most,
            hits: count(files.hits[at]),
        };
        if fullest.is_none_or(|limit| fill(&limit) < fill(&one)) {
            fullest = Some(one);
        }
    }
    Ok(fullest)
}

/// Memory, without files in the page cache that nobody has used lately: the kernel takes their
/// room before it refuses any.
pub(super) fn memory(machine: &Machine) -> Result<Option<Limit>, Unread> {
    let files = Files {
        controller: "memory",
        most: ["memory.limit_in_bytes", "memory.max"],
        used: ["memory.usage_in_bytes", "memory.current"],
        hits: [
            ("memory.oom_control", "oom_kill"),
            ("memory.events", "oom_kill"),
        ],
        spare: [
            ("memory.stat", "total_inactive_file"),
            ("memory.stat", "inactive_file"),
        ],
    };
    fullest(machine, &files)
}

/// Threads.
pub(super) fn threads(machine: &Machine) -> Result<Option<Limit>, Unread> {
    let files = Files {
        controller: "pids",
        most: ["pids.max", "pids.max"],
        used: ["pids.current", "pids.current"],
        hits: [("pids.events", "max"), ("pids.events", "max")],
        spare: [("pids.events", ""), ("pids.events", "")],
    };
    fullest(machine, &files)
}
