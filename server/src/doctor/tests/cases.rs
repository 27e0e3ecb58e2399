//! Each knob's good state and its bad ones.

use std::collections::BTreeSet;

use super::super::knob::{Change, Profile, Severity, Severity::*};
use super::super::knobs::tables;
use super::fake::Fake;

use Profile::{Benchmark, Dedicated, Safe};

const PROFILES: [Profile; 3] = [Safe, Dedicated, Benchmark];

/// Files that are set; an empty text takes the file away.
type Edits = &'static [(&'static str, &'static str)];

/// A bad state: the knob, the profile, what is changed on a good machine, how bad that is, and a
/// part of what is said of it.
type Case = (&'static str, Profile, Edits, Severity, &'static str);

const SYS: &str = "proc/sys/";
const LIMITS_LOW: &str = "Max open files            1024                 20000                files\n\
                          Max locked memory         65536                65536                bytes\n";
const LIMITS_LOWEST: &str =
    "Max open files 1024 1024 files\nMax locked memory 8388608 8388608 bytes\n";
const CAPABLE: &str = "Uid:\t0\t0\t0\t0\nCapEff:\t000001ffffffffff\nSeccomp:\t2\n\
                       Seccomp_filters:\t3\nCpus_allowed_list:\t0-1\n";
const ONE_CPU: &str = "CapEff:\t0\nSeccomp:\t1\nCpus_allowed_list:\t1\n";
const GROUP: &str = "sys/fs/cgroup/system.slice/ringlane.service/";
const TC_MQ: &str = r#"[{"kind":"mq","handle":"0:","dev":"eth0","root":true},
    {"kind":"fq_codel","handle":"0:","dev":"eth0","parent":":1"}]"#;

/// The knobs that are one number in `/proc/sys`.
const NUMBERS: &[(&str, Profile, &str, Severity)] = &[
    ("net.core.somaxconn", Safe, "128", Warning),
    ("net.core.somaxconn", Dedicated, "4096", Advice),
    ("net.ipv4.tcp_syncookies", Safe, "0", Warning),
    ("net.ipv4.tcp_syncookies", Safe, "2", Warning),
    ("net.ipv4.tcp_abort_on_overflow", Safe, "1", Warning),
    ("net.ipv4.tcp_synack_retries", Dedicated, "5", Advice),
    ("net.ipv4.tcp_synack_retries", Safe, "9", Warning),
    ("fs.nr_open", Dedicated, "1048576", Advice),
    ("fs.nr_open", Safe, "1024", Warning),
    ("fs.file-max", Dedicated, "1000000", Advice),
    ("fs.file-max", Safe, "131071", Warning),
    ("vm.max_map_count", Safe, "65529", Warning),
    ("net.ipv4.tcp_moderate_rcvbuf", Safe, "0", Warning),
    ("net.core.rmem_max", Safe, "212991", Advice),
    ("net.core.rmem_max", Safe, "65535", Warning),
    ("net.core.wmem_max", Safe, "212991", Advice),
    ("net.core.wmem_max", Safe, "65535", Warning),
    ("net.ipv4.tcp_notsent_lowat", Safe, "1024", Warning),
    ("net.ipv4.tcp_slow_start_after_idle", Safe, "1", Advice),
    ("net.ipv4.tcp_window_scaling", Safe, "0", Warning),
    ("net.ipv4.tcp_timestamps", Safe, "0", Warning),
    ("net.ipv4.tcp_sack", Safe, "0", Warning),
    ("net.ipv4.tcp_max_orphans", Safe, "1000", Warning),
    ("net.ipv4.tcp_max_orphans", Dedicated, "5000", Advice),
    ("vm.swappiness", Dedicated, "60", Advice),
    ("net.ipv4.tcp_tw_reuse", Safe, "0", Advice),
    ("net.ipv4.tcp_tw_reuse", Benchmark, "2", Advice),
    ("net.ipv4.tcp_fin_timeout", Dedicated, "60", Advice),
    ("net.ipv4.tcp_fin_timeout", Safe, "200", Warning),
    ("net.ipv4.tcp_max_tw_buckets", Safe, "6000", Warning),
    ("net.ipv4.tcp_max_tw_buckets", Benchmark, "131072", Advice),
    ("kernel.sched_autogroup_enabled", Benchmark, "1", Advice),
    ("net.core.netdev_max_backlog", Safe, "999", Warning),
    ("net.core.netdev_max_backlog", Dedicated, "1000", Advice),
    ("net.core.netdev_budget", Safe, "200", Advice),
    ("net.core.netdev_budget", Safe, "10", Warning),
    ("net.core.netdev_budget_usecs", Safe, "1500", Advice),
    ("net.core.netdev_budget_usecs", Safe, "500", Warning),
    ("net.core.busy_read", Safe, "50", Advice),
    ("net.core.busy_read", Benchmark, "2000", Warning),
    ("net.core.busy_poll", Dedicated, "50", Advice),
    ("net.core.rps_sock_flow_entries", Safe, "65536", Advice),
];

