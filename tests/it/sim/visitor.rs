//! A simulated client: sends its plan in pieces and checks its answers.
//!
//! Not here: what the requests mean, and which answers are right (`echo.rs`, `web.rs`).

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use ringlane_reactor::clock::Instant;
use ringlane_reactor::sim::{Client, Link, Random, World};
use ringlane_reactor::{Application, Socket};

use super::stage::{DONE_WITHIN, Stage, Tally};

/// By when a core that ends has closed its listeners, and not yet given up on new clients.
const LAST_CALL: Duration = Duration::from_millis(400);

/// How a client behaves.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Manner {
    /// Waits for all of its answers, then finishes.
    Waits,
    /// Finishes right behind its last request, and reads on.
    FinishesEarly,
    /// Leaves, whatever it has got by then.
    Leaves { after: Duration, resets: bool },
    /// Does nothing after its last byte: the server must end it.
    Stalls,
    /// Does not read for a while.
    Pauses { length: Duration },
}

/// What was received so far.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Seen {
    /// Answers that are there whole.
    pub(super) answers: usize,
    /// There is more behind them, which is not whole.
    pub(super) cut: bool,
    /// The server has said that there is no place for one more client.
    pub(super) refused: bool,
}

/// Says what is there, or why the server should not have sent these bytes.
pub(super) type Judge = Box<dyn Fn(&[u8]) -> Result<Seen, String>>;

/// What one client is to do.
pub(super) struct Plan {
    pub(super) manner: Manner,
    pub(super) bytes: Vec<u8>,
    /// The answers to all that it asks, if nothing comes in between.
    pub(super) answers_all: usize,
    /// The answers it must get, unless something excuses the server.
    pub(super) answers_due: usize,
    /// An answer may be cut off even if all are polite.
    pub(super) may_be_cut: bool,
    pub(super) judge: Judge,
    /// What it asks for, in words.
    pub(super) about: Vec<String>,
}

/// One client at work.
pub(super) struct Visitor {
    world: World,
    listener: Socket,
    tally: Rc<Tally>,
    plan: Plan,
    random: Random,
    /// What is still to be sent, and when.
    pieces: VecDeque<(Instant, Vec<u8>)>,
    began: Instant,
    client: Option<Client>,
    finished: bool,
    received: Vec<u8>,
    seen: Seen,
    failed: bool,
}

impl<A: Application> Stage<A> {
    /// Lets a client come at some time of the first half second.
    pub(super) fn invite(&mut self, plan: Plan) {
        let mut random = self.random.fork();
        let began = self.world.now() + random.span(Duration::from_millis(500));
        let pieces = cut(&plan.bytes, began, &mut random);
        let visitor = Visitor {
            world: self.world.clone(),
            listener: self.listener,
            tally: Rc::clone(&self.tally),
            plan,
            random,
            pieces,
            began,
            client: None,
            finished: false,
            received: Vec::new(),
            seen: Seen::default(),
            failed: false,
        };
        self.tally.busy.set(self.tally.busy.get() + 1);
        visitor.come_back(began);
    }
}

/// Cuts bytes at random places, with random pauses in between: mostly a few large pieces, at times
/// many small ones.
fn cut(mut bytes: &[u8], began: Instant, random: &mut Random) -> VecDeque<(Instant, Vec<u8>)> {
    const PIECES_MAX: usize = 300;
    let longest = random
        .pick(&[3, 40, 400, 100_000])
        .max(bytes.len() / PIECES_MAX);
    let slowest = random.pick(&[
        Duration::ZERO,
        Duration::from_millis(2),
        Duration::from_millis(30),
    ]);
    let mut pieces = VecDeque::new();
    let mut when = began;
    while !bytes.is_empty() {
        let (piece, rest) = bytes.split_at(1 + random.below(bytes.len().min(longest)));
        pieces.push_back((when, piece.to_vec()));
        when = when + random.span(slowest);
        bytes = rest;
    }
    pieces
}

impl Visitor {
    fn come_back(self, when: Instant) {
        let world = self.world.clone();
        let this = RefCell::new(Some(self));
        world.at(when, move || {
            if let Some(visitor) = this.take() {
                visitor.act();
            }
        });
    }

