//! An answer's body on its way through a coding.
//!
//! Always true here:
//! - After [`flush`](Encoder::flush) the client can decode everything that was pushed before.
//! - A panic in a coding's crate ends that body, not the core.
//!
//! Not here: how coded bytes are framed and sent (`conversation/active.rs`).

use ringlane_reactor::contain;

use super::{Coding, Encode, Failed, How};

/// Room that is made for coded bytes, each time.
const ROOM_BYTES: usize = 8 * 1024;

/// Codes one body. What it holds depends on the coding and its level alone: from 370 KiB (gzip) to
/// 37 MiB (br at level 9), as [`Compression`](crate::middleware::Compression) lists it.
pub(crate) struct Encoder {
    /// `None` once it has failed or has ended.
    codec: Option<Box<dyn Encode>>,
    /// Something was pushed that may still be inside.
    is_dirty: bool,
}

impl Encoder {
    /// Of a body of that length, if it is known.
    pub(crate) fn new(coding: Coding, level: u8, length: Option<u64>) -> Result<Self, Failed> {
        let codec = contain(|| coding.encode(level, length)).unwrap_or(Err(Failed))?;
        Ok(Self {
            codec: Some(codec),
            is_dirty: false,
        })
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
