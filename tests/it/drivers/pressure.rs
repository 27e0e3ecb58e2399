//! A control group of the test's own, to read how the kernel judges its process.
//!
//! Not here: what is tested.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

/// This process alone in a control group of version 2, until it is dropped.
pub(super) struct PressureGroup {
    folder: PathBuf,
    before: PathBuf,
}

impl PressureGroup {
    /// `None` where there are no such groups, or none may be made.
    pub(super) fn enter() -> Option<Self> {
        let mounts = fs::read_to_string("/proc/self/mounts").ok()?;
        let mut mounts = mounts
            .lines()
            .map(|line| line.split(' ').collect::<Vec<_>>());
        let mount = mounts.find(|fields| fields.get(2) == Some(&"cgroup2"))?;
        let root = PathBuf::from(mount.get(1)?);
        let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
        let before = groups.lines().find_map(|line| line.strip_prefix("0::/"))?;
        let group = Self {
            folder: root.join(format!("ringlane-test-{}", std::process::id())),
            before: root.join(before),
        };
        fs::create_dir(&group.folder).ok()?;
        let moved = fs::write(group.folder.join("cgroup.procs"), "0");
        let is_told = group.folder.join("io.pressure").exists();
        (moved.is_ok() && is_told).then_some(group)
    }

    /// How long at least one of the group's threads has waited for input or output of a disk.
    pub(super) fn io(&self) -> Duration {
        let text = fs::read_to_string(self.folder.join("io.pressure")).expect("it was there");
        let total = text
            .split_whitespace()
            .find_map(|part| part.strip_prefix("total="));
        let micros = total.expect("a sum").parse().expect("a number");
        Duration::from_micros(micros)
    }
}

impl Drop for PressureGroup {
    fn drop(&mut self) {
        let _ = fs::write(self.before.join("cgroup.procs"), "0");
        let _ = fs::remove_dir(&self.folder);
    }
}
