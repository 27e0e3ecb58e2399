//! What client and server agree on by headers: media types, and whether a copy is still good.

use std::time::{SystemTime, UNIX_EPOCH};

use ringlane_protocol::{MediaType, Precondition, Validators, preferred, write_date};

use super::Context;
use crate::{Error, Result, StatusCode};

impl Context {
    /// All values of a header, in order, in any case of `name`.
    ///
    /// ```
    /// # fn handler(ctx: ringlane::Context) {
    /// let proxies = ctx.header_values("Via").count();
    /// # }
    /// ```
    pub fn header_values<'c>(&'c self, name: &'c str) -> impl Iterator<Item = &'c [u8]> + Clone {
        self.0.head.header_all(name)
    }

    /// The media type of the request's body, with its parameters. `None` if `Content-Type` is not
    /// there, or is none.
    ///
    /// ```
    /// # fn handler(ctx: ringlane::Context) {
    /// let is_image = ctx.media_type().is_some_and(|kind| kind.essence().starts_with("image/"));
    /// # }
    /// ```
    pub fn media_type(&self) -> Option<MediaType<'_>> {
        MediaType::parse(self.header("Content-Type")?)
    }

    /// Which of several media types the client would rather have, by the weights of its `Accept`
    /// (RFC 9110 §12.5.1); of equals the first. If it does not say, that is the first of all.
    /// `None` if it wants none of them: answer 406, or one of them all the same.
    ///
    /// What is answered then depends on `Accept`; say so in `Vary` where answers are cached.
    ///
    /// ```
    /// use ringlane::{Context, Result};
    ///
    /// fn show(ctx: Context) -> Result {
    ///     ctx.add_header("Vary", "Accept");
    ///     match ctx.preferred(&["text/html", "application/json"]) {
    ///         Some("application/json") => ctx.json(&[1, 2, 3])?,
    ///         _ => ctx.html("<p>1, 2, 3"),
    ///     }
    ///     Ok(())
    /// }
    /// ```
    pub fn preferred<'o>(&self, offers: &[&'o str]) -> Option<&'o str> {
        preferred(self.header_values("Accept"), offers)
    }

    /// Tells clients which state of a resource this is, and whether this one has it already.
    ///
    /// `etag` is an entity tag with its quotes, `"v7"` or `W/"v7"`; `modified`, to the second, when
    /// the state was made. They are set as `ETag` and `Last-Modified`. If the result is true, the
    /// client's copy is good: the answer is a 304, and no body is to be made for it.
    ///
    /// # Errors
    ///
    /// 412 if the client means another state (`If-Match`, `If-Unmodified-Since`): change nothing.
    /// 500 if `etag` is no entity tag.
    ///
    /// ```
    /// use ringlane::{Context, Result};
    ///
    /// fn page(ctx: Context) -> Result {
    ///     if !ctx.is_unchanged(Some("\"v7\""), None)? {
    ///         ctx.html("<p>made with great effort");
    ///     }
    ///     Ok(())
    /// }
    /// ```
    pub fn is_unchanged(&self, etag: Option<&str>, modified: Option<SystemTime>) -> Result<bool> {
        let since = modified.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        let validators = Validators {
            etag,
            modified: since.map(|time| time.as_secs()),
        };
        if !validators.is_valid() {
            return Err(Error::internal("an entity tag stands in quotes"));
        }
        self.set_validators(validators);
        match validators.check(&self.0.head) {
            Precondition::Proceed => Ok(false),
            Precondition::NotModified => {
                self.set_status(StatusCode::NOT_MODIFIED);
                Ok(true)
            }
            Precondition::Failed => {
                let problem = "it is not in the state that the request is for";
                Err(Error::new(StatusCode::PRECONDITION_FAILED, problem))
            }
        }
    }

    pub(crate) fn set_validators(&self, validators: Validators<'_>) {
        if let Some(etag) = validators.etag {
            self.set_header("ETag", etag);
        }
        if let Some(seconds) = validators.modified {
            self.set_header("Last-Modified", write_date(seconds));
        }
    }
}
