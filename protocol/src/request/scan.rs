//! The grammar of a request head, byte by byte: the first byte that no valid head could hold is
//! the verdict. Whole heads take the fast way (`parser.rs`); this is the way of all others.
//!
//! In:  the bytes of one connection, from where a request may begin.
//! Out: where the head ends, "not yet", or the error that the bytes so far decide.
//!
//! Always true here:
//! - Each byte is looked at once: the state between two calls is eight bytes.
//! - Only what a byte's place decides is judged. What the lines mean together (`Host`, framing) is
//!   judged when the head is whole, so that the verdict cannot depend on how it was cut.
//!
//! Not here: what a head says (`fill.rs`).

use super::{HEADERS_CEILING, HeadLimits, LEADING_EMPTY_LINES_MAX, METHOD_BYTES_MAX, ParseError};
use crate::bytes::{ByteSet, FIELD_VALUE, TARGET, TOKEN, run_in};

/// `HTTP/1.1`, in bytes.
const VERSION_BYTES: u16 = 8;

/// How far a head was read, and what its next byte may be.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Scan {
    /// Bytes looked at.
    searched: u32,
    /// A small number whose meaning depends on the place.
    count: u16,
    place: Place,
}

/// Where in a head the next byte stands. `count` is named where it is used.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Place {
    /// Before a request line. `count`: empty lines so far.
    #[default]
    Start,
    /// After the CR of an empty line before the request line.
    StartCr,
    /// `count`: bytes of the method so far.
    Method,
    /// `count`: where the target starts.
    Target,
    /// `count`: bytes of the version so far.
    Version,
    /// After the request line's CR.
    RequestLineCr,
    /// At the start of a header line, or of the empty line. `count`: header lines so far.
    LineStart,
    Name,
    Value,
    /// After a header line's CR.
    ValueCr,
    /// After the empty line's CR.
    EndCr,
}

impl Scan {
    pub(super) const START: Self = Self {
        searched: 0,
        count: 0,
        place: Place::Start,
    };

    /// Whether nothing was looked at yet.
    pub(super) const fn is_fresh(&self) -> bool {
        self.searched == 0
    }

    /// How many bytes were looked at.
    #[cfg(test)]
    pub(super) const fn searched(&self) -> usize {
        self.searched as usize
    }

    /// Whether a byte of a request line was seen.
    pub(super) const fn has_begun(&self) -> bool {
        !matches!(self.place, Place::Start | Place::StartCr)
    }

    /// Looks at what is new in `input`. The length of the head, if its end is there.
    pub(super) fn advance(
        &mut self,
        input: &[u8],
        limits: &HeadLimits,
    ) -> Result<Option<usize>, ParseError> {
        let head_bytes_max = limits.head_bytes_max.min(u32::MAX as usize);
        let window = &input[..input.len().min(head_bytes_max)];
        debug_assert!(
            self.searched as usize <= window.len(),
            "the caller took bytes back"
        );
        while let Some(&byte) = window.get(self.searched as usize) {
            if self.place == Place::EndCr && byte == b'\n' {
                return Ok(Some(self.searched as usize + 1));
            }
            self.step(byte, window, limits)?;
            self.searched += 1;
            self.skip_run(window);
        }
        if input.len() < head_bytes_max {
            return Ok(None);
        }
        Err(match self.place {
            // RFC 9112 §3: a request line too long is a target too long.
            Place::Start | Place::StartCr | Place::Method | Place::Target | Place::Version => {
                ParseError::TargetTooLong
            }
            // RFC 6585 §5
            Place::RequestLineCr
            | Place::LineStart
            | Place::Name
            | Place::Value
            | Place::ValueCr
            | Place::EndCr => ParseError::HeadTooLarge,
        })
    }

    /// Passes over bytes that change nothing, without a step for each.
    fn skip_run(&mut self, window: &[u8]) {
        let set: &ByteSet = match self.place {
            Place::Name => &TOKEN,
            Place::Value => &FIELD_VALUE,
            Place::Start
            | Place::StartCr
            | Place::Method
            | Place::Target
            | Place::Version
            | Place::RequestLineCr
            | Place::LineStart
            | Place::ValueCr
            | Place::EndCr => return,
        };
        let rest = window.get(self.searched as usize..).unwrap_or_default();
        self.searched += run_in(rest, set) as u32;
    }

    /// Judges one byte and moves to the place of the next.
    fn step(&mut self, byte: u8, window: &[u8], limits: &HeadLimits) -> Result<(), ParseError> {
        match self.place {
            Place::Start | Place::StartCr | Place::Method => self.step_method(byte)?,
            Place::Target => self.step_target(byte, limits)?,
            Place::Version | Place::RequestLineCr => self.step_version(byte, window)?,
            Place::LineStart | Place::Name => self.step_name(byte, limits)?,
            Place::Value => match byte {
                b'\r' => self.place = Place::ValueCr,
                b'\n' => return Err(ParseError::BareLineFeed),
                _ if FIELD_VALUE[usize::from(byte)] => {}
                _ => return Err(ParseError::InvalidHeaderValue), // RFC 9110 §5.5
            },
            Place::ValueCr => match byte {
                b'\n' => self.place = Place::LineStart,
                _ => return Err(ParseError::BareCarriageReturn), // RFC 9112 §2.2
            },
            // The caller has already looked for the LF.
            Place::EndCr => return Err(ParseError::BareCarriageReturn),
        }
        Ok(())
    }

