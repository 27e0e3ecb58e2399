//! What is done to sockets that are known by number only.
//!
//! Always true here:
//! - A [`Socket`] that reaches these functions is open: the reactor closes each once, and forgets
//!   it.
//!   A wrong number would be a bug that hits the wrong connection; it could not break memory.
//!
//! Not here: binding listeners (`listener.rs`), which needs no numbers.

use std::io;
use std::net::{SocketAddr, SocketAddrV6};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::sockopt::set_socket_linger;
use rustix::net::{
    RecvFlags, Shutdown, SocketAddrAny, SocketFlags, accept_with, getpeername, getsockname, recv,
    shutdown,
};

use crate::completion::is_passing;
use crate::op::Socket;
use crate::ring::{Address, End};

/// Bytes of one connection that one [`discard`] takes: what a receive buffer of the kernel may
/// hold.
const DISCARDED_BYTES_MAX: usize = 8 * 1024 * 1024;
const DISCARDED_BYTES_EACH: usize = 16 * 1024;

/// Lends the descriptor to `f`.
pub(crate) fn with<T>(socket: Socket, f: impl FnOnce(BorrowedFd<'_>) -> T) -> T {
    assert!(socket.raw() >= 0, "no socket has this number");
    // SAFETY: the number is an open descriptor for the length of this call: the reactor, which runs
    // on this thread only, closes it later; and it is not -1, as was checked.
    f(unsafe { BorrowedFd::borrow_raw(socket.raw()) })
}

/// Takes the descriptor back from the ring.
pub(crate) fn own(socket: Socket) -> OwnedFd {
    assert!(socket.raw() >= 0, "no socket has this number");
    // SAFETY: the caller gives up the name: a `Socket` stands for a descriptor that nothing else
    // owns (it came from `accept` or from an `OwnedFd`) and that is closed once.
    unsafe { OwnedFd::from_raw_fd(socket.raw()) }
}

/// Tells the peer that nothing more is sent. It fails only if the connection has ended.
pub(crate) fn finish_sending(socket: Socket) {
    let _ = with(socket, |fd| shutdown(fd, Shutdown::Write));
}

/// Ends both directions. It fails only if the connection has ended.
pub(crate) fn shut_down(socket: Socket) {
    let _ = with(socket, |fd| shutdown(fd, Shutdown::Both));
}

/// How many bytes that were sent the peer has not taken yet; `None` if the kernel does not say.
pub(crate) fn unacknowledged(socket: Socket) -> Option<u64> {
    let mut count: libc::c_int = 0;
    let result = with(socket, |fd| {
        // SAFETY: `SIOCOUTQ`, which has the number of `TIOCOUTQ`, writes one integer, to a place
        // that is ours and alive during the call.
        unsafe { libc::ioctl(fd.as_raw_fd(), libc::TIOCOUTQ, &raw mut count) }
    });
    (result == 0).then_some(u64::try_from(count).ok()?)
}

/// Has the socket's close reset the connection. Unix sockets have no reset; there it does nothing.
pub(crate) fn reset_when_closed(socket: Socket) {
    // It fails only on what is no socket.
    let _ = with(socket, |fd| set_socket_linger(fd, Some(Duration::ZERO)));
}

/// The address of one end of a connection.
pub(crate) fn address(socket: Socket, end: End) -> io::Result<Address> {
    if socket.raw() < 0 {
        return Err(io::ErrorKind::NotConnected.into()); // of no socket at all: see `Detached`
    }
    let found = with(socket, |fd| match end {
        End::Peer => getpeername(fd)?.ok_or(Errno::NOTCONN),
        End::Local => getsockname(fd),
    });
    match (found, end) {
        (Err(Errno::NOTCONN), End::Peer) => with(socket, peer_after_reset).map(Address::Tcp),
        (found, _) => to_address(found?),
    }
}

/// The peer of a TCP connection that was reset. `getpeername(2)` denies knowing it; the socket does
/// know it until it is closed. So a client cannot hide from limits and logs by leaving.
fn peer_after_reset(fd: BorrowedFd<'_>) -> io::Result<SocketAddr> {
    let mut name = [0; size_of::<libc::sockaddr_in6>()];
    // The kernel refuses to tell more than there is: of IPv4 it is less.
    let told = [name.len(), size_of::<libc::sockaddr_in>()]
        .into_iter()
        .any(|len| peer_name(fd, &mut name[..len]).is_ok());
    let address = told.then(|| parse_name(&name)).flatten();
    address.ok_or_else(|| Errno::NOTCONN.into())
}

/// `SO_PEERNAME`: fills `name`, and fails if the peer's name is shorter.
fn peer_name(fd: BorrowedFd<'_>, name: &mut [u8]) -> io::Result<()> {
    let mut len = name.len() as libc::socklen_t;
    // SAFETY: `name` is writable memory of `len` bytes for the length of the call, and `len` is a
    // local variable; the kernel writes no more than `len` bytes to the one, and the other.
    let result = unsafe {
        libc::getsockopt(
            fd.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_PEERNAME,
            name.as_mut_ptr().cast(),
            &raw mut len,
        )
    };
    match result {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Reads a `sockaddr_in` or a `sockaddr_in6`: the family, the port, and what follows.
fn parse_name(name: &[u8; size_of::<libc::sockaddr_in6>()]) -> Option<SocketAddr> {
    let family = u16::from_ne_bytes(*name.first_chunk()?);
    let port = u16::from_be_bytes(*name[2..].first_chunk()?);
    match i32::from(family) {
        libc::AF_INET => {
            let ip: &[u8; 4] = name[4..].first_chunk()?;
            Some((*ip, port).into())
        }
        libc::AF_INET6 => {
            let flow = u32::from_be_bytes(*name[4..].first_chunk()?);
            let ip: &[u8; 16] = name[8..].first_chunk()?;
            let scope = u32::from_ne_bytes(*name[24..].first_chunk()?);
            Some(SocketAddrV6::new((*ip).into(), port, flow, scope).into())
        }
        _ => None,
    }
}

fn to_address(found: SocketAddrAny) -> io::Result<Address> {
    if let Ok(address) = SocketAddr::try_from(found.clone()) {
        return Ok(Address::Tcp(address));
    }
    let unix = rustix::net::SocketAddrUnix::try_from(found)?;
    let path = unix
        .path()
        .map(|path| path.to_string_lossy().into_owned().into());
    Ok(Address::Unix(path))
}

/// Takes one connection from a listener's queue without waiting; `nonblocking` is what it becomes.
pub(crate) fn accept_now(listener: Socket, nonblocking: bool) -> Result<Option<Socket>, Errno> {
    let mut flags = SocketFlags::CLOEXEC;
    flags.set(SocketFlags::NONBLOCK, nonblocking);
    loop {
        let accepted = with(listener, |fd| {
            rustix::io::ioctl_fionbio(fd, true)?;
            accept_with(fd, flags)
        });
        match accepted {
            Ok(fd) => return Ok(Some(Socket::from(fd))),
            Err(Errno::AGAIN) => return Ok(None),
            Err(errno) if is_passing(errno) => {}
            Err(errno) => return Err(errno),
        }
    }
}

/// Takes what has arrived, up to [`DISCARDED_BYTES_MAX`], and drops it.
pub(crate) fn discard(socket: Socket) {
    let mut piece = [0; DISCARDED_BYTES_EACH];
    for _ in 0..DISCARDED_BYTES_MAX / DISCARDED_BYTES_EACH {
        let received = with(socket, |fd| recv(fd, &mut piece, RecvFlags::DONTWAIT));
        match received {
            Ok((1.., _)) => {}
            Ok(_) | Err(_) => return,
        }
    }
}

/// Drops every further attempt to connect, and lets those pass that the kernel has answered.
///
/// A listener that just closes resets whoever is between its last accept and the close. This leaves
/// nobody there: a new SYN gets no answer, as if the host were still booting, and is sent again.
pub(crate) fn refuse_new(listener: Socket) {
    const fn statement(code: u32, jump_true: u8, jump_false: u8, k: u32) -> libc::sock_filter {
        libc::sock_filter {
            code: code as u16,
            jt: jump_true,
            jf: jump_false,
            k,
        }
    }
    /// Byte 13 of a TCP header holds its flags.
    const FLAGS_AT: u32 = 13;
    const SYN_AND_ACK: u32 = 0x12;
    const SYN: u32 = 0x02;
    let mut program = [
        statement(libc::BPF_LD | libc::BPF_B | libc::BPF_ABS, 0, 0, FLAGS_AT),
        statement(
            libc::BPF_ALU | libc::BPF_AND | libc::BPF_K,
            0,
            0,
            SYN_AND_ACK,
        ),
        statement(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, 1, SYN),
        statement(libc::BPF_RET | libc::BPF_K, 0, 0, 0),
        statement(libc::BPF_RET | libc::BPF_K, 0, 0, u32::MAX),
    ];
    let filter = libc::sock_fprog {
        len: program.len() as u16,
        filter: program.as_mut_ptr(),
    };
    with(listener, |fd| {
        // SAFETY: `filter` and the program it points to are alive during the call, its length is
        // the program's, and the kernel only reads both. If it fails (a Unix socket has no SYN),
        // the listener goes on answering until it closes.
        unsafe {
            libc::setsockopt(
                fd.as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_ATTACH_FILTER,
                (&raw const filter).cast(),
                size_of::<libc::sock_fprog>() as libc::socklen_t,
            );
        }
    });
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    use rustix::net::SendFlags;

    #[test]
    fn a_peer_that_reset_its_connection_is_known_until_the_socket_is_closed() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let listener = TcpListener::bind(address).expect("a free port");
            let client = TcpStream::connect(listener.local_addr().expect("an address"));
            let client = client.expect("connected");
            let expected = client.local_addr().expect("an address");
            let (server, _) = listener.accept().expect("it is connected");
            let before = address_of(&server);
            set_socket_linger(&client, Some(Duration::ZERO)).expect("an option of sockets");
            drop(client);
            let mut byte = [0];
            let read = io::Read::read(&mut &server, &mut byte).expect_err("it was reset");
            assert_eq!(read.kind(), io::ErrorKind::ConnectionReset);
            assert!(
                getpeername(&server).is_err(),
                "{address}: this proves nothing"
            );
            assert_eq!(address_of(&server), Address::Tcp(expected), "{address}");
            assert_eq!(before, Address::Tcp(expected));
        }
    }

    fn address_of(server: &TcpStream) -> Address {
        address(Socket::from_raw(server.as_raw_fd()), End::Peer).expect("it is known")
    }

    #[test]
    fn a_connection_without_a_socket_has_no_address() {
        let socket = crate::Detached::default().with(&mut [], |io| io.socket());
        for end in [End::Peer, End::Local] {
            let error = address(socket, end).expect_err("there is no socket");
            assert_eq!(error.kind(), io::ErrorKind::NotConnected);
        }
    }

    /// Sends until the peer's window and our buffer are full, and has the peer read some of it:
    /// fewer bytes are then unacknowledged, long before there is room to send again.
    #[track_caller]
    fn check_unacknowledged(near: OwnedFd, mut far: impl io::Read) {
        let near = Socket::from(near);
        assert_eq!(unacknowledged(near), Some(0));
        let piece = [1; 16 * 1024];
        let send = || {
            with(near, |fd| {
                rustix::net::send(fd, &piece, SendFlags::DONTWAIT)
            })
        };
        while send().is_ok() {}
        let before = unacknowledged(near).expect("the kernel tells it");
        assert!(before > 0);
        let mut read = vec![0; 256 * 1024];
        for _ in 0..1000 {
            let _ = far.read(&mut read).expect("bytes are there");
            if unacknowledged(near).is_some_and(|after| after < before) {
                return drop(own(near));
            }
        }
        panic!("{:?} of {before} are unacknowledged", unacknowledged(near));
    }

    #[test]
    fn a_peer_that_reads_is_seen_to_do_so() {
        let (near, far) = std::os::unix::net::UnixStream::pair().expect("sockets");
        check_unacknowledged(near.into(), far);
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let far = TcpStream::connect(address).expect("connecting");
        let (near, _) = listener.accept().expect("it has connected");
        check_unacknowledged(near.into(), far);
    }

    #[test]
    fn what_is_no_socket_has_nothing_unacknowledged() {
        let file = std::fs::File::open("/dev/null").expect("it is there");
        let file = Socket::from(OwnedFd::from(file));
        assert_eq!(unacknowledged(file), None);
        reset_when_closed(file);
        drop(own(file));
    }
}
