//! zstd: the reference implementation, in steps.
//!
//! Always true here:
//! - No frame needs, or is granted, a window beyond 8 MiB (RFC 9659 §3).
//! - Several frames in a row are one body (RFC 8878 §3.1).

use zstd::stream::raw::{
    CParameter, DParameter, Decoder, Encoder, InBuffer, Operation, OutBuffer, Status,
};

use super::{Failed, How, Step};

/// What an answer may refer back to: 256 KiB, so that a stream's memory stays small at any level.
const WINDOW_LOG: u32 = 18;
/// From this level on zstd's tables would be larger than that window has use for.
const LEVEL_OF_LARGE_TABLES: u8 = 7;
/// What they have instead: 2^19 places of 4 bytes each.
const TABLE_LOG: u32 = 19;
/// What a body may refer back to: 8 MiB.
const WINDOW_LOG_MAX: u32 = 23;

/// Memory: some 1.5 MiB at level 3, some 6 MiB at level 19; less if the length is known and small.
pub(super) struct Encode(Encoder<'static>);

impl Encode {
    pub(super) fn new(level: u8, length: Option<u64>) -> Result<Self, Failed> {
        let mut encoder = Encoder::new(level.into()).map_err(|_| Failed)?;
        let mut set = |parameter| encoder.set_parameter(parameter).map_err(|_| Failed);
        set(CParameter::WindowLog(WINDOW_LOG))?;
        if level >= LEVEL_OF_LARGE_TABLES {
            set(CParameter::HashLog(TABLE_LOG))?;
            set(CParameter::ChainLog(TABLE_LOG))?;
        }
        encoder.set_pledged_src_size(length).map_err(|_| Failed)?;
        Ok(Self(encoder))
    }
}

impl super::Encode for Encode {
    fn step(&mut self, input: &[u8], output: &mut [u8], how: How) -> Result<(Step, bool), Failed> {
        let mut from = InBuffer::around(input);
        let mut to = OutBuffer::around(output);
        let mut left = 0;
        if !input.is_empty() {
            self.0.run(&mut from, &mut to).map_err(|_| Failed)?;
        }
        if from.pos() == input.len() {
            left = match how {
                How::Run => Ok(0),
                How::Flush => self.0.flush(&mut to),
                How::Finish => self.0.finish(&mut to, true),
            }
            .map_err(|_| Failed)?;
        }
        let step = Step {
            consumed: from.pos(),
            produced: to.pos(),
        };
        Ok((step, step.consumed == input.len() && left == 0))
    }
}

/// Memory: the window that the frame declares, 8 MiB at most, and some 300 KiB.
pub(super) struct Decode {
    decoder: Decoder<'static>,
    /// A frame has ended, and no other has begun.
    is_whole: bool,
}

impl Decode {
    pub(super) fn new() -> Result<Self, Failed> {
        let mut decoder = Decoder::new().map_err(|_| Failed)?;
        decoder
            .set_parameter(DParameter::WindowLogMax(WINDOW_LOG_MAX))
            .map_err(|_| Failed)?;
        Ok(Self {
            decoder,
            is_whole: false,
        })
    }
}

impl super::Decode for Decode {
    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, Failed> {
        if self.is_whole && input.is_empty() {
            return Ok(Step::NONE); // asked again, it would take this for the next frame's beginning
        }
        let Status {
            remaining,
            bytes_read,
            bytes_written,
        } = self
            .decoder
            .run_on_buffers(input, output)
            .map_err(|_| Failed)?;
        self.is_whole = remaining == 0;
        Ok(Step {
            consumed: bytes_read,
            produced: bytes_written,
        })
    }

    fn is_whole(&self) -> bool {
        self.is_whole
    }
}
