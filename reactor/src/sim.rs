//! A ring with no kernel: from one seed it completes operations late, short, out of order, or with
//! an error, under a clock of its own.
//!
//! Always true here:
//! - The same seed and the same acts of the clients lead to the same run, on every machine.
//! - Without faults everything is whole and there at once; only sleeping takes (simulated) time.
//! - A reactor that breaks a rule of the seam ends the run with a panic that names the rule.
//!
//! Not here: what is expected of the reactor; that is for whoever plays the clients.

use std::cell::{RefCell, RefMut};
use std::rc::Rc;
use std::time::Duration;

use rustix::io::Errno;

use crate::clock::Instant;
use crate::config::Config;
use crate::op::Socket;
use crate::token::OpKind;

mod buffers;
mod client;
mod coverage;
mod execute;
mod faults;
mod flight;
mod random;
mod ring;
mod state;
mod time;
mod wire;

pub use client::{Client, Link};
pub use coverage::{Coverage, Fault, Outcome, Sight};
pub use faults::{Faults, Mutation};
pub use random::Random;
pub use ring::SimRing;

use state::{Listener, State};
use wire::{ServerEnd, Wire};

/// A simulated world: one server's sockets and all of its clients. Cloning it names the same one.
///
/// While a world exists, its thread's [`crate::clock`] tells simulated time; worlds of one thread
/// share it. A simulated ring cannot deal connections to other cores, nor adopt descriptors.
///
/// ```
/// use ringlane_reactor::sim::World;
/// use ringlane_reactor::{Application, CloseReason, Config, Intent, Io, Reactor};
///
/// struct Echo;
///
/// impl Application for Echo {
///     type Conversation = ();
///     fn opened(&mut self, _io: &mut Io<'_>) {}
///     fn advance(&mut self, _: &mut (), io: &mut Io<'_>) -> Intent {
///         io.output.buffer().extend_from_slice(io.input.bytes());
///         io.input.consume(io.input.bytes().len());
///         if io.peer_finished { Intent::Finish } else { Intent::Continue }
///     }
///     fn timed_out(&mut self, _: &mut (), _io: &mut Io<'_>) -> Intent { Intent::Abort }
///     fn closed(&mut self, _: (), _reason: CloseReason) {}
/// }
///
/// let config = Config::default();
/// let world = World::scripted();
/// let listener = world.listen();
/// let mut reactor = Reactor::new(world.ring(&config), config, || Echo)?;
/// reactor.listen(listener);
///
/// let client = world.connect(listener);
/// client.send(b"hello");
/// reactor.settle()?;
/// assert_eq!(client.read(), b"hello");
/// client.finish();
/// reactor.settle()?;
/// assert_eq!(world.descriptors_open(), 1); // the listener
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct World(Rc<RefCell<State>>);

impl World {
    /// A world whose chances come from `seed`.
    pub fn new(seed: u64, faults: Faults) -> Self {
        Self(Rc::new(RefCell::new(State::new(seed, faults))))
    }

    /// A world without faults, for tests that write down what happens.
    pub fn scripted() -> Self {
        Self::new(0, Faults::none())
    }

