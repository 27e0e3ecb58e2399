//! What a knob is, how bad a finding is, and what would change it.
//!
//! Always true here:
//! - A knob's name, default, wanted values and commands stand in one place, its family's table; the
//!   guide's section of the same name is checked against it.
//!
//! Not here: the tables (one file per family), how findings are shown (`report.rs`, `json.rs`).

use std::fmt;

use super::machine::{Machine, Unread};
use super::rule::Rule;

/// Which values are wanted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Profile {
    /// Good for every machine that serves, whatever else runs there.
    Safe,
    /// The machine serves and does nothing else.
    Dedicated,
    /// The machine measures, often with the load generator on it, and is thrown away.
    Benchmark,
}

impl Profile {
    /// The name in reports and on the command line: `safe`, `dedicated` or `benchmark`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Safe => "safe",
            Self::Dedicated => "dedicated",
            Self::Benchmark => "benchmark",
        }
    }

    /// Its entry in a row of values for safe, dedicated, benchmark.
    pub(super) fn pick<T: Copy>(self, row: &[T; 3]) -> T {
        let [safe, dedicated, benchmark] = *row;
        match self {
            Self::Safe => safe,
            Self::Dedicated => dedicated,
            Self::Benchmark => benchmark,
        }
    }
}

/// How much a finding matters, from nothing to most.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Severity {
    /// As wanted.
    Fine,
    /// It could not be read; the finding says why.
    Unread,
    /// It could be better; nothing breaks.
    Advice,
    /// It will limit or harm a server under load.
    Warning,
    /// It limits or harms now.
    Problem,
}

impl Severity {
    /// From worst to fine, as reports list them.
    pub const WORST_FIRST: [Self; 5] = [
        Self::Problem,
        Self::Warning,
        Self::Advice,
        Self::Unread,
        Self::Fine,
    ];

    /// The name in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Fine => "fine",
            Self::Unread => "unread",
            Self::Advice => "advice",
            Self::Warning => "warning",
            Self::Problem => "problem",
        }
    }
}

/// A section of the guide, and what its checks are about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Group {
    /// Queues of connections that are not accepted yet.
    Admission,
    /// Descriptors and locked memory of a process and of the machine.
    Limits,
    /// Socket buffers and the memory of TCP.
    Memory,
    /// Local ports and connections in TIME-WAIT.
    Ports,
    /// Frequency, idle states, scheduling and the share of a container.
    Cpu,
    /// Interrupts, queues and offloads of network interfaces.
    Interrupts,
    /// Congestion control and queueing disciplines.
    Congestion,
    /// Packet filters and connection tracking.
    Netfilter,
    /// Mitigations of faults of CPUs.
    Mitigations,
    /// Transparent huge pages.
    Pages,
    /// Whether a ring can be made, and which kind.
    Uring,
    /// TLS in the kernel.
    Tls,
    /// Limits that a container adds.
    Containers,
}

impl Group {
    /// The heading in the guide and in reports.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Admission => "Admission and backlog",
            Self::Limits => "Descriptors and memlock",
            Self::Memory => "Memory per connection",
            Self::Ports => "Ports on clients",
            Self::Cpu => "CPU and pinning",
            Self::Interrupts => "Interrupts and queues",
            Self::Congestion => "Congestion control and qdisc",
            Self::Netfilter => "Netfilter and conntrack",
            Self::Mitigations => "Mitigations",
            Self::Pages => "Transparent huge pages",
            Self::Uring => "io_uring",
            Self::Tls => "Kernel TLS",
            Self::Containers => "Containers and Kubernetes",
        }
    }

    /// The name in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Admission => "admission",
            Self::Limits => "limits",
            Self::Memory => "memory",
            Self::Ports => "ports",
            Self::Cpu => "cpu",
            Self::Interrupts => "interrupts",
            Self::Congestion => "congestion",
            Self::Netfilter => "netfilter",
            Self::Mitigations => "mitigations",
            Self::Pages => "pages",
            Self::Uring => "uring",
            Self::Tls => "tls",
            Self::Containers => "containers",
        }
    }
}

/// Something that can be set, or seen to be at its limit.
#[derive(Debug)]
pub(super) struct Knob {
    /// The name in reports and in the guide; a sysctl's is its key.
    pub(super) id: &'static str,
    pub(super) title: &'static str,
    /// What Linux 6 starts with.
    pub(super) default: &'static str,
    /// What follows if it is not as wanted.
    pub(super) why: &'static str,
    pub(super) setting: Setting,
}

/// How a knob is judged.
#[derive(Clone, Copy, Debug)]
pub(super) enum Setting {
    /// A number in a file below `/proc/sys`.
    Sysctl(Rule),
    /// Anything else.
    Checked {
        /// What is wanted, in words, for each profile.
        wanted: [&'static str; 3],
        /// Commands; words in capitals stand for what the check fills in.
        fix: &'static [&'static str],
        check: fn(&View<'_>) -> Vec<Finding>,
    },
}

impl Knob {
    /// What is wanted, in words.
    pub(super) fn wanted(&self, profile: Profile) -> String {
        match &self.setting {
            Setting::Sysctl(rule) => rule.wanted(profile),
            Setting::Checked { wanted, .. } => profile.pick(wanted).to_owned(),
        }
    }

