//! Percent-escapes, query strings, dates and written chunks.

use ringlane_protocol::percent::{self, PercentError};
use ringlane_protocol::{chunked, query, write_date};
use std::borrow::Cow;

#[test]
fn paths_are_decoded_strictly() {
    for (path, expected) in [
        ("", Ok("")),
        ("/a/b", Ok("/a/b")),
        ("a+b", Ok("a+b")),
        ("%41%4a%4A", Ok("AJJ")),
        ("%2F%2f", Ok("//")),
        ("%25", Ok("%")),
        ("%2541", Ok("%41")),
        ("%E2%82%AC", Ok("\u{20ac}")),
        ("%", Err(PercentError::MalformedEscape)),
        ("a%4", Err(PercentError::MalformedEscape)),
        ("%zz", Err(PercentError::MalformedEscape)),
        ("%4z", Err(PercentError::MalformedEscape)),
        ("%+1", Err(PercentError::MalformedEscape)),
        ("%%41", Err(PercentError::MalformedEscape)),
        ("a%00b", Err(PercentError::Control)),
        ("%0a", Err(PercentError::Control)),
        ("%1F", Err(PercentError::Control)),
        ("%20%7e", Ok(" ~")),
        ("%7f", Err(PercentError::Control)),
        ("%C2%80", Ok("\u{80}")),
        ("%0", Err(PercentError::MalformedEscape)),
        ("%0g", Err(PercentError::MalformedEscape)),
        ("%FF", Err(PercentError::NotUtf8)),
        ("%C3", Err(PercentError::NotUtf8)),
        ("%C0%AF", Err(PercentError::NotUtf8)), // a slash in too many bytes
        ("%ED%A0%80", Err(PercentError::NotUtf8)),
    ] {
        assert_eq!(
            percent::decode(path).as_deref(),
            expected.as_ref().copied(),
            "{path}"
        );
    }
}

#[test]
fn plain_paths_are_not_copied() {
    assert!(matches!(percent::decode("/plain"), Ok(Cow::Borrowed(_))));
}

#[test]
fn queries_are_decoded_as_forms_are() {
    for (text, expected) in [
        ("", &[][..]),
        ("a=1&b=2", &[("a", "1"), ("b", "2")]),
        ("a=1&a=2", &[("a", "1"), ("a", "2")]),
        ("a", &[("a", "")]),
        ("=1", &[("", "1")]),
        ("a=b=c", &[("a", "b=c")]),
        ("&&a=1&", &[("a", "1")]),
        ("a+b=c+d", &[("a b", "c d")]),
        ("%61=%2B%26", &[("a", "+&")]),
        ("a=%", &[("a", "%")]),
        ("a=%zz", &[("a", "%zz")]),
        ("a=%FF", &[("a", "\u{fffd}")]),
    ] {
        let pairs: Vec<_> = query::pairs(text).collect();
        let pairs: Vec<_> = pairs
            .iter()
            .map(|(name, value)| (&**name, &**value))
            .collect();
        assert_eq!(pairs, expected, "{text}");
    }
}

#[test]
fn dates_are_written_as_imf_fixdate() {
    for (seconds, expected) in [
        (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
        (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
        (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
        (253_402_300_799, "Fri, 31 Dec 9999 23:59:59 GMT"),
        (253_402_300_800, "Fri, 31 Dec 9999 23:59:59 GMT"),
        (u64::MAX, "Fri, 31 Dec 9999 23:59:59 GMT"),
    ] {
        assert_eq!(
            str::from_utf8(&write_date(seconds)),
            Ok(expected),
            "{seconds}"
        );
    }
}

#[test]
fn chunks_are_written_with_their_size_and_never_empty() {
    for (data_bytes, head) in [
        (1, "1\r\n"),
        (15, "f\r\n"),
        (16, "10\r\n"),
        (4096, "1000\r\n"),
    ] {
        let data = vec![b'x'; data_bytes];
        let mut out = Vec::new();
        chunked::write_chunk(&mut out, &data);
        assert_eq!(out, [head.as_bytes(), &data, chunked::CHUNK_END].concat());
        assert_eq!(
            chunked::ChunkHead::new(data_bytes).as_ref(),
            head.as_bytes()
        );
    }
    let largest = chunked::ChunkHead::new(usize::MAX);
    assert_eq!(largest.as_ref(), b"ffffffffffffffff\r\n");
    let mut out = Vec::new();
    chunked::write_chunk(&mut out, b"");
    assert_eq!(out, b"", "an empty chunk would end the body");
}

#[test]
#[should_panic(expected = "an empty chunk ends the body")]
fn a_chunk_head_of_nothing_is_a_bug() {
    let _ = chunked::ChunkHead::new(0);
}
