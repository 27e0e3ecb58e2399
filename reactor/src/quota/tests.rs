//! Quotas are read from files that look like the kernel's, below a folder of the test's own.

use std::sync::atomic::{AtomicU32, Ordering};

use super::*;

const MOUNT_V2: &str =
    "31 23 0:28 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n";
const MOUNT_V1: &str = "\
    30 23 0:27 / /sys/fs/cgroup/cpuset rw shared:8 - cgroup cgroup rw,cpuset\n\
    31 23 0:28 / /sys/fs/cgroup/cpu,cpuacct rw shared:9 - cgroup cgroup rw,cpu,cpuacct\n";

/// A folder that stands for `/`; removed at the end.
struct Root(PathBuf);

impl Root {
    fn new(files: &[(&str, &str)]) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("ringlane-quota-{}-{count}", std::process::id());
        let root = std::env::temp_dir().join(name);
        for (path, text) in files {
            let path = root.join(path);
            let folder = path.parent().expect("a file lies in a folder");
            std::fs::create_dir_all(folder).expect("a folder of our own");
            std::fs::write(path, text).expect("a file of our own");
        }
        Self(root)
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Checks the quota in CPUs and the workers that it allows; `None` if there is no quota.
#[track_caller]
fn check(files: &[(&str, &str)], expected: Option<(f64, usize)>) {
    let root = Root::new(files);
    let quota = Quota::of_process(&root.0);
    let found = quota.map(|quota| (quota.cpus(), quota.workers()));
    assert_eq!(found, expected, "{files:?}");
}

#[test]
fn a_quota_of_version_two_is_read() {
    let check_max = |max: &str, expected| {
        let group = ("proc/self/cgroup", "0::/app\n");
        let mounts = ("proc/self/mountinfo", MOUNT_V2);
        check(
            &[group, mounts, ("sys/fs/cgroup/app/cpu.max", max)],
            expected,
        );
    };
    check_max("100000 100000\n", Some((1.0, 1)));
    check_max("100001 100000\n", Some((1.000_01, 2)));
    check_max("150000 100000\n", Some((1.5, 2)));
    check_max("1000 100000\n", Some((0.01, 1)));
    check_max("max 100000\n", None);
    check_max("0 100000\n", None);
    check_max("100000 0\n", None);
    check_max("100000\n", None);
    check_max("", None);
    check_max("-1 100000\n", None);
}

#[test]
fn a_quota_of_version_one_is_read() {
    let check_times = |quota: &str, period: &str, expected| {
        let group = ("proc/self/cgroup", "3:cpuset:/\n2:cpu,cpuacct:/app\n");
        let mounts = ("proc/self/mountinfo", MOUNT_V1);
        let quota = ("sys/fs/cgroup/cpu,cpuacct/app/cpu.cfs_quota_us", quota);
        let period = ("sys/fs/cgroup/cpu,cpuacct/app/cpu.cfs_period_us", period);
        check(&[group, mounts, quota, period], expected);
    };
    check_times("250000\n", "100000\n", Some((2.5, 3)));
    check_times("-1\n", "100000\n", None);
    check_times("100000\n", "0\n", None);
}

#[test]
fn the_smallest_quota_on_the_way_to_the_root_counts() {
    let base = [
        ("proc/self/cgroup", "0::/slice/pod/app\n"),
        ("proc/self/mountinfo", MOUNT_V2),
    ];
    let quotas = |own, pod, slice| {
        [
            &base[..],
            &[
                ("sys/fs/cgroup/slice/pod/app/cpu.max", own),
                ("sys/fs/cgroup/slice/pod/cpu.max", pod),
                ("sys/fs/cgroup/slice/cpu.max", slice),
            ],
        ]
        .concat()
    };
    let none = "max 100000";
    check(&quotas(none, "200000 100000", none), Some((2.0, 2)));
    check(
        &quotas("400000 100000", "200000 100000", none),
        Some((2.0, 2)),
    );
    check(&quotas("100000 100000", none, none), Some((1.0, 1)));
    check(&quotas(none, none, "10000 20000"), Some((0.5, 1)));
    check(&quotas(none, none, none), None);
}

#[test]
fn in_a_container_the_mount_shows_the_group_as_its_root() {
    let shown = "31 23 0:28 /docker/abc /sys/fs/cgroup/cpu ro - cgroup cgroup rw,cpu\n";
    let files = |group| {
        [
            ("proc/self/cgroup", group),
            ("proc/self/mountinfo", shown),
            ("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "150000"),
            ("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000"),
        ]
    };
    check(&files("4:cpu:/docker/abc\n"), Some((1.5, 2)));
    check(&files("4:cpu:/docker/abc/inner\n"), Some((1.5, 2)));
    // A namespace of its own, whose paths begin elsewhere.
    check(&files("4:cpu:/\n"), Some((1.5, 2)));
}

#[test]
fn of_both_versions_the_smaller_quota_counts() {
    let mounts = [MOUNT_V1, MOUNT_V2].concat();
    let files = |second| {
        [
            ("proc/self/cgroup", "2:cpu,cpuacct:/app\n0::/app\n"),
            ("proc/self/mountinfo", mounts.as_str()),
            ("sys/fs/cgroup/cpu,cpuacct/app/cpu.cfs_quota_us", "300000"),
            ("sys/fs/cgroup/cpu,cpuacct/app/cpu.cfs_period_us", "100000"),
            ("sys/fs/cgroup/app/cpu.max", second),
        ]
    };
    check(&files("max 100000"), Some((3.0, 3)));
    check(&files("200000 100000"), Some((2.0, 2)));
}

#[test]
fn what_cannot_be_read_is_no_quota() {
    check(&[], None);
    check(&[("proc/self/cgroup", "0::/app\n")], None);
    check(
        &[
            ("proc/self/cgroup", "nonsense\n\n:\n0::\n"),
            ("proc/self/mountinfo", "nonsense\n - \na b - cgroup2\n"),
        ],
        None,
    );
    check(
        &[
            ("proc/self/cgroup", "0::/app\n"),
            ("proc/self/mountinfo", MOUNT_V2),
        ],
        None,
    );
}
