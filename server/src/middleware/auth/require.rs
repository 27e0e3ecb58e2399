//! Permissions: which of those who are known may pass.

use std::marker::PhantomData;

use super::Refusal;
use super::refusal::Challenge;
use crate::middleware::Middleware;
use crate::{Builder, Context, Flow};

/// Lets requests pass whose identity, stored by a layer around this one, has what is needed. Others
/// get a 403 that names the scope (RFC 6750 §3.1), and those without an identity a 401.
///
/// ```
/// use ringlane::middleware::auth::Require;
/// use ringlane::{Context, Server, testing::Client};
///
/// struct User { groups: Vec<&'static str> }
///
/// let server = Server::builder()
///     .before(|ctx: &Context| { ctx.insert(User { groups: vec!["staff"] }); }) // or `Bearer`
///     .group("/payroll", |routes| {
///         let hr = Require::new("hr", |user: &User| user.groups.contains(&"hr"));
///         routes.with(hr).get("/", |_| "secret")
///     })
///     .build()?;
/// let answer = Client::new(server)?.get("/payroll").send()?;
/// assert_eq!(answer.status(), 403);
/// let challenge = r#"Bearer error="insufficient_scope", scope="hr""#;
/// assert_eq!(answer.header("www-authenticate"), Some(challenge));
/// # Ok::<(), ringlane::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Require<T, F> {
    scope: String,
    check: F,
    challenge: Challenge,
    identity: PhantomData<fn(&T)>,
}

impl<T: 'static, F: Fn(&T) -> bool + Send + Sync + 'static> Require<T, F> {
    /// What is needed, as clients know it (names separated by spaces), and whether someone has it.
    pub fn new(scope: impl Into<String>, check: F) -> Self {
        Self {
            scope: scope.into(),
            check,
            challenge: Challenge::bearer(),
            identity: PhantomData,
        }
    }

    /// Names what is protected, as [`Bearer::realm`](super::Bearer::realm).
    pub fn realm(mut self, realm: &str) -> Self {
        self.challenge = Challenge::bearer().with_realm(realm);
        self
    }

    fn apply(&self, ctx: &Context) -> Flow {
        let refusal = match ctx.get::<T>() {
            Some(identity) if (self.check)(identity) => return Flow::Continue,
            Some(_) => Refusal::insufficient_scope(self.scope.clone()),
            None => Refusal::missing(),
        };
        self.challenge.refuse(refusal, ctx);
        Flow::Stop
    }
}

impl<T: 'static, F: Fn(&T) -> bool + Send + Sync + 'static> Middleware for Require<T, F> {
    fn install<S>(self, scope: Builder<S>) -> Builder<S> {
        scope.before(move |ctx: &Context| self.apply(ctx))
    }
}
