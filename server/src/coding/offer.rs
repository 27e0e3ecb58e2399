//! Whether an answer is sent in a content coding: settled when its head is.
//!
//! In:  what a layer offers for this request, and the answer as all layers have left it.
//! Out: the same answer, or its coded self with the headers that say so.
//!
//! Always true here:
//! - Every answer that another `Accept-Encoding` would have changed says so in `Vary`.
//! - The head depends on the answer alone and not on the method, so `HEAD` gets that of `GET`.
//! - What is bound to its bytes stays as it is: parts, ranges, digests, `no-transform`.
//!
//! Not here: what the client accepts (`middleware/compression.rs`), coding a stream's pieces
//! (`conversation/active.rs`).

use bytes::Bytes;
use ringlane_protocol::{Method, ResponseHeaders, StatusCode};
use ringlane_reactor::drop_caught;

use super::{Coding, Encoder};
use crate::Context;
use crate::context::exchange::DownloadState;
use crate::context::record::{Phase, Reply};
use crate::core::ContentType;

/// A whole answer up to this length is coded at once; a longer one in pieces while it is sent, so
/// that it neither holds up the core's other requests nor is held twice.
const AT_ONCE_BYTES_MAX: usize = 128 * 1024;

/// Headers of answers that are bound to the very bytes the handler gave.
const BINDING: [&str; 6] = [
    "Content-Digest",   // RFC 9530 §2
    "Content-Encoding", // it is coded already
    "Content-MD5",
    "Content-Range", // RFC 9110 §14.4: a part counts in bytes of the whole
    "Digest",
    "Repr-Digest", // RFC 9530 §3
];

/// What may be done to an answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Offer {
    /// What the client likes best, and the level.
    pub(crate) coding: Option<(Coding, u8)>,
    /// The client does not accept an answer that is not coded.
    pub(crate) is_forced: bool,
    /// A shorter answer is not worth it.
    pub(crate) bytes_min: usize,
    /// Whether content of this media type is worth it.
    pub(crate) is_fit: fn(&str) -> bool,
}

impl Offer {
    /// Settles an answer that is whole. A long one becomes a stream.
    pub(crate) fn settle_whole(self, ctx: &Context) {
        let reply = &ctx.0.reply;
        if reply.is_faulty.get() || reply.phase.get() != Phase::Open {
            return;
        }
        if reply.status.get() == StatusCode::NOT_MODIFIED {
            return self.settle_not_modified(ctx);
        }
        let length = reply.body.borrow().len();
        let has_body = reply.content_type.get() != ContentType::None && length > 0;
        if !has_body || !self.may_code(reply, Some(length)) || !says_vary(reply) {
            return;
        }
        let Some((coding, level)) = self.coding else {
            return;
        };
        let make = match length > AT_ONCE_BYTES_MAX {
            true => Encoder::lasting,
            false => Encoder::new,
        };
        let Ok(mut encoder) = make(coding, level, Some(length as u64)) else {
            return;
        };
        if length > AT_ONCE_BYTES_MAX {
            if says_coding(reply, coding) {
                stream_body(ctx, encoder);
            }
            return;
        }
        let mut coded = Vec::with_capacity(length / 2);
        let body = reply.body.borrow();
        let went_well = encoder
            .push(body.bytes(), &mut coded)
            .and_then(|()| encoder.finish(&mut coded));
        drop(body);
        let is_worth_it = coded.len() < length || self.is_forced;
        if went_well.is_ok() && is_worth_it && says_coding(reply, coding) {
            let plain = reply.body.borrow_mut().shared.replace(coded.into());
            drop_caught(plain); // bytes may have an owner of a user's
        }
    }

    /// Settles an answer that is streamed, before its head is written.
    pub(crate) fn settle_stream(self, ctx: &Context) {
        let reply = &ctx.0.reply;
        let length = ctx.0.exchange.download.flow().length.get();
        let length = length.map(|length| usize::try_from(length).unwrap_or(usize::MAX));
        if !self.may_code(reply, length) || !says_vary(reply) {
            return;
        }
        let Some((coding, level)) = self.coding else {
            return;
        };
        let Ok(encoder) = Encoder::lasting(coding, level, None) else {
            return;
        };
        if says_coding(reply, coding) {
            ctx.0
                .exchange
                .download
                .flow()
                .encoder
                .replace(Some(encoder));
        }
    }

