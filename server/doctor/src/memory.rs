//! Memory per connection: what TCP may hold, for one socket and for all of them.
//!
//! Not here: the buffers' three values (`buffers.rs`).

use super::buffers;
use super::knob::{Finding, Knob, Setting, Severity, View, sysctl_path};
use super::parse::{bytes, counters, grouped, named_number, percent, three_numbers};
use super::rule::{Rule, set_command};

use super::knob::Change;

/// Of the pages at which TCP feels pressure; more in use than this is near it.
const PRESSURE_PERCENT_NEAR: f64 = 75.0;
/// Less unsent data than this keeps a socket from filling even a short path.
const NOTSENT_BYTES_MIN: u64 = 16 * 1024;

pub(super) static KNOBS: [Knob; 14] = [
    Knob {
        id: "net.ipv4.tcp_rmem",
        title: "Receive buffer of a TCP socket: min, default, max",
        default: "4,096 131,072 6,291,456 (max: 32 MiB on 6.18; less on small machines)",
        why: "The max bounds one connection's speed over a long path. A large default lets each \
              slow peer hold that much.",
        setting: Setting::Checked {
            wanted: buffers::WANTED,
            fix: &["sysctl -w net.ipv4.tcp_rmem='4096 131072 6291456'"],
            check: buffers::receive,
        },
    },
    Knob {
        id: "net.ipv4.tcp_wmem",
        title: "Send buffer of a TCP socket: min, default, max",
        default: "4,096 16,384 4,194,304 (less on small machines)",
        why: "The max bounds one connection's speed over a long path. A large default lets each \
              slow reader hold that much.",
        setting: Setting::Checked {
            wanted: buffers::WANTED,
            fix: &["sysctl -w net.ipv4.tcp_wmem='4096 16384 4194304'"],
            check: buffers::send,
        },
    },
    Knob {
        id: "net.ipv4.tcp_mem",
        title: "Memory of all TCP sockets, in pages: low, pressure, high",
        default: "about 4.7, 6.2 and 9.4 % of memory",
        why: "It counts pages, not bytes: values copied from elsewhere are either no limit at all, or \
              one at which the kernel shrinks every window and then drops connections.",
        setting: Setting::Checked {
            wanted: [
                "rising, most between 3 and 50 % of memory",
                "rising, most between 3 and 50 % of memory",
                "rising, most between 3 and 50 % of memory",
            ],
            fix: &["sysctl -w net.ipv4.tcp_mem='PAGES'"],
            check: buffers::all_sockets,
        },
    },
    Knob {
        id: "tcp.memory",
        title: "Memory that TCP holds now",
        default: "near 0 when idle",
        why: "Under pressure the kernel shrinks windows and throws queued packets away; at the most \
              it resets connections.",
        setting: Setting::Checked {
            wanted: [
                "below 75 % of tcp_mem's pressure",
                "below 75 % of tcp_mem's pressure",
                "below 75 % of tcp_mem's pressure",
            ],
            fix: &["nstat -az TcpExtTCPMemoryPressures TcpExtTCPAbortOnMemory"],
            check: held,
        },
    },
    Knob {
        id: "net.ipv4.tcp_moderate_rcvbuf",
        title: "Receive buffers that grow with the path",
        default: "1",
        why: "0 fixes every receive buffer at tcp_rmem's first value: uploads over long paths crawl.",
        setting: Setting::Sysctl(Rule::OneOf {
            fine: [&[1], &[1], &[1]],
            otherwise: Severity::Warning,
        }),
    },
    Knob {
        id: "net.core.rmem_max",
        title: "Most that a program may ask for as receive buffer",
        default: "212,992 for long; 4 MiB on 6.18",
        why: "It bounds SO_RCVBUF only. TCP that sizes itself is bounded by tcp_rmem; UDP and QUIC \
              need this one.",
        setting: Setting::Sysctl(Rule::AtLeast {
            floor: 65_536,
            wanted: [212_992, 212_992, 212_992],
        }),
    },
    Knob {
        id: "net.core.wmem_max",
        title: "Most that a program may ask for as send buffer",
        default: "212,992 for long; 4 MiB on 6.18",
        why: "It bounds SO_SNDBUF only. TCP that sizes itself is bounded by tcp_wmem.",
        setting: Setting::Sysctl(Rule::AtLeast {
            floor: 65_536,
            wanted: [212_992, 212_992, 212_992],
        }),
    },
    Knob {
        id: "net.ipv4.tcp_notsent_lowat",
        title: "Unsent data a socket may queue in the kernel",
        default: "4,294,967,295, which is no limit",
        why: "Set for all sockets and too low it costs a wake-up for every few packets; servers set \
              TCP_NOTSENT_LOWAT where they stream instead.",
        setting: Setting::Checked {
            wanted: ["at least 16,384", "at least 16,384", "at least 16,384"],
            fix: &["sysctl -w net.ipv4.tcp_notsent_lowat=4294967295"],
            check: notsent,
        },
    },
    Knob {
        id: "net.ipv4.tcp_slow_start_after_idle",
        title: "Forget the path's speed when idle",
        default: "1",
        why: "With 1 a keep-alive, WebSocket or event-stream connection that pauses longer than a \
              retransmission timeout begins again with a small window: extra round trips.",
        setting: Setting::Sysctl(Rule::OneOf {
            fine: [&[0], &[0], &[0]],
            otherwise: Severity::Advice,
        }),
    },
    Knob {
        id: "net.ipv4.tcp_window_scaling",
        title: "Windows above 64 KiB",
        default: "1",
        why: "0 holds every connection to 64 KiB per round trip.",
        setting: Setting::Sysctl(Rule::OneOf {
            fine: [&[1], &[1], &[1]],
            otherwise: Severity::Warning,
        }),
    },
    Knob {
        id: "net.ipv4.tcp_timestamps",
        title: "TCP timestamps",
        default: "1",
        why: "0 turns off protection against old segments, precise round-trip times, the reuse of \
              TIME_WAIT ports, and TCP options on connections made by SYN cookie.",
        setting: Setting::Sysctl(Rule::OneOf {
            fine: [&[1, 2], &[1, 2], &[1, 2]],
            otherwise: Severity::Warning,
        }),
    },
    Knob {
        id: "net.ipv4.tcp_sack",
        title: "Selective acknowledgements",
        default: "1",
        why: "0 makes every lost packet cost a round trip of its own.",
        setting: Setting::Sysctl(Rule::OneOf {
            fine: [&[1], &[1], &[1]],
            otherwise: Severity::Warning,
        }),
    },
    Knob {
        id: "net.ipv4.tcp_max_orphans",
        title: "Connections that no process holds any more",
        default: "half of tcp_ehash_entries or more, 131,072 on 24 GiB",
        why: "Beyond it closing connections are reset, and the last bytes of answers are lost. The \
              kernel's documentation forbids lowering it.",
        setting: Setting::Sysctl(Rule::AtLeast {
            floor: 4096,
            wanted: [4096, 65_536, 65_536],
        }),
    },
    Knob {
        id: "vm.swappiness",
        title: "How readily memory of processes is swapped out",
        default: "60",
        why: "A page of an idle connection's state that was swapped out costs a disk read when it \
              speaks again.",
        setting: Setting::Sysctl(Rule::AtMost {
            ceiling: 200,
            wanted: [60, 10, 10],
        }),
    },
];

