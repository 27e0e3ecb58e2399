//! br: the crate `brotli`, in steps.
//!
//! Always true here:
//! - A stream that wants a window beyond RFC 7932's 16 MiB is refused: such windows are another
//!   format, and would let a few bytes claim a gigabyte.

use brotli::enc::StandardAlloc;
use brotli::enc::encode::{
    BrotliEncoderDestroyInstance, BrotliEncoderOperation, BrotliEncoderParameter,
    BrotliEncoderStateStruct,
};
use brotli::{BrotliDecompressStream, BrotliResult, BrotliState};

use super::{Failed, How, Step};

/// What an answer may refer back to: 256 KiB, so that a stream's memory stays small at any level.
const WINDOW_LOG: u32 = 18;

/// Memory: some 3 MiB at level 4, 8 MiB at level 11, and 37 MiB at level 9, which has most.
pub(super) struct Encode(Box<BrotliEncoderStateStruct<StandardAlloc>>);

impl Encode {
    pub(super) fn new(level: u8, length: Option<u64>) -> Self {
        let mut state = Box::new(BrotliEncoderStateStruct::new(StandardAlloc::default()));
        state.set_parameter(BrotliEncoderParameter::BROTLI_PARAM_QUALITY, level.into());
        state.set_parameter(BrotliEncoderParameter::BROTLI_PARAM_LGWIN, WINDOW_LOG);
        if let Some(length) = length {
            let hint = u32::try_from(length).unwrap_or(u32::MAX);
            state.set_parameter(BrotliEncoderParameter::BROTLI_PARAM_SIZE_HINT, hint);
        }
        Self(state)
    }
}

impl super::Encode for Encode {
    fn step(&mut self, input: &[u8], output: &mut [u8], how: How) -> Result<(Step, bool), Failed> {
        let operation = match how {
            How::Run => BrotliEncoderOperation::BROTLI_OPERATION_PROCESS,
            How::Flush => BrotliEncoderOperation::BROTLI_OPERATION_FLUSH,
            How::Finish => BrotliEncoderOperation::BROTLI_OPERATION_FINISH,
        };
        let (mut in_left, mut out_left) = (input.len(), output.len());
        let (mut consumed, mut produced) = (0, 0);
        let went_well = self.0.compress_stream(
            operation,
            &mut in_left,
            input,
            &mut consumed,
            &mut out_left,
            output,
            &mut produced,
            &mut None,
            &mut |_, _, _, _| (),
        );
        if !went_well {
            return Err(Failed);
        }
        let is_done = match how {
            How::Run | How::Flush => in_left == 0 && !self.0.has_more_output(),
            How::Finish => self.0.is_finished(),
        };
        Ok((Step { consumed, produced }, is_done))
    }
}

impl Drop for Encode {
    fn drop(&mut self) {
        BrotliEncoderDestroyInstance(&mut self.0);
    }
}

/// Memory: the window that the stream uses, 16 MiB at most, and some 100 KiB.
pub(super) struct Decode {
    state: Box<BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>>,
    is_whole: bool,
}

impl Decode {
    pub(super) fn new() -> Self {
        let memory = StandardAlloc::default;
        Self {
            // `new` would accept large windows.
            state: Box::new(BrotliState::new_strict(memory(), memory(), memory())),
            is_whole: false,
        }
    }
}

impl super::Decode for Decode {
    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, Failed> {
        if self.is_whole {
            // RFC 7932 §9.2: a stream ends with its last meta-block.
            return if input.is_empty() {
                Ok(Step::NONE)
            } else {
                Err(Failed)
            };
        }
        let (mut in_left, mut out_left) = (input.len(), output.len());
        let (mut consumed, mut produced) = (0, 0);
        let result = BrotliDecompressStream(
            &mut in_left,
            &mut consumed,
            input,
            &mut out_left,
            &mut produced,
            output,
            &mut 0,
            &mut self.state,
        );
        match result {
            BrotliResult::ResultSuccess => self.is_whole = true,
            BrotliResult::NeedsMoreInput | BrotliResult::NeedsMoreOutput => {}
            BrotliResult::ResultFailure => return Err(Failed),
        }
        Ok(Step { consumed, produced })
    }

    fn is_whole(&self) -> bool {
        self.is_whole
    }
}
