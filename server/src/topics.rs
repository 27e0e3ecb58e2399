//! Topics: what is published under a name reaches everyone who follows it, on all cores.
//!
//! ```text
//! publish ─► this core's table ─► each follower's queue       (encoded once)
//!         └► one letter to each other core ─► its table ─► …  (the same bytes)
//!
//! with a history:
//! publish ─► lock ─► number, ring ─► one letter to each core, this one too ─► unlock
//! ```
//!
//! Followers are WebSockets and streams of events alike; [`Broadcast`] carries values to them.
//!
//! A history has one lock per topic, under which a message gets its number, is kept, and is posted
//! to every core. Letters arrive at each core as they were posted, so each core sees the numbers
//! rise. A follower that joins reads the ring under the same lock: what has a lower number than the
//! next is its replay, and of the letters those with a lower number are not for it. Nothing can be
//! between the two, or in both.
//!
//! Always true here:
//! - What one core publishes to a topic, each follower gets in that order; with a history all
//!   followers get the same order.
//! - A follower that does not keep up loses its own messages and nobody else's.
//! - A topic that nobody follows and that has no history takes no memory.
//!
//! Not here: what followers do with a message (`websocket/link.rs`, `event_stream/feed.rs`).

mod backlog;
mod broadcast;
mod crossing;
mod history;
mod members;
mod shipment;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fmt;
use std::rc::{Rc, Weak};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ringlane_reactor::local;
use slab::Slab;

use crate::Context;
use crate::escaped::Escaped;
use crate::limits::LimitError;
use crossing::{Crossing, Whom};
use history::Histories;
use members::List;

pub use backlog::SlowClient;
pub use broadcast::{Broadcast, Lagged, Subscription};
pub use crossing::CROSSING_BYTES_MAX;
pub use history::{HISTORIES_MAX, HISTORY_BYTES_MAX, HISTORY_EVENTS_MAX, History};
pub use members::{SubscribeError, TOPICS_PER_SOCKET_MAX};
pub use shipment::Publication;

pub(crate) use backlog::{Backlog, Parcel, Room, Spares};
pub(crate) use history::{Cursor, Missed, Replay};
pub(crate) use members::{Follower, Memberships};
pub(crate) use shipment::Shipment;

/// Longest name of a topic, in bytes.
pub const TOPIC_BYTES_MAX: usize = 256;

/// All topics of a server, to be published to from anywhere: handlers, tasks, other threads. Cheap
/// to clone.
///
/// ```
/// use ringlane::websocket::{Handler, Message, Socket};
/// use ringlane::{Context, Result, Server};
///
/// struct News;
///
/// impl Handler for News {
///     type State = ();
///
///     fn on_open(&self, _: &Context, socket: &Socket) -> Result {
///         socket.subscribe("news")?;
///         Ok(())
///     }
///
///     fn on_message(&self, (): &mut (), socket: &Socket, message: Message<'_>) {
///         socket.publish("news", message); // to all but this one
///     }
/// }
///
/// let builder = Server::builder()
///     .websocket("/news", News)
///     .get("/events", |ctx: Context| ctx.event_stream_of("news"))
///     .post("/news", |ctx: Context| { ctx.topics().publish("news", "extra!"); });
/// let topics = builder.topics();
/// let server = builder.build()?;
/// std::thread::spawn(move || topics.publish("news", "from elsewhere"));
/// # Ok::<(), ringlane::BuildError>(())
/// ```
#[derive(Clone, Default)]
pub struct Topics(Arc<Hub>);

#[derive(Default)]
struct Hub {
    crossing: Crossing,
    /// How many follow each topic, core by core.
    counts: Mutex<HashMap<Box<str>, Vec<Arc<AtomicUsize>>>>,
    histories: Histories,
}

thread_local! {
    /// The tables of the cores that run on this thread; more than one only in simulations.
    static TABLES: RefCell<Vec<Place>> = const { RefCell::new(Vec::new()) };
}

struct Place {
    core: u16,
    hub: Topics,
    table: Weak<Table>,
}

/// A follower that does not get what it publishes itself: its core, and its number there.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Publisher {
    core: Option<u16>,
    number: u32,
}

