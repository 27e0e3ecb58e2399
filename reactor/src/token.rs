//! The name of an operation in flight: which operation, on which slot, in which of its lives.
//!
//! Always true here:
//! - A token survives the trip through the kernel's 64 bits of user data unchanged.
//! - A slot's generation changes each time the slot is reused, so a late completion is recognised.
//!
//! Not here: what the operations do (`op.rs`), what their results mean (`completion.rs`).

/// A place in the table of connections. Not a file descriptor, not a count.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Slot(u32);

impl Slot {
    /// For operations that belong to no connection, such as accepting.
    pub const CORE: Self = Self(u32::MAX);

    /// The slot with this index.
    pub const fn new(index: u32) -> Self {
        Self(index)
    }

    /// Its index in a table.
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    pub(crate) const fn get(self) -> u32 {
        self.0
    }
}

/// How often a slot was reused, modulo 2^24.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Generation(u32);

impl Generation {
    /// The largest; the next one is zero again.
    pub const MAX: u32 = (1 << 24) - 1;

    /// Keeps the low 24 bits.
    pub const fn wrapping(bits: u32) -> Self {
        Self(bits & Self::MAX)
    }

    /// The one after this.
    pub const fn next(self) -> Self {
        Self::wrapping(self.0 + 1)
    }

    pub(crate) const fn get(self) -> u32 {
        self.0
    }
}

/// Which operation a token names.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[repr(u8)]
pub enum OpKind {
    /// Taking connections from a listener.
    Accept = 1,
    /// Receiving into lent buffers.
    Receive = 2,
    /// Sending what an outbox held.
    Send = 3,
    /// Waiting for the peer to finish sending, without receiving.
    HangUp = 4,
    /// Asking for the end of another operation.
    Cancel = 5,
    /// Waiting for a word from another thread.
    Notice = 6,
}

impl OpKind {
    /// Every kind.
    pub const ALL: [Self; 6] = [
        Self::Accept,
        Self::Receive,
        Self::Send,
        Self::HangUp,
        Self::Cancel,
        Self::Notice,
    ];

    const fn from_bits(bits: u8) -> Option<Self> {
        match bits {
            1 => Some(Self::Accept),
            2 => Some(Self::Receive),
            3 => Some(Self::Send),
            4 => Some(Self::HangUp),
            5 => Some(Self::Cancel),
            6 => Some(Self::Notice),
            _ => None,
        }
    }
}

/// The name of one submitted operation, carried through the kernel in `user_data`.
///
/// | bits   | field      | meaning                                         |
/// |--------|------------|-------------------------------------------------|
/// | 0..32  | slot       | index into the table of connections             |
/// | 32..56 | generation | how often that slot was reused (mod 2^24)       |
/// | 56..64 | kind       | which operation this was                        |
///
/// ```
/// use ringlane_reactor::{Generation, OpKind, Slot, Token};
///
/// let token = Token::new(OpKind::Send, Slot::new(7), Generation::default());
/// assert_eq!(Token::unpack(token.pack()), Some(token));
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Token {
    /// Which operation.
    pub kind: OpKind,
    /// In which life of the slot.
    pub generation: Generation,
    /// On which connection, or [`Slot::CORE`].
    pub slot: Slot,
}

impl Token {
    /// The name of an operation.
    pub const fn new(kind: OpKind, slot: Slot, generation: Generation) -> Self {
        Self {
            kind,
            generation,
            slot,
        }
    }

    /// The name of an operation of the core itself.
    pub const fn of_core(kind: OpKind) -> Self {
        Self::new(kind, Slot::CORE, Generation(0))
    }

    /// As the kernel carries it.
    pub const fn pack(self) -> u64 {
        let kind = (self.kind as u64) << 56;
        let generation = (self.generation.get() as u64) << 32;
        kind | generation | self.slot.0 as u64
    }

    /// `None` means the kernel returned something we never submitted: a bug, or memory corruption.
    pub const fn unpack(bits: u64) -> Option<Self> {
        let Some(kind) = OpKind::from_bits((bits >> 56) as u8) else {
            return None;
        };
        let generation = Generation::wrapping((bits >> 32) as u32);
        Some(Self {
            kind,
            generation,
            slot: Slot(bits as u32),
        })
    }
}

const _: () = assert!(size_of::<Token>() <= size_of::<[u64; 2]>());

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_survive_the_trip() {
        for kind in OpKind::ALL {
            for slot in [0, 1, 77, u32::MAX] {
                for generation in [0, 1, Generation::MAX] {
                    let token = Token::new(kind, Slot(slot), Generation(generation));
                    assert_eq!(Token::unpack(token.pack()), Some(token));
                }
            }
        }
    }

    #[test]
    fn bits_that_were_never_a_token_are_refused() {
        for bits in [0, 9 << 56, u64::MAX] {
            assert_eq!(Token::unpack(bits), None, "{bits:#x}");
        }
    }

    #[test]
    fn generations_wrap() {
        assert_eq!(Generation(Generation::MAX).next(), Generation(0));
    }
}
