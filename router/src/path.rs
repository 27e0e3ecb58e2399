//! Splits a request's path into segments and percent-decodes them.
//!
//! In:  the raw path of a request target, without its query.
//! Out: where each segment lies, in the path itself or in a decoded copy; or what is wrong with it.
//!
//! Always true here:
//! - Only a raw `/` parts segments; an encoded one is text (RFC 3986 §2.2).
//! - The text is UTF-8, whichever segments are stored.
//! - Dot segments, empty segments and letter case stay as they are.
//!
//! Not here: which route a path belongs to (`walk.rs`), what is remembered of it (`params.rs`).

use std::{fmt, str};

use crate::params::Span;

/// Longest path that is looked up, in bytes; a longer one is [`PathFlaw::TooLong`]. Servers
/// refuse far shorter ones with 414.
pub const PATH_BYTES_MAX: usize = 1024 * 1024;

const _: () = assert!(PATH_BYTES_MAX < u32::MAX as usize, "spans are 32 bits wide");

/// Why a path is none. The answer to such a request is 400.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PathFlaw {
    /// An escape of a control byte, `%00` to `%1F` or `%7F`: no name of anything holds one, and it
    /// ends strings and lines early elsewhere (RFC 3986 §7.3).
    Control,
    /// A `%` without two hexadecimal digits behind it (RFC 3986 §2.1).
    Escape,
    /// It does not start with `/`. Asterisk and authority forms are not for a router.
    NoLeadingSlash,
    /// More than [`PATH_BYTES_MAX`] bytes.
    TooLong,
    /// Its decoded bytes are not UTF-8.
    Utf8,
}

impl fmt::Display for PathFlaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Control => "escaped control byte in the path",
            Self::Escape => "malformed percent-escape in the path",
            Self::NoLeadingSlash => "the path does not start with a slash",
            Self::TooLong => "the path is too long",
            Self::Utf8 => "the path is not UTF-8",
        })
    }
}

/// What was made of a path.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Cut {
    /// Whether the text is the decoded copy and not the path itself.
    pub(crate) decoded: bool,
    /// How many segments there are, stored or not.
    pub(crate) segments: usize,
    /// How many bytes at the end of the text are not looked at.
    pub(crate) trimmed: usize,
}

/// Stores where the first segments of `path` lie, as many as there are `segments`, and in `text`
/// the decoded path if it differs; `text` is cleared by the caller and keeps its capacity.
pub(crate) fn cut(path: &[u8], segments: &mut [Span], text: &mut Vec<u8>) -> Result<Cut, PathFlaw> {
    if path.first() != Some(&b'/') {
        return Err(PathFlaw::NoLeadingSlash);
    }
    if path.len() > PATH_BYTES_MAX {
        return Err(PathFlaw::TooLong);
    }
    let mut cutter = Cutter {
        segments,
        count: 0,
        start: 1,
    };
    let decoded = !cutter.plain(path);
    if decoded {
        cutter.count = 0;
        cutter.start = 1;
        cutter.decode(path, text)?;
    }
    Ok(Cut {
        decoded,
        segments: cutter.count,
        trimmed: 0,
    })
}

/// The last segment of `path`, if it is not empty and needs no decoding.
#[inline]
pub(crate) fn last_segment(path: &[u8]) -> Option<Span> {
    if path.len() > PATH_BYTES_MAX {
        return None;
    }
    let mut before = path;
    while let Some((rest, bytes)) = before.split_last_chunk() {
        let word = u64::from_le_bytes(*bytes);
        let slashes = equal(word, b'/');
        // Only the bytes behind the last slash matter.
        let behind = !u64::MAX.unbounded_shr(slashes.leading_zeros());
        if special(word) & behind != 0 {
            return None;
        }
        if slashes != 0 {
            let slash = rest.len() + (u64::BITS - 1 - slashes.leading_zeros()) as usize / 8;
            return non_empty(slash + 1, path);
        }
        before = rest;
    }
    let slash = before.iter().rposition(|byte| *byte == b'/')?;
    let plain = |byte: &u8| *byte != b'%' && byte.is_ascii();
    let rest_is_plain = before[slash..].iter().all(plain);
    rest_is_plain.then(|| non_empty(slash + 1, path))?
}

fn non_empty(start: usize, path: &[u8]) -> Option<Span> {
    (start < path.len()).then(|| Span::new(start, path.len()))
}

struct Cutter<'s> {
    segments: &'s mut [Span],
    /// How many segments were read, whether there was room for them or not.
    count: usize,
    /// Where the segment that is being read begins.
    start: usize,
}

