//! Bad states of CPUs, network interfaces and packets.

use super::super::super::knob::Profile::{Dedicated, Safe};
use super::super::super::knob::Severity::{Advice, Fine, Unread, Warning};
use super::{Case, ONE_CPU};

pub(super) const CASES: &[Case] = &[
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
];
