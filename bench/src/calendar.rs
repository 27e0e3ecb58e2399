//! The start time of a run, in UTC: formatted and parsed.
//!
//! Not here: durations (`Instant` measures those).

use std::fmt;
use std::time::{Duration, SystemTime};

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

const DAY_SECONDS: u64 = 24 * 60 * 60;

/// A moment after 1970, to the second.
#[derive(Clone, Copy, Debug, Eq, PartialEq, PartialOrd)]
pub struct Moment(u64);

impl Moment {
    /// This second.
    pub fn now() -> Self {
        // A clock before 1970 is shown as 1970.
        let since = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or(Duration::ZERO);
        Self(since.as_secs())
    }

    /// The day alone.
    pub fn day(self) -> String {
        let (year, month, day) = self.date();
        format!("{year:04}-{month:02}-{day:02}")
    }

    /// What [`fmt::Display`] writes, read again.
    fn parse(text: &str) -> Option<Self> {
        let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
        let numbers = |text: &str, mark: char| -> Option<[u64; 3]> {
            let mut parts = text.split(mark).map(|part| part.parse().ok());
            Some([parts.next()??, parts.next()??, parts.next()??])
        };
        let [hour, minute, second] = numbers(time, ':')?;
        let [year, month, day] = numbers(date, '-')?;
        let plausible = (1970..=9999).contains(&year) && (1..=12).contains(&month);
        if !plausible || !(1..=31).contains(&day) {
            return None;
        }
        // Years that begin in March, as in `date`.
        let (year, month) = if month > 2 {
            (year, month - 3)
        } else {
            (year - 1, month + 9)
        };
        let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day;
        let seconds = hour * 3600 + minute * 60 + second;
        Some(Self((days - 1 - 719_468) * DAY_SECONDS + seconds))
    }

    /// Year, month, day: the proleptic Gregorian calendar, counted in years that begin in March, so
    /// that the day which some years lack is the last one.
    fn date(self) -> (u64, u64, u64) {
        const ERA_DAYS: u64 = 146_097; // 400 years
        let days = self.0 / DAY_SECONDS + 719_468; // since 1 March of the year 0
        let (era, day) = (days / ERA_DAYS, days % ERA_DAYS);
        let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
        let day = day - (365 * year + year / 4 - year / 100);
        let month = (5 * day + 2) / 153; // 153 days make five months from March or August on
        let day = day - (153 * month + 2) / 5 + 1;
        let (month, next_year) = if month < 10 {
            (month + 3, 0)
        } else {
            (month - 9, 1)
        };
        (era * 400 + year + next_year, month, day)
    }
}

/// RFC 3339.
impl fmt::Display for Moment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.date();
        let second = self.0 % DAY_SECONDS;
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        write!(
            formatter,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"
        )
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| D::Error::custom("not a moment in UTC"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments() {
        for (second, expected) in [
            (0, "1970-01-01T00:00:00Z"),
            (68_169_599, "1972-02-28T23:59:59Z"),
            (68_169_600, "1972-02-29T00:00:00Z"),
            (951_827_696, "2000-02-29T12:34:56Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (1_798_761_599, "2026-12-31T23:59:59Z"),
        ] {
            assert_eq!(Moment(second).to_string(), expected);
            assert_eq!(Moment::parse(expected), Some(Moment(second)));
        }
        assert_eq!(Moment(951_827_696).day(), "2000-02-29");
        assert_eq!(Moment::parse("2000-13-01T00:00:00Z"), None);
        assert_eq!(Moment::parse("2000-01-01"), None);
    }
}
