//! The sends of one ring, and the memory that each lends to the kernel.
//!
//! A send is first tried quietly: while it is submitted, without waiting, telling only if it did
//! not take all. What it was lent is then ours again when the call has returned. Only to a peer
//! that does not read as fast as we send, a send waits for room.
//!
//! Always true here:
//! - Memory is held until the send has completed, or was quiet and submitted.
//! - A slot has one send at a time.
//!
//! Not here: submitting (`uring.rs`).

use std::collections::{HashMap, VecDeque};

use io_uring::types::Fd;
use io_uring::{opcode, squeue};

use crate::completion::{Completion, Loan};
use crate::op::{Outgoing, Pieces, Socket};
use crate::token::{Slot, Token};
use crate::wake::PLACES_MAX;

/// Sends larger than this hardly ever fit into a socket's buffer: they are not tried quietly. (Nor
/// does the kernel ever move 2 GiB at once, which a quiet send could not tell.)
const QUIET_BYTES_MAX: usize = 1 << 20;

#[derive(Default)]
pub(super) struct Sends {
    slots: Vec<Sending>,
    /// By slot: the description of a send of several pieces.
    messages: HashMap<u32, Box<Message>>,
    /// Quiet sends that were pushed and not yet looked after: their tokens, packed, so that they
    /// stay in a register on their way here.
    quiet: Vec<u64>,
    /// Those of them that took all they were given.
    done: VecDeque<Token>,
}

/// A slot's send.
#[derive(Default)]
struct Sending {
    bytes: Option<Outgoing>,
    /// Its token, packed: of which life of the slot it is.
    name: u64,
    course: Course,
}

/// How a slot's send is carried out.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Course {
    /// While it is submitted, telling only if it did not take all.
    #[default]
    Quiet,
    /// So, and it has told.
    Told,
    /// So, and it took all: listed in `done`, once.
    Settled,
    /// When there is room, telling what it took.
    Patient,
}

/// What `sendmsg` is given: it must stay where it is until the send has completed.
struct Message {
    header: libc::msghdr,
    pieces: Vec<libc::iovec>,
}

impl Sends {
    /// Describes a send to the kernel, and holds its memory.
    ///
    /// # Panics
    ///
    /// If the slot's last send is still in flight.
    #[inline(always)] // so that a buffer's parts never pass through memory in other sizes
    pub(super) fn describe(
        &mut self,
        socket: Socket,
        bytes: Outgoing,
        token: Token,
    ) -> squeue::Entry {
        let name = token.pack();
        let index = token.slot.index();
        if index >= self.slots.len() {
            assert!(index < PLACES_MAX, "there is no such slot");
            self.slots.resize_with(index + 1, Sending::default);
        }
        let sending = &mut self.slots[index];
        assert!(
            sending.bytes.is_none(),
            "two sends of one connection: the first one's memory is in use"
        );
        sending.name = name;
        let outgoing = sending.bytes.insert(bytes);
        let is_quiet = sending.course == Course::Quiet && outgoing.left() <= QUIET_BYTES_MAX;
        let mut flags = libc::MSG_NOSIGNAL;
        if is_quiet {
            self.quiet.push(name);
            flags |= libc::MSG_DONTWAIT | libc::MSG_WAITALL; // all at once, or say so
        } else {
            sending.course = Course::Patient;
        }
        let fd = Fd(socket.raw());
        let entry = match outgoing {
            Outgoing::Single { .. } => {
                let bytes = outgoing.front();
                let len = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
                opcode::Send::new(fd, bytes.as_ptr(), len)
                    .flags(flags)
                    .build()
            }
            Outgoing::Vectored(pieces) => {
                let slot = token.slot.get();
                let message = self.messages.entry(slot).or_insert_with(Message::new);
                message.describe(pieces);
                opcode::SendMsg::new(fd, &raw const message.header)
                    .flags(flags as u32)
                    .build()
            }
        };
        let flags = match is_quiet {
            true => squeue::Flags::SKIP_SUCCESS,
            false => squeue::Flags::empty(),
        };
        entry.flags(flags).user_data(name)
    }

    /// A send has a completion: if it was quiet, it did not take all.
    #[inline]
    pub(super) fn note_completion(&mut self, slot: Slot) {
        if let Some(sending) = self.slots.get_mut(slot.index())
            && sending.course == Course::Quiet
        {
            sending.course = Course::Told;
        }
    }

