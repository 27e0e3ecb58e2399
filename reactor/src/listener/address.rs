//! Addresses to listen on, as they are written.
//!
//! Not here: binding them (`listener.rs`).

use std::fmt;
use std::net::{SocketAddr, ToSocketAddrs, UdpSocket};
use std::path::PathBuf;
use std::str::FromStr;

use rustix::net::SocketAddrUnix;

/// Where to listen.
///
/// ```
/// use ringlane_reactor::listener::Bind;
///
/// assert!("127.0.0.1:8080".parse::<Bind>().is_ok());
/// assert!("[::1]:0".parse::<Bind>().is_ok());
/// assert!("unix:/run/app.sock".parse::<Bind>().is_ok());
/// assert!("8080".parse::<Bind>().is_err());
/// ```
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Bind {
    /// TCP over IPv4 or IPv6; port 0 means any free port.
    Tcp(SocketAddr),
    /// A Unix socket at this path.
    Unix(PathBuf),
}

impl fmt::Display for Bind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// An address that cannot be understood.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AddressError {
    text: String,
    problem: String,
}

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { text, problem } = self;
        write!(
            f,
            "`{text}` is not an address to listen on: {problem} \
             (expected HOST:PORT, [IPV6]:PORT or unix:PATH)"
        )
    }
}

impl std::error::Error for AddressError {}

impl FromStr for Bind {
    type Err = AddressError;

    /// `HOST:PORT`, `[IPV6]:PORT` or `unix:PATH`. A host name is looked up, and its first address
    /// taken: see [`Bind::all`].
    fn from_str(text: &str) -> Result<Self, AddressError> {
        Self::all(text).map(|mut all| all.swap_remove(0))
    }
}

impl Bind {
    /// All addresses that a text stands for, one at least: several if it is the name of a host with
    /// several, such as `localhost`. Those that this machine has not are left out, as where IPv6 is
    /// off, unless it has none of them.
    ///
    /// ```
    /// use ringlane_reactor::listener::Bind;
    ///
    /// assert_eq!(Bind::all("127.0.0.1:80")?.len(), 1);
    /// assert!(!Bind::all("localhost:80")?.is_empty());
    /// # Ok::<(), ringlane_reactor::listener::AddressError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the text cannot be understood, or the host has no address.
    pub fn all(text: &str) -> Result<Vec<Self>, AddressError> {
        let wrong = |problem: &str| AddressError {
            text: text.into(),
            problem: problem.into(),
        };
        if let Some(path) = text.strip_prefix("unix:") {
            return match SocketAddrUnix::new(path) {
                _ if path.is_empty() => Err(wrong("the path is empty")),
                Ok(_) => Ok(vec![Self::Unix(path.into())]),
                Err(_) => Err(wrong("the path is too long for a Unix socket (107 bytes)")),
            };
        }
        let Some((host, port)) = text.rsplit_once(':') else {
            return Err(wrong("the port is missing"));
        };
        if port.parse::<u16>().is_err() {
            return Err(wrong("the port is not a number from 0 to 65535"));
        }
        if host.is_empty() {
            return Err(wrong("the host is missing; 0.0.0.0 or [::] stands for all"));
        }
        let found = text
            .to_socket_addrs()
            .map_err(|error| wrong(&error.to_string()))?;
        match of_this_machine(found.collect()) {
            found if found.is_empty() => Err(wrong("the host has no address")),
            found => Ok(found.into_iter().map(Self::Tcp).collect()),
        }
    }
}

/// Those of a host's addresses that this machine has, each once; all if it has none of them.
fn of_this_machine(mut found: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let mut seen = Vec::new();
    found.retain(|address| {
        let is_new = !seen.contains(address);
        seen.push(*address);
        is_new
    });
    if found.len() < 2 {
        return found;
    }
    let is_here = |address: &SocketAddr| UdpSocket::bind((address.ip(), 0)).is_ok();
    let here: Vec<SocketAddr> = found.iter().copied().filter(is_here).collect();
    if here.is_empty() { found } else { here }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stands_for_all_its_addresses_that_this_machine_has() {
        let address = |text: &str| text.parse::<SocketAddr>().expect("an address");
        let [one, other] = [address("127.0.0.1:80"), address("127.0.0.2:80")];
        let elsewhere = address("203.0.113.201:80"); // of no machine
        assert_eq!(of_this_machine(vec![one, other, one]), [one, other]);
        assert_eq!(of_this_machine(vec![elsewhere, one]), [one]);
        assert_eq!(of_this_machine(vec![elsewhere]), [elsewhere]);
        let nowhere = vec![elsewhere, address("203.0.113.202:80")];
        assert_eq!(of_this_machine(nowhere.clone()), nowhere);
        let local = Bind::all("localhost:80").expect("every machine has it");
        assert_eq!("localhost:80".parse::<Bind>().as_ref(), Ok(&local[0]));
    }
}
