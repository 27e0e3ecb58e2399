//! Who is asking: bearer tokens, passwords, and JSON Web Tokens.
//!
//! A layer takes the credentials out of `Authorization`, has them verified, and stores what the
//! verifier made of them with the request, where [`Context::get`] finds it by its type: make that a
//! type of your own. Everyone else gets a 401 with a challenge, and never reaches what is below.
//!
//! ```
//! use ringlane::middleware::auth::{Bearer, Refusal, Require};
//! use ringlane::{Context, Server, testing::Client};
//!
//! struct User { name: &'static str, is_admin: bool }
//!
//! fn verify(_: &Context, token: &str) -> Result<User, Refusal> {
//!     match token {
//!         "s3cret" => Ok(User { name: "ferris", is_admin: false }),
//!         _ => Err(Refusal::invalid_token("the token is unknown")),
//!     }
//! }
//!
//! let server = Server::builder()
//!     .group("/api", |routes| {
//!         routes
//!             .with(Bearer::new(verify))
//!             .get("/me", |ctx: Context| ctx.get::<User>().map(|user| user.name.to_owned()))
//!             .group("/admin", |routes| {
//!                 let admins = Require::new("admin", |user: &User| user.is_admin);
//!                 routes.with(admins).get("/", |_| "hello, admin")
//!             })
//!     })
//!     .build()?;
//! let mut client = Client::new(server)?;
//! let answer = client.get("/api/me").header("Authorization", "Bearer s3cret").send()?;
//! assert_eq!(answer.text(), "ferris");
//! let answer = client.get("/api/me").header("Authorization", "Bearer guess").send()?;
//! assert_eq!(answer.status(), 401);
//! let challenge = r#"Bearer error="invalid_token", error_description="the token is unknown""#;
//! assert_eq!(answer.header("www-authenticate"), Some(challenge));
//! let answer = client.get("/api/admin").header("Authorization", "Bearer s3cret").send()?;
//! assert_eq!(answer.status(), 403);
//! # Ok::<(), ringlane::Error>(())
//! ```
//!
//! JSON Web Tokens are the feature `jwt`, which is off by default: it compiles AWS-LC, which is C.
//!
//! Write [`Cors`](super::Cors) before these: a browser sends a preflight without credentials.
//!
//! Always true here:
//! - A request is refused unless its credentials were verified.
//! - What a client sent is never part of a header of the answer, nor logged.
//!
//! Not here: sessions and cookies, issuing tokens.

mod basic;
mod bearer;
#[cfg(feature = "jwt")]
mod jwt;
mod refusal;
mod require;

pub use basic::{Basic, BasicVerifier, User, Users};
pub use bearer::{Bearer, Verifier};
#[cfg(feature = "jwt")]
pub use jwt::{Algorithm, Jwt, Key, KeyError};
pub use refusal::Refusal;
pub use require::Require;

use crate::Context;

/// The one credential of a scheme that the request carries (RFC 9110 §11.6.2). Its characters are
/// those of `token68`.
fn credential<'c>(ctx: &'c Context, scheme: &str) -> Result<&'c str, Refusal> {
    let mut fields = ctx
        .headers()
        .filter(|(name, _)| name.eq_ignore_ascii_case("Authorization"));
    let Some((_, value)) = fields.next() else {
        return Err(Refusal::missing());
    };
    if fields.next().is_some() {
        // Two readers may pick differently.
        return Err(Refusal::invalid_request("more than one `Authorization`"));
    }
    let end = value.iter().position(|&byte| byte == b' ');
    let (named, rest) = value.split_at(end.unwrap_or(value.len()));
    if !named.eq_ignore_ascii_case(scheme.as_bytes()) {
        return Err(Refusal::missing()); // RFC 6750 §3.1: no error for another scheme
    }
    let credential = rest.trim_ascii_start();
    match str::from_utf8(credential) {
        Ok(text) if is_token68(credential) => Ok(text),
        Ok(_) | Err(_) => Err(Refusal::invalid_request("the credentials are malformed")),
    }
}

/// RFC 9110 §11.2: letters, digits and `-._~+/`, then any number of `=`.
fn is_token68(bytes: &[u8]) -> bool {
    let padding = bytes.iter().rev().take_while(|&&byte| byte == b'=').count();
    let (text, _) = bytes.split_at(bytes.len() - padding);
    let is_fit = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(byte);
    !text.is_empty() && text.iter().all(is_fit)
}

#[cfg(test)]
mod tests;
