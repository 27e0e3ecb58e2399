//! Admission: how many connections may wait to be accepted, and whether any were turned away.

use super::knob::{Finding, Knob, Setting, Severity, View};
use super::parse::{counters, grouped, percent};
use super::rule::{Rule, set_command};

use super::knob::{Change, sysctl_path};

/// Fewer of these per new connection are the trace of one bad moment, not of a limit.
const SHARE_PERCENT: f64 = 0.01;

pub(super) static KNOBS: [Knob; 7] = [
    Knob {
        id: "net.core.somaxconn",
        title: "Longest accept queue that a listener may ask for",
        default: "4,096 since Linux 5.4, 128 before",
        why: "A full accept queue drops the client's last ACK or its next SYN; the client tries \
              again after 1 s, then 3 s: latency that no handler shows.",
        setting: Setting::Sysctl(Rule::AtLeast {
            floor: 4096,
            wanted: [4096, 65_535, 65_535],
        }),
    },
    Knob {
        id: "net.ipv4.tcp_max_syn_backlog",
        title: "Handshakes under way per listener, without SYN cookies",
        default: "at least 128, more with memory",
        why: "Only while tcp_syncookies is 0 does this bound the handshakes under way; then SYNs \
              beyond three quarters of it are dropped. With cookies the accept queue's length does.",
        setting: Setting::Checked {
            wanted: [
                "any while tcp_syncookies is 1",
                "any while tcp_syncookies is 1",
                "any while tcp_syncookies is 1",
            ],
            fix: &["sysctl -w net.ipv4.tcp_max_syn_backlog=65535"],
            check: syn_backlog,
        },
    },
    Knob {
        id: "net.ipv4.tcp_syncookies",
        title: "Cookies instead of memory when SYNs flood in",
        default: "1",
        why: "0 lets a flood of SYNs shut everybody out; 2 is for tests and takes TCP options from \
              every connection.",
        setting: Setting::Sysctl(Rule::OneOf {
            fine: [&[1], &[1], &[1]],
            otherwise: Severity::Warning,
        }),
    },
    Knob {
        id: "net.ipv4.tcp_abort_on_overflow",
        title: "Reset clients when the accept queue is full",
        default: "0",
        why: "1 turns a burst that would have passed into errors at clients.",
        setting: Setting::Sysctl(Rule::OneOf {
            fine: [&[0], &[0], &[0]],
            otherwise: Severity::Warning,
        }),
    },
    Knob {
        id: "net.ipv4.tcp_synack_retries",
        title: "How often a SYN-ACK is sent again",
        default: "5, so 63 s until a handshake is given up",
        why: "Each handshake that will never end keeps its place for that long.",
        setting: Setting::Sysctl(Rule::AtMost {
            ceiling: 8,
            wanted: [5, 3, 3],
        }),
    },
    Knob {
        id: "listen.overflows",
        title: "Connections turned away by a full accept queue, since boot",
        default: "0",
        why: "A listener's queue was full: the server accepts too slowly, or its queue is too short \
              for bursts.",
        setting: Setting::Checked {
            wanted: ["none", "none", "none"],
            fix: &[
                "sysctl -w net.core.somaxconn=65535",
                "nstat -az TcpExtListenOverflows TcpExtListenDrops",
            ],
            check: overflows,
        },
    },
    Knob {
        id: "listen.syn-cookies",
        title: "SYN cookies sent, since boot",
        default: "0",
        why: "The queue of handshakes was full. Either somebody floods, or the listener's backlog is \
              too short for its honest load; a connection made by cookie lacks TCP options.",
        setting: Setting::Checked {
            wanted: ["none", "none", "none"],
            fix: &[
                "sysctl -w net.core.somaxconn=65535",
                "nstat -az TcpExtSyncookiesSent TcpExtTCPReqQFullDoCookies TcpExtTCPReqQFullDrop",
            ],
            check: syn_cookies,
        },
    },
];

fn syn_backlog(view: &View<'_>) -> Vec<Finding> {
    const WANTED: u64 = 65_535;
    let number = |key| view.machine.number(&sysctl_path(key));
    let value = match number(view.knob.id) {
        Ok(value) => value,
        Err(why) => return vec![view.unread(&sysctl_path(view.knob.id), &why)],
    };
    let cookies = number("net.ipv4.tcp_syncookies").unwrap_or(1);
    if cookies != 0 {
        let current = format!("{}; without effect while cookies are on", grouped(value));
        return vec![view.fine(current).value(value)];
    }
    if value >= WANTED {
        return vec![view.fine(grouped(value)).value(value)];
    }
    let current = format!("{}, and cookies are off", grouped(value));
    vec![
        view.finding(Severity::Warning, current)
            .value(value)
            .wanted(format!(
                "at least {} while cookies are off",
                grouped(WANTED)
            ))
            .fix(set_command(view.knob.id, WANTED))
            .change(Change::sysctl(view.knob.id, WANTED)),
    ]
}

/// Counters of the network since boot, those of listening by name, and all connections accepted.
fn since_boot(view: &View<'_>) -> Result<(impl Fn(&str) -> u64 + use<>, u64), Vec<Finding>> {
    let path = view.machine.net_file("netstat");
    let text = view
        .machine
        .read(&path)
        .map_err(|why| vec![view.unread(&path, &why)])?;
    let table = counters(&text, "TcpExt");
    if table.is_empty() {
        let why = super::machine::Unread::garbage(&text);
        return Err(vec![view.unread(&path, &why)]);
    }
    let snmp = view.machine.read(&view.machine.net_file("snmp"));
    let opens = snmp
        .ok()
        .and_then(|text| counters(&text, "Tcp").get("PassiveOpens").copied());
    let count = move |name: &str| table.get(name).copied().unwrap_or_default();
    Ok((count, opens.unwrap_or_default()))
}

/// Judges a count of things that should not happen against that of connections.
fn judge(view: &View<'_>, count: u64, opens: u64, current: String) -> Finding {
    let share = percent(count, opens.saturating_add(count));
    match count {
        0 => view.fine(current).value(count),
        _ => {
            let severity = if share >= SHARE_PERCENT {
                Severity::Warning
            } else {
                Severity::Advice
            };
            let current = format!("{current}; {} connections accepted", grouped(opens));
            let finding = view.finding(severity, current).value(count);
            finding.fix(view.command(0, &[])).fix(view.command(1, &[]))
        }
    }
}

fn overflows(view: &View<'_>) -> Vec<Finding> {
    let (count, opens) = match since_boot(view) {
        Ok(counts) => counts,
        Err(findings) => return findings,
    };
    let (overflows, drops) = (count("ListenOverflows"), count("ListenDrops"));
    let current = format!(
        "{} overflows, {} SYNs or ACKs dropped",
        grouped(overflows),
        grouped(drops)
    );
    vec![judge(view, overflows.max(drops), opens, current)]
}

fn syn_cookies(view: &View<'_>) -> Vec<Finding> {
    let (count, opens) = match since_boot(view) {
        Ok(counts) => counts,
        Err(findings) => return findings,
    };
    let (sent, dropped) = (count("SyncookiesSent"), count("TCPReqQFullDrop"));
    let current = format!("{} sent, {} SYNs dropped", grouped(sent), grouped(dropped));
    vec![judge(view, sent.max(dropped), opens, current)]
}
