//! io_uring: whether a ring can be had here, and which one.
//!
//! Always true here:
//! - Trying is the probe, with the very set-ups that a server's start tries.
//! - Nothing here goes into a script: who may use io_uring is for a person to decide.

use ringlane_reactor::{Config, RingError, Uring};

use super::kernel::{release, version};
use super::knob::{Finding, Knob, Profile, Setting, Severity, View, sysctl_path};
use super::machine::Unread;
use super::parse::grouped;

/// Below the first no ring can be had, below the second not the best kind.
const VERSIONS: ((u32, u32), (u32, u32)) = ((6, 0), (6, 1));

pub(super) static KNOBS: [Knob; 4] = [
    Knob {
        id: "uring.ring",
        title: "The ring that a server would get",
        default: "the best kind, from Linux 6.6 on",
        why: "Without a ring Ringlane serves over epoll: correct, with more system calls.",
        setting: Setting::Checked {
            wanted: ["a ring", "a ring", "the best kind"],
            fix: &[
                "docker run --security-opt seccomp=PROFILE.json IMAGE",
                "sysctl -w kernel.io_uring_disabled=0",
                "systemctl edit UNIT   # add: [Service] LimitMEMLOCK=infinity",
            ],
            check: ring,
        },
    },
    Knob {
        id: "kernel.io_uring_disabled",
        title: "Who may make a ring",
        default: "0: everybody",
        why: "1 leaves it to CAP_SYS_ADMIN and the group in kernel.io_uring_group; 2 refuses \
              everybody. Ringlane then serves over epoll.",
        setting: Setting::Checked {
            wanted: [
                "0, or 1 with kernel.io_uring_group",
                "0, or 1 with kernel.io_uring_group",
                "0, or 1 with kernel.io_uring_group",
            ],
            fix: &[
                "sysctl -w kernel.io_uring_disabled=1 kernel.io_uring_group=GID",
                "sysctl -w kernel.io_uring_disabled=0",
            ],
            check: disabled,
        },
    },
    Knob {
        id: "kernel.release",
        title: "The kernel's version",
        default: "what the distribution ships",
        why: "io_uring as Ringlane uses it came with 6.0; 6.1 brought completions without \
              interrupting the worker, 6.6 a queue without an index.",
        setting: Setting::Checked {
            wanted: ["at least 6.1", "at least 6.1", "at least 6.1"],
            fix: &["uname -r   # then the distribution's newer kernel"],
            check: kernel,
        },
    },
    Knob {
        id: "seccomp",
        title: "Filters on this process's system calls",
        default: "none; one in every container",
        why: "Each system call runs through every filter. One that lacks the calls of io_uring takes \
              the ring away.",
        setting: Setting::Checked {
            wanted: [
                "any that allows io_uring",
                "any that allows io_uring",
                "none",
            ],
            fix: &["grep -i seccomp /proc/self/status   # 2 is a filter"],
            check: seccomp,
        },
    },
];

fn ring(view: &View<'_>) -> Vec<Finding> {
    if !view.machine.is_live() {
        return vec![view.unread("the ring", &Unread::Copy)];
    }
    vec![judge(view, &Uring::probe(&Config::default()))]
}

/// What it means that the set-ups, best first, came to this.
pub(super) fn judge(view: &View<'_>, rungs: &[(String, Result<(), RingError>)]) -> Finding {
    let works = rungs.iter().position(|(_, result)| result.is_ok());
    let failure = rungs.iter().find_map(|(_, result)| result.as_ref().err());
    let (Some(at), failure) = (works, failure) else {
        let error = failure.map_or_else(|| "nothing was tried".to_owned(), RingError::to_string);
        let finding = view.finding(Severity::Warning, error);
        return match failure {
            Some(RingError::Filtered(_)) => finding.fix(view.command(0, &[])),
            Some(RingError::Disabled(_)) => finding.fix(view.command(1, &[])),
            Some(RingError::LockedMemory(_)) => finding.fix(view.command(2, &[])),
            _ => finding,
        };
    };
    let name = rungs.get(at).map_or("", |(name, _)| name.as_str());
    match failure {
        Some(error) if at > 0 => {
            let current = format!("kind {} of {}, {name}: {error}", at + 1, rungs.len());
            view.finding(Severity::Advice, current).value(name)
        }
        _ => view.fine(format!("the best kind, {name}")).value(name),
    }
}

fn disabled(view: &View<'_>) -> Vec<Finding> {
    let path = sysctl_path(view.knob.id);
    let group = || {
        let text = view
            .machine
            .read(&sysctl_path("kernel.io_uring_group"))
            .ok()?;
        text.parse::<u32>().ok()
    };
    match view.machine.number(&path) {
        Ok(0) => vec![view.fine("0").value(0)],
        Ok(1) if group().is_some() => {
            let current = format!("1, with group {}", group().unwrap_or_default());
            vec![view.fine(current).value(1)]
        }
        Ok(value) => vec![
            view.finding(Severity::Warning, grouped(value))
                .value(value)
                .fix(view.command(0, &[]))
                .fix(view.command(1, &[])),
        ],
        Err(Unread::Missing) => vec![view.fine("not in this kernel: nothing forbids it")],
        Err(why) => vec![view.unread(&path, &why)],
    }
}

fn kernel(view: &View<'_>) -> Vec<Finding> {
    let path = "/proc/sys/kernel/osrelease";
    let Some(release) = release(view.machine) else {
        return vec![view.unread(path, &Unread::Missing)];
    };
    let severity = match version(&release) {
        Some(version) if version < VERSIONS.0 => Severity::Warning,
        Some(version) if version < VERSIONS.1 => Severity::Advice,
        Some(_) => return vec![view.fine(&release).value(&release)],
        None => return vec![view.unread(path, &Unread::garbage(&release))],
    };
    let finding = view.finding(severity, &release).value(&release);
    vec![finding.fix(view.command(0, &[]))]
}

fn seccomp(view: &View<'_>) -> Vec<Finding> {
    let path = view.machine.process_file("status");
    let mode = match view.machine.status("Seccomp") {
        Ok(mode) => mode,
        Err(why) => return vec![view.unread(&path, &why)],
    };
    let filters = view.machine.status("Seccomp_filters").unwrap_or_default();
    let (severity, current) = match mode.as_str() {
        "0" => (Severity::Fine, "none".to_owned()),
        "1" => (
            Severity::Warning,
            "strict: only read, write and exit".to_owned(),
        ),
        "2" if view.profile == Profile::Benchmark => {
            (Severity::Advice, format!("{filters} filters"))
        }
        "2" => (Severity::Fine, format!("{filters} filters")),
        other => return vec![view.unread(&path, &Unread::garbage(other))],
    };
    let finding = view.finding(severity, current).value(&mode);
    vec![if severity == Severity::Fine {
        finding
    } else {
        finding.fix(view.command(0, &[]))
    }]
}
