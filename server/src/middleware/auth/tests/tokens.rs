//! JSON Web Tokens, as issuers and attackers write them.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{EncodingKey, Header};
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::{Algorithm, Bearer, Jwt, Key, KeyError};
use super::samples::SAMPLES;
use super::{ask, client, said};
use crate::{Context, Server};

const SECRET: [u8; 32] = [7; 32];
const FUTURE: u64 = 4_102_444_800; // 2100
const PAST: u64 = 1_000_000_000; // 2001

#[derive(Deserialize)]
struct Claims {
    sub: String,
}

/// What a server says that verifies with this: the subject, or why it refuses.
fn heard(tokens: Jwt<Claims>, token: &str) -> String {
    let server = Server::builder()
        .with(Bearer::new(tokens))
        .get("/", |ctx: Context| {
            ctx.get::<Claims>().map(|claims| claims.sub.clone())
        });
    let answer = ask(&mut client(server), "/", &[&format!("Bearer {token}")]);
    let (status, challenge, text) = said(&answer);
    if status == 200 {
        return text;
    }
    assert_eq!(status, 401);
    assert!(challenge.is_some_and(|text| text.starts_with("Bearer error=\"invalid_token\"")));
    text.strip_prefix("INVALID_TOKEN: the token")
        .expect("the code")
        .trim_start()
        .to_owned()
}

fn secret() -> Key {
    Key::secret(Algorithm::Hs256, SECRET).expect("32 bytes")
}

/// A token with these headers and claims, signed by HS256.
fn signed(header: &Value, claims: &str) -> String {
    let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let message = format!("{}.{}", encode(&header.to_string()), encode(claims));
    let key = EncodingKey::from_secret(&SECRET);
    let algorithm = jsonwebtoken::Algorithm::HS256;
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, algorithm);
    format!("{message}.{}", signature.expect("a signature"))
}

fn token(claims: &Value) -> String {
    signed(&json!({"alg": "HS256"}), &claims.to_string())
}

#[test]
fn claims_are_checked() {
    let plain = || Jwt::new(secret());
    let strict = || plain().issuer("a").issuer("b").audience("x").audience("y");
    let (loose, tight) = (plain, strict);
    let good = json!({"sub": "ferris", "exp": FUTURE, "iss": "b", "aud": ["z", "x"]});
    let with = |name: &str, value: Value| {
        let mut claims = good.clone();
        claims[name] = value;
        claims
    };
    for (claims, expected) in [
        (good.clone(), "ferris"),
        (with("iss", json!("a")), "ferris"),
        (with("aud", json!("y")), "ferris"),
        (with("nbf", json!(PAST)), "ferris"),
        (with("exp", json!(4_102_444_800.5)), "ferris"),
        (with("exp", json!(PAST)), "has expired"),
        (with("exp", json!(0)), "has expired"),
        (with("exp", json!(-1)), "lacks a claim"),
        (with("exp", json!("4102444800")), "lacks a claim"),
        (with("exp", json!(1e300)), "lacks a claim"),
        (with("exp", Value::Null), "lacks a claim"),
        (with("nbf", json!(FUTURE)), "is not valid yet"),
        (with("nbf", json!(u64::MAX)), "is not valid yet"),
        (with("nbf", json!("soon")), "lacks a claim"),
        (with("iss", json!("c")), "is from another issuer"),
        (with("iss", json!(7)), "lacks a claim"),
        (with("iss", Value::Null), "lacks a claim"),
        (with("aud", json!("z")), "is for another audience"),
        (with("aud", json!([])), "is for another audience"),
        (with("aud", json!({"x": "x"})), "lacks a claim"),
        (with("aud", Value::Null), "lacks a claim"),
        (with("sub", json!(7)), "is malformed"), // no such claims as ours
    ] {
        assert_eq!(heard(tight(), &token(&claims)), expected, "{claims}");
    }
    let claims = json!({"sub": "ferris", "exp": FUTURE});
    assert_eq!(heard(loose(), &token(&claims)), "ferris");
    // RFC 7519 §4.1.3: whoever is not named must refuse.
    assert_eq!(heard(loose(), &token(&good)), "is for another audience");
}

