//! A request's body on its way through the codings that its client applied.
//!
//! Always true here:
//! - A call gives [`PIECE_BYTES`] at most, and does a bounded amount of work for them.
//! - No stage makes more than the limit and the ratio allow, so a bomb within a bomb is seen at
//!   the stage in which it goes off.
//! - A panic in a coding's crate is a malformed body.
//!
//! Not here: where encoded bytes come from and who waits for them (`body.rs`).

use bytes::{Buf, Bytes, BytesMut};
use ringlane_reactor::contain;

use super::{Coding, Decode, Failed};

/// Codings of one body, the innermost included. A client that applies more is refused: each could
/// multiply what the one before it had multiplied.
pub(crate) const STACKED_MAX: usize = 3;
/// The most that one call gives, and what each stage holds for the next.
const PIECE_BYTES: usize = 16 * 1024;
/// Steps that one call does before others get their turn.
const STEPS_MAX: usize = 64;
/// So much may come of however little: a ratio says nothing about a few bytes.
const FREE_BYTES: u64 = 64 * 1024;

/// Decodes one body. It holds its codings' memory (gzip and deflate some 70 KiB each, zstd 8 MiB
/// and br 16 MiB at most, both only if the body makes use of them) and a piece for each.
pub(crate) struct Decoder {
    /// The coding that was applied last comes first.
    stages: Vec<Stage>,
    /// How many times its encoded length a body may have.
    ratio_max: u64,
    /// Encoded bytes that were taken in.
    taken: u64,
}

struct Stage {
    coding: Coding,
    /// Made when the first byte comes.
    codec: Option<Box<dyn Decode>>,
    /// What the stage has decoded and the next has not taken in yet.
    decoded: BytesMut,
    /// There may be more inside, although nothing was put in.
    is_full: bool,
    made: u64,
}

/// What a call came to.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Decoding {
    /// The next decoded bytes.
    Piece(Bytes),
    /// Nothing yet; there is more to do.
    Again,
    /// Nothing until more encoded bytes come.
    NeedMore,
    /// That was all.
    End,
}

/// What is wrong with an encoded body.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Flaw {
    /// It is not what `Content-Encoding` says, or ends too early.
    Malformed(Coding),
    /// It is longer than allowed once it is decoded.
    TooLarge,
    /// It expands too much.
    Expansive,
}

impl Decoder {
    /// Of a body to which these were applied, in this order.
    pub(crate) fn new(codings: &[Coding], ratio_max: u64) -> Self {
        debug_assert!((1..=STACKED_MAX).contains(&codings.len()), "{codings:?}");
        let stage = |&coding: &Coding| Stage {
            coding,
            codec: None,
            decoded: BytesMut::new(),
            is_full: false,
            made: 0,
        };
        Self {
            stages: codings.iter().rev().map(stage).collect(),
            ratio_max,
            taken: 0,
        }
    }

    /// How many encoded bytes a body of `limit` bytes may have: a coding makes what it cannot
    /// compress a little longer.
    pub(crate) const fn encoded_max(limit: u64) -> u64 {
        limit.saturating_add(limit / 16).saturating_add(1024)
    }

    /// Decodes from the front of `encoded`, and takes off it what was used. Behind it follows
    /// nothing more if it `is_last`.
    pub(crate) fn decode(
        &mut self,
        encoded: &mut BytesMut,
        is_last: bool,
        limit: u64,
    ) -> Result<Decoding, Flaw> {
        for _ in 0..STEPS_MAX {
            match self.step(encoded, is_last, limit)? {
                Decoding::Again => {}
                progress => return Ok(progress),
            }
        }
        Ok(Decoding::Again)
    }

    /// Runs the last stage that has something to do; the rest wait until it has used that up.
    fn step(
        &mut self,
        encoded: &mut BytesMut,
        is_last: bool,
        limit: u64,
    ) -> Result<Decoding, Flaw> {
        let last = self.stages.len() - 1;
        for at in (0..=last).rev() {
            let (before, rest) = self.stages.split_at_mut(at);
            let stage = &mut rest[0];
            let input = match before.last_mut() {
                Some(before) => &mut before.decoded,
                None => &mut *encoded,
            };
            if input.is_empty() && !stage.is_full {
                continue;
            }
            let used = stage.run(input)?;
            if at == 0 {
                self.taken += used;
            }
            // What a stage makes for the next is still encoded, and may be that much longer.
            let stage_limit = if at == last {
                limit
            } else {
                Self::encoded_max(limit)
            };
            stage.check(stage_limit, self.ratio_max, self.taken)?;
            if at == last && !stage.decoded.is_empty() {
                return Ok(Decoding::Piece(stage.decoded.split().freeze()));
            }
            return Ok(Decoding::Again);
        }
        if !is_last {
            return Ok(Decoding::NeedMore);
        }
        match self.stages.iter().find(|stage| !stage.may_end()) {
            // A body of no bytes at all is empty, whatever is said to have been applied to it.
            Some(stage) if self.taken > 0 => Err(Flaw::Malformed(stage.coding)),
            Some(_) | None => Ok(Decoding::End),
        }
    }
}

impl Stage {
    /// One step; gives how much of the input was used, and takes it off.
    fn run(&mut self, input: &mut BytesMut) -> Result<u64, Flaw> {
        let malformed = Flaw::Malformed(self.coding);
        let codec = match &mut self.codec {
            Some(codec) => codec,
            none => none.insert(self.coding.decode().map_err(|_| malformed)?),
        };
        let start = self.decoded.len();
        self.decoded.resize(start + PIECE_BYTES, 0);
        let output = &mut self.decoded[start..];
        let step = contain(|| codec.step(input, output)).unwrap_or(Err(Failed));
        let produced = step.map_or(0, |step| step.produced);
        self.decoded.truncate(start + produced);
        let step = step.map_err(|_| malformed)?;
        if step.consumed == 0 && step.produced == 0 && !input.is_empty() {
            return Err(malformed); // there was room: it should have gone on
        }
        input.advance(step.consumed);
        self.is_full = step.produced == PIECE_BYTES;
        self.made += step.produced as u64;
        Ok(step.consumed as u64)
    }

    fn check(&self, limit: u64, ratio_max: u64, taken: u64) -> Result<(), Flaw> {
        if self.made > limit {
            return Err(Flaw::TooLarge);
        }
        let most = taken.saturating_mul(ratio_max).saturating_add(FREE_BYTES);
        if self.made > most {
            return Err(Flaw::Expansive);
        }
        Ok(())
    }

    /// Whether its data may end here.
    fn may_end(&self) -> bool {
        self.codec.as_ref().is_some_and(|codec| codec.is_whole())
    }
}
