//! Sets of addresses that an operator names: networks in CIDR notation, and Unix sockets.
//!
//! Always true here:
//! - An IPv4 address is the same whether it came over an IPv4 or an IPv6 socket.
//!
//! Not here: what being in one allows (`context/client.rs`, `conversation/preface.rs`).

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;
use ringlane_reactor::Address;

/// How all Unix sockets are named.
const UNIX: &str = "unix:";

/// Addresses of peers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Networks {
    ranges: Vec<IpNet>,
    unix: bool,
}

impl Networks {
    /// Adds `192.0.2.0/24`, `2001:db8::/32`, a single address, or `unix:`.
    pub(crate) fn add(&mut self, text: &str) -> Result<(), NetworkError> {
        if text == UNIX {
            self.unix = true;
            return Ok(());
        }
        let single = text.parse::<IpAddr>().map(IpNet::from);
        let range = single.or_else(|_| text.parse::<IpNet>());
        let range = range.map_err(|_| NetworkError(text.to_owned()))?;
        self.ranges.push(range);
        Ok(())
    }

    /// The networks, each by an address and the number of bits that count.
    pub(crate) fn ranges(&self) -> impl Iterator<Item = (IpAddr, u8)> {
        let ranges = self.ranges.iter();
        ranges.map(|range| (range.addr(), range.prefix_len()))
    }

    pub(crate) fn has(&self, peer: &Address) -> bool {
        match peer {
            Address::Tcp(address) => self.has_ip(address.ip()),
            Address::Unix(_) => self.unix,
            _ => false,
        }
    }

    pub(crate) fn has_ip(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.ranges.iter().any(|range| range.contains(&address))
    }
}

/// A text that names no network.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NetworkError(String);

impl fmt::Display for NetworkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` is no network (expected ADDRESS, ADDRESS/BITS or unix:)",
            self.0
        )
    }
}

impl std::error::Error for NetworkError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn networks(texts: &[&str]) -> Networks {
        let mut networks = Networks::default();
        for text in texts {
            networks.add(text).expect("a network");
        }
        networks
    }

    #[test]
    fn each_kind_of_peer_is_found_in_its_network() {
        let inner = networks(&["10.0.0.0/8", "192.0.2.7", "2001:db8::/32", "fe80::1"]);
        for (address, is_in) in [
            ("10.255.0.1", true),
            ("11.0.0.1", false),
            ("::ffff:10.0.0.1", true),
            ("::ffff:11.0.0.1", false),
            ("::10.0.0.1", false),
            ("192.0.2.7", true),
            ("192.0.2.8", false),
            ("2001:db8:ffff::", true),
            ("2001:db9::", false),
            ("fe80::1", true),
            ("fe80::2", false),
        ] {
            let address: IpAddr = address.parse().expect("an address");
            assert_eq!(inner.has_ip(address), is_in, "{address}");
            assert_eq!(inner.has(&Address::Tcp((address, 80).into())), is_in);
        }
        assert!(!inner.has(&Address::Unix(None)));
        assert!(networks(&["unix:"]).has(&Address::Unix(Some("/a".into()))));
        assert!(!networks(&[]).has_ip([127, 0, 0, 1].into()));
    }

    #[test]
    fn what_is_no_network_is_named() {
        for text in [
            "",
            "10.0.0.0/33",
            "10/8",
            "::/129",
            "proxy.example",
            "unix",
            "10.0.0.0/-1",
        ] {
            let error = Networks::default().add(text).expect_err("no network");
            assert!(error.to_string().contains(&format!("`{text}`")), "{error}");
        }
    }
}
