//! The HTTP/1.1 conversation of each connection: requests in, answers out, in order.
//!
//! ```text
//! input ─► head ─► route ─► chain ──────────► answer ─► output     (mostly: one call, no waiting)
//!                             └► active request: body in, stream out, deadlines
//! ```
//!
//! Always true here:
//! - Requests are answered in the order in which they came, each once.
//! - Between requests a connection holds a few words here and nothing else.
//! - A call ends when the input is used up, something has to wait, or enough output waits.
//!
//! Not here: reading heads (the protocol's), routes (the router's), layers (`chain.rs`), sockets.

mod active;
mod answer;
mod clocks;
mod drive;
mod lifetime;
mod preface;
mod refuse;
mod switch;
mod usual;

use std::rc::Rc;
use std::time::Duration;

use ringlane_protocol::{Framing, HeadParser, Method, Parsed, ServerFields};
use ringlane_reactor::clock::Instant;
use ringlane_reactor::{Application, CloseReason, Intent, Io};
use ringlane_router::{Found, Router};

use crate::Context;
use crate::chain::{Cancel, Chain};
use crate::context::exchange::Link;
use crate::context::pool::Pool;
use crate::context::record::Record;
use crate::core::Core;
use crate::verdict::Verdict;
use active::{Active, Seats};
use answer::is_whole;
use lifetime::{Lifetime, Lifetimes};
use preface::Preface;
pub(crate) use preface::{Ends, PrefaceRule};
use switch::Became;
use usual::UsualHead;

/// Output that may wait before a connection's next request is looked at.
const OUTPUT_BYTES_MAX: usize = 64 * 1024;
/// How long a core that shuts down waits for the first request of a new connection.
const FIRST_REQUEST_TIME: Duration = Duration::from_secs(1);

/// One core's copy of the application, and all that its requests share.
pub(crate) struct HttpCore {
    router: Router<Rc<Chain>>,
    not_found: Rc<Chain>,
    /// Answers what no route answers, by the request's verdict.
    unanswered: Rc<Chain>,
    core: Rc<Core>,
    pool: Pool,
    seats: Seats,
    lifetimes: Lifetimes,
    own: ServerFields,
    usual: UsualHead,
}

/// What one connection needs between requests.
#[derive(Default)]
pub(crate) struct Conversation {
    parser: HeadParser,
    /// The request under way, if it could not be answered at once.
    active: Option<active::Seat>,
    /// What the connection has become, if it carries no requests any more.
    became: Option<Became>,
    /// Requests that were read.
    requests: u32,
    lifetime: Lifetime,
    /// A request has begun, and its head must come within its time.
    head_begun: bool,
    preface: Preface,
    /// The ends of the connection, if its preface told them.
    ends: Option<Rc<Ends>>,
}

// An idle connection is little more than this.
const _: () = assert!(size_of::<Conversation>() <= 48);

/// How far a call has come with one request.
enum Progress {
    /// It is answered; the next may follow.
    Done,
    /// It waits for something.
    Pending,
    /// Its answer is that the connection becomes something else.
    Upgrade,
    /// The connection is over.
    End(Intent),
}

impl HttpCore {
    pub(crate) fn new(
        router: Router<Rc<Chain>>,
        not_found: Rc<Chain>,
        unanswered: Rc<Chain>,
        core: Rc<Core>,
    ) -> Self {
        Self {
            router,
            not_found,
            pool: Pool::new(Rc::clone(&core), Rc::clone(&unanswered)),
            unanswered,
            seats: Seats::default(),
            lifetimes: Lifetimes::new(core.limits.connection_time),
            own: ServerFields::new(core.server_name.as_deref()),
            usual: UsualHead::default(),
            core,
        }
    }

    #[cfg(test)]
    pub(crate) fn core(&self) -> &Core {
        &self.core
    }

    /// Answers requests until the input is used up or something has to wait.
    fn serve(&mut self, conversation: &mut Conversation, io: &mut Io<'_>) -> Intent {
        let before = conversation.requests;
        let intent = self.serve_input(conversation, io);
        let served = conversation.requests.wrapping_sub(before);
        if served > 0 {
            self.core.counts.requests.add_all(u64::from(served));
        }
        intent
    }

    #[inline]
    fn serve_input(&mut self, conversation: &mut Conversation, io: &mut Io<'_>) -> Intent {
        while !io.input.bytes().is_empty() {
            if io.output.len() >= OUTPUT_BYTES_MAX {
                io.wake_when_drained();
                io.set_deadline(Instant::NEVER); // the reactor watches whether the client reads
                return Intent::Continue;
            }
            match self.serve_one(conversation, io) {
                Progress::Done => {}
                Progress::Pending => return Intent::Continue,
                Progress::Upgrade => return self.switch(conversation, io),
                Progress::End(intent) => return intent,
            }
        }
        self.rest(conversation, io)
    }

