//! Which client a request comes from, for whatever counts clients.
//!
//! Always true here:
//! - Every layer that asks gets its answer from [`address`], the one place that knows.

use std::net::IpAddr;

use ringlane_reactor::Address;

use crate::Context;

/// Where the client is.
fn address(ctx: &Context) -> Option<Address> {
    ctx.peer_address()
}

/// Who counts as one client: an IPv4 address, or the 64 bits of an IPv6 address that a network
/// gives to one customer at least. All of a Unix socket are one.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) enum Origin {
    V4(u32),
    V6(u64),
    Unix,
}

/// Who sent a request. `None` if nobody is there any more.
pub(super) fn origin(ctx: &Context) -> Option<Origin> {
    address(ctx).map(|address| Origin::of(&address))
}

impl Origin {
    fn of(address: &Address) -> Self {
        let Address::Tcp(address) = address else {
            return Self::Unix;
        };
        // An IPv4 client of a socket for both comes as `::ffff:192.0.2.1`.
        match address.ip().to_canonical() {
            IpAddr::V4(ip) => Self::V4(ip.to_bits()),
            IpAddr::V6(ip) => Self::V6((ip.to_bits() >> 64) as u64),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_one_client_whatever_its_port_and_its_interface() {
        let of = |text: &str| Origin::of(&Address::Tcp(text.parse().expect("an address")));
        assert_eq!(of("192.0.2.1:80"), of("192.0.2.1:81"));
        assert_eq!(of("192.0.2.1:80"), of("[::ffff:192.0.2.1]:80"));
        assert_ne!(of("192.0.2.1:80"), of("192.0.2.2:80"));
        assert_eq!(of("[2001:db8:1:2::1]:80"), of("[2001:db8:1:2:3:4:5:6]:81"));
        assert_ne!(of("[2001:db8:1:2::1]:80"), of("[2001:db8:1:3::1]:80"));
        assert_eq!(Origin::of(&Address::Unix(None)), Origin::Unix);
    }
}
