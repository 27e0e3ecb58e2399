//! Public keys and tokens that were signed once with keys that nobody kept. They say
//! `{"sub": "ferris"}` and expire in the year 2100.

use super::super::Algorithm;

/// A key, as it is published, and a token.
pub(super) struct Sample {
    pub(super) algorithm: Algorithm,
    pub(super) pem: &'static str,
    pub(super) jwk: &'static str,
    pub(super) token: &'static str,
}

pub(super) const SAMPLES: [Sample; 3] = [
    Sample {
        algorithm: Algorithm::Rs256,
        pem: "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA5O9g4FmERWGJJnpiUY5b\nIMx7iErVy0omy5YrDjs5KwntdKSzgV7e5k+QWWm5a12bZPx7Mc+opMXCNQThyFrt\nUem/cdpLEvGWcajWJj7Bq2cf+fT8mU3RxNJXJp+0NzcsFV1XaQfWR2EDY5TuBwME\nLI76yst45+KZOgyNlsUKhTTTvez8JolN05VSrZmV1P7FXK6EhbNWD4aDo2MFNh1k\nopwI7y+sLxpyE2uMZ++ipb3aGqnhedyvVxm3KtFwBjoUcs0cRskdgrKe4mbz6+n+\nYuTUcx4Bqmj6lNh4fFN0+QaQCiXKXDYGqqbUPFdpnVlstU99A2ujDxDY2ESlbASy\nxQIDAQAB\n-----END PUBLIC KEY-----\n",
        jwk: r#"{"kty":"RSA","use":"sig","n":"5O9g4FmERWGJJnpiUY5bIMx7iErVy0omy5YrDjs5KwntdKSzgV7e5k-QWWm5a12bZPx7Mc-opMXCNQThyFrtUem_cdpLEvGWcajWJj7Bq2cf-fT8mU3RxNJXJp-0NzcsFV1XaQfWR2EDY5TuBwMELI76yst45-KZOgyNlsUKhTTTvez8JolN05VSrZmV1P7FXK6EhbNWD4aDo2MFNh1kopwI7y-sLxpyE2uMZ--ipb3aGqnhedyvVxm3KtFwBjoUcs0cRskdgrKe4mbz6-n-YuTUcx4Bqmj6lNh4fFN0-QaQCiXKXDYGqqbUPFdpnVlstU99A2ujDxDY2ESlbASyxQ","e":"AQAB","kid":"r"}"#,
        token: "eyJhbGciOiJSUzI1NiIsImtpZCI6InIifQ.eyJzdWIiOiJmZXJyaXMiLCJleHAiOjQxMDI0NDQ4MDB9.zaoMPHyH_XQ6xuutht1eeYeN50fQsaHiDQy_GDOk962DXKdwqS6VtyXydQpkUa9M7qXzsR52cOVVglWkr1CCYT0YBEzVMOQE9B59WUj4yix1KbpaC4CS_4e4YT1HPmQw_MJfZvqlyPh1cFpXJxDOR5G2Ro4xGhSkMH5fxd_W37iyXNYUvqYJQ4BwXO-e92Tq3K-0aXjfWBsnAuXKVb-7ZIzuh10LP2HH5hHff6l9-HmeXGUvD9fmAeP-bcFwyb5_-MpYvMDpT05hSZ1s92mzq4rgimHGcXXPmtHGjj2Mt-eypS4NN4PLaeBDve9uIaU7bwunzv5nHfy05PdaDO0g0g",
    },
    Sample {
        algorithm: Algorithm::Es256,
        pem: "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEe2eDIdBe2W+v7U2STpxDSmPhGtrv\n80bUg6Z4gSP7+RPb4E8w9KrpxBo4k9sNv1k4sAzG37hPLO1+1qORA+cWUQ==\n-----END PUBLIC KEY-----\n",
        jwk: r#"{"kty":"EC","crv":"P-256","x":"e2eDIdBe2W-v7U2STpxDSmPhGtrv80bUg6Z4gSP7-RM","y":"2-BPMPSq6cQaOJPbDb9ZOLAMxt-4TyztftajkQPnFlE","kid":"e"}"#,
        token: "eyJhbGciOiJFUzI1NiIsImtpZCI6ImUifQ.eyJzdWIiOiJmZXJyaXMiLCJleHAiOjQxMDI0NDQ4MDB9.ZzWbkeqqhg3Tk2i--jMpEZtBQS9yPkrCJF7bdEEGNCYOEEuRtOIDJg-kSozRmJ2vo8_SjTsuuu5yCEr8b6cK6A",
    },
    Sample {
        algorithm: Algorithm::EdDsa,
        pem: "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAJQTjwhd/dc5K/KzrpazcxHoXt67NVthBf71VCjvGoKk=\n-----END PUBLIC KEY-----\n",
        jwk: r#"{"kty":"OKP","crv":"Ed25519","alg":"EdDSA","x":"JQTjwhd_dc5K_KzrpazcxHoXt67NVthBf71VCjvGoKk","kid":"d"}"#,
        token: "eyJhbGciOiJFZERTQSIsImtpZCI6ImQifQ.eyJzdWIiOiJmZXJyaXMiLCJleHAiOjQxMDI0NDQ4MDB9.NF5s5U_ksbldjabWkCPEhNxfr4yn525g5gJfYVNLkq5oPSGzKUGeTv2PDQpvwkmfoRIt-cPPa6byi4HUQg_LBA",
    },
];
