//! Listening sockets: addresses, options, and telling a taken port before anyone serves.
//!
//! Always true here:
//! - A TCP address that another process listens on is refused; the cores of this one share it.
//! - Port 0 is resolved once, so that all cores listen on the same port.
//! - A Unix socket's path is taken over only if nobody listens there any more; who is bound there
//!   and was about to listen is told.
//!
//! Not here: accepting (`admission.rs`), when listening begins (`cores.rs`).

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::net::{
    AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, connect, getsockname, listen,
    socket_with, sockopt,
};

mod address;
mod path;

pub use address::{AddressError, Bind};
pub(crate) use path::BoundPath;

/// Why an address cannot be listened on.
#[derive(Debug)]
pub struct BindError {
    /// Which.
    pub bind: Bind,
    /// What the kernel said.
    pub cause: io::Error,
    /// For how long it was tried again and again: zero if it was tried once.
    pub tried_for: Duration,
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            bind,
            cause,
            tried_for,
        } = self;
        write!(f, "cannot listen on {bind}: ")?;
        match (cause.kind(), bind) {
            (io::ErrorKind::AddrInUse, _) => {
                f.write_str("another process listens there already")?;
                if !tried_for.is_zero() {
                    write!(f, " and has not gone within {tried_for:.1?}")?;
                }
                match bind {
                    Bind::Tcp(_) => f.write_str("; stop it or choose another port"),
                    Bind::Unix(_) => Ok(()),
                }
            }
            (io::ErrorKind::AlreadyExists, _) => {
                f.write_str("a file that is not a socket is in the way")
            }
            (io::ErrorKind::PermissionDenied, Bind::Tcp(address)) if address.port() < 1024 => {
                write!(
                    f,
                    "ports below 1024 are privileged; choose a higher one, grant CAP_NET_BIND_SERVICE, \
                     or lower net.ipv4.ip_unprivileged_port_start ({cause})"
                )
            }
            (io::ErrorKind::AddrNotAvailable, _) => f.write_str("this machine has no such address"),
            _ => write!(f, "{cause}"),
        }
    }
}

impl std::error::Error for BindError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.cause)
    }
}

/// How listeners are made.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Options {
    /// Connections that may wait to be accepted, per listener; the kernel caps it at
    /// `net.core.somaxconn`. Default 4,096.
    pub backlog: i32,
    /// Send small segments at once. Default on.
    pub nodelay: bool,
    /// How many routers a packet may pass (`IP_TTL`, `IPV6_UNICAST_HOPS`). Default: the machine's,
    /// mostly 64; 1 to 255.
    pub ttl: Option<u8>,
    /// Share the port with other processes that do the same. Default off: a taken port is an error.
    pub share_port: bool,
    /// Give a connection to the core whose CPU handled its first packet (`SO_INCOMING_CPU`), where
    /// there is one, instead of dealing by a hash of its addresses. Default off. Needs pinned
    /// cores; kernels before 6.2 go on by the hash.
    pub incoming_cpu: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            backlog: 4096,
            nodelay: true,
            ttl: None,
            share_port: false,
            incoming_cpu: false,
        }
    }
}

/// One address, bound but not listening yet.
#[derive(Debug)]
pub(crate) struct Bound {
    /// As it turned out: with its port.
    pub(crate) bind: Bind,
    /// What is to be removed at the end. Dropped first: while the socket lives, no other file has
    /// its inode.
    pub(crate) path: Option<BoundPath>,
    /// One per core for TCP; a single one otherwise, whose core deals.
    pub(crate) sockets: Vec<OwnedFd>,
}

/// How long an address that is taken is tried again before that is believed. The kernel ends the
/// ring of a process that was killed some milliseconds after the process, and its listeners then.
pub(crate) const TAKEN_FOR: Duration = Duration::from_secs(1);

/// Binds an address for so many cores. One that is taken is tried again until `patience` has
/// passed.
pub(crate) fn prepare(
    bind: &Bind,
    cores: usize,
    options: Options,
    patience: Duration,
) -> Result<Bound, BindError> {
    const PAUSE_MAX: Duration = Duration::from_millis(100);
    let began = Instant::now();
    let mut pause = Duration::from_millis(2);
    loop {
        let bound = match bind {
            Bind::Tcp(address) => prepare_tcp(*address, cores, options),
            Bind::Unix(path) => prepare_unix(path),
        };
        let cause = match bound {
            Ok(bound) => return Ok(bound),
            Err(cause) => cause,
        };
        let is_taken = cause.kind() == io::ErrorKind::AddrInUse;
        let left = patience.saturating_sub(began.elapsed());
        if !is_taken || left.is_zero() {
            let tried_for = if is_taken { patience } else { Duration::ZERO };
            return Err(BindError {
                bind: bind.clone(),
                cause,
                tried_for,
            });
        }
        std::thread::sleep(pause.min(left));
        pause = (2 * pause).min(PAUSE_MAX);
    }
}

