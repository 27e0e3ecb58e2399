//! Settings about how many connections there may be, and what happens to one more.
//!
//! Not here: making room for it (the reactor's `eviction.rs`).

use ringlane_reactor::{AddressLimit, OverLimit};

use crate::networks::Networks;
use crate::routes::Builder;

/// Numbers of connections.
impl Builder {
    /// Connections on each core. Default: only the limit of all cores together counts.
    pub fn connections_per_core_max(mut self, count: usize) -> Self {
        self.whole.connections_per_core_max = Some(count);
        self
    }

    /// Connections on all cores together. Default and most: what RLIMIT_NOFILE allows, less
    /// [`descriptors_reserved`](Self::descriptors_reserved) and a few for each core; the soft limit
    /// is raised to the hard one at the start. At least 1.
    pub fn connections_max(mut self, count: usize) -> Self {
        self.whole.setup.connections_total = Some(count);
        self
    }

    /// Descriptors that connections leave to the application: for files, databases, sockets to
    /// other servers. Default: an eighth of RLIMIT_NOFILE, from 64 to 16,384.
    ///
    /// An answer that is streamed from a file has the file open as long as it lasts: a server whose
    /// every client may download at one time needs as many as there are connections.
    pub fn descriptors_reserved(mut self, count: usize) -> Self {
        self.whole.setup.descriptors_reserved = Some(count);
        self
    }

    /// How many connections one address may have open at a time, over all cores; one more is
    /// answered with 503 and `Retry-After`. Default: any number. Of IPv6 a network of 64 bits is
    /// one client.
    ///
    /// Addresses of the networks in `exempt` may have any number, and so may Unix sockets. Name the
    /// proxies in front of the server there: all clients' connections come from them.
    ///
    /// ```
    /// use ringlane::Server;
    ///
    /// let server = Server::builder()
    ///     .connections_per_address_max(100, ["10.0.0.0/8", "::1"])
    ///     .build()?;
    /// # Ok::<(), ringlane::BuildError>(())
    /// ```
    pub fn connections_per_address_max<T: AsRef<str>>(
        mut self,
        count: u32,
        exempt: impl IntoIterator<Item = T>,
    ) -> Self {
        let mut networks = Networks::default();
        for network in exempt {
            let added = networks.add(network.as_ref());
            self.whole.wrong_networks.extend(added.err());
        }
        let limit = AddressLimit::new(count);
        let limit = networks
            .ranges()
            .fold(limit, |limit, (address, bits)| limit.exempt(address, bits));
        self.whole.setup.address_limit = Some(limit);
        self
    }

    /// What happens to one connection more: it waits until another ends (the default), or is
    /// answered with 503 and `Retry-After`.
    ///
    /// For either, the connection that has been idle between requests for the longest, and for a
    /// second at least, is closed to make room. WebSockets and event streams are not idle.
    pub fn over_limit(mut self, policy: OverLimit) -> Self {
        self.whole.over_limit = Some(policy);
        self
    }
}
