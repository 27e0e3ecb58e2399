//! One turn of the loop: submit and wait, completions, letters, wakes, deadlines, output.
//!
//! Always true here:
//! - A turn makes one call into the kernel, and one for each connection that it closes or shuts
//!   down, or whose peer takes output slowly; a core that spins before it sleeps makes one more.
//! - A turn allocates nothing once its tables are warm.
//! - Every part of a turn is bounded: work that arrives meanwhile waits for the next turn.
//!
//! Not here: what completions lead to (`admission.rs`, `exchange.rs`, `ending.rs`).

use std::collections::VecDeque;
use std::io;
use std::rc::Rc;
use std::sync::Arc;

use crossbeam_channel::Receiver;
use slab::Slab;

use crate::accepting::Listener;
use crate::addresses::{Counted, Counts};
use crate::admission::Waiting;
use crate::application::Application;
use crate::budget::Lease;
use crate::clock::{Instant, TurnClock};
use crate::config::Config;
use crate::connection::{Connection, Present};
use crate::eviction::Eviction;
use crate::flow::Starved;
use crate::local::{self, Local};
use crate::mailbox::{Letter, Post, mailbox};
use crate::metrics::Metrics;
use crate::op::{Op, Socket};
use crate::pool::Pool;
use crate::ring::{Ring, Wait};
use crate::spin::Spin;
use crate::tasks;
use crate::timers::Wheel;
use crate::token::{Generation, OpKind, Slot, Token};
use crate::wake::{Place, Station};
use crate::write_progress::WriteProgress;

/// A turn sees at least so many of the completions that wait for it (the kernel's limit is 20).
const COMPLETIONS_PER_TURN: usize = 16;

/// The loop of one core: it owns every connection of that core.
///
/// It stays on the thread that made it.
pub struct Reactor<R: Ring, A: Application> {
    pub(crate) ring: R,
    pub(crate) application: A,
    pub(crate) config: Config,
    pub(crate) connections: Slab<Connection<A::Conversation>>,
    /// The generation of each slot's next connection.
    pub(crate) generations: Vec<Generation>,
    pub(crate) wheel: Wheel,
    pub(crate) clock: TurnClock,
    spin: Spin,
    pub(crate) pool: Pool,
    pub(crate) write_progress: WriteProgress,
    /// Connections with output that is not yet handed to the ring.
    pub(crate) output: Vec<Slot>,
    /// Connections that the ring holds nothing of any more: they are closed in this turn.
    pub(crate) ended: Vec<Slot>,
    /// Connections whose receive found no buffer, in order.
    pub(crate) starved: Starved,
    /// A send was pushed since the last wait whose completion leads to something.
    pub(crate) awaits_send: bool,
    /// So many turns in a row have not seen all that had come, and have fired no deadlines.
    turns_not_looked: usize,
    pub(crate) listeners: Vec<Listener>,
    /// Accepted by the kernel while there was no place for them yet.
    pub(crate) waiting: VecDeque<Waiting>,
    pub(crate) lease: Option<Lease>,
    pub(crate) eviction: Eviction,
    /// Connections of each address, if they are limited.
    pub(crate) addresses: Option<Arc<Counts>>,
    /// Those that are counted, by slot; empty without a limit.
    pub(crate) counted: Vec<Option<Counted>>,
    /// Connections that are only there to be refused.
    pub(crate) refusing: usize,
    pub(crate) draining: Draining,
    /// Until then another core that has not begun to drain may still deal a connection here.
    pub(crate) ends_not_before: Instant,
    pub(crate) metrics: Arc<Metrics>,
    local: Rc<Local>,
    letters: Receiver<Letter>,
    post: Post,
    woken: Vec<Place>,
}

/// Whether the core is shutting down.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Draining {
    No,
    /// Conversations end by themselves, until this time.
    Until(Instant),
    /// All are being closed.
    Now,
}

