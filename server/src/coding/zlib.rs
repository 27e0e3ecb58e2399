//! gzip and deflate: flate2's zlib-rs, in steps.
//!
//! Always true here:
//! - `deflate` is the zlib format and no other (RFC 9110 §8.4.1.2).
//! - gzip data may have several members, as RFC 1952 §2.2 has it, and nothing else behind them.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use super::{Failed, How, Step};

/// 32 KiB, the largest window of the format; every decoder has it.
const WINDOW_BITS: u8 = 15;

/// Memory: some 370 KiB.
pub(super) struct Encode(Compress);

impl Encode {
    pub(super) fn gzip(level: u8) -> Self {
        Self(Compress::new_gzip(
            Compression::new(level.into()),
            WINDOW_BITS,
        ))
    }

    pub(super) fn deflate(level: u8) -> Self {
        Self(Compress::new(Compression::new(level.into()), true))
    }
}

impl super::Encode for Encode {
    fn step(&mut self, input: &[u8], output: &mut [u8], how: How) -> Result<(Step, bool), Failed> {
        let before = (self.0.total_in(), self.0.total_out());
        let flush = match how {
            How::Run => FlushCompress::None,
            How::Flush => FlushCompress::Sync,
            How::Finish => FlushCompress::Finish,
        };
        let status = self.0.compress(input, output, flush).map_err(|_| Failed)?;
        let step = Step {
            consumed: (self.0.total_in() - before.0) as usize,
            produced: (self.0.total_out() - before.1) as usize,
        };
        let all_taken = step.consumed == input.len();
        let is_done = match how {
            How::Run => all_taken,
            How::Flush => all_taken && step.produced < output.len(),
            How::Finish => status == Status::StreamEnd,
        };
        Ok((step, is_done))
    }
}

/// Memory: some 70 KiB.
pub(super) struct Decode {
    inflate: Decompress,
    is_gzip: bool,
    /// A member has ended, or the only one.
    is_whole: bool,
}

impl Decode {
    pub(super) fn gzip() -> Self {
        Self {
            inflate: Decompress::new_gzip(WINDOW_BITS),
            is_gzip: true,
            is_whole: false,
        }
    }

    pub(super) fn deflate() -> Self {
        Self {
            inflate: Decompress::new(true),
            is_gzip: false,
            is_whole: false,
        }
    }
}

impl super::Decode for Decode {
    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, Failed> {
        if self.is_whole {
            if input.is_empty() {
                return Ok(Step::NONE);
            }
            if !self.is_gzip {
                return Err(Failed);
            }
            self.inflate.reset(true);
            self.is_whole = false;
        }
        let before = (self.inflate.total_in(), self.inflate.total_out());
        let status = self
            .inflate
            .decompress(input, output, FlushDecompress::None)
            .map_err(|_| Failed)?;
        self.is_whole |= status == Status::StreamEnd;
        Ok(Step {
            consumed: (self.inflate.total_in() - before.0) as usize,
            produced: (self.inflate.total_out() - before.1) as usize,
        })
    }

    fn is_whole(&self) -> bool {
        self.is_whole
    }
}
