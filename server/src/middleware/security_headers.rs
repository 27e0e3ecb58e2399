//! Headers that tell browsers to be careful.

use std::borrow::Cow;

use super::Middleware;
use crate::server::Problem;
use crate::{Builder, Context, ResponseHeaders};

/// Sets the headers that make browsers stricter than the standards ask, on every answer;
/// `Strict-Transport-Security` only where the client came by `https`
/// ([`client_scheme`](Context::client_scheme)): on other connections it must not be sent
/// (RFC 6797 §7.2).
///
/// | header | value |
/// |---|---|
/// | `X-Content-Type-Options` | `nosniff` (WHATWG Fetch) |
/// | `X-Frame-Options` | `DENY` (RFC 7034) |
/// | `X-XSS-Protection` | `0`: the filter it named did harm, and is gone from browsers |
/// | `Referrer-Policy` | `strict-origin-when-cross-origin` |
/// | `Strict-Transport-Security` | `max-age=31536000; includeSubDomains` (RFC 6797, over TLS) |
/// | `Content-Security-Policy` | `default-src 'self'` |
///
/// ```
/// use ringlane::middleware::SecurityHeaders;
/// use ringlane::{Server, testing::Client};
///
/// let headers = SecurityHeaders::new()
///     .set("X-Frame-Options", "SAMEORIGIN")
///     .without("X-XSS-Protection");
/// let server = Server::builder().with(headers).get("/", |_| "framed").build()?;
/// let answer = Client::new(server)?.get("/").send()?;
/// assert_eq!(answer.header("x-frame-options"), Some("SAMEORIGIN"));
/// assert_eq!(answer.header("x-xss-protection"), None);
/// # Ok::<(), ringlane::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct SecurityHeaders {
    headers: Vec<(Cow<'static, str>, Cow<'static, str>)>,
}

const OF_HTTPS: &str = "Strict-Transport-Security";

const USUAL: [(&str, &str); 6] = [
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("X-XSS-Protection", "0"),
    ("Referrer-Policy", "strict-origin-when-cross-origin"),
    (OF_HTTPS, "max-age=31536000; includeSubDomains"),
    ("Content-Security-Policy", "default-src 'self'"),
];

impl SecurityHeaders {
    /// Those of the table.
    pub fn new() -> Self {
        let usual = USUAL.map(|(name, value)| (name.into(), value.into()));
        Self {
            headers: usual.into(),
        }
    }

    /// Sets another value, or another header. What is no header is an error of
    /// [`build`](Builder::build) that names it.
    pub fn set(
        mut self,
        name: impl Into<Cow<'static, str>>,
        value: impl Into<Cow<'static, str>>,
    ) -> Self {
        let name = name.into();
        self = self.without(&name);
        self.headers.push((name, value.into()));
        self
    }

    /// Leaves a header out.
    pub fn without(mut self, name: &str) -> Self {
        self.headers
            .retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self
    }
}

impl Default for SecurityHeaders {
    fn default() -> Self {
        Self::new()
    }
}

impl Middleware for SecurityHeaders {
    fn install<S>(self, mut scope: Builder<S>) -> Builder<S> {
        let (mut prepared, mut of_https) = (ResponseHeaders::new(), ResponseHeaders::new());
        for (name, value) in &self.headers {
            let prepared = match name.eq_ignore_ascii_case(OF_HTTPS) {
                true => &mut of_https,
                false => &mut prepared,
            };
            if let Err(error) = prepared.set(name, value.as_bytes()) {
                let name = name.clone().into_owned();
                scope.scope.problems.push(Problem::Header { name, error });
            }
        }
        scope.before(move |ctx: &Context| {
            ctx.set_headers(&prepared);
            if !of_https.is_empty() && ctx.client_scheme() == "https" {
                ctx.set_headers(&of_https);
            }
        })
    }
}
