//! A request that could not be answered at once: what it holds while it waits.
//!
//! Always true here:
//! - The body is decoded no further than the handler's window, or dropped once the answer is made.
//! - A streamed answer that has a content coding is coded here, a bounded number of bytes a call.
//!
//! Not here: the order of steps (`drive.rs`).

use std::task::Waker;

use bytes::Bytes;
use ringlane_protocol::chunked::{CHUNK_END, ChunkHead};
use ringlane_protocol::{BodyDecoder, BodyPart, Framing, ResponseBody, StatusCode};
use ringlane_reactor::clock::Instant;
use ringlane_reactor::{Io, drop_caught};

use super::OUTPUT_BYTES_MAX;
use super::answer::send;
use super::clocks::Clocks;
use crate::Context;
use crate::chain::Descent;
use crate::context::exchange::{DownloadState, Exchange, UploadFailure, UploadState};

/// Empty seats that one core keeps.
const SEATS_KEPT_MAX: usize = 1024;

/// Body bytes in one piece that the handler gets in the memory that they came in. That memory is
/// kept as a whole, a large receive buffer, so that few bytes are better copied.
const TAKEN_BYTES_MIN: usize = 16 * 1024;
/// Bytes of an answer that one call codes before other connections get their turn.
pub(super) const CODED_BYTES_PER_CALL_MAX: usize = 64 * 1024;
/// Bytes that are coded in one piece.
const CODED_PIECE_BYTES: usize = 16 * 1024;

/// Memory for an active request, used again.
pub(super) type Seat = Box<Option<Active>>;

#[derive(Default)]
pub(super) struct Seats(Vec<Seat>);

impl Seats {
    pub(super) fn take(&mut self) -> Seat {
        self.0.pop().unwrap_or_default()
    }

    pub(super) fn give_back(&mut self, seat: Seat) {
        debug_assert!(seat.is_none(), "only empty seats are kept");
        if self.0.len() < SEATS_KEPT_MAX {
            self.0.push(seat);
        }
    }
}

pub(super) struct Active {
    pub(super) ctx: Context,
    /// The chain, while it is under way.
    pub(super) descent: Option<Descent>,
    /// Until the body's end.
    pub(super) decoder: Option<BodyDecoder>,
    /// Bytes of the body that were decoded.
    pub(super) decoded: u64,
    /// Of these, bytes that nobody wanted.
    pub(super) dropped: u64,
    /// Where the next request would begin is not known, or will never be.
    pub(super) is_broken: bool,
    /// The client waits to be told that its body is wanted.
    pub(super) owes_continue: bool,
    /// How the body is framed, once the head of the answer is written.
    pub(super) sending: Option<ResponseBody>,
    /// The whole answer is written.
    pub(super) is_answered: bool,
    /// What was said about the connection in the answer.
    pub(super) keeps_alive: bool,
    /// Bytes of the answer that this call may still code.
    pub(super) coded_left: usize,
    pub(super) clocks: Clocks,
}

impl Active {
    pub(super) fn new(
        ctx: Context,
        descent: Option<Descent>,
        framing: Framing,
        now: Instant,
    ) -> Self {
        let limits = &ctx.0.core.limits;
        let has_body = match framing {
            Framing::None | Framing::Length(0) => false,
            Framing::Length(_) | Framing::Chunked => true,
        };
        if has_body {
            let upload = &ctx.0.exchange.upload;
            upload.begin(framing, limits.body_bytes_max);
        }
        Self {
            descent,
            decoder: has_body.then(|| BodyDecoder::new(framing)),
            decoded: 0,
            dropped: 0,
            is_broken: false,
            owes_continue: ctx.0.head.expects_continue(),
            sending: None,
            is_answered: false,
            keeps_alive: false,
            coded_left: 0,
            clocks: Clocks::new(limits, now),
            ctx,
        }
    }

    pub(super) fn exchange(&self) -> &Exchange {
        &self.ctx.0.exchange
    }

    /// Decodes body bytes for the handler, as many as it has room for. Tells whether there is
    /// anything new for it.
    pub(super) fn feed(&mut self, io: &mut Io<'_>, own: &Waker) -> bool {
        let Some(mut decoder) = self.decoder.take_if(|_| !self.is_answered) else {
            return false;
        };
        let upload = &self.ctx.0.exchange.upload;
        let mut is_new = false;
        loop {
            let input = io.input.bytes();
            let room = upload.room();
            if room == 0 || input.is_empty() {
                self.decoder = Some(decoder);
                break;
            }
            let step = match decoder.decode(&input[..input.len().min(room)]) {
                Ok(step) => step,
                Err(error) => {
                    self.is_broken = true;
                    upload.fail(UploadFailure::Malformed(error));
                    is_new = true;
                    break;
                }
            };
            let consumed = step.consumed;
            let data = match step.part {
                BodyPart::Data(data) => data,
                BodyPart::NeedMore | BodyPart::End => &[],
            };
            let len = data.len();
            if len < TAKEN_BYTES_MIN {
                upload.put(data);
                io.input.consume(consumed);
            } else {
                io.input.consume(consumed - len); // data comes last
                match io.input.take(len) {
                    Some(data) => upload.put_whole(data),
                    None => {
                        upload.put(&io.input.bytes()[..len]);
                        io.input.consume(len);
                    }
                }
            }
            self.decoded += len as u64;
            is_new |= len > 0;
            if decoder.is_finished() {
                upload.end();
                is_new = true;
                break;
            }
        }
        if let Some(decoder) = &self.decoder {
            // What is announced is judged now, and not when it has come.
            is_new |= upload.announce(self.decoded.saturating_add(decoder.announced()));
        }
        if self.decoder.is_some() && io.peer_finished && io.input.bytes().is_empty() {
            self.is_broken = true;
            self.decoder = None;
            upload.fail(UploadFailure::Gone);
            is_new = true;
        }
        if is_new {
            upload.wake_reader(own);
        }
        is_new
    }

