//! Finds which settings of a Linux machine limit a server, and says how to change them.
//!
//! ```
//! use ringlane_doctor::{Machine, Profile, Report, Severity, Style};
//!
//! # fn main() -> std::io::Result<()> {
//! let machine = Machine::open("/", None)?;
//! let report = Report::of(&machine, Profile::Safe);
//! for finding in report.findings() {
//!     if finding.severity >= Severity::Warning {
//!         eprintln!("{}: {} ({})", finding.id(), finding.current, finding.why);
//!     }
//! }
//! let text = report.text(Style::plain(80), false);
//! assert!(text.starts_with("ringlane doctor, profile safe\n"));
//! # Ok(())
//! # }
//! ```
//!
//! The same checks are the command `ringlane doctor`. [Kernel tuning] explains each of them.
//!
//! ```text
//! knobs (one table per family) ──► findings ──► report, JSON or script
//! machine (files below a root)
//! ```
//!
//! Always true here:
//! - Nothing is changed. The script that would is text for a person to read and run.
//! - No privilege is needed; what cannot be read is a finding with the reason.
//! - The web server's library is not needed: of Ringlane only the reactor's probe of io_uring is.
//!
//! [Kernel tuning]: ../../../docs/KERNEL-TUNING.md

#![forbid(unsafe_code)]

mod admission;
mod buffers;
mod cgroup;
mod congestion;
mod containers;
mod cpu;
mod facts;
mod interfaces;
mod json;
mod kernel;
mod knob;
mod knobs;
mod limits;
mod machine;
mod memory;
mod netfilter;
mod packets;
mod parse;
mod ports;
mod report;
mod rule;
mod script;
mod security;
mod style;
#[cfg(test)]
mod tests;
mod uring;
mod watch;

use std::io;

pub use facts::Facts;
pub use knob::{Change, Finding, Group, Profile, Severity};
pub use machine::Machine;
pub use style::Style;
pub use watch::Watch;

/// What was found on one machine, judged for one profile.
///
/// ```
/// use ringlane_doctor::{Machine, Profile, Report};
///
/// # fn main() -> std::io::Result<()> {
/// let report = Report::of(&Machine::open("/", None)?, Profile::Dedicated);
/// assert!(report.json()?.contains("\"profile\": \"dedicated\""));
/// assert!(report.script().starts_with("#!"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Report {
    profile: Profile,
    facts: Facts,
    findings: Vec<Finding>,
}

impl Report {
    /// Runs every check. What cannot be read becomes a finding with [`Severity::Unread`].
    #[must_use]
    pub fn of(machine: &Machine, profile: Profile) -> Self {
        Self {
            profile,
            facts: Facts::read(machine),
            findings: knobs::examine(machine, profile),
        }
    }

    /// The profile whose values are wanted.
    #[must_use]
    pub fn profile(&self) -> Profile {
        self.profile
    }

    /// The machine itself: kernel, CPUs, memory.
    #[must_use]
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// One finding or more for each check, worst first; of the same severity in the guide's order.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// The worst severity found.
    #[must_use]
    pub fn worst(&self) -> Severity {
        let worst = self.findings.iter().map(|finding| finding.severity).max();
        worst.unwrap_or(Severity::Fine)
    }

    /// For people: grouped, worst first, a summary as the last line. `all` lists what is fine too.
    #[must_use]
    pub fn text(&self, style: Style, all: bool) -> String {
        report::text(&self.findings, &self.facts, self.profile, style, all)
    }

    /// For programs: one JSON object, with every finding. The guide describes its schema.
    ///
    /// # Errors
    /// If it cannot be serialised, which no finding causes.
    pub fn json(&self) -> io::Result<String> {
        Ok(json::text(&self.findings, &self.facts, self.profile)?)
    }

    /// A shell script that makes the changes as root, and undoes them with `--revert`.
    #[must_use]
    pub fn script(&self) -> String {
        script::text(&self.findings, self.profile)
    }
}