/// Lets the kernel queue connections; from now on clients get through. Of listeners that share an
/// address, the kernel prefers each core's for what its CPU receives, if their CPUs are given.
///
/// It fails if another process took the address since it was bound: that shows only now.
pub(crate) fn begin(
    bound: &Bound,
    options: Options,
    cpus: Option<&[usize]>,
) -> Result<(), BindError> {
    begin_all(bound, options, cpus).map_err(|cause| BindError {
        bind: bound.bind.clone(),
        cause,
        tried_for: Duration::ZERO,
    })
}

fn begin_all(bound: &Bound, options: Options, cpus: Option<&[usize]>) -> io::Result<()> {
    let cpus = cpus.filter(|_| bound.path.is_none()); // we deal those ourselves
    for (core, socket) in bound.sockets.iter().enumerate() {
        if let Some(cpu) = cpus.and_then(|cpus| cpus.get(core)) {
            let cpu = u32::try_from(*cpu).map_err(io::Error::other)?;
            sockopt::set_socket_incoming_cpu(socket, cpu)?;
        }
        listen(socket, options.backlog)?;
    }
    match &bound.path {
        // While nobody listened there, it looked as if it was left behind.
        Some(path) if !path.leads_here()? => Err(Errno::ADDRINUSE.into()),
        Some(_) | None => Ok(()),
    }
}

fn prepare_tcp(address: SocketAddr, cores: usize, options: Options) -> io::Result<Bound> {
    let mut address = address;
    if !options.share_port {
        // Without SO_REUSEPORT, so that a taken port is found out.
        address = local_address(&tcp_socket(address, options, false)?)?;
    }
    let mut sockets = Vec::new();
    for _ in 0..cores {
        let socket = tcp_socket(address, options, true)?;
        address = local_address(&socket)?; // all others take the port that the first one got
        sockets.push(socket);
    }
    Ok(Bound {
        bind: Bind::Tcp(address),
        path: None,
        sockets,
    })
}

fn tcp_socket(address: SocketAddr, options: Options, share: bool) -> io::Result<OwnedFd> {
    let family = if address.is_ipv4() {
        AddressFamily::INET
    } else {
        AddressFamily::INET6
    };
    let socket = socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    sockopt::set_socket_reuseaddr(&socket, true)?;
    if share {
        sockopt::set_socket_reuseport(&socket, true)?;
    }
    // Accepted sockets inherit these: no call per connection.
    sockopt::set_tcp_nodelay(&socket, options.nodelay)?;
    if let Some(ttl) = options.ttl {
        match address {
            SocketAddr::V4(_) => sockopt::set_ip_ttl(&socket, ttl.into())?,
            SocketAddr::V6(_) => sockopt::set_ipv6_unicast_hops(&socket, Some(ttl))?,
        }
    }
    bind(&socket, &address)?;
    Ok(socket)
}

fn local_address(socket: &OwnedFd) -> io::Result<SocketAddr> {
    Ok(SocketAddr::try_from(getsockname(socket.as_fd())?)?)
}

