//! The state of an incomplete frame or message.
//!
//! Always true here:
//! - The verdict on a header falls before anything is allocated for its payload.
//! - What has come whole is not copied: it is handed out where it lies in the input.
//!
//! Not here: headers (`frame.rs`), messages in pieces (`assembly.rs`), what events mean and their
//! replies (`receiver.rs`).

use super::assembly::{Assembly, Inflation, Limits};
use super::frame::FRAME_HEADER_BYTES_MAX;
use super::{Error, FrameHeader, FrameRules, Opcode, Shared, mask};
use std::ops::Range;

/// What has begun. A connection that waits for a frame has none.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// The beginning of a header whose end has not come yet.
    begun: [u8; FRAME_HEADER_BYTES_MAX],
    begun_bytes: u8,
    /// The frame in whose payload we are, and how many bytes of it were taken.
    frame: Option<(FrameHeader, u64)>,
    /// The data message in progress: between its fragments, too.
    assembly: Option<Assembly>,
    /// Its bytes so far; then those of the message that was handed out last.
    pub(super) message: Vec<u8>,
    /// The same of a control frame, which may come between.
    pub(super) control: Vec<u8>,
}

/// What lies at the front of the input.
pub(super) enum Found {
    NeedMore,
    Message { is_text: bool, place: Place },
    Control { opcode: Opcode, place: Place },
}

/// Where a payload lies: in the input it came in, or put together.
pub(super) enum Place {
    Input(Range<usize>),
    Kept,
}

impl Place {
    pub(super) fn of<'a>(self, input: &'a [u8], kept: &'a [u8]) -> &'a [u8] {
        match self {
            Self::Input(range) => &input[range],
            Self::Kept => kept,
        }
    }
}

impl Progress {
    /// Whether nothing has begun.
    pub(super) const fn is_idle(&self) -> bool {
        self.begun_bytes == 0 && self.frame.is_none() && self.assembly.is_none()
    }

    /// Whether it must still be there at the next call: something has begun, or was put together.
    pub(super) const fn is_kept(&self) -> bool {
        !self.is_idle() || self.message.capacity() > 0 || self.control.capacity() > 0
    }

    /// Gives back what the last event was kept in, unless a message is in progress there.
    pub(super) fn release(&mut self, shared: &mut Shared) {
        if self.assembly.is_none() {
            shared.return_buffer(&mut self.message);
        }
        if !matches!(self.frame, Some((header, _)) if header.opcode.is_control()) {
            shared.return_buffer(&mut self.control);
        }
    }

    /// Forgets what has begun.
    pub(super) fn reset(&mut self, shared: &mut Shared) {
        self.begun_bytes = 0;
        self.frame = None;
        self.assembly = None;
        self.release(shared);
    }

    /// Goes on until something is whole or the input is used up. Tells how much was used.
    pub(super) fn advance(
        &mut self,
        input: &mut [u8],
        rules: FrameRules,
        limits: Limits,
        inflation: &mut Option<Box<Inflation>>,
        shared: &mut Shared,
    ) -> Result<(usize, Found), Error> {
        let mut at = 0;
        loop {
            let (header, done) = match self.frame {
                Some(frame) => frame,
                None => {
                    let Some((header, header_bytes)) = self.take_header(&input[at..], rules)?
                    else {
                        return Ok((input.len(), Found::NeedMore));
                    };
                    at += header_bytes;
                    self.begin_frame(&header, limits)?;
                    (header, 0)
                }
            };
            let left = header.payload_bytes - done;
            let here = input.len() - at;
            let len = usize::try_from(left).map_or(here, |left| left.min(here));
            let range = at..at + len;
            if let Some(key) = header.mask {
                // Only the remainder by 4 matters, which no cast changes.
                mask(&mut input[range.clone()], key, done as usize);
            }
            at += len;
            let done = done + len as u64;
            let is_whole = done == header.payload_bytes;
            self.frame = (!is_whole).then_some((header, done));
            let piece = Piece {
                range,
                is_whole,
                is_first: len as u64 == done,
            };
            let found = match header.opcode.is_control() {
                true => self.take_control(&header, piece, input, shared),
                false => self.take_data(&header, piece, input, limits, inflation, shared)?,
            };
            if let Some(found) = found {
                return Ok((at, found));
            }
            if !is_whole {
                return Ok((at, Found::NeedMore));
            }
        }
    }

