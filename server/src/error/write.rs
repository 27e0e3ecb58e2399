//! How an error is written on a Context, and logged.

use ringlane_protocol::{StatusCode, media_ranges};
use serde::Serialize;

use super::Error;
use crate::core::ContentType;
use crate::{Context, IntoResponse};

#[derive(Serialize)]
struct Body<'a> {
    error: &'a str,
    message: &'a str,
    code: &'a str,
}

impl IntoResponse for Error {
    fn into_response(self, ctx: &Context) {
        let error = ctx.0.core.errors.resolve(self);
        error.log(ctx);
        error.write(ctx);
        ctx.fail();
    }
}

/// What an error's usual body is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Form {
    Json,
    Text,
}

impl Error {
    /// As JSON, whatever the client accepts.
    pub(crate) fn into_json_response(self, ctx: &Context) {
        self.log(ctx);
        self.write_as(Form::Json, ctx);
        ctx.fail();
    }

    /// In the form that the client accepts.
    pub(crate) fn write(&self, ctx: &Context) {
        ctx.vary_by("Accept");
        let form = match accepts_json(ctx) {
            true => Form::Json,
            false => Form::Text,
        };
        self.write_as(form, ctx);
    }

    fn write_as(&self, form: Form, ctx: &Context) {
        self.begin(ctx);
        let rules = &ctx.0.core.errors;
        if rules.write_page(ctx, self) {
            if ctx.0.reply.content_type.get() != ContentType::None {
                return;
            }
        } else {
            self.begin(ctx); // what it wrote before it panicked does not count
        }
        if form == Form::Text {
            return ctx.text(self.message());
        }
        let body = Body {
            error: self.status().canonical_reason().unwrap_or("Error"),
            message: self.message(),
            code: &self.code(),
        };
        if ctx.json(&body).is_err() {
            ctx.text(self.message()); // three strings always serialise
        }
    }

    /// Everything but the body.
    fn begin(&self, ctx: &Context) {
        ctx.clear_content();
        ctx.clear_freshness();
        ctx.set_status(self.status());
        for (name, value) in &self.0.headers {
            ctx.set_header(name, value);
        }
    }

    /// What the client is not told, somebody must be.
    fn log(&self, ctx: &Context) {
        let (method, path) = (ctx.method(), ctx.path()); // a query may hold secrets
        // A method that nobody knows is the client's idea (RFC 9110 §15.6.2).
        let status = self.status();
        if status.is_server_error() && status != StatusCode::NOT_IMPLEMENTED {
            tracing::error!(%method, path, error = ?self, "a request failed");
        } else if self.source().is_some() || status.is_server_error() {
            tracing::debug!(%method, path, error = ?self, "a request was refused");
        }
    }
}

/// Whether `Accept` names JSON itself. `*/*` does not: people at a terminal send that.
fn accepts_json(ctx: &Context) -> bool {
    media_ranges(ctx.header_values("Accept")).any(|(range, weight)| range.is_json() && weight > 0)
}
