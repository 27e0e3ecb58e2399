//! Each knob's good state and its bad ones.

mod cpus;
mod sockets;
mod system;

use std::collections::BTreeSet;

use super::super::knob::{Change, Profile, Severity, Severity::*};
use super::super::knobs::tables;
use super::fake::Fake;

use Profile::{Benchmark, Dedicated, Safe};

const PROFILES: [Profile; 3] = [Safe, Dedicated, Benchmark];

/// Files that are set; an empty text takes the file away.
type Edits = &'static [(&'static str, &'static str)];

/// A bad state: the knob, the profile, what is changed on a good machine, how bad that is, and a
/// part of what is said of it.
type Case = (&'static str, Profile, Edits, Severity, &'static str);

const SYS: &str = "proc/sys/";
const LIMITS_LOW: &str = "Max open files            1024                 20000                files\n\
                          Max locked memory         65536                65536                bytes\n";
const LIMITS_LOWEST: &str =
    "Max open files 1024 1024 files\nMax locked memory 8388608 8388608 bytes\n";
const CAPABLE: &str = "Uid:\t0\t0\t0\t0\nCapEff:\t000001ffffffffff\nSeccomp:\t2\n\
                       Seccomp_filters:\t3\nCpus_allowed_list:\t0-1\n";
const ONE_CPU: &str = "CapEff:\t0\nSeccomp:\t1\nCpus_allowed_list:\t1\n";
const GROUP: &str = "sys/fs/cgroup/system.slice/ringlane.service/";

/// The knobs that are one number in `/proc/sys`.
const NUMBERS: &[(&str, Profile, &str, Severity)] = &[
    ("net.core.somaxconn", Safe, "128", Warning),
    ("net.core.somaxconn", Dedicated, "4096", Advice),
    ("net.ipv4.tcp_syncookies", Safe, "0", Warning),
    ("net.ipv4.tcp_syncookies", Safe, "2", Warning),
    ("net.ipv4.tcp_abort_on_overflow", Safe, "1", Warning),
    ("net.ipv4.tcp_synack_retries", Dedicated, "5", Advice),
    ("net.ipv4.tcp_synack_retries", Safe, "9", Warning),
    ("fs.nr_open", Dedicated, "1048576", Advice),
    ("fs.nr_open", Safe, "1024", Warning),
    ("fs.file-max", Dedicated, "1000000", Advice),
    ("fs.file-max", Safe, "131071", Warning),
    ("vm.max_map_count", Safe, "65529", Warning),
    ("net.ipv4.tcp_moderate_rcvbuf", Safe, "0", Warning),
    ("net.core.rmem_max", Safe, "212991", Advice),
    ("net.core.rmem_max", Safe, "65535", Warning),
    ("net.core.wmem_max", Safe, "212991", Advice),
    ("net.core.wmem_max", Safe, "65535", Warning),
    ("net.ipv4.tcp_notsent_lowat", Safe, "1024", Warning),
    ("net.ipv4.tcp_slow_start_after_idle", Safe, "1", Advice),
    ("net.ipv4.tcp_window_scaling", Safe, "0", Warning),
    ("net.ipv4.tcp_timestamps", Safe, "0", Warning),
    ("net.ipv4.tcp_sack", Safe, "0", Warning),
    ("net.ipv4.tcp_max_orphans", Safe, "1000", Warning),
    ("net.ipv4.tcp_max_orphans", Dedicated, "5000", Advice),
    ("vm.swappiness", Dedicated, "60", Advice),
    ("net.ipv4.tcp_tw_reuse", Safe, "0", Advice),
    ("net.ipv4.tcp_tw_reuse", Benchmark, "2", Advice),
    ("net.ipv4.tcp_fin_timeout", Dedicated, "60", Advice),
    ("net.ipv4.tcp_fin_timeout", Safe, "200", Warning),
    ("net.ipv4.tcp_max_tw_buckets", Safe, "6000", Warning),
    ("net.ipv4.tcp_max_tw_buckets", Benchmark, "131072", Advice),
    ("kernel.sched_autogroup_enabled", Benchmark, "1", Advice),
    ("net.core.netdev_max_backlog", Safe, "999", Warning),
    ("net.core.netdev_max_backlog", Dedicated, "1000", Advice),
    ("net.core.netdev_budget", Safe, "200", Advice),
    ("net.core.netdev_budget", Safe, "10", Warning),
    ("net.core.netdev_budget_usecs", Safe, "1500", Advice),
    ("net.core.netdev_budget_usecs", Safe, "500", Warning),
    ("net.core.busy_read", Safe, "50", Advice),
    ("net.core.busy_read", Benchmark, "2000", Warning),
    ("net.core.busy_poll", Dedicated, "50", Advice),
    ("net.core.rps_sock_flow_entries", Safe, "65536", Advice),
];

/// All others.
fn cases() -> impl Iterator<Item = &'static Case> {
    let tables = [sockets::CASES, cpus::CASES, system::CASES];
    tables.into_iter().flatten()
}

fn edited(edits: Edits) -> Fake {
    let fake = Fake::new();
    for (path, text) in edits {
        if text.is_empty() {
            fake.remove(path);
        } else {
            fake.set(path, text);
        }
    }
    fake
}

