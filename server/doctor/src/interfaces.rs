//! Network interfaces: their queues, interrupts, steering and losses.
//!
//! Always true here:
//! - Only interfaces with a device behind them are looked at: loopback, bridges and veth have no
//!   queue that could be steered.

use std::collections::BTreeSet;

use super::cpu;
use super::knob::{Change, Finding, Severity, View};
use super::machine::Unread;
use super::parse::{cpu_mask, cpus, grouped, is_empty_mask, percent};

/// Rarer than this it was one bad moment since boot.
const DROPS_PERCENT: f64 = 0.01;

const NET: &str = "/sys/class/net";

/// The interfaces with a device that are up.
pub(super) fn physical(view: &View<'_>) -> Result<Vec<String>, Unread> {
    let mut names = view.machine.list(NET)?;
    names.retain(|name| {
        let state = view.machine.read(&format!("{NET}/{name}/operstate"));
        let is_down = matches!(state.as_deref(), Ok("down" | "notpresent"));
        view.machine.exists(&format!("{NET}/{name}/device")) && !is_down
    });
    Ok(names)
}

/// Runs a check for each of them.
fn each(view: &View<'_>, check: fn(&View<'_>, &str) -> Finding) -> Vec<Finding> {
    match physical(view) {
        Ok(names) => names
            .iter()
            .map(|name| check(view, name).about(name))
            .collect(),
        Err(why) => vec![view.unread(NET, &why)],
    }
}

/// The queues of one sort, `rx-` or `tx-`.
fn queue_names(view: &View<'_>, device: &str, sort: &str) -> Result<Vec<String>, Unread> {
    let mut names = view.machine.list(&format!("{NET}/{device}/queues"))?;
    names.retain(|name| name.starts_with(sort));
    Ok(names)
}

/// The queues of one sort whose mask of CPUs, in the file of that name, is set; `None` where the
/// kernel has no such file.
fn steered(view: &View<'_>, device: &str, sort: &str, file: &str) -> Result<Option<usize>, Unread> {
    let mut count = 0;
    for queue in queue_names(view, device, sort)? {
        match view
            .machine
            .read(&format!("{NET}/{device}/queues/{queue}/{file}"))
        {
            Ok(mask) => count += usize::from(!is_empty_mask(&mask)),
            Err(Unread::Missing) => return Ok(None),
            Err(why) => return Err(why),
        }
    }
    Ok(Some(count))
}

pub(super) fn queues(view: &View<'_>) -> Vec<Finding> {
    match physical(view) {
        Ok(names) if names.is_empty() => {
            let why = "no network interface with a device is visible in this namespace";
            vec![view.unread(NET, &Unread::Other(why.to_owned()))]
        }
        _ => each(view, queues_of),
    }
}

fn queues_of(view: &View<'_>, device: &str) -> Finding {
    let (receive, usable) = match (queue_names(view, device, "rx-"), cpu::usable(view)) {
        (Ok(receive), Ok(usable)) => (receive, usable),
        (Err(why), _) | (_, Err(why)) => return view.unread(&format!("{NET}/{device}"), &why),
    };
    let count = receive.len();
    let rps = steered(view, device, "rx-", "rps_cpus").ok().flatten();
    let steers = rps.is_some_and(|steered| steered > 0 && steered == count);
    let mut current = match count {
        1 => format!("one queue for {} CPUs", usable.len()),
        _ => format!("{count} queues for {} CPUs", usable.len()),
    };
    if count >= usable.len() || steers {
        if steers {
            current.push_str(", steered by RPS");
        }
        return view.fine(current).value(count);
    }
    let mask = cpu_mask(&usable);
    let wanted = usable.len().to_string();
    let words = [("DEV", device), ("COUNT", &wanted), ("MASK", &mask)];
    let finding = view
        .finding(view.warning_if_dedicated(), current)
        .value(count)
        .fix(view.command(0, &words));
    if count > 1 || rps.is_none() {
        return finding;
    }
    let finding = finding.fix(view.command(1, &words));
    if !view.is_dedicated() {
        return finding;
    }
    finding.change(Change::File {
        path: format!("{NET}/{device}/queues/rx-0/rps_cpus"),
        value: mask,
    })
}

