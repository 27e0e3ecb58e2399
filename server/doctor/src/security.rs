//! Mitigations of the CPU's weaknesses, huge pages, and TLS in the kernel: one knob each.

use super::kernel::{Built, built};
use super::knob::{Change, Finding, Knob, Profile, Setting, Severity, View, sysctl_path};
use super::machine::Unread;
use super::parse::chosen;

pub(super) static MITIGATIONS: [Knob; 1] = [Knob {
    id: "mitigations",
    title: "Protection against weaknesses of the CPU",
    default: "on for the weaknesses that this CPU has",
    why: "Without them code in one process, guest or browser tab can read the memory of another. \
          Only a machine with one tenant and no foreign code may go without.",
    setting: Setting::Checked {
        wanted: ["on", "on", "any, and said beside every figure"],
        fix: &[
            "grep . /sys/devices/system/cpu/vulnerabilities/*",
            "cat /proc/cmdline   # then boot without mitigations=off",
        ],
        check: mitigations,
    },
}];

pub(super) static PAGES: [Knob; 1] = [Knob {
    id: "thp",
    title: "Large pages without being asked for",
    default: "madvise on most distributions, always on some",
    why: "always gives a thread's stack or a sparse arena 2 MiB where 4 KiB were touched, and \
          stalls while pages are put together.",
    setting: Setting::Checked {
        wanted: ["madvise or never", "madvise or never", "madvise or never"],
        fix: &["echo madvise > /sys/kernel/mm/transparent_hugepage/enabled"],
        check: huge_pages,
    },
}];

pub(super) static TLS: [Knob; 1] = [Knob {
    id: "tls.kernel",
    title: "TLS records in the kernel (kTLS)",
    default: "a module, loaded on demand",
    why: "Without it a server encrypts in its own memory, so files cannot go out by sendfile or \
          splice over TLS. Everything works; large files cost more CPU.",
    setting: Setting::Checked {
        wanted: ["available", "available", "available"],
        fix: &[
            "modprobe tls",
            "grep CONFIG_TLS= /boot/config-$(uname -r)   # needs a kernel with =y or =m",
        ],
        check: kernel_tls,
    },
}];

fn mitigations(view: &View<'_>) -> Vec<Finding> {
    let folder = "/sys/devices/system/cpu/vulnerabilities";
    let names = match view.machine.list(folder) {
        Ok(names) => names,
        Err(why) => return vec![view.unread(folder, &why)],
    };
    let mut mitigated = 0;
    let mut open = Vec::new();
    for name in &names {
        match view.machine.read(&format!("{folder}/{name}")) {
            Ok(state) if state.starts_with("Vulnerable") => open.push(name.as_str()),
            Ok(state) if state.starts_with("Mitigation") => mitigated += 1,
            _ => {}
        }
    }
    let line = view.machine.read("/proc/cmdline").unwrap_or_default();
    let off = line
        .split_whitespace()
        .any(|word| word == "mitigations=off");
    let mut current = format!("{mitigated} mitigated, {} open", open.len());
    if !open.is_empty() {
        current = format!("{current} ({})", open.join(", "));
    }
    if off {
        current = format!("mitigations=off: {current}");
    }
    let severity = match (off, view.profile) {
        (_, Profile::Benchmark) => return vec![view.fine(current)],
        (true, Profile::Safe) => Severity::Warning,
        (true, Profile::Dedicated) => Severity::Advice,
        (false, _) if open.is_empty() => return vec![view.fine(current)],
        (false, _) => Severity::Advice,
    };
    let finding = view.finding(severity, current);
    vec![finding.fix(view.command(usize::from(off), &[]))]
}

fn huge_pages(view: &View<'_>) -> Vec<Finding> {
    let path = "/sys/kernel/mm/transparent_hugepage/enabled";
    let text = match view.machine.read(path) {
        Ok(text) => text,
        Err(Unread::Missing) => return vec![view.fine("not in this kernel")],
        Err(why) => return vec![view.unread(path, &why)],
    };
    match chosen(&text) {
        Ok("always") => vec![
            view.finding(Severity::Advice, "always")
                .value("always")
                .fix(view.command(0, &[]))
                .change(Change::File {
                    path: path.to_owned(),
                    value: "madvise".to_owned(),
                }),
        ],
        Ok(choice) => vec![view.fine(choice).value(choice)],
        Err(why) => vec![view.unread(path, &why)],
    }
}

fn kernel_tls(view: &View<'_>) -> Vec<Finding> {
    let path = sysctl_path("net.ipv4.tcp_available_ulp");
    let available = match view.machine.read(&path) {
        Ok(available) => available,
        Err(Unread::Empty) => String::new(),
        Err(why) => return vec![view.unread(&path, &why)],
    };
    if available.split_whitespace().any(|one| one == "tls") {
        return vec![view.fine("available").value(available)];
    }
    let (current, can_load) = match built(view.machine, "TLS", "tls") {
        Built::In => ("in the kernel, not yet in use", true),
        Built::Module => ("a module that is not loaded", true),
        Built::Out => ("this kernel was built without it", false),
        Built::Unknown => ("not loaded; whether it could be cannot be seen", true),
    };
    let finding = view.finding(Severity::Advice, current).value(available);
    vec![finding.fix(view.command(usize::from(!can_load), &[]))]
}
