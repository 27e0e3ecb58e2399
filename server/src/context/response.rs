//! What the client gets: the writing half of a Context.
//!
//! Always true here:
//! - Nothing is written once the head is committed; the attempt is logged.
//! - A mistake in what is written turns the answer into a 500, and is logged.
//!
//! Not here: how an answer is sent (`conversation/answer.rs`), streams (`stream.rs`).

use std::fmt;
use std::io::Write;

use bytes::Bytes;
use ringlane_protocol::{HeaderError, ResponseHeaders, StatusCode, is_field_value};
use ringlane_reactor::drop_caught;
use serde::Serialize;

use super::Context;
use super::record::{Payload, Phase, Reply};
use crate::chain::Outcome;
use crate::core::ContentType;
use crate::escaped::Escaped;
use crate::{Error, IntoResponse, IntoStatus, Result};

/// Headers that describe a body, and go with it.
const OF_CONTENT: [&str; 8] = [
    "Accept-Ranges",
    "Content-Disposition",
    "Content-Encoding",
    "Content-Language",
    "Content-Range",
    "Content-Type",
    "ETag",
    "Last-Modified",
];

/// How much of an error's text is logged, in bytes.
const LOGGED_MAX: usize = 1024;

impl Context {
    /// Sets the status, by number or as a [`StatusCode`]. Without it, it is 200.
    ///
    /// A number outside of 200 to 999 makes the answer a 500, and is logged.
    #[inline]
    pub fn set_status(&self, status: impl IntoStatus) -> &Self {
        if let Some(reply) = self.open_reply() {
            match status.into_status() {
                Some(status) => reply.status.set(status),
                None => self.fault("a status must be a number from 200 to 999"),
            }
        }
        self
    }

    /// The status of the response as it stands: 500 from a mistake in a write on, whatever is set.
    pub fn status(&self) -> StatusCode {
        let reply = &self.0.reply;
        match reply.is_faulty.get() && reply.phase.get() == Phase::Open {
            true => StatusCode::INTERNAL_SERVER_ERROR,
            false => reply.status.get(),
        }
    }

    /// Sets a header; earlier values of that name are replaced.
    ///
    /// An invalid name or value, or one that only the server sets (`Content-Length`, `Connection`
    /// and their kin), makes the answer a 500, and is logged.
    pub fn set_header(&self, name: &str, value: impl AsRef<[u8]>) -> &Self {
        let value = value.as_ref();
        self.write_headers(name, |reply| reply.headers.borrow_mut().set(name, value))
    }

    /// Sets headers that were prepared and checked before, for the price of a copy. Earlier values
    /// of the same names are replaced.
    ///
    /// ```
    /// use ringlane::{Context, ResponseHeaders, Server};
    ///
    /// let mut prepared = ResponseHeaders::new();
    /// prepared.set("Cache-Control", "public, max-age=3600")?;
    /// prepared.set("Vary", "Accept-Language")?;
    /// let server = Server::builder()
    ///     .get("/", move |ctx: Context| { ctx.set_headers(&prepared).text("hello"); })
    ///     .build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// If all headers together are too large, the answer is a 500, and that is logged.
    pub fn set_headers(&self, prepared: &ResponseHeaders) -> &Self {
        if let Some(reply) = self.open_reply()
            && let Err(error) = reply.headers.borrow_mut().set_all(prepared)
        {
            self.fault(format_args!("prepared headers: {error}"));
        }
        self
    }

    /// Sets the media type of the body, in place of the one that [`text`](Self::text),
    /// [`json`](Self::json) and the others imply. A `Content-Type` that is
    /// [set as a header](Self::set_header) comes before it; that may be computed, this is cheaper.
    ///
    /// ```
    /// # fn handler(ctx: ringlane::Context) {
    /// ctx.set_content_type("text/css; charset=utf-8").text("body { margin: 0 }");
    /// # }
    /// ```
    ///
    /// What is no header value makes the answer a 500, and is logged.
    #[inline]
    pub fn set_content_type(&self, value: &'static str) -> &Self {
        if let Some(reply) = self.open_reply() {
            match is_field_value(value.as_bytes()) {
                true => reply.media_type.set(Some(value)),
                false => self.fault("a content type must be a header value"),
            }
        }
        self
    }

    /// Adds a header beside earlier values of that name. Mistakes are treated as in
    /// [`set_header`](Self::set_header).
    pub fn add_header(&self, name: &str, value: impl AsRef<[u8]>) -> &Self {
        let value = value.as_ref();
        self.write_headers(name, |reply| reply.headers.borrow_mut().add(name, value))
    }

