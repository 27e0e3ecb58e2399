//! What a probe of io_uring means.

use std::io;

use ringlane_reactor::RingError;

use super::super::knob::{Group, Profile, Severity, View};
use super::super::uring::{KNOBS, judge};
use super::fake::Fake;

/// The severity for a probe's results, and all that is said.
fn judged(results: Vec<Result<(), RingError>>) -> (Severity, String) {
    let fake = Fake::new();
    let machine = fake.machine();
    let view = View {
        knob: &KNOBS[0],
        group: Group::Uring,
        machine: &machine,
        profile: Profile::Safe,
    };
    let rungs: Vec<_> = results
        .into_iter()
        .enumerate()
        .map(|(at, result)| (format!("rung{at}"), result))
        .collect();
    let finding = judge(&view, &rungs);
    let said = format!("{} {}", finding.current, finding.fix.join(" "));
    (finding.severity, said)
}

fn error() -> io::Error {
    io::Error::from(io::ErrorKind::PermissionDenied)
}

#[test]
fn the_best_ring_is_fine_and_a_lesser_one_is_told() {
    let (severity, said) = judged(vec![Ok(()), Ok(())]);
    assert_eq!(severity, Severity::Fine);
    assert!(said.contains("the best kind, rung0"), "{said}");
    let (severity, said) = judged(vec![Err(RingError::Other(error())), Ok(())]);
    assert_eq!(severity, Severity::Advice);
    assert!(said.contains("kind 2 of 2, rung1"), "{said}");
}

#[test]
fn each_refusal_has_its_own_fix() {
    let cases = [
        (RingError::Filtered(error()), "seccomp=PROFILE.json"),
        (RingError::Disabled(2), "io_uring_disabled=0"),
        (RingError::LockedMemory(error()), "LimitMEMLOCK"),
        (RingError::Missing(error()), "6.0"),
    ];
    for (error, part) in cases {
        let (severity, said) = judged(vec![Err(error)]);
        assert_eq!(severity, Severity::Warning);
        assert!(said.contains(part), "{part}: {said}");
    }
    assert_eq!(judged(vec![]).0, Severity::Warning);
}