impl Topics {
    /// Sends a message to all who follow a topic. What is published before anyone follows is lost,
    /// unless the topic has a [history](Self::keep_history).
    ///
    /// Text reaches sockets as text and streams as the data of an event; an
    /// [`Event`](crate::event_stream::Event) reaches streams as it is and sockets as its data;
    /// bytes reach sockets alone.
    ///
    /// Gives false if another core has [too much](CROSSING_BYTES_MAX) to do already: its followers
    /// do not get this one. Also for an event that is [faulty](crate::event_stream::Event::check):
    /// nobody gets it, and the log says why.
    pub fn publish<'m>(&self, topic: &str, message: impl Into<Publication<'m>>) -> bool {
        self.publish_from(None, topic, message.into())
    }

    /// Keeps what is published to a topic from now on, so that
    /// [streams](Context::event_stream_of) that were interrupted get what they have missed. Called
    /// again it sets other limits; with [`History::max_events`] 0 nothing is kept any more, which
    /// streams are told as a gap. A topic that is over gives its history back with
    /// [`drop_history`](Self::drop_history).
    ///
    /// A server's histories end with it: after a restart its streams are told of a gap.
    ///
    /// # Errors
    ///
    /// If a limit is out of its range, by name; `histories` if [as many](HISTORIES_MAX) topics as
    /// may have one do.
    ///
    /// ```
    /// use ringlane::Server;
    /// use ringlane::topics::History;
    ///
    /// let topics = Server::builder().topics();
    /// topics.keep_history("news", History::default().max_events(100))?;
    /// assert!(topics.keep_history("news", History::default().max_events(usize::MAX)).is_err());
    /// # Ok::<(), ringlane::LimitError>(())
    /// ```
    pub fn keep_history(&self, topic: &str, history: History) -> Result<(), LimitError> {
        history.check().map_or(Ok(()), Err)?;
        self.0.histories.keep(topic, history, crate::time::now())
    }

    /// Drops a topic's history, with its settings and all that it keeps: for topics that come and
    /// go, such as rooms. Who follows goes on to get what is published, without ids; who is being
    /// sent what it has missed is told of a gap. Tells whether the topic had a history.
    ///
    /// ```
    /// use ringlane::Server;
    /// use ringlane::topics::History;
    ///
    /// let topics = Server::builder().topics();
    /// topics.keep_history("room-7", History::default())?;
    /// assert!(topics.drop_history("room-7"));
    /// assert!(!topics.drop_history("room-7"));
    /// # Ok::<(), ringlane::LimitError>(())
    /// ```
    pub fn drop_history(&self, topic: &str) -> bool {
        self.0.histories.forget(topic)
    }

    #[cfg(test)]
    pub(crate) fn kept_pieces(&self, topic: &str) -> Vec<crate::event_stream::Piece> {
        let history = self.0.histories.of(topic, crate::time::now());
        history.map_or_else(Vec::new, |history| history.pieces())
    }

    /// How many sockets and streams of all cores follow a topic at this moment.
    pub fn subscribers(&self, topic: &str) -> usize {
        let counts = self.counts();
        let of_cores = counts.get(topic).into_iter().flatten();
        of_cores.map(|count| count.load(Ordering::Relaxed)).sum()
    }

    fn publish_from(
        &self,
        publisher: Option<Publisher>,
        topic: &str,
        message: Publication<'_>,
    ) -> bool {
        if let Err(error) = message.check() {
            tracing::error!(error = %Escaped(error), topic, "a faulty event was not published");
            return false;
        }
        let message = message.into_owned();
        let now = crate::time::now();
        if message.is_text()
            && let Some(history) = self.0.histories.of(topic, now)
        {
            let all = |shipment: &Arc<Shipment>| self.post_to_all(publisher, topic, shipment);
            return history.append(message, now, all);
        }
        let shipment = Arc::new(Shipment::new(message));
        if let Some(table) = self.here() {
            table.deliver(topic, &shipment, publisher);
        }
        self.post(Whom::Others, None, topic, &shipment)
    }

    /// Has it arrive on every other core, or on this one as well: then in its turn.
    fn post(
        &self,
        whom: Whom,
        publisher: Option<Publisher>,
        topic: &str,
        shipment: &Arc<Shipment>,
    ) -> bool {
        if !self.0.crossing.reaches(whom) {
            return true;
        }
        let topic: Arc<str> = topic.into();
        self.0.crossing.send(whom, shipment.len(), || {
            let (hub, topic, shipment) = (self.clone(), Arc::clone(&topic), Arc::clone(shipment));
            move || {
                if let Some(table) = hub.here() {
                    table.deliver(&topic, &shipment, publisher);
                }
            }
        })
    }

    /// Has it arrive on every core, in its turn.
    fn post_to_all(
        &self,
        publisher: Option<Publisher>,
        topic: &str,
        shipment: &Arc<Shipment>,
    ) -> bool {
        if !self.0.crossing.reaches_this() // an application that is run by hand gets no letters
            && let Some(table) = self.here()
        {
            table.deliver(topic, shipment, publisher);
        }
        self.post(Whom::All, publisher, topic, shipment)
    }

    /// A core's followers are reachable from now on.
    pub(crate) fn join(&self, table: &Rc<Table>) {
        let Some(core) = local::core() else { return };
        let place = Place {
            core,
            hub: self.clone(),
            table: Rc::downgrade(table),
        };
        TABLES.with_borrow_mut(|places| {
            places.retain(|place| place.table.strong_count() > 0);
            places.push(place);
        });
        self.0.crossing.join();
    }

    /// The table of the core that this thread is inside, if it is one of this server's.
    fn here(&self) -> Option<Rc<Table>> {
        let core = local::core()?;
        TABLES.with_borrow(|places| {
            let mut mine = places
                .iter()
                .filter(|place| place.core == core && Arc::ptr_eq(&place.hub.0, &self.0));
            mine.find_map(|place| place.table.upgrade())
        })
    }

    fn counts(&self) -> MutexGuard<'_, HashMap<Box<str>, Vec<Arc<AtomicUsize>>>> {
        let counts = &self.0.counts;
        counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Topics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Topics").finish_non_exhaustive()
    }
}

