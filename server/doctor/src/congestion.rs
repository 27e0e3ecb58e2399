//! Congestion control, and the queue in front of each network interface.

use serde_json::Value;

use super::interfaces::physical;
use super::kernel::{Built, built};
use super::knob::{Change, Finding, Knob, Profile, Setting, Severity, View, sysctl_path};
use super::machine::Unread;

pub(super) static KNOBS: [Knob; 3] = [
    Knob {
        id: "net.ipv4.tcp_congestion_control",
        title: "How fast TCP sends",
        default: "cubic",
        why: "On loopback nothing is ever lost or queued on the way; bbr's pacing only costs CPU \
              there and bends the figures.",
        setting: Setting::Checked {
            wanted: ["any", "any", "cubic or reno over loopback"],
            fix: &["sysctl -w net.ipv4.tcp_congestion_control=cubic"],
            check: control,
        },
    },
    Knob {
        id: "net.core.default_qdisc",
        title: "The queue that a new network interface gets",
        default: "pfifo_fast; systemd sets fq_codel",
        why: "bbr paces what it sends; an interface that comes without fq makes every connection \
              pace itself with a timer.",
        setting: Setting::Checked {
            wanted: [
                "fq with bbr, else any",
                "fq with bbr, else any",
                "fq with bbr, else any",
            ],
            fix: &["sysctl -w net.core.default_qdisc=fq"],
            check: default_queue,
        },
    },
    Knob {
        id: "qdisc",
        title: "The queue in front of a network interface",
        default: "mq with one default_qdisc for each queue",
        why: "bbr without fq: each connection that sends paces itself with a timer of its own, which \
              costs CPU where fq would do it for all in one place.",
        setting: Setting::Checked {
            wanted: [
                "fq with bbr, else any",
                "fq with bbr, else any",
                "fq with bbr, else any",
            ],
            fix: &[
                "tc qdisc replace dev DEV root fq",
                "sysctl -w net.core.default_qdisc=fq; tc qdisc replace dev DEV root mq",
                "sysctl -w net.ipv4.tcp_congestion_control=cubic   # where the kernel has no fq",
            ],
            check: queues,
        },
    },
];

const CONTROL: &str = "net.ipv4.tcp_congestion_control";

fn is_bbr(view: &View<'_>) -> Result<bool, Unread> {
    let name = view.machine.read(&sysctl_path(CONTROL))?;
    Ok(name.starts_with("bbr"))
}

fn fq(view: &View<'_>) -> Built {
    built(view.machine, "NET_SCH_FQ", "sch_fq")
}

fn control(view: &View<'_>) -> Vec<Finding> {
    let path = sysctl_path(CONTROL);
    let current = match view.machine.read(&path) {
        Ok(current) => current,
        Err(why) => return vec![view.unread(&path, &why)],
    };
    let available = sysctl_path("net.ipv4.tcp_available_congestion_control");
    let available = view.machine.read(&available).unwrap_or_default();
    let shown = match available.is_empty() {
        true => current.clone(),
        false => format!("{current} (of {})", available.replace(' ', ", ")),
    };
    let is_plain = ["cubic", "reno"].contains(&current.as_str());
    if view.profile != Profile::Benchmark || is_plain {
        return vec![view.fine(shown).value(current)];
    }
    vec![
        view.finding(Severity::Advice, shown)
            .value(current)
            .fix(view.command(0, &[]))
            .change(Change::sysctl(CONTROL, "cubic")),
    ]
}

