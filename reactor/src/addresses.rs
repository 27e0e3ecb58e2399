//! How many connections one address may have open, over all cores.
//!
//! Always true here:
//! - Without a limit nothing is looked up and nothing counted.
//! - A connection that was counted is taken off the count exactly once.
//!
//! Not here: what happens to one connection more (`admission.rs`).

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::ring::Address;

/// How many connections one address may have open at a time, over all cores, and which addresses
/// may have any number. Of IPv6 it is a network of 64 bits that counts: a client has a whole one.
///
/// ```
/// use ringlane_reactor::AddressLimit;
///
/// let limit = AddressLimit::new(100).exempt("10.0.0.0".parse()?, 8);
/// assert!(limit.is_exempt("10.1.2.3".parse()?));
/// assert!(!limit.is_exempt("192.0.2.1".parse()?));
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AddressLimit {
    connections_max: u32,
    exempt: Vec<(IpAddr, u8)>,
}

impl AddressLimit {
    /// At most so many for each address.
    pub fn new(connections_max: u32) -> Self {
        Self {
            connections_max,
            exempt: Vec::new(),
        }
    }

    /// Lets the addresses of a network have any number: those that begin with as many bits of this
    /// one.
    #[must_use]
    pub fn exempt(mut self, network: IpAddr, bits: u8) -> Self {
        self.exempt.push((network, bits));
        self
    }

    /// Whether an address may have any number.
    pub fn is_exempt(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        let mut networks = self.exempt.iter();
        networks.any(|&(network, bits)| begins_alike(address, network, bits))
    }
}

fn begins_alike(one: IpAddr, other: IpAddr, bits: u8) -> bool {
    let (one, other) = match (one, other) {
        (IpAddr::V4(one), IpAddr::V4(other)) => (
            u128::from(one.to_bits()) << 96,
            u128::from(other.to_bits()) << 96,
        ),
        (IpAddr::V6(one), IpAddr::V6(other)) => (one.to_bits(), other.to_bits()),
        _ => return false,
    };
    let differs = (one ^ other).leading_zeros();
    differs >= u32::from(bits)
}

/// Whose connections are counted together.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) struct CountKey(IpAddr);

impl CountKey {
    fn of(address: IpAddr) -> Self {
        const NETWORK: u128 = u128::MAX << 64;
        Self(match address.to_canonical() {
            IpAddr::V6(address) => IpAddr::V6((address.to_bits() & NETWORK).into()),
            address @ IpAddr::V4(_) => address,
        })
    }
}

/// Locks, so that cores seldom wait for each other.
const SHARDS: usize = 64;

/// The counts of all cores.
#[derive(Debug)]
pub(crate) struct Counts {
    limit: AddressLimit,
    hasher: RandomState,
    shards: [Mutex<HashMap<CountKey, u32>>; SHARDS],
}

impl Counts {
    pub(crate) fn new(limit: AddressLimit) -> Self {
        Self {
            limit,
            hasher: RandomState::new(),
            shards: std::array::from_fn(|_| Mutex::default()),
        }
    }

    fn shard(&self, client: CountKey) -> MutexGuard<'_, HashMap<CountKey, u32>> {
        let at = self.hasher.hash_one(client) as usize % SHARDS;
        self.shards[at]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts one more connection; `Err` if that would be one too many.
    fn take(&self, client: CountKey) -> Result<(), ()> {
        let mut shard = self.shard(client);
        let count = shard.entry(client).or_default();
        if *count >= self.limit.connections_max {
            if *count == 0 {
                shard.remove(&client);
            }
            return Err(());
        }
        *count += 1;
        Ok(())
    }

    fn give_back(&self, client: CountKey) {
        let mut shard = self.shard(client);
        if let Some(count) = shard.get_mut(&client) {
            *count -= 1;
            if *count == 0 {
                shard.remove(&client);
            }
        }
    }
}

/// A connection that is counted, until this is dropped.
#[derive(Debug)]
pub(crate) struct Counted {
    counts: Arc<Counts>,
    client: CountKey,
}

impl Counted {
    /// Counts a connection of this peer; `None` if those of its kind are not, `Err` if there are
    /// too many.
    pub(crate) fn new(counts: &Arc<Counts>, peer: &Address) -> Result<Option<Self>, ()> {
        let Address::Tcp(peer) = peer else {
            return Ok(None);
        };
        if counts.limit.is_exempt(peer.ip()) {
            return Ok(None);
        }
        let client = CountKey::of(peer.ip());
        counts.take(client)?;
        let counts = Arc::clone(counts);
        Ok(Some(Self { counts, client }))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.counts.give_back(self.client);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(address: &str) -> Address {
        let address: IpAddr = address.parse().expect("an address");
        Address::Tcp((address, 80).into())
    }

    #[test]
    fn each_address_has_its_number_and_not_one_more() {
        let counts = Arc::new(Counts::new(AddressLimit::new(2)));
        let take = |address| Counted::new(&counts, &peer(address));
        let (one, _other) = (take("192.0.2.1"), take("192.0.2.1"));
        assert!(take("192.0.2.1").is_err());
        assert!(take("::ffff:192.0.2.1").is_err(), "it is the same address");
        assert!(take("192.0.2.2").is_ok());
        drop(one);
        let again = take("192.0.2.1");
        assert!(again.is_ok());
        assert!(take("192.0.2.1").is_err());
        drop((again, _other));
        let left = counts
            .shards
            .iter()
            .map(|shard| shard.lock().expect("no panic").len());
        assert_eq!(
            left.sum::<usize>(),
            0,
            "nothing is remembered of who has gone"
        );
    }

    #[test]
    fn a_network_of_64_bits_is_one_client() {
        let counts = Arc::new(Counts::new(AddressLimit::new(1)));
        let take = |address| Counted::new(&counts, &peer(address));
        let _one = take("2001:db8:0:1::1");
        assert!(take("2001:db8:0:1:ffff::2").is_err());
        assert!(take("2001:db8:0:2::1").is_ok());
    }

    #[test]
    fn who_is_exempt_may_have_any_number() {
        let limit = AddressLimit::new(0)
            .exempt("10.0.0.0".parse().expect("an address"), 8)
            .exempt("2001:db8::".parse().expect("an address"), 32)
            .exempt("198.51.100.7".parse().expect("an address"), 32);
        let counts = Arc::new(Counts::new(limit));
        for (address, is_free) in [
            ("10.255.0.1", true),
            ("11.0.0.1", false),
            ("::ffff:10.0.0.1", true),
            ("2001:db8:ffff::", true),
            ("2001:db9::", false),
            ("198.51.100.7", true),
            ("198.51.100.6", false),
        ] {
            let counted = Counted::new(&counts, &peer(address));
            assert_eq!(counted.is_ok(), is_free, "{address}");
        }
        assert!(Counted::new(&counts, &Address::Unix(None)).is_ok());
        assert!(!AddressLimit::new(1).is_exempt([10, 0, 0, 1].into()));
        let all = AddressLimit::new(1).exempt([0, 0, 0, 0].into(), 0);
        assert!(all.is_exempt([10, 0, 0, 1].into()));
    }
}