    fn step_method(&mut self, byte: u8) -> Result<(), ParseError> {
        match (self.place, byte) {
            (Place::StartCr, b'\n') => {
                self.count += 1;
                self.place = Place::Start;
            }
            (Place::StartCr, _) => return Err(ParseError::BareCarriageReturn),
            (_, b'\n') => return Err(ParseError::BareLineFeed),
            (Place::Start, b'\r') if usize::from(self.count) < LEADING_EMPTY_LINES_MAX => {
                self.place = Place::StartCr; // RFC 9112 §2.2
            }
            (Place::Start, b'\r') => return Err(ParseError::TooManyEmptyLines),
            (Place::Start, _) if TOKEN[usize::from(byte)] => {
                self.count = 1;
                self.place = Place::Method;
            }
            (Place::Method, b' ') => {
                // Fits: the empty lines and the method before it are bounded.
                self.count = self.searched as u16 + 1;
                self.place = Place::Target;
            }
            (Place::Method, _) if TOKEN[usize::from(byte)] => {
                if usize::from(self.count) == METHOD_BYTES_MAX {
                    return Err(ParseError::MethodTooLong); // RFC 9112 §3
                }
                self.count += 1;
            }
            _ => return Err(ParseError::InvalidMethod), // RFC 9110 §9.1
        }
        Ok(())
    }

    fn step_target(&mut self, byte: u8, limits: &HeadLimits) -> Result<(), ParseError> {
        let target_bytes = self.searched as usize - usize::from(self.count);
        match byte {
            // RFC 9112 §3: exactly one space on either side.
            b' ' if target_bytes > 0 => {
                self.count = 0;
                self.place = Place::Version;
            }
            b'\n' => return Err(ParseError::BareLineFeed),
            // The request line of HTTP/0.9, which has no version (RFC 9112 §2.3).
            b'\r' if target_bytes > 0 => return Err(ParseError::InvalidVersion),
            _ if !TARGET[usize::from(byte)] => return Err(ParseError::InvalidTarget),
            _ if target_bytes >= limits.target_bytes_max => return Err(ParseError::TargetTooLong),
            _ => {}
        }
        Ok(())
    }

    fn step_version(&mut self, byte: u8, window: &[u8]) -> Result<(), ParseError> {
        if self.place == Place::RequestLineCr {
            if byte != b'\n' {
                return Err(ParseError::BareCarriageReturn);
            }
            // The version's last byte stands two before this one.
            let end = self.searched as usize - 1;
            if !matches!(&window[end - 3..end], b"1.0" | b"1.1") {
                return Err(ParseError::UnsupportedVersion); // RFC 9110 §15.6.6
            }
            self.count = 0;
            self.place = Place::LineStart;
            return Ok(());
        }
        // RFC 9112 §2.3: upper case, one digit on either side of the dot.
        match (self.count, byte) {
            (VERSION_BYTES, b'\r') => self.place = Place::RequestLineCr,
            (_, b'\n') => return Err(ParseError::BareLineFeed),
            (0, b'H') | (1 | 2, b'T') | (3, b'P') | (4, b'/') | (6, b'.') => self.count += 1,
            (5 | 7, b'0'..=b'9') => self.count += 1,
            _ => return Err(ParseError::InvalidVersion),
        }
        Ok(())
    }

    fn step_name(&mut self, byte: u8, limits: &HeadLimits) -> Result<(), ParseError> {
        let headers_max = limits.headers_max.min(HEADERS_CEILING);
        match (self.place, byte) {
            (_, b'\n') => return Err(ParseError::BareLineFeed),
            (Place::LineStart, b'\r') => self.place = Place::EndCr,
            (Place::LineStart, b' ' | b'\t') if self.count > 0 => {
                return Err(ParseError::ObsoleteLineFolding); // RFC 9112 §5.2
            }
            (Place::LineStart, _) if TOKEN[usize::from(byte)] => {
                if usize::from(self.count) == headers_max {
                    return Err(ParseError::TooManyHeaders); // RFC 6585 §5
                }
                self.count += 1;
                self.place = Place::Name;
            }
            (Place::Name, b':') => self.place = Place::Value,
            // RFC 9112 §5.1
            (Place::Name, b' ' | b'\t') => return Err(ParseError::WhitespaceBeforeColon),
            (Place::Name, _) if TOKEN[usize::from(byte)] => {}
            _ => return Err(ParseError::InvalidHeaderName), // RFC 9112 §5, §2.2
        }
        Ok(())
    }
}

const _: () = assert!(size_of::<Scan>() == 8);