/// The interrupts of an interface that have happened, each with the CPUs that take it.
fn active_irqs(view: &View<'_>, device: &str) -> Result<Vec<(String, Vec<usize>)>, Unread> {
    let folders = ["device/msi_irqs", "device/../msi_irqs"];
    let lists = folders.map(|folder| view.machine.list(&format!("{NET}/{device}/{folder}")));
    let irqs = lists
        .into_iter()
        .find_map(Result::ok)
        .ok_or(Unread::Missing)?;
    let table = view.machine.read("/proc/interrupts")?;
    let mut active = Vec::new();
    for irq in irqs {
        if count_of(&table, &irq) == 0 {
            continue;
        }
        let path = |file: &str| format!("/proc/irq/{irq}/{file}");
        let list = view
            .machine
            .read(&path("effective_affinity_list"))
            .or_else(|_| view.machine.read(&path("smp_affinity_list")))?;
        active.push((irq, cpus(&list)?));
    }
    Ok(active)
}

/// How often an interrupt has happened, on all CPUs.
fn count_of(table: &str, irq: &str) -> u64 {
    let row = table
        .lines()
        .find_map(|line| line.trim_start().strip_prefix(irq)?.strip_prefix(':'));
    let counts = row.unwrap_or_default().split_whitespace();
    counts
        .map_while(|word| word.parse::<u64>().ok())
        .fold(0, u64::saturating_add)
}

pub(super) fn interrupts(view: &View<'_>) -> Vec<Finding> {
    each(view, interrupts_of)
}

fn interrupts_of(view: &View<'_>, device: &str) -> Finding {
    let (irqs, usable) = match (active_irqs(view, device), cpu::usable(view)) {
        (Ok(irqs), Ok(usable)) => (irqs, usable),
        (Err(why), _) | (_, Err(why)) => {
            return view.unread(&format!("interrupts of {device}"), &why);
        }
    };
    let taking: BTreeSet<usize> = irqs.iter().flat_map(|(_, cpus)| cpus.clone()).collect();
    let list: Vec<String> = taking.iter().map(usize::to_string).collect();
    let current = format!("{} active, on CPU {}", irqs.len(), list.join(", "));
    let most = irqs.len().min(usable.len());
    let enough = if view.is_dedicated() {
        most
    } else {
        most.min(2)
    };
    if taking.len() >= enough {
        return view.fine(current);
    }
    let mut finding = view.finding(view.warning_if_dedicated(), current);
    for ((irq, _), cpu) in irqs.iter().zip(usable.iter().cycle()) {
        let cpu = cpu.to_string();
        finding = finding
            .fix(view.command(0, &[("CPU", &cpu), ("IRQ", irq)]))
            .change(Change::File {
                path: format!("/proc/irq/{irq}/smp_affinity_list"),
                value: cpu,
            });
    }
    finding
}

pub(super) fn rps(view: &View<'_>) -> Vec<Finding> {
    each(view, rps_of)
}

fn rps_of(view: &View<'_>, device: &str) -> Finding {
    let names = queue_names(view, device, "rx-");
    let (names, steered) = match (names, steered(view, device, "rx-", "rps_cpus")) {
        (Ok(names), Ok(steered)) => (names, steered),
        (Err(why), _) | (_, Err(why)) => return view.unread(&format!("{NET}/{device}"), &why),
    };
    let Some(steered) = steered else {
        return view.fine("not in this kernel");
    };
    let current = match steered {
        0 => "off".to_owned(),
        _ => format!("on for {steered} of {} queues", names.len()),
    };
    let usable = cpu::usable(view).map_or(1, |cpus| cpus.len());
    if steered == 0 || names.len() < usable {
        return view.fine(current);
    }
    let mut finding = view.finding(Severity::Advice, current);
    for queue in &names {
        let number = queue.trim_start_matches("rx-");
        finding = finding
            .fix(view.command(0, &[("DEV", device), ("QUEUE", number)]))
            .change(Change::File {
                path: format!("{NET}/{device}/queues/{queue}/rps_cpus"),
                value: "0".to_owned(),
            });
    }
    finding
}

