//! What all requests of one core can reach: its state, its limits, and what it counts.
//!
//! Not here: routes and records (`conversation.rs`), the core's tasks (the reactor's).

use std::any::Any;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use ringlane_reactor::drop_caught;

use crate::app::Settings;
use crate::context::client::Trust;
use crate::conversation::PrefaceRule;
use crate::drain::Spread;
use crate::error::ErrorRules;
use crate::event_stream::Waiting;
use crate::limits::Limits;
use crate::panic::PanicHook;
use crate::status::Vitals;
use crate::topics::{Spares, Table};
use crate::websocket::Sockets;

/// One core, as its requests see it.
pub(crate) struct Core {
    /// Its number in this server, from 0.
    pub(crate) number: usize,
    pub(crate) limits: Limits,
    /// Whether a client that has finished sending is still answered.
    pub(crate) half_close: bool,
    /// The value of `Server`.
    pub(crate) server_name: Option<Arc<str>>,
    pub(crate) errors: ErrorRules,
    /// Told of panics in handlers and layers.
    pub(crate) on_panic: Option<PanicHook>,
    /// Whom to believe about clients.
    pub(crate) trust: Trust,
    /// Whose connections begin with a PROXY preface.
    pub(crate) preface: Option<PrefaceRule>,
    pub(crate) counts: Arc<Counts>,
    pub(crate) vitals: Arc<Vitals>,
    pub(crate) sockets: Rc<Sockets>,
    pub(crate) topics: Rc<Table>,
    pub(crate) stream_spares: Rc<Spares<Waiting>>,
    pub(crate) spread: Rc<Spread>,
    states: Vec<Box<dyn Any>>,
}

impl Drop for Core {
    /// States are a user's: a destructor that panics ends neither the others nor the core's end.
    fn drop(&mut self) {
        self.states.drain(..).for_each(drop_caught);
    }
}

/// What a core has seen, in words that it alone writes and other threads read.
#[derive(Debug, Default)]
#[repr(align(128))] // its own cache lines: other cores write theirs
pub(crate) struct Counts {
    /// Connections that are open.
    pub(crate) connections: Count,
    /// Requests whose head was complete.
    pub(crate) requests: Count,
    /// Heads that were malformed or late.
    pub(crate) heads_refused: Count,
    /// Connections closed at their PROXY preface.
    pub(crate) prefaces_refused: Count,
    /// Contexts that were held beyond their request, so that their memory was not used again.
    pub(crate) contexts_kept: Count,
    /// After-parts of middleware that did not end within their grace time.
    pub(crate) graces_exceeded: Count,
    /// Handlers that panicked.
    pub(crate) panics: Count,
    /// Heads that did not come in time.
    pub(crate) head_timeouts: Count,
    /// Connections closed because no request came on them.
    pub(crate) idle_timeouts: Count,
    /// Bodies that came too slowly.
    pub(crate) body_timeouts: Count,
    /// Handlers that ran out of their time.
    pub(crate) handler_timeouts: Count,
    /// The chain that was begun or went on last, by its number; 0 is one of no route.
    pub(crate) last_chain: Count,
    /// The patterns of the routes, by the numbers of their chains less one.
    pub(crate) patterns: OnceLock<Box<[Box<str>]>>,
}

impl Counts {
    /// The pattern of the route whose handler or layers ran last.
    pub(crate) fn last_pattern(&self) -> Option<&str> {
        let number = usize::try_from(self.last_chain.get()).ok()?;
        let pattern = self.patterns.get()?.get(number.checked_sub(1)?)?;
        Some(pattern)
    }
}

#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    /// Only the owning core may call this: there is no read-modify-write.
    pub(crate) fn add(&self) {
        self.add_all(1);
    }

    /// Takes one off again; never below zero.
    #[inline]
    pub(crate) fn take_off(&self) {
        let before = self.get();
        debug_assert!(before > 0, "what ends has begun");
        self.0.store(before.saturating_sub(1), Ordering::Relaxed);
    }

    /// As `add`, for several at once.
    #[inline]
    pub(crate) fn add_all(&self, count: u64) {
        self.0.store(self.get() + count, Ordering::Relaxed);
    }

    /// Makes it another; likewise.
    #[inline]
    pub(crate) fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    /// Makes it the greater of itself and `value`; likewise.
    #[inline]
    pub(crate) fn raise_to(&self, value: u64) {
        if value > self.get() {
            self.0.store(value, Ordering::Relaxed);
        }
    }

    #[inline]
    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
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
    pub(crate) fn new(settings: &Settings, vitals: &Arc<Vitals>, number: usize) -> Self {
        let topics = Table::new(settings.topics.clone());
        settings.topics.join(&topics);
        let spread = Rc::new(Spread::new(settings.drain_time));
        let sockets = Sockets::new(Rc::clone(&spread), Rc::clone(&topics));
        Self {
            number,
            limits: settings.limits,
            half_close: settings.half_close,
            server_name: settings.server_name.clone(),
            errors: settings.errors.clone(),
            on_panic: settings.on_panic.clone(),
            trust: settings.trust.clone(),
            preface: settings.preface.clone(),
            counts: vitals.join(number),
            vitals: Arc::clone(vitals),
            sockets: Rc::new(sockets),
            topics,
            stream_spares: Rc::default(),
            spread,
            states: settings.states.iter().map(|state| state(number)).collect(),
        }
    }

    pub(crate) fn state<T: 'static>(&self) -> Option<&T> {
        self.states.iter().find_map(|state| state.downcast_ref())
    }
}
