//! Chooses the seeds of a run and checks what they covered together.
//!
//! `RINGLANE_SEED=7` runs that one and tells each event; `RINGLANE_SEEDS=5000` runs so many.
//!
//! Not here: what a run consists of (`stage.rs`).

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use ringlane_reactor::sim::{Coverage, Mutation};

/// Seeds that are run when nothing else is asked for.
const SEEDS: u64 = 400;
/// Tests that share the seeds between them, so that they run at the same time.
pub(super) const PARTS: u64 = 4;

/// What one run is made from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seed {
    pub(super) number: u64,
    pub(super) traced: bool,
    pub(super) planted: Option<Mutation>,
}

fn from_environment(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{name}={text} is not a number")),
    )
}

/// The one seed that was asked for, if one was.
pub(super) fn replayed() -> Option<u64> {
    from_environment("RINGLANE_SEED")
}

/// Runs this part of the seeds, and checks that they have shown all that must be seen.
pub(super) fn run_part(part: u64, play: impl Fn(Seed) -> Coverage) {
    let seed = |number| Seed {
        number,
        traced: false,
        planted: None,
    };
    if let Some(number) = replayed() {
        if number % PARTS == part {
            guarded(
                Seed {
                    traced: true,
                    ..seed(number)
                },
                &play,
            );
        }
        return;
    }
    let count = from_environment("RINGLANE_SEEDS").unwrap_or(SEEDS);
    let mut seen = Coverage::default();
    for number in (0..count).filter(|number| number % PARTS == part) {
        seen.merge(&guarded(seed(number), &play));
    }
    let missing: Vec<String> = seen.missing().iter().map(ToString::to_string).collect();
    assert!(
        missing.is_empty(),
        "never seen in part {part}: {missing:#?}"
    );
}

fn guarded(seed: Seed, play: impl Fn(Seed) -> Coverage) -> Coverage {
    catch_unwind(AssertUnwindSafe(|| play(seed))).unwrap_or_else(|payload| {
        eprintln!("replay: make sim SEED={}", seed.number);
        resume_unwind(payload)
    })
}

/// Plants a bug and runs seeds until one fails; says how many it took, and what the failure said.
pub(super) fn until_caught(
    mutation: Mutation,
    play: impl Fn(Seed) -> Coverage,
) -> Option<(u64, String)> {
    (0..SEEDS).find_map(|number| {
        let seed = Seed {
            number,
            traced: false,
            planted: Some(mutation),
        };
        let caught = catch_unwind(AssertUnwindSafe(|| play(seed))).err()?;
        Some((number + 1, message(&*caught)))
    })
}

fn message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<String>().cloned();
    text.or_else(|| payload.downcast_ref::<&str>().map(ToString::to_string))
        .unwrap_or_default()
}