#[test]
fn clocks_may_differ_by_so_much() {
    let now = ringlane_reactor::clock::unix_nanos() / 1_000_000_000;
    let claims = |exp: u64| token(&json!({"sub": "ferris", "exp": exp}));
    let hour = std::time::Duration::from_secs(3600);
    let jwt = || Jwt::new(secret());
    assert_eq!(heard(jwt(), &claims(now - 1800)), "has expired");
    assert_eq!(heard(jwt().leeway(hour), &claims(now - 1800)), "ferris");
    assert_eq!(
        heard(jwt().leeway(2 * hour), &claims(now - 5400)),
        "has expired"
    );
    let longest = jwt().leeway(std::time::Duration::MAX);
    assert_eq!(heard(longest, &claims(now - 5400)), "has expired");
}

#[test]
fn forged_and_malformed_tokens_are_refused() {
    let claims = json!({"sub": "ferris", "exp": FUTURE});
    let good = token(&claims);
    let header = |header: Value| signed(&header, &claims.to_string());
    let (message, signature) = good.rsplit_once('.').expect("three parts");
    let unsigned = {
        let encode = |text: String| URL_SAFE_NO_PAD.encode(text);
        let none = json!({"alg": "none"}).to_string();
        format!("{}.{}.", encode(none), encode(claims.to_string()))
    };
    let unknown = "is signed with a key that is unknown here";
    let wrong = "'s signature is wrong";
    for (token, expected) in [
        (
            header(json!({"alg": "HS256", "typ": "JWT", "kid": "any"})),
            "ferris",
        ),
        (unsigned, "is malformed"),
        (header(json!({"alg": "none"})), "is malformed"),
        (header(json!({"alg": "HS384"})), unknown),
        (header(json!({"alg": "RS256"})), unknown),
        (
            header(json!({"alg": "HS256", "crit": ["exp"]})),
            "has unknown critical headers",
        ),
        (
            header(json!({"alg": "HS256", "crit": []})),
            "has unknown critical headers",
        ),
        (header(json!({})), "is malformed"),
        (header(json!([])), "is malformed"),
        (signed(&json!({"alg": "HS256"}), "nonsense"), "is malformed"),
        (signed(&json!({"alg": "HS256"}), ""), "is malformed"),
        (format!("{message}."), wrong),
        (format!("{message}.AAAA"), wrong),
        (
            format!("{message}.{}", signature.to_ascii_lowercase()),
            wrong,
        ),
        (message.to_owned(), "is malformed"),
        (format!("{good}.{signature}"), "is malformed"),
        ("nonsense".to_owned(), "is malformed"),
        ("..".to_owned(), "is malformed"),
        (".".repeat(4000), "is malformed"),
        (
            format!("{}.a.b", URL_SAFE_NO_PAD.encode("[".repeat(4000))),
            "is malformed",
        ),
    ] {
        assert_eq!(heard(Jwt::new(secret()), &token), expected, "{token}");
    }
    for at in 0..good.len() {
        let mut forged = good.clone().into_bytes();
        forged[at] = if forged[at] == b'A' { b'B' } else { b'A' };
        let forged = String::from_utf8(forged).expect("ASCII");
        assert_ne!(heard(Jwt::new(secret()), &forged), "ferris", "at {at}");
        let cut = good.get(..at).filter(|cut| !cut.is_empty());
        let heard = cut.map(|cut| heard(Jwt::new(secret()), cut));
        assert_ne!(heard.as_deref(), Some("ferris"), "cut at {at}");
    }
}

#[test]
fn public_keys_verify_what_their_owners_signed() {
    let pem = |at: usize| Key::pem(SAMPLES[at].algorithm, SAMPLES[at].pem).expect("a key");
    let jwk = |at: usize| Key::jwk(SAMPLES[at].jwk).expect("a key");
    for (at, sample) in SAMPLES.iter().enumerate() {
        for key in [pem(at), jwk(at)] {
            assert_eq!(
                heard(Jwt::new(key), sample.token),
                "ferris",
                "{:?}",
                sample.algorithm
            );
        }
        let other = (at + 1) % SAMPLES.len();
        let unknown = "is signed with a key that is unknown here";
        assert_eq!(heard(Jwt::new(pem(other)), sample.token), unknown);
        // A public key is no secret: it must not verify what was signed with it as one.
        let forged = {
            let key = EncodingKey::from_secret(sample.pem.as_bytes());
            let claims = json!({"sub": "ferris", "exp": FUTURE});
            jsonwebtoken::encode(&Header::default(), &claims, &key).expect("a token")
        };
        assert_eq!(heard(Jwt::new(pem(at)), &forged), unknown);
    }
}

