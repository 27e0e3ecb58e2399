//! Reads CPU time and memory of processes and cores from `/proc`.
//!
//! Always true here: times of a process are sums over its living threads, in nanoseconds.
//!
//! Not here: what the difference of two readings means (`measure.rs`).

use std::fs;
use std::io;
use std::path::Path;

use rustix::thread::{CpuSet, sched_setaffinity};
use serde::{Deserialize, Serialize};

/// CPU time that a process has taken since it started, or between two readings.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct ProcessUsage {
    /// Exact, by the scheduler's account.
    pub cpu_ns: u64,
    /// Clock ticks: only their proportion is used.
    pub user_ticks: u64,
    /// As those of the user.
    pub system_ticks: u64,
}

impl ProcessUsage {
    /// What was taken since an earlier reading.
    pub fn since(&self, earlier: &Self) -> Self {
        Self {
            cpu_ns: self.cpu_ns.saturating_sub(earlier.cpu_ns),
            user_ticks: self.user_ticks.saturating_sub(earlier.user_ticks),
            system_ticks: self.system_ticks.saturating_sub(earlier.system_ticks),
        }
    }
}

/// Clock ticks of one core since the machine started.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct CoreUsage {
    /// It ran something.
    pub busy_ticks: u64,
    /// The hypervisor gave the core to somebody else.
    pub stolen_ticks: u64,
    /// Busy, stolen and idle ones.
    pub all_ticks: u64,
}

/// Reads a process's times.
pub fn process(id: u32) -> io::Result<ProcessUsage> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat"))?;
    let (user_ticks, system_ticks) = parse_stat(&stat).ok_or_else(|| unreadable("stat"))?;
    let mut cpu_ns = 0;
    for task in fs::read_dir(format!("/proc/{id}/task"))? {
        cpu_ns += thread_ns(&task?.path())?;
    }
    Ok(ProcessUsage {
        cpu_ns,
        user_ticks,
        system_ticks,
    })
}

/// A thread may end between being listed and being read: then it counts nothing.
fn thread_ns(task: &Path) -> io::Result<u64> {
    let text = match fs::read_to_string(task.join("schedstat")) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        text => text?,
    };
    text.split_whitespace()
        .next()
        .and_then(|field| field.parse().ok())
        .ok_or_else(|| unreadable("schedstat"))
}

/// User and system time of `/proc/PID/stat`. The name of the program may contain anything.
fn parse_stat(stat: &str) -> Option<(u64, u64)> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_whitespace().skip(11);
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}

/// Reads a core's times.
pub fn core(index: u32) -> io::Result<CoreUsage> {
    parse_core(&fs::read_to_string("/proc/stat")?, index).ok_or_else(|| unreadable("/proc/stat"))
}

/// The line `cpuN user nice system idle iowait irq softirq steal …`.
fn parse_core(text: &str, index: u32) -> Option<CoreUsage> {
    let name = format!("cpu{index} ");
    let line = text.lines().find_map(|line| line.strip_prefix(&name))?;
    let ticks: Vec<u64> = line
        .split_whitespace()
        .take(8)
        .map_while(|field| field.parse().ok())
        .collect();
    let [
        user,
        nice,
        system,
        idle,
        waiting,
        interrupt,
        soft_interrupt,
        stolen_ticks,
    ] = ticks[..]
    else {
        return None;
    };
    let busy_ticks = user + nice + system + interrupt + soft_interrupt;
    Some(CoreUsage {
        busy_ticks,
        stolen_ticks,
        all_ticks: busy_ticks + idle + waiting + stolen_ticks,
    })
}

/// Memory of a process, in KiB.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Memory {
    /// Shared pages counted by their share.
    pub pss_kib: u64,
    /// Pages that are its own, and that it wrote to.
    pub private_dirty_kib: u64,
}

/// Reads a process's memory.
pub fn memory(id: u32) -> io::Result<Memory> {
    parse_memory(&fs::read_to_string(format!("/proc/{id}/smaps_rollup"))?)
        .ok_or_else(|| unreadable("smaps_rollup"))
}

fn parse_memory(text: &str) -> Option<Memory> {
    let field = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().strip_suffix("kB")?.trim().parse().ok()
    };
    Some(Memory {
        pss_kib: field("Pss:")?,
        private_dirty_kib: field("Private_Dirty:")?,
    })
}

/// Keeps this program, and what it starts without saying otherwise, on one core.
pub fn pin(core: u32) -> io::Result<()> {
    let mut set = CpuSet::new();
    set.set(core as usize);
    sched_setaffinity(None, &set)?;
    Ok(())
}

fn unreadable(what: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("{what} is not as expected"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stat_of_a_process() {
        let fields = "S 1 2 3 4 5 6 7 8 9 10 70 30 0 0 20 0";
        assert_eq!(parse_stat(&format!("42 (server) {fields}")), Some((70, 30)));
        assert_eq!(
            parse_stat(&format!("42 (a) b (c) {fields}")),
            Some((70, 30))
        );
        assert_eq!(parse_stat("42 (server) S 1 2 3 4 5 6 7 8 9 10 70"), None);
        assert_eq!(parse_stat(""), None);
    }

    #[test]
    fn stat_of_a_core() {
        let text =
            "cpu  9 9 9 9 9 9 9 9 0 0\ncpu1 1 2 4 100 1000 8 16 5 0 0\ncpu10 1 1 1 1 1 1 1 1 0 0\n";
        let expected = CoreUsage {
            busy_ticks: 31,
            stolen_ticks: 5,
            all_ticks: 1136,
        };
        assert_eq!(parse_core(text, 1), Some(expected));
        assert_eq!(parse_core(text, 0), None);
        assert_eq!(parse_core("cpu0 1 2 3", 0), None);
    }

    #[test]
    fn memory_of_a_process() {
        let text = "Rss:  20 kB\nPss:    1234 kB\nPss_Dirty: 1 kB\nPrivate_Dirty:  7 kB\n";
        let expected = Memory {
            pss_kib: 1234,
            private_dirty_kib: 7,
        };
        assert_eq!(parse_memory(text), Some(expected));
        assert_eq!(parse_memory("Rss: 20 kB\nPss: 1 kB\n"), None);
    }

    #[test]
    fn this_process_has_used_something() -> io::Result<()> {
        let used = process(std::process::id())?;
        assert!(used.cpu_ns > 0);
        assert_eq!(used.since(&ProcessUsage::default()), used);
        assert_eq!(used.since(&used), ProcessUsage::default());
        assert!(memory(std::process::id())?.pss_kib > 0);
        Ok(())
    }
}
