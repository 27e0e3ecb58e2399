//! Writing answers: the head from what the Context holds, the body behind it.
//!
//! Always true here:
//! - A small body is copied once, to the output; a large one travels as it is.
//! - An answer that names the origin it is for says so in `Vary`, whatever a handler has set there.
//!
//! Not here: streamed bodies (`active.rs`), answers to what is no request (`refuse.rs`).

use bytes::Bytes;
use ringlane_protocol::{Method, ResponseBody, ResponseHead, ResponseHeaders, StatusCode, Version};
use ringlane_reactor::{Intent, Io, PIECE_BYTES_MIN, drop_caught};

use super::active::Active;
use super::usual::Kind;
use super::{Conversation, HttpCore, Progress};
use crate::context::exchange::DownloadState;
use crate::context::record::{Phase, Record, Reply};
use crate::core::ContentType;
use crate::{Context, Error};

impl HttpCore {
    /// Answers a request that is over, and has nothing more to be read.
    #[inline]
    pub(super) fn answer_at_once(
        &mut self,
        conversation: &Conversation,
        ctx: Context,
        io: &mut Io<'_>,
    ) -> Progress {
        let keep_alive = self.keeps_alive(conversation, &ctx, None, io);
        let kept = self.write_whole(&ctx, keep_alive, io);
        let asked_to = !ctx.0.head.keep_alive();
        self.pool.end(ctx);
        if kept {
            return Progress::Done;
        }
        // A client that did not ask for it may be sending its next request: it must not be reset.
        Progress::End(match asked_to && io.input.bytes().is_empty() {
            true => Intent::Finish,
            false => Intent::Linger,
        })
    }

    /// Whether the connection is to be kept after this answer.
    #[inline]
    pub(super) fn keeps_alive(
        &self,
        conversation: &Conversation,
        ctx: &Context,
        active: Option<&Active>,
        io: &Io<'_>,
    ) -> bool {
        let most = self.core.limits.requests_per_connection_max;
        ctx.0.head.keep_alive()
            && !ctx.0.run.panicked.get()
            && ctx.status() != StatusCode::REQUEST_TIMEOUT // RFC 9110 §15.5.9
            && most.is_none_or(|most| conversation.requests < most)
            && !self.lifetimes.is_over(conversation.lifetime, io.now)
            // What was sent before the core began to drain is still answered.
            && !(io.draining && io.input.bytes().is_empty())
            && active.is_none_or(Active::can_drop_body)
    }

    /// Writes a whole answer. Tells whether the connection is kept.
    #[inline]
    pub(super) fn write_whole(&mut self, ctx: &Context, keep_alive: bool, io: &mut Io<'_>) -> bool {
        let reply = &ctx.0.reply;
        if reply.is_faulty.get() {
            Error::new(StatusCode::INTERNAL_SERVER_ERROR, "internal server error").write(ctx);
        }
        settle_origin(reply);
        reply.phase.set(Phase::Committed);
        let payload = reply.body.borrow();
        if payload.shared.is_none()
            && let Some(kind) = plain_kind(&ctx.0, payload.buffer.len(), keep_alive, io)
            && let Some(head) = self.usual.get(kind)
        {
            let out = io.output.buffer();
            out.reserve(head.len() + payload.buffer.len());
            out.extend_from_slice(head);
            out.extend_from_slice(&payload.buffer);
            return true;
        }
        drop(payload);
        self.write_unusual(ctx, keep_alive, io)
    }

    /// Writes a whole answer with a head of its own.
    fn write_unusual(&mut self, ctx: &Context, keep_alive: bool, io: &mut Io<'_>) -> bool {
        let reply = &ctx.0.reply;
        let shared = reply.body.borrow_mut().shared.take();
        let payload = reply.body.borrow();
        let length = shared.as_ref().map_or(payload.buffer.len(), Bytes::len);
        let body = match reply.content_type.get() {
            ContentType::None => ResponseBody::None,
            ContentType::Text | ContentType::Html | ContentType::Json | ContentType::Binary => {
                ResponseBody::Length(length as u64)
            }
        };
        let start = io.output.buffer().len();
        let (framing, kept) = self.write_head(ctx, body, keep_alive, io);
        if let Some(kind) = plain_kind(&ctx.0, length, keep_alive, io) {
            self.usual.remember(kind, &io.output.buffer()[start..]);
        }
        match framing {
            ResponseBody::Length(_) => match shared {
                Some(bytes) => send(bytes, io),
                None => io.output.buffer().extend_from_slice(&payload.buffer),
            },
            ResponseBody::None | ResponseBody::Chunked | ResponseBody::UntilClose => {
                drop_caught(shared);
            }
        }
        kept
    }

