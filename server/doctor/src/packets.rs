//! What happens to packets between the network interface and the socket.
//!
//! Not here: the interfaces' queues and interrupts (`interfaces.rs`).

use super::interfaces;
use super::knob::{Finding, Knob, Setting, Severity, View};
use super::parse::{Softnet, grouped, percent, softnet};
use super::rule::Rule;

/// Rarer than this it was one bad moment since boot.
const SHARE_PERCENT: f64 = 0.01;

pub(super) static KNOBS: [Knob; 15] = [
    Knob {
        id: "nic.queues",
        title: "Receive queues of a network interface",
        default: "one per CPU on most hardware, one on many small virtual machines",
        why: "With one queue one CPU takes every packet's interrupt and first handling; the other \
              workers wait for it.",
        setting: Setting::Checked {
            wanted: [
                "as many as CPUs, or RPS",
                "as many as CPUs, or RPS",
                "as many as CPUs, or RPS",
            ],
            fix: &[
                "ethtool -l DEV; ethtool -L DEV combined COUNT",
                "echo MASK > /sys/class/net/DEV/queues/rx-0/rps_cpus",
            ],
            check: interfaces::queues,
        },
    },
    Knob {
        id: "nic.irqs",
        title: "CPUs that take a network interface's interrupts",
        default: "as irqbalance or the driver has it",
        why: "Queues whose interrupts all go to one CPU are as good as one queue.",
        setting: Setting::Checked {
            wanted: [
                "more than one CPU",
                "each queue's interrupt on its own CPU",
                "each queue's interrupt on its own CPU",
            ],
            fix: &["echo CPU > /proc/irq/IRQ/smp_affinity_list"],
            check: interfaces::interrupts,
        },
    },
    Knob {
        id: "nic.rps",
        title: "Receive packet steering",
        default: "off",
        why: "With a queue for each CPU it only adds an interrupt between CPUs to each packet.",
        setting: Setting::Checked {
            wanted: [
                "off with a queue per CPU",
                "off with a queue per CPU",
                "off with a queue per CPU",
            ],
            fix: &["echo 0 > /sys/class/net/DEV/queues/rx-QUEUE/rps_cpus"],
            check: interfaces::rps,
        },
    },
    Knob {
        id: "nic.xps",
        title: "Transmit packet steering",
        default: "set by the driver, or off",
        why: "Without it CPUs share transmit queues and their locks, and completions land elsewhere.",
        setting: Setting::Checked {
            wanted: [
                "any",
                "each transmit queue has its CPUs",
                "each transmit queue has its CPUs",
            ],
            fix: &["echo MASK > /sys/class/net/DEV/queues/tx-QUEUE/xps_cpus"],
            check: interfaces::xps,
        },
    },
    Knob {
        id: "nic.drops",
        title: "Packets that a network interface lost, since boot",
        default: "0",
        why: "The interface's ring was full before the kernel came for it. Each such packet is sent \
              again at least a round trip later.",
        setting: Setting::Checked {
            wanted: ["none", "none", "none"],
            fix: &["ethtool -g DEV; ethtool -G DEV rx 4096"],
            check: interfaces::drops,
        },
    },
    Knob {
        id: "irqbalance",
        title: "A daemon that moves interrupts",
        default: "runs on most distributions",
        why: "It undoes pinned interrupts, and moves those of queues away from the workers that read \
              them.",
        setting: Setting::Checked {
            wanted: ["any", "not running", "not running"],
            fix: &["systemctl disable --now irqbalance"],
            check: interfaces::irqbalance,
        },
    },
    Knob {
        id: "net.core.netdev_max_backlog",
        title: "Packets that may wait on one CPU",
        default: "1,000",
        why: "The queue of loopback, veth and RPS, for each CPU. What does not fit is dropped and \
              sent again.",
        setting: Setting::Sysctl(Rule::AtLeast {
            floor: 1000,
            wanted: [1000, 16_384, 16_384],
        }),
    },
    Knob {
        id: "net.core.netdev_budget",
        title: "Packets handled in one go",
        default: "300",
        why: "Too small and packets wait for another turn; too large and the worker on that CPU \
              waits.",
        setting: Setting::Sysctl(Rule::AtLeast {
            floor: 64,
            wanted: [300, 300, 300],
        }),
    },
    Knob {
        id: "net.core.netdev_budget_usecs",
        title: "Microseconds spent on packets in one go",
        default: "2,000; 8,000 with 250 ticks per second",
        why: "Too short and packets wait for another turn; too long and the worker on that CPU waits.",
        setting: Setting::Sysctl(Rule::AtLeast {
            floor: 1000,
            wanted: [2000, 2000, 2000],
        }),
    },
    Knob {
        id: "softnet.drops",
        title: "Packets dropped before the protocol, since boot",
        default: "0",
        why: "A CPU's backlog was full. Each such packet is sent again at least a round trip later.",
        setting: Setting::Checked {
            wanted: ["none", "none", "none"],
            fix: &["sysctl -w net.core.netdev_max_backlog=16384"],
            check: drops,
        },
    },
    Knob {
        id: "softnet.squeezes",
        title: "Times that packets were left for later, since boot",
        default: "near 0",
        why: "Packets waited because netdev_budget or netdev_budget_usecs ended a round.",
        setting: Setting::Checked {
            wanted: [
                "fewer than 1 in 10,000 packets",
                "fewer than 1 in 10,000 packets",
                "fewer than 1 in 10,000 packets",
            ],
            fix: &["sysctl -w net.core.netdev_budget=600"],
            check: squeezes,
        },
    },
    Knob {
        id: "net.core.busy_read",
        title: "Microseconds that every socket's read spins",
        default: "0",
        why: "Spinning for all sockets of the machine burns CPU and power; programs ask for it where \
              it pays, with SO_BUSY_POLL or IORING_REGISTER_NAPI.",
        setting: Setting::Sysctl(Rule::AtMost {
            ceiling: 1000,
            wanted: [0, 0, 50],
        }),
    },
    Knob {
        id: "net.core.busy_poll",
        title: "Microseconds that poll, select and epoll spin",
        default: "0",
        why: "Spinning for all programs of the machine burns CPU and power. It does not reach \
              io_uring.",
        setting: Setting::Sysctl(Rule::AtMost {
            ceiling: 1000,
            wanted: [0, 0, 50],
        }),
    },
    Knob {
        id: "net.core.rps_sock_flow_entries",
        title: "Receive flow steering",
        default: "0",
        why: "It steers packets to the CPU that read last. With pinned workers and a queue per CPU \
              they are there already.",
        setting: Setting::Sysctl(Rule::AtMost {
            ceiling: 1_048_576,
            wanted: [32_768, 32_768, 32_768],
        }),
    },
    Knob {
        id: "packet.sockets",
        title: "Programs that see every packet",
        default: "one where a DHCP client runs",
        why: "Each packet is handed to each of them too. A DHCP client, a capture or an agent is \
              enough.",
        setting: Setting::Checked {
            wanted: ["any", "none", "none"],
            fix: &["ss -0lp   # then stop what is not needed"],
            check: interfaces::packet_sockets,
        },
    },
];

