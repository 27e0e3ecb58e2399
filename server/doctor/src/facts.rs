//! What the machine is, in one line.

use super::containers;
use super::kernel::release;
use super::knob::clean;
use super::machine::Machine;
use super::parse::{bytes, cpus, meminfo};

/// What was found out about the machine itself; `None` is what could not be read.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Facts {
    /// The kernel's release, as `uname -r` has it.
    pub kernel: Option<String>,
    /// CPUs that are online.
    pub cpus: Option<usize>,
    /// Memory in bytes.
    pub memory: Option<u64>,
    /// The kind of container that this runs in.
    pub container: Option<String>,
    /// Whether this process is root, so that nothing is hidden from it.
    pub is_root: bool,
}

impl Facts {
    pub(super) fn read(machine: &Machine) -> Self {
        let online = machine.read("/sys/devices/system/cpu/online").ok();
        let memory = machine.read("/proc/meminfo").ok();
        let user = machine.own_status("Uid").unwrap_or_default();
        Self {
            kernel: release(machine),
            cpus: online
                .and_then(|list| cpus(&list).ok())
                .map(|cpus| cpus.len()),
            memory: memory.and_then(|text| meminfo(&text, "MemTotal")),
            container: containers::kind(machine),
            is_root: user.split_whitespace().nth(1) == Some("0"),
        }
    }

    /// For the head of a report.
    pub(super) fn line(&self) -> String {
        let unknown = || "unknown".to_owned();
        let kernel = self.kernel.clone().unwrap_or_else(unknown);
        let cpus = self.cpus.map_or_else(unknown, |count| count.to_string());
        let word = if self.cpus == Some(1) { "CPU" } else { "CPUs" };
        let memory = self.memory.map_or_else(unknown, bytes);
        let mut line = format!("Linux {kernel}, {cpus} {word}, {memory} of memory");
        if let Some(container) = &self.container {
            line.push_str(&format!(", in a container ({container})"));
        }
        line.push_str(if self.is_root {
            ", as root"
        } else {
            ", not as root: what that hides is listed as not read"
        });
        clean(&line)
    }
}
