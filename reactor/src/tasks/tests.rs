//! Tasks whose destructors panic: each ends alone.

use std::cell::Cell;
use std::future::pending;
use std::rc::Rc;

use super::*;
use crate::caught::tests::Bomb;
use crate::sim::{SimRing, World};
use crate::{Application, CloseReason, Config, Intent, Io, Reactor};

/// Nobody connects in these tests.
struct Nothing;

impl Application for Nothing {
    type Conversation = ();

    fn opened(&mut self, _io: &mut Io<'_>) {}

    fn advance(&mut self, _: &mut (), _io: &mut Io<'_>) -> Intent {
        Intent::Abort
    }

    fn timed_out(&mut self, _: &mut (), _io: &mut Io<'_>) -> Intent {
        Intent::Abort
    }

    fn closed(&mut self, _: (), _reason: CloseReason) {}
}

fn core() -> Reactor<SimRing, Nothing> {
    let config = Config::default();
    let ring = World::scripted().ring(&config);
    Reactor::new(ring, config, || Nothing).expect("a core is free in this process")
}

/// Begins two tasks as the core's own code and lets them run; says whether the second did.
fn another_runs_after(begin: impl FnOnce()) -> bool {
    let mut core = core();
    let ran = Rc::new(Cell::new(false));
    let note = Rc::clone(&ran);
    core.enter(|| {
        begin();
        drop(spawn(async move { note.set(true) }));
    });
    core.turn().expect("the ring is of use");
    core.turn().expect("the ring is of use");
    ran.get()
}

#[test]
fn a_result_that_nobody_awaits_may_panic_when_it_is_dropped() {
    assert!(another_runs_after(|| drop(spawn(async { Bomb }))));
}

#[test]
fn the_payload_of_a_task_that_panics_may_panic_too() {
    assert!(another_runs_after(|| {
        drop(spawn(async { std::panic::panic_any(Bomb) }));
    }));
}

#[test]
fn a_future_and_its_result_may_both_panic_when_they_are_dropped() {
    struct Both(Bomb);
    impl Future for Both {
        type Output = Bomb;
        fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Bomb> {
            let Self(_bomb) = &*self;
            Poll::Ready(Bomb)
        }
    }
    assert!(another_runs_after(|| drop(spawn(Both(Bomb)))));
}

#[test]
fn a_task_whose_destructor_panics_does_not_end_who_aborts_it() {
    let core = core();
    core.enter(|| {
        let bomb = Bomb;
        let task = spawn(async move {
            let _bomb = bomb;
            pending::<()>().await;
        });
        task.abort();
        assert!(task.is_finished());
        local::with("looking", |local| {
            assert!(local.tasks.borrow().places.is_empty(), "its place is free");
        });
    });
}

#[test]
fn a_core_that_ends_drops_every_task_whatever_their_destructors_do() {
    let core = core();
    let held = Rc::new(());
    core.enter(|| {
        for _ in 0..3 {
            let both = (Bomb, Rc::clone(&held));
            drop(spawn(async move {
                let _both = both;
                pending::<()>().await;
            }));
        }
    });
    drop(core);
    assert_eq!(Rc::strong_count(&held), 1);
}
