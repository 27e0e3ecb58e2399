//! The kernel's formats: numbers, lists of CPUs, tables of counters; and numbers for people.
//!
//! Always true here:
//! - No content makes this panic; what does not fit is [`Unread::Garbage`].

use std::collections::BTreeMap;

use super::machine::Unread;

/// The highest CPU number that a list may name, so that a list cannot name billions.
pub(super) const CPU_MAX: usize = 65_535;

/// The single number in a file.
pub(super) fn one_number(text: &str) -> Result<u64, Unread> {
    match numbers(text)?.as_slice() {
        [one] => Ok(*one),
        _ => Err(Unread::garbage(text)),
    }
}

/// Numbers with white space between them, at least one.
pub(super) fn numbers(text: &str) -> Result<Vec<u64>, Unread> {
    let numbers: Option<Vec<u64>> = text
        .split_whitespace()
        .map(|word| word.parse().ok())
        .collect();
    match numbers {
        Some(numbers) if !numbers.is_empty() => Ok(numbers),
        _ => Err(Unread::garbage(text)),
    }
}

/// Exactly three of them.
pub(super) fn three_numbers(text: &str) -> Result<[u64; 3], Unread> {
    let numbers = numbers(text)?;
    <[u64; 3]>::try_from(numbers.as_slice()).map_err(|_| Unread::garbage(text))
}

/// A limit that may say `unlimited` or `max`: then the highest number there is.
pub(super) fn limit(text: &str) -> Result<u64, Unread> {
    match text.trim() {
        "unlimited" | "max" => Ok(u64::MAX),
        text => one_number(text),
    }
}

/// CPUs as the kernel lists them: `0-3,8`.
pub(super) fn cpus(text: &str) -> Result<Vec<usize>, Unread> {
    let mut cpus = Vec::new();
    for part in text.trim().split(',').filter(|part| !part.is_empty()) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let range = first.parse::<usize>().ok().zip(last.parse::<usize>().ok());
        match range {
            Some((first, last)) if first <= last && last <= CPU_MAX => cpus.extend(first..=last),
            _ => return Err(Unread::garbage(text)),
        }
    }
    cpus.sort_unstable();
    cpus.dedup();
    Ok(cpus)
}

/// CPUs as the kernel takes a mask of them: groups of 32 bits in hexadecimal, highest first.
pub(super) fn cpu_mask(cpus: &[usize]) -> String {
    let highest = cpus.iter().copied().max().unwrap_or_default();
    let mut groups = vec![0_u32; highest / 32 + 1];
    for cpu in cpus {
        groups[cpu / 32] |= 1 << (cpu % 32);
    }
    let mut mask = String::new();
    for group in groups.iter().rev() {
        if mask.is_empty() {
            mask = format!("{group:x}");
        } else {
            mask.push_str(&format!(",{group:08x}"));
        }
    }
    mask
}

/// Whether a mask names no CPU at all.
pub(super) fn is_empty_mask(mask: &str) -> bool {
    mask.chars().all(|digit| matches!(digit, '0' | ','))
}

/// Counters by name, from pairs of lines: `TcpExt: NameA NameB`, then `TcpExt: 1 2`.
pub(super) fn counters(text: &str, table: &str) -> BTreeMap<String, u64> {
    let prefix = format!("{table}:");
    let mut rows = text.lines().filter_map(|line| line.strip_prefix(&prefix));
    let names = rows.next().unwrap_or_default().split_whitespace();
    let values = rows.next().unwrap_or_default().split_whitespace();
    names
        .zip(values)
        .filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?)))
        .collect()
}

/// The number after `name` in the line that begins with `line`: `TCP: inuse 5 orphan 0 …`.
pub(super) fn named_number(text: &str, line: &str, name: &str) -> Option<u64> {
    let rest = text
        .lines()
        .find_map(|one| one.strip_prefix(line)?.strip_prefix(':'))?;
    let mut words = rest.split_whitespace();
    while let Some(word) = words.next() {
        if word == name {
            return words.next()?.parse().ok();
        }
    }
    None
}

/// A field of `/proc/meminfo`, in bytes.
pub(super) fn meminfo(text: &str, name: &str) -> Option<u64> {
    let rest = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    let kibibytes: u64 = rest.split_whitespace().next()?.parse().ok()?;
    kibibytes.checked_mul(1024)
}

/// One CPU's row of `/proc/net/softnet_stat`.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Softnet {
    pub(super) processed: u64,
    pub(super) dropped: u64,
    pub(super) squeezed: u64,
}

impl Softnet {
    /// What was added since `before`. The kernel counts in 32 bits and starts again at 0.
    pub(super) fn since(self, before: Self) -> Self {
        let delta = |before: u64, now: u64| u64::from((now as u32).wrapping_sub(before as u32));
        Self {
            processed: delta(before.processed, self.processed),
            dropped: delta(before.dropped, self.dropped),
            squeezed: delta(before.squeezed, self.squeezed),
        }
    }

    /// All of them together.
    pub(super) fn sum(rows: impl IntoIterator<Item = Self>) -> Self {
        rows.into_iter().fold(Self::default(), |sum, row| Self {
            processed: sum.processed.saturating_add(row.processed),
            dropped: sum.dropped.saturating_add(row.dropped),
            squeezed: sum.squeezed.saturating_add(row.squeezed),
        })
    }
}

/// The rows of `/proc/net/softnet_stat`.
pub(super) fn softnet(text: &str) -> Result<Vec<Softnet>, Unread> {
    let mut rows = Vec::new();
    for line in text.lines() {
        let columns: Vec<u64> = line
            .split_whitespace()
            .map_while(|word| u64::from_str_radix(word, 16).ok())
            .collect();
        let [processed, dropped, squeezed, ..] = columns.as_slice() else {
            return Err(Unread::garbage(line));
        };
        rows.push(Softnet {
            processed: *processed,
            dropped: *dropped,
            squeezed: *squeezed,
        });
    }
    Ok(rows)
}

/// The choice in brackets: `always [madvise] never`.
pub(super) fn chosen(text: &str) -> Result<&str, Unread> {
    let inner = text
        .split_once('[')
        .and_then(|(_, rest)| rest.split_once(']'));
    inner
        .map(|(chosen, _)| chosen)
        .filter(|chosen| !chosen.is_empty())
        .ok_or_else(|| Unread::garbage(text))
}

/// 1048576 as 1,048,576; the highest number as `unlimited`.
pub(super) fn grouped(number: u64) -> String {
    if number == u64::MAX {
        return "unlimited".to_owned();
    }
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Bytes with one decimal in the largest unit that fits.
pub(super) fn bytes(count: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    match count {
        u64::MAX => "unlimited".to_owned(),
        0..1024 => format!("{count} B"),
        _ => {
            let mut value = count as f64 / 1024.0;
            let mut unit = 0;
            while value >= 1024.0 && unit + 1 < UNITS.len() {
                value /= 1024.0;
                unit += 1;
            }
            let text = format!("{value:.1}");
            let text = text.strip_suffix(".0").unwrap_or(&text);
            format!("{text} {}", UNITS[unit])
        }
    }
}

/// How many of `whole` a part is, in percent; 0 of nothing.
pub(super) fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        return 0.0;
    }
    part as f64 * 100.0 / whole as f64
}
