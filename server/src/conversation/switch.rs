//! A request whose connection goes on as something else: a socket, or a stream of a topic.
//!
//! Always true here:
//! - A callback socket holds no record and no future once its handshake is answered, nor does a
//!   stream of a topic once its head is written; neither they nor other sockets hold a seat.
//!
//! Not here: what a socket does (`websocket/`), the handshake's verdict (`websocket/opening.rs`),
//! what a stream does (`event_stream/`).

use std::rc::Rc;
use std::task::{self, Poll, Waker};

use ringlane_protocol::ResponseBody;
use ringlane_reactor::{CloseReason, Intent, Io};

use super::active::Active;
use super::drive::detach;
use super::{Conversation, HttpCore, Progress};
use crate::chain::{Cancel, Descent, Outcome};
use crate::context::exchange::DownloadState;
use crate::context::record::Phase;
use crate::event_stream::{Following, Subscribed};
use crate::websocket::{Upgrade, Upgraded};

/// What a connection is that carries no requests any more.
pub(super) enum Became {
    Socket(Box<Upgraded>),
    Stream(Box<Following>),
}

/// Keeps a stream, unless it has ended.
fn go_on(
    conversation: &mut Conversation,
    following: Box<Following>,
    ending: Option<Intent>,
) -> Intent {
    if let Some(intent) = ending {
        return intent;
    }
    conversation.became = Some(Became::Stream(following));
    Intent::Continue
}

impl Active {
    /// Whether the answer is decided, and is that the connection becomes something else.
    pub(super) fn is_upgrading(&self) -> bool {
        self.exchange().download.state.get() == DownloadState::Upgraded
            && (self.descent.is_none() || self.ctx.is_committed())
    }
}

impl HttpCore {
    /// Answers the handshake, and goes on with what it led to.
    pub(super) fn switch(&mut self, conversation: &mut Conversation, io: &mut Io<'_>) -> Intent {
        let Some(mut seat) = conversation.active.take() else {
            return self.serve(conversation, io);
        };
        let Some(mut active) = seat.take() else {
            return self.serve(conversation, io);
        };
        if let Some(mut following) = Subscribed::take(&active.ctx) {
            active.ctx.0.reply.phase.set(Phase::Committed);
            // It ends with its connection: what the client sends meanwhile is not looked at.
            let (framing, _) = self.write_head(&active.ctx, ResponseBody::Chunked, false, io);
            self.pool.end(active.ctx);
            self.seats.give_back(seat);
            following.begin(framing);
            let ending = following.advance(io);
            return go_on(conversation, following, ending);
        }
        let Some(mut upgraded) = Upgrade::take(&active.ctx) else {
            // A layer has made another answer of it; the request's body may still have to come.
            active.exchange().download.state.set(DownloadState::Unused);
            *seat = Some(active);
            conversation.active = Some(seat);
            let progress = self.with_active(conversation, io, |http, conversation, active, io| {
                http.conclude(conversation, active, io)
            });
            return match progress {
                Progress::Done | Progress::Upgrade => self.serve(conversation, io),
                Progress::Pending => Intent::Continue,
                Progress::End(intent) => intent,
            };
        };
        active.ctx.0.reply.phase.set(Phase::Committed);
        self.write_head(&active.ctx, ResponseBody::None, true, io);
        upgraded.begin(io.now);
        match active.descent.take() {
            Some(descent) => {
                active.ctx.0.reply.headers.borrow_mut().shrink_to_fit(); // for hours, perhaps
                upgraded.keep_handler(Box::new(descent));
            }
            None => self.pool.end(active.ctx),
        }
        self.seats.give_back(seat);
        self.converse_socket(conversation, upgraded, io)
    }

    /// Goes on with what a connection has become, for which something has changed.
    pub(super) fn converse(&mut self, conversation: &mut Conversation, io: &mut Io<'_>) -> Intent {
        match conversation.became.take() {
            Some(Became::Socket(upgraded)) => self.converse_socket(conversation, upgraded, io),
            Some(Became::Stream(mut following)) => {
                let ending = following.advance(io);
                go_on(conversation, following, ending)
            }
            None => Intent::Abort,
        }
    }

    fn converse_socket(
        &mut self,
        conversation: &mut Conversation,
        mut upgraded: Box<Upgraded>,
        io: &mut Io<'_>,
    ) -> Intent {
        upgraded.attend(io);
        let own = io.waker().to_waker();
        loop {
            upgraded.receive(io, &own);
            self.poll_handler(&mut upgraded, &own);
            if !upgraded.can_go_on(io) {
                break;
            }
        }
        let has_told = upgraded.has_told();
        let ending = upgraded.settle(io);
        if upgraded.take_panic() {
            self.core.counts.panics.add();
        }
        match ending {
            None => {
                conversation.became = Some(Became::Socket(upgraded));
                Intent::Continue
            }
            Some(intent) => {
                let why = upgraded.why_cancelled();
                self.leave_handler(upgraded.take_handler(), has_told, why);
                intent
            }
        }
    }

    /// A deadline of what a connection has become has passed.
    pub(super) fn run_out_became(
        &mut self,
        conversation: &mut Conversation,
        io: &mut Io<'_>,
    ) -> Intent {
        match conversation.became.take() {
            Some(Became::Socket(mut upgraded)) => {
                upgraded.run_out(io);
                self.converse_socket(conversation, upgraded, io)
            }
            Some(Became::Stream(mut following)) => {
                let ending = following.run_out(io);
                go_on(conversation, following, ending)
            }
            None => Intent::Abort,
        }
    }

    /// The connection is gone.
    pub(super) fn close_became(&mut self, became: Became, reason: CloseReason) {
        match became {
            Became::Socket(mut upgraded) => {
                let has_told = upgraded.has_told();
                upgraded.closed(reason);
                self.leave_handler(upgraded.take_handler(), has_told, Cancel::of(reason));
            }
            Became::Stream(following) => drop(following),
        }
    }

    /// Polls the socket's asynchronous handler, if it has one that is under way.
    fn poll_handler(&mut self, upgraded: &mut Upgraded, own: &Waker) {
        let mut has_failed = false;
        if let Some(mut descent) = upgraded.take_handler() {
            let ctx = descent.context().clone();
            ctx.0.exchange.attend(true);
            let polled = descent.poll_once(&mut task::Context::from_waker(own));
            ctx.0.exchange.attend(false);
            has_failed = ctx.0.run.outcome.get() != Outcome::Answered;
            match polled {
                Poll::Pending => upgraded.keep_handler(descent),
                Poll::Ready(_) => {
                    drop(descent);
                    self.pool.end(ctx);
                }
            }
        }
        upgraded.look_at_handle(has_failed);
    }

    /// The socket is over before its handler is. One that knows has its grace time; one that waits
    /// for something else is cancelled.
    fn leave_handler(&mut self, handler: Option<Box<Descent>>, has_told: bool, why: Cancel) {
        let Some(mut descent) = handler else {
            return;
        };
        let ctx = descent.context().clone();
        let mut nobody = task::Context::from_waker(Waker::noop());
        if has_told || descent.cancel(why, &mut nobody).is_pending() {
            ctx.0.exchange.keep_ends();
            detach(*descent, Rc::clone(&self.core));
        } else {
            drop(descent);
        }
        ctx.0.exchange.close();
        self.pool.end(ctx);
    }
}