    /// Where the guide speaks of it.
    pub(super) fn anchor(&self) -> String {
        let kept = |character: &char| {
            character.is_ascii_alphanumeric() || *character == '_' || *character == '-'
        };
        self.id.chars().filter(kept).collect()
    }
}

/// One knob, on one machine, for one profile.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    pub(super) knob: &'static Knob,
    pub(super) group: Group,
    pub(super) machine: &'a Machine,
    pub(super) profile: Profile,
}

impl View<'_> {
    /// Whether more is asked for than is good for every machine.
    pub(super) fn is_dedicated(&self) -> bool {
        self.profile != Profile::Safe
    }

    /// `Warning` on a machine that does nothing else, `Advice` elsewhere.
    pub(super) fn warning_if_dedicated(&self) -> Severity {
        if self.is_dedicated() {
            Severity::Warning
        } else {
            Severity::Advice
        }
    }

    /// One of the knob's commands, with its words in capitals filled in.
    pub(super) fn command(&self, index: usize, words: &[(&str, &str)]) -> String {
        let Setting::Checked { fix, .. } = &self.knob.setting else {
            return String::new();
        };
        let mut text = fix.get(index).copied().unwrap_or_default().to_owned();
        for (word, value) in words {
            text = text.replace(word, value);
        }
        text
    }

    /// As wanted.
    pub(super) fn fine(&self, current: impl Into<String>) -> Finding {
        self.finding(Severity::Fine, current)
    }

    pub(super) fn unread(&self, what: &str, why: &Unread) -> Finding {
        self.finding(Severity::Unread, format!("{what}: {why}"))
    }

    pub(super) fn finding(&self, severity: Severity, current: impl Into<String>) -> Finding {
        Finding {
            knob: self.knob,
            group: self.group,
            subject: None,
            severity,
            value: None,
            current: clean(&current.into()),
            wanted: self.knob.wanted(self.profile),
            why: self.knob.why.to_owned(),
            fix: Vec::new(),
            changes: Vec::new(),
        }
    }
}

/// What one check found.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Finding {
    pub(super) knob: &'static Knob,
    /// The section of the guide that explains it.
    pub group: Group,
    /// Which of several things it is about: a network interface.
    pub subject: Option<String>,
    /// How much it matters.
    pub severity: Severity,
    /// The value as the kernel writes it, if it is a single one.
    pub value: Option<String>,
    /// The same for people; for what could not be read, why.
    pub current: String,
    /// What the profile asks for, in words.
    pub wanted: String,
    /// What follows if it is not as wanted.
    pub why: String,
    /// Commands that change it, each a line. A person reads them before running them.
    pub fix: Vec<String>,
    /// The steps of a script that changes it; empty if no script should.
    pub changes: Vec<Change>,
}

impl Finding {
    /// The check's name, the same in every release: a sysctl's key, or such as `limits.nofile`.
    #[must_use]
    pub fn id(&self) -> &'static str {
        self.knob.id
    }

    /// What is checked, in words.
    #[must_use]
    pub fn title(&self) -> &'static str {
        self.knob.title
    }

    /// What Linux 6 starts with, in words.
    #[must_use]
    pub fn linux_default(&self) -> &'static str {
        self.knob.default
    }

    pub(super) fn about(mut self, subject: &str) -> Self {
        self.subject = Some(clean(subject));
        self
    }

    pub(super) fn value(mut self, value: impl fmt::Display) -> Self {
        self.value = Some(value.to_string());
        self
    }

    pub(super) fn wanted(mut self, wanted: impl Into<String>) -> Self {
        self.wanted = wanted.into();
        self
    }

    pub(super) fn why(mut self, why: impl Into<String>) -> Self {
        self.why = why.into();
        self
    }

    pub(super) fn fix(mut self, command: impl Into<String>) -> Self {
        self.fix.push(clean(&command.into()));
        self
    }

    pub(super) fn change(mut self, change: Change) -> Self {
        self.changes.push(change);
        self
    }

    /// The check's name, and which of several things it is about.
    #[must_use]
    pub fn name(&self) -> String {
        match &self.subject {
            Some(subject) => format!("{} ({subject})", self.knob.id),
            None => self.knob.id.to_owned(),
        }
    }
}

/// Text from the machine without what a terminal would obey.
pub(super) fn clean(text: &str) -> String {
    text.replace(char::is_control, "?")
}

/// One step of a script.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Change {
    /// Writes a value to a file below `/proc` or `/sys`.
    File {
        /// The file.
        path: String,
        /// What is written, without a line end.
        value: String,
    },
    /// Gives a network interface another queueing discipline.
    Qdisc {
        /// The interface.
        device: String,
        /// The discipline, as `tc` names it.
        kind: &'static str,
    },
}

impl Change {
    /// Sets a sysctl by its key.
    pub(super) fn sysctl(key: &str, value: impl fmt::Display) -> Self {
        Self::File {
            path: sysctl_path(key),
            value: value.to_string(),
        }
    }
}

/// The file of a sysctl.
pub(super) fn sysctl_path(key: &str) -> String {
    format!("/proc/sys/{}", key.replace('.', "/"))
}
