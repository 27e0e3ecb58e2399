//! Describes the machine and the versions that a result was measured with.
//!
//! Always true here: what cannot be read is absent, never guessed. Nothing names a user or a
//! folder.
//!
//! Not here: figures.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;

use rustix::thread::sched_getaffinity;
use serde::{Deserialize, Serialize};

/// Packages of the peers whose versions matter to their figures.
const PEER_PACKAGES: [&str; 5] = ["actix-web", "hyper", "io-uring", "mimalloc", "tokio"];

/// The machine block of a report.
#[derive(Debug, Deserialize, Serialize)]
pub struct Machine {
    /// The processor's name.
    pub cpu: Option<String>,
    /// Those that this program may use.
    pub cores: usize,
    memory_mib: Option<u64>,
    /// A hypervisor is below, and may take time away.
    pub virtual_machine: bool,
    /// The kernel's release.
    pub kernel: Option<String>,
    mitigations: BTreeMap<String, String>,
    /// That of TCP.
    pub congestion_control: Option<String>,
    loopback_mtu: Option<u32>,
    governor: Option<String>,
    somaxconn: Option<u32>,
    load_average: Option<String>,
    versions: BTreeMap<String, String>,
    commit: Option<String>,
    uncommitted_changes: Option<bool>,
}

/// Reads all of it.
pub fn describe(root: &Path) -> Machine {
    let cpuinfo = read("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        let line = cpuinfo.lines().find(|line| line.starts_with(name))?;
        line.split_once(':')
            .map(|(_, value)| value.trim().to_owned())
    };
    Machine {
        cpu: field("model name"),
        cores: std::thread::available_parallelism()
            .map_or(0, usize::from)
            .max(cpuinfo.matches("processor\t").count()),
        memory_mib: memory_mib(),
        virtual_machine: field("flags")
            .is_some_and(|flags| flags.split(' ').any(|flag| flag == "hypervisor")),
        kernel: read("/proc/sys/kernel/osrelease"),
        mitigations: mitigations(),
        congestion_control: read("/proc/sys/net/ipv4/tcp_congestion_control"),
        loopback_mtu: read_number("/sys/class/net/lo/mtu"),
        governor: read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
        somaxconn: read_number("/proc/sys/net/core/somaxconn"),
        load_average: read("/proc/loadavg"),
        versions: versions(root),
        commit: output("git", &["rev-parse", "HEAD"], root),
        // What is measured is committed; notes and results beside it do not matter.
        uncommitted_changes: output(
            "git",
            &["status", "--porcelain", "--untracked-files=no"],
            root,
        )
        .map(|changes| !changes.is_empty()),
    }
}

/// Whether this program may use the two cores it is to share out.
pub fn check_cores(server: u32, load: u32) -> io::Result<()> {
    let allowed = sched_getaffinity(None)?;
    for core in [server, load] {
        if !allowed.is_set(core as usize) {
            let message =
                format!("core {core} is not there for us: see --server-core and --load-core");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
    }
    Ok(())
}

fn read(path: &str) -> Option<String> {
    fs::read_to_string(path)
        .ok()
        .map(|text| text.trim().to_owned())
}

fn read_number(path: &str) -> Option<u32> {
    read(path)?.parse().ok()
}

fn memory_mib() -> Option<u64> {
    let meminfo = read("/proc/meminfo")?;
    let line = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib / 1024)
}

/// What the kernel says of each weakness of the CPU.
fn mitigations() -> BTreeMap<String, String> {
    let Ok(folder) = fs::read_dir("/sys/devices/system/cpu/vulnerabilities") else {
        return BTreeMap::new();
    };
    let entries = folder.filter_map(Result::ok);
    let pairs = entries.filter_map(|entry| {
        let state = fs::read_to_string(entry.path()).ok()?;
        Some((
            entry.file_name().to_string_lossy().into_owned(),
            state.trim().to_owned(),
        ))
    });
    pairs.collect()
}

fn versions(root: &Path) -> BTreeMap<String, String> {
    let mut versions = BTreeMap::new();
    let lock = fs::read_to_string(root.join("bench/peers/Cargo.lock")).unwrap_or_default();
    for package in PEER_PACKAGES {
        if let Some(version) = locked_version(&lock, package) {
            versions.insert(package.to_owned(), version.to_owned());
        }
    }
    let tools = [("rustc", "--version"), ("wrk", "-v")];
    for (tool, flag) in tools {
        if let Some(text) = output(tool, &[flag], root) {
            versions.insert(
                tool.to_owned(),
                text.lines().next().unwrap_or_default().trim().to_owned(),
            );
        }
    }
    versions
}

/// The version that a lock file holds of a package.
fn locked_version<'a>(lock: &'a str, package: &str) -> Option<&'a str> {
    let name = format!("name = \"{package}\"");
    let mut lines = lock.lines().skip_while(|line| *line != name);
    lines
        .nth(1)?
        .strip_prefix("version = \"")?
        .strip_suffix('"')
}

/// What a command prints. wrk gives its version with an exit code that says failure.
fn output(program: &str, arguments: &[&str], root: &Path) -> Option<String> {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(root)
        .output()
        .ok()?;
    let succeeded = output.status.success() || program == "wrk";
    succeeded.then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_a_lock_file() {
        let lock = "[[package]]\nname = \"hyper-util\"\nversion = \"0.1.21\"\n\n[[package]]\nname = \"hyper\"\nversion = \"1.12.0\"\n";
        assert_eq!(locked_version(lock, "hyper"), Some("1.12.0"));
        assert_eq!(locked_version(lock, "actix-web"), None);
        assert_eq!(locked_version("name = \"hyper\"\n", "hyper"), None);
    }
}