    /// RFC 9110 §15.4.5: a 304 has the `Vary` and the `ETag` that the 200 would have had.
    fn settle_not_modified(self, ctx: &Context) {
        let reply = &ctx.0.reply;
        if is_bound(&reply.headers.borrow()) || !says_vary(reply) || self.coding.is_none() {
            return;
        }
        let asked = ctx.header_bytes("If-None-Match").unwrap_or_default();
        let mut headers = reply.headers.borrow_mut();
        // RFC 9111 §4.3.4: a client that holds the coded answer knows it by its weak tag.
        if let Some(weak) = headers.get("ETag").and_then(weakened)
            && asked.windows(weak.len()).any(|tag| tag == weak)
        {
            let set = headers.set("ETag", weak);
            debug_assert_eq!(set, Ok(()), "a valid value with two characters before it");
        }
    }

    /// Whether the answer could be coded if the client accepts it.
    fn may_code(self, reply: &Reply, length: Option<usize>) -> bool {
        let headers = reply.headers.borrow();
        if !has_content(reply.status.get()) || is_bound(&headers) {
            return false;
        }
        if self.is_forced {
            return true;
        }
        let implied = reply.content_type.get().value();
        let implied = reply.media_type.get().or(implied).unwrap_or_default();
        let media_type = match headers.get("Content-Type") {
            Some(set) => str::from_utf8(set).unwrap_or_default(),
            None => implied,
        };
        let media_type = media_type.split(';').next().unwrap_or_default().trim();
        length.is_none_or(|length| length >= self.bytes_min) && (self.is_fit)(media_type)
    }
}

/// Whether an answer of this status may have all of some content.
fn has_content(status: StatusCode) -> bool {
    !status.is_informational()
        && !matches!(
            status,
            StatusCode::NO_CONTENT
                | StatusCode::RESET_CONTENT
                | StatusCode::PARTIAL_CONTENT
                | StatusCode::NOT_MODIFIED
        )
}

fn is_bound(headers: &ResponseHeaders) -> bool {
    if headers.is_empty() {
        return false;
    }
    let ranges = headers.get("Accept-Ranges");
    BINDING.iter().any(|name| headers.contains(name))
        // RFC 9110 §14.3: parts may be asked for, and would be parts of what is not coded.
        || ranges.is_some_and(|unit| !unit.eq_ignore_ascii_case(b"none"))
        // RFC 9111 §5.2.2.6.
        || headers.contains_member("Cache-Control", "no-transform")
}

/// RFC 9110 §12.5.5: a cache must know what the answer depends on. False if there is no room.
fn says_vary(reply: &Reply) -> bool {
    reply
        .headers
        .borrow_mut()
        .vary_by("Accept-Encoding")
        .is_ok()
}

/// Says that the answer is coded. False if there is no room.
fn says_coding(reply: &Reply, coding: Coding) -> bool {
    let mut headers = reply.headers.borrow_mut();
    // RFC 9110 §8.8.1: a strong tag names certain bytes, and these will be others. A weak one still
    // names the content.
    let weak = headers.get("ETag").and_then(weakened);
    headers.set("Content-Encoding", coding.name()).is_ok()
        && weak.is_none_or(|weak| headers.set("ETag", weak).is_ok())
}

/// The weak form of a strong entity tag (RFC 9110 §8.8.3).
fn weakened(tag: &[u8]) -> Option<Vec<u8>> {
    tag.starts_with(b"\"").then(|| [b"W/", tag].concat())
}

/// Lets the body of a whole answer be coded while it is sent.
fn stream_body(ctx: &Context, encoder: Encoder) {
    let reply = &ctx.0.reply;
    let mut body = reply.body.borrow_mut();
    let shared = body.shared.take();
    let bytes = shared.unwrap_or_else(|| Bytes::from(std::mem::take(&mut body.buffer)));
    drop(body);
    reply.phase.set(Phase::Committed);
    let download = &ctx.0.exchange.download;
    if *ctx.method() != Method::HEAD {
        download.flow().encoder.replace(Some(encoder));
        download.put(bytes);
    }
    download.state.set(DownloadState::Finished);
}
