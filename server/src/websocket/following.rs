//! What a socket follows, and what it publishes itself.
//!
//! Not here: how that gets to others (`topics.rs`).

use std::rc::Rc;

use serde::Serialize;

use super::{Broadcast, Message, Socket, SubscribeError};
use crate::topics::{Follower, Publication};

impl Socket {
    /// Follows a topic: what is published to it is sent to this socket. Following it twice is
    /// following it once. The socket's end ends it.
    ///
    /// # Errors
    ///
    /// If the name is [too long](super::TOPIC_BYTES_MAX), the socket follows
    /// [too many](super::TOPICS_PER_SOCKET_MAX) already, or is closed.
    pub fn subscribe(&self, topic: &str) -> Result<(), SubscribeError> {
        let link = Rc::clone(&self.0) as Rc<dyn Follower>;
        self.0.sockets.table.join(topic, link, None)?;
        Ok(())
    }

    /// Follows a topic no more. Tells whether it did.
    pub fn unsubscribe(&self, topic: &str) -> bool {
        self.0.memberships().leave_topic(topic)
    }

    /// Sends a message to all who follow a topic, on all cores, but to this socket. It need not
    /// follow the topic itself. As [`Topics::publish`](super::Topics::publish).
    pub fn publish<'m>(&self, topic: &str, message: impl Into<Message<'m>>) -> bool {
        let message = Publication::Message(message.into());
        self.0.sockets.table.publish(self.0.number, topic, message)
    }

    /// Follows a broadcast: what is sent to it is sent to this socket, as JSON text, without a task
    /// or a callback. The socket's end ends it.
    ///
    /// # Errors
    ///
    /// If the socket follows [too many](super::TOPICS_PER_SOCKET_MAX) already, or is closed.
    pub fn follow<T>(&self, broadcast: &Broadcast<T>) -> Result<(), SubscribeError>
    where
        T: Serialize + Send + Sync + 'static,
    {
        broadcast.join(Rc::clone(&self.0) as Rc<dyn Follower>)
    }

    /// Follows a broadcast no more. Tells whether it did.
    pub fn unfollow<T: Send + Sync + 'static>(&self, broadcast: &Broadcast<T>) -> bool {
        broadcast.leave(&*self.0)
    }
}
