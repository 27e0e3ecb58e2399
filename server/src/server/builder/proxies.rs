//! Settings about proxies in front of the server: whom to believe, and in what form.
//!
//! Not here: how a client is found out (`context/client.rs`).

use crate::context::client::ForwardingHeader;
use crate::conversation::PrefaceRule;
use crate::networks::{NetworkError, Networks};
use crate::routes::Builder;

/// Proxies in front of the server.
impl Builder {
    /// Believes these peers what they say about those for whom they forward: see
    /// [`Context::client_address`](crate::Context::client_address). Networks as `10.0.0.0/8` or
    /// `2001:db8::/32`, single addresses, and `unix:` for all Unix sockets. Default: nobody.
    ///
    /// List all proxies that a request passes through, and nothing else: whoever is listed may
    /// pretend to be anyone. They have to set or extend the
    /// [header](Self::forwarding_header) themselves, and [others](Self::forwarded_host) only where
    /// those are to be read, too.
    ///
    /// ```
    /// use ringlane::{ForwardingHeader, Server};
    ///
    /// let server = Server::builder()
    ///     .trusted_proxies(["10.0.0.0/8", "unix:"])
    ///     .forwarding_header(ForwardingHeader::Forwarded)
    ///     .build()?;
    /// assert!(Server::builder().trusted_proxies(["10.0.0.0/99"]).build().is_err());
    /// # Ok::<(), ringlane::BuildError>(())
    /// ```
    pub fn trusted_proxies<T: AsRef<str>>(mut self, proxies: impl IntoIterator<Item = T>) -> Self {
        let wrong = &mut self.whole.wrong_networks;
        collect(proxies, &mut self.whole.settings.trust.proxies, wrong);
        self
    }

    /// In which header [trusted proxies](Self::trusted_proxies) speak. Default
    /// [`XForwardedFor`](ForwardingHeader::XForwardedFor). The others are not looked at: a proxy
    /// that writes one of them may pass on what a client wrote into another.
    pub fn forwarding_header(mut self, header: ForwardingHeader) -> Self {
        self.whole.settings.trust.header = header;
        self
    }

    /// Believes [trusted proxies](Self::trusted_proxies) what `X-Forwarded-Host` says: see
    /// [`Context::client_host`](crate::Context::client_host). Default no: a proxy that knows only
    /// `X-Forwarded-For` passes on what the client wrote into this one.
    ///
    /// Say yes if every request comes through a trusted proxy that replaces the header or adds to
    /// it, even if the client sent none, and those behind that one leave it or do the same. The
    /// last word counts. With [`Forwarded`](ForwardingHeader::Forwarded) it is not read: there each
    /// element has its host and scheme with it.
    ///
    /// ```
    /// use ringlane::{Context, Server, testing::Client};
    ///
    /// let server = Server::builder()
    ///     .trusted_proxies(["198.51.100.1"]) // the test client's
    ///     .forwarded_host(true)
    ///     .get("/", |ctx: Context| ctx.client_host().to_owned())
    ///     .build()?;
    /// let mut proxy = Client::new(server)?;
    /// let answer = proxy.get("/").header("X-Forwarded-Host", "a.example").send()?;
    /// assert_eq!(answer.text(), "a.example");
    /// # Ok::<(), ringlane::Error>(())
    /// ```
    pub fn forwarded_host(mut self, yes: bool) -> Self {
        self.whole.settings.trust.sets_host = yes;
        self
    }

    /// Believes [trusted proxies](Self::trusted_proxies) what `X-Forwarded-Proto` says: see
    /// [`Context::client_scheme`](crate::Context::client_scheme). Default no. Proxies have to set
    /// it as [`forwarded_host`](Self::forwarded_host) says.
    ///
    /// ```
    /// use ringlane::{Context, Server, testing::Client};
    ///
    /// let server = Server::builder()
    ///     .trusted_proxies(["198.51.100.1"]) // the test client's
    ///     .forwarded_proto(true)
    ///     .get("/", |ctx: Context| ctx.client_scheme())
    ///     .build()?;
    /// let mut proxy = Client::new(server)?;
    /// let answer = proxy.get("/").header("X-Forwarded-Proto", "https").send()?;
    /// assert_eq!(answer.text(), "https");
    /// # Ok::<(), ringlane::Error>(())
    /// ```
    pub fn forwarded_proto(mut self, yes: bool) -> Self {
        self.whole.settings.trust.sets_proto = yes;
        self
    }

    /// Expects connections of these peers to begin with a PROXY preface, version 1 or 2, as load
    /// balancers send it. Networks as for [`trusted_proxies`](Self::trusted_proxies). Then
    /// [`peer_address`](crate::Context::peer_address) is the client's that the preface names.
    ///
    /// The preface has [the time of a head](crate::Limits::head_time). A connection on which it is
    /// malformed, longer than
    /// [`PROXY_BYTES_MAX`](ringlane_protocol::PROXY_BYTES_MAX), late or missing is closed without
    /// an answer and [counted](crate::CoreStatus::prefaces_refused). Peers that are not listed are
    /// served without a preface, as `others` says.
    ///
    /// ```
    /// use ringlane::{OtherPeers, Server};
    ///
    /// let server = Server::builder()
    ///     .proxy_protocol(["192.0.2.0/24"], OtherPeers::Refuse)
    ///     .build()?;
    /// # Ok::<(), ringlane::BuildError>(())
    /// ```
    pub fn proxy_protocol<T: AsRef<str>>(
        mut self,
        from: impl IntoIterator<Item = T>,
        others: OtherPeers,
    ) -> Self {
        let mut rule = PrefaceRule {
            from: Networks::default(),
            refuses_others: others == OtherPeers::Refuse,
        };
        collect(from, &mut rule.from, &mut self.whole.wrong_networks);
        self.whole.settings.preface = Some(rule);
        self
    }
}

/// What happens to peers that send no PROXY preface, because they are not listed.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum OtherPeers {
    /// They are clients themselves, and are served as such.
    Serve,
    /// Their connections are closed, and counted with the malformed ones.
    Refuse,
}

fn collect<T: AsRef<str>>(
    texts: impl IntoIterator<Item = T>,
    to: &mut Networks,
    wrong: &mut Vec<NetworkError>,
) {
    let errors = texts
        .into_iter()
        .filter_map(|text| to.add(text.as_ref()).err());
    wrong.extend(errors);
}
