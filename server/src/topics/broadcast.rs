//! Broadcasts: one value to all who subscribed, on all cores, whatever each makes of it.
//!
//! ```text
//! send ─► this core's list ─┬► subscriptions: the value itself, shared
//!      │                    └► sockets, streams: its JSON text, encoded once
//!      └► one letter to each other core that has subscribers ─► its list
//! ```
//!
//! Always true here:
//! - What one thread sends, each subscriber gets in that order.
//! - A subscription that does not keep up loses the oldest values, and is told how many.
//! - No code of a user's runs while a list is borrowed.
//!
//! Not here: topics (`topics.rs`), which carry messages and are a server's own.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::{Arc, OnceLock};
use std::task::{Poll, Waker};

use ringlane_reactor::{contain, local};
use serde::Serialize;
use slab::Slab;

use super::SubscribeError;
use super::crossing::{Crossing, Whom};
use super::members::{self, Follower, List};
use super::shipment::Shipment;
use crate::escaped::Escaped;
use crate::websocket::Message;

/// Values that wait for a subscription, unless another number was given.
const CAPACITY: usize = 256;

/// Sends values to everyone who subscribed, on every core. Cheap to clone; usable from any thread,
/// and as a `static`.
///
/// ```
/// use std::sync::LazyLock;
/// use ringlane::topics::Broadcast;
/// use ringlane::{Context, Result};
///
/// #[derive(serde::Serialize)]
/// struct Price { name: &'static str, cents: u64 }
///
/// static PRICES: LazyLock<Broadcast<Price>> = LazyLock::new(Broadcast::new);
///
/// async fn prices(ctx: Context) -> Result {
///     let mut prices = PRICES.subscribe();
///     let mut stream = ctx.stream()?;
///     loop {
///         match prices.receive().await {
///             Ok(price) => stream.send(format!("{}: {}\n", price.name, price.cents)).await?,
///             Err(lagged) => stream.send(format!("({lagged})\n")).await?,
///         }
///     }
/// }
///
/// PRICES.send(Price { name: "tea", cents: 250 });
/// ```
pub struct Broadcast<T>(Arc<Channel<T>>);

struct Channel<T> {
    crossing: Crossing,
    capacity: usize,
    /// How many bytes a value has, if the user says so.
    weigh: Option<fn(&T) -> usize>,
    /// Values are of this type, and cross to other cores.
    of: std::marker::PhantomData<fn(Arc<T>)>,
}

/// A value on its way, and its JSON once someone wants it.
struct Item<T> {
    value: Arc<T>,
    json: OnceLock<Option<Arc<Shipment>>>,
}

/// The subscribers of one broadcast on one core.
struct Subscribers<T> {
    broadcast: Broadcast<T>,
    core: u16,
    queues: RefCell<Slab<Rc<Queue<T>>>>,
    followers: RefCell<Slab<Rc<dyn Follower>>>,
}

/// What waits for one subscription.
struct Queue<T> {
    values: RefCell<VecDeque<Arc<T>>>,
    lost: Cell<u64>,
    reader: Cell<Option<Waker>>,
}

type Lists = HashMap<(usize, u16), Rc<dyn Any>>;

thread_local! {
    /// By broadcast and core; more than one core only in simulations.
    static LISTS: RefCell<Lists> = RefCell::default();
}

impl<T> Clone for Broadcast<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: Send + Sync + 'static> Default for Broadcast<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Send + Sync + 'static> Broadcast<T> {
    /// A broadcast of which each subscription may fall 256 values behind.
    pub fn new() -> Self {
        Self::with_capacity(CAPACITY)
    }

    /// A broadcast of which each subscription may fall so many values behind; one at least.
    pub fn with_capacity(values: usize) -> Self {
        Self::of(values, None)
    }

    /// The same, told how many bytes a value has, with all that it points to: so many count as on
    /// their way to [another core](super::CROSSING_BYTES_MAX). Without it a value counts its own
    /// size and that of its JSON, which has to be written for that.
    ///
    /// ```
    /// use ringlane::topics::Broadcast;
    ///
    /// let pictures = Broadcast::weighed(16, |picture: &Vec<u8>| picture.len());
    /// assert!(pictures.send(vec![0; 100_000]));
    /// ```
    pub fn weighed(values: usize, weigh: fn(&T) -> usize) -> Self {
        Self::of(values, Some(weigh))
    }

