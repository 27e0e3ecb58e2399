//! When a number is as wanted, and how bad it is if it is not.
//!
//! Not here: which number a knob wants (the families' tables).

use super::knob::{Change, Finding, Profile, Severity, View, sysctl_path};
use super::parse::grouped;

/// What is wanted of one number; rows are for safe, dedicated, benchmark.
#[derive(Clone, Copy, Debug)]
pub(super) enum Rule {
    /// Below `wanted` it could be better; below `floor` it harms.
    AtLeast { floor: u64, wanted: [u64; 3] },
    /// Above `wanted` it could be better; above `ceiling` it harms.
    AtMost { ceiling: u64, wanted: [u64; 3] },
    /// Only these are fine, the first of them best; another one matters as `otherwise` says.
    OneOf {
        fine: [&'static [u64]; 3],
        otherwise: Severity,
    },
}

impl Rule {
    /// What is wanted, in words.
    pub(super) fn wanted(&self, profile: Profile) -> String {
        match self {
            Self::AtLeast { wanted, .. } => format!("at least {}", grouped(profile.pick(wanted))),
            Self::AtMost { wanted, .. } if profile.pick(wanted) == 0 => "0".to_owned(),
            Self::AtMost { wanted, .. } => format!("at most {}", grouped(profile.pick(wanted))),
            Self::OneOf { fine, .. } => {
                let values = profile.pick(fine).iter().map(|value| grouped(*value));
                values.collect::<Vec<_>>().join(" or ")
            }
        }
    }

    /// The value that a script sets.
    pub(super) fn target(&self, profile: Profile) -> u64 {
        match self {
            Self::AtLeast { wanted, .. } | Self::AtMost { wanted, .. } => profile.pick(wanted),
            Self::OneOf { fine, .. } => profile.pick(fine).first().copied().unwrap_or_default(),
        }
    }

    fn judge(&self, value: u64, profile: Profile) -> Severity {
        match self {
            Self::AtLeast { floor, .. } if value < *floor => Severity::Warning,
            Self::AtLeast { wanted, .. } if value < profile.pick(wanted) => Severity::Advice,
            Self::AtMost { ceiling, .. } if value > *ceiling => Severity::Warning,
            Self::AtMost { wanted, .. } if value > profile.pick(wanted) => Severity::Advice,
            Self::OneOf { fine, otherwise } if !profile.pick(fine).contains(&value) => *otherwise,
            Self::AtLeast { .. } | Self::AtMost { .. } | Self::OneOf { .. } => Severity::Fine,
        }
    }
}

/// Judges the sysctl whose key is the knob's name.
pub(super) fn sysctl(view: &View<'_>, rule: &Rule) -> Finding {
    let path = sysctl_path(view.knob.id);
    let value = match view.machine.number(&path) {
        Ok(value) => value,
        Err(why) => return view.unread(&path, &why),
    };
    let severity = rule.judge(value, view.profile);
    let finding = view.finding(severity, grouped(value)).value(value);
    if severity == Severity::Fine {
        return finding;
    }
    let target = rule.target(view.profile);
    finding
        .fix(set_command(view.knob.id, target))
        .change(Change::sysctl(view.knob.id, target))
}

/// The command that sets a sysctl until the next boot.
pub(super) fn set_command(key: &str, value: impl std::fmt::Display) -> String {
    let value = value.to_string();
    if value.contains(' ') {
        format!("sysctl -w {key}='{value}'")
    } else {
        format!("sysctl -w {key}={value}")
    }
}