impl Cutter<'_> {
    /// Cuts a path that is its own text; `false` as soon as it shows not to be.
    fn plain(&mut self, path: &[u8]) -> bool {
        let (words, rest) = path[1..].as_chunks();
        let mut at = 1;
        for bytes in words {
            if !self.plain_word(u64::from_le_bytes(*bytes), at) {
                return false;
            }
            at += WORD_BYTES;
        }
        // What is left is padded with zeros, which mean nothing; the last whole word has it at
        // its end.
        let last = match path.last_chunk() {
            Some(last) if !rest.is_empty() => {
                u64::from_le_bytes(*last) >> (8 * (WORD_BYTES - rest.len()))
            }
            Some(_) => 0,
            None => (rest.iter().rev()).fold(0, |word, byte| word << 8 | u64::from(*byte)),
        };
        let plain = self.plain_word(last, at);
        self.end_at(path.len());
        plain
    }

    /// Cuts at the slashes in the eight bytes from `at` on; `false` if they need decoding.
    #[inline]
    fn plain_word(&mut self, word: u64, at: usize) -> bool {
        if special(word) != 0 {
            return false;
        }
        let mut slashes = equal(word, b'/');
        while slashes != 0 {
            self.end_at(at + slashes.trailing_zeros() as usize / 8);
            slashes &= slashes - 1;
        }
        true
    }

    fn decode(&mut self, path: &[u8], text: &mut Vec<u8>) -> Result<(), PathFlaw> {
        text.push(b'/');
        let mut rest = &path[1..];
        while let Some((byte, behind)) = rest.split_first() {
            rest = behind;
            match byte {
                b'/' => {
                    self.end_at(text.len());
                    text.push(b'/');
                }
                b'%' => {
                    let (digits, behind) = rest.split_first_chunk().ok_or(PathFlaw::Escape)?;
                    let byte = hexadecimal(*digits).ok_or(PathFlaw::Escape)?;
                    if byte.is_ascii_control() {
                        return Err(PathFlaw::Control);
                    }
                    text.push(byte);
                    rest = behind;
                }
                _ => text.push(*byte),
            }
        }
        self.end_at(text.len());
        match str::from_utf8(text) {
            Ok(_) => Ok(()),
            Err(_) => Err(PathFlaw::Utf8),
        }
    }

    #[inline]
    fn end_at(&mut self, end: usize) {
        if let Some(segment) = self.segments.get_mut(self.count) {
            *segment = Span::new(self.start, end);
        }
        self.count += 1;
        self.start = end + 1;
    }
}

const WORD_BYTES: usize = size_of::<u64>();
const HIGH_BITS: u64 = u64::from_ne_bytes([0x80; WORD_BYTES]);

/// The high bit of each byte of `word` that stands for something else: an escape, or no ASCII.
#[inline]
fn special(word: u64) -> u64 {
    (equal(word, b'%') | word) & HIGH_BITS
}

/// The high bit of each byte of `word` that equals `byte`, and no other bit.
#[inline]
fn equal(word: u64, byte: u8) -> u64 {
    let zero_where_equal = word ^ u64::from_ne_bytes([byte; WORD_BYTES]);
    // The sum carries into a byte's own high bit exactly if one of its low seven bits is set, and
    // never beyond it.
    let low_bits_set = (zero_where_equal & !HIGH_BITS) + !HIGH_BITS;
    !(low_bits_set | zero_where_equal) & HIGH_BITS
}