    fn of(values: usize, weigh: Option<fn(&T) -> usize>) -> Self {
        Self(Arc::new(Channel {
            crossing: Crossing::default(),
            capacity: values.max(1),
            weigh,
            of: std::marker::PhantomData,
        }))
    }

    /// Begins to listen, on this core: to what is sent from now on. Dropping the subscription ends
    /// it.
    ///
    /// # Panics
    ///
    /// Off a core's thread.
    pub fn subscribe(&self) -> Subscription<T> {
        let list = self.list();
        let queue = Rc::new(Queue {
            values: RefCell::default(),
            lost: Cell::new(0),
            reader: Cell::default(),
        });
        let place = list.queues.borrow_mut().insert(Rc::clone(&queue));
        Subscription { list, queue, place }
    }

    /// The list of the core that this thread is inside, made if there is none.
    fn list(&self) -> Rc<Subscribers<T>> {
        let core = local::core().unwrap_or_else(|| {
            panic!("subscribing works only on a core's thread: in a handler, or in a task")
        });
        if let Some(list) = self.list_of(core) {
            return list;
        }
        let list = Rc::new(Subscribers {
            broadcast: self.clone(),
            core,
            queues: RefCell::default(),
            followers: RefCell::default(),
        });
        let entry = Rc::clone(&list) as Rc<dyn Any>;
        LISTS.with_borrow_mut(|lists| lists.insert(self.key(core), entry));
        self.0.crossing.join();
        list
    }

    fn list_of(&self, core: u16) -> Option<Rc<Subscribers<T>>> {
        let found = LISTS.with_borrow(|lists| lists.get(&self.key(core)).map(Rc::clone));
        found?.downcast().ok()
    }
}

impl<T> Broadcast<T> {
    /// A list holds its broadcast, so no other can have the same address while there is one.
    fn key(&self, core: u16) -> (usize, u16) {
        (Arc::as_ptr(&self.0).addr(), core)
    }
}

impl<T: Serialize + Send + Sync + 'static> Broadcast<T> {
    /// Sends a value to all who have subscribed.
    ///
    /// Gives false if another core has [too much](super::CROSSING_BYTES_MAX) to do already: its
    /// subscribers do not get this one.
    pub fn send(&self, value: impl Into<Arc<T>>) -> bool {
        let item = Arc::new(Item {
            value: value.into(),
            json: OnceLock::new(),
        });
        if let Some(list) = local::core().and_then(|core| self.list_of(core)) {
            list.deliver(&item);
        }
        if !self.0.crossing.reaches(Whom::Others) {
            return true;
        }
        let bytes = item.weight(self.0.weigh);
        self.0.crossing.send(Whom::Others, bytes, || {
            let (broadcast, item) = (self.clone(), Arc::clone(&item));
            move || {
                if let Some(list) = local::core().and_then(|core| broadcast.list_of(core)) {
                    list.deliver(&item);
                }
            }
        })
    }
}

impl<T: Serialize> Item<T> {
    /// How many bytes it has, about, if nobody says better.
    fn weight(&self, weigh: Option<fn(&T) -> usize>) -> usize {
        if let Some(weigh) = weigh {
            return weigh(&self.value);
        }
        let json = match self.json.get() {
            Some(json) => json.as_ref().map_or(0, |json| json.len()),
            None => {
                let mut count = Counted(0);
                // As far as it can be serialised, which is a user's code.
                let _ = contain(|| serde_json::to_writer(&mut count, &*self.value));
                count.0
            }
        };
        size_of::<T>() + json
    }

    /// The value as JSON text; `None` if it cannot be serialised, which is logged.
    fn json(&self) -> Option<&Arc<Shipment>> {
        let json = self
            .json
            .get_or_init(|| match Message::of_json(&*self.value) {
                Ok(message) => Some(Arc::new(Shipment::new(message.into()))),
                Err(error) => {
                    tracing::error!(error = %Escaped(error), "a broadcast value cannot be serialised");
                    None
                }
            });
        json.as_ref()
    }
}

/// Bytes that are only counted.
struct Counted(usize);