    fn act(mut self) {
        let now = self.world.now();
        let client = self
            .client
            .take()
            .unwrap_or_else(|| self.world.connect(self.listener));
        while let Some((_, piece)) = self.pieces.pop_front_if(|(when, _)| *when <= now) {
            client.send(&piece);
        }
        let link = client.link();
        let ended = matches!(link, Link::Finished | Link::Reset | Link::Refused);
        let over = self.look(&client, ended) || ended || self.behave(&client, now);
        if over || now >= self.began + DONE_WITHIN {
            return self.settle(&client, link);
        }
        let soon = now + Duration::from_millis(1) + self.random.span(Duration::from_millis(20));
        let next = self
            .pieces
            .front()
            .map_or(soon, |&(when, _)| soon.min(when));
        self.client = Some(client);
        self.come_back(next);
    }

    /// Reads and judges; `true` if there is nothing good to come.
    fn look(&mut self, client: &Client, ended: bool) -> bool {
        if let Manner::Pauses { length } = self.plan.manner
            && !ended
            && self.world.now() < self.began + length
        {
            client.pause(true);
            return false;
        }
        client.pause(false);
        let new = client.read();
        if new.is_empty() {
            return false;
        }
        self.received.extend_from_slice(&new);
        match (self.plan.judge)(&self.received) {
            Ok(seen) => {
                self.seen = seen;
                false
            }
            Err(error) => {
                self.failed = true;
                self.fail(client, &error);
                true
            }
        }
    }

    /// Does what its manner asks for; `true` if it has left.
    fn behave(&mut self, client: &Client, now: Instant) -> bool {
        let all_sent = self.pieces.is_empty();
        let all_answered = all_sent && self.seen.answers >= self.plan.answers_all;
        let finishes = match self.plan.manner {
            Manner::Waits | Manner::Pauses { .. } => all_answered,
            Manner::FinishesEarly => all_sent,
            Manner::Stalls => false,
            Manner::Leaves { after, resets } => {
                let leaves = now >= self.began + after;
                if leaves && resets {
                    client.reset();
                }
                return leaves;
            }
        };
        if finishes && !self.finished {
            self.finished = true;
            client.finish();
        }
        false
    }

    fn fail(&self, client: &Client, problem: &str) {
        let Self { seen, plan, .. } = self;
        let (due, manner, port) = (plan.answers_due, plan.manner, client.address().port());
        let answered = seen.answers;
        let next = (
            &plan.about[..answered.min(plan.about.len())],
            plan.about.get(answered),
        );
        let failure =
            format!("client :{port} ({manner:?}), {answered} of {due}: {problem}; then {next:?}");
        self.tally.failures.borrow_mut().push(failure);
    }

    /// It is over: was it as it should be?
    fn settle(self, client: &Client, link: Link) {
        let tally = &self.tally;
        tally.busy.set(tally.busy.get() - 1);
        let leaves = matches!(self.plan.manner, Manner::Leaves { .. });
        let turned_away = tally.refuses && (self.seen.refused || self.received.is_empty());
        if self.failed || leaves || turned_away || client.is_harmed() {
            return;
        }
        let now = self.world.now();
        let told = tally.told.get();
        if told.is_none() && self.seen.answers < self.plan.answers_due {
            return self.fail(client, &format!("it ended early, or starved ({link:?})"));
        }
        if tally.over.get() && matches!(link, Link::Open | Link::Connecting) {
            return self.fail(client, "the core has ended, but not this connection");
        }
        let politely = told.is_none_or(|(_, until)| now <= until);
        if politely && self.seen.cut && !self.plan.may_be_cut {
            self.fail(client, &format!("an answer was cut off ({link:?})"));
        }
        // A listener that closes must not leave anybody in its queue.
        let soon = told.is_some_and(|(told, until)| now <= until.min(told + LAST_CALL));
        let expects = self.plan.answers_due > 0;
        if soon && expects && link == Link::Reset && self.received.is_empty() {
            self.fail(client, "it was reset when the core began to end");
        }
    }
}
