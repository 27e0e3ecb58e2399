//! Parses `Range` and selects the part of a representation (RFC 9110 §14).
//!
//! Always true here:
//! - A part lies within the representation and holds at least one byte.

/// What a request with `Range` is to be sent of a representation.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ByteRange {
    /// All of it: no range, several, none in bytes, or none that is understood (RFC 9110 §14.2).
    Whole,
    /// From the `first` byte to the `last`, counted from 0, both of them included.
    Part {
        /// The first byte to be sent.
        first: u64,
        /// The last byte to be sent.
        last: u64,
    },
    /// Nothing: it does not reach so far. To be answered with 416.
    Unsatisfiable,
}

/// What of `length` bytes the value of a `Range` header asks for.
///
/// Several ranges are answered as a whole, which RFC 9110 §14.2 lets a server do: they serve
/// attacks more than clients.
///
/// ```
/// use ringlane_protocol::{ByteRange, byte_range};
///
/// assert_eq!(byte_range(b"bytes=0-9", 100), ByteRange::Part { first: 0, last: 9 });
/// assert_eq!(byte_range(b"bytes=-10", 100), ByteRange::Part { first: 90, last: 99 });
/// assert_eq!(byte_range(b"bytes=100-", 100), ByteRange::Unsatisfiable);
/// ```
pub fn byte_range(value: &[u8], length: u64) -> ByteRange {
    match str::from_utf8(value).ok().and_then(parse) {
        None => ByteRange::Whole,
        Some(Range::FromTo(first, last)) => match first < length {
            true => ByteRange::Part {
                first,
                last: last.min(length - 1),
            },
            false => ByteRange::Unsatisfiable,
        },
        Some(Range::Last(0)) => ByteRange::Unsatisfiable,
        Some(Range::Last(_)) if length == 0 => ByteRange::Whole,
        Some(Range::Last(count)) => ByteRange::Part {
            first: length - count.min(length),
            last: length - 1,
        },
    }
}

enum Range {
    FromTo(u64, u64),
    Last(u64),
}

fn parse(value: &str) -> Option<Range> {
    let (unit, list) = value.split_once('=')?;
    if !unit.eq_ignore_ascii_case("bytes") {
        return None;
    }
    let mut ranges = list.split(',').map(|range| range.trim_matches([' ', '\t']));
    let range = ranges.find(|range| !range.is_empty())?;
    if ranges.any(|range| !range.is_empty()) {
        return None;
    }
    match range.split_once('-')? {
        ("", count) => Some(Range::Last(number(count)?)),
        (first, "") => Some(Range::FromTo(number(first)?, u64::MAX)),
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            (first <= last).then_some(Range::FromTo(first, last))
        }
    }
}

/// Digits. What is too large for the type is larger than any representation as well.
fn number(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(value: &str, length: u64, expected: ByteRange) {
        assert_eq!(
            byte_range(value.as_bytes(), length),
            expected,
            "{value} of {length}"
        );
    }

    #[test]
    fn one_range_at_every_edge() {
        let part = |first, last| ByteRange::Part { first, last };
        check("bytes=0-0", 10, part(0, 0));
        check("bytes=9-9", 10, part(9, 9));
        check("bytes=9-10", 10, part(9, 9));
        check("bytes=0-9", 10, part(0, 9));
        check("bytes=3-", 10, part(3, 9));
        check("bytes=-1", 10, part(9, 9));
        check("bytes=-10", 10, part(0, 9));
        check("bytes=-11", 10, part(0, 9));
        check("Bytes= 0-1 ,", 10, part(0, 1));
        check("bytes=0-99999999999999999999", 10, part(0, 9));
        check("bytes=-99999999999999999999", 10, part(0, 9));
        check("bytes=10-", 10, ByteRange::Unsatisfiable);
        check("bytes=10-10", 10, ByteRange::Unsatisfiable);
        check("bytes=-0", 10, ByteRange::Unsatisfiable);
        check("bytes=0-", 0, ByteRange::Unsatisfiable);
        check("bytes=99999999999999999999-", 10, ByteRange::Unsatisfiable);
        check(
            "bytes=18446744073709551614-",
            u64::MAX,
            part(u64::MAX - 1, u64::MAX - 1),
        );
        check("bytes=-5", 0, ByteRange::Whole);
    }

    #[test]
    fn what_is_sent_whole() {
        for value in [
            "",
            "bytes",
            "bytes=",
            "bytes=,",
            "bytes=-",
            "bytes=a-",
            "bytes=0-a",
            "bytes=+1-2",
            "bytes=2-1",
            "bytes=0-1,3-4",
            "bytes=0 - 1",
            "bytes=1",
            "pages=0-1",
            "bytes=0-1-2",
            "bytes =0-1",
        ] {
            check(value, 10, ByteRange::Whole);
        }
        assert_eq!(byte_range(b"bytes=\xff", 10), ByteRange::Whole);
    }
}