    /// Writes the head of a streamed answer. Tells how its body is framed, and whether the
    /// connection is kept.
    pub(super) fn write_streamed(
        &mut self,
        ctx: &Context,
        keep_alive: bool,
        io: &mut Io<'_>,
    ) -> (ResponseBody, bool) {
        if let Some(offer) = ctx.0.reply.offer.take() {
            offer.settle_stream(ctx);
        }
        let download = &ctx.0.exchange.download;
        let is_coded = download.is_coded();
        let body = match download.flow().length.get() {
            Some(length) if !is_coded => ResponseBody::Length(length),
            Some(_) | None => ResponseBody::Chunked, // how long it is in its coding, nobody knows
        };
        self.write_head(ctx, body, keep_alive, io)
    }

    pub(super) fn write_head(
        &mut self,
        ctx: &Context,
        body: ResponseBody,
        keep_alive: bool,
        io: &mut Io<'_>,
    ) -> (ResponseBody, bool) {
        let record = &*ctx.0;
        settle_origin(&record.reply);
        self.own.set_time(io.unix_seconds);
        let head = ResponseHead {
            status: record.reply.status.get(),
            headers: &record.reply.headers.borrow(),
            content_type: content_type(record),
            body,
            version: record.head.version(),
            head_request: *record.head.method() == Method::HEAD,
            keep_alive,
            own: &self.own,
            upgrade: upgrade(record.reply.status.get()),
        };
        head.write(io.output.buffer());
        (head.framing(), head.keeps_alive())
    }
}

/// Sends bytes that may have an owner of a user's.
pub(super) fn send(bytes: Bytes, io: &mut Io<'_>) {
    if bytes.len() < PIECE_BYTES_MIN {
        io.output.buffer().extend_from_slice(&bytes);
        drop_caught(bytes);
    } else {
        io.output.append(bytes);
    }
}

/// Whether the answer is sent as a whole; settles its content coding first.
#[inline]
pub(super) fn is_whole(ctx: &Context) -> bool {
    let download = &ctx.0.exchange.download.state;
    if download.get() == DownloadState::Unused
        && let Some(offer) = ctx.0.reply.offer.take()
    {
        offer.settle_whole(ctx);
    }
    download.get() == DownloadState::Unused
}

#[inline]
fn settle_origin(reply: &Reply) {
    if reply.names_origin.take() {
        say_origin(&mut reply.headers.borrow_mut());
    }
}

/// RFC 9110 §12.5.5: a cache must know that the answer to one origin is none to another.
fn say_origin(headers: &mut ResponseHeaders) {
    if headers.vary_by("Origin").is_err() {
        headers.remove("Access-Control-Allow-Origin"); // so that no page may read it
        let _ = headers.vary_by("Origin"); // there is room now, if there was an origin
    }
}

/// What the body is, if no header says so.
#[inline]
fn content_type(record: &Record) -> Option<&'static str> {
    let implied = record.reply.content_type.get().value();
    record.reply.media_type.get().or(implied)
}

/// What the connection becomes, or could become: the one protocol that is spoken beside HTTP.
fn upgrade(status: StatusCode) -> Option<&'static str> {
    let names_it = matches!(
        status,
        StatusCode::SWITCHING_PROTOCOLS | StatusCode::UPGRADE_REQUIRED
    );
    names_it.then_some("websocket")
}

/// What the answer's head depends on, if that is nothing but its body and the time.
#[inline]
fn plain_kind(record: &Record, length: usize, keep_alive: bool, io: &Io<'_>) -> Option<Kind> {
    let is_plain = keep_alive
        && record.reply.status.get() == StatusCode::OK
        && record.reply.content_type.get() != ContentType::None
        && record.head.version() == Version::HTTP_11
        && *record.head.method() != Method::HEAD
        && record.reply.headers.borrow().is_empty();
    is_plain.then_some(Kind {
        unix_seconds: io.unix_seconds,
        length: length as u64,
        content_type: content_type(record)?,
    })
}
