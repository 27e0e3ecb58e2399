//! Answers to what is no request: malformed heads, heads that do not come, one connection too many.
//!
//! Always true here:
//! - The connection ends after each of them; the client gets time to read it.
//!
//! Not here: errors of requests that have a Context (`error.rs`, `verdict.rs`).

use ringlane_protocol::{
    ParseError, ResponseBody, ResponseHead, ResponseHeaders, StatusCode, Version,
};
use ringlane_reactor::{Intent, Io};

use super::HttpCore;
use crate::core::ContentType;

/// When a client that was refused may try again, in seconds.
const RETRY_AFTER: &str = "1";

impl HttpCore {
    #[cold]
    pub(super) fn refuse_head(&mut self, error: ParseError, io: &mut Io<'_>) -> Intent {
        tracing::debug!(%error, "a request was malformed");
        self.core.counts.heads_refused.add();
        self.refuse(error.status(), &error.to_string(), &[], io)
    }

    #[cold]
    pub(super) fn refuse_slow_head(&mut self, io: &mut Io<'_>) -> Intent {
        self.core.counts.heads_refused.add();
        self.core.counts.head_timeouts.add();
        let message = "the request did not arrive in time";
        self.refuse(StatusCode::REQUEST_TIMEOUT, message, &[], io)
    }

    #[cold]
    pub(super) fn refuse_connection(&mut self, io: &mut Io<'_>) -> Intent {
        let message = "too many connections";
        let headers = [("Retry-After", RETRY_AFTER)];
        self.refuse(StatusCode::SERVICE_UNAVAILABLE, message, &headers, io)
    }

    fn refuse(
        &mut self,
        status: StatusCode,
        message: &str,
        more: &[(&str, &str)],
        io: &mut Io<'_>,
    ) -> Intent {
        self.own.set_time(io.unix_seconds);
        let mut headers = ResponseHeaders::new();
        for (name, value) in more {
            let set = headers.set(name, value);
            debug_assert_eq!(set, Ok(()), "our own headers are valid");
        }
        let head = ResponseHead {
            status,
            headers: &headers,
            content_type: ContentType::Text.value(),
            body: ResponseBody::Length(message.len() as u64),
            version: Version::HTTP_11,
            head_request: false,
            keep_alive: false,
            own: &self.own,
            upgrade: None,
        };
        head.write(io.output.buffer());
        io.output.buffer().extend_from_slice(message.as_bytes());
        Intent::Linger
    }
}
