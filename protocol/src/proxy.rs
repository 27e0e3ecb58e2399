//! Decodes the PROXY protocol's preface, versions 1 and 2.
//!
//! ```text
//! version 1: "PROXY TCP4 192.0.2.7 198.51.100.1 50000 80" CRLF
//! version 2: signature(12) version|command(1) family|transport(1) length(2) addresses TLVs
//! ```
//!
//! After "The PROXY protocol, Versions 1 & 2" by Willy Tarreau (haproxy.org), whose sections the
//! branches cite.
//!
//! Always true here:
//! - Nothing is guessed: bytes that begin neither version are an error, not the client's request.
//! - What does not fit the maximum is refused before it has arrived.
//!
//! Not here: who may send one, and how long that may take (the server's).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::{fmt, str};

/// The longest preface of version 1, CRLF included, in bytes (§2.1).
pub const PROXY_V1_BYTES_MAX: usize = 107;

/// The longest preface of version 2 that is accepted, in bytes. Its length field could say 64 KiB;
/// what senders put there in practice stays below one kilobyte.
pub const PROXY_BYTES_MAX: usize = 4096;

const V1_START: &[u8] = b"PROXY ";
const V2_SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
const V2_HEAD_BYTES: usize = 16;
/// §2.2: what a Unix address takes, NUL bytes behind its path included.
const UNIX_BYTES: usize = 108;

/// How far a preface has been read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ProxyParsed<'a> {
    /// It is well-formed so far, and more must come.
    Partial,
    /// All of it is here.
    Complete {
        /// Its length; the client's own bytes follow.
        consumed: usize,
        /// What it says.
        ends: ProxyEnds<'a>,
    },
}

/// The ends of the connection that a proxy accepted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ProxyEnds<'a> {
    /// None are given: the proxy's own connection (`LOCAL`, a health check), or a family that it
    /// did not know. The ends of the socket itself count.
    Unsaid,
    /// TCP over IPv4 or IPv6.
    Tcp {
        /// The client.
        source: Endpoint,
        /// What the client connected to.
        destination: Endpoint,
    },
    /// A Unix socket: the paths, empty where an end has none.
    Unix {
        /// The client.
        source: &'a [u8],
        /// What the client connected to.
        destination: &'a [u8],
    },
}

/// One end of a TCP connection.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Endpoint {
    /// The address, as it was written.
    pub address: IpAddr,
    /// The port.
    pub port: u16,
}

/// Why a connection does not begin with a preface. It has to be closed without an answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ProxyError {
    /// The first bytes are of no version.
    Missing,
    /// Longer than the maximum of its version.
    TooLong,
    /// This part of it is not as it must be.
    Malformed(&'static str),
}

impl fmt::Display for ProxyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("there is no PROXY preface"),
            Self::TooLong => f.write_str("the PROXY preface is too long"),
            Self::Malformed(what) => write!(f, "the PROXY preface is malformed: {what}"),
        }
    }
}

impl std::error::Error for ProxyError {}

/// Reads a preface from the start of a connection's bytes, of either version. While it is
/// [`Partial`](ProxyParsed::Partial), call again with the same bytes and more.
///
/// # Errors
///
/// If the connection does not begin with one.
///
/// ```
/// use ringlane_protocol::{ProxyEnds, ProxyParsed, parse_proxy};
///
/// let input = b"PROXY TCP4 192.0.2.7 198.51.100.1 50000 80\r\nGET / HTTP/1.1\r\n";
/// let ProxyParsed::Complete { consumed, ends } = parse_proxy(input)? else { unreachable!() };
/// assert!(input[consumed..].starts_with(b"GET "));
/// let ProxyEnds::Tcp { source, .. } = ends else { unreachable!() };
/// assert_eq!((source.address.to_string(), source.port), ("192.0.2.7".to_owned(), 50000));
/// # Ok::<(), ringlane_protocol::ProxyError>(())
/// ```
pub fn parse_proxy(input: &[u8]) -> Result<ProxyParsed<'_>, ProxyError> {
    if starts(input, V2_SIGNATURE) {
        parse_v2(input)
    } else if starts(input, V1_START) {
        parse_v1(input)
    } else {
        Err(ProxyError::Missing)
    }
}

/// Whether `input` begins with `expected`, as far as it is here.
fn starts(input: &[u8], expected: &[u8]) -> bool {
    let common = input.len().min(expected.len());
    input[..common] == expected[..common]
}

/// §2.1: one line of text.
fn parse_v1(input: &[u8]) -> Result<ProxyParsed<'_>, ProxyError> {
    let shown = &input[..input.len().min(PROXY_V1_BYTES_MAX)];
    let Some(end) = memchr::memmem::find(shown, b"\r\n") else {
        return match input.len() >= PROXY_V1_BYTES_MAX {
            true => Err(ProxyError::TooLong),
            false => Ok(ProxyParsed::Partial),
        };
    };
    let line = str::from_utf8(&shown[..end]).map_err(|_| ProxyError::Malformed("no text"))?;
    let mut words = line.split(' ').skip(1);
    let ends = match words.next() {
        Some("TCP4") => v1_ends(words, |text| text.parse::<Ipv4Addr>().map(IpAddr::V4).ok())?,
        Some("TCP6") => v1_ends(words, |text| text.parse::<Ipv6Addr>().map(IpAddr::V6).ok())?,
        // "the receiver must ignore anything presented before the CRLF"
        Some("UNKNOWN") => ProxyEnds::Unsaid,
        Some(_) | None => return Err(ProxyError::Malformed("family")),
    };
    let consumed = end + 2;
    Ok(ProxyParsed::Complete { consumed, ends })
}

