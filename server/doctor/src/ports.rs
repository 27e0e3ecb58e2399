//! Ports on clients: load generators and proxies, which open connections themselves.

use super::knob::{Change, Finding, Knob, Setting, Severity, View, sysctl_path};
use super::machine::Unread;
use super::parse::{counters, grouped, named_number, numbers, percent};
use super::rule::{Rule, set_command};

/// What the kernel's own range holds: 32768 to 60999.
const PORTS_DEFAULT: u64 = 28_232;
const PORTS_BENCHMARK: u64 = 55_000;
/// Nearer to the most than this and the next burst reaches it.
const PERCENT_NEAR: f64 = 80.0;

pub(super) static KNOBS: [Knob; 5] = [
    Knob {
        id: "net.ipv4.ip_local_port_range",
        title: "Ports for connections that this machine opens",
        default: "32768 60999, which are 28,232",
        why: "So many connections at once, those in TIME_WAIT included, can go from one address to \
              one address and port; the next connect fails with EADDRNOTAVAIL. A server's own \
              connections need no such port.",
        setting: Setting::Checked {
            wanted: [
                "at least 28,232 ports",
                "at least 28,232 ports",
                "at least 55,000 ports",
            ],
            fix: &[
                "sysctl -w net.ipv4.ip_local_port_range='32768 60999'",
                "sysctl -w net.ipv4.ip_local_port_range='10000 65535'",
            ],
            check: port_range,
        },
    },
    Knob {
        id: "net.ipv4.tcp_tw_reuse",
        title: "New connections over ports in TIME_WAIT",
        default: "2: over loopback only",
        why: "A client that closes first keeps each port for 60 s. It matters where connections are \
              opened, never where they are accepted.",
        setting: Setting::Sysctl(Rule::OneOf {
            fine: [&[2, 1], &[2, 1], &[1]],
            otherwise: Severity::Advice,
        }),
    },
    Knob {
        id: "net.ipv4.tcp_fin_timeout",
        title: "Seconds that a closed connection waits for the peer's FIN",
        default: "60",
        why: "Orphans in FIN_WAIT_2 hold memory that long. It does not shorten TIME_WAIT, which is \
              60 s in the kernel's source.",
        setting: Setting::Sysctl(Rule::AtMost {
            ceiling: 120,
            wanted: [60, 30, 15],
        }),
    },
    Knob {
        id: "net.ipv4.tcp_max_tw_buckets",
        title: "Connections in TIME_WAIT",
        default: "half of tcp_ehash_entries, 131,072 on 24 GiB",
        why: "Beyond it connections skip TIME_WAIT, and late segments of an old one can reach a new \
              one. The kernel's documentation forbids lowering it.",
        setting: Setting::Sysctl(Rule::AtLeast {
            floor: 16_384,
            wanted: [16_384, 131_072, 262_144],
        }),
    },
    Knob {
        id: "ports.time-wait",
        title: "Connections in TIME_WAIT, now",
        default: "0 when idle",
        why: "At tcp_max_tw_buckets connections skip TIME_WAIT; at the number of ports a client \
              cannot connect. Let the other side close, or keep connections alive.",
        setting: Setting::Checked {
            wanted: [
                "at most 80 % of tcp_max_tw_buckets",
                "at most 80 % of tcp_max_tw_buckets",
                "at most 80 % of tcp_max_tw_buckets",
            ],
            fix: &[
                "sysctl -w net.ipv4.tcp_max_tw_buckets=COUNT",
                "nstat -az TcpExtTCPTimeWaitOverflow",
            ],
            check: time_wait,
        },
    },
];

fn port_range(view: &View<'_>) -> Vec<Finding> {
    let path = sysctl_path(view.knob.id);
    let read = view.machine.read(&path).and_then(|text| numbers(&text));
    let (first, last) = match read.as_deref() {
        Ok([first, last]) if first <= last => (*first, *last),
        Ok(values) => {
            let why = Unread::garbage(&format!("{values:?}"));
            return vec![view.unread(&path, &why)];
        }
        Err(why) => return vec![view.unread(&path, why)],
    };
    let count = (last - first).saturating_add(1);
    let wanted = view
        .profile
        .pick(&[PORTS_DEFAULT, PORTS_DEFAULT, PORTS_BENCHMARK]);
    let finding = |severity| {
        let current = format!("{first} to {last}: {} ports", grouped(count));
        view.finding(severity, current)
            .value(format!("{first} {last}"))
    };
    if count >= wanted {
        return vec![finding(Severity::Fine)];
    }
    let target = if wanted == PORTS_DEFAULT {
        "32768 60999"
    } else {
        "10000 65535"
    };
    vec![
        finding(Severity::Advice)
            .fix(set_command(view.knob.id, target))
            .change(Change::sysctl(view.knob.id, target)),
    ]
}

fn time_wait(view: &View<'_>) -> Vec<Finding> {
    let path = view.machine.net_file("sockstat");
    let text = match view.machine.read(&path) {
        Ok(text) => text,
        Err(why) => return vec![view.unread(&path, &why)],
    };
    let buckets = sysctl_path("net.ipv4.tcp_max_tw_buckets");
    let most = match view.machine.number(&buckets) {
        Ok(most) => most,
        Err(why) => return vec![view.unread(&buckets, &why)],
    };
    let Some(count) = named_number(&text, "TCP", "tw") else {
        return vec![view.unread(&path, &Unread::garbage(&text))];
    };
    let events = view.machine.read(&view.machine.net_file("netstat"));
    let table = counters(&events.unwrap_or_default(), "TcpExt");
    let overflows = table
        .get("TCPTimeWaitOverflow")
        .copied()
        .unwrap_or_default();
    let current = format!(
        "{} of {}; {} skipped it since boot",
        grouped(count),
        grouped(most),
        grouped(overflows)
    );
    let severity = if percent(count, most) > PERCENT_NEAR {
        Severity::Problem
    } else if overflows > 0 {
        Severity::Warning
    } else {
        return vec![view.fine(current).value(count)];
    };
    let double = most.saturating_mul(2).to_string();
    vec![
        view.finding(severity, current)
            .value(count)
            .fix(view.command(0, &[("COUNT", &double)]))
            .fix(view.command(1, &[])),
    ]
}
