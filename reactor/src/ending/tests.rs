//! Connections end although a kernel loses the cancel of what they have in flight.

use std::time::Duration;

use super::CANCEL_TIME;
use crate::sim::{Link, Mutation, World};
use crate::timers::DEADLINE_TICK;
use crate::{Application, CloseReason, Config, Intent, Io, Reactor};

/// Gives up at the first byte.
struct Hasty(Vec<CloseReason>);

impl Application for Hasty {
    type Conversation = ();

    fn opened(&mut self, _io: &mut Io<'_>) {}

    fn advance(&mut self, _: &mut (), _io: &mut Io<'_>) -> Intent {
        Intent::Abort
    }

    fn timed_out(&mut self, _: &mut (), _io: &mut Io<'_>) -> Intent {
        Intent::Continue
    }

    fn closed(&mut self, _: (), reason: CloseReason) {
        self.0.push(reason);
    }
}

#[test]
fn a_connection_whose_cancel_is_lost_ends_in_time() {
    let (world, config) = (World::scripted(), Config::default());
    let listener = world.listen();
    let hasty = || Hasty(Vec::new());
    let mut reactor = Reactor::new(world.ring(&config), config, hasty).expect("a core is free");
    reactor.listen(listener);
    world.plant(Mutation::CancelLost);
    let client = world.connect(listener);
    client.send(b"x");
    let mut run = |time: Duration| {
        world.set_horizon(world.now() + time);
        reactor.settle().expect("a simulated wait never fails");
        reactor.connections()
    };
    let just_before = run(CANCEL_TIME - Duration::from_nanos(1));
    assert_eq!(
        just_before, 1,
        "its receive is in flight: this proves nothing"
    );
    assert_eq!(run(2 * DEADLINE_TICK), 0);
    assert_eq!(
        reactor.application().0,
        [CloseReason::Aborted],
        "it ends once"
    );
    assert_eq!(client.link(), Link::Finished);
    assert_eq!(world.descriptors_open(), 1, "the listener");
}