    /// Removes every value of a header that was set before.
    pub fn remove_header(&self, name: &str) -> &Self {
        self.write_headers(name, |reply| {
            reply.headers.borrow_mut().remove(name);
            Ok(())
        })
    }

    /// The first value that was set of a header of the response.
    pub fn response_header(&self, name: &str) -> Option<String> {
        let headers = self.0.reply.headers.borrow();
        let value = headers.get(name)?;
        String::from_utf8(value.to_owned()).ok()
    }

    /// Makes text the body: `text/plain; charset=utf-8`, unless `Content-Type` is set.
    #[inline]
    pub fn text(&self, text: impl AsRef<str>) {
        self.copy_body(ContentType::Text, text.as_ref().as_bytes());
    }

    /// Makes formatted text the body without making a `String` of it first.
    ///
    /// ```
    /// # fn handler(ctx: ringlane::Context) {
    /// ctx.text_fmt(format_args!("{} files", 7));
    /// # }
    /// ```
    pub fn text_fmt(&self, text: fmt::Arguments<'_>) {
        self.write_body(ContentType::Text, |body| {
            body.write_fmt(text).map_err(Error::internal)
        })
        .unwrap_or_else(|_| self.fault("a `Display` has failed"));
    }

    /// Makes text the body: `text/html; charset=utf-8`, unless `Content-Type` is set.
    pub fn html(&self, text: impl AsRef<str>) {
        self.copy_body(ContentType::Html, text.as_ref().as_bytes());
    }

    /// Makes a value the body, as JSON: `application/json`, unless `Content-Type` is set.
    ///
    /// # Errors
    ///
    /// If the value cannot be serialised; returned from a handler this becomes a 500.
    pub fn json<T: Serialize + ?Sized>(&self, value: &T) -> Result {
        self.write_body(ContentType::Json, |body| {
            serde_json::to_writer(body, value).map_err(Error::internal)
        })
    }

    /// Makes bytes the body: `application/octet-stream`, unless `Content-Type` is set. From 16 KiB
    /// on they are sent from where they are, without a copy.
    pub fn bytes(&self, bytes: impl Into<Bytes>) {
        self.share_body(ContentType::Binary, bytes.into());
    }

    /// Sends the client elsewhere: with 301 or 308 for good, with 302 or 307 for now, with 303 to
    /// what a `GET` shows (RFC 9110 §15.4). After 307 and 308 the request is made anew as it was.
    ///
    /// What no URI may hold, such as spaces and letters beyond ASCII, is percent-encoded. Another
    /// status, or a location with a control character, makes the answer a 500, and is logged.
    ///
    /// A location that a client could choose may lead to any site: `//example.org` does. Check it.
    pub fn redirect(&self, status: impl IntoStatus, location: impl AsRef<str>) {
        self.set_status(status);
        let status = self.0.reply.status.get().as_u16();
        if !matches!(status, 301 | 302 | 303 | 307 | 308) {
            return self.fault("a redirect has the status 301, 302, 303, 307 or 308");
        }
        match ringlane_protocol::location(location.as_ref()) {
            Some(location) => drop(self.set_header("Location", location)),
            None => self.fault("a redirect's location holds a control character"),
        }
    }

    /// Whether the head of the answer is on its way: then nothing can be written any more, and what
    /// is written all the same is ignored and logged.
    pub fn is_committed(&self) -> bool {
        self.0.reply.phase.get() != Phase::Open
    }

    pub(crate) fn text_shared(&self, text: Bytes) {
        self.share_body(ContentType::Text, text);
    }

    /// Notes that a layer gave an error.
    pub(crate) fn fail(&self) {
        let outcome = &self.0.run.outcome;
        if outcome.get() == Outcome::Answered {
            outcome.set(Outcome::Failed);
        }
    }

    /// An error was written: if it is a success to clients, it becomes a 500.
    #[inline]
    pub(crate) fn refuse_success(&self) {
        let reply = &self.0.reply;
        let is_open = reply.phase.get() == Phase::Open && !reply.is_faulty.get();
        if is_open && reply.status.get().is_success() {
            self.replace_success();
        }
    }

    #[cold]
    fn replace_success(&self) {
        let body = self.0.reply.body.borrow();
        let bytes = body.shared.as_deref().unwrap_or(&body.buffer);
        let text = String::from_utf8_lossy(&bytes[..bytes.len().min(LOGGED_MAX)]).into_owned();
        drop(body);
        let problem = match text.as_str() {
            "" => "an error without a status of its own",
            text => text,
        };
        Error::internal(problem).into_response(self);
    }

