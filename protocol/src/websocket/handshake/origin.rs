//! Checks the `Origin` of a handshake against the allowed ones (RFC 6455 §10.2).
//!
//! Always true here: a request without `Origin` passes. It comes from no page, so it carries no
//! visitor's cookies that the sender does not have anyway.
//!
//! Not here: who may connect at all (the application's authentication).

use super::only;
use crate::RequestHead;

/// Whose pages may open a WebSocket. Requests that come from no page always may.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum Origins {
    /// Every page's.
    #[default]
    Any,
    /// Those from the host and port that the handshake itself is for.
    SameHost,
    /// These, each as a browser writes it: `https://example.org`, `http://localhost:3000`, `null`.
    /// Compared without case.
    Listed(Vec<String>),
}

impl Origins {
    pub(super) fn allow(&self, head: &RequestHead) -> bool {
        if *self == Self::Any || head.header("origin").is_none() {
            return true;
        }
        let Some(origin) = only(head, "origin") else {
            return false;
        };
        match self {
            Self::Any => true,
            Self::SameHost => is_same_host(origin, head.authority()),
            Self::Listed(listed) => listed
                .iter()
                .any(|listed| listed.as_bytes().eq_ignore_ascii_case(origin)),
        }
    }
}

/// Whether an origin's host and port are those of `authority`. A port that is the scheme's own may
/// be left out on either side (RFC 6454 §4).
fn is_same_host(origin: &[u8], authority: &str) -> bool {
    let schemes: [(&[u8], &[u8]); 2] = [(b"http://", b":80"), (b"https://", b":443")];
    schemes.iter().any(|(scheme, port)| {
        let without_port = |host| <[u8]>::strip_suffix(host, *port).unwrap_or(host);
        origin
            .split_at_checked(scheme.len())
            .is_some_and(|(start, host)| {
                start.eq_ignore_ascii_case(scheme)
                    && without_port(host).eq_ignore_ascii_case(without_port(authority.as_bytes()))
            })
    })
}
