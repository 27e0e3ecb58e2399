//! Validates UTF-8 that arrives in pieces, up to the first wrong byte (RFC 6455 §8.1).
//!
//! Always true here: between calls at most three bytes are kept, the beginning of one character,
//! and some continuation of them is valid.
//!
//! Not here: what the text is for (`assembly.rs`).

use super::Error;

/// Bytes of the longest character.
const CHARACTER_BYTES_MAX: usize = 4;

/// A check of text that may be cut anywhere, within characters too.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Utf8 {
    /// The beginning of a character whose end has not come yet.
    begun: [u8; CHARACTER_BYTES_MAX],
    begun_bytes: u8,
}

impl Utf8 {
    /// Judges the next piece.
    pub(super) fn check(&mut self, mut piece: &[u8]) -> Result<(), Error> {
        while self.begun_bytes > 0 {
            let Some((&byte, rest)) = piece.split_first() else {
                return Ok(());
            };
            piece = rest;
            self.continue_character(byte)?;
        }
        let Err(error) = simdutf8::compat::from_utf8(piece) else {
            return Ok(());
        };
        if error.error_len().is_some() {
            return Err(Error::InvalidUtf8);
        }
        for &byte in &piece[error.valid_up_to()..] {
            self.continue_character(byte)?;
        }
        Ok(())
    }

    fn continue_character(&mut self, byte: u8) -> Result<(), Error> {
        let len = usize::from(self.begun_bytes) + 1;
        self.begun[len - 1] = byte;
        self.begun_bytes = match str::from_utf8(&self.begun[..len]) {
            Ok(_) => 0,
            Err(error) if error.error_len().is_none() => len as u8,
            Err(_) => return Err(Error::InvalidUtf8),
        };
        Ok(())
    }

    /// Whether the text may end here.
    pub(super) const fn is_whole(&self) -> bool {
        self.begun_bytes == 0
    }
}

#[cfg(test)]
mod tests {
    use super::Utf8;

    /// How many bytes pass before one is refused; `None` if all pass.
    fn refused_at(pieces: &[&[u8]]) -> Option<usize> {
        let mut text = Utf8::default();
        let mut passed = 0;
        for piece in pieces {
            if text.check(piece).is_err() {
                return Some(passed);
            }
            passed += piece.len();
        }
        None
    }

    /// RFC 3629 §3 and §4: lengths, overlong forms, surrogates, the end at U+10FFFF.
    const SAMPLES: [&[u8]; 14] = [
        "\u{3ba}\u{1f79}\u{3c3}\u{3bc}\u{3b5}".as_bytes(),
        "plain \u{7ff}\u{800}\u{ffff}\u{10000}\u{10ffff} plain".as_bytes(),
        "\u{0}\u{feff}\u{fffe}\u{d7ff}\u{e000}".as_bytes(),
        b"\x80",
        b"abc\xc0\xafdef",
        b"\xc1\x81",
        b"\xe0\x9f\xbf",
        b"\xed\xa0\x80",
        b"\xed\xbf\xbf",
        b"\xf0\x8f\xbf\xbf",
        b"\xf4\x90\x80\x80",
        b"\xf5\x80\x80\x80",
        b"\xff",
        b"a long piece of ASCII so that vectors are used, and then \xce\xba\xe1\xbd\xb9\xcf\xed\xa0",
    ];

    #[test]
    fn every_cut_gives_the_same_verdict_at_the_first_wrong_byte() {
        for sample in SAMPLES {
            let wrong = (0..sample.len()).find(|&at| {
                let verdict = str::from_utf8(&sample[..=at]);
                verdict.is_err_and(|error| error.error_len().is_some())
            });
            let bytes: Vec<&[u8]> = sample.chunks(1).collect();
            assert_eq!(refused_at(&bytes), wrong, "{sample:x?} byte by byte");
            for first in 0..=sample.len() {
                for second in first..=sample.len() {
                    let pieces = [&sample[..first], &sample[first..second], &sample[second..]];
                    assert_eq!(
                        refused_at(&pieces).is_some(),
                        wrong.is_some(),
                        "{sample:x?} cut at {first} and {second}"
                    );
                }
            }
        }
    }

    #[test]
    fn text_may_not_end_within_a_character() {
        let text = "\u{10ffff}";
        for end in 0..=text.len() {
            let mut utf8 = Utf8::default();
            assert_eq!(utf8.check(&text.as_bytes()[..end]), Ok(()));
            assert_eq!(utf8.is_whole(), end % 4 == 0, "{end}");
        }
    }
}
