//! The request's body, as a handler reads it: whole or piece by piece.
//!
//! Always true here:
//! - A body larger than its limit is an error before its end is read, and as soon as its length or
//!   the size of a chunk says so.
//! - The client is asked for the body (`100 Continue`) when the handler first reads, not before.
//!
//! Not here: what the bytes mean (`body/decode.rs`, `body/multipart.rs`), how they get here
//! (`conversation/`), what happens to a body that nobody reads.

mod decode;
mod multipart;

pub use multipart::{Multipart, Part};

use std::cell::Cell;
use std::future::poll_fn;
use std::task::{self, Poll};

use bytes::{Bytes, BytesMut};
use ringlane_protocol::StatusCode;

use crate::coding::{Decoder, Decoding, Flaw};
use crate::context::exchange::{Upload, UploadFailure, UploadState};
use crate::{Context, Error, Result};

/// Reserved for a body whose length was declared; more is reserved as it comes, so that a length
/// alone costs nothing.
const RESERVED_MAX: usize = 64 * 1024;

impl Context {
    /// The body of the request.
    ///
    /// Handlers are called when the head is there; the body may still be on its way, so reading it
    /// is asynchronous. A body that is here already is read without waiting.
    ///
    /// ```
    /// use ringlane::{Context, Result};
    ///
    /// #[derive(serde::Deserialize)]
    /// struct User { name: String }
    ///
    /// async fn create(ctx: Context) -> Result {
    ///     let user: User = ctx.body().json().await?;
    ///     ctx.set_status(201).text(user.name);
    ///     Ok(())
    /// }
    /// ```
    pub fn body(&self) -> Body {
        Body(self.clone(), Cell::new(0))
    }

    /// Lets the request's body have so many bytes, instead of the
    /// [limit](crate::Limits::body_bytes_max) that holds for all. To be called before the body is
    /// read: by the handler, or by a layer in front of a group of routes.
    ///
    /// If the body is [decoded](crate::middleware::Decompression), the limit is for what the
    /// handler reads.
    pub fn set_body_limit(&self, bytes: u64) -> &Self {
        self.0.exchange.upload.limit.set(bytes);
        self
    }

    /// An error if it is known already that the body goes beyond its limit.
    pub(crate) fn check_body(&self) -> Result {
        self.body().check()
    }
}

/// Reads the body of a request.
///
/// All errors are [`Error`]s that say what was wrong with the request: 413 for a body beyond the
/// limit, 408 for one that comes too slowly, 400 for one that is malformed or cut off.
///
/// What was read before an error is lost: a body can be read once.
#[derive(Debug)]
pub struct Body(Context, Cell<u32>);

/// Reading, until this is dropped: a read that was given up waits no more.
struct Reading<'b>(&'b Body);

impl Drop for Reading<'_> {
    fn drop(&mut self) {
        let Body(ctx, number) = self.0;
        let exchange = &ctx.0.exchange;
        if exchange.upload.stop_waiting(number.get()) {
            exchange.notify(); // another time limit runs now
        }
    }
}

impl Body {
    /// The next bytes as they come, some 64 KiB at most; `None` at the end.
    ///
    /// The client is not read further than 64 KiB ahead of this.
    ///
    /// # Errors
    ///
    /// See [`Body`].
    pub async fn chunk(&mut self) -> Result<Option<Bytes>> {
        let _until_dropped = Reading(self);
        poll_fn(|cx| self.poll_chunk(cx)).await
    }

    /// All that is left of the body.
    ///
    /// # Errors
    ///
    /// See [`Body`].
    pub async fn bytes(mut self) -> Result<Bytes> {
        let upload = self.upload();
        if upload.decoder.borrow().is_some() {
            return self.decoded_bytes().await;
        }
        if upload.state.get() == UploadState::Open {
            // One beyond the limit, so that going beyond it is seen.
            let left = upload.limit.get() - upload.read.get().min(upload.limit.get());
            let window = usize::try_from(left.saturating_add(1)).unwrap_or(usize::MAX);
            upload.window.set(window);
            let declared = upload.declared.get().unwrap_or_default();
            let reserved = usize::try_from(declared).unwrap_or(usize::MAX);
            let mut arrived = upload.arrived.borrow_mut();
            let missing = reserved.min(RESERVED_MAX).saturating_sub(arrived.len());
            arrived.reserve(missing);
        }
        let _until_dropped = Reading(&self);
        poll_fn(|cx| match self.check() {
            Ok(()) if self.upload().state.get() == UploadState::Open => self.wait(cx),
            Ok(()) => Poll::Ready(self.take().map(Option::unwrap_or_default)),
            Err(error) => Poll::Ready(Err(error)),
        })
        .await
    }

    /// The length that the request declared. `None` if it is sent in chunks, or there is no body,
    /// or its length will be another once it is [decoded](crate::middleware::Decompression).
    pub fn declared_len(&self) -> Option<u64> {
        let upload = self.upload();
        let is_encoded = upload.decoder.borrow().is_some();
        upload.declared.get().filter(|_| !is_encoded)
    }

