//! How much CPU time the control groups of this process allow, in CPUs.
//!
//! Always true here:
//! - Of all groups from the process's own to the root of the hierarchy, the smallest quota counts.
//! - What cannot be read is no quota: a start never fails because of it.
//!
//! Not here: how many workers that means (`cpus.rs`).

use std::path::{Path, PathBuf};

/// A CPU bandwidth limit: so much time in each period, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Quota {
    time: u64,
    period: u64,
}

impl Quota {
    #[cfg(test)]
    pub(crate) fn new(time: u64, period: u64) -> Self {
        Self { time, period }
    }

    /// The limit as a number of CPUs, which need not be whole.
    pub(crate) fn cpus(self) -> f64 {
        self.time as f64 / self.period as f64
    }

    /// So many workers can be busy within the limit, the last of them perhaps only in part.
    pub(crate) fn workers(self) -> usize {
        usize::try_from(self.time.div_ceil(self.period)).map_or(usize::MAX, |count| count.max(1))
    }

    /// The quota of this process. `root` is `/`, or a folder that stands for it in tests.
    pub(crate) fn of_process(root: &Path) -> Option<Self> {
        let read = |path: &str| std::fs::read_to_string(root.join(path)).ok();
        let groups = read("proc/self/cgroup")?;
        let mounts = read("proc/self/mountinfo")?;
        let found = groups.lines().filter_map(|line| {
            let mut parts = line.splitn(3, ':');
            let (_, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
            let version = match controllers {
                "" => Version::Two,
                _ if controllers.split(',').any(|name| name == "cpu") => Version::One,
                _ => return None,
            };
            let mount = mounts
                .lines()
                .find_map(|line| Mount::parse(line, version))?;
            smallest(root, &mount, path, version)
        });
        found.min_by(|one, other| one.cpus().total_cmp(&other.cpus()))
    }
}

/// Control groups come in two versions, with files of different names.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Version {
    One,
    Two,
}

/// Where the hierarchy is mounted, and which of its groups is shown there.
struct Mount {
    point: PathBuf,
    shown: PathBuf,
}

impl Mount {
    /// Parses a line of `mountinfo`, if it is the mount of the CPU controller's hierarchy.
    fn parse(line: &str, version: Version) -> Option<Self> {
        let (mount, system) = line.split_once(" - ")?;
        let mut system = system.split(' ');
        let (kind, _source, options) = (system.next()?, system.next()?, system.next()?);
        let is_it = match version {
            Version::Two => kind == "cgroup2",
            Version::One => kind == "cgroup" && options.split(',').any(|name| name == "cpu"),
        };
        let mut mount = mount.split(' ').skip(3);
        let (shown, point) = (mount.next()?, mount.next()?);
        is_it.then(|| Self {
            point: point.into(),
            shown: shown.into(),
        })
    }
}

/// The smallest quota of a group and those around it, as far as they can be seen.
fn smallest(root: &Path, mount: &Mount, group: &str, version: Version) -> Option<Quota> {
    let point = root.join(mount.point.strip_prefix("/").unwrap_or(&mount.point));
    // In a container the mount may show the group itself as its root.
    let below = Path::new(group).strip_prefix(&mount.shown);
    let below = below.unwrap_or_else(|_| Path::new(""));
    let groups = below.ancestors().map(|group| point.join(group));
    let quotas = groups.filter_map(|folder| read_quota(&folder, version));
    quotas.min_by(|one, other| one.cpus().total_cmp(&other.cpus()))
}

fn read_quota(folder: &Path, version: Version) -> Option<Quota> {
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).ok();
    let (time, period) = match version {
        Version::Two => {
            let text = read("cpu.max")?;
            let (time, period) = text.trim().split_once(' ')?;
            (time.parse().ok()?, period.parse().ok()?) // not if it is `max`
        }
        Version::One => {
            let (time, period) = (read("cpu.cfs_quota_us")?, read("cpu.cfs_period_us")?);
            (time.trim().parse().ok()?, period.trim().parse().ok()?) // not if it is -1
        }
    };
    (period > 0 && time > 0).then_some(Quota { time, period })
}

#[cfg(test)]
mod tests;
