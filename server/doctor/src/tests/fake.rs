//! A machine made of files in a folder, with everything as every profile wants it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use super::super::knob::{Finding, Profile, View};
use super::super::knobs;
use super::super::machine::Machine;

/// Files below `/proc/sys`.
const SYSCTLS: &[(&str, &str)] = &[
    ("net/core/somaxconn", "65535"),
    ("net/ipv4/tcp_max_syn_backlog", "2048"),
    ("net/ipv4/tcp_syncookies", "1"),
    ("net/ipv4/tcp_abort_on_overflow", "0"),
    ("net/ipv4/tcp_synack_retries", "3"),
    ("fs/nr_open", "2097152"),
    ("fs/file-max", "9223372036854775807"),
    ("fs/file-nr", "1172\t0\t9223372036854775807"),
    ("vm/max_map_count", "65530"),
    ("net/ipv4/tcp_rmem", "4096\t131072\t6291456"),
    ("net/ipv4/tcp_wmem", "4096\t16384\t4194304"),
    ("net/ipv4/tcp_mem", "287901\t383868\t575802"),
    ("net/ipv4/tcp_moderate_rcvbuf", "1"),
    ("net/core/rmem_max", "212992"),
    ("net/core/wmem_max", "212992"),
    ("net/ipv4/tcp_notsent_lowat", "4294967295"),
    ("net/ipv4/tcp_slow_start_after_idle", "0"),
    ("net/ipv4/tcp_window_scaling", "1"),
    ("net/ipv4/tcp_timestamps", "1"),
    ("net/ipv4/tcp_sack", "1"),
    ("net/ipv4/tcp_max_orphans", "131072"),
    ("vm/swappiness", "10"),
    ("net/ipv4/ip_local_port_range", "10000\t65535"),
    ("net/ipv4/tcp_tw_reuse", "1"),
    ("net/ipv4/tcp_fin_timeout", "15"),
    ("net/ipv4/tcp_max_tw_buckets", "262144"),
    ("kernel/sched_autogroup_enabled", "0"),
    ("kernel/numa_balancing", "0"),
    ("net/core/netdev_max_backlog", "16384"),
    ("net/core/netdev_budget", "300"),
    ("net/core/netdev_budget_usecs", "8000"),
    ("net/core/busy_read", "0"),
    ("net/core/busy_poll", "0"),
    ("net/core/rps_sock_flow_entries", "0"),
    ("net/ipv4/tcp_congestion_control", "cubic"),
    (
        "net/ipv4/tcp_available_congestion_control",
        "reno bbr cubic",
    ),
    ("net/core/default_qdisc", "fq_codel"),
    ("net/ipv4/tcp_available_ulp", "espintcp mptcp tls"),
    ("net/netfilter/nf_conntrack_count", "100"),
    ("net/netfilter/nf_conntrack_max", "1048576"),
    ("kernel/io_uring_disabled", "0"),
    ("kernel/osrelease", "6.12.0-fake"),
];

