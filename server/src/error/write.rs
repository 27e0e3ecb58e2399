//! How an error is written on a Context, and logged.

use serde::Serialize;

use super::Error;
use crate::{Context, IntoResponse};

#[derive(Serialize)]
struct Body<'a> {
    error: &'a str,
    message: &'a str,
    code: &'a str,
}

impl IntoResponse for Error {
    fn into_response(self, ctx: &Context) {
        self.log(ctx);
        self.write(ctx);
        ctx.fail();
    }
}

impl Error {
    /// As JSON, whatever the client accepts.
    pub(crate) fn into_json_response(self, ctx: &Context) {
        self.log(ctx);
        self.write_json(ctx);
        ctx.fail();
    }

    pub(crate) fn write(&self, ctx: &Context) {
        if accepts_json(ctx) {
            return self.write_json(ctx);
        }
        ctx.clear_content();
        ctx.set_status(self.status());
        ctx.text(self.message());
    }

    fn write_json(&self, ctx: &Context) {
        ctx.clear_content();
        ctx.set_status(self.status());
        let body = Body {
            error: self.status().canonical_reason().unwrap_or("Error"),
            message: self.message(),
            code: &self.code(),
        };
        if ctx.json(&body).is_err() {
            ctx.text(self.message()); // three strings always serialise
        }
    }

    /// What the client is not told, somebody must be.
    fn log(&self, ctx: &Context) {
        let (method, target) = (ctx.method(), ctx.target());
        if self.status().is_server_error() {
            tracing::error!(%method, target, error = ?self, "a request failed");
        } else if self.source().is_some() {
            tracing::debug!(%method, target, error = ?self, "a request was refused");
        }
    }
}

/// Whether `Accept` names JSON itself. `*/*` does not: people at a terminal send that.
fn accepts_json(ctx: &Context) -> bool {
    let Some(accept) = ctx.header("Accept") else {
        return false;
    };
    accept.split(',').any(|range| {
        let mut parts = range.split(';').map(str::trim);
        let kind = parts.next().unwrap_or_default();
        let is_json =
            kind.eq_ignore_ascii_case("application/json") || ends_with_json(kind.as_bytes());
        // RFC 9110 §12.4.2: a weight of zero means "not acceptable".
        is_json
            && !parts
                .any(|part| part.starts_with("q=0") && !part.contains(|c| matches!(c, '1'..='9')))
    })
}

/// RFC 6839 §3.1: the structured syntax suffix, as in `application/problem+json`.
fn ends_with_json(kind: &[u8]) -> bool {
    const SUFFIX: &[u8] = b"+json";
    kind.len() > SUFFIX.len() && kind[kind.len() - SUFFIX.len()..].eq_ignore_ascii_case(SUFFIX)
}
