//! All knobs that doctor knows, and what it finds out about them on a machine.

use super::knob::{Finding, Group, Knob, Profile, Setting, View};
use super::machine::Machine;
use super::{
    admission, congestion, containers, cpu, limits, memory, netfilter, packets, ports, rule,
    security, uring,
};

/// The tables, in the order of the guide.
pub(super) fn tables() -> [(Group, &'static [Knob]); 13] {
    [
        (Group::Admission, &admission::KNOBS),
        (Group::Limits, &limits::KNOBS),
        (Group::Memory, &memory::KNOBS),
        (Group::Ports, &ports::KNOBS),
        (Group::Cpu, &cpu::KNOBS),
        (Group::Interrupts, &packets::KNOBS),
        (Group::Congestion, &congestion::KNOBS),
        (Group::Netfilter, &netfilter::KNOBS),
        (Group::Mitigations, &security::MITIGATIONS),
        (Group::Pages, &security::PAGES),
        (Group::Uring, &uring::KNOBS),
        (Group::Tls, &security::TLS),
        (Group::Containers, &containers::KNOBS),
    ]
}

/// Looks at every knob. Worst first; of the same severity in the order of the guide.
pub(super) fn examine(machine: &Machine, profile: Profile) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (group, knobs) in tables() {
        for knob in knobs {
            let view = View {
                knob,
                group,
                machine,
                profile,
            };
            findings.extend(look(&view));
        }
    }
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    findings
}

/// Looks at one knob.
pub(super) fn look(view: &View<'_>) -> Vec<Finding> {
    match &view.knob.setting {
        Setting::Sysctl(rule) => vec![rule::sysctl(view, rule)],
        Setting::Checked { check, .. } => check(view),
    }
}
