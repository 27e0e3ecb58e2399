//! Names and passwords (RFC 7617), to be used over TLS only: they are sent as they are.
//!
//! Always true here:
//! - Credentials are decoded on the stack; those that have no room there are refused.
//! - Which part of them was wrong, neither the answer nor its time tells.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

use super::refusal::Challenge;
use super::{Refusal, credential};
use crate::middleware::Middleware;
use crate::{Builder, Context, Flow};

/// A name, a colon and a password together. Longer ones are refused.
const CREDENTIALS_BYTES_MAX: usize = 1024;
/// A name or a password in a list.
const LISTED_BYTES_MAX: usize = 256;
/// Users in a list: all of them are compared for each request.
const USERS_MAX: usize = 64;

/// Lets requests pass whose name and password a [`BasicVerifier`] accepts, and stores what the
/// verifier made of them with the request.
///
/// For a few users there is a list; for more, or for passwords that are kept as hashes, write a
/// verifier. A slow hash belongs to [`blocking`](crate::blocking()) work, hence into a layer of
/// your own.
///
/// ```
/// use ringlane::middleware::auth::{Basic, User};
/// use ringlane::{Context, Server, testing::Client};
///
/// let server = Server::builder()
///     .with(Basic::users("metrics", [("ferris", "crab")]))
///     .get("/", |ctx: Context| ctx.get::<User>().map(|user| user.name().to_owned()))
///     .build()?;
/// let mut client = Client::new(server)?;
/// let answer = client.get("/").send()?;
/// assert_eq!(answer.status(), 401);
/// let challenge = r#"Basic realm="metrics", charset="UTF-8""#;
/// assert_eq!(answer.header("www-authenticate"), Some(challenge));
/// let answer = client.get("/").header("Authorization", "Basic ZmVycmlzOmNyYWI=").send()?;
/// assert_eq!(answer.text(), "ferris");
/// # Ok::<(), ringlane::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Basic<V> {
    verifier: V,
    challenge: Challenge,
}

/// Makes an identity of a name and a password, or refuses them. Functions of
/// `(&Context, &str, &str)` are such verifiers.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not verify passwords",
    label = "not a verifier",
    note = "verifiers are functions `fn(&Context, &str, &str) -> Result<T, Refusal>` of a name and a password, `Users`, and implementations of `BasicVerifier`"
)]
pub trait BasicVerifier: Send + Sync + 'static {
    /// What the request is known by from then on.
    type Identity: 'static;

    /// Verifies a name and a password. Compare in constant time, as the crate `subtle` does.
    ///
    /// # Errors
    ///
    /// Why the request is refused. Clients learn no more than that it is; the log has the reason,
    /// at DEBUG, so leave the password out of it. An [`Error`](crate::Error) is answered as it is.
    fn verify(&self, ctx: &Context, name: &str, password: &str) -> Result<Self::Identity, Refusal>;
}

impl<F, T: 'static> BasicVerifier for F
where
    F: Fn(&Context, &str, &str) -> Result<T, Refusal> + Send + Sync + 'static,
{
    type Identity = T;

    fn verify(&self, ctx: &Context, name: &str, password: &str) -> Result<T, Refusal> {
        self(ctx, name, password)
    }
}

impl<V: BasicVerifier> Basic<V> {
    /// For a realm, whose name people are shown when they are asked for the password. Quotes in it
    /// and what is no printable ASCII are replaced.
    pub fn new(realm: &str, verifier: V) -> Self {
        Self {
            verifier,
            challenge: Challenge::basic(realm),
        }
    }

    fn verify(&self, ctx: &Context) -> Result<V::Identity, Refusal> {
        let malformed = || Refusal::invalid_request("the credentials are malformed");
        let encoded = credential(ctx, "Basic")?;
        let mut decoded = [0; CREDENTIALS_BYTES_MAX];
        // RFC 7617 §2: up to the first colon it is the name; controls are in neither part.
        let len = STANDARD.decode_slice(encoded, &mut decoded);
        let len = len.map_err(|_| malformed())?;
        let text = str::from_utf8(decoded.get(..len).unwrap_or_default());
        let text = text.map_err(|_| malformed())?;
        if text.chars().any(char::is_control) {
            return Err(malformed());
        }
        let (name, password) = text.split_once(':').ok_or_else(malformed)?;
        self.verifier.verify(ctx, name, password)
    }

    fn apply(&self, ctx: &Context) -> Flow {
        match self.verify(ctx) {
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

impl Basic<Users> {
    /// For a list of names and passwords, each of 256 bytes at most; up to 64 of them.
    ///
    /// # Panics
    ///
    /// If there are more, or one of them is longer.
    pub fn users<N: AsRef<str>, P: AsRef<str>>(
        realm: &str,
        users: impl IntoIterator<Item = (N, P)>,
    ) -> Self {
        let users = users
            .into_iter()
            .map(|(name, password)| Listed {
                name: Padded::new(name.as_ref()).expect("a name has 256 bytes at most"),
                password: Padded::new(password.as_ref()).expect("a password has 256 bytes at most"),
                user: User(name.as_ref().into()),
            })
            .collect::<Vec<_>>();
        assert!(users.len() <= USERS_MAX, "a list has 64 users at most");
        Self::new(realm, Users(users))
    }
}

impl<V: BasicVerifier> Middleware for Basic<V> {
    fn install<S>(self, scope: Builder<S>) -> Builder<S> {
        scope.before(move |ctx: &Context| self.apply(ctx))
    }
}

/// Names and passwords; made by [`Basic::users`].
#[derive(Clone)]
pub struct Users(Vec<Listed>);

/// Someone of a list: what [`Basic::users`] stores with the request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct User(Box<str>);

impl User {
    /// The name.
    pub fn name(&self) -> &str {
        &self.0
    }
}

#[derive(Clone)]
struct Listed {
    name: Padded,
    password: Padded,
    user: User,
}

/// Text of any length, compared at full length.
#[derive(Clone)]
struct Padded {
    bytes: [u8; LISTED_BYTES_MAX],
    len: u64,
}

impl Padded {
    fn new(text: &str) -> Option<Self> {
        let mut bytes = [0; LISTED_BYTES_MAX];
        bytes
            .get_mut(..text.len())?
            .copy_from_slice(text.as_bytes());
        let len = text.len() as u64;
        Some(Self { bytes, len })
    }

    fn equals(&self, other: &Self) -> Choice {
        self.bytes.ct_eq(&other.bytes) & self.len.ct_eq(&other.len)
    }
}

impl BasicVerifier for Users {
    type Identity = User;

    fn verify(&self, _: &Context, name: &str, password: &str) -> Result<User, Refusal> {
        const NOBODY: u32 = u32::MAX;
        let wrong = || Refusal::invalid_token("the name or the password is wrong");
        let name = Padded::new(name).ok_or_else(wrong)?;
        let password = Padded::new(password).ok_or_else(wrong)?;
        let mut found = NOBODY;
        for (index, listed) in (0..NOBODY).zip(&self.0) {
            let is_it = listed.name.equals(&name) & listed.password.equals(&password);
            found.conditional_assign(&index, is_it);
        }
        let found = usize::try_from(found).ok().and_then(|at| self.0.get(at));
        found.map(|listed| listed.user.clone()).ok_or_else(wrong)
    }
}

impl fmt::Debug for Users {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.0.iter().map(|listed| &listed.user))
            .finish()
    }
}