/// Other files.
const FILES: &[(&str, &str)] = &[
    (
        "proc/net/netstat",
        "TcpExt: SyncookiesSent ListenOverflows ListenDrops TCPReqQFullDrop TCPTimeWaitOverflow \
         TCPMemoryPressures TCPAbortOnMemory\nTcpExt: 0 0 0 0 0 0 0\nIpExt: InNoRoutes\nIpExt: 0\n",
    ),
    (
        "proc/net/snmp",
        "Ip: Forwarding\nIp: 1\nTcp: PassiveOpens CurrEstab OutSegs RetransSegs OutRsts \
         EstabResets\nTcp: 1000000 12 5000 1 3 2\n",
    ),
    (
        "proc/net/sockstat",
        "sockets: used 15\nTCP: inuse 1 orphan 0 tw 7 alloc 1 mem 317\n",
    ),
    (
        "proc/net/softnet_stat",
        "00100000 00000000 00000000 00000000\n00100000 00000000 00000001 00000000\n",
    ),
    ("proc/net/packet", "sk RefCnt Type Proto Iface\n"),
    (
        "proc/net/stat/nf_conntrack",
        "entries found drop early_drop\n00000064 00000000 00000000 00000000\n",
    ),
    (
        "proc/self/limits",
        "Limit                     Soft Limit           Hard Limit           Units\n\
         Max open files            1024                 1048576              files\n\
         Max locked memory         unlimited            unlimited            bytes\n",
    ),
    (
        "proc/self/status",
        "Name:\tringlane\nUid:\t1000\t1000\t1000\t1000\nCapEff:\t0000000000000000\n\
         Seccomp:\t0\nSeccomp_filters:\t0\nCpus_allowed_list:\t0-1\n",
    ),
    ("proc/self/cgroup", "0::/system.slice/ringlane.service\n"),
    (
        "proc/meminfo",
        "MemTotal:       24684092 kB\nMemAvailable:   20000000 kB\n",
    ),
    (
        "proc/stat",
        "cpu  1000 0 500 8000 0 0 100 0 0 0\ncpu0 500 0 250 4000 0 0 50 0 0 0\n\
         cpu1 500 0 250 4000 0 0 50 0 0 0\nintr 1\n",
    ),
    ("proc/cmdline", "quiet"),
    ("proc/1/environ", "HOME=/\0TERM=linux\0"),
    ("proc/1/comm", "systemd"),
    (
        "proc/interrupts",
        "           CPU0       CPU1\n 38:          0      14538 PCI-MSIX virtio2-input.0\n \
         39:       8276          0 PCI-MSIX virtio2-output.0\n 40:  0  0 PCI-MSIX config\n",
    ),
    ("proc/irq/38/effective_affinity_list", "1"),
    ("proc/irq/39/effective_affinity_list", "0"),
    ("proc/irq/38/smp_affinity_list", "0-1"),
    ("proc/irq/39/smp_affinity_list", "0-1"),
    ("sys/class/net/lo/operstate", "unknown"),
    ("sys/class/net/eth0/operstate", "up"),
    ("sys/class/net/eth0/device/msi_irqs/38", "msix"),
    ("sys/class/net/eth0/device/msi_irqs/39", "msix"),
    ("sys/class/net/eth0/device/msi_irqs/40", "msix"),
    ("sys/class/net/eth0/queues/rx-0/rps_cpus", "0"),
    ("sys/class/net/eth0/queues/rx-1/rps_cpus", "0"),
    ("sys/class/net/eth0/queues/tx-0/xps_cpus", "1"),
    ("sys/class/net/eth0/queues/tx-1/xps_cpus", "2"),
    ("sys/class/net/eth0/statistics/rx_packets", "1000000"),
    ("sys/class/net/eth0/statistics/rx_missed_errors", "0"),
    ("sys/class/net/eth0/statistics/rx_fifo_errors", "0"),
    ("sys/devices/system/cpu/online", "0-1"),
    (
        "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor",
        "performance",
    ),
    (
        "sys/devices/system/cpu/cpu1/cpufreq/scaling_governor",
        "performance",
    ),
    (
        "sys/devices/system/cpu/vulnerabilities/meltdown",
        "Not affected",
    ),
    (
        "sys/devices/system/cpu/vulnerabilities/spectre_v1",
        "Mitigation: usercopy barriers",
    ),
    (
        "sys/devices/system/clocksource/clocksource0/current_clocksource",
        "tsc",
    ),
    (
        "sys/devices/system/clocksource/clocksource0/available_clocksource",
        "tsc hpet acpi_pm",
    ),
    ("sys/devices/system/node/node0/cpulist", "0-1"),
    (
        "sys/kernel/mm/transparent_hugepage/enabled",
        "always [madvise] never",
    ),
    (
        "sys/fs/cgroup/system.slice/ringlane.service/memory.max",
        "max",
    ),
    (
        "sys/fs/cgroup/system.slice/ringlane.service/pids.max",
        "max",
    ),
    (
        "sys/fs/cgroup/system.slice/ringlane.service/cpu.max",
        "max 100000",
    ),
    (
        "commands/tc -j qdisc show",
        r#"[{"kind":"fq_codel","handle":"0:","dev":"eth0","root":true}]"#,
    ),
    (
        "boot/config-6.12.0-fake",
        "CONFIG_NET_SCH_FQ=m\nCONFIG_TLS=m\n",
    ),
];

/// The machine, gone when it is dropped.
pub(crate) struct Fake {
    root: PathBuf,
}

impl Fake {
    /// One on which every profile finds nothing to do.
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("ringlane-doctor-{}-{number}", std::process::id());
        let fake = Self {
            root: std::env::temp_dir().join(name),
        };
        for (path, text) in SYSCTLS {
            fake.set(&format!("proc/sys/{path}"), format!("{text}\n"));
        }
        for (path, text) in FILES {
            fake.set(path, format!("{text}\n"));
        }
        fake
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Writes a file, and the folders on the way to it.
    pub(crate) fn set(&self, path: &str, text: impl AsRef<[u8]>) -> &Self {
        let path = self.root.join(path);
        fs::create_dir_all(path.parent().expect("a file is in a folder")).expect("folders");
        fs::write(&path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        self
    }

    pub(crate) fn get(&self, path: &str) -> String {
        fs::read_to_string(self.root.join(path)).expect("a file")
    }

    /// Takes a file or a folder away.
    pub(crate) fn remove(&self, path: &str) -> &Self {
        let path = self.root.join(path);
        if path.is_dir() {
            fs::remove_dir_all(path).expect("removed");
        } else {
            fs::remove_file(path).expect("removed");
        }
        self
    }

    /// Every file there is, by its path below the root.
    pub(crate) fn files(&self) -> Vec<String> {
        let sysctls = SYSCTLS.iter().map(|(path, _)| format!("proc/sys/{path}"));
        let others = FILES.iter().map(|(path, _)| (*path).to_owned());
        sysctls.chain(others).collect()
    }

    pub(crate) fn machine(&self) -> Machine {
        Machine::new(&self.root, None)
    }

    pub(crate) fn examine(&self, profile: Profile) -> Vec<Finding> {
        knobs::examine(&self.machine(), profile)
    }

    /// What is found out about one knob; of several, the worst.
    #[track_caller]
    pub(crate) fn find(&self, profile: Profile, id: &str) -> Finding {
        let machine = self.machine();
        let mut knobs = knobs::tables()
            .into_iter()
            .flat_map(|(group, knobs)| knobs.iter().map(move |knob| (group, knob)));
        let (group, knob) = knobs
            .find(|(_, knob)| knob.id == id)
            .unwrap_or_else(|| panic!("no knob {id}"));
        let findings = knobs::look(&View {
            knob,
            group,
            machine: &machine,
            profile,
        });
        let worst = findings.into_iter().max_by_key(|finding| finding.severity);
        worst.unwrap_or_else(|| panic!("nothing about {id}"))
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.root); // what remains is written over
    }
}
