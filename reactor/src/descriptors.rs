//! How many connections the descriptors of this process allow.
//!
//! Always true here:
//! - Whatever number of connections is asked for, the application's reserve is left to it.
//!
//! Not here: holding connections to their number (`budget.rs`, `admission.rs`).

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::accepting::ACCEPTS_MAX;
use crate::admission::REFUSING_MAX;
use crate::wake::PLACES_MAX;

/// What takes descriptors beside connections.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Needs {
    pub(crate) cores: usize,
    /// Addresses to listen on.
    pub(crate) binds: usize,
    /// Connections beyond the limit are answered.
    pub(crate) refuses: bool,
    /// What the application is to have; `None` is the default.
    pub(crate) reserved: Option<usize>,
}

/// The least and the most that is reserved for the application by default.
const RESERVED: std::ops::RangeInclusive<usize> = 64..=16_384;

impl Needs {
    /// The descriptors of all this, of so many.
    fn count(self, descriptors: usize) -> usize {
        /// A ring, a bell and the sockets of its self-test.
        const EACH_CORE: usize = 16;
        /// A listening socket, and what was accepted by the time that the limit was reached.
        const EACH_LISTENER: usize = 1 + ACCEPTS_MAX as usize;
        let reserved = self.reserved.unwrap_or_else(|| {
            let share = descriptors / 8;
            share.clamp(*RESERVED.start(), *RESERVED.end())
        });
        let refusing = if self.refuses { REFUSING_MAX } else { 0 };
        let each_core = EACH_CORE + self.binds * EACH_LISTENER + refusing;
        reserved.saturating_add(self.cores.saturating_mul(each_core))
    }
}

/// Descriptors that this process may have, after the soft limit was raised to the hard one.
pub(crate) fn limit() -> usize {
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        let raised = Rlimit {
            current: limit.maximum,
            maximum: limit.maximum,
        };
        if setrlimit(Resource::Nofile, raised).is_ok() {
            limit = raised;
        }
    }
    limit.current.map_or(usize::MAX, |count| {
        usize::try_from(count).unwrap_or(usize::MAX)
    })
}

/// How many connections there may be with so many descriptors: as many as were asked for, or as
/// many as there is room for. At least one.
pub(crate) fn connections(descriptors: usize, needs: Needs, asked: Option<usize>) -> usize {
    let most = descriptors.saturating_sub(needs.count(descriptors));
    let most = most.clamp(1, needs.cores.saturating_mul(PLACES_MAX).max(1));
    match asked {
        None => most,
        Some(asked) if asked <= most => asked,
        Some(asked) => {
            tracing::warn!(
                asked,
                connections = most,
                descriptors,
                "fewer connections than asked for: raise RLIMIT_NOFILE, or reserve fewer descriptors"
            );
            most
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEEDS: Needs = Needs {
        cores: 2,
        binds: 1,
        refuses: false,
        reserved: None,
    };
    /// What two cores with a listener each need.
    const CORES: usize = 2 * (16 + 17);

    #[test]
    fn the_application_keeps_its_reserve() {
        let default = |descriptors| connections(descriptors, NEEDS, None);
        assert_eq!(default(400), 400 - 64 - CORES);
        assert_eq!(default(1024), 1024 - 128 - CORES);
        assert_eq!(default(1 << 20), (1 << 20) - 16_384 - CORES);
        assert_eq!(default(100), 1);
        assert_eq!(default(usize::MAX), 2 * PLACES_MAX);
        let reserved = |count| Needs {
            reserved: Some(count),
            ..NEEDS
        };
        assert_eq!(connections(400, reserved(0), None), 400 - CORES);
        assert_eq!(connections(400, reserved(300), None), 400 - 300 - CORES);
        assert_eq!(connections(400, reserved(usize::MAX), None), 1);
    }

    #[test]
    fn what_is_asked_for_is_given_as_far_as_descriptors_last() {
        let most = 400 - 64 - CORES;
        assert_eq!(connections(400, NEEDS, Some(1)), 1);
        assert_eq!(connections(400, NEEDS, Some(most)), most);
        assert_eq!(connections(400, NEEDS, Some(most + 1)), most);
    }

    #[test]
    fn what_a_core_may_hold_beyond_the_limit_counts() {
        let refusing = Needs {
            refuses: true,
            ..NEEDS
        };
        let least = connections(4000, NEEDS, None);
        assert_eq!(connections(4000, refusing, None), least - 2 * 64);
        let binds = Needs { binds: 3, ..NEEDS };
        assert_eq!(connections(4000, binds, None), least - 2 * 2 * 17);
    }
}
