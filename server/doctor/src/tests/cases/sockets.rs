//! Bad states of queues, limits, memory and ports.

use super::super::super::knob::Profile::{Benchmark, Dedicated, Safe};
use super::super::super::knob::Severity::{Advice, Fine, Problem, Warning};
use super::{CAPABLE, Case, LIMITS_LOW, LIMITS_LOWEST};

pub(super) const CASES: &[Case] = &[
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
];
