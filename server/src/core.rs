//! What all requests of one core can reach: its state, its limits, and what it counts.
//!
//! Not here: routes and records (`conversation.rs`), the core's tasks (the reactor's).

use std::any::Any;
use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::app::Settings;
use crate::error::ErrorRules;
use crate::limits::Limits;
use crate::panic::PanicHook;

/// One core, as its requests see it.
pub(crate) struct Core {
    pub(crate) limits: Limits,
    /// Whether a client that has finished sending is still answered.
    pub(crate) half_close: bool,
    /// The value of `Server`.
    pub(crate) server_name: Option<Arc<str>>,
    pub(crate) errors: ErrorRules,
    /// Told of panics in handlers and layers.
    pub(crate) on_panic: Option<PanicHook>,
    pub(crate) counts: Counts,
    /// Connections that are open; read by other cores.
    pub(crate) connections: Arc<Tally>,
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

/// A number that one core writes and all may read.
#[derive(Debug, Default)]
pub(crate) struct Tally(AtomicU64);

impl Tally {
    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Only the owning core may call this: there is no read-modify-write.
    #[inline]
    pub(crate) fn up(&self) {
        self.0.store(self.get() + 1, Ordering::Relaxed);
    }

    /// As [`up`](Self::up), and never below zero.
    #[inline]
    pub(crate) fn down(&self) {
        let before = self.get();
        debug_assert!(before > 0, "what ends has begun");
        self.0.store(before.saturating_sub(1), Ordering::Relaxed);
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
    pub(crate) fn new(settings: &Settings, states: Vec<Box<dyn Any>>) -> Self {
        Self {
            limits: settings.limits,
            half_close: settings.half_close,
            server_name: settings.server_name.clone(),
            errors: settings.errors.clone(),
            on_panic: settings.on_panic.clone(),
            counts: Counts::default(),
            connections: Arc::default(),
            states,
        }
    }

    pub(crate) fn state<T: 'static>(&self) -> Option<&T> {
        self.states.iter().find_map(|state| state.downcast_ref())
    }
}