/// All others.
const CASES: &[Case] = &[
    (
        "net.ipv4.tcp_max_syn_backlog",
        Safe,
        &[("proc/sys/net/ipv4/tcp_syncookies", "0")],
        Warning,
        "cookies are off",
    ),
    (
        "listen.overflows",
        Safe,
        &[(
            "proc/net/netstat",
            "TcpExt: ListenOverflows ListenDrops\nTcpExt: 5000 6000\n",
        )],
        Warning,
        "5,000 overflows, 6,000",
    ),
    (
        "listen.overflows",
        Safe,
        &[(
            "proc/net/netstat",
            "TcpExt: ListenOverflows ListenDrops\nTcpExt: 1 1\n",
        )],
        Advice,
        "1,000,000 connections accepted",
    ),
    (
        "listen.syn-cookies",
        Safe,
        &[(
            "proc/net/netstat",
            "TcpExt: SyncookiesSent\nTcpExt: 100000\n",
        )],
        Warning,
        "100,000 sent",
    ),
    (
        "limits.nofile",
        Safe,
        &[("proc/self/limits", LIMITS_LOW)],
        Warning,
        "cannot be raised",
    ),
    (
        "limits.nofile",
        Safe,
        &[("proc/self/limits", LIMITS_LOWEST)],
        Problem,
        "hard 1,024",
    ),
    (
        "limits.nofile",
        Dedicated,
        &[
            ("proc/self/limits", LIMITS_LOW),
            ("proc/self/status", CAPABLE),
        ],
        Warning,
        "can be raised",
    ),
    (
        "limits.memlock",
        Safe,
        &[("proc/self/limits", LIMITS_LOW)],
        Warning,
        "64 KiB; the rings of 2",
    ),
    (
        "limits.memlock",
        Safe,
        &[("proc/self/limits", LIMITS_LOWEST)],
        Advice,
        "8 MiB",
    ),
    (
        "limits.memlock",
        Safe,
        &[
            ("proc/self/limits", LIMITS_LOW),
            ("proc/self/status", CAPABLE),
        ],
        Fine,
        "CAP_IPC_LOCK exempts",
    ),
    (
        "files.open",
        Safe,
        &[("proc/sys/fs/file-nr", "90000\t0\t100000")],
        Problem,
        "90 %",
    ),
    (
        "net.ipv4.tcp_rmem",
        Safe,
        &[("proc/sys/net/ipv4/tcp_rmem", "4096 12582912 16777216")],
        Warning,
        "12 MiB",
    ),
    (
        "net.ipv4.tcp_rmem",
        Safe,
        &[("proc/sys/net/ipv4/tcp_rmem", "4096 131072 1048576")],
        Advice,
        "1 MiB",
    ),
    (
        "net.ipv4.tcp_wmem",
        Safe,
        &[("proc/sys/net/ipv4/tcp_wmem", "4096 16384 8192")],
        Warning,
        "8 KiB",
    ),
    (
        "net.ipv4.tcp_wmem",
        Safe,
        &[("proc/sys/net/ipv4/tcp_wmem", "4096 16384 65536")],
        Advice,
        "64 KiB",
    ),
    (
        "net.ipv4.tcp_mem",
        Safe,
        &[("proc/sys/net/ipv4/tcp_mem", "50576 64768 98304")],
        Warning,
        "1.6 % of memory",
    ),
    (
        "net.ipv4.tcp_mem",
        Safe,
        &[(
            "proc/sys/net/ipv4/tcp_mem",
            "786432000 1048576000 1572864000",
        )],
        Warning,
        "TiB",
    ),
    (
        "tcp.memory",
        Safe,
        &[(
            "proc/net/sockstat",
            "TCP: inuse 1 orphan 0 tw 0 alloc 1 mem 400000\n",
        )],
        Problem,
        "1.5 GiB of 1.5 GiB",
    ),
    (
        "tcp.memory",
        Safe,
        &[(
            "proc/net/sockstat",
            "TCP: inuse 1 orphan 0 tw 0 alloc 1 mem 300000\n",
        )],
        Warning,
        "1.1 GiB",
    ),
    (
        "tcp.memory",
        Safe,
        &[(
            "proc/net/netstat",
            "TcpExt: TCPMemoryPressures\nTcpExt: 3\n",
        )],
        Advice,
        "3 times under pressure",
    ),
    (
        "net.ipv4.ip_local_port_range",
        Safe,
        &[("proc/sys/net/ipv4/ip_local_port_range", "40000\t50000")],
        Advice,
        "10,001 ports",
    ),
    (
        "net.ipv4.ip_local_port_range",
        Benchmark,
        &[("proc/sys/net/ipv4/ip_local_port_range", "32768\t60999")],
        Advice,
        "28,232 ports",
    ),
    (
        "ports.time-wait",
        Safe,
        &[(
            "proc/net/sockstat",
            "TCP: inuse 1 orphan 0 tw 250000 alloc 1 mem 1\n",
        )],
        Problem,
        "250,000 of 262,144",
    ),
    (
        "ports.time-wait",
        Safe,
        &[(
            "proc/net/netstat",
            "TcpExt: TCPTimeWaitOverflow\nTcpExt: 9\n",
        )],
        Warning,
        "9 skipped it",
    ),
    (
        "cpu.allowed",
        Safe,
        &[("proc/self/status", ONE_CPU)],
        Advice,
        "1 of 2",
    ),
    (
        "cpu.governor",
        Dedicated,
        &[(
            "sys/devices/system/cpu/cpu1/cpufreq/scaling_governor",
            "powersave",
        )],
        Advice,
        "performance, powersave",
    ),
    (
        "cpu.clocksource",
        Safe,
        &[(
            "sys/devices/system/clocksource/clocksource0/current_clocksource",
            "hpet",
        )],
        Warning,
        "hpet",
    ),
    (
        "cpu.steal",
        Safe,
        &[("proc/stat", "cpu  100 0 100 750 0 0 0 50 0 0\n")],
        Advice,
        "5.0 %",
    ),
    (
        "cpu.steal",
        Safe,
        &[("proc/stat", "cpu  100 0 100 600 0 0 0 200 0 0\n")],
        Warning,
        "20.0 %",
    ),
    (
        "kernel.numa_balancing",
        Dedicated,
        &[
            ("sys/devices/system/node/node1/cpulist", "1"),
            ("proc/sys/kernel/numa_balancing", "1"),
        ],
        Advice,
        "1, 2 nodes",
    ),
    (
        "nic.queues",
        Safe,
        &[("sys/class/net/eth0/queues/rx-1", "")],
        Advice,
        "one queue for 2 CPUs",
    ),
    (
        "nic.queues",
        Dedicated,
        &[("sys/class/net/eth0/queues/rx-1", "")],
        Warning,
        "one queue",
    ),
    (
        "nic.queues",
        Dedicated,
        &[
            ("sys/class/net/eth0/queues/rx-1", ""),
            ("sys/class/net/eth0/queues/rx-0/rps_cpus", "3"),
        ],
        Fine,
        "steered by RPS",
    ),
    (
        "nic.queues",
        Safe,
        &[("sys/class/net/eth0", "")],
        Unread,
        "no network interface",
    ),
    (
        "nic.irqs",
        Safe,
        &[("proc/irq/39/effective_affinity_list", "1")],
        Advice,
        "2 active, on CPU 1",
    ),
    (
        "nic.irqs",
        Dedicated,
        &[("proc/irq/39/effective_affinity_list", "1")],
        Warning,
        "on CPU 1",
    ),
    (
        "nic.rps",
        Safe,
        &[(
            "sys/class/net/eth0/queues/rx-0/rps_cpus",
            "00000000,00000003",
        )],
        Advice,
        "1 of 2",
    ),
    (
        "nic.xps",
        Dedicated,
        &[("sys/class/net/eth0/queues/tx-1/xps_cpus", "00")],
        Advice,
        "1 of 2",
    ),
    (
        "nic.drops",
        Safe,
        &[("sys/class/net/eth0/statistics/rx_missed_errors", "5000")],
        Warning,
        "5,000 of 1,000,000",
    ),
    (
        "nic.drops",
        Safe,
        &[("sys/class/net/eth0/statistics/rx_fifo_errors", "5")],
        Advice,
        "5 of 1,000,000",
    ),
    (
        "irqbalance",
        Dedicated,
        &[("proc/1/comm", "irqbalance")],
        Advice,
        "running",
    ),
    (
        "softnet.drops",
        Safe,
        &[("proc/net/softnet_stat", "00100000 00001000 00000000\n")],
        Warning,
        "4,096 of 1,048,576 packets: 0.39 %",
    ),
    (
        "softnet.drops",
        Safe,
        &[("proc/net/softnet_stat", "00100000 00000001 00000000\n")],
        Advice,
        "1 of 1,048,576",
    ),
    (
        "softnet.squeezes",
        Safe,
        &[("proc/net/softnet_stat", "00100000 00000000 00001000\n")],
        Warning,
        "4,096 of",
    ),
    (
        "packet.sockets",
        Dedicated,
        &[("proc/net/packet", "sk\n1 2 3\n4 5 6\n")],
        Advice,
        "2",
    ),
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
        &[("proc/sys/kernel/osrelease", "5.15.0-91")],
        Warning,
        "5.15.0-91",
    ),
    (
        "kernel.release",
        Safe,
        &[("proc/sys/kernel/osrelease", "5.19.1")],
        Advice,
        "5.19.1",
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

fn edited(edits: Edits) -> Fake {
    let fake = Fake::new();
    for (path, text) in edits {
        if text.is_empty() {
            fake.remove(path);
        } else {
            fake.set(path, text);
        }
    }
    fake
}

#[test]
fn a_good_machine_leaves_nothing_to_do() {
    let fake = Fake::new();
    for profile in PROFILES {
        for finding in fake.examine(profile) {
            let expected = if finding.knob.id == "uring.ring" {
                Unread
            } else {
                Fine
            };
            assert_eq!(finding.severity, expected, "{profile:?}: {finding:#?}");
            assert!(finding.changes.is_empty() && finding.fix.is_empty());
        }
    }
}

#[test]
fn numbers_that_harm_or_could_be_better_are_found() {
    for (id, profile, value, severity) in NUMBERS {
        let fake = Fake::new();
        fake.set(&format!("{SYS}{}", id.replace('.', "/")), value);
        let finding = fake.find(*profile, id);
        assert_eq!(finding.severity, *severity, "{id} = {value}: {finding:#?}");
        assert_eq!(finding.value.as_deref(), Some(*value));
        let [
            Change::File {
                path,
                value: target,
            },
        ] = finding.changes.as_slice()
        else {
            panic!("{id}: one change is expected: {finding:#?}");
        };
        fake.set(path.trim_start_matches('/'), target);
        let after = fake.find(*profile, id);
        assert_eq!(
            after.severity, Fine,
            "its own fix is not enough: {after:#?}"
        );
        let command = format!("sysctl -w {id}={target}");
        assert_eq!(finding.fix, [command]);
    }
}

#[test]
fn every_other_bad_state_is_found() {
    for (id, profile, edits, severity, part) in CASES {
        let finding = edited(edits).find(*profile, id);
        assert_eq!(finding.severity, *severity, "{id}, {edits:?}: {finding:#?}");
        assert!(finding.current.contains(part), "{part}: {finding:#?}");
        let must_say_how = finding.severity >= Advice;
        assert!(
            !must_say_how || !finding.fix.is_empty(),
            "no fix: {finding:#?}"
        );
        for command in &finding.fix {
            for word in ["DEV", "COUNT", "MASK", "QUEUE", "IRQ", "CLOCK", "PAGES"] {
                assert!(
                    !command.contains(word),
                    "{word} is not filled in: {command}"
                );
            }
        }
    }
}

#[test]
fn changes_make_the_state_good() {
    for (id, profile, edits, _, _) in CASES {
        let fake = edited(edits);
        let finding = fake.find(*profile, id);
        let files = finding.changes.iter().filter_map(|change| match change {
            Change::File { path, value } => Some((path.trim_start_matches('/'), value)),
            Change::Qdisc { .. } => None,
        });
        let mut changed = false;
        for (path, value) in files {
            // The kernel follows where it can: here there is none.
            let path = path.replace("smp_affinity_list", "effective_affinity_list");
            let value = if path.ends_with("transparent_hugepage/enabled") {
                format!("always [{value}] never")
            } else {
                value.clone()
            };
            fake.set(&path, value);
            changed = true;
        }
        let after = fake.find(*profile, id);
        assert!(!changed || after.severity == Fine, "{id}: {after:#?}");
    }
}

#[test]
fn every_knob_has_a_bad_state_here() {
    let shown: BTreeSet<&str> = NUMBERS
        .iter()
        .map(|(id, ..)| *id)
        .chain(CASES.iter().map(|(id, ..)| *id))
        .chain(["uring.ring"]) // shown in `rings.rs`
        .collect();
    for (_, knobs) in tables() {
        for knob in knobs {
            assert!(shown.contains(knob.id), "{} has no bad state", knob.id);
        }
    }
}

#[test]
fn the_group_that_is_tightest_counts() {
    let fake = Fake::new();
    for (folder, used) in [("system.slice/", "10"), ("", "95")] {
        fake.set(&format!("sys/fs/cgroup/{folder}pids.max"), "100");
        fake.set(&format!("sys/fs/cgroup/{folder}pids.current"), used);
    }
    fake.set(&format!("{GROUP}pids.max"), "50");
    fake.set(&format!("{GROUP}pids.current"), "1");
    let finding = fake.find(Safe, "cgroup.pids");
    assert!(finding.current.starts_with("95 of 100"), "{finding:#?}");
}

#[test]
fn a_queue_that_somebody_set_up_is_not_scripted() {
    let tc = |handle: &str| {
        format!(r#"[{{"kind":"htb","handle":"{handle}","dev":"eth0","root":true}}]"#)
    };
    let fake = edited(&[("proc/sys/net/ipv4/tcp_congestion_control", "bbr")]);
    fake.set("commands/tc -j qdisc show", tc("1:"));
    assert_eq!(fake.find(Safe, "qdisc").changes, []);
    fake.set("commands/tc -j qdisc show", tc("0:"));
    let device = "eth0".to_owned();
    assert_eq!(
        fake.find(Safe, "qdisc").changes,
        [Change::Qdisc { device, kind: "fq" }]
    );
}

#[test]
fn another_process_is_looked_at_by_its_id() {
    let fake = Fake::new();
    fake.set("proc/77/limits", LIMITS_LOWEST);
    fake.set("proc/77/status", CAPABLE);
    let machine = super::super::machine::Machine::new(fake.root(), Some(77));
    let findings = super::super::knobs::examine(&machine, Safe);
    let nofile = findings
        .iter()
        .find(|finding| finding.knob.id == "limits.nofile")
        .expect("a finding");
    assert_eq!(nofile.value.as_deref(), Some("1024"));
}
