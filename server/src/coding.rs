//! Content codings, both ways: gzip, deflate, br and zstd as steps from bytes to bytes.
//!
//! In:  bytes of any cut.
//! Out: as many bytes as there is room for, and how many were taken in for them.
//!
//! Always true here:
//! - A step's work is bounded by the two slices it is given.
//! - What a stream holds is bounded, whatever is put in: see [`Encoder`] and [`Decoder`].
//!
//! Not here: which coding a client accepts (`middleware/compression.rs`), when an answer is coded
//! (`coding/offer.rs` and `conversation/`), when a body is decoded (`body.rs`).

#[cfg(feature = "brotli")]
mod brotli;
mod decoder;
mod encoder;
mod offer;
mod zlib;
#[cfg(feature = "zstd")]
mod zstd;

use std::fmt;

pub(crate) use decoder::{Decoder, Decoding, Flaw, STACKED_MAX};
pub use encoder::ENCODERS_BYTES_MAX;
pub(crate) use encoder::Encoder;
pub(crate) use offer::Offer;
#[cfg(test)]
pub(crate) use tests::{decoded, decoded_so_far};

/// A content coding (RFC 9110 §8.4.1).
///
/// `br` and `zstd` are there unless the crate's features of that name are off (`brotli`, `zstd`).
///
/// ```
/// use ringlane::middleware::Coding;
///
/// assert_eq!(Coding::Gzip.name(), "gzip");
/// assert!(Coding::ALL.contains(&Coding::Deflate));
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Coding {
    /// `zstd` (RFC 8878, with the window that RFC 9659 allows). Quick for what it saves.
    #[cfg(feature = "zstd")]
    Zstd,
    /// `br` (RFC 7932). Saves most; slow at its higher levels.
    #[cfg(feature = "brotli")]
    Brotli,
    /// `gzip` (RFC 1952); `x-gzip` is the same (RFC 9110 §8.4.1.3).
    Gzip,
    /// `deflate`: the zlib format (RFC 1950), as RFC 9110 §8.4.1.2 has it. Some old clients meant
    /// bare deflate data by it; that is refused.
    Deflate,
}

impl Coding {
    /// All of them, in the order in which they are preferred unless another is set.
    pub const ALL: &[Self] = &[
        #[cfg(feature = "zstd")]
        Self::Zstd,
        #[cfg(feature = "brotli")]
        Self::Brotli,
        Self::Gzip,
        Self::Deflate,
    ];

    /// The name in `Content-Encoding` and `Accept-Encoding`.
    pub const fn name(self) -> &'static str {
        match self {
            #[cfg(feature = "zstd")]
            Self::Zstd => "zstd",
            #[cfg(feature = "brotli")]
            Self::Brotli => "br",
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
        }
    }

    /// The coding of that name, in any case (RFC 9110 §8.4.1).
    pub(crate) fn named(name: &[u8]) -> Option<Self> {
        if name.eq_ignore_ascii_case(b"x-gzip") {
            return Some(Self::Gzip);
        }
        let is_named = |coding: &&Self| coding.name().as_bytes().eq_ignore_ascii_case(name);
        Self::ALL.iter().find(is_named).copied()
    }

    /// Least and greatest level, and the one between time and size that is meant for answers which
    /// are coded while a client waits.
    pub(crate) const fn levels(self) -> (u8, u8, u8) {
        match self {
            #[cfg(feature = "zstd")]
            Self::Zstd => (1, 19, 3),
            #[cfg(feature = "brotli")]
            Self::Brotli => (0, 11, 4),
            Self::Gzip | Self::Deflate => (1, 9, 5),
        }
    }

    /// What an encoder holds, about.
    fn encoder_bytes(self, level: u8) -> usize {
        const MIB: usize = 1024 * 1024;
        let _ = level; // zlib holds the same at each, and the others may not be there
        match self {
            #[cfg(feature = "zstd")]
            Self::Zstd if level <= 3 => 3 * MIB / 2,
            #[cfg(feature = "zstd")]
            Self::Zstd => 6 * MIB,
            #[cfg(feature = "brotli")]
            Self::Brotli => match level {
                0..=4 => 3 * MIB,
                5 => 4 * MIB,
                6 => 5 * MIB,
                7 => 11 * MIB,
                8 => 19 * MIB,
                9 => 37 * MIB,
                _ => 8 * MIB,
            },
            Self::Gzip | Self::Deflate => 3 * MIB / 8,
        }
    }

    fn encode(self, level: u8, length: Option<u64>) -> Result<Box<dyn Encode>, Failed> {
        let _ = length; // zlib has no use for it, and the others may not be there
        Ok(match self {
            #[cfg(feature = "zstd")]
            Self::Zstd => Box::new(zstd::Encode::new(level, length)?),
            #[cfg(feature = "brotli")]
            Self::Brotli => Box::new(brotli::Encode::new(level, length)),
            Self::Gzip => Box::new(zlib::Encode::gzip(level)),
            Self::Deflate => Box::new(zlib::Encode::deflate(level)),
        })
    }

    fn decode(self) -> Result<Box<dyn Decode>, Failed> {
        Ok(match self {
            #[cfg(feature = "zstd")]
            Self::Zstd => Box::new(zstd::Decode::new()?),
            #[cfg(feature = "brotli")]
            Self::Brotli => Box::new(brotli::Decode::new()),
            Self::Gzip => Box::new(zlib::Decode::gzip()),
            Self::Deflate => Box::new(zlib::Decode::deflate()),
        })
    }
}

impl fmt::Display for Coding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What an encoder is asked to make of its input.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum How {
    /// Whatever is ready.
    Run,
    /// Everything so far, so that it can be decoded.
    Flush,
    /// Everything, and the end.
    Finish,
}

/// How far a step came.
#[derive(Clone, Copy, Debug)]
struct Step {
    consumed: usize,
    produced: usize,
}

impl Step {
    const NONE: Self = Self {
        consumed: 0,
        produced: 0,
    };
}

/// A coder cannot go on: its input is malformed, or it could not have its memory.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Failed;

trait Encode {
    /// One step. The flag tells that what was asked for is done.
    fn step(&mut self, input: &[u8], output: &mut [u8], how: How) -> Result<(Step, bool), Failed>;
}

trait Decode {
    /// One step; input that cannot be used yet is kept inside.
    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, Failed>;

    /// Whether the data may end here.
    fn is_whole(&self) -> bool;
}

#[cfg(test)]
mod tests;