    fn state(&self) -> RefMut<'_, State> {
        self.0.borrow_mut()
    }

    /// The ring of this world's one core, with the buffers that `config` names.
    ///
    /// # Panics
    ///
    /// If it has one already.
    pub fn ring(&self, config: &Config) -> SimRing {
        SimRing::new(self.clone(), config)
    }

    /// A new listening socket, to be given to [`crate::Reactor::listen`].
    pub fn listen(&self) -> Socket {
        let mut state = self.state();
        let number = state.new_number();
        state.listeners.insert(number, Listener::default());
        Socket::from_raw(number)
    }

    /// A new client on its way to `listener`.
    pub fn connect(&self, listener: Socket) -> Client {
        let mut state = self.state();
        let number = state.new_number();
        let delay = state.delay();
        let listener = listener.raw();
        let server = match state.listeners.get(&listener) {
            Some(found) if !found.refuses_new => {
                let arrives = state.now() + delay;
                ServerEnd::Connecting { listener, arrives }
            }
            Some(_) | None => ServerEnd::Refused,
        };
        state.wires.insert(number, Wire::new(server));
        state.tell(|| format!("{} comes: {server:?}", state::Named(number)));
        let now = state.now();
        state.deliver_wire(number, now); // who arrives at once is in the queue before the next
        drop(state);
        Client::new(self.clone(), number)
    }

    /// Has something done at `when`, while the core waits: as another thread or process would.
    ///
    /// Wakers called there count as called by the core itself; letters are another thread's.
    pub fn at(&self, when: Instant, action: impl FnOnce() + 'static) {
        let mut state = self.state();
        let key = (when, state.next_serial());
        state.actions.insert(key, Box::new(action));
    }

    /// Runs what others do at this moment. They may use the world, so it is not borrowed here.
    fn run_actions(&self) {
        loop {
            let mut state = self.state();
            let now = state.now();
            let next = state.actions.first_entry();
            let Some(due) = next.filter(|one| one.key().0 <= now) else {
                return;
            };
            let action = due.remove();
            drop(state);
            action();
        }
    }

    /// Lets time pass without the core: what is under way arrives, and others do what they do.
    /// For what comes after the core's end.
    pub fn pass(&self, time: Duration) {
        let until = self.now() + time;
        loop {
            self.run_actions();
            let mut state = self.state();
            state.deliver();
            let next = state.next_event().map_or(until, |next| next.min(until));
            if state.now() >= until {
                return;
            }
            state.time.advance_to(next);
        }
    }

    /// The time in this world.
    pub fn now(&self) -> Instant {
        self.state().now()
    }

    /// Lets time go on until here and no further: a wait that would last longer ends then, and the
    /// world [is idle](Self::is_idle). At first there is no such end.
    pub fn set_horizon(&self, until: Instant) {
        self.state().horizon = until;
    }

    /// Whether the last wait ended because nothing is to happen before the horizon.
    pub fn is_idle(&self) -> bool {
        self.state().idle
    }

    /// How many bytes to one client may be unread before a send has to wait. At first 64 KiB.
    pub fn set_window(&self, bytes: usize) {
        self.state().window_bytes = bytes;
    }

    /// Changes how often faults happen from now on.
    pub fn set_faults(&self, faults: Faults) {
        self.state().faults = faults;
    }

    /// Plants a bug.
    pub fn plant(&self, mutation: Mutation) {
        self.state().mutation = Some(mutation);
    }

    /// Has the next operation of this kind that could succeed fail instead. Cancels cannot fail so.
    pub fn fail_next(&self, kind: OpKind, errno: i32) {
        let errno = Errno::from_raw_os_error(errno);
        self.state().injected.push_back((kind, errno));
    }

    /// Tells every event, in words, to `sink`, which must not act on the world.
    pub fn trace(&self, sink: impl FnMut(&str) + 'static) {
        self.state().trace = Some(Box::new(sink));
    }

    /// Sockets of the server that are not closed, listeners among them.
    pub fn descriptors_open(&self) -> usize {
        let state = self.state();
        let open = |wire: &&Wire| wire.server == ServerEnd::Open;
        state.listeners.len() + state.wires.values().filter(open).count()
    }

    /// Buffers that the reactor has not given back.
    pub fn buffers_lent(&self) -> u32 {
        self.state().buffers_lent
    }

    /// Operations on sockets whose last completion the reactor has not taken.
    pub fn operations_in_flight(&self) -> usize {
        let state = self.state();
        let on_socket = |operation: &&flight::Operation| operation.socket.is_some();
        state.operations.values().filter(on_socket).count()
    }

    /// What this world has shown the reactor so far.
    pub fn coverage(&self) -> Coverage {
        self.state().coverage.clone()
    }
}

#[cfg(test)]
mod tests;