    /// Nothing is left to do until the client sends more.
    fn rest(&self, conversation: &Conversation, io: &mut Io<'_>) -> Intent {
        if io.peer_finished {
            return Intent::Finish;
        }
        if io.draining && conversation.requests > 0 {
            // An answer that is on its way may have promised to keep the connection.
            return match io.is_drained() {
                true => Intent::Finish,
                false => Intent::Linger,
            };
        }
        io.set_deadline(io.now + self.idle_time(io));
        Intent::Continue
    }

    /// How long a connection may wait for a request.
    fn idle_time(&self, io: &Io<'_>) -> Duration {
        match io.draining {
            true => FIRST_REQUEST_TIME.min(self.core.limits.idle_time),
            false => self.core.limits.idle_time,
        }
    }

    /// Its time without a request is over; but it was not idle while its last answer was on its
    /// way. That is looked at now, and not after each answer: most are gone in the turn they came.
    fn end_idle(&self, io: &mut Io<'_>) -> Intent {
        if io.is_drained() {
            self.core.counts.idle_timeouts.add();
            return Intent::Finish;
        }
        io.wake_when_drained(); // then its time begins
        io.set_deadline(Instant::NEVER); // the reactor watches whether the client reads
        Intent::Continue
    }

    /// Reads one request's head, and answers the request if nothing has to wait.
    #[inline]
    fn serve_one(&mut self, conversation: &mut Conversation, io: &mut Io<'_>) -> Progress {
        let mut record = self.pool.take();
        let head = &mut alone(&mut record).head;
        let input = io.input.bytes();
        match conversation
            .parser
            .parse(input, &self.core.limits.head, head)
        {
            Ok(Parsed::Complete { consumed }) => {
                io.input.consume(consumed);
                conversation.head_begun = false;
                conversation.requests = conversation.requests.saturating_add(1);
                self.handle(conversation, record, io)
            }
            Ok(Parsed::Partial) => {
                self.pool.put_back(record);
                self.await_head(conversation, io)
            }
            Err(error) => {
                self.pool.put_back(record);
                Progress::End(self.refuse_head(error, io))
            }
        }
    }

    /// A head has begun, or a line end before one.
    fn await_head(&self, conversation: &mut Conversation, io: &mut Io<'_>) -> Progress {
        if io.peer_finished {
            return Progress::End(Intent::Finish); // it will never be whole
        }
        if !conversation.parser.has_begun() {
            return match self.rest(conversation, io) {
                Intent::Continue => Progress::Pending,
                end => Progress::End(end),
            };
        }
        if !conversation.head_begun {
            conversation.head_begun = true;
            io.set_deadline(io.now + self.core.limits.head_time);
        }
        Progress::Pending
    }

    /// Runs one request's chain.
    #[inline]
    fn handle(
        &mut self,
        conversation: &mut Conversation,
        mut record: Rc<Record>,
        io: &mut Io<'_>,
    ) -> Progress {
        let request = alone(&mut record);
        request.received_at = io.now;
        request.exchange.open(Link {
            waker: io.waker(),
            socket: io.socket(),
        });
        if let Some(ends) = &conversation.ends {
            request.exchange.tell_ends(Rc::clone(ends));
        }
        if !(request.is_routed && request.head.is_repeat()) {
            self.route(request);
        }
        let framing = request.head.framing();
        let ctx = Context(record);
        let chain = &ctx.0.chain;
        match framing {
            Framing::None | Framing::Length(0) if chain.is_synchronous() => {
                chain.run_synchronous(&ctx);
                if is_whole(&ctx) {
                    return self.answer_at_once(conversation, ctx, io);
                }
                let active = Active::new(ctx, None, framing, io.now);
                self.seat(conversation, active, io)
            }
            Framing::None | Framing::Length(0) => {
                let waker = io.waker().to_waker();
                let mut cx = std::task::Context::from_waker(&waker);
                let descent = chain.start(&ctx, &mut cx);
                if descent.is_none() && is_whole(&ctx) {
                    return self.answer_at_once(conversation, ctx, io);
                }
                let active = Active::new(ctx, descent, framing, io.now);
                self.seat(conversation, active, io)
            }
            Framing::Length(_) | Framing::Chunked => {
                let active = Active::new(ctx, None, framing, io.now);
                self.begin_with_body(conversation, active, io)
            }
        }
    }

