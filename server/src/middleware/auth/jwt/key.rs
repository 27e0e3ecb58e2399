//! Keys that verify tokens, checked when they are read.
//!
//! Always true here:
//! - A key belongs to one algorithm: a public key cannot be taken for a secret.

use std::fmt;

use aws_lc_rs::signature::{self, ParsedPublicKey, VerificationAlgorithm};
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet, PublicKeyUse};
use jsonwebtoken::{DecodingKey, DecodingKeyKind};
use rustls_pki_types::SubjectPublicKeyInfoDer;
use rustls_pki_types::pem::PemObject;

/// An algorithm of RFC 7518 §3.1 or RFC 8037 §3.1 that tokens are signed with.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Algorithm {
    /// HMAC with SHA-256: who verifies can sign, too.
    Hs256,
    /// HMAC with SHA-384.
    Hs384,
    /// HMAC with SHA-512.
    Hs512,
    /// RSA of 2048 to 8192 bits with PKCS #1 v1.5 and SHA-256.
    Rs256,
    /// RSA with PKCS #1 v1.5 and SHA-384.
    Rs384,
    /// RSA with PKCS #1 v1.5 and SHA-512.
    Rs512,
    /// RSA with PSS and SHA-256.
    Ps256,
    /// RSA with PSS and SHA-384.
    Ps384,
    /// RSA with PSS and SHA-512.
    Ps512,
    /// ECDSA over P-256 with SHA-256.
    Es256,
    /// ECDSA over P-384 with SHA-384.
    Es384,
    /// Ed25519.
    EdDsa,
}

const ALL: [(Algorithm, jsonwebtoken::Algorithm); 12] = [
    (Algorithm::Hs256, jsonwebtoken::Algorithm::HS256),
    (Algorithm::Hs384, jsonwebtoken::Algorithm::HS384),
    (Algorithm::Hs512, jsonwebtoken::Algorithm::HS512),
    (Algorithm::Rs256, jsonwebtoken::Algorithm::RS256),
    (Algorithm::Rs384, jsonwebtoken::Algorithm::RS384),
    (Algorithm::Rs512, jsonwebtoken::Algorithm::RS512),
    (Algorithm::Ps256, jsonwebtoken::Algorithm::PS256),
    (Algorithm::Ps384, jsonwebtoken::Algorithm::PS384),
    (Algorithm::Ps512, jsonwebtoken::Algorithm::PS512),
    (Algorithm::Es256, jsonwebtoken::Algorithm::ES256),
    (Algorithm::Es384, jsonwebtoken::Algorithm::ES384),
    (Algorithm::EdDsa, jsonwebtoken::Algorithm::EdDSA),
];

impl Algorithm {
    /// As the outside crate calls it.
    pub(super) fn known(self) -> jsonwebtoken::Algorithm {
        let found = ALL.iter().find(|(ours, _)| *ours == self);
        found.expect("the table has every algorithm").1
    }

    fn of(known: jsonwebtoken::Algorithm) -> Option<Self> {
        let found = ALL.iter().find(|(_, theirs)| *theirs == known);
        found.map(|(ours, _)| *ours)
    }

    /// RFC 7518 §3.2: a secret is at least as long as the hash; `None` if it takes no secret.
    fn secret_bytes_min(self) -> Option<usize> {
        match self {
            Self::Hs256 => Some(32),
            Self::Hs384 => Some(48),
            Self::Hs512 => Some(64),
            _ => None,
        }
    }

    fn verification(self) -> Option<&'static dyn VerificationAlgorithm> {
        Some(match self {
            Self::Hs256 | Self::Hs384 | Self::Hs512 => return None,
            Self::Rs256 => &signature::RSA_PKCS1_2048_8192_SHA256,
            Self::Rs384 => &signature::RSA_PKCS1_2048_8192_SHA384,
            Self::Rs512 => &signature::RSA_PKCS1_2048_8192_SHA512,
            Self::Ps256 => &signature::RSA_PSS_2048_8192_SHA256,
            Self::Ps384 => &signature::RSA_PSS_2048_8192_SHA384,
            Self::Ps512 => &signature::RSA_PSS_2048_8192_SHA512,
            Self::Es256 => &signature::ECDSA_P256_SHA256_FIXED,
            Self::Es384 => &signature::ECDSA_P384_SHA384_FIXED,
            Self::EdDsa => &signature::ED25519,
        })
    }
}

