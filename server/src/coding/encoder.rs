//! An answer's body on its way through a coding.
//!
//! Always true here:
//! - After [`flush`](Encoder::flush) the client can decode everything that was pushed before.
//! - A panic in a coding's crate ends that body, not the core.
//! - The encoders of one core that last beyond one call hold no more than their maximum together.
//!
//! Not here: how coded bytes are framed and sent (`conversation/active.rs`).

use std::cell::Cell;

use ringlane_reactor::contain;

use super::{Coding, Encode, Failed, How};

/// What all answers that are coded on one core while they are sent may hold for that, in bytes: the
/// state of their encoders, as [`Compression`](crate::middleware::Compression) lists it. An answer
/// beyond it is sent without a coding.
pub const ENCODERS_BYTES_MAX: usize = 64 * 1024 * 1024;

thread_local! {
    /// What they hold on this core.
    static HELD: Cell<usize> = const { Cell::new(0) };
}

/// Bytes that are counted as held, until this is dropped.
struct Held(usize);

impl Held {
    fn take(bytes: usize) -> Option<Self> {
        let held = HELD.get() + bytes;
        if held > ENCODERS_BYTES_MAX {
            tracing::debug!(
                held,
                "an answer is not coded: encoders hold as much as they may"
            );
            return None;
        }
        HELD.set(held);
        Some(Self(bytes))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // A thread that ends may have dropped its count already.
        let _ = HELD.try_with(|held| held.set(held.get() - self.0));
    }
}

/// Room that is made for coded bytes, each time.
const ROOM_BYTES: usize = 8 * 1024;

/// Codes one body. What it holds depends on the coding and its level alone: from 370 KiB (gzip) to
/// 37 MiB (br at level 9), as [`Compression`](crate::middleware::Compression) lists it.
pub(crate) struct Encoder {
    /// `None` once it has failed or has ended.
    codec: Option<Box<dyn Encode>>,
    /// Something was pushed that may still be inside.
    is_dirty: bool,
    /// For one that lasts, until it has ended.
    held: Option<Held>,
}

impl Encoder {
    /// Of a body of that length, if it is known.
    pub(crate) fn new(coding: Coding, level: u8, length: Option<u64>) -> Result<Self, Failed> {
        let codec = contain(|| coding.encode(level, length)).unwrap_or(Err(Failed))?;
        Ok(Self {
            codec: Some(codec),
            is_dirty: false,
            held: None,
        })
    }

    /// The same, to be kept while the body is sent.
    pub(crate) fn lasting(coding: Coding, level: u8, length: Option<u64>) -> Result<Self, Failed> {
        let held = Held::take(coding.encoder_bytes(level)).ok_or(Failed)?;
        let mut encoder = Self::new(coding, level, length)?;
        encoder.held = Some(held);
        Ok(encoder)
    }

    /// Codes more of the body; appends to `out` what is ready.
    pub(crate) fn push(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<(), Failed> {
        self.is_dirty = true;
        self.run(input, out, How::Run)
    }

    /// Appends what was pushed so far and not appended yet.
    pub(crate) fn flush(&mut self, out: &mut Vec<u8>) -> Result<(), Failed> {
        if !std::mem::take(&mut self.is_dirty) {
            return Ok(());
        }
        self.run(&[], out, How::Flush)
    }

    /// Appends what is left, and the end.
    pub(crate) fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), Failed> {
        let finished = self.run(&[], out, How::Finish);
        self.codec = None;
        self.held = None;
        finished
    }

    fn run(&mut self, mut input: &[u8], out: &mut Vec<u8>, how: How) -> Result<(), Failed> {
        let mut codec = self.codec.take().ok_or(Failed)?; // put back if all goes well
        let steps = || loop {
            let start = out.len();
            out.resize(start + ROOM_BYTES, 0);
            let stepped = codec.step(input, &mut out[start..], how);
            let produced = stepped.map_or(0, |(step, _)| step.produced);
            out.truncate(start + produced);
            let (step, is_done) = stepped?;
            input = &input[step.consumed..];
            if is_done {
                return Ok(codec);
            }
            if step.consumed == 0 && step.produced == 0 {
                return Err(Failed); // there was room, and something to do
            }
        };
        let codec = contain(steps).unwrap_or(Err(Failed))?;
        self.codec = Some(codec);
        Ok(())
    }
}