    /// Finds out what answers a request.
    fn route(&self, request: &mut Record) {
        let Record {
            head,
            chain,
            is_routed,
            params,
            ..
        } = request;
        match self.router.find(head.method(), head.path_bytes(), params) {
            Found::Route(route) if *head.method() != Method::CONNECT => {
                *is_routed = true;
                *chain = Rc::clone(route.value());
            }
            _ => {
                *is_routed = false;
                request.chain = self.unrouted(request);
            }
        }
    }

    /// Who answers a request that no route answers.
    #[cold]
    fn unrouted(&self, request: &mut Record) -> Rc<Chain> {
        let Record {
            head,
            params,
            extensions,
            ..
        } = request;
        let method = head.method();
        let is_known = is_standard(method) || self.router.knows(method);
        let verdict = if !is_known || *method == Method::CONNECT {
            Some(Verdict::UnknownMethod) // RFC 9110 §15.6.2; we are no proxy
        } else if head.path() == "*" {
            Some(Verdict::Options(None)) // RFC 9110 §9.3.7
        } else {
            let found = self.router.find(method, head.path_bytes(), params);
            Verdict::of(found, head.path(), head.query())
        };
        match verdict {
            None => Rc::clone(&self.not_found),
            Some(verdict) => {
                extensions.insert(verdict);
                Rc::clone(&self.unanswered)
            }
        }
    }
}

/// Whether every server recognises the method, so that a path without it is a 405 and no 501
/// (RFC 9110 §9.3, RFC 5789).
fn is_standard(method: &Method) -> bool {
    matches!(
        *method,
        Method::GET
            | Method::HEAD
            | Method::POST
            | Method::PUT
            | Method::PATCH
            | Method::DELETE
            | Method::OPTIONS
            | Method::TRACE
    )
}

/// The record of a request that nobody has seen yet.
#[inline]
fn alone(record: &mut Rc<Record>) -> &mut Record {
    Rc::get_mut(record).expect("a record from the pool has one owner until a Context is made of it")
}

impl Application for HttpCore {
    type Conversation = Conversation;

    fn opened(&mut self, io: &mut Io<'_>) -> Conversation {
        self.core.counts.connections.add();
        io.set_deadline(io.now + self.idle_time(io));
        Conversation {
            preface: self.owed_preface(io),
            lifetime: self.lifetimes.give(io.now),
            ..Conversation::default()
        }
    }

    #[inline]
    fn advance(&mut self, conversation: &mut Conversation, io: &mut Io<'_>) -> Intent {
        if io.over_limit {
            return self.refuse_connection(io);
        }
        if conversation.preface != Preface::Done
            && let Some(intent) = self.take_preface(conversation, io)
        {
            return intent;
        }
        if conversation.became.is_some() {
            return self.converse(conversation, io);
        }
        if conversation.active.is_some() {
            match self.proceed(conversation, io) {
                Progress::Done => {}
                Progress::Pending => return Intent::Continue,
                Progress::Upgrade => return self.switch(conversation, io),
                Progress::End(intent) => return intent,
            }
        }
        self.serve(conversation, io)
    }

    fn timed_out(&mut self, conversation: &mut Conversation, io: &mut Io<'_>) -> Intent {
        if conversation.became.is_some() {
            return self.run_out_became(conversation, io);
        }
        if conversation.active.is_some() {
            return match self.run_out(conversation, io) {
                Progress::Done => self.serve(conversation, io),
                Progress::Pending => Intent::Continue,
                Progress::Upgrade => self.switch(conversation, io),
                Progress::End(intent) => intent,
            };
        }
        if conversation.preface != Preface::Done {
            return self.refuse_preface(&"it did not come in time");
        }
        if conversation.head_begun {
            return self.refuse_slow_head(io);
        }
        self.end_idle(io)
    }

    /// Between requests, and before the first.
    fn idle_since(&self, conversation: &Conversation, deadline: Instant) -> Option<Instant> {
        let is_idle = conversation.active.is_none()
            && conversation.became.is_none()
            && conversation.preface == Preface::Done
            && !conversation.parser.has_begun();
        let time = self.core.limits.idle_time.as_nanos();
        let time = u64::try_from(time).unwrap_or(u64::MAX);
        is_idle.then(|| Instant::from_nanos(deadline.as_nanos().saturating_sub(time)))
    }

    fn closed(&mut self, mut conversation: Conversation, reason: CloseReason) {
        self.core.counts.connections.take_off();
        if let Some(became) = conversation.became.take() {
            return self.close_became(became, reason);
        }
        if let Some(seat) = conversation.active.take() {
            self.abandon(seat, Cancel::of(reason));
        }
    }
}

#[cfg(test)]
mod tests;
