//! What stands behind a Context: one request and its response, in memory that is used again.
//!
//! Always true here:
//! - The request's half is written only while nobody else holds the record.
//! - Forgetting names every field, so that a new one cannot be overlooked.
//!
//! Not here: who holds records between requests (`pool.rs`).

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use bytes::Bytes;
use ringlane_protocol::{RequestHead, ResponseHeaders, StatusCode};
use ringlane_reactor::clock::Instant;
use ringlane_reactor::drop_caught;
use ringlane_router::Params;

use super::exchange::Exchange;
use super::extensions::Extensions;
use crate::chain::{Cancel, Chain, Outcome};
use crate::coding::Offer;
use crate::core::{ContentType, Core};
use crate::websocket::Upgrade;

/// A body buffer that has grown beyond this is not kept for the next request.
const BODY_KEPT_MAX: usize = 64 * 1024;

pub(crate) struct Record {
    pub(crate) head: RequestHead,
    /// What answers it.
    pub(crate) chain: Rc<Chain>,
    /// A route was found for the head, and `params` with it: if the head comes again, so do they.
    pub(crate) is_routed: bool,
    pub(crate) params: Params,
    pub(crate) core: Rc<Core>,
    pub(crate) reply: Reply,
    pub(crate) exchange: Exchange,
    /// When the head was complete.
    pub(crate) received_at: Instant,
    pub(crate) extensions: Extensions,
    /// What the connection becomes, if the answer is that.
    pub(crate) upgrade: Upgrade,
    pub(crate) run: Run,
}

/// The response as far as it was written.
pub(crate) struct Reply {
    pub(crate) phase: Cell<Phase>,
    pub(crate) status: Cell<StatusCode>,
    /// What the body is by itself.
    pub(crate) content_type: Cell<ContentType>,
    /// What the handler says that it is.
    pub(crate) media_type: Cell<Option<&'static str>>,
    pub(crate) headers: RefCell<ResponseHeaders>,
    pub(crate) body: RefCell<Payload>,
    /// Which content coding the answer may be sent in; used up when the head is settled.
    pub(crate) offer: Cell<Option<Offer>>,
    /// The answer depends on `Origin`, and has to say so; used up when the head is settled.
    pub(crate) names_origin: Cell<bool>,
    /// The program made a mistake in what it wrote: the answer is 500.
    pub(crate) is_faulty: Cell<bool>,
}

/// Until when a response can be written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Phase {
    /// Everything can still change.
    Open,
    /// The head is on its way; a body may be streaming.
    Committed,
    /// The request is over, for the record as well.
    Closed,
}

/// A whole body: the record's own buffer, or bytes that travel as they are.
#[derive(Default)]
pub(crate) struct Payload {
    pub(crate) buffer: Vec<u8>,
    pub(crate) shared: Option<Bytes>,
}

impl Payload {
    pub(crate) fn bytes(&self) -> &[u8] {
        self.shared.as_deref().unwrap_or(&self.buffer)
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes().len()
    }
}

/// How the chain of layers is getting on.
#[derive(Default)]
pub(crate) struct Run {
    /// How far down the chain the onions have descended.
    pub(crate) depth: Cell<usize>,
    /// Why what is still running should end.
    pub(crate) cancelled: Cell<Option<Cancel>>,
    /// What waits once more is dropped.
    pub(crate) is_out_of_time: Cell<bool>,
    pub(crate) outcome: Cell<Outcome>,
    /// A panic was caught: the connection ends after the answer.
    pub(crate) panicked: Cell<bool>,
    /// The response header that holds the request's id, if it was given one.
    pub(crate) id_header: Cell<Option<&'static str>>,
}

impl Record {
    pub(crate) fn new(core: Rc<Core>, chain: Rc<Chain>) -> Self {
        Self {
            head: RequestHead::new(),
            chain,
            is_routed: false,
            params: Params::new(),
            core,
            reply: Reply::new(),
            exchange: Exchange::default(),
            received_at: Instant::default(),
            extensions: Extensions::default(),
            upgrade: Upgrade::default(),
            run: Run::default(),
        }
    }

    /// Forgets the request and keeps the memory.
    pub(crate) fn reset(&mut self) {
        let Self {
            head: _, // filled anew as a whole; until then nobody looks at it
            chain: _,
            is_routed: _,
            params: _, // as the head
            core: _,
            reply,
            exchange,
            received_at: _, // as the head
            extensions,
            upgrade,
            run,
        } = self;
        reply.reset();
        exchange.reset();
        if !extensions.is_empty() {
            extensions.clear();
        }
        upgrade.forget();
        run.reset();
    }
}

impl Reply {
    fn new() -> Self {
        Self {
            phase: Cell::new(Phase::Open),
            status: Cell::new(StatusCode::OK),
            content_type: Cell::new(ContentType::None),
            media_type: Cell::new(None),
            headers: RefCell::new(ResponseHeaders::new()),
            body: RefCell::default(),
            offer: Cell::new(None),
            names_origin: Cell::new(false),
            is_faulty: Cell::new(false),
        }
    }

    fn reset(&mut self) {
        let Self {
            phase,
            status,
            content_type,
            media_type,
            headers,
            body,
            offer,
            names_origin,
            is_faulty,
        } = self;
        phase.set(Phase::Open);
        status.set(StatusCode::OK);
        content_type.set(ContentType::None);
        media_type.set(None);
        headers.get_mut().clear();
        let Payload { buffer, shared } = body.get_mut();
        buffer.clear();
        if buffer.capacity() > BODY_KEPT_MAX {
            *buffer = Vec::new();
        }
        if let Some(bytes) = shared.take() {
            drop_caught(bytes); // they may have an owner of a user's
        }
        offer.set(None);
        names_origin.set(false);
        is_faulty.set(false);
    }
}

impl Run {
    fn reset(&mut self) {
        let Self {
            depth,
            cancelled,
            is_out_of_time,
            outcome,
            panicked,
            id_header,
        } = self;
        depth.set(0);
        cancelled.set(None);
        is_out_of_time.set(false);
        outcome.set(Outcome::Answered);
        panicked.set(false);
        id_header.set(None);
    }
}