/// The byte that two hexadecimal digits stand for.
pub(crate) fn hexadecimal([high, low]: [u8; 2]) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    Some((digit(high)? * 16 + digit(low)?) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One line: the segments joined by `|`, with `+` if there are more, and `decoded` if they
    /// were.
    fn outline(path: &[u8], max: usize) -> String {
        let (mut segments, mut text) = (vec![Span::default(); max], Vec::new());
        match cut(path, &mut segments, &mut text) {
            Err(flaw) => format!("{flaw:?}"),
            Ok(cut) => {
                let text = if cut.decoded { &text } else { path };
                let stored = segments.iter().take(cut.segments);
                let parts: Vec<_> = stored
                    .map(|span| String::from_utf8_lossy(span.of(text)))
                    .collect();
                let more = if cut.segments > max { " +" } else { "" };
                let decoded = if cut.decoded { " decoded" } else { "" };
                format!("[{}]{more}{decoded}", parts.join("|"))
            }
        }
    }

    #[track_caller]
    fn check(path: &str, expected: &str) {
        assert_eq!(outline(path.as_bytes(), 100), expected, "{path}");
    }

    #[test]
    fn only_raw_slashes_part_segments() {
        check("/", "[]");
        check("/a", "[a]");
        check("/a/", "[a|]");
        check("//", "[|]");
        check("/a//b", "[a||b]");
        check("/a%2Fb/c", "[a/b|c] decoded"); // RFC 3986 §2.2
        check("/a%2fb", "[a/b] decoded");
        check("/%61/%25", "[a|%] decoded");
        check("/%252F", "[%2F] decoded"); // decoded once, not twice
        check("/./../a", "[.|..|a]");
        check("/a+b", "[a+b]"); // a plus means a space in queries only
    }

    #[test]
    fn what_is_no_path() {
        check("", "NoLeadingSlash");
        check("*", "NoLeadingSlash");
        check("a/b", "NoLeadingSlash");
        for bad in ["/%", "/%4", "/a%g0/b", "/%0g", "/%%20", "/a/%+1", "/%C3%"] {
            check(bad, "Escape");
        }
        for bad in ["/%00", "/a%0a", "/%0D/b", "/a/%1f", "/%7F", "/%09"] {
            check(bad, "Control");
        }
        check("/%20%7E", "[ ~] decoded");
        for bad in ["/%FF", "/%C3/%A9", "/a/%ED%A0%80", "/%C3%28", "/%C0%AF"] {
            check(bad, "Utf8");
        }
        assert_eq!(outline(b"/a\xff", 100), "Utf8");
        assert_eq!(outline("/é".as_bytes(), 100), "[é] decoded");
        check("/caf%C3%A9", "[café] decoded");
    }

    #[test]
    fn length_at_the_limit_and_beyond() {
        let mut path = vec![b'a'; PATH_BYTES_MAX];
        path[0] = b'/';
        assert!(outline(&path, 1).ends_with("a]"));
        path.push(b'a');
        assert_eq!(outline(&path, 1), "TooLong");
    }

    #[test]
    fn segments_at_the_limit_and_beyond() {
        assert_eq!(outline(b"/a/b", 2), "[a|b]");
        assert_eq!(outline(b"/a/b/c", 2), "[a|b] +");
        assert_eq!(outline(b"/a/b/c%20", 2), "[a|b] + decoded");
        assert_eq!(outline(b"/a/b/c%", 2), "Escape", "whatever is stored");
    }

    #[test]
    fn words_agree_with_bytes_at_every_offset() {
        for len in 0..24 {
            for at in 0..=len {
                for byte in ['/', '%', 'é', '\u{80}', '.', '0'] {
                    let mut path = String::from("/");
                    path.extend((0..len).map(|_| 'a'));
                    path.insert(1 + at, byte);
                    let expected = match byte {
                        '/' => format!("[{}|{}]", "a".repeat(at), "a".repeat(len - at)),
                        '%' if len - at >= 2 => {
                            String::from("Utf8") // %aa is no UTF-8 by itself
                        }
                        '%' => String::from("Escape"),
                        'é' | '\u{80}' => format!("[{}] decoded", &path[1..]),
                        _ => format!("[{}]", &path[1..]),
                    };
                    check(&path, &expected);
                }
            }
        }
    }

    #[test]
    fn the_last_segment_is_what_a_byte_loop_finds() {
        let slow = |path: &[u8]| {
            let slash = path.iter().rposition(|byte| *byte == b'/')?;
            let last = &path[slash + 1..];
            let plain = !last.contains(&b'%') && last.is_ascii() && !last.is_empty();
            plain.then(|| Span::new(slash + 1, path.len()))
        };
        for len in 0..28 {
            for first in 0..len {
                for second in 0..len {
                    for bytes in [*b"//", *b"/%", *b"%/", b"/\x80".to_owned(), *b"0."] {
                        let mut path = vec![b'a'; len];
                        path[first] = bytes[0];
                        path[second] = bytes[1];
                        assert_eq!(last_segment(&path), slow(&path), "{path:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn every_byte_is_compared_exactly() {
        for word_byte in 0..=255u8 {
            let word = u64::from_le_bytes([word_byte; 8]);
            let expected = if word_byte == b'/' { HIGH_BITS } else { 0 };
            assert_eq!(equal(word, b'/'), expected);
            let neighbours = u64::from_le_bytes([b'/', word_byte, b'/', 0, 0xff, b'/', 1, b'.']);
            let hit = |byte: u8| if byte == b'/' { 0x80 } else { 0 };
            let expected = u64::from_le_bytes([0x80, hit(word_byte), 0x80, 0, 0, 0x80, 0, 0]);
            assert_eq!(equal(neighbours, b'/'), expected);
        }
    }
}
