//! Sizes and times as people write them on a command line: `64M`, `1500`, `10s`, `1.5m`.
//!
//! Always true here:
//! - What is written is what is meant, to the byte and the nanosecond, or an error: nothing is cut.
//!
//! Not here: which values an option takes (the library's limits).

use std::time::Duration;

const SIZES: [(&str, u64); 7] = [
    ("", 1),
    ("k", 1 << 10),
    ("kib", 1 << 10),
    ("m", 1 << 20),
    ("mib", 1 << 20),
    ("g", 1 << 30),
    ("gib", 1 << 30),
];

const NANOS_PER_SECOND: u64 = 1_000_000_000;
const TIMES: [(&str, u64); 5] = [
    ("us", 1_000),
    ("ms", 1_000_000),
    ("s", NANOS_PER_SECOND),
    ("m", 60 * NANOS_PER_SECOND),
    ("h", 3600 * NANOS_PER_SECOND),
];

/// Bytes: a whole number, of K, M or G (powers of 1,024) if it says so.
pub(super) fn bytes(text: &str) -> Result<u64, String> {
    let (number, unit) = split(text);
    let each = find(&SIZES, unit).ok_or("a size is a number, as 65536, 64K, 8M or 1G")?;
    let number: u64 = number
        .parse()
        .map_err(|_| "a size is a whole number, as 65536, 64K, 8M or 1G".to_owned())?;
    let bytes = number.checked_mul(each);
    bytes.ok_or_else(|| "the size is beyond all memory".to_owned())
}

/// As [`bytes`], for what lies in memory.
pub(super) fn memory_bytes(text: &str) -> Result<usize, String> {
    usize::try_from(bytes(text)?).map_err(|error| error.to_string())
}

/// A time; without a unit, seconds.
pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    time(text, "s")
}

/// A time; without a unit, milliseconds.
pub(super) fn milliseconds(text: &str) -> Result<Duration, String> {
    time(text, "ms")
}

/// A time; without a unit, microseconds.
pub(super) fn microseconds(text: &str) -> Result<Duration, String> {
    time(text, "us")
}

fn time(text: &str, usual: &str) -> Result<Duration, String> {
    let wanted = || "a time is a number and us, ms, s, m or h, as in 500ms or 10s".to_owned();
    let (number, unit) = split(text);
    let unit = if unit.is_empty() { usual } else { unit };
    let each = find(&TIMES, unit).ok_or_else(wanted)?;
    let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
    let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    if !is_number(whole) || !is_number(part) || part.len() > 9 {
        return Err(wanted());
    }
    let too_long = || "the time is longer than any server runs".to_owned();
    let whole: u64 = whole.parse().map_err(|_| too_long())?;
    let whole = whole.checked_mul(each).ok_or_else(too_long)?;
    let part: u64 = format!("{part:0<9}").parse().map_err(|_| wanted())?;
    let part = u128::from(part) * u128::from(each) / u128::from(NANOS_PER_SECOND);
    let part = u64::try_from(part).map_err(|_| too_long())?;
    whole
        .checked_add(part)
        .map(Duration::from_nanos)
        .ok_or_else(too_long)
}

/// The number, and the letters behind it.
fn split(text: &str) -> (&str, &str) {
    let number = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    (number, &text[number.len()..])
}

fn find(units: &[(&str, u64)], unit: &str) -> Option<u64> {
    let mut units = units.iter();
    let found = units.find(|(name, _)| name.eq_ignore_ascii_case(unit));
    found.map(|(_, each)| *each)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_they_are_written() {
        for (text, expected) in [
            ("0", 0),
            ("1500", 1500),
            ("64K", 64 << 10),
            ("64k", 64 << 10),
            ("64KiB", 64 << 10),
            ("64M", 64 << 20),
            ("2g", 2 << 30),
            ("18446744073709551615", u64::MAX),
            ("17179869183G", 17_179_869_183 << 30),
        ] {
            assert_eq!(bytes(text), Ok(expected), "{text}");
        }
        for text in [
            "",
            "K",
            "-1",
            "1.5M",
            "64X",
            "64KB",
            "1e3",
            "18446744073709551616",
            "17179869184G",
            "é",
            "64é",
        ] {
            assert!(bytes(text).is_err(), "{text}");
        }
    }

    #[test]
    fn times_are_read_as_they_are_written() {
        let millis = Duration::from_millis;
        for (text, expected) in [
            ("10s", millis(10_000)),
            ("500ms", millis(500)),
            ("500MS", millis(500)),
            ("1.5m", millis(90_000)),
            ("2h", millis(7_200_000)),
            ("100us", Duration::from_micros(100)),
            ("0.000000001s", Duration::from_nanos(1)),
            ("0", Duration::ZERO),
            ("7", millis(7_000)),
        ] {
            assert_eq!(seconds(text), Ok(expected), "{text}");
        }
        assert_eq!(milliseconds("7"), Ok(millis(7)));
        assert_eq!(microseconds("7"), Ok(Duration::from_micros(7)));
        let most = u64::MAX / NANOS_PER_SECOND;
        assert!(seconds(&format!("{most}")).is_ok());
        for text in [
            "", "s", "1 s", "-1s", ".5s", "1.s", "1..2s", "1e3s", "1d", "ten", "é",
        ] {
            assert!(seconds(text).is_err(), "{text}");
        }
        assert!(seconds(&format!("{}", most + 1)).is_err());
    }
}