fn default_queue(view: &View<'_>) -> Vec<Finding> {
    let path = sysctl_path(view.knob.id);
    let (current, bbr) = match (view.machine.read(&path), is_bbr(view)) {
        (Ok(current), Ok(bbr)) => (current, bbr),
        (Err(why), _) => return vec![view.unread(&path, &why)],
        (_, Err(why)) => return vec![view.unread(&sysctl_path(CONTROL), &why)],
    };
    if !bbr || current == "fq" {
        return vec![view.fine(&current).value(&current)];
    }
    if fq(view) == Built::Out {
        let shown = format!("{current}; this kernel has no fq");
        return vec![view.fine(shown).value(&current)];
    }
    vec![
        view.finding(Severity::Advice, format!("{current}, with bbr"))
            .value(&current)
            .fix(view.command(0, &[]))
            .change(Change::sysctl(view.knob.id, "fq")),
    ]
}

/// One queueing discipline, as `tc -j qdisc show` lists them.
struct Queue {
    device: String,
    kind: String,
    is_root: bool,
    /// The kernel put it there by itself, so that it can be put back by deleting another.
    is_automatic: bool,
}

fn listed(text: &str) -> Result<Vec<Queue>, Unread> {
    let value: Value = serde_json::from_str(text).map_err(|_| Unread::garbage(text))?;
    let list = value.as_array().ok_or_else(|| Unread::garbage(text))?;
    let queue = |one: &Value| {
        Some(Queue {
            device: one.get("dev")?.as_str()?.to_owned(),
            kind: one.get("kind")?.as_str()?.to_owned(),
            is_root: one.get("root").and_then(Value::as_bool) == Some(true),
            is_automatic: one.get("handle").and_then(Value::as_str) == Some("0:"),
        })
    };
    Ok(list.iter().filter_map(queue).collect())
}

fn queues(view: &View<'_>) -> Vec<Finding> {
    let bbr = match is_bbr(view) {
        Ok(bbr) => bbr,
        Err(why) => return vec![view.unread(&sysctl_path(CONTROL), &why)],
    };
    let names = match physical(view) {
        Ok(names) => names,
        Err(why) => return vec![view.unread("/sys/class/net", &why)],
    };
    if names.is_empty() {
        return Vec::new();
    }
    let text = view.machine.output("tc", &["-j", "qdisc", "show"]);
    let list = match text.and_then(|text| listed(&text)) {
        Ok(list) => list,
        Err(why) => return vec![view.unread("tc -j qdisc show", &why)],
    };
    names
        .iter()
        .map(|name| queue_of(view, name, &list, bbr).about(name))
        .collect()
}

fn queue_of(view: &View<'_>, device: &str, list: &[Queue], bbr: bool) -> Finding {
    let own: Vec<&Queue> = list.iter().filter(|queue| queue.device == device).collect();
    let Some(root) = own.iter().find(|queue| queue.is_root) else {
        let why = Unread::Other(format!("tc lists none for {device}"));
        return view.unread("queueing discipline", &why);
    };
    let mut leaves: Vec<&str> = own
        .iter()
        .filter(|queue| !queue.is_root)
        .map(|queue| queue.kind.as_str())
        .collect();
    leaves.sort_unstable();
    leaves.dedup();
    let shown = match leaves.is_empty() {
        true => root.kind.clone(),
        false => format!("{} with {}", root.kind, leaves.join(", ")),
    };
    let paces = root.kind == "fq" || (!leaves.is_empty() && leaves == ["fq"]);
    if !bbr || paces {
        return view.fine(&shown).value(&root.kind);
    }
    let words = [("DEV", device)];
    let finding = |shown: String| {
        let finding = view.finding(Severity::Warning, shown);
        finding.value(&root.kind)
    };
    if fq(view) == Built::Out {
        let shown = format!("{shown}: bbr without fq, and this kernel has none");
        return finding(shown).fix(view.command(2, &words));
    }
    let kind = if root.kind == "mq" { "mq" } else { "fq" };
    let fix = view.command(usize::from(kind == "mq"), &words);
    let finding = finding(format!("{shown}: bbr without fq")).fix(fix);
    if !root.is_automatic {
        return finding; // somebody set it up with options that a script could not restore
    }
    finding.change(Change::Qdisc {
        device: device.to_owned(),
        kind,
    })
}