/// A key that verifies tokens: a shared secret, or the public key of who signs them.
///
/// ```
/// use ringlane::middleware::auth::{Algorithm, Key};
///
/// let key = Key::secret(Algorithm::Hs256, [7; 32])?.with_id("2026-11");
/// assert!(Key::secret(Algorithm::Hs256, "password").is_err()); // 32 bytes at least
/// # Ok::<(), ringlane::Error>(())
/// ```
#[derive(Clone)]
pub struct Key {
    algorithm: Algorithm,
    decoding: DecodingKey,
    id: Option<String>,
}

impl Key {
    /// A secret that is shared with who signs, for the HMAC algorithms.
    ///
    /// # Errors
    ///
    /// If it is shorter than the hash (RFC 7518 §3.2: 32, 48 or 64 bytes), or the algorithm takes
    /// no secret.
    pub fn secret(algorithm: Algorithm, secret: impl AsRef<[u8]>) -> Result<Self, KeyError> {
        Self::new(algorithm, DecodingKey::from_secret(secret.as_ref()))
    }

    /// A public key in PEM, as `-----BEGIN PUBLIC KEY-----` (RFC 7468 §13).
    ///
    /// # Errors
    ///
    /// If it is not such a key, or no key of this algorithm.
    pub fn pem(algorithm: Algorithm, pem: impl AsRef<[u8]>) -> Result<Self, KeyError> {
        let der = SubjectPublicKeyInfoDer::from_pem_slice(pem.as_ref());
        let der = der.map_err(|_| KeyError::Malformed)?;
        let decoding = match algorithm {
            Algorithm::Hs256 | Algorithm::Hs384 | Algorithm::Hs512 => {
                return Err(KeyError::OtherAlgorithm);
            }
            Algorithm::Es256 | Algorithm::Es384 => DecodingKey::from_ec_der(&der),
            Algorithm::EdDsa => DecodingKey::from_ed_der(&der),
            Algorithm::Rs256
            | Algorithm::Rs384
            | Algorithm::Rs512
            | Algorithm::Ps256
            | Algorithm::Ps384
            | Algorithm::Ps512 => DecodingKey::from_rsa_der(&der),
        };
        Self::new(algorithm, decoding)
    }

    /// A JSON Web Key (RFC 7517), with its id. Where it does not name its algorithm, it is the
    /// usual one of its type: RS256, ES256 or ES384, EdDSA, HS256.
    ///
    /// # Errors
    ///
    /// If it is malformed, or of an algorithm that is unknown here.
    pub fn jwk(json: &str) -> Result<Self, KeyError> {
        let jwk: Jwk = serde_json::from_str(json).map_err(|_| KeyError::Malformed)?;
        Self::of_jwk(&jwk)
    }

    /// The keys of a JSON Web Key Set (RFC 7517 §5): what issuers publish. Keys that are not for
    /// signatures, or of algorithms that are unknown here, are left out.
    ///
    /// # Errors
    ///
    /// If the set is malformed, or no key of it can be used.
    pub fn jwk_set(json: &str) -> Result<Vec<Self>, KeyError> {
        let set: JwkSet = serde_json::from_str(json).map_err(|_| KeyError::Malformed)?;
        let keys = set.keys.iter().filter(|jwk| signs(jwk));
        let keys: Vec<Self> = keys.filter_map(|jwk| Self::of_jwk(jwk).ok()).collect();
        match keys.is_empty() {
            true => Err(KeyError::OtherAlgorithm),
            false => Ok(keys),
        }
    }

