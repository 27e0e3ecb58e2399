//! The request's body, as a handler reads it: whole or piece by piece.
//!
//! Always true here:
//! - A body larger than its limit is an error before its end is read.
//! - The client is asked for the body (`100 Continue`) when the handler first reads, not before.
//!
//! Not here: what the bytes mean (`body/decode.rs`, `body/multipart.rs`), how they get here
//! (`conversation/`), what happens to a body that nobody reads.

mod decode;
mod multipart;

pub use multipart::{Multipart, Part};

use std::future::poll_fn;
use std::task::{self, Poll};

use bytes::Bytes;
use ringlane_protocol::StatusCode;

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
        Body(self.clone())
    }

    /// Lets the request's body have so many bytes, instead of the
    /// [limit](crate::Limits::body_bytes_max) that holds for all. To be called before the body is
    /// read: by the handler, or by a layer in front of a group of routes.
    pub fn set_body_limit(&self, bytes: u64) -> &Self {
        self.0.exchange.upload.limit.set(bytes);
        self
    }
}

/// Reads the body of a request.
///
/// All errors are [`Error`]s that say what was wrong with the request: 413 for a body beyond the
/// limit, 408 for one that comes too slowly, 400 for one that is malformed or cut off.
///
/// What was read before an error is lost: a body can be read once.
#[derive(Debug)]
pub struct Body(Context);

impl Body {
    /// The next bytes as they come, some 64 KiB at most; `None` at the end.
    ///
    /// The client is not read further than 64 KiB ahead of this.
    ///
    /// # Errors
    ///
    /// See [`Body`].
    pub async fn chunk(&mut self) -> Result<Option<Bytes>> {
        poll_fn(|cx| self.poll_chunk(cx)).await
    }

    /// All that is left of the body.
    ///
    /// # Errors
    ///
    /// See [`Body`].
    pub async fn bytes(self) -> Result<Bytes> {
        let upload = self.upload();
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
        poll_fn(|cx| match self.check() {
            Ok(()) if self.upload().state.get() == UploadState::Open => self.wait(cx),
            Ok(()) => Poll::Ready(self.take().map(Option::unwrap_or_default)),
            Err(error) => Poll::Ready(Err(error)),
        })
        .await
    }

    /// The length that the request declared. `None` if it is sent in chunks, or there is no body.
    pub fn declared_len(&self) -> Option<u64> {
        self.upload().declared.get()
    }

    fn upload(&self) -> &Upload {
        &self.0.0.exchange.upload
    }

    fn poll_chunk(&self, cx: &mut task::Context<'_>) -> Poll<Result<Option<Bytes>>> {
        if let Err(error) = self.check() {
            return Poll::Ready(Err(error));
        }
        let upload = self.upload();
        let is_empty = upload.arrived.borrow().is_empty();
        match upload.state.get() {
            UploadState::Open if is_empty => self.wait(cx),
            UploadState::Absent
            | UploadState::Open
            | UploadState::Ended
            | UploadState::Failed(_) => Poll::Ready(self.take()),
        }
    }

    /// Whether the body may go on, as far as it is known.
    fn check(&self) -> Result {
        let upload = self.upload();
        if let UploadState::Failed(failure) = upload.state.get() {
            return Err(explain(failure));
        }
        let here = upload.read.get() + upload.arrived.borrow().len() as u64;
        if here.max(upload.declared.get().unwrap_or_default()) > upload.limit.get()
            && upload.state.get() != UploadState::Absent
        {
            upload
                .state
                .set(UploadState::Failed(UploadFailure::TooLarge));
            return Err(explain(UploadFailure::TooLarge));
        }
        Ok(())
    }

    fn wait<T>(&self, cx: &task::Context<'_>) -> Poll<T> {
        self.upload().wanted.set(true);
        self.upload().wait(cx.waker());
        self.0.0.exchange.notify();
        Poll::Pending
    }

    /// Takes what has arrived; `None` if that is nothing.
    fn take(&self) -> Result<Option<Bytes>> {
        let upload = self.upload();
        let bytes = upload.arrived.borrow_mut().split().freeze();
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
        UploadFailure::TooLarge => {
            Error::new(StatusCode::PAYLOAD_TOO_LARGE, "the body is too large")
        }
        UploadFailure::TooSlow => {
            Error::new(StatusCode::REQUEST_TIMEOUT, "the body came too slowly")
        }
    }
}