/// Two addresses and two ports, with one space between.
fn v1_ends<'a>(
    mut words: impl Iterator<Item = &'a str>,
    parse: impl Fn(&str) -> Option<IpAddr>,
) -> Result<ProxyEnds<'static>, ProxyError> {
    let mut address = || words.next().and_then(&parse);
    let addresses = address().zip(address());
    let (source, destination) = addresses.ok_or(ProxyError::Malformed("address"))?;
    let mut port = || words.next().and_then(v1_port);
    let ports = port().zip(port());
    let (source_port, destination_port) = ports.ok_or(ProxyError::Malformed("port"))?;
    if words.next().is_some() {
        return Err(ProxyError::Malformed("words behind the ports"));
    }
    Ok(ProxyEnds::Tcp {
        source: Endpoint {
            address: source,
            port: source_port,
        },
        destination: Endpoint {
            address: destination,
            port: destination_port,
        },
    })
}

/// §2.1: digits without leading zeros.
fn v1_port(text: &str) -> Option<u16> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
    let is_short = text == "0" || !text.starts_with('0');
    text.parse().ok().filter(|_| is_plain && is_short)
}

/// §2.2: a binary head that tells its length.
fn parse_v2(input: &[u8]) -> Result<ProxyParsed<'_>, ProxyError> {
    let byte = |at: usize| input.get(V2_SIGNATURE.len() + at).copied();
    let Some(version_command) = byte(0) else {
        return Ok(ProxyParsed::Partial);
    };
    if version_command >> 4 != 2 {
        return Err(ProxyError::Malformed("version"));
    }
    let is_local = match version_command & 0xf {
        0 => true,
        1 => false,
        _ => return Err(ProxyError::Malformed("command")),
    };
    let Some(family_transport) = byte(1) else {
        return Ok(ProxyParsed::Partial);
    };
    if family_transport >> 4 > 3 {
        return Err(ProxyError::Malformed("family"));
    }
    if family_transport & 0xf > 2 {
        return Err(ProxyError::Malformed("transport"));
    }
    let Some((high, low)) = byte(2).zip(byte(3)) else {
        return Ok(ProxyParsed::Partial);
    };
    let consumed = V2_HEAD_BYTES + usize::from(u16::from_be_bytes([high, low]));
    if consumed > PROXY_BYTES_MAX {
        return Err(ProxyError::TooLong);
    }
    let Some(rest) = input.get(V2_HEAD_BYTES..consumed) else {
        return Ok(ProxyParsed::Partial);
    };
    let ends = match is_local {
        true => ProxyEnds::Unsaid, // §2.2: "must discard the protocol block"
        false => v2_ends(family_transport, rest).ok_or(ProxyError::Malformed("length"))?,
    };
    Ok(ProxyParsed::Complete { consumed, ends })
}

/// The addresses at the start of `rest`; what follows are TLVs, which nobody asks for. `None` if
/// there are too few bytes.
fn v2_ends(family_transport: u8, rest: &[u8]) -> Option<ProxyEnds<'_>> {
    Some(match family_transport {
        0x11 => {
            let (addresses, ports) = rest.get(..12)?.split_at(8);
            let address = |at| IpAddr::V4(Ipv4Addr::from(array::<4>(addresses, at)));
            tcp(address(0), address(4), ports)
        }
        0x21 => {
            let (addresses, ports) = rest.get(..36)?.split_at(32);
            let address = |at| IpAddr::V6(Ipv6Addr::from(array::<16>(addresses, at)));
            tcp(address(0), address(16), ports)
        }
        0x31 => {
            let (source, destination) = rest.get(..2 * UNIX_BYTES)?.split_at(UNIX_BYTES);
            ProxyEnds::Unix {
                source: path(source),
                destination: path(destination),
            }
        }
        // §2.2: a receiver that does not support the transport uses the socket's own ends.
        _ => ProxyEnds::Unsaid,
    })
}

fn tcp(source: IpAddr, destination: IpAddr, ports: &[u8]) -> ProxyEnds<'static> {
    let end = |address, at| Endpoint {
        address,
        port: u16::from_be_bytes(array(ports, at)),
    };
    ProxyEnds::Tcp {
        source: end(source, 0),
        destination: end(destination, 2),
    }
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut array = [0; N];
    array.copy_from_slice(&bytes[at..at + N]);
    array
}

/// A path up to its NUL. An abstract name begins with one, and counts as none.
fn path(bytes: &[u8]) -> &[u8] {
    let end = memchr::memchr(0, bytes).unwrap_or(bytes.len());
    &bytes[..end]
}
