//! What a handler may return, and how each kind is written on the Context.
//!
//! Always true here:
//! - Everything is written by the same methods that handlers call themselves.
//!
//! Not here: errors (`error.rs`), the methods (`context/response.rs`).

use std::borrow::Cow;

use bytes::Bytes;
use ringlane_protocol::StatusCode;
use serde::Serialize;

use crate::{Context, Error, Outcome};

/// What a handler may return: something that can be written as a response.
///
/// ```
/// use ringlane::{Context, IntoResponse};
///
/// struct Teapot;
///
/// impl IntoResponse for Teapot {
///     fn into_response(self, ctx: &Context) {
///         ctx.set_status(418).set_header("X-Short", "stout");
///         ctx.text("I'm a teapot");
///     }
/// }
///
/// async fn brew(_: Context) -> Result<&'static str, Teapot> {
///     Err(Teapot)
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be turned into a response",
    label = "not a response",
    note = "responses are `()`, strings, bytes, `Json<T>`, `Html<T>`, `StatusCode`, `(StatusCode, R)`, `Option<R>`, and `Result<R, E>` of responses",
    note = "implement `ringlane::IntoResponse` for a type of your own"
)]
pub trait IntoResponse {
    /// Writes this on the request's Context.
    fn into_response(self, ctx: &Context);
}

/// A value to be sent as JSON. One that cannot be serialised becomes a 500, and is logged.
///
/// ```
/// use ringlane::{Context, Json};
///
/// fn numbers(_: Context) -> Json<[u8; 3]> {
///     Json([1, 2, 3])
/// }
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct Json<T>(pub T);

/// Text to be sent as HTML.
///
/// ```
/// use ringlane::{Context, Html};
///
/// fn page(_: Context) -> Html<&'static str> {
///     Html("<h1>Hello</h1>")
/// }
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct Html<T>(pub T);

/// A number or a [`StatusCode`] that may be the status of an answer: 200 to 999.
pub trait IntoStatus {
    /// `None` if this is no status of a final answer.
    fn into_status(self) -> Option<StatusCode>;
}

impl IntoStatus for StatusCode {
    #[inline]
    fn into_status(self) -> Option<StatusCode> {
        // RFC 9110 §15.2: interim answers are the server's own.
        (!self.is_informational()).then_some(self)
    }
}

impl IntoStatus for u16 {
    #[inline]
    fn into_status(self) -> Option<StatusCode> {
        StatusCode::from_u16(self).ok()?.into_status()
    }
}

impl IntoResponse for () {
    #[inline]
    fn into_response(self, _: &Context) {}
}

impl IntoResponse for &'static str {
    fn into_response(self, ctx: &Context) {
        ctx.text(self);
    }
}

impl IntoResponse for String {
    fn into_response(self, ctx: &Context) {
        ctx.text_shared(self.into());
    }
}

impl IntoResponse for Cow<'static, str> {
    fn into_response(self, ctx: &Context) {
        match self {
            Cow::Borrowed(text) => text.into_response(ctx),
            Cow::Owned(text) => text.into_response(ctx),
        }
    }
}

impl IntoResponse for &'static [u8] {
    fn into_response(self, ctx: &Context) {
        ctx.bytes(self);
    }
}

impl IntoResponse for Vec<u8> {
    fn into_response(self, ctx: &Context) {
        ctx.bytes(self);
    }
}

impl IntoResponse for Bytes {
    fn into_response(self, ctx: &Context) {
        ctx.bytes(self);
    }
}

impl<T: AsRef<str>> IntoResponse for Html<T> {
    fn into_response(self, ctx: &Context) {
        ctx.html(self.0);
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self, ctx: &Context) {
        if let Err(error) = ctx.json(&self.0) {
            error.into_response(ctx);
        }
    }
}

impl IntoResponse for StatusCode {
    fn into_response(self, ctx: &Context) {
        ctx.set_status(self);
    }
}

impl<R: IntoResponse> IntoResponse for (StatusCode, R) {
    fn into_response(self, ctx: &Context) {
        self.1.into_response(ctx);
        ctx.set_status(self.0);
    }
}

/// `None` is answered with 404.
impl<R: IntoResponse> IntoResponse for Option<R> {
    fn into_response(self, ctx: &Context) {
        match self {
            Some(found) => found.into_response(ctx),
            None => Error::new(StatusCode::NOT_FOUND, "not found").into_response(ctx),
        }
    }
}

/// An `Err` is never answered with success: one that sets no other status, as a `String`, is
/// answered with 500 and nothing of it; its text is logged.
impl<T: IntoResponse, E: IntoResponse> IntoResponse for Result<T, E> {
    #[inline]
    fn into_response(self, ctx: &Context) {
        match self {
            Ok(answer) => answer.into_response(ctx),
            Err(error) => {
                error.into_response(ctx);
                ctx.fail();
                ctx.refuse_success();
            }
        }
    }
}

/// What `next.run(&ctx).await` gives is no answer of its own: the layers below have written it.
impl IntoResponse for Outcome {
    fn into_response(self, _: &Context) {}
}

impl IntoResponse for std::convert::Infallible {
    fn into_response(self, _: &Context) {
        match self {}
    }
}