fn since_boot(view: &View<'_>) -> Result<Softnet, Vec<Finding>> {
    let path = view.machine.net_file("softnet_stat");
    let rows = view.machine.read(&path).and_then(|text| softnet(&text));
    rows.map(Softnet::sum)
        .map_err(|why| vec![view.unread(&path, &why)])
}

fn judge(view: &View<'_>, count: u64, processed: u64, rare: Severity) -> Finding {
    let share = percent(count, processed);
    let mut current = format!("{} of {} packets", grouped(count), grouped(processed));
    if share >= SHARE_PERCENT {
        current.push_str(&format!(": {share:.2} %"));
    }
    let severity = if count == 0 {
        Severity::Fine
    } else if share >= SHARE_PERCENT {
        Severity::Warning
    } else {
        rare
    };
    let finding = view.finding(severity, current).value(count);
    if severity == Severity::Fine {
        finding
    } else {
        finding.fix(view.command(0, &[]))
    }
}

fn drops(view: &View<'_>) -> Vec<Finding> {
    match since_boot(view) {
        Ok(sum) => vec![judge(view, sum.dropped, sum.processed, Severity::Advice)],
        Err(findings) => findings,
    }
}

fn squeezes(view: &View<'_>) -> Vec<Finding> {
    match since_boot(view) {
        Ok(sum) => vec![judge(view, sum.squeezed, sum.processed, Severity::Fine)],
        Err(findings) => findings,
    }
}