fn held(view: &View<'_>) -> Vec<Finding> {
    let path = view.machine.net_file("sockstat");
    let mem = sysctl_path("net.ipv4.tcp_mem");
    let read = view.machine.read(&path).map_err(|why| (&path, why));
    let limits = view
        .machine
        .read(&mem)
        .and_then(|text| three_numbers(&text));
    let (text, [_, pressure, most]) = match (read, limits) {
        (Ok(text), Ok(limits)) => (text, limits),
        (Err((path, why)), _) => return vec![view.unread(path, &why)],
        (_, Err(why)) => return vec![view.unread(&mem, &why)],
    };
    let Some(pages) = named_number(&text, "TCP", "mem") else {
        return vec![view.unread(&path, &super::machine::Unread::garbage(&text))];
    };
    let events = view.machine.read(&view.machine.net_file("netstat"));
    let table = counters(&events.unwrap_or_default(), "TcpExt");
    let count = |name: &str| table.get(name).copied().unwrap_or_default();
    let (pressures, aborts) = (count("TCPMemoryPressures"), count("TCPAbortOnMemory"));
    let page = |pages: u64| bytes(pages.saturating_mul(view.machine.page_bytes()));
    let current = format!(
        "{} of {} at pressure and {} at most; {} times under pressure, {} connections reset",
        page(pages),
        page(pressure),
        page(most),
        grouped(pressures),
        grouped(aborts)
    );
    let severity = if pages >= pressure {
        Severity::Problem
    } else if percent(pages, pressure) >= PRESSURE_PERCENT_NEAR || aborts > 0 {
        Severity::Warning
    } else if pressures > 0 {
        Severity::Advice
    } else {
        return vec![view.fine(current).value(pages)];
    };
    let finding = view.finding(severity, current).value(pages);
    vec![finding.fix(view.command(0, &[]))]
}

fn notsent(view: &View<'_>) -> Vec<Finding> {
    const NONE: u64 = 4_294_967_295;
    let path = sysctl_path(view.knob.id);
    match view.machine.number(&path) {
        Ok(NONE) => vec![view.fine("no limit").value(NONE)],
        Ok(value) if value >= NOTSENT_BYTES_MIN => vec![view.fine(grouped(value)).value(value)],
        Ok(value) => vec![
            view.finding(Severity::Warning, grouped(value))
                .value(value)
                .fix(set_command(view.knob.id, NONE))
                .change(Change::sysctl(view.knob.id, NONE)),
        ],
        Err(why) => vec![view.unread(&path, &why)],
    }
}