    /// All that is left of an encoded body.
    async fn decoded_bytes(&mut self) -> Result<Bytes> {
        let Some(first) = self.chunk().await? else {
            return Ok(Bytes::new());
        };
        let Some(second) = self.chunk().await? else {
            return Ok(first);
        };
        let mut all = BytesMut::with_capacity(2 * (first.len() + second.len()));
        all.extend_from_slice(&first);
        all.extend_from_slice(&second);
        while let Some(more) = self.chunk().await? {
            all.extend_from_slice(&more);
        }
        Ok(all.freeze())
    }

    fn upload(&self) -> &Upload {
        &self.0.0.exchange.upload
    }

    fn poll_chunk(&self, cx: &mut task::Context<'_>) -> Poll<Result<Option<Bytes>>> {
        if let Err(error) = self.check() {
            return Poll::Ready(Err(error));
        }
        let upload = self.upload();
        if let Some(decoder) = upload.decoder.take() {
            return self.poll_decoded(decoder, cx);
        }
        let is_empty = upload.arrived.borrow().is_empty();
        match upload.state.get() {
            UploadState::Open if is_empty => self.wait(cx),
            UploadState::Absent
            | UploadState::Open
            | UploadState::Ended
            | UploadState::Failed(_) => Poll::Ready(self.take()),
        }
    }

    /// The next bytes that come out of the decoder.
    fn poll_decoded(
        &self,
        mut decoder: Box<Decoder>,
        cx: &mut task::Context<'_>,
    ) -> Poll<Result<Option<Bytes>>> {
        let upload = self.upload();
        let is_last = match upload.state.get() {
            UploadState::Absent | UploadState::Ended => true,
            UploadState::Open | UploadState::Failed(_) => false,
        };
        let mut arrived = upload.arrived.borrow_mut();
        let before = arrived.len();
        let progress = decoder.decode(&mut arrived, is_last, upload.limit.get());
        let used = before - arrived.len();
        drop(arrived);
        upload.decoder.replace(Some(decoder));
        upload.read.set(upload.read.get() + used as u64);
        if used > 0 && upload.state.get() == UploadState::Open {
            self.0.0.exchange.notify(); // there is room again
        }
        match progress {
            Ok(Decoding::Piece(bytes)) => Poll::Ready(Ok(Some(bytes))),
            Ok(Decoding::End) => Poll::Ready(Ok(None)),
            Ok(Decoding::NeedMore) => self.wait(cx),
            Ok(Decoding::Again) => {
                cx.waker().wake_by_ref(); // others first
                Poll::Pending
            }
            Err(flaw) => {
                let failure = match flaw {
                    Flaw::Malformed(coding) => UploadFailure::Undecodable(coding),
                    Flaw::TooLarge => UploadFailure::TooLarge,
                    Flaw::Expansive => UploadFailure::Expansive,
                };
                upload.state.set(UploadState::Failed(failure));
                Poll::Ready(Err(explain(failure)))
            }
        }
    }

    /// Whether the body may go on, as far as it is known.
    fn check(&self) -> Result {
        let upload = self.upload();
        if let UploadState::Failed(failure) = upload.state.get() {
            return Err(explain(failure));
        }
        let limit = match *upload.decoder.borrow() {
            None => upload.limit.get(),
            Some(_) => Decoder::encoded_max(upload.limit.get()),
        };
        let here = upload.read.get() + upload.arrived.borrow().len() as u64;
        let told = upload
            .declared
            .get()
            .unwrap_or_else(|| upload.announced.get());
        if here.max(told) > limit && upload.state.get() != UploadState::Absent {
            upload
                .state
                .set(UploadState::Failed(UploadFailure::TooLarge));
            return Err(explain(UploadFailure::TooLarge));
        }
        Ok(())
    }

    fn wait<T>(&self, cx: &task::Context<'_>) -> Poll<T> {
        self.upload().wanted.set(true);
        self.1.set(self.upload().wait(cx.waker()));
        self.0.0.exchange.notify();
        Poll::Pending
    }

    /// Takes what has arrived; `None` if that is nothing.
    fn take(&self) -> Result<Option<Bytes>> {
        let upload = self.upload();
        let bytes = upload.take();
        upload.read.set(upload.read.get() + bytes.len() as u64);
        if upload.state.get() == UploadState::Open {
            self.0.0.exchange.notify(); // there is room again
        }
        Ok((!bytes.is_empty()).then_some(bytes))
    }
}

fn explain(failure: UploadFailure) -> Error {
    match failure {
        UploadFailure::Gone => Error::new(StatusCode::BAD_REQUEST, "the body was cut off"),
        UploadFailure::Malformed(error) => Error::new(error.status(), error.to_string()),
        UploadFailure::Undecodable(coding) => {
            let problem = format!("the body is not valid {coding} data");
            Error::new(StatusCode::BAD_REQUEST, problem)
        }
        UploadFailure::Expansive => {
            let problem = "the body expands too much";
            Error::new(StatusCode::PAYLOAD_TOO_LARGE, problem)
        }
        UploadFailure::TooLarge => {
            Error::new(StatusCode::PAYLOAD_TOO_LARGE, "the body is too large")
        }
        UploadFailure::TooSlow => {
            Error::new(StatusCode::REQUEST_TIMEOUT, "the body came too slowly")
        }
    }
}
