//! One active request, step by step: feed it, poll it, send what it made, end it.
//!
//! Always true here:
//! - After each call the request waits for something that will call again, or it is over.
//! - Whatever ends a request early, its chain is cancelled and not just forgotten.
//!
//! Not here: what a request holds (`active.rs`), how heads are written (`answer.rs`).

use std::rc::Rc;
use std::task::{self, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use ringlane_protocol::ResponseBody;
use ringlane_protocol::chunked::LAST_CHUNK;
use ringlane_reactor::clock::Instant;
use ringlane_reactor::{Intent, Io, local};

use super::active::{Active, CODED_BYTES_PER_CALL_MAX, Seat};
use super::answer::is_whole;
use super::clocks::Running;
use super::{Conversation, HttpCore, Progress};
use crate::chain::{Cancel, Descent, Outcome};
use crate::context::exchange::{DownloadState, UploadFailure};
use crate::core::Core;
use crate::event_stream::{Due, HEARTBEAT};
use crate::{task as tasks, time};

impl HttpCore {
    /// Starts the chain of a request that has a body.
    pub(super) fn begin_with_body(
        &mut self,
        conversation: &mut Conversation,
        mut active: Active,
        io: &mut Io<'_>,
    ) -> Progress {
        let chain = Rc::clone(&active.ctx.0.chain);
        let waker = io.waker().to_waker();
        if !chain.is_synchronous() {
            active.feed(io, &waker); // so that a body that is here is read without waiting
        }
        let mut cx = task::Context::from_waker(&waker);
        active.descent = chain.start(&active.ctx, &mut cx);
        self.seat(conversation, active, io)
    }

    /// Goes on with a request that was polled once.
    pub(super) fn seat(
        &mut self,
        conversation: &mut Conversation,
        mut active: Active,
        io: &mut Io<'_>,
    ) -> Progress {
        let progress = self.drive(conversation, &mut active, io);
        match progress {
            Progress::Pending | Progress::Upgrade => {
                let mut seat = self.seats.take();
                *seat = Some(active);
                conversation.active = Some(seat);
            }
            Progress::Done | Progress::End(_) => self.pool.end(active.ctx),
        }
        progress
    }

    /// Something has changed for the active request: polls it and does what follows.
    pub(super) fn proceed(&mut self, conversation: &mut Conversation, io: &mut Io<'_>) -> Progress {
        self.with_active(conversation, io, |http, conversation, active, io| {
            active.exchange().attend(true);
            if http.is_abandoned(active, io) {
                return http.give_up(active, Cancel::ClientGone);
            }
            let waker = io.waker().to_waker();
            active.feed(io, &waker);
            active.poll(&waker);
            http.drive(conversation, active, io)
        })
    }

    /// The deadline of the active request has passed.
    pub(super) fn run_out(&mut self, conversation: &mut Conversation, io: &mut Io<'_>) -> Progress {
        self.with_active(conversation, io, |http, conversation, active, io| {
            active.exchange().attend(true);
            let waker = io.waker().to_waker();
            if active.last_call(io).is_some_and(|at| at <= io.now) {
                active.cancel(Cancel::ShutDown, &waker);
                return http.drive(conversation, active, io);
            }
            match active.clocks.running() {
                Running::Nothing => active.beat(io, &waker),
                Running::Handler => {
                    http.core.counts.handler_timeouts.add();
                    let answer = http.core.limits.timeout_answer();
                    active.cancel(Cancel::TimedOut(answer), &waker);
                }
                Running::Grace => {
                    http.core.counts.graces_exceeded.add();
                    active.descent = None; // its last rites
                }
                Running::Body => {
                    let limits = &http.core.limits;
                    if !active.clocks.renew_body(active.decoded, limits) {
                        http.core.counts.body_timeouts.add();
                        if active.is_answered {
                            return Progress::End(Intent::Linger); // it may still be sending
                        }
                        active.is_broken = true;
                        active.decoder = None;
                        let upload = &active.exchange().upload;
                        upload.fail(UploadFailure::TooSlow);
                        upload.wake_reader(&waker);
                        active.poll(&waker);
                    }
                }
            }
            http.drive(conversation, active, io)
        })
    }

    /// The connection is gone.
    pub(super) fn abandon(&mut self, mut seat: Seat, why: Cancel) {
        if let Some(mut active) = seat.take() {
            let _ = self.give_up(&mut active, why);
            self.pool.end(active.ctx);
        }
        self.seats.give_back(seat);
    }

    /// Takes a step with the active request, which stays so while it waits.
    pub(super) fn with_active(
        &mut self,
        conversation: &mut Conversation,
        io: &mut Io<'_>,
        step: impl FnOnce(&mut Self, &mut Conversation, &mut Active, &mut Io<'_>) -> Progress,
    ) -> Progress {
        let Some(mut seat) = conversation.active.take() else {
            return Progress::Done;
        };
        let Some(active) = &mut *seat else {
            self.seats.give_back(seat);
            return Progress::Done;
        };
        let progress = step(self, conversation, active, io);
        match progress {
            Progress::Pending | Progress::Upgrade => conversation.active = Some(seat),
            Progress::Done | Progress::End(_) => {
                if let Some(active) = seat.take() {
                    self.pool.end(active.ctx);
                }
                self.seats.give_back(seat);
            }
        }
        progress
    }

    /// Does what the last poll calls for, until the request waits or is over.
    fn drive(
        &mut self,
        conversation: &Conversation,
        active: &mut Active,
        io: &mut Io<'_>,
    ) -> Progress {
        let waker = io.waker().to_waker();
        active.coded_left = CODED_BYTES_PER_CALL_MAX;
        loop {
            if active.is_upgrading() {
                return Progress::Upgrade;
            }
            active.ask_for_body(io);
            let has_room = self.stream(conversation, active, io, &waker);
            if active.descent.is_none() {
                break;
            }
            if !active.feed(io, &waker) && !has_room {
                return match self.is_abandoned(active, io) {
                    true => self.give_up(active, Cancel::ClientGone),
                    false => active.wait(io),
                };
            }
            active.poll(&waker);
        }
        self.conclude(conversation, active, io)
    }

    /// Whether nobody is there any more to be answered.
    fn is_abandoned(&self, active: &Active, io: &Io<'_>) -> bool {
        let is_open = active.exchange().download.state.get() == DownloadState::Open;
        io.hung_up && !self.core.half_close && (active.descent.is_some() || is_open)
    }

    /// The connection is over: cancels the chain. What it still does goes on without it.
    fn give_up(&self, active: &mut Active, why: Cancel) -> Progress {
        if let Some(mut descent) = active.descent.take() {
            let mut nobody = task::Context::from_waker(Waker::noop());
            if descent.cancel(why, &mut nobody).is_pending() {
                active.exchange().keep_ends();
                detach(descent, Rc::clone(&self.core));
            }
        }
        active.exchange().close();
        Progress::End(Intent::Finish)
    }

    /// Sends the head of a streamed answer, and what there is of its body. Tells whether the chain
    /// waits for room that there is now.
    fn stream(
        &mut self,
        conversation: &Conversation,
        active: &mut Active,
        io: &mut Io<'_>,
        own: &Waker,
    ) -> bool {
        match active.exchange().download.state.get() {
            DownloadState::Unused | DownloadState::Upgraded => return false,
            _ => {}
        }
        let framing = match active.sending {
            Some(framing) => framing,
            None => {
                let keep_alive = self.keeps_alive(conversation, &active.ctx, Some(active), io);
                let (framing, kept) = self.write_streamed(&active.ctx, keep_alive, io);
                active.keeps_alive = kept;
                active.sending = Some(framing);
                framing
            }
        };
        let download = &active.exchange().download;
        if io.draining {
            download.with_pulse(|pulse| pulse.drain(io.now));
        }
        if framing == ResponseBody::None {
            download.close(); // an answer to HEAD: nothing follows
            if download.flow().pulse.take().is_some() {
                active.cancel(Cancel::Dropped, own); // it would wait for a client to leave
            }
        }
        active.flush(framing, io, own)
    }

    /// The chain has ended: sends the answer, or the end of it, and is done with the body.
    pub(super) fn conclude(
        &mut self,
        conversation: &Conversation,
        active: &mut Active,
        io: &mut Io<'_>,
    ) -> Progress {
        if !active.is_answered {
            if active.sending.is_none() && !is_whole(&active.ctx) {
                self.stream(conversation, active, io, &io.waker().to_waker());
            }
            match active.sending {
                None => {
                    let keep_alive = self.keeps_alive(conversation, &active.ctx, Some(active), io);
                    active.keeps_alive = self.write_whole(&active.ctx, keep_alive, io);
                }
                Some(framing) => match active.end_stream(framing, io) {
                    StreamEnd::Whole => {}
                    StreamEnd::Later if self.is_abandoned(active, io) => {
                        return self.give_up(active, Cancel::ClientGone);
                    }
                    StreamEnd::Later => return active.wait(io),
                    StreamEnd::Cut => return Progress::End(cut_off(framing)),
                },
            }
            active.is_answered = true;
        }
        if !active.keeps_alive {
            return Progress::End(active.ending(io));
        }
        active.drop_body(io);
        if active.is_broken {
            return Progress::End(Intent::Linger);
        }
        match active.decoder {
            Some(_) => active.wait(io),
            None => Progress::Done,
        }
    }
}

/// Whether a stream is over.
enum StreamEnd {
    Whole,
    /// Something is still to be sent.
    Later,
    Cut,
}

impl Active {
    /// Polls the chain.
    pub(super) fn poll(&mut self, waker: &Waker) {
        let mut cx = task::Context::from_waker(waker);
        let descent = self.descent.as_mut();
        if descent.is_some_and(|descent| descent.poll_once(&mut cx).is_ready()) {
            self.descent = None;
        }
    }

    /// The time of a stream of events has come: for a sign of life, or for its end.
    fn beat(&mut self, io: &Io<'_>, waker: &Waker) {
        let download = &self.ctx.0.exchange.download;
        match download.with_pulse(|pulse| pulse.due(io.now)) {
            Some(Due::End) => {
                download.finish();
                let why = if io.draining {
                    Cancel::ShutDown
                } else {
                    Cancel::Dropped
                };
                self.cancel(why, waker);
            }
            // A client that takes nothing does not wait to hear from us.
            Some(Due::Beat) if io.is_drained() && download.is_empty() => {
                download.put(Bytes::from_static(HEARTBEAT));
            }
            Some(Due::Beat | Due::Nothing) | None => {}
        }
    }

    /// Ends the chain early. What goes on all the same has its grace time.
    fn cancel(&mut self, why: Cancel, waker: &Waker) {
        let mut cx = task::Context::from_waker(waker);
        let descent = self.descent.as_mut();
        match descent.map(|descent| descent.cancel(why, &mut cx)) {
            Some(Poll::Pending) => {}
            Some(Poll::Ready(_)) | None => self.descent = None,
        }
    }

    /// Tells a client that waits to be told that its body is wanted, if it is.
    fn ask_for_body(&mut self, io: &mut Io<'_>) {
        // RFC 9110 §10.1.1: not once the final answer has begun, nor when the body has.
        if self.owes_continue && self.exchange().upload.wanted.get() && !self.ctx.is_committed() {
            self.owes_continue = false;
            if self.decoded == 0 && self.decoder.is_some() {
                io.output
                    .buffer()
                    .extend_from_slice(ringlane_protocol::CONTINUE);
            }
        }
    }

    /// Waits, within the limit of what it waits for.
    fn wait(&mut self, io: &mut Io<'_>) -> Progress {
        let exchange = self.exchange();
        let running = if self.ctx.0.run.cancelled.get().is_some() && self.descent.is_some() {
            Running::Grace
        } else if self.is_answered || exchange.upload.is_awaited() {
            Running::Body
        } else if self.descent.is_some() && !self.ctx.is_committed() {
            Running::Handler
        } else {
            Running::Nothing
        };
        exchange.attend(false);
        let mut deadline = self.clocks.run(running, io.now);
        if running == Running::Nothing {
            deadline = deadline.min(self.exchange().download.pulse_deadline());
        }
        deadline = deadline.min(self.last_call(io).unwrap_or(Instant::NEVER));
        io.set_deadline(deadline);
        Progress::Pending
    }

    /// When a handler that has answered nothing yet is ended so that its client can be told:
    /// shortly before the connection is cut, if the core drains.
    fn last_call(&self, io: &Io<'_>) -> Option<Instant> {
        let run = &self.ctx.0.run;
        let is_waiting = self.descent.is_some() && run.cancelled.get().is_none();
        let can_be_told = io.draining && is_waiting && !self.ctx.is_committed();
        can_be_told.then(|| self.ctx.0.core.spread.last_call(io.now))
    }

    fn end_stream(&mut self, framing: ResponseBody, io: &mut Io<'_>) -> StreamEnd {
        let download = &self.exchange().download;
        if framing == ResponseBody::None {
            return StreamEnd::Whole;
        }
        let is_open = download.state.get() != DownloadState::Closed;
        let is_sized = matches!(framing, ResponseBody::Length(_));
        if is_open && is_sized && download.left() == Some(0) && download.is_empty() {
            return StreamEnd::Whole;
        }
        match download.state.get() {
            DownloadState::Closed | DownloadState::Unused | DownloadState::Upgraded => {
                return StreamEnd::Cut;
            }
            DownloadState::Dropped if self.ctx.0.run.outcome.get() != Outcome::Answered => {
                return StreamEnd::Cut;
            }
            DownloadState::Open => return StreamEnd::Later,
            DownloadState::Dropped | DownloadState::Finished if !download.is_empty() => {
                return StreamEnd::Later;
            }
            DownloadState::Dropped | DownloadState::Finished if is_sized => return StreamEnd::Cut,
            DownloadState::Dropped | DownloadState::Finished => {}
        }
        if !self.finish_coding(framing, io) {
            return StreamEnd::Cut;
        }
        if framing == ResponseBody::Chunked {
            io.output.buffer().extend_from_slice(LAST_CHUNK);
        }
        StreamEnd::Whole
    }

    /// How to end the connection after the answer. A client that may still be sending is given time
    /// to read the answer first (RFC 9112 §9.6).
    fn ending(&self, io: &Io<'_>) -> Intent {
        let asked_to = !self.ctx.0.head.keep_alive();
        let has_all = self.decoder.is_none() && !self.is_broken && io.input.bytes().is_empty();
        match asked_to && has_all {
            true => Intent::Finish,
            false => Intent::Linger,
        }
    }
}

/// How to end a connection whose answer was not finished.
fn cut_off(framing: ResponseBody) -> Intent {
    match framing {
        // RFC 9112 §8: without its last chunk, or with too few bytes, the client knows.
        ResponseBody::Chunked | ResponseBody::Length(_) => Intent::Finish,
        ResponseBody::UntilClose | ResponseBody::None => Intent::Abort,
    }
}

/// Lets a cancelled chain go on by itself for its grace time.
pub(super) fn detach(descent: Descent, core: Rc<Core>) {
    if local::core().is_none() {
        return; // the core is gone: what is dropped here has its last rites
    }
    let grace: Duration = core.limits.grace_time;
    let _runs_by_itself = tasks::spawn(async move {
        if time::timeout(grace, descent).await.is_err() {
            core.counts.graces_exceeded.add();
        }
    });
}
