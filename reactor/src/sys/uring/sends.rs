//! The sends of one ring, and the memory that each lends to the kernel.
//!
//! A send is first tried quietly: while it is submitted, without waiting, telling only if it did
//! not take all. What it was lent is then ours again when the call has returned. Only to a peer
//! that does not read as fast as we send, a send waits for room.
//!
//! Always true here:
//! - Memory is held until the send has completed, or was quiet and submitted.
//! - A slot has one send at a time.
//! - A slot without a send costs 8 bytes.
//!
//! Not here: submitting (`uring.rs`).

use std::collections::VecDeque;

use io_uring::types::Fd;
use io_uring::{opcode, squeue};

use crate::completion::{Completion, Loan};
use crate::op::{Outgoing, Pieces, Socket};
use crate::token::{Slot, Token};
use crate::wake::PLACES_MAX;

/// Sends larger than this hardly ever fit into a socket's buffer: they are not tried quietly. (Nor
/// does the kernel ever move 2 GiB at once, which a quiet send could not tell.)
const QUIET_BYTES_MAX: usize = 1 << 20;

/// The memory of so many sends in flight is kept when none is.
const KEPT_MAX: usize = 4096;

#[derive(Default)]
pub(super) struct Sends {
    /// By slot: its send, or how its next one goes.
    slots: Vec<Place>,
    /// Those in flight: mostly few, in the same memory again and again.
    active: Vec<Sending>,
    /// Places in `active` that are free; the one that was used last is the next.
    free: Vec<u32>,
    /// Quiet sends that were pushed and not yet looked after: their tokens, packed, so that they
    /// stay in a register on their way here.
    quiet: Vec<u64>,
    /// Those of them that took all they were given.
    done: VecDeque<Token>,
}

/// What there is of a slot's sends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Place {
    /// None is in flight. Is the next one to be patient from the start?
    Idle { is_patient: bool },
    /// One is, and lies there in `active`.
    At(u32),
}

/// A send in flight.
struct Sending {
    bytes: Option<Outgoing>,
    /// Its token, packed: of which life of the slot it is.
    name: u64,
    course: Course,
    /// The description of a send of several pieces; stays for the next one in this place.
    message: Option<Box<Message>>,
}

/// How a send is carried out.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Course {
    /// While it is submitted, telling only if it did not take all.
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
            self.slots
                .resize(index + 1, Place::Idle { is_patient: false });
        }
        let Place::Idle { is_patient } = self.slots[index] else {
            panic!("two sends of one connection: the first one's memory is in use");
        };
        let is_quiet = !is_patient && bytes.left() <= QUIET_BYTES_MAX;
        let mut flags = libc::MSG_NOSIGNAL;
        let mut course = Course::Patient;
        if is_quiet {
            self.quiet.push(name);
            flags |= libc::MSG_DONTWAIT | libc::MSG_WAITALL; // all at once, or say so
            course = Course::Quiet;
        }
        let at = self.free.pop().unwrap_or_else(|| {
            self.active.push(Sending::NONE);
            self.active.len() as u32 - 1 // at most one for each slot
        });
        self.slots[index] = Place::At(at);
        let sending = &mut self.active[at as usize];
        (sending.name, sending.course) = (name, course);
        let outgoing = sending.bytes.insert(bytes);
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
                let message = sending.message.get_or_insert_with(Message::new);
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
        if let Some(sending) = self.sending(slot)
            && sending.course == Course::Quiet
        {
            sending.course = Course::Told;
        }
    }

    /// Everything was submitted, and every completion noted: quiet sends that have none took all.
    #[inline]
    pub(super) fn settle(&mut self) {
        let mut quiet = std::mem::take(&mut self.quiet);
        for name in quiet.drain(..) {
            // Listed in an earlier call that left submissions over: another life may be here now.
            if let Some(token) = Token::unpack(name)
                && let Some(sending) = self.sending(token.slot)
                && sending.course == Course::Quiet
                && sending.name == name
            {
                sending.course = Course::Settled;
                self.done.push_back(token);
            }
        }
        self.quiet = quiet;
    }

    /// The next quiet send that took all, as a completion would say it.
    #[inline]
    pub(super) fn next_done(&mut self) -> Option<Completion> {
        let token = self.done.pop_front()?;
        let (bytes, course) = self.take(token.slot, false)?;
        debug_assert!(
            course == Course::Settled,
            "it is listed once, and its slot waits for it"
        );
        Some(Completion {
            token,
            result: bytes.left() as i32,
            more: false,
            loan: Loan::Outgoing(bytes),
        })
    }

    /// What a send's own completion gives back. After one that took all there is room again.
    pub(super) fn end(&mut self, slot: Slot, result: i32) -> Loan {
        let Some(sending) = self.sending(slot) else {
            return Loan::Nothing;
        };
        let left = sending.bytes.as_ref().map(Outgoing::left);
        let took_all = usize::try_from(result).ok() == left;
        match self.take(slot, !took_all) {
            Some((bytes, _)) => Loan::Outgoing(bytes),
            None => Loan::Nothing,
        }
    }

    /// A slot's send, if it has one.
    #[inline]
    fn sending(&mut self, slot: Slot) -> Option<&mut Sending> {
        match *self.slots.get(slot.index())? {
            Place::At(at) => self.active.get_mut(at as usize),
            Place::Idle { .. } => None,
        }
    }

    /// Ends a slot's send: gives back what it was lent, and says how the slot's next one goes.
    #[inline]
    fn take(&mut self, slot: Slot, is_patient: bool) -> Option<(Outgoing, Course)> {
        let place = self.slots.get_mut(slot.index())?;
        let Place::At(at) = *place else {
            return None;
        };
        *place = Place::Idle { is_patient };
        self.free.push(at);
        let sending = self.active.get_mut(at as usize)?;
        let taken = (sending.bytes.take()?, sending.course);
        if self.active.len() > KEPT_MAX && self.free.len() == self.active.len() {
            (self.active, self.free) = Default::default(); // a message to all has gone
        }
        Some(taken)
    }
}

impl Sending {
    const NONE: Self = Self {
        bytes: None,
        name: 0,
        course: Course::Patient,
        message: None,
    };
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
    fn the_memory_of_a_message_to_all_is_given_back() {
        let all = KEPT_MAX as u32 + 1;
        let name = |slot| Token::new(OpKind::Send, Slot::new(slot), Generation::wrapping(0));
        let mut sends = Sends::default();
        for count in [KEPT_MAX as u32, all] {
            (0..count).for_each(|slot| push(&mut sends, name(slot), 1));
            sends.settle();
            assert_eq!(done(&mut sends).len(), count as usize);
            let kept = if count == all { 0 } else { KEPT_MAX };
            assert_eq!((sends.active.len(), sends.free.len()), (kept, kept));
        }
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