impl<R: Ring, A: Application> Reactor<R, A> {
    /// A loop over `ring` with no listener yet. The application is made as code of this core: it
    /// may spawn tasks.
    ///
    /// # Errors
    ///
    /// If [`crate::CORES_MAX`] cores are running in this process already.
    pub fn new(ring: R, config: Config, application: impl FnOnce() -> A) -> io::Result<Self> {
        let Some((core, station)) = Station::claim(ring.bell()) else {
            return Err(io::Error::other(
                "too many cores are running in this process",
            ));
        };
        let (post, letters) = mailbox(station);
        let clock = TurnClock::new();
        let local = Local::new(core, station, post.clone(), R::address);
        let application = {
            let _entered = local::enter(&local);
            application()
        };
        let mut reactor = Self {
            ring,
            application,
            config,
            connections: Slab::new(),
            generations: Vec::new(),
            wheel: Wheel::new(clock.now()),
            clock,
            spin: Spin::new(config.spin),
            pool: Pool::default(),
            write_progress: WriteProgress::new(&config),
            output: Vec::new(),
            ended: Vec::new(),
            starved: Starved::default(),
            awaits_send: false,
            turns_not_looked: 0,
            listeners: Vec::new(),
            waiting: VecDeque::new(),
            lease: None,
            eviction: Eviction::default(),
            addresses: None,
            counted: Vec::new(),
            refusing: 0,
            draining: Draining::No,
            ends_not_before: Instant::NEVER,
            metrics: Arc::default(),
            local,
            letters,
            post,
            woken: Vec::new(),
        };
        reactor
            .ring
            .push(Op::Notice, Token::of_core(OpKind::Notice));
        Ok(reactor)
    }

    /// Where to send letters to this core.
    pub fn post(&self) -> Post {
        self.post.clone()
    }

    /// What this core has done and holds; readable from any thread.
    pub fn metrics(&self) -> Arc<Metrics> {
        Arc::clone(&self.metrics)
    }

    /// The ring, to look at.
    pub fn ring(&self) -> &R {
        &self.ring
    }

    /// The ring, for a simulation to act on.
    pub fn ring_mut(&mut self) -> &mut R {
        &mut self.ring
    }

    /// The application, to look at.
    pub fn application(&self) -> &A {
        &self.application
    }

    /// Slots that are not free.
    pub fn connections(&self) -> usize {
        self.connections.len()
    }

    /// Connections share this budget with those of other cores, beside their own limit.
    pub fn share_budget(&mut self, lease: Lease) {
        self.lease = Some(lease);
    }

    /// Connections of each address are counted with those of other cores.
    pub(crate) fn share_addresses(&mut self, counts: Arc<Counts>) {
        self.addresses = Some(counts);
    }

    /// Runs `f` as code of this core: it may spawn tasks and sleep.
    pub fn enter<T>(&self, f: impl FnOnce() -> T) -> T {
        let _entered = local::enter(&self.local);
        f()
    }

    /// Turns until everything has ended after a [`Letter::Drain`] or [`Letter::Stop`].
    ///
    /// # Errors
    ///
    /// If the ring is of no more use.
    pub fn run(&mut self) -> io::Result<()> {
        while self.turn()? {}
        Ok(())
    }

    /// One turn. `false` once the core has drained and nothing is left to do.
    ///
    /// # Errors
    ///
    /// If the ring is of no more use.
    pub fn turn(&mut self) -> io::Result<bool> {
        let _entered = local::enter(&self.local);
        let wait = self.plan_wait();
        self.awaits_send = false;
        match self.spin.is_on() && wait.sleeps() {
            true => self.spin_and_wait(wait)?,
            false => self.ring.submit_and_wait(wait)?,
        }
        self.local.station().wake_up();
        self.clock.refresh();
        self.wheel.catch_up(self.clock.now());
        while let Some(completion) = self.ring.next_completion() {
            self.dispatch(completion);
        }
        self.read_letters();
        if self.may_fire_deadlines() {
            self.fire_deadlines();
        }
        self.run_woken();
        self.feed_starved();
        self.release_ended(); // what waits for a place gets it now
        self.tend_listeners();
        self.queue_output();
        self.pool.tend(self.clock.now());
        self.publish();
        Ok(!self.has_ended())
    }

    /// Waits, after having looked for a while whether that is needed.
    fn spin_and_wait(&mut self, wait: Wait) -> io::Result<()> {
        let began = crate::clock::now();
        let wait = match self.spin.window(wait) {
            Some(window) if self.ring.spin(window)? => Wait::NotAtAll,
            Some(_) => wait.less(began.elapsed()),
            None => wait,
        };
        self.ring.submit_and_wait(wait)?;
        self.spin.learn(began.elapsed());
        Ok(())
    }

    /// How long the next wait may be: not at all if something is left to do.
    fn plan_wait(&self) -> Wait {
        if self.has_work() {
            return Wait::NotAtAll;
        }
        let station = self.local.station();
        station.fall_asleep();
        if station.has_words() || !self.letters.is_empty() {
            station.wake_up();
            return Wait::NotAtAll;
        }
        let sleep = self.local.sleeps.borrow().next();
        let draining = match self.draining {
            Draining::Until(deadline) if self.clock.now() < self.ends_not_before => {
                Some(deadline.min(self.ends_not_before))
            }
            Draining::Until(deadline) => Some(deadline),
            Draining::No | Draining::Now => None,
        };
        let next = [
            self.wheel.next(),
            sleep,
            self.pool.next(),
            self.next_listener_deadline(),
            draining,
        ];
        let until = next.into_iter().flatten().min();
        match until {
            Some(until) => Wait::AtMost(until - crate::clock::now()),
            None => Wait::ForEver,
        }
    }

