//! Decodes `multipart/form-data` into its parts, as bytes arrive (RFC 7578, RFC 2046 §5.1).
//!
//! ```text
//! preamble ─► delimiter ─┬► head ─► data … ─┐
//!                        │◄── delimiter ────┘
//!                        └► `--`: the end, and an epilogue that is dropped
//! ```
//!
//! Always true here:
//! - Data is handed out as it lies in the input; only a part's head is copied, up to its limit.
//! - A verdict depends on the bytes alone, never on how they were cut.
//! - A line that begins as the boundary does and goes on otherwise is refused: readers differ on
//!   it.
//!
//! Not here: the size of the whole body (`server`), what is made of the parts.

mod error;
mod head;
mod limits;
mod names;

pub use error::MultipartError;
pub use head::{PART_HEADERS_MAX, PartHead};
pub use limits::MultipartLimits;

use memchr::memmem::Finder;

use crate::media_type::MediaType;

/// RFC 2046 §5.1.1.
const BOUNDARY_BYTES_MAX: usize = 70;
/// White space between a boundary and its line's end: none is sent, some is allowed.
const PADDING_BYTES_MAX: usize = 64;
const CRLF: &[u8] = b"\r\n";

/// Decodes the body of one form.
///
/// ```
/// use ringlane_protocol::{MediaType, MultipartDecoder, MultipartLimits, MultipartPart};
///
/// let kind = MediaType::parse("multipart/form-data; boundary=x").unwrap();
/// let mut decoder = MultipartDecoder::new(kind, MultipartLimits::default())?;
/// let mut input = &b"--x\r\n\
///     Content-Disposition: form-data; name=\"note\"\r\n\r\n\
///     hello\r\n--x--\r\n"[..];
/// let (mut name, mut text) = (String::new(), Vec::new());
/// loop {
///     let step = decoder.decode(input)?;
///     match step.part {
///         MultipartPart::Begin(head) => name = head.name,
///         MultipartPart::Data(data) => text.extend_from_slice(data),
///         MultipartPart::PartEnd => {}
///         MultipartPart::NeedMore | MultipartPart::End => break,
///     }
///     input = &input[step.consumed..];
/// }
/// assert_eq!((name.as_str(), text.as_slice()), ("note", &b"hello"[..]));
/// # Ok::<(), ringlane_protocol::MultipartError>(())
/// ```
#[derive(Debug)]
pub struct MultipartDecoder {
    /// CRLF, two hyphens, and the boundary.
    delimiter: Finder<'static>,
    limits: MultipartLimits,
    phase: Phase,
    /// Nothing stands before what is looked at: a delimiter needs no line end of its own here.
    at_start: bool,
    /// Parts that have begun.
    parts: usize,
    /// Bytes of a head that were searched for its end; none is searched twice.
    searched: usize,
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    Preamble,
    /// Behind a boundary.
    Delimited,
    Head,
    /// In a part that may have so many bytes more.
    Data {
        is_file: bool,
        left: u64,
    },
    End,
}

/// What one call of [`MultipartDecoder::decode`] made of the bytes it was shown.
#[derive(Debug, Eq, PartialEq)]
pub struct MultipartStep<'b> {
    /// These many bytes are done with: show the decoder only what lies behind them.
    pub consumed: usize,
    /// What they were.
    pub part: MultipartPart<'b>,
}

/// A piece of a form.
#[derive(Debug, Eq, PartialEq)]
pub enum MultipartPart<'b> {
    /// Show what was not consumed again, with more behind it.
    NeedMore,
    /// A part begins.
    Begin(PartHead),
    /// The next bytes of the part, at least one: the first `consumed` bytes of the input.
    Data(&'b [u8]),
    /// The part is over.
    PartEnd,
    /// The form is over; whatever follows means nothing.
    End,
}

impl MultipartDecoder {
    /// A decoder at the start of a body of this type.
    ///
    /// # Errors
    ///
    /// If that is not `multipart/form-data`, or has no valid `boundary`.
    pub fn new(kind: MediaType<'_>, limits: MultipartLimits) -> Result<Self, MultipartError> {
        if !kind.is("multipart/form-data") {
            return Err(MultipartError::WrongMediaType);
        }
        let boundary = kind.parameter("boundary").unwrap_or_default();
        if !is_boundary(boundary.as_bytes()) {
            return Err(MultipartError::InvalidBoundary);
        }
        let delimiter = [CRLF, b"--", boundary.as_bytes()].concat();
        Ok(Self {
            delimiter: Finder::new(&delimiter).into_owned(),
            limits,
            phase: Phase::Preamble,
            at_start: true,
            parts: 0,
            searched: 0,
        })
    }