    /// Decodes and drops what nobody has read.
    pub(super) fn drop_body(&mut self, io: &mut Io<'_>) {
        while let Some(decoder) = &mut self.decoder {
            let input = io.input.bytes();
            if input.is_empty() {
                break;
            }
            let Ok(step) = decoder.decode(input) else {
                self.is_broken = true;
                return;
            };
            let consumed = step.consumed;
            match step.part {
                BodyPart::Data(data) => {
                    self.decoded += data.len() as u64;
                    self.dropped += data.len() as u64;
                }
                BodyPart::NeedMore | BodyPart::End => {}
            }
            if decoder.is_finished() {
                self.decoder = None;
            }
            io.input.consume(consumed);
        }
        let limits = &self.ctx.0.core.limits;
        let announced = self.decoder.as_ref().map_or(0, BodyDecoder::announced);
        let too_much = self.dropped.saturating_add(announced) > limits.unread_body_bytes_max;
        self.is_broken |= too_much || (self.decoder.is_some() && io.peer_finished);
    }

    /// Whether the body, as far as it was not read, may be dropped for the sake of the connection.
    pub(super) fn can_drop_body(&self) -> bool {
        if self.is_broken {
            return false;
        }
        let Some(decoder) = &self.decoder else {
            return true;
        };
        // RFC 9110 §10.1.1: whether a client that was not asked sends its body is not known.
        if self.owes_continue {
            return false;
        }
        // How much more comes behind a chunk is not known; of a body that was too large, too much.
        let upload = &self.exchange().upload;
        let is_too_large = upload.state.get() == UploadState::Failed(UploadFailure::TooLarge)
            || self.ctx.status() == StatusCode::PAYLOAD_TOO_LARGE;
        if is_too_large && upload.declared.get().is_none() {
            return false;
        }
        decoder.announced() <= self.ctx.0.core.limits.unread_body_bytes_max
    }

    /// Moves what was sent on a stream to the output, as far as there is room. Tells whether the
    /// chain waits for that room.
    pub(super) fn flush(&mut self, framing: ResponseBody, io: &mut Io<'_>, own: &Waker) -> bool {
        let before = io.output.len();
        if self.exchange().download.is_coded() {
            self.flush_coded(framing, io);
        }
        let download = &self.ctx.0.exchange.download;
        if !download.is_coded() {
            while io.output.len() < OUTPUT_BYTES_MAX {
                let Some(bytes) = download.take() else { break };
                write_piece(framing, bytes, io);
            }
        }
        if io.output.len() > before {
            download.with_pulse(|pulse| pulse.heard(io.now));
        }
        if download.is_coded() && self.coded_left == 0 {
            io.waker().wake(); // others first
            return false;
        }
        if !download.is_empty() {
            io.wake_when_drained();
        }
        download.has_room() && download.wake_sender(own)
    }

    /// Codes what was sent on a stream, as far as there is room and this call may go on. What was
    /// said so far can be decoded as soon as it arrives.
    fn flush_coded(&mut self, framing: ResponseBody, io: &mut Io<'_>) {
        let download = &self.ctx.0.exchange.download;
        // Taken out: dropping what was sent may run code of a user's.
        let Some(mut encoder) = download.flow().encoder.take() else {
            return;
        };
        let mut coded = Vec::new();
        let mut went_well = Ok(());
        while went_well.is_ok() && io.output.len() + coded.len() < OUTPUT_BYTES_MAX {
            let most = CODED_PIECE_BYTES.min(self.coded_left);
            let Some(bytes) = (most > 0).then(|| download.take_up_to(most)).flatten() else {
                break;
            };
            self.coded_left -= bytes.len();
            went_well = encoder.push(&bytes, &mut coded);
            drop_caught(bytes); // they may have an owner of a user's
        }
        let ends_now = download.state.get() == DownloadState::Finished && self.descent.is_none();
        if download.is_empty() && !ends_now {
            went_well = went_well.and_then(|()| encoder.flush(&mut coded));
        }
        download.flow().encoder.replace(Some(encoder));
        if went_well.is_err() {
            tracing::error!("a streamed answer could not be coded");
            return download.close();
        }
        write_piece(framing, coded.into(), io);
    }

    /// Sends what a content coding has still inside, and its end. False if that went wrong.
    pub(super) fn finish_coding(&mut self, framing: ResponseBody, io: &mut Io<'_>) -> bool {
        let Some(mut encoder) = self.exchange().download.flow().encoder.take() else {
            return true;
        };
        let mut coded = Vec::new();
        if encoder.finish(&mut coded).is_err() {
            tracing::error!("a streamed answer could not be coded");
            return false;
        }
        write_piece(framing, coded.into(), io);
        true
    }
}

/// Writes one piece of a streamed body. An empty one would end it, so it is left out.
fn write_piece(framing: ResponseBody, bytes: Bytes, io: &mut Io<'_>) {
    match framing {
        ResponseBody::Chunked if !bytes.is_empty() => {
            let head = ChunkHead::new(bytes.len());
            io.output.buffer().extend_from_slice(head.as_ref());
            send(bytes, io);
            io.output.buffer().extend_from_slice(CHUNK_END);
        }
        ResponseBody::UntilClose | ResponseBody::Length(_) => send(bytes, io),
        ResponseBody::None | ResponseBody::Chunked => drop_caught(bytes),
    }
}