fn prepare_unix(path: &Path) -> io::Result<Bound> {
    let address = SocketAddrUnix::new(path)?;
    let new = || {
        socket_with(
            AddressFamily::UNIX,
            SocketType::STREAM,
            SocketFlags::CLOEXEC,
            None,
        )
    };
    let socket = new()?;
    match bind(&socket, &address) {
        Ok(()) => {}
        Err(Errno::ADDRINUSE) => {
            if !std::fs::symlink_metadata(path)?.file_type().is_socket() {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            // A process that ended without removing its path leaves nobody to connect to.
            if connect(&new()?, &address) != Err(Errno::CONNREFUSED) {
                return Err(Errno::ADDRINUSE.into());
            }
            std::fs::remove_file(path)?;
            bind(&socket, &address)?;
        }
        Err(errno) => return Err(errno.into()),
    }
    Ok(Bound {
        bind: Bind::Unix(path.into()),
        path: Some(BoundPath::new(path)?),
        sockets: vec![socket],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::os::unix::net::{UnixListener, UnixStream};
    use std::path::PathBuf;

    #[track_caller]
    fn refuses(text: &str, because: &str) {
        let error = text.parse::<Bind>().expect_err(text);
        assert!(error.to_string().contains(because), "{error}");
    }

    #[test]
    fn bad_addresses_are_named_with_the_reason() {
        refuses("8080", "the port is missing");
        refuses(":8080", "the host is missing");
        refuses("127.0.0.1:", "not a number");
        refuses("127.0.0.1:65536", "not a number");
        refuses("127.0.0.1:web", "not a number");
        refuses("unix:", "empty");
        refuses(&format!("unix:/{}", "x".repeat(108)), "too long");
    }

    #[test]
    fn a_taken_port_is_an_error_and_sharing_it_is_a_choice() {
        let any = "127.0.0.1:0".parse().expect("an address");
        let first = prepare(&any, 2, Options::default(), Duration::ZERO).expect("a free port");
        begin(&first, Options::default(), None).expect("listening");
        let error =
            prepare(&first.bind, 1, Options::default(), Duration::ZERO).expect_err("it is taken");
        assert!(
            error.to_string().contains("another process listens there"),
            "{error}"
        );
        let shared = Options {
            share_port: true,
            ..Options::default()
        };
        assert!(prepare(&first.bind, 1, shared, Duration::ZERO).is_ok());
    }

    #[test]
    fn a_port_that_is_given_up_in_time_is_taken_over() {
        let path = socket_path("given-up");
        for bind in ["127.0.0.1:0".parse().expect("an address"), Bind::Unix(path)] {
            let options = Options::default();
            let first = prepare(&bind, 1, options, Duration::ZERO).expect("it is free");
            begin(&first, options, None).expect("listening");
            let bind = first.bind.clone();
            let patience = Duration::from_millis(300);
            let began = Instant::now();
            let error = prepare(&bind, 1, options, patience).expect_err("it is not given up");
            assert!(began.elapsed() >= patience);
            let text = error.to_string();
            assert!(text.contains("has not gone within 300.0ms"), "{text}");
            // As the kernel does it with the ring of a process that was killed.
            let late = std::thread::spawn(move || {
                std::thread::sleep(Duration::from_millis(50));
                drop(first);
            });
            prepare(&bind, 2, options, Duration::from_secs(30)).expect("it is given up");
            late.join().expect("it only waits");
        }
    }

    #[test]
    fn accepted_sockets_inherit_what_is_set_about_the_listener() {
        for (nodelay, ttl) in [(true, None), (false, Some(7)), (true, Some(255))] {
            let options = Options {
                nodelay,
                ttl,
                ..Options::default()
            };
            for address in ["127.0.0.1:0", "[::1]:0"] {
                let any = address.parse().expect("an address");
                let mut bound = prepare(&any, 1, options, Duration::ZERO).expect("a free port");
                let Bind::Tcp(address) = bound.bind else {
                    panic!("a TCP address stays one");
                };
                begin(&bound, options, None).expect("listening");
                let socket = bound.sockets.remove(0);
                let _client = std::net::TcpStream::connect(address).expect("connecting");
                let (accepted, _) = std::net::TcpListener::from(socket).accept().expect("one");
                assert_eq!(accepted.nodelay().expect("an option"), nodelay);
                let hops = match address {
                    SocketAddr::V4(_) => accepted.ttl().expect("an option"),
                    SocketAddr::V6(_) => sockopt::ipv6_unicast_hops(&accepted)
                        .expect("an option")
                        .into(),
                };
                if let Some(ttl) = ttl {
                    assert_eq!(hops, u32::from(ttl));
                }
            }
        }
    }

    /// A path of this test alone.
    fn socket_path(test: &str) -> PathBuf {
        std::env::temp_dir().join(format!("ringlane-{test}-{}.sock", std::process::id()))
    }

    #[test]
    fn a_dead_unix_socket_is_replaced_and_a_live_one_is_not() {
        let path = socket_path("dead");
        let bind = Bind::Unix(path.clone());
        drop(UnixListener::bind(&path).expect("a free path"));
        assert!(path.exists(), "nobody has removed it");
        let first = prepare(&bind, 4, Options::default(), Duration::ZERO)
            .expect("nobody listens there any more");
        begin(&first, Options::default(), None).expect("listening");
        assert!(
            prepare(&bind, 1, Options::default(), Duration::ZERO).is_err(),
            "somebody listens there"
        );
        drop(first);
        assert!(!path.exists(), "what was bound is left");
        std::fs::write(&path, "").expect("a file");
        let error =
            prepare(&bind, 1, Options::default(), Duration::ZERO).expect_err("a file is there");
        assert!(error.to_string().contains("not a socket"), "{error}");
        std::fs::remove_file(&path).expect("removing the file");
    }

    #[test]
    fn a_path_that_was_taken_or_moved_before_we_listened_is_an_error() {
        let path = socket_path("taken");
        let bind = Bind::Unix(path.clone());
        let first = prepare(&bind, 1, Options::default(), Duration::ZERO).expect("a free path");
        let second = prepare(&bind, 1, Options::default(), Duration::ZERO)
            .expect("nobody listens there yet");
        let error = begin(&first, Options::default(), None).expect_err("nobody finds it");
        assert!(
            error.to_string().contains("another process listens there"),
            "{error}"
        );
        drop(first);
        begin(&second, Options::default(), None).expect("the path is ours");
        UnixStream::connect(&path).expect("connecting");

        let third = socket_path("moved");
        std::fs::rename(&path, &third).expect("moving it away");
        let error = begin(&second, Options::default(), None).expect_err("nobody finds it");
        assert_eq!(error.cause.kind(), io::ErrorKind::NotFound, "{error}");
        std::fs::remove_file(&third).expect("removing the socket");
    }
}
