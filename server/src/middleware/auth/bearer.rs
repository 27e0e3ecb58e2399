//! Bearer tokens (RFC 6750): whoever has one is let in.

use super::refusal::Challenge;
use super::{Refusal, credential};
use crate::middleware::Middleware;
use crate::{Builder, Context, Flow};

/// Lets requests pass whose `Authorization: Bearer` token a [`Verifier`] accepts, and stores what
/// the verifier made of it with the request.
///
/// A token is looked for in the header alone: in a form or a query it would end up in logs
/// (RFC 6750 §5.3). Verifying is synchronous; see [`Refusal`] for a layer that has to wait.
///
/// ```
/// use ringlane::middleware::auth::{Bearer, Refusal};
/// use ringlane::{Context, Server};
///
/// struct Account(u64);
///
/// let verify = |_: &Context, token: &str| {
///     let number = token.strip_prefix("account-").and_then(|rest| rest.parse().ok());
///     number.map(Account).ok_or_else(|| Refusal::invalid_token("the token is unknown"))
/// };
/// let server = Server::builder()
///     .with(Bearer::new(verify).realm("accounts"))
///     .get("/", |ctx: Context| ctx.get::<Account>().map(|account| account.0.to_string()))
///     .build()?;
/// # Ok::<(), ringlane::BuildError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Bearer<V> {
    verifier: V,
    challenge: Challenge,
    is_optional: bool,
}

/// Makes an identity of a token, or refuses it. Functions of `(&Context, &str)` are verifiers, and
/// so is `Jwt`, where the feature `jwt` is on.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not verify tokens",
    label = "not a verifier",
    note = "verifiers are functions `fn(&Context, &str) -> Result<T, Refusal>`, `Jwt<C>`, and implementations of `Verifier`"
)]
pub trait Verifier: Send + Sync + 'static {
    /// What the request is known by from then on.
    type Identity: 'static;

    /// Verifies a token. Compare secrets in constant time, as the crate `subtle` does.
    ///
    /// # Errors
    ///
    /// Why the request is refused.
    fn verify(&self, ctx: &Context, token: &str) -> Result<Self::Identity, Refusal>;
}

impl<F, T: 'static> Verifier for F
where
    F: Fn(&Context, &str) -> Result<T, Refusal> + Send + Sync + 'static,
{
    type Identity = T;

    fn verify(&self, ctx: &Context, token: &str) -> Result<T, Refusal> {
        self(ctx, token)
    }
}

impl<V: Verifier> Bearer<V> {
    /// Without a realm. Every request must have a token.
    pub fn new(verifier: V) -> Self {
        Self {
            verifier,
            challenge: Challenge::bearer(),
            is_optional: false,
        }
    }

    /// Names what is protected, for people to read. Quotes and what is no printable ASCII are
    /// replaced.
    pub fn realm(mut self, realm: &str) -> Self {
        self.challenge = Challenge::bearer().with_realm(realm);
        self
    }

    /// Lets requests without a token pass, too: they have no identity. A token that is refused is
    /// still refused.
    pub fn optional(mut self) -> Self {
        self.is_optional = true;
        self
    }

    fn apply(&self, ctx: &Context) -> Flow {
        let verified = match Bearer::token(ctx) {
            Err(_) if self.is_optional && ctx.header_bytes("Authorization").is_none() => {
                return Flow::Continue;
            }
            token => token.and_then(|token| self.verifier.verify(ctx, token)),
        };
        match verified {
            Ok(identity) => {
                ctx.insert(identity);
                Flow::Continue
            }
            Err(refusal) => {
                self.challenge.refuse(refusal, ctx);
                Flow::Stop
            }
        }
    }
}

impl Bearer<()> {
    /// The token that a request carries.
    ///
    /// # Errors
    ///
    /// [`Refusal::missing`] if it has none, [`Refusal::invalid_request`] if it is malformed or
    /// there are two.
    pub fn token(ctx: &Context) -> Result<&str, Refusal> {
        credential(ctx, "Bearer")
    }
}

impl<V: Verifier> Middleware for Bearer<V> {
    fn install<S>(self, scope: Builder<S>) -> Builder<S> {
        scope.before(move |ctx: &Context| self.apply(ctx))
    }
}
