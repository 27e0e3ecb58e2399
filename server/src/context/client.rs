//! Who the client is, if proxies stand in between: their word counts as far as they are trusted.
//!
//! Always true here:
//! - What a client wrote into a header itself is never believed: elements are read from the right,
//!   and each was written by a proxy that is trusted.
//! - `X-Forwarded-Host` and `X-Forwarded-Proto` do not tell by whom they were written: each is read
//!   if the application says that it was such a proxy.
//!
//! Not here: the headers' grammar (the protocol's), connections that begin with a PROXY preface
//! (`conversation/preface.rs`).

use std::net::IpAddr;

use ringlane_protocol::forwarded::{self, Hop, Node};
use ringlane_reactor::Address;

use super::Context;
use crate::networks::Networks;

/// Elements of one request's forwarding headers that are read. A chain of proxies has a few.
pub(crate) const FORWARDING_HOPS_MAX: usize = 32;

/// In which header trusted proxies say for whom they forward. Only this one is read.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum ForwardingHeader {
    /// `X-Forwarded-For`. Beside it, `X-Forwarded-Host` and `X-Forwarded-Proto` may be read: see
    /// [`forwarded_host`](crate::Builder::forwarded_host) and
    /// [`forwarded_proto`](crate::Builder::forwarded_proto).
    #[default]
    XForwardedFor,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

/// Whose word about clients is taken, and where it stands.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trust {
    pub(crate) proxies: Networks,
    pub(crate) header: ForwardingHeader,
    /// They set `X-Forwarded-Host`.
    pub(crate) sets_host: bool,
    /// They set `X-Forwarded-Proto`.
    pub(crate) sets_proto: bool,
}

/// What is known of a client in the end.
#[derive(Default)]
struct Client<'a> {
    address: Option<IpAddr>,
    scheme: Option<&'a str>,
    host: Option<&'a str>,
}

impl Context {
    /// The client's address, also behind proxies: the peer's, unless that is one of the
    /// [trusted proxies](crate::Builder::trusted_proxies); then the nearest in the
    /// [header](crate::Builder::forwarding_header) that is not.
    ///
    /// A proxy that does not tell from whom it has the request, or not in a form that can be
    /// understood, is itself taken for the client. So is the last one, if all 32 elements that are
    /// read are of trusted proxies. IPv4 addresses are IPv4 also over an IPv6 socket.
    ///
    /// `None` behind a Unix socket, unless it is trusted and tells; and once the request is over. A
    /// client that has gone is still known. The kernel is asked for the peer's address each time.
    ///
    /// ```
    /// use ringlane::{Context, Server, testing::Client};
    ///
    /// let server = Server::builder()
    ///     .trusted_proxies(["10.0.0.0/8", "198.51.100.1"]) // the latter is the test client's
    ///     .get("/", |ctx: Context| ctx.client_address().map(|address| address.to_string()))
    ///     .build()?;
    /// let mut proxy = Client::new(server)?;
    /// let answer = proxy.get("/").header("X-Forwarded-For", "1.2.3.4, 203.0.113.9, 10.1.1.1");
    /// assert_eq!(answer.send()?.text(), "203.0.113.9");
    /// # Ok::<(), ringlane::Error>(())
    /// ```
    pub fn client_address(&self) -> Option<IpAddr> {
        self.client().address
    }

    /// `https` if a trusted proxy says that the client came by it, else `http`.
    ///
    /// It is the word of the proxy to which the client came as far as the chain is trusted; in
    /// `X-Forwarded-Proto` the last word of the last proxy, if those
    /// [set that header](crate::Builder::forwarded_proto).
    pub fn client_scheme(&self) -> &'static str {
        match self.client().scheme {
            Some(scheme) if scheme.eq_ignore_ascii_case("https") => "https",
            Some(_) | None => "http",
        }
    }

    /// The host that the client asked for, with its port if it named one: as a trusted proxy says,
    /// else as the request itself does, in its target or in `Host`. See
    /// [`client_scheme`](Self::client_scheme) for which proxy; `X-Forwarded-Host` is read if
    /// proxies [set it](crate::Builder::forwarded_host). Empty if nobody says.
    pub fn client_host(&self) -> &str {
        let own = || self.0.head.authority(); // RFC 9112 §3.2.2: a target's host overrides `Host`
        self.client().host.unwrap_or_else(own)
    }

    fn client(&self) -> Client<'_> {
        let Some(peer) = self.peer_address() else {
            return Client::default();
        };
        let trust = &self.0.core.trust;
        let client = Client {
            address: match &peer {
                Address::Tcp(address) => Some(address.ip().to_canonical()),
                _ => None,
            },
            ..Client::default()
        };
        match trust.header {
            _ if !trust.proxies.has(&peer) => client,
            ForwardingHeader::Forwarded => self.client_of_forwarded(client),
            ForwardingHeader::XForwardedFor => self.client_of_x_forwarded(client),
        }
    }

    fn client_of_forwarded<'a>(&'a self, mut client: Client<'a>) -> Client<'a> {
        let lines = self.0.head.header_all("Forwarded").rev();
        let hops = lines.flat_map(forwarded::hops).take(FORWARDING_HOPS_MAX);
        for hop in hops {
            let Ok(Hop { node, scheme, host }) = hop else {
                break;
            };
            (client.scheme, client.host) = (scheme, host);
            if !self.goes_on(node, &mut client) {
                break;
            }
        }
        client
    }

    fn client_of_x_forwarded<'a>(&'a self, mut client: Client<'a>) -> Client<'a> {
        let trust = &self.0.core.trust;
        if trust.sets_proto {
            client.scheme = self.last_word("X-Forwarded-Proto");
        }
        if trust.sets_host {
            client.host = self.last_word("X-Forwarded-Host").and_then(forwarded::host);
        }
        let lines = self.0.head.header_all("X-Forwarded-For").rev();
        let nodes = lines.flat_map(forwarded::x_forwarded_for);
        for node in nodes.take(FORWARDING_HOPS_MAX) {
            if !node.is_ok_and(|node| self.goes_on(node, &mut client)) {
                break;
            }
        }
        client
    }

    /// Takes over what one trusted proxy says; tells whether that is a trusted proxy again.
    fn goes_on(&self, node: Node, client: &mut Client<'_>) -> bool {
        match node {
            Node::Hidden => false,
            Node::Ip(address) => {
                client.address = Some(address.to_canonical());
                self.0.core.trust.proxies.has_ip(address)
            }
        }
    }

    /// The last element of a header's last line.
    fn last_word(&self, name: &str) -> Option<&str> {
        let line = self.0.head.header_all(name).next_back()?;
        let word = line.rsplit(|&byte| byte == b',').next()?;
        let word = str::from_utf8(word).ok()?;
        Some(word.trim_matches([' ', '\t'])) // RFC 9110 §5.6.3: no other white space
    }
}

#[cfg(test)]
mod tests;
