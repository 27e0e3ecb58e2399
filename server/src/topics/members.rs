//! Who follows, and what it follows: topics and broadcasts, which it leaves when it ends.
//!
//! Always true here:
//! - A follower that has ended is in no list any more.
//!
//! Not here: the lists (`topics.rs`, `broadcast.rs`).

use std::cell::Cell;
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

use super::TOPIC_BYTES_MAX;
use super::shipment::Shipment;

/// How many topics and broadcasts one socket may follow.
pub const TOPICS_PER_SOCKET_MAX: usize = 256;

/// Why a topic is not followed.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum SubscribeError {
    /// The socket is closed.
    Closed,
    /// The topic's name is too long.
    NameTooLong,
    /// The socket follows as many as it may.
    TooMany,
}

impl fmt::Display for SubscribeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed => "the socket is closed",
            Self::NameTooLong => "the name of the topic is too long",
            Self::TooMany => "the socket follows as many topics as it may",
        })
    }
}

impl std::error::Error for SubscribeError {}

/// A connection that gets what is published.
pub(crate) trait Follower {
    /// Takes a message, or lets go of it if there is no room.
    fn deliver(&self, shipment: &Arc<Shipment>);

    /// A message that should be here was lost on its way.
    fn miss(&self) {}

    /// Whether it is the one that publishes under that number on its core.
    fn is_numbered(&self, number: u32) -> bool;

    /// What it follows.
    fn memberships(&self) -> &Memberships;

    /// Whether it is still there.
    fn is_open(&self) -> bool;
}

/// Whether a connection may follow one topic more.
pub(super) fn may_follow(follower: &dyn Follower) -> Result<(), SubscribeError> {
    if !follower.is_open() {
        return Err(SubscribeError::Closed);
    }
    if follower.memberships().len() >= TOPICS_PER_SOCKET_MAX {
        return Err(SubscribeError::TooMany);
    }
    Ok(())
}

/// Whether a topic may have that name.
pub(super) fn check_name(topic: &str) -> Result<(), SubscribeError> {
    match topic.len() > TOPIC_BYTES_MAX {
        true => Err(SubscribeError::NameTooLong),
        false => Ok(()),
    }
}

/// A list that a follower is in.
pub(crate) trait List {
    /// Takes the member at this place off the list.
    fn leave(&self, place: usize);

    /// Whether it is the list of the topic of this name.
    fn is_topic(&self, name: &str) -> bool;
}

/// A list that one follower is in, and its place there.
type Membership = (Rc<dyn List>, usize);

/// Every list that one follower is in: one word for one that is in none.
#[derive(Default)]
#[expect(clippy::box_collection, reason = "most sockets pay one word")]
pub(crate) struct Memberships(Cell<Option<Box<Vec<Membership>>>>);

impl Memberships {
    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.with(|all| all.len())
    }

    pub(crate) fn is_in_topic(&self, name: &str) -> bool {
        self.with(|all| all.iter().any(|(list, _)| list.is_topic(name)))
    }

    pub(crate) fn is_in(&self, list: &Rc<dyn List>) -> bool {
        self.with(|all| all.iter().any(|(known, _)| is_same(known, list)))
    }

    pub(crate) fn add(&self, list: Rc<dyn List>, place: usize) {
        self.with(|all| all.push((list, place)));
    }

    /// Leaves a topic. Tells whether it was followed.
    pub(crate) fn leave_topic(&self, name: &str) -> bool {
        self.leave(|list| list.is_topic(name))
    }

    pub(crate) fn leave_list(&self, list: &Rc<dyn List>) -> bool {
        self.leave(|known| is_same(known, list))
    }

    pub(crate) fn leave_all(&self) {
        for (list, place) in self.0.take().into_iter().flat_map(|all| *all) {
            list.leave(place);
        }
    }

    fn leave(&self, is_it: impl Fn(&Rc<dyn List>) -> bool) -> bool {
        let left = self.with(|all| {
            let at = all.iter().position(|(list, _)| is_it(list))?;
            Some(all.swap_remove(at))
        });
        match left {
            Some((list, place)) => {
                list.leave(place);
                true
            }
            None => false,
        }
    }

    fn with<T>(&self, look: impl FnOnce(&mut Vec<Membership>) -> T) -> T {
        let mut all = self.0.take().unwrap_or_default();
        let result = look(&mut all);
        self.0.set(Some(all).filter(|all| !all.is_empty()));
        result
    }
}

/// Lists of different types may lie at the same place only if they are empty: none is.
fn is_same(one: &Rc<dyn List>, other: &Rc<dyn List>) -> bool {
    std::ptr::addr_eq(Rc::as_ptr(one), Rc::as_ptr(other))
}