impl Context {
    /// The topics of the server.
    pub fn topics(&self) -> Topics {
        self.0.core.topics.hub.clone()
    }
}

/// One core's topics.
pub(crate) struct Table {
    hub: Topics,
    topics: RefCell<HashMap<Box<str>, Rc<Topic>>>,
    this: Weak<Self>,
}

/// Who follows one topic on one core.
struct Topic {
    name: Box<str>,
    members: RefCell<Slab<Member>>,
    /// How many these are, for other cores to read.
    count: Arc<AtomicUsize>,
    /// The number of the message that comes next, if the topic has a history.
    next: Cell<u64>,
    table: Weak<Table>,
}

struct Member {
    follower: Rc<dyn Follower>,
    /// What has a lower number was replayed for it, or came before it.
    from: u64,
}

impl Table {
    pub(crate) fn new(hub: Topics) -> Rc<Self> {
        Rc::new_cyclic(|this| Self {
            hub,
            topics: RefCell::default(),
            this: this.clone(),
        })
    }

    /// Publishes on a follower's behalf, to all others.
    pub(crate) fn publish(&self, number: u32, topic: &str, message: Publication<'_>) -> bool {
        let core = local::core();
        let publisher = Some(Publisher { core, number });
        self.hub.publish_from(publisher, topic, message)
    }

    /// Has a follower get what is published to a topic; once, however often it is asked for. Of a
    /// topic that has a history, gives what was published since the message of id `last`, or else
    /// where it begins to follow.
    pub(crate) fn join(
        &self,
        name: &str,
        follower: Rc<dyn Follower>,
        last: Option<&str>,
    ) -> Result<Option<Replay>, SubscribeError> {
        members::check_name(name)?;
        if follower.is_open() && follower.memberships().is_in_topic(name) {
            return Ok(None);
        }
        members::may_follow(&*follower)?;
        let now = crate::time::now();
        let history = self.hub.0.histories.of(name, now);
        let replay = history.map(|history| history.replay(last, now));
        let from = replay.as_ref().map_or(0, |replay| replay.missed.end);
        let topic = self.topic(name, from);
        let mut members = topic.members.borrow_mut();
        let memberships = Rc::clone(&follower);
        let place = members.insert(Member { follower, from });
        topic.count.store(members.len(), Ordering::Relaxed);
        drop(members);
        memberships.memberships().add(topic, place);
        Ok(replay)
    }

    fn deliver(&self, topic: &str, shipment: &Arc<Shipment>, except: Option<Publisher>) {
        let Some(topic) = self.topics.borrow().get(topic).map(Rc::clone) else {
            return;
        };
        let number = shipment.number();
        let core = local::core();
        let except = except.filter(|except| except.core == core);
        let is_missing = number.is_some_and(|number| {
            let next = topic.next.replace(number + 1);
            next < number && next > 0 // one was refused on its way here
        });
        for (_, member) in &*topic.members.borrow() {
            if number.is_some_and(|number| number < member.from) {
                continue;
            }
            if is_missing {
                member.follower.miss();
            }
            if except.is_none_or(|except| !member.follower.is_numbered(except.number)) {
                member.follower.deliver(shipment);
            }
        }
    }

    /// The topic of a name, made if there is none; then this is the number that comes next.
    fn topic(&self, name: &str, next: u64) -> Rc<Topic> {
        let mut topics = self.topics.borrow_mut();
        if let Some(topic) = topics.get(name) {
            return Rc::clone(topic);
        }
        let topic = Rc::new(Topic {
            name: name.into(),
            members: RefCell::default(),
            count: Arc::default(),
            next: Cell::new(next),
            table: Weak::clone(&self.this),
        });
        let mut counts = self.hub.counts();
        let of_cores = counts.entry(name.into()).or_default();
        of_cores.push(Arc::clone(&topic.count));
        topics.insert(name.into(), Rc::clone(&topic));
        topic
    }

    fn forget(&self, topic: &Topic) {
        self.topics.borrow_mut().remove(&topic.name);
        let mut counts = self.hub.counts();
        if let Some(of_cores) = counts.get_mut(&topic.name) {
            of_cores.retain(|count| !Arc::ptr_eq(count, &topic.count));
            if of_cores.is_empty() {
                counts.remove(&topic.name);
            }
        }
    }
}

impl List for Topic {
    fn leave(&self, place: usize) {
        let mut members = self.members.borrow_mut();
        let member = members.try_remove(place);
        let count = members.len();
        drop(members);
        drop(member);
        self.count.store(count, Ordering::Relaxed);
        if count == 0
            && let Some(table) = self.table.upgrade()
        {
            table.forget(self);
        }
    }

    fn is_topic(&self, name: &str) -> bool {
        *self.name == *name
    }
}