#[test]
fn a_good_machine_leaves_nothing_to_do() {
    let fake = Fake::new();
    for profile in PROFILES {
        for finding in fake.examine(profile) {
            let expected = if finding.knob.id == "uring.ring" {
                Unread
            } else {
                Fine
            };
            assert_eq!(finding.severity, expected, "{profile:?}: {finding:#?}");
            assert!(finding.changes.is_empty() && finding.fix.is_empty());
        }
    }
}

#[test]
fn numbers_that_harm_or_could_be_better_are_found() {
    for (id, profile, value, severity) in NUMBERS {
        let fake = Fake::new();
        fake.set(&format!("{SYS}{}", id.replace('.', "/")), value);
        let finding = fake.find(*profile, id);
        assert_eq!(finding.severity, *severity, "{id} = {value}: {finding:#?}");
        assert_eq!(finding.value.as_deref(), Some(*value));
        let [
            Change::File {
                path,
                value: target,
            },
        ] = finding.changes.as_slice()
        else {
            panic!("{id}: one change is expected: {finding:#?}");
        };
        fake.set(path.trim_start_matches('/'), target);
        let after = fake.find(*profile, id);
        assert_eq!(
            after.severity, Fine,
            "its own fix is not enough: {after:#?}"
        );
        let command = format!("sysctl -w {id}={target}");
        assert_eq!(finding.fix, [command]);
    }
}

#[test]
fn every_other_bad_state_is_found() {
    for (id, profile, edits, severity, part) in cases() {
        let finding = edited(edits).find(*profile, id);
        assert_eq!(finding.severity, *severity, "{id}, {edits:?}: {finding:#?}");
        assert!(finding.current.contains(part), "{part}: {finding:#?}");
        let must_say_how = finding.severity >= Advice;
        assert!(
            !must_say_how || !finding.fix.is_empty(),
            "no fix: {finding:#?}"
        );
        for command in &finding.fix {
            for word in ["DEV", "COUNT", "MASK", "QUEUE", "IRQ", "CLOCK", "PAGES"] {
                assert!(
                    !command.contains(word),
                    "{word} is not filled in: {command}"
                );
            }
        }
    }
}

#[test]
fn changes_make_the_state_good() {
    for (id, profile, edits, _, _) in cases() {
        let fake = edited(edits);
        let finding = fake.find(*profile, id);
        let files = finding.changes.iter().filter_map(|change| match change {
            Change::File { path, value } => Some((path.trim_start_matches('/'), value)),
            Change::Qdisc { .. } => None,
        });
        let mut changed = false;
        for (path, value) in files {
            // The kernel follows where it can: here there is none.
            let path = path.replace("smp_affinity_list", "effective_affinity_list");
            let value = if path.ends_with("transparent_hugepage/enabled") {
                format!("always [{value}] never")
            } else {
                value.clone()
            };
            fake.set(&path, value);
            changed = true;
        }
        let after = fake.find(*profile, id);
        assert!(!changed || after.severity == Fine, "{id}: {after:#?}");
    }
}

#[test]
fn every_knob_has_a_bad_state_here() {
    let shown: BTreeSet<&str> = NUMBERS
        .iter()
        .map(|(id, ..)| *id)
        .chain(cases().map(|(id, ..)| *id))
        .chain(["uring.ring"]) // shown in `rings.rs`
        .collect();
    for (_, knobs) in tables() {
        for knob in knobs {
            assert!(shown.contains(knob.id), "{} has no bad state", knob.id);
        }
    }
}

#[test]
fn the_group_that_is_tightest_counts() {
    let fake = Fake::new();
    for (folder, used) in [("system.slice/", "10"), ("", "95")] {
        fake.set(&format!("sys/fs/cgroup/{folder}pids.max"), "100");
        fake.set(&format!("sys/fs/cgroup/{folder}pids.current"), used);
    }
    fake.set(&format!("{GROUP}pids.max"), "50");
    fake.set(&format!("{GROUP}pids.current"), "1");
    let finding = fake.find(Safe, "cgroup.pids");
    assert!(finding.current.starts_with("95 of 100"), "{finding:#?}");
}

#[test]
fn a_queue_that_somebody_set_up_is_not_scripted() {
    let tc = |handle: &str| {
        format!(r#"[{{"kind":"htb","handle":"{handle}","dev":"eth0","root":true}}]"#)
    };
    let fake = edited(&[("proc/sys/net/ipv4/tcp_congestion_control", "bbr")]);
    fake.set("commands/tc -j qdisc show", tc("1:"));
    assert_eq!(fake.find(Safe, "qdisc").changes, []);
    fake.set("commands/tc -j qdisc show", tc("0:"));
    let device = "eth0".to_owned();
    assert_eq!(
        fake.find(Safe, "qdisc").changes,
        [Change::Qdisc { device, kind: "fq" }]
    );
}

#[test]
fn another_process_is_looked_at_by_its_id() {
    let fake = Fake::new();
    fake.set("proc/77/limits", LIMITS_LOWEST);
    fake.set("proc/77/status", CAPABLE);
    let machine = super::super::machine::Machine::new(fake.root(), Some(77));
    let findings = super::super::knobs::examine(&machine, Safe);
    let nofile = findings
        .iter()
        .find(|finding| finding.knob.id == "limits.nofile")
        .expect("a finding");
    assert_eq!(nofile.value.as_deref(), Some("1024"));
}