    /// Takes the next piece off the front of `input`.
    ///
    /// # Errors
    ///
    /// The rule that was broken, or the limit. After an error the decoder is of no use.
    pub fn decode<'b>(&mut self, input: &'b [u8]) -> Result<MultipartStep<'b>, MultipartError> {
        let mut consumed = 0;
        let (len, part) = loop {
            let rest = &input[consumed..];
            let step = match self.phase {
                Phase::Preamble => match self.seek(rest) {
                    Seek::Plain(0) => None,
                    Seek::Plain(len) => {
                        self.at_start = false;
                        consumed += len;
                        continue;
                    }
                    Seek::Delimiter(len) => {
                        self.phase = Phase::Delimited;
                        consumed += len;
                        continue;
                    }
                },
                Phase::Delimited => match self.behind_delimiter(rest)? {
                    Some(len) => {
                        consumed += len;
                        continue;
                    }
                    None => None,
                },
                Phase::Head => self.head(rest)?,
                Phase::Data { is_file, left } => self.data(rest, is_file, left)?,
                Phase::End => Some((rest.len(), MultipartPart::End)),
            };
            break step.unwrap_or((0, MultipartPart::NeedMore));
        };
        Ok(MultipartStep {
            consumed: consumed + len,
            part,
        })
    }

    /// To be called when the body is over.
    ///
    /// # Errors
    ///
    /// If the form is not: it was cut off.
    pub fn finish(&self) -> Result<(), MultipartError> {
        match self.phase {
            Phase::End => Ok(()),
            Phase::Preamble | Phase::Delimited | Phase::Head | Phase::Data { .. } => {
                Err(MultipartError::Truncated)
            }
        }
    }

    /// What stands at the front: a delimiter, or so many bytes that are none. 0 bytes: it may
    /// become one.
    fn seek(&self, input: &[u8]) -> Seek {
        let delimiter = self.delimiter.needle();
        if self.at_start {
            let short = &delimiter[CRLF.len()..];
            if input.starts_with(short) {
                return Seek::Delimiter(short.len());
            }
            if short.starts_with(input) {
                return Seek::Plain(0);
            }
        }
        match self.delimiter.find(input) {
            Some(0) => Seek::Delimiter(delimiter.len()),
            Some(len) => Seek::Plain(len),
            None => Seek::Plain(input.len() - unfinished(input, delimiter)),
        }
    }

    /// RFC 2046 §5.1.1: two hyphens end the form; else white space, and a line's end.
    fn behind_delimiter(&mut self, input: &[u8]) -> Result<Option<usize>, MultipartError> {
        if input.starts_with(b"--") {
            self.phase = Phase::End;
            return Ok(Some(2));
        }
        let padding = input.iter().take(PADDING_BYTES_MAX + 1);
        let padding = padding
            .take_while(|byte| matches!(byte, b' ' | b'\t'))
            .count();
        let rest = &input[padding..];
        if rest.starts_with(CRLF) && padding <= PADDING_BYTES_MAX {
            self.phase = Phase::Head;
            self.searched = 0;
            return Ok(Some(padding + CRLF.len()));
        }
        let may_end = padding == 0 && rest == b"-";
        if (may_end || CRLF.starts_with(rest)) && padding <= PADDING_BYTES_MAX {
            return Ok(None);
        }
        Err(MultipartError::InvalidDelimiter)
    }

    fn head<'b>(
        &mut self,
        input: &[u8],
    ) -> Result<Option<(usize, MultipartPart<'b>)>, MultipartError> {
        const END: &[u8] = b"\r\n\r\n";
        let most = self.limits.part_head_bytes_max;
        let from = self.searched.saturating_sub(END.len() - 1);
        self.searched = input.len();
        let end = memchr::memmem::find(&input[from..], END).map(|at| from + at + END.len());
        if end.unwrap_or(input.len()) > most {
            return Err(MultipartError::HeadTooLarge);
        }
        let Some(end) = end else { return Ok(None) };
        if self.parts == self.limits.parts_max {
            return Err(MultipartError::TooManyParts);
        }
        self.parts += 1;
        let head = PartHead::parse(&input[..end])?;
        let is_file = head.is_file();
        let left = match is_file {
            true => self.limits.file_bytes_max,
            false => self.limits.field_bytes_max,
        };
        self.phase = Phase::Data { is_file, left };
        self.at_start = true;
        Ok(Some((end, MultipartPart::Begin(head))))
    }

    fn data<'b>(
        &mut self,
        input: &'b [u8],
        is_file: bool,
        left: u64,
    ) -> Result<Option<(usize, MultipartPart<'b>)>, MultipartError> {
        match self.seek(input) {
            Seek::Delimiter(len) => {
                self.phase = Phase::Delimited;
                Ok(Some((len, MultipartPart::PartEnd)))
            }
            Seek::Plain(0) => Ok(None),
            Seek::Plain(len) => {
                let Some(left) = left.checked_sub(len as u64) else {
                    return Err(match is_file {
                        true => MultipartError::FileTooLarge,
                        false => MultipartError::FieldTooLarge,
                    });
                };
                self.at_start = false;
                self.phase = Phase::Data { is_file, left };
                Ok(Some((len, MultipartPart::Data(&input[..len]))))
            }
        }
    }
}

enum Seek {
    Plain(usize),
    Delimiter(usize),
}

/// How many bytes at the end of the input may be the start of a delimiter that is not whole.
fn unfinished(input: &[u8], delimiter: &[u8]) -> usize {
    let start = input.len().saturating_sub(delimiter.len() - 1);
    let tail = &input[start..];
    // A boundary holds no CR, so only one can be the start of something that is cut off.
    match memchr::memrchr(b'\r', tail) {
        Some(at) if delimiter.starts_with(&tail[at..]) => tail.len() - at,
        Some(_) | None => 0,
    }
}

/// RFC 2046 §5.1.1: 1 to 70 `bchars`, and no space at the end.
fn is_boundary(text: &[u8]) -> bool {
    let is_bchar = |byte: &u8| byte.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(byte);
    (1..=BOUNDARY_BYTES_MAX).contains(&text.len())
        && text.iter().all(is_bchar)
        && !text.ends_with(b" ")
}