pub(super) fn xps(view: &View<'_>) -> Vec<Finding> {
    each(view, xps_of)
}

fn xps_of(view: &View<'_>, device: &str) -> Finding {
    let names = match queue_names(view, device, "tx-") {
        Ok(names) => names,
        Err(why) => return view.unread(&format!("{NET}/{device}"), &why),
    };
    if names.len() < 2 {
        return view.fine("one transmit queue: nothing to steer");
    }
    let steered = match steered(view, device, "tx-", "xps_cpus") {
        Ok(Some(steered)) => steered,
        Ok(None) => return view.fine("not in this kernel"),
        Err(why) => return view.unread(&format!("{NET}/{device}"), &why),
    };
    let current = format!("set for {steered} of {} transmit queues", names.len());
    if steered == names.len() || !view.is_dedicated() {
        return view.fine(current);
    }
    let usable = cpu::usable(view).unwrap_or_default();
    let mut finding = view.finding(Severity::Advice, current);
    for (at, queue) in names.iter().enumerate() {
        let own: Vec<usize> = usable
            .iter()
            .copied()
            .skip(at)
            .step_by(names.len())
            .collect();
        let (mask, number) = (cpu_mask(&own), queue.trim_start_matches("tx-"));
        if own.is_empty() {
            continue;
        }
        let words = [("DEV", device), ("QUEUE", number), ("MASK", mask.as_str())];
        finding = finding.fix(view.command(0, &words)).change(Change::File {
            path: format!("{NET}/{device}/queues/{queue}/xps_cpus"),
            value: mask,
        });
    }
    finding
}

pub(super) fn drops(view: &View<'_>) -> Vec<Finding> {
    each(view, drops_of)
}

fn drops_of(view: &View<'_>, device: &str) -> Finding {
    let number = |name: &str| {
        view.machine
            .number(&format!("{NET}/{device}/statistics/{name}"))
    };
    let packets = match number("rx_packets") {
        Ok(packets) => packets,
        Err(why) => return view.unread(&format!("{NET}/{device}/statistics"), &why),
    };
    // `rx_dropped` counts packets that nobody wanted too, so it says nothing of limits.
    let lost = ["rx_missed_errors", "rx_fifo_errors"].map(|name| number(name).unwrap_or_default());
    let lost = lost.iter().fold(0_u64, |sum, one| sum.saturating_add(*one));
    let share = percent(lost, packets);
    let current = format!("{} of {} received", grouped(lost), grouped(packets));
    let severity = match lost {
        0 => return view.fine(current).value(lost),
        _ if share >= DROPS_PERCENT => Severity::Warning,
        _ => Severity::Advice,
    };
    let finding = view.finding(severity, current).value(lost);
    finding.fix(view.command(0, &[("DEV", device)]))
}

pub(super) fn irqbalance(view: &View<'_>) -> Vec<Finding> {
    let processes = match view.machine.list("/proc") {
        Ok(names) => names,
        Err(why) => return vec![view.unread("/proc", &why)],
    };
    let runs = processes
        .iter()
        .filter(|name| name.chars().all(|digit| digit.is_ascii_digit()))
        .any(|id| view.machine.read(&format!("/proc/{id}/comm")).as_deref() == Ok("irqbalance"));
    let current = if runs { "running" } else { "not seen" };
    if runs && view.is_dedicated() {
        let finding = view.finding(Severity::Advice, current);
        return vec![finding.fix(view.command(0, &[]))];
    }
    vec![view.fine(current)]
}

pub(super) fn packet_sockets(view: &View<'_>) -> Vec<Finding> {
    let path = view.machine.net_file("packet");
    let count = match view.machine.read(&path) {
        Ok(text) => text.lines().count().saturating_sub(1),
        Err(why) => return vec![view.unread(&path, &why)],
    };
    if count == 0 || !view.is_dedicated() {
        return vec![view.fine(count.to_string()).value(count)];
    }
    let finding = view
        .finding(Severity::Advice, count.to_string())
        .value(count);
    vec![finding.fix(view.command(0, &[]))]
}
