//! What all requests of one core can reach: its state, its limits, and what it counts.
//!
//! Not here: routes and records (`conversation.rs`), the core's tasks (the reactor's).

use std::any::Any;
use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use crate::limits::Limits;
use crate::websocket::Sockets;

/// One core, as its requests see it.
pub(crate) struct Core {
    pub(crate) limits: Limits,
    /// Whether a client that has finished sending is still answered.
    pub(crate) half_close: bool,
    /// The value of `Server`.
    pub(crate) server_name: Option<Arc<str>>,
    pub(crate) counts: Counts,
    pub(crate) sockets: Rc<Sockets>,
    states: Vec<Box<dyn Any>>,
}

/// What a core has seen that it should not see often.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    /// Contexts that were held beyond their request, so that their memory was not used again.
    pub(crate) contexts_kept: Count,
    /// After-parts of middleware that did not end within their grace time.
    pub(crate) graces_exceeded: Count,
    /// Handlers that panicked.
    pub(crate) panics: Count,
}

#[derive(Debug, Default)]
pub(crate) struct Count(Cell<u64>);

impl Count {
    pub(crate) fn add(&self) {
        self.0.set(self.0.get() + 1);
    }

    #[cfg(test)]
    pub(crate) fn get(&self) -> u64 {
        self.0.get()
    }
}

/// What a body is, if no header says so.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum ContentType {
    /// There is no body.
    None,
    Text,
    Html,
    Json,
    Binary,
}

impl ContentType {
    /// The value of `Content-Type`.
    pub(crate) const fn value(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Text => Some("text/plain; charset=utf-8"),
            Self::Html => Some("text/html; charset=utf-8"),
            Self::Json => Some("application/json"),
            Self::Binary => Some("application/octet-stream"),
        }
    }
}

impl Core {
    pub(crate) fn new(
        limits: Limits,
        half_close: bool,
        server_name: Option<Arc<str>>,
        sockets: Rc<Sockets>,
        states: Vec<Box<dyn Any>>,
    ) -> Self {
        Self {
            limits,
            half_close,
            server_name,
            counts: Counts::default(),
            sockets,
            states,
        }
    }

    pub(crate) fn state<T: 'static>(&self) -> Option<&T> {
        self.states.iter().find_map(|state| state.downcast_ref())
    }
}