    /// Everything was submitted, and every completion noted: quiet sends that have none took all.
    #[inline]
    pub(super) fn settle(&mut self) {
        for name in self.quiet.drain(..) {
            let Some(token) = Token::unpack(name) else {
                continue;
            };
            let sending = &mut self.slots[token.slot.index()];
            // Listed in an earlier call that left submissions over: another life may be here now.
            if sending.course == Course::Quiet && sending.name == name && sending.bytes.is_some() {
                sending.course = Course::Settled;
                self.done.push_back(token);
            }
        }
    }

    /// The next quiet send that took all, as a completion would say it.
    #[inline]
    pub(super) fn next_done(&mut self) -> Option<Completion> {
        let token = self.done.pop_front()?;
        let sending = &mut self.slots[token.slot.index()];
        debug_assert!(
            sending.course == Course::Settled,
            "it is listed once, and its slot waits for it"
        );
        sending.course = Course::Quiet;
        let bytes = sending.bytes.take()?;
        Some(Completion {
            token,
            result: bytes.left() as i32,
            more: false,
            loan: Loan::Outgoing(bytes),
        })
    }

    /// What a send's own completion gives back. After one that took all there is room again.
    pub(super) fn end(&mut self, slot: Slot, result: i32) -> Loan {
        let Some(sending) = self.slots.get_mut(slot.index()) else {
            return Loan::Nothing;
        };
        let Some(bytes) = sending.bytes.take() else {
            return Loan::Nothing;
        };
        let took_all = usize::try_from(result).is_ok_and(|count| count == bytes.left());
        sending.course = match took_all {
            true => Course::Quiet,
            false => Course::Patient,
        };
        Loan::Outgoing(bytes)
    }
}

impl Message {
    fn new() -> Box<Self> {
        // SAFETY: a `msghdr` is integers and pointers, for all of which zero is a valid value.
        let header = unsafe { std::mem::zeroed() };
        Box::new(Self {
            header,
            pieces: Vec::new(),
        })
    }

    /// Describes what is still to go of some pieces.
    fn describe(&mut self, pieces: &Pieces) {
        self.pieces.clear();
        let mut gone = pieces.sent;
        for piece in &pieces.pieces {
            let bytes = &piece.as_slice()[gone..];
            gone = 0;
            let iov_base = bytes.as_ptr().cast_mut().cast(); // the kernel only reads
            self.pieces.push(libc::iovec {
                iov_base,
                iov_len: bytes.len(),
            });
        }
        self.header.msg_iov = self.pieces.as_mut_ptr();
        self.header.msg_iovlen = self.pieces.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::{Generation, OpKind};

    fn name(generation: u32) -> Token {
        Token::new(OpKind::Send, Slot::new(0), Generation::wrapping(generation))
    }

    fn push(sends: &mut Sends, token: Token, byte: u8) {
        let buffer = vec![byte; 8];
        let bytes = Outgoing::Single { buffer, sent: 0 };
        let _ = sends.describe(Socket::from_raw(0), bytes, token);
    }

    fn done(sends: &mut Sends) -> Vec<Token> {
        std::iter::from_fn(|| sends.next_done())
            .map(|completion| completion.token)
            .collect()
    }

    #[test]
    fn a_send_that_was_left_over_is_not_taken_for_the_next_life_of_its_slot() {
        let mut sends = Sends::default();
        push(&mut sends, name(0), 1);
        // Memory was short, so nothing was settled; it told what it took, and its slot was freed.
        sends.note_completion(Slot::new(0));
        assert!(matches!(sends.end(Slot::new(0), 8), Loan::Outgoing(_)));
        push(&mut sends, name(1), 2);
        sends.settle();
        assert_eq!(done(&mut sends), [name(1)]);
    }

    #[test]
    fn a_send_that_is_listed_twice_completes_once() {
        let mut sends = Sends::default();
        push(&mut sends, name(0), 1);
        sends.note_completion(Slot::new(0));
        assert!(matches!(sends.end(Slot::new(0), 8), Loan::Outgoing(_)));
        push(&mut sends, name(0), 2);
        sends.settle();
        assert!(sends.next_done().is_some());
        push(&mut sends, name(0), 3);
        assert_eq!(done(&mut sends), [], "this one was not submitted yet");
    }
}
