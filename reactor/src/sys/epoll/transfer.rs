//! Bytes through a socket, as many as go without waiting.
//!
//! Always true here:
//! - No call waits and none raises a signal, whatever mode the socket is in: adopted ones may
//!   block.
//!
//! Not here: what is done about a short count or about none (`epoll.rs`).

use std::io::IoSlice;

use rustix::buffer::spare_capacity;
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendAncillaryBuffer, SendFlags};

use crate::op::{Outgoing, Pieces, Socket};
use crate::outbox::PIECES_PER_SEND_MAX;
use crate::sys::socket;

/// Receives what is there, as far as it fits behind what memory holds.
pub(super) fn receive(from: Socket, memory: &mut Vec<u8>) -> Result<usize, Errno> {
    loop {
        let received = socket::with(from, |fd| {
            rustix::net::recv(fd, spare_capacity(memory), RecvFlags::DONTWAIT)
        });
        match received {
            Err(Errno::INTR) => {}
            Ok((_, count)) => return Ok(count),
            Err(errno) => return Err(errno),
        }
    }
}

/// Sends as much as there is room for.
pub(super) fn send(to: Socket, bytes: &Outgoing) -> Result<usize, Errno> {
    let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
    loop {
        let sent = socket::with(to, |fd| match bytes {
            Outgoing::Single { .. } => rustix::net::send(fd, bytes.front(), flags),
            Outgoing::Vectored(pieces) => {
                let mut slices = [IoSlice::new(&[]); PIECES_PER_SEND_MAX];
                let slices = describe(pieces, &mut slices);
                rustix::net::sendmsg(fd, slices, &mut SendAncillaryBuffer::default(), flags)
            }
        });
        match sent {
            Err(Errno::INTR) => {}
            Ok(_) | Err(_) => return sent,
        }
    }
}

/// What is still to go of some pieces, as far as one call takes them.
fn describe<'s, 'p>(
    pieces: &'p Pieces,
    slices: &'s mut [IoSlice<'p>; PIECES_PER_SEND_MAX],
) -> &'s [IoSlice<'p>] {
    let mut gone = pieces.sent;
    let mut count = 0;
    for (slice, piece) in slices.iter_mut().zip(&pieces.pieces) {
        *slice = IoSlice::new(&piece.as_slice()[gone..]);
        gone = 0;
        count += 1;
    }
    &slices[..count]
}