#[test]
fn a_set_of_keys_is_chosen_from_by_id() {
    let set = |jwks: &[&str]| format!("{{\"keys\":[{}]}}", jwks.join(","));
    let [rsa, ec, ed] = [0, 1, 2].map(|at| SAMPLES[at].jwk);
    let unusable = r#"{"kty":"EC","crv":"P-521","x":"AA","y":"AA"}"#;
    let encrypts = r#"{"kty":"oct","use":"enc","k":"AAAA"}"#;
    let keys = Key::jwk_set(&set(&[encrypts, rsa, unusable, ec, ed])).expect("three keys");
    assert_eq!(keys.len(), 3);
    for sample in &SAMPLES {
        assert_eq!(heard(Jwt::new(keys.clone()), sample.token), "ferris");
    }
    // The right key under another id is another key.
    let renamed: Vec<Key> = keys.into_iter().map(|key| key.with_id("x")).collect();
    let expected = "is signed with a key that is unknown here";
    assert_eq!(heard(Jwt::new(renamed), SAMPLES[0].token), expected);
    // Without ids on either side all are tried.
    let other = Key::secret(Algorithm::Hs256, [8; 32])
        .expect("32 bytes")
        .with_id("new");
    let token = token(&json!({"sub": "ferris", "exp": FUTURE}));
    assert_eq!(heard(Jwt::new([other.clone(), secret()]), &token), "ferris");
    assert_eq!(heard(Jwt::new(other), &token), "'s signature is wrong");
}

#[test]
fn keys_are_checked_when_they_are_read() {
    let pem = SAMPLES[1].pem;
    for (key, expected) in [
        (Key::secret(Algorithm::Hs256, [0; 32]), Ok(())),
        (
            Key::secret(Algorithm::Hs256, [0; 31]),
            Err(KeyError::TooShort),
        ),
        (Key::secret(Algorithm::Hs384, [0; 48]), Ok(())),
        (
            Key::secret(Algorithm::Hs384, [0; 47]),
            Err(KeyError::TooShort),
        ),
        (Key::secret(Algorithm::Hs512, [0; 64]), Ok(())),
        (
            Key::secret(Algorithm::Hs512, [0; 63]),
            Err(KeyError::TooShort),
        ),
        (
            Key::secret(Algorithm::Rs256, [0; 64]),
            Err(KeyError::OtherAlgorithm),
        ),
        (Key::pem(Algorithm::Es256, pem), Ok(())),
        (
            Key::pem(Algorithm::Es384, pem),
            Err(KeyError::OtherAlgorithm),
        ),
        (
            Key::pem(Algorithm::Rs256, pem),
            Err(KeyError::OtherAlgorithm),
        ),
        (
            Key::pem(Algorithm::EdDsa, pem),
            Err(KeyError::OtherAlgorithm),
        ),
        (
            Key::pem(Algorithm::Hs256, pem),
            Err(KeyError::OtherAlgorithm),
        ),
        (
            Key::pem(Algorithm::Es256, "nonsense"),
            Err(KeyError::Malformed),
        ),
        (Key::jwk("{}"), Err(KeyError::OtherAlgorithm)),
        (Key::jwk("{"), Err(KeyError::Malformed)),
        (
            Key::jwk(r#"{"kty":"oct","k":"AAAA"}"#),
            Err(KeyError::TooShort),
        ),
        (
            Key::jwk(r#"{"kty":"RSA","n":"AAAA","e":"AQAB"}"#),
            Err(KeyError::TooShort),
        ),
        (
            Key::jwk(r#"{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}"#),
            Err(KeyError::OtherAlgorithm),
        ),
    ] {
        let shown = format!("{key:?}");
        assert_eq!(key.map(|_| ()), expected, "{shown}");
    }
    assert_eq!(
        Key::jwk_set("{\"keys\":[]}").map(|_| ()),
        Err(KeyError::OtherAlgorithm)
    );
    let at_most = vec![secret(); 32];
    let _ = Jwt::<Claims>::new(at_most);
}

#[test]
#[should_panic(expected = "32 keys at most")]
fn a_verifier_has_a_maximum_of_keys() {
    let _ = Jwt::<Claims>::new(vec![secret(); 33]);
}
