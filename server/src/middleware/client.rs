//! Which client a request comes from, for whatever counts clients.
//!
//! Always true here:
//! - Every layer that asks gets its answer from [`origin`].

use std::net::IpAddr;

use crate::Context;

/// Who counts as one client: an IPv4 address, or the 64 bits of an IPv6 address that a network
/// gives to one customer at least. All of a Unix socket are one.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) enum Origin {
    V4(u32),
    V6(u64),
    Unix,
    /// Whose address nobody knows: all of them are one, so that to be unknown frees nobody.
    Unknown,
}

/// Who sent a request, also behind trusted proxies.
pub(super) fn origin(ctx: &Context) -> Origin {
    match ctx.client_address() {
        Some(address) => Origin::of(address),
        None if ctx.peer_address().is_some() => Origin::Unix, // whose peers have no address
        None => Origin::Unknown,
    }
}

impl Origin {
    fn of(address: IpAddr) -> Self {
        // An IPv4 client of a socket for both comes as `::ffff:192.0.2.1`.
        match address.to_canonical() {
            IpAddr::V4(ip) => Self::V4(ip.to_bits()),
            IpAddr::V6(ip) => Self::V6((ip.to_bits() >> 64) as u64),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_one_client_and_so_is_a_customers_network() {
        let of = |text: &str| Origin::of(text.parse().expect("an address"));
        assert_eq!(of("192.0.2.1"), of("::ffff:192.0.2.1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
        assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:3:4:5:6"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
    }
}
