//! Why a request is refused, and how that is said.
//!
//! Always true here:
//! - A header of the answer holds no character that its grammar forbids, whatever the reason says.
//! - Where the scheme does not tell errors, neither does the body: the log has the reason.

use std::borrow::Cow;
use std::fmt::Write;

use crate::{Context, Error, IntoResponse, StatusCode};

/// Why a verifier refuses a request, in the terms of RFC 6750 §3.1.
///
/// | | status | `error` |
/// |---|---|---|
/// | [`missing`](Self::missing) | 401 | none: the client may not have known |
/// | [`invalid_request`](Self::invalid_request) | 401 | `invalid_request` |
/// | [`invalid_token`](Self::invalid_token) | 401 | `invalid_token` |
/// | [`insufficient_scope`](Self::insufficient_scope) | 403 | `insufficient_scope`, and which |
///
/// Any other answer is an [`Error`], which becomes a refusal by `?` or `.into()`: a 503 if what
/// verifies cannot be reached. RFC 6750 proposes 400 for `invalid_request`; it is 401 here, since
/// credentials that cannot be read are none (RFC 9110 §11.6.2), and the client is told what to
/// send. `Basic` has no `error`: there `invalid_request` and `invalid_token` are the same 401,
/// which says nothing more, and the reason is logged at DEBUG.
///
/// As a response it is what [`Bearer`](super::Bearer) without a realm answers. So an asynchronous
/// layer of your own can say the same:
///
/// ```
/// use ringlane::middleware::auth::{Bearer, Refusal};
/// use ringlane::{Context, Next, Outcome};
///
/// # struct User;
/// # async fn look_up(_: String) -> Option<User> { None }
/// async fn authenticate(ctx: Context, next: Next) -> Result<Outcome, Refusal> {
///     let token = Bearer::token(&ctx)?.to_owned();
///     let user = look_up(token).await;
///     ctx.insert(user.ok_or_else(|| Refusal::invalid_token("the token is unknown"))?);
///     Ok(next.run(&ctx).await)
/// }
/// ```
#[derive(Debug)]
pub struct Refusal(Kind);

type Text = Cow<'static, str>;

#[derive(Debug)]
enum Kind {
    Missing,
    InvalidRequest(Text),
    InvalidToken(Text),
    InsufficientScope(Text),
    Other(Error),
}

impl Refusal {
    /// There are no credentials, or those of a scheme that is not asked for.
    pub fn missing() -> Self {
        Self(Kind::Missing)
    }

    /// The credentials are not what can be verified at all.
    pub fn invalid_request(why: impl Into<Text>) -> Self {
        Self(Kind::InvalidRequest(why.into()))
    }

    /// The credentials are wrong, or no longer right. Clients of [`Bearer`](super::Bearer) are told
    /// why.
    pub fn invalid_token(why: impl Into<Text>) -> Self {
        Self(Kind::InvalidToken(why.into()))
    }

    /// They are right, and not enough: which scopes are needed, separated by spaces.
    pub fn insufficient_scope(scope: impl Into<Text>) -> Self {
        Self(Kind::InsufficientScope(scope.into()))
    }

    /// What the client is answered. If it is not told why, the log is.
    fn error(self, tells_why: bool) -> Error {
        let (status, code, message) = match self.0 {
            Kind::Missing => (401, "UNAUTHORIZED", "credentials are needed".into()),
            Kind::InvalidRequest(why) | Kind::InvalidToken(why) if !tells_why => {
                return Error::new(401, "the credentials are refused").with_source(why);
            }
            Kind::InvalidRequest(why) => (401, "INVALID_REQUEST", why),
            Kind::InvalidToken(why) => (401, "INVALID_TOKEN", why),
            Kind::InsufficientScope(_) => {
                let message = "more permissions are needed".into();
                (403, "INSUFFICIENT_SCOPE", message)
            }
            Kind::Other(error) => return error,
        };
        Error::new(status, message).with_code(code)
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self(Kind::Other(error))
    }
}

impl IntoResponse for Refusal {
    fn into_response(self, ctx: &Context) {
        Challenge::bearer().refuse(self, ctx);
    }
}

/// What a layer asks for: its scheme, and where.
#[derive(Clone, Debug)]
pub(super) struct Challenge {
    /// The scheme and the parameters that are always the same.
    text: String,
    has_parameters: bool,
    /// The scheme has parameters for what is wrong.
    tells_errors: bool,
}

impl Challenge {
    pub(super) fn bearer() -> Self {
        Self {
            text: "Bearer".to_owned(),
            has_parameters: false,
            tells_errors: true,
        }
    }

    /// RFC 7617 §2 and §2.1: the realm is required, and the text is UTF-8.
    pub(super) fn basic(realm: &str) -> Self {
        let challenge = Self {
            text: "Basic".to_owned(),
            has_parameters: false,
            tells_errors: false,
        };
        challenge
            .with("realm", &quotable(realm))
            .with("charset", "UTF-8")
    }

    pub(super) fn with_realm(self, realm: &str) -> Self {
        self.with("realm", &quotable(realm))
    }

    fn with(mut self, name: &str, value: &str) -> Self {
        let separator = if self.has_parameters { "," } else { "" };
        // Writing to a String does not fail.
        let _ = write!(self.text, "{separator} {name}=\"{value}\"");
        self.has_parameters = true;
        self
    }

    /// Answers a request that is refused.
    #[cold]
    pub(super) fn refuse(&self, refusal: Refusal, ctx: &Context) {
        let full = match &refusal.0 {
            Kind::Other(_) => return refusal.error(self.tells_errors).into_response(ctx),
            Kind::InsufficientScope(_) if !self.tells_errors => {
                return refusal.error(false).into_response(ctx);
            }
            Kind::InvalidRequest(why) if self.tells_errors => {
                self.clone()
                    .error("invalid_request", "error_description", why)
            }
            Kind::InvalidToken(why) if self.tells_errors => {
                self.clone()
                    .error("invalid_token", "error_description", why)
            }
            Kind::InsufficientScope(scope) => {
                self.clone().error("insufficient_scope", "scope", scope)
            }
            Kind::Missing | Kind::InvalidRequest(_) | Kind::InvalidToken(_) => self.clone(),
        };
        ctx.set_header("WWW-Authenticate", &full.text);
        let error = refusal.error(self.tells_errors);
        debug_assert_ne!(error.status(), StatusCode::OK, "a refusal is no answer");
        error.into_response(ctx);
    }

    fn error(self, error: &str, name: &str, value: &str) -> Self {
        self.with("error", error).with(name, &quotable(value))
    }
}

/// Replaces what RFC 6750 §3 does not let stand within quotes.
fn quotable(text: &str) -> String {
    let fit = |letter: char| match letter {
        '"' | '\\' => '\'',
        ' '..='~' => letter,
        _ => '?',
    };
    text.chars().map(fit).collect()
}