    /// Names the key: tokens that name another are not verified with it.
    #[must_use]
    pub fn with_id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    fn of_jwk(jwk: &Jwk) -> Result<Self, KeyError> {
        let algorithm = match jwk.common.key_algorithm {
            Some(named) => {
                let known = named.try_into().map_err(|_| KeyError::OtherAlgorithm)?;
                Algorithm::of(known).ok_or(KeyError::OtherAlgorithm)?
            }
            None => usual(&jwk.algorithm).ok_or(KeyError::OtherAlgorithm)?,
        };
        let decoding = DecodingKey::from_jwk(jwk).map_err(|_| KeyError::Malformed)?;
        let key = Self::new(algorithm, decoding)?;
        Ok(Self {
            id: jwk.common.key_id.clone(),
            ..key
        })
    }

    fn new(algorithm: Algorithm, decoding: DecodingKey) -> Result<Self, KeyError> {
        if algorithm.known().family() != decoding.family() {
            return Err(KeyError::OtherAlgorithm);
        }
        match (algorithm.secret_bytes_min(), decoding.kind()) {
            (Some(least), DecodingKeyKind::SecretOrDer(secret)) if secret.len() < least => {
                return Err(KeyError::TooShort);
            }
            (None, DecodingKeyKind::SecretOrDer(der)) => {
                let verification = algorithm.verification().ok_or(KeyError::OtherAlgorithm)?;
                ParsedPublicKey::new(verification, der).map_err(|_| KeyError::OtherAlgorithm)?;
            }
            (_, DecodingKeyKind::RsaModulusExponent { n, .. }) if !is_modulus(n) => {
                return Err(KeyError::TooShort);
            }
            (Some(_) | None, _) => {}
        }
        // A program may have chosen another provider, or another crate of it both: the first one
        // that is installed stays, and none would be a panic at the first token.
        let _ = jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default();
        Ok(Self {
            algorithm,
            decoding,
            id: None,
        })
    }

    pub(super) fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    pub(super) fn decoding(&self) -> &DecodingKey {
        &self.decoding
    }

    pub(super) fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }
}

/// Whether a number is one that RSA is verified with: 2048 to 8192 bits.
fn is_modulus(bytes: &[u8]) -> bool {
    let zeros = bytes.iter().take_while(|&&byte| byte == 0).count();
    (256..=1024).contains(&(bytes.len() - zeros))
}

fn signs(jwk: &Jwk) -> bool {
    match &jwk.common.public_key_use {
        None | Some(PublicKeyUse::Signature) => true,
        Some(PublicKeyUse::Encryption | PublicKeyUse::Other(_)) => false,
    }
}

/// The algorithm of a key that does not name one.
fn usual(parameters: &AlgorithmParameters) -> Option<Algorithm> {
    match parameters {
        AlgorithmParameters::RSA(_) => Some(Algorithm::Rs256),
        AlgorithmParameters::OctetKey(_) => Some(Algorithm::Hs256),
        AlgorithmParameters::EllipticCurve(key) => match key.curve {
            EllipticCurve::P256 => Some(Algorithm::Es256),
            EllipticCurve::P384 => Some(Algorithm::Es384),
            _ => None,
        },
        AlgorithmParameters::OctetKeyPair(key) => match key.curve {
            EllipticCurve::Ed25519 => Some(Algorithm::EdDsa),
            _ => None,
        },
        _ => None,
    }
}

impl From<Key> for Vec<Key> {
    fn from(key: Key) -> Self {
        vec![key]
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("algorithm", &self.algorithm)
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// Why a key cannot be used.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum KeyError {
    /// It is not written as a key is.
    Malformed,
    /// It is no key of that algorithm, or of none that is known here.
    OtherAlgorithm,
    /// It is too short to be safe (or, of RSA, too long).
    TooShort,
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "the key is malformed",
            Self::OtherAlgorithm => "the key is of another algorithm",
            Self::TooShort => "the key is too short for its algorithm",
        })
    }
}

impl std::error::Error for KeyError {}
