//! Bad states of the rest: congestion control, netfilter, security, io_uring, containers.

use super::super::super::knob::Profile::{Benchmark, Dedicated, Safe};
use super::super::super::knob::Severity::{Advice, Fine, Problem, Unread, Warning};
use super::{CAPABLE, Case, ONE_CPU};

const TC_MQ: &str = r#"[{"kind":"mq","handle":"0:","dev":"eth0","root":true},
    {"kind":"fq_codel","handle":"0:","dev":"eth0","parent":":1"}]"#;

pub(super) const CASES: &[Case] = &[
    (
        "net.ipv4.tcp_congestion_control",
        Benchmark,
        &[("proc/sys/net/ipv4/tcp_congestion_control", "bbr")],
        Advice,
        "bbr (of reno, bbr, cubic)",
    ),
    (
        "net.core.default_qdisc",
        Safe,
        &[("proc/sys/net/ipv4/tcp_congestion_control", "bbr")],
        Advice,
        "fq_codel, with bbr",
    ),
    (
        "net.core.default_qdisc",
        Safe,
        &[
            ("proc/sys/net/ipv4/tcp_congestion_control", "bbr"),
            (
                "boot/config-6.12.0-fake",
                "# CONFIG_NET_SCH_FQ is not set\n",
            ),
        ],
        Fine,
        "this kernel has no fq",
    ),
    (
        "qdisc",
        Safe,
        &[("proc/sys/net/ipv4/tcp_congestion_control", "bbr")],
        Warning,
        "fq_codel: bbr without fq",
    ),
    (
        "qdisc",
        Safe,
        &[
            ("proc/sys/net/ipv4/tcp_congestion_control", "bbr"),
            (
                "boot/config-6.12.0-fake",
                "# CONFIG_NET_SCH_FQ is not set\n",
            ),
        ],
        Warning,
        "this kernel has none",
    ),
    (
        "qdisc",
        Safe,
        &[
            ("proc/sys/net/ipv4/tcp_congestion_control", "bbr"),
            ("commands/tc -j qdisc show", TC_MQ),
        ],
        Warning,
        "mq with fq_codel: bbr without fq",
    ),
    (
        "qdisc",
        Safe,
        &[("commands/tc -j qdisc show", "")],
        Unread,
        "tc -j qdisc show",
    ),
    (
        "qdisc",
        Safe,
        &[("commands/tc -j qdisc show", "[]")],
        Unread,
        "lists none for eth0",
    ),
    (
        "net.netfilter.nf_conntrack_max",
        Dedicated,
        &[("proc/sys/net/netfilter/nf_conntrack_max", "262144")],
        Advice,
        "262,144",
    ),
    (
        "net.netfilter.nf_conntrack_max",
        Dedicated,
        &[("proc/sys/net/netfilter", "")],
        Fine,
        "not loaded",
    ),
    (
        "conntrack.fill",
        Safe,
        &[("proc/sys/net/netfilter/nf_conntrack_count", "600000")],
        Warning,
        "57 %",
    ),
    (
        "conntrack.fill",
        Safe,
        &[("proc/sys/net/netfilter/nf_conntrack_count", "1048576")],
        Problem,
        "100 %",
    ),
    (
        "conntrack.drops",
        Safe,
        &[(
            "proc/net/stat/nf_conntrack",
            "entries drop early_drop\n0 0000000a 0\n0 00000001 2\n",
        )],
        Warning,
        "11 dropped, 2 entries evicted",
    ),
    (
        "mitigations",
        Safe,
        &[(
            "sys/devices/system/cpu/vulnerabilities/retbleed",
            "Vulnerable",
        )],
        Advice,
        "1 open (retbleed)",
    ),
    (
        "mitigations",
        Safe,
        &[("proc/cmdline", "quiet mitigations=off")],
        Warning,
        "mitigations=off",
    ),
    (
        "mitigations",
        Dedicated,
        &[("proc/cmdline", "mitigations=off")],
        Advice,
        "mitigations=off",
    ),
    (
        "thp",
        Safe,
        &[(
            "sys/kernel/mm/transparent_hugepage/enabled",
            "[always] madvise never",
        )],
        Advice,
        "always",
    ),
    (
        "kernel.io_uring_disabled",
        Safe,
        &[("proc/sys/kernel/io_uring_disabled", "2")],
        Warning,
        "2",
    ),
    (
        "kernel.io_uring_disabled",
        Safe,
        &[
            ("proc/sys/kernel/io_uring_disabled", "1"),
            ("proc/sys/kernel/io_uring_group", "-1"),
        ],
        Warning,
        "1",
    ),
    (
        "kernel.io_uring_disabled",
        Safe,
        &[
            ("proc/sys/kernel/io_uring_disabled", "1"),
            ("proc/sys/kernel/io_uring_group", "977"),
        ],
        Fine,
        "group 977",
    ),
    (
        "kernel.release",
        Safe,
        &[("proc/sys/kernel/osrelease", "5.19.0-50")],
        Warning,
        "5.19.0-50",
    ),
    (
        "kernel.release",
        Safe,
        &[("proc/sys/kernel/osrelease", "6.0.1")],
        Advice,
        "6.0.1",
    ),
    (
        "seccomp",
        Safe,
        &[("proc/self/status", ONE_CPU)],
        Warning,
        "strict",
    ),
    (
        "seccomp",
        Benchmark,
        &[("proc/self/status", CAPABLE)],
        Advice,
        "3 filters",
    ),
    (
        "tls.kernel",
        Safe,
        &[("proc/sys/net/ipv4/tcp_available_ulp", "mptcp")],
        Advice,
        "a module that is not loaded",
    ),
    (
        "tls.kernel",
        Safe,
        &[
            ("proc/sys/net/ipv4/tcp_available_ulp", "mptcp"),
            ("boot/config-6.12.0-fake", "CONFIG_NET=y\n"),
        ],
        Advice,
        "built without it",
    ),
    (
        "container",
        Safe,
        &[("run/systemd/container", "podman")],
        Fine,
        "podman",
    ),
    (
        "container",
        Safe,
        &[("proc/1/environ", "A=b\0container=lxc\0")],
        Fine,
        "lxc",
    ),
    (
        "cgroup.cpu",
        Safe,
        &[("sys/fs/cgroup/system.slice/cpu.max", "50000 100000")],
        Warning,
        "0.50 CPUs for 2 workers",
    ),
    (
        "cgroup.cpu",
        Safe,
        &[
            ("sys/fs/cgroup/system.slice/cpu.max", "150000 100000"),
            (
                "sys/fs/cgroup/system.slice/cpu.stat",
                "nr_periods 9\nnr_throttled 7\n",
            ),
        ],
        Problem,
        "1.50 CPUs for 2 workers; held back 7 times",
    ),
    (
        "cgroup.cpu",
        Safe,
        &[
            ("proc/self/cgroup", "4:cpu,cpuacct:/a\n0::/\n"),
            ("sys/fs/cgroup/cpu/a/cpu.cfs_quota_us", "100000"),
            ("sys/fs/cgroup/cpu/a/cpu.cfs_period_us", "100000"),
        ],
        Warning,
        "1.00 CPUs",
    ),
    (
        "cgroup.memory",
        Safe,
        &[
            ("sys/fs/cgroup/system.slice/memory.max", "1000"),
            ("sys/fs/cgroup/system.slice/memory.current", "990"),
        ],
        Problem,
        "990 B of 1000 B: 99 %",
    ),
    (
        "cgroup.memory",
        Safe,
        &[
            ("sys/fs/cgroup/system.slice/memory.max", "1000"),
            ("sys/fs/cgroup/system.slice/memory.current", "990"),
            (
                "sys/fs/cgroup/system.slice/memory.stat",
                "anon 1\ninactive_file 900\n",
            ),
        ],
        Fine,
        "90 B of 1000 B",
    ),
    (
        "cgroup.memory",
        Safe,
        &[
            ("sys/fs/cgroup/system.slice/memory.max", "1000"),
            ("sys/fs/cgroup/system.slice/memory.current", "1"),
            (
                "sys/fs/cgroup/system.slice/memory.events",
                "oom 1\noom_kill 2\n",
            ),
        ],
        Warning,
        "2 processes killed",
    ),
    (
        "cgroup.pids",
        Safe,
        &[
            ("sys/fs/cgroup/system.slice/pids.max", "100"),
            ("sys/fs/cgroup/system.slice/pids.current", "85"),
        ],
        Warning,
        "85 of 100: 85 %",
    ),
];