    /// The next header and how many bytes of `input` belong to it; `None` if it used all of them
    /// and is not whole.
    fn take_header(
        &mut self,
        input: &[u8],
        rules: FrameRules,
    ) -> Result<Option<(FrameHeader, usize)>, Error> {
        let begun = usize::from(self.begun_bytes);
        if begun == 0 {
            let decoded = FrameHeader::decode(input, rules)?;
            if decoded.is_none() {
                self.begun[..input.len()].copy_from_slice(input);
                self.begun_bytes = input.len() as u8;
            }
            return Ok(decoded);
        }
        let more = input.len().min(FRAME_HEADER_BYTES_MAX - begun);
        self.begun[begun..begun + more].copy_from_slice(&input[..more]);
        let decoded = FrameHeader::decode(&self.begun[..begun + more], rules)?;
        self.begun_bytes = match decoded {
            Some(_) => 0,
            None => (begun + more) as u8,
        };
        Ok(decoded.map(|(header, header_bytes)| (header, header_bytes - begun)))
    }

    /// Whether this frame may come now (RFC 6455 §5.4), and is not too much.
    fn begin_frame(&mut self, header: &FrameHeader, limits: Limits) -> Result<(), Error> {
        match (header.opcode, &mut self.assembly) {
            (Opcode::Close | Opcode::Ping | Opcode::Pong, _) => {}
            (Opcode::Continuation, Some(assembly)) => assembly.add_frame(header, limits)?,
            (Opcode::Continuation, None) => return Err(Error::UnexpectedContinuation),
            (Opcode::Text | Opcode::Binary, Some(_)) => return Err(Error::ExpectedContinuation),
            (Opcode::Text | Opcode::Binary, none) => {
                *none = Some(Assembly::begin(header, limits)?);
            }
        }
        Ok(())
    }

    /// Takes a piece of a control frame. Tells when it is whole.
    fn take_control(
        &mut self,
        header: &FrameHeader,
        piece: Piece,
        input: &[u8],
        shared: &mut Shared,
    ) -> Option<Found> {
        let opcode = header.opcode;
        if piece.is_all() {
            let place = Place::Input(piece.range);
            return Some(Found::Control { opcode, place });
        }
        if self.control.capacity() == 0 {
            self.control = shared.take_buffer();
        }
        self.control.extend_from_slice(&input[piece.range]);
        let place = Place::Kept;
        piece.is_whole.then_some(Found::Control { opcode, place })
    }

    /// Takes a piece of a message's frame. Tells when the message is whole.
    fn take_data(
        &mut self,
        header: &FrameHeader,
        piece: Piece,
        input: &[u8],
        limits: Limits,
        inflation: &mut Option<Box<Inflation>>,
        shared: &mut Shared,
    ) -> Result<Option<Found>, Error> {
        let Some(assembly) = &mut self.assembly else {
            return Ok(None);
        };
        let is_text = assembly.is_text;
        let ends = piece.is_whole && header.fin;
        if ends && piece.is_all() && assembly.is_plain() {
            self.assembly = None;
            let place = Place::Input(piece.range);
            return Ok(Some(Found::Message { is_text, place }));
        }
        let message = &mut self.message;
        assembly.add(&input[piece.range], message, inflation, limits, shared)?;
        if !ends {
            return Ok(None);
        }
        assembly.finish(message, inflation, limits, shared)?;
        self.assembly = None;
        let place = Place::Kept;
        Ok(Some(Found::Message { is_text, place }))
    }
}

/// A piece of a frame's payload.
struct Piece {
    /// Where it lies in the input.
    range: Range<usize>,
    /// The frame ends with it.
    is_whole: bool,
    /// The frame begins with it.
    is_first: bool,
}

impl Piece {
    /// Whether it is all of the frame.
    const fn is_all(&self) -> bool {
        self.is_first && self.is_whole
    }
}
