//! Makes tokens for the tests, valid and invalid.

use std::time::{SystemTime, UNIX_EPOCH};

use jsonwebtoken::{EncodingKey, Header};
use serde_json::{Value, json};

use super::process::SECRET;

pub(super) fn signed(claims: &Value, secret: &str) -> String {
    let key = EncodingKey::from_secret(secret.as_bytes());
    let token = jsonwebtoken::encode(&Header::default(), claims, &key);
    format!("Bearer {}", token.expect("claims can be signed"))
}

/// The value of `Authorization` for a user who may do this.
pub(super) fn token(user: &str, permissions: &[&str]) -> String {
    let claims = json!({ "sub": user, "permissions": permissions, "exp": seconds_from_now(3600) });
    signed(&claims, SECRET)
}

/// A point in time as tokens write it.
pub(super) fn seconds_from_now(seconds: i64) -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.expect("it is after 1970").as_secs();
    i64::try_from(now).expect("it is long before the end of time") + seconds
}