    /// Takes back the body that was written so far, and the headers that describe it.
    pub(crate) fn clear_content(&self) {
        let Some(reply) = self.open_reply() else {
            return;
        };
        let mut headers = reply.headers.borrow_mut();
        if !headers.is_empty() {
            for name in OF_CONTENT {
                headers.remove(name);
            }
        }
        drop(headers);
        reply.content_type.set(ContentType::None);
        reply.media_type.set(None);
        let mut body = reply.body.borrow_mut();
        body.buffer.clear();
        let shared = body.shared.take();
        drop(body);
        drop_caught(shared); // bytes may have an owner of a user's
    }

    /// Says that the answer depends on that header of the request.
    pub(crate) fn vary_by(&self, name: &str) {
        if let Some(reply) = self.open_reply() {
            let _ = reply.headers.borrow_mut().vary_by(name); // no room: it may be kept wrongly
        }
    }

    /// Takes back how long the answer may be kept, which was said of another one. What forbids that
    /// it is kept or used again stays.
    pub(crate) fn clear_freshness(&self) {
        let Some(reply) = self.open_reply() else {
            return;
        };
        let mut headers = reply.headers.borrow_mut();
        if headers.is_empty() {
            return;
        }
        headers.remove("Expires");
        let says = |directive| headers.contains_member("Cache-Control", directive);
        if says("no-store") || says("no-cache") {
            return;
        }
        let is_private = says("private");
        if headers.remove("Cache-Control") && is_private {
            let _ = headers.set("Cache-Control", "no-store"); // it is longer: perhaps no room
        }
    }

    /// Makes the answer a 500: the program, not the client, made a mistake.
    #[cold]
    pub(crate) fn fault(&self, problem: impl fmt::Display) {
        let (method, path, problem) = (self.method(), self.path(), Escaped(problem));
        tracing::error!(%method, path, %problem, "a handler wrote what cannot be sent");
        self.0.reply.is_faulty.set(true);
    }

    /// The response, while it can be written.
    #[inline]
    fn open_reply(&self) -> Option<&Reply> {
        let reply = &self.0.reply;
        if reply.phase.get() == Phase::Open {
            return Some(reply);
        }
        self.too_late();
        None
    }

    #[cold]
    fn too_late(&self) {
        let (method, path) = (self.method(), self.path());
        tracing::debug!(%method, path, "a write came after the head was committed");
    }

    fn write_headers(
        &self,
        name: &str,
        write: impl FnOnce(&Reply) -> std::result::Result<(), HeaderError>,
    ) -> &Self {
        if let Some(reply) = self.open_reply()
            && let Err(error) = write(reply)
        {
            self.fault(format_args!("header {name:?}: {error}"));
        }
        self
    }

    #[inline]
    fn copy_body(&self, content_type: ContentType, bytes: &[u8]) {
        let Some(reply) = self.open_reply() else {
            return;
        };
        reply.content_type.set(content_type);
        let mut body = reply.body.borrow_mut();
        body.buffer.clear();
        body.buffer.extend_from_slice(bytes);
        if body.shared.is_some() {
            let shared = body.shared.take();
            drop(body);
            drop_caught(shared); // bytes may have an owner of a user's
        }
    }

    fn share_body(&self, content_type: ContentType, bytes: Bytes) {
        let Some(reply) = self.open_reply() else {
            return;
        };
        reply.content_type.set(content_type);
        let replaced = reply.body.borrow_mut().shared.replace(bytes);
        drop_caught(replaced);
    }

    /// Lets a user's code write the body. The buffer is taken out meanwhile, so that code which
    /// itself writes on the Context meets no borrowed cell; what is written last stays.
    fn write_body(
        &self,
        content_type: ContentType,
        write: impl FnOnce(&mut Vec<u8>) -> Result,
    ) -> Result {
        let Some(reply) = self.open_reply() else {
            return Ok(());
        };
        let mut buffer = std::mem::take(&mut reply.body.borrow_mut().buffer);
        buffer.clear();
        let written = write(&mut buffer);
        if written.is_ok() && reply.phase.get() == Phase::Open {
            reply.content_type.set(content_type);
            let body = Payload {
                buffer,
                shared: None,
            };
            let replaced = reply.body.replace(body);
            drop(replaced);
        }
        written
    }
}
