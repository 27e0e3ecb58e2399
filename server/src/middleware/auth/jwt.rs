//! JSON Web Tokens (RFC 7519): claims that someone else has signed.
//!
//! Always true here:
//! - A token is verified with the algorithm of the key, never with one that the token chose alone.
//! - Claims that were asked for (`exp`, and `iss` and `aud` where they are set) must be there.
//!
//! Not here: keys (`jwt/key.rs`); signatures and claims are checked by `jsonwebtoken`.

mod key;

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Header, Validation};
use serde::de::DeserializeOwned;

use super::{Refusal, Verifier};
use crate::Context;

pub use key::{Algorithm, Key, KeyError};

/// Keys of one verifier: a token without a key's id may have to be tried with each.
const KEYS_MAX: usize = 32;
/// How far clocks may differ.
const LEEWAY_MAX: Duration = Duration::from_secs(3600);

/// Verifies tokens for [`Bearer`](super::Bearer), and gives their claims as a type of yours.
///
/// Checked are the signature; `exp`, which must be there; `nbf`, if it is there; `iss` and `aud`,
/// which must be there if they are [set](Self::issuer). A token that is meant for an audience is
/// refused where [none is set](Self::audience) (RFC 7519 §4.1.3), and one with headers that it
/// calls critical is, too (RFC 7515 §4.1.11). Time is the system's clock.
///
/// ```
/// use ringlane::middleware::auth::{Algorithm, Bearer, Jwt, Key};
/// use ringlane::{Context, Result, Server};
///
/// #[derive(serde::Deserialize)]
/// struct Claims { sub: String }
///
/// fn whoami(ctx: Context) -> Option<String> {
///     ctx.get::<Claims>().map(|claims| claims.sub.clone())
/// }
///
/// fn server(secret: &[u8]) -> Result<Server> {
///     let key = Key::secret(Algorithm::Hs256, secret)?;
///     let tokens = Jwt::<Claims>::new(key).issuer("https://id.example.org").audience("api");
///     Ok(Server::builder().with(Bearer::new(tokens)).get("/", whoami).build()?)
/// }
/// # assert!(server(&[7; 32]).is_ok());
/// ```
pub struct Jwt<C> {
    candidates: Vec<Candidate>,
    /// What all keys have in common.
    validation: Validation,
    claims: PhantomData<fn() -> C>,
}

/// A key, and what is checked with it.
struct Candidate {
    key: Key,
    validation: Validation,
}

impl<C: DeserializeOwned + 'static> Jwt<C> {
    /// With one key, or several, such as those of a [JWK set](Key::jwk_set).
    ///
    /// A key with an id verifies only tokens that name it, or name none.
    ///
    /// # Panics
    ///
    /// With more than 32 keys.
    pub fn new(keys: impl Into<Vec<Key>>) -> Self {
        let keys: Vec<Key> = keys.into();
        assert!(keys.len() <= KEYS_MAX, "a verifier has 32 keys at most");
        let validation = Validation {
            validate_nbf: true,
            ..Validation::default()
        };
        let of = |key: Key| Candidate {
            validation: of_key(&validation, &key),
            key,
        };
        Self {
            candidates: keys.into_iter().map(of).collect(),
            validation,
            claims: PhantomData,
        }
    }

    /// Accepts tokens of this issuer, and of others that are set, and no more of those that name
    /// none.
    pub fn issuer(self, name: &str) -> Self {
        self.set(|validation| {
            let issuers = validation.iss.get_or_insert_default();
            issuers.insert(name.to_owned());
            validation.required_spec_claims.insert("iss".to_owned());
        })
    }

    /// Accepts tokens for this audience, and for others that are set, and no more of those that
    /// name none.
    pub fn audience(self, name: &str) -> Self {
        self.set(|validation| {
            let audiences = validation.aud.get_or_insert_default();
            audiences.insert(name.to_owned());
            validation.required_spec_claims.insert("aud".to_owned());
        })
    }

    /// How far the clock of who signs may differ from ours, in whole seconds. Default 1 min, up to
    /// 1 h; more is 1 h.
    pub fn leeway(self, time: Duration) -> Self {
        self.set(|validation| validation.leeway = time.min(LEEWAY_MAX).as_secs())
    }

    fn set(mut self, change: impl FnOnce(&mut Validation)) -> Self {
        change(&mut self.validation);
        for candidate in &mut self.candidates {
            candidate.validation = of_key(&self.validation, &candidate.key);
        }
        self
    }

    fn decode(&self, token: &str) -> Result<C, Refusal> {
        let header = jsonwebtoken::decode_header(token).map_err(|error| refusal(error.kind()))?;
        if header.crit.is_some() {
            return Err(Refusal::invalid_token(
                "the token has unknown critical headers",
            ));
        }
        let mut failure = ErrorKind::InvalidAlgorithm;
        for Candidate { key, validation } in &self.candidates {
            if !is_for(key, &header) {
                continue;
            }
            match jsonwebtoken::decode(token, key.decoding(), validation) {
                Ok(token) => return Ok(token.claims),
                Err(error) => match error.into_kind() {
                    // Another key may have signed it.
                    ErrorKind::InvalidSignature => failure = ErrorKind::InvalidSignature,
                    other => return Err(refusal(&other)),
                },
            }
        }
        Err(refusal(&failure))
    }
}

fn of_key(common: &Validation, key: &Key) -> Validation {
    Validation {
        algorithms: vec![key.algorithm().known()],
        ..common.clone()
    }
}

fn is_for(key: &Key, header: &Header) -> bool {
    let is_named = match (key.id(), &header.kid) {
        (Some(id), Some(named)) => id == named,
        (None, _) | (_, None) => true,
    };
    is_named && key.algorithm().known() == header.alg
}

/// What the client is told.
fn refusal(error: &ErrorKind) -> Refusal {
    Refusal::invalid_token(match error {
        ErrorKind::ExpiredSignature => "the token has expired",
        ErrorKind::ImmatureSignature => "the token is not valid yet",
        ErrorKind::InvalidSignature => "the token's signature is wrong",
        ErrorKind::InvalidAlgorithm => "the token is signed with a key that is unknown here",
        ErrorKind::InvalidAudience => "the token is for another audience",
        ErrorKind::InvalidIssuer => "the token is from another issuer",
        ErrorKind::MissingRequiredClaim(_) | ErrorKind::InvalidClaimFormat(_) => {
            "the token lacks a claim"
        }
        _ => "the token is malformed",
    })
}

impl<C: DeserializeOwned + 'static> Verifier for Jwt<C> {
    type Identity = C;

    fn verify(&self, _: &Context, token: &str) -> Result<C, Refusal> {
        self.decode(token)
    }
}

impl<C> fmt::Debug for Jwt<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jwt")
            .field("keys", &self.candidates.len())
            .field("validation", &self.validation)
            .finish_non_exhaustive()
    }
}