    fn has_work(&self) -> bool {
        let starved = !self.starved.is_empty() && self.ring.facts().buffers_lent == 0;
        self.awaits_send
            || starved
            || !self.ended.is_empty()
            || !self.local.ready().borrow().is_empty()
            || self.has_ended()
    }

    fn read_letters(&mut self) {
        for _ in 0..self.letters.len() {
            let Ok(letter) = self.letters.try_recv() else {
                return;
            };
            match letter {
                Letter::Drain(grace) => self.drain(grace),
                Letter::Stop => self.stop(),
                Letter::MakeRoom => self.make_room_for_others(),
                Letter::Adopt(fd) => self.admit(Socket::from(fd)),
                Letter::Run(action) => action(),
            }
        }
    }

    /// Runs what was woken before this call; what that wakes runs in the next turn.
    fn run_woken(&mut self) {
        let local = Rc::clone(&self.local);
        local
            .station()
            .drain(|place| local.ready().borrow_mut().push(place));
        let mut woken = std::mem::take(&mut self.woken);
        local.ready().borrow_mut().take(&mut woken);
        self.metrics.wakes.add(woken.len() as u64);
        for place in woken.drain(..) {
            match place {
                Place::Task(index) => tasks::run(&local, index),
                Place::Connection(index) => self.advance(Slot::new(index), None),
            }
        }
        self.woken = woken;
    }

    /// Whoever has sent its request in time is not late because the core was busy meanwhile. But
    /// what comes all the while does not put deadlines off for ever: within so many turns each
    /// connection has had its own.
    fn may_fire_deadlines(&mut self) -> bool {
        let turns_max = self.connections.len() / COMPLETIONS_PER_TURN + 2;
        let may = self.ring.has_looked() || self.turns_not_looked >= turns_max;
        self.turns_not_looked = match may {
            true => 0,
            false => self.turns_not_looked + 1,
        };
        may
    }

    fn fire_deadlines(&mut self) {
        let now = self.clock.now();
        loop {
            let due = self.local.sleeps.borrow_mut().pop_due(now);
            let Some(sleeper) = due else { break };
            sleeper.wake();
        }
        while let Some(index) = self.wheel.pop_due(now) {
            self.deadline_passed(Slot::new(index as u32));
        }
        if let Draining::Until(deadline) = self.draining
            && deadline <= now
        {
            self.stop();
        }
    }

    /// Hands every connection's new output to the ring, one send each.
    fn queue_output(&mut self) {
        let mut output = std::mem::take(&mut self.output);
        for slot in output.drain(..) {
            self.send(slot);
        }
        self.output = output;
    }

    #[inline]
    pub(crate) fn present(&self) -> Present {
        Present {
            now: self.clock.now(),
            unix_seconds: self.clock.unix_seconds(),
            draining: self.draining != Draining::No,
            core: self.local.core(),
        }
    }

    /// Has a connection's application called in the next round of wakes.
    pub(crate) fn wake_connection(&self, slot: Slot) {
        self.local
            .ready()
            .borrow_mut()
            .push(Place::Connection(slot.get()));
    }

    fn publish(&self) {
        let facts = self.ring.facts();
        let metrics = &self.metrics;
        self.local.station().set_full(self.is_full());
        metrics.turns.add(1);
        metrics.enters.set(facts.enters);
        metrics.completions.set(facts.completions);
        metrics.buffers_lent.set(u64::from(facts.buffers_lent));
        metrics.connections.set(self.connections.len() as u64);
    }

    fn has_ended(&self) -> bool {
        self.draining != Draining::No
            && (self.draining == Draining::Now || self.clock.now() >= self.ends_not_before)
            && self.letters.is_empty()
            && self.connections.is_empty()
            && self.waiting.is_empty()
            && self.listeners.iter().all(Listener::is_closed)
    }
}

impl<R: Ring, A: Application> Drop for Reactor<R, A> {
    /// Tells every conversation of its end, closes every socket, drops every task.
    fn drop(&mut self) {
        let local = Rc::clone(&self.local);
        let _entered = local::enter(&local);
        self.ring.join(); // what is staged or in flight names sockets that are closed next
        self.drop_connections();
        tasks::end_all(&local);
        local.station().release();
    }
}