impl std::io::Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<T: Serialize> Subscribers<T> {
    fn deliver(&self, item: &Arc<Item<T>>) {
        if !self.followers.borrow().is_empty()
            && let Some(json) = item.json()
        {
            for (_, follower) in &*self.followers.borrow() {
                follower.deliver(json);
            }
        }
        // What a user's code may see of this, it sees when nothing is borrowed any more.
        let (mut lost, mut woken) = (Vec::new(), Vec::new());
        for (_, queue) in &*self.queues.borrow() {
            let mut values = queue.values.borrow_mut();
            if values.len() >= self.broadcast.0.capacity {
                queue.lost.set(queue.lost.get() + 1);
                lost.extend(values.pop_front());
            }
            values.push_back(Arc::clone(&item.value));
            drop(values);
            woken.extend(queue.reader.take());
        }
        woken.into_iter().for_each(Waker::wake);
    }
}

impl<T> Subscribers<T> {
    /// A list without anyone in it goes.
    fn tidy(&self) {
        if self.queues.borrow().is_empty() && self.followers.borrow().is_empty() {
            let key = self.broadcast.key(self.core);
            // A thread that ends may have dropped its lists already.
            let removed = LISTS.try_with(|lists| lists.borrow_mut().remove(&key));
            self.broadcast.0.crossing.leave();
            drop(removed);
        }
    }
}

impl<T> List for Subscribers<T> {
    fn leave(&self, place: usize) {
        let follower = self.followers.borrow_mut().try_remove(place);
        drop(follower);
        self.tidy();
    }

    fn is_topic(&self, _: &str) -> bool {
        false
    }
}

/// Values of a [`Broadcast`] as they come. It stays on its core.
#[must_use = "dropping a subscription ends it"]
pub struct Subscription<T: 'static> {
    list: Rc<Subscribers<T>>,
    queue: Rc<Queue<T>>,
    place: usize,
}

impl<T> Subscription<T> {
    /// The next value. It may be dropped while it waits, as `select!` does: no value is lost.
    ///
    /// # Errors
    ///
    /// If values were lost because too many waited; the oldest that is left comes next.
    pub async fn receive(&mut self) -> Result<Arc<T>, Lagged> {
        poll_fn(|cx| {
            let lost = self.queue.lost.replace(0);
            if lost > 0 {
                return Poll::Ready(Err(Lagged(lost)));
            }
            let value = self.queue.values.borrow_mut().pop_front();
            if let Some(value) = value {
                return Poll::Ready(Ok(value));
            }
            drop(self.queue.reader.replace(Some(cx.waker().clone())));
            Poll::Pending
        })
        .await
    }
}

impl<T> Drop for Subscription<T> {
    fn drop(&mut self) {
        let queue = self.list.queues.borrow_mut().try_remove(self.place);
        drop(queue);
        self.list.tidy();
    }
}

impl<T: Serialize + Send + Sync + 'static> Broadcast<T> {
    /// Has a connection get what is sent, as JSON text; once, however often it is asked for.
    pub(crate) fn join(&self, follower: Rc<dyn Follower>) -> Result<(), SubscribeError> {
        members::may_follow(&*follower)?;
        let list = self.list();
        let memberships = Rc::clone(&follower);
        let memberships = memberships.memberships();
        if memberships.is_in(&(Rc::clone(&list) as Rc<dyn List>)) {
            return Ok(());
        }
        let place = list.followers.borrow_mut().insert(follower);
        memberships.add(list, place);
        Ok(())
    }
}

impl<T: Send + Sync + 'static> Broadcast<T> {
    /// Has a connection get it no more. Tells whether it did.
    pub(crate) fn leave(&self, follower: &dyn Follower) -> bool {
        let list = local::core().and_then(|core| self.list_of(core));
        list.is_some_and(|list| {
            let memberships = follower.memberships();
            memberships.leave_list(&(list as Rc<dyn List>))
        })
    }
}

/// So many values were lost: they came faster than they were received.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Lagged(pub u64);

impl fmt::Display for Lagged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} values were lost", self.0)
    }
}

impl std::error::Error for Lagged {}

impl<T> fmt::Debug for Broadcast<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broadcast")
            .field("capacity", &self.0.capacity)
            .finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for Subscription<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription")
            .field("waiting", &self.queue.values.borrow().len())
            .finish_non_exhaustive()
    }
}
