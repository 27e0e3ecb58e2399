//! What is read of a machine at one moment.

use std::collections::BTreeMap;

use super::super::knob::sysctl_path;
use super::super::machine::Machine;
use super::super::parse::{
    Softnet, counters, meminfo, named_number, numbers, softnet, three_numbers,
};

/// The times of one CPU, in ticks.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Ticks {
    pub(super) user: u64,
    pub(super) system: u64,
    pub(super) softirq: u64,
    pub(super) steal: u64,
    pub(super) idle: u64,
    pub(super) all: u64,
}

/// A moment. What could not be read is absent, and so is its row.
#[derive(Clone, Debug, Default)]
pub(super) struct Sample {
    /// `TcpExt` of `/proc/net/netstat` and `Tcp` of `/proc/net/snmp`.
    pub(super) counters: BTreeMap<String, u64>,
    pub(super) established: Option<u64>,
    pub(super) time_wait: Option<u64>,
    pub(super) time_wait_max: Option<u64>,
    pub(super) orphans: Option<u64>,
    pub(super) orphans_max: Option<u64>,
    pub(super) tcp_pages: Option<u64>,
    /// `tcp_mem`.
    pub(super) tcp_limits: Option<[u64; 3]>,
    pub(super) page_bytes: u64,
    /// One for each CPU.
    pub(super) softnet: Vec<Softnet>,
    pub(super) memory: Option<(u64, u64)>,
    pub(super) files: Option<(u64, u64)>,
    pub(super) tracked: Option<(u64, u64)>,
    pub(super) cpus: BTreeMap<usize, Ticks>,
    pub(super) process: Option<Process>,
}

/// The process that is watched.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Process {
    /// It is still there.
    pub(super) lives: bool,
    /// Descriptors open and at most; `None` if they may not be seen.
    pub(super) files: Option<(u64, u64)>,
    /// Memory in use, in bytes.
    pub(super) resident: Option<u64>,
}

impl Sample {
    /// Reads everything now.
    pub(super) fn read(machine: &Machine, pid: Option<u32>) -> Self {
        let number = |key: &str| machine.number(&sysctl_path(key)).ok();
        let net = |name: &str| machine.read(&machine.net_file(name)).unwrap_or_default();
        let mut counters_now = counters(&net("netstat"), "TcpExt");
        counters_now.extend(counters(&net("snmp"), "Tcp"));
        let sockets = net("sockstat");
        let socket = |name: &str| named_number(&sockets, "TCP", name);
        let memory = machine.read("/proc/meminfo").unwrap_or_default();
        let memory = meminfo(&memory, "MemAvailable").zip(meminfo(&memory, "MemTotal"));
        let limits = machine.read(&sysctl_path("net.ipv4.tcp_mem")).ok();
        let packets = machine.read(&machine.net_file("softnet_stat")).ok();
        let tracked = number("net.netfilter.nf_conntrack_count");
        Self {
            established: counters_now.get("CurrEstab").copied(),
            counters: counters_now,
            time_wait: socket("tw"),
            time_wait_max: number("net.ipv4.tcp_max_tw_buckets"),
            orphans: socket("orphan"),
            orphans_max: number("net.ipv4.tcp_max_orphans"),
            tcp_pages: socket("mem"),
            tcp_limits: limits.and_then(|text| three_numbers(&text).ok()),
            page_bytes: machine.page_bytes(),
            softnet: packets
                .and_then(|text| softnet(&text).ok())
                .unwrap_or_default(),
            memory,
            files: files(machine),
            tracked: tracked.zip(number("net.netfilter.nf_conntrack_max")),
            cpus: cpus(machine),
            process: pid.map(|pid| process(machine, pid)),
        }
    }
}

fn files(machine: &Machine) -> Option<(u64, u64)> {
    let text = machine.read(&sysctl_path("fs.file-nr")).ok()?;
    match numbers(&text).ok()?.as_slice() {
        [used, _, most] => Some((*used, *most)),
        _ => None,
    }
}

fn cpus(machine: &Machine) -> BTreeMap<usize, Ticks> {
    let text = machine.read("/proc/stat").unwrap_or_default();
    let rows = text.lines().filter_map(|line| {
        let (name, times) = line.split_once(' ')?;
        let number = name.strip_prefix("cpu")?.parse().ok()?;
        let times = numbers(times).ok()?;
        let [user, nice, system, idle, wait, irq, softirq, steal, ..] = times.as_slice() else {
            return None;
        };
        let sum = |parts: &[&u64]| {
            let parts = parts.iter();
            parts.fold(0_u64, |sum, part| sum.saturating_add(**part))
        };
        let ticks = Ticks {
            user: sum(&[user, nice]),
            system: sum(&[system, irq]),
            softirq: *softirq,
            steal: *steal,
            idle: sum(&[idle, wait]),
            all: sum(&[user, nice, system, idle, wait, irq, softirq, steal]),
        };
        Some((number, ticks))
    });
    rows.collect()
}

fn process(machine: &Machine, pid: u32) -> Process {
    let limits = machine.read(&format!("/proc/{pid}/limits"));
    let Ok(limits) = limits else {
        let lives = machine.exists(&format!("/proc/{pid}"));
        return Process {
            lives,
            ..Process::default()
        };
    };
    let soft = limits.lines().find_map(|line| {
        let rest = line.strip_prefix("Max open files")?;
        rest.split_whitespace().next()?.parse().ok()
    });
    let open = machine.count(&format!("/proc/{pid}/fd")).ok();
    let status = machine.read(&format!("/proc/{pid}/status"));
    Process {
        lives: true,
        files: open.zip(soft),
        resident: meminfo(&status.unwrap_or_default(), "VmRSS"),
    }
}
