//! How often what goes wrong, and bugs that can be planted to see that they are found.
//!
//! Not here: what a fault does (`execute.rs`), which were seen (`coverage.rs`).

use std::time::Duration;

use crate::sim::random::Random;

/// How often each fault befalls an operation, as a probability from 0 to 1.
///
/// ```
/// use ringlane_reactor::sim::Faults;
///
/// let only_short = Faults { short_send: 0.5, ..Faults::none() };
/// assert_ne!(only_short, Faults::all());
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Faults {
    /// A receive brings fewer bytes than are there, often one.
    pub short_receive: f64,
    /// A send takes fewer bytes than there is room for.
    pub short_send: f64,
    /// The connection breaks at a receive or a send.
    pub reset: f64,
    /// A reset also destroys what its receiver had not read yet.
    pub reset_purges: f64,
    /// A receive finds no buffer although some are free.
    pub no_buffer: f64,
    /// An accept fails.
    pub accept_error: f64,
    /// An operation that repeats says that it does so no more.
    pub multishot_end: f64,
    /// `EINTR` or `EAGAIN`, for nothing.
    pub spurious: f64,
    /// An error that the reactor has no word for.
    pub unforeseen: f64,
    /// A cancel comes too late, or while its target cannot be stopped.
    pub cancel_race: f64,
    /// A wait ends before it should.
    pub early_wake: f64,
    /// Completions of one instant change places.
    pub reorder: f64,
    /// Something takes time that could be there at once.
    pub delay: f64,
    /// How long that is at most.
    pub delay_max: Duration,
    /// How long a turn of the reactor itself takes at most.
    pub turn_max: Duration,
}

impl Faults {
    /// Everything is whole, in order, and there at once.
    pub const fn none() -> Self {
        Self {
            short_receive: 0.0,
            short_send: 0.0,
            reset: 0.0,
            reset_purges: 0.0,
            no_buffer: 0.0,
            accept_error: 0.0,
            multishot_end: 0.0,
            spurious: 0.0,
            unforeseen: 0.0,
            cancel_race: 0.0,
            early_wake: 0.0,
            reorder: 0.0,
            delay: 0.0,
            delay_max: Duration::ZERO,
            turn_max: Duration::ZERO,
        }
    }

    /// Everything late, short and out of order, but no connection is harmed: every request must
    /// be answered.
    pub const fn harmless() -> Self {
        Self {
            short_receive: 0.5,
            short_send: 0.5,
            no_buffer: 0.05,
            multishot_end: 0.1,
            spurious: 0.05,
            cancel_race: 0.5,
            early_wake: 0.05,
            reorder: 0.5,
            delay: 0.4,
            delay_max: Duration::from_millis(20),
            turn_max: Duration::from_micros(50),
            ..Self::none()
        }
    }

    /// All faults together, each often enough to be seen and rare enough for work to be done.
    pub const fn all() -> Self {
        Self {
            reset: 0.004,
            reset_purges: 0.5,
            accept_error: 0.2,
            unforeseen: 0.004,
            ..Self::harmless()
        }
    }

    /// Each fault or not, by chance, and as often as chance has it: what one fault hides, another
    /// run without it shows.
    pub fn some(random: &mut Random) -> Self {
        let all = Self::all();
        let mut some = |most: f64| {
            if random.chance(0.5) {
                most * random.below(101) as f64 / 100.0
            } else {
                0.0
            }
        };
        Self {
            short_receive: some(1.0),
            short_send: some(1.0),
            reset: some(4.0 * all.reset),
            reset_purges: some(1.0),
            no_buffer: some(0.3),
            accept_error: some(0.5),
            multishot_end: some(1.0),
            spurious: some(0.3),
            unforeseen: some(4.0 * all.unforeseen),
            cancel_race: some(1.0),
            early_wake: some(0.3),
            reorder: some(1.0),
            delay: some(1.0),
            ..all
        }
    }
}

/// A bug of the ring's that looks to the world as one of the reactor's would. Planted to show that
/// what watches the world would see the reactor's.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Mutation {
    /// A short send says that everything went.
    SendTailDropped,
    /// An accept that is armed a second time takes nothing.
    AcceptNotRearmed,
    /// A cancelled receive says that it has ended, and completes once more later.
    SlotFreedEarly,
    /// A buffer that comes home is not filled again.
    BufferNotReturned,
    /// It looks as if clients took nothing of what is sent to them until a send completes.
    AcknowledgementsHidden,
    /// A cancel says that there is nothing to cancel, and its target goes on.
    CancelLost,
}

impl Mutation {
    /// Every one.
    pub const ALL: [Self; 6] = [
        Self::SendTailDropped,
        Self::AcceptNotRearmed,
        Self::SlotFreedEarly,
        Self::BufferNotReturned,
        Self::AcknowledgementsHidden,
        Self::CancelLost,
    ];
}
