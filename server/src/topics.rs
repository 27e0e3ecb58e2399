//! Topics: what is said to a name reaches every socket that follows it, on all cores.
//!
//! ```text
//! publish ─► this core's table ─► each follower's queue       (encoded once)
//!         └► one letter to each other core ─► its table ─► …  (the same bytes)
//! ```
//!
//! Always true here:
//! - What one core publishes to a topic, each follower gets in that order.
//! - A follower that does not keep up loses its own messages and nobody else's.
//! - A topic that nobody follows takes no memory.
//!
//! Not here: typed values (`broadcast.rs`), slow clients (`link.rs`).

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::rc::{Rc, Weak};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ringlane_reactor::local;
use slab::Slab;

use super::crossing::Crossing;
use super::link::{Link, Phase, Sockets};
use super::members::{List, TOPICS_PER_SOCKET_MAX};
use super::shipment::Shipment;
use super::{Message, Socket, SubscribeError};
use crate::Context;

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
}

thread_local! {
    /// The tables of the cores that run on this thread; more than one only in simulations.
    static TABLES: RefCell<Vec<Place>> = const { RefCell::new(Vec::new()) };
}

struct Place {
    core: u16,
    hub: Topics,
    sockets: Weak<Sockets>,
}

impl Topics {
    /// Sends a message to all who follow a topic. What is published before anyone follows is lost.
    ///
    /// Gives false if another core has [too much](super::CROSSING_BYTES_MAX) to do already: its
    /// followers do not get this one.
    pub fn publish<'m>(&self, topic: &str, message: impl Into<Message<'m>>) -> bool {
        let shipment = Arc::new(Shipment::new(message.into().into_owned()));
        if let Some(sockets) = self.here() {
            sockets.table.deliver(topic, &shipment, None);
        }
        self.cross(topic, &shipment)
    }

    /// How many sockets of all cores follow a topic at this moment.
    pub fn subscribers(&self, topic: &str) -> usize {
        let counts = self.counts();
        let of_cores = counts.get(topic).into_iter().flatten();
        of_cores.map(|count| count.load(Ordering::Relaxed)).sum()
    }

    fn cross(&self, topic: &str, shipment: &Arc<Shipment>) -> bool {
        if !self.0.crossing.has_others() {
            return true;
        }
        let topic: Arc<str> = topic.into();
        self.0.crossing.send(shipment.len(), || {
            let (hub, topic, shipment) = (self.clone(), Arc::clone(&topic), Arc::clone(shipment));
            move || {
                if let Some(sockets) = hub.here() {
                    sockets.table.deliver(&topic, &shipment, None);
                }
            }
        })
    }

    /// A core's sockets are reachable from now on.
    pub(crate) fn join(&self, sockets: &Rc<Sockets>) {
        let Some(core) = local::core() else { return };
        let place = Place {
            core,
            hub: self.clone(),
            sockets: Rc::downgrade(sockets),
        };
        TABLES.with_borrow_mut(|places| {
            places.retain(|place| place.sockets.strong_count() > 0);
            places.push(place);
        });
        self.0.crossing.join();
    }

    /// The sockets of the core that this thread is inside, if it is one of this server's.
    fn here(&self) -> Option<Rc<Sockets>> {
        let core = local::core()?;
        TABLES.with_borrow(|places| {
            let mut mine = places
                .iter()
                .filter(|place| place.core == core && Arc::ptr_eq(&place.hub.0, &self.0));
            mine.find_map(|place| place.sockets.upgrade())
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
        self.0.core.sockets.table.hub.clone()
    }
}

/// One core's topics.
pub(super) struct Table {
    hub: Topics,
    topics: RefCell<HashMap<Box<str>, Rc<Topic>>>,
}

/// Who follows one topic on one core.
struct Topic {
    name: Box<str>,
    members: RefCell<Slab<Rc<Link>>>,
    /// How many these are, for other cores to read.
    count: Arc<AtomicUsize>,
    sockets: Weak<Sockets>,
}

impl Table {
    pub(super) fn new(hub: Topics) -> Self {
        Self {
            hub,
            topics: RefCell::default(),
        }
    }

    fn deliver(&self, topic: &str, shipment: &Arc<Shipment>, except: Option<&Rc<Link>>) {
        let Some(topic) = self.topics.borrow().get(topic).map(Rc::clone) else {
            return;
        };
        for (_, member) in &*topic.members.borrow() {
            if except.is_none_or(|except| !Rc::ptr_eq(except, member)) {
                member.deliver(shipment);
            }
        }
    }

    fn topic(&self, name: &str, sockets: &Rc<Sockets>) -> Rc<Topic> {
        let mut topics = self.topics.borrow_mut();
        if let Some(topic) = topics.get(name) {
            return Rc::clone(topic);
        }
        let topic = Rc::new(Topic {
            name: name.into(),
            members: RefCell::default(),
            count: Arc::default(),
            sockets: Rc::downgrade(sockets),
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
            && let Some(sockets) = self.sockets.upgrade()
        {
            sockets.table.forget(self);
        }
    }

    fn is_topic(&self, name: &str) -> bool {
        *self.name == *name
    }
}

impl Socket {
    /// Follows a topic: what is published to it is sent to this socket. Following it twice is
    /// following it once. The socket's end ends it.
    ///
    /// # Errors
    ///
    /// If the name is [too long](super::TOPIC_BYTES_MAX), the socket follows
    /// [too many](super::TOPICS_PER_SOCKET_MAX) already, or is closed.
    pub fn subscribe(&self, topic: &str) -> Result<(), SubscribeError> {
        let link = &self.0;
        if topic.len() > TOPIC_BYTES_MAX {
            return Err(SubscribeError::NameTooLong);
        }
        if link.phase() != Phase::Open {
            return Err(SubscribeError::Closed);
        }
        if link.memberships.is_in_topic(topic) {
            return Ok(());
        }
        if link.memberships.len() >= TOPICS_PER_SOCKET_MAX {
            return Err(SubscribeError::TooMany);
        }
        let topic = link.sockets.table.topic(topic, &link.sockets);
        let mut members = topic.members.borrow_mut();
        let place = members.insert(Rc::clone(link));
        topic.count.store(members.len(), Ordering::Relaxed);
        drop(members);
        link.memberships.add(topic, place);
        Ok(())
    }

    /// Follows a topic no more. Tells whether it did.
    pub fn unsubscribe(&self, topic: &str) -> bool {
        self.0.memberships.leave_topic(topic)
    }

    /// Sends a message to all who follow a topic, on all cores, but to this socket. It need not
    /// follow the topic itself. As [`Topics::publish`].
    pub fn publish<'m>(&self, topic: &str, message: impl Into<Message<'m>>) -> bool {
        let shipment = Arc::new(Shipment::new(message.into().into_owned()));
        let table = &self.0.sockets.table;
        table.deliver(topic, &shipment, Some(&self.0));
        table.hub.cross(topic, &shipment)
    }
}
