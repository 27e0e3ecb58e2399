//! Counts requests without parsing them: each blank line ends one.
//!
//! Always true here: the count does not depend on how the network cut the bytes.
//!
//! Not here: request bodies and everything else that would make this a parser.

const TERMINATOR: [u8; 4] = *b"\r\n\r\n";

/// Positions compared at a time: the compiler turns the comparison into vector instructions.
const LANES: usize = 32;

/// What one connection has to remember between two receives: how much of a blank line it has seen.
#[derive(Clone, Copy, Debug, Default)]
pub struct Terminators {
    matched: u8,
}

impl Terminators {
    /// How many requests end in `bytes`.
    ///
    /// ```
    /// let mut terminators = bench_peers_common::Terminators::default();
    /// assert_eq!(terminators.count(b"GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r"), 1);
    /// assert_eq!(terminators.count(b"\n"), 1);
    /// ```
    #[inline]
    pub fn count(&mut self, bytes: &[u8]) -> u32 {
        if self.matched == 0 && bytes.ends_with(&TERMINATOR) {
            return count_whole(bytes);
        }
        self.count_split(bytes)
    }

    /// The rare case: a request began or ends in another receive.
    #[cold]
    fn count_split(&mut self, bytes: &[u8]) -> u32 {
        let mut count = 0;
        for &byte in bytes {
            if byte == TERMINATOR[usize::from(self.matched)] {
                self.matched += 1;
            } else {
                self.matched = u8::from(byte == TERMINATOR[0]);
            }
            if usize::from(self.matched) == TERMINATOR.len() {
                count += 1;
                self.matched = 0;
            }
        }
        count
    }
}

/// Counts blank lines by comparing [`LANES`] positions at once.
#[inline]
fn count_whole(bytes: &[u8]) -> u32 {
    let last = TERMINATOR.len() - 1;
    let mut count = 0;
    let mut at = 0;
    while let Some(window) = bytes.get(at..at + LANES + last) {
        count += u32::from(count_lanes(window));
        at += LANES;
    }
    let rest = &bytes[at..];
    count
        + rest
            .windows(TERMINATOR.len())
            .filter(|window| *window == TERMINATOR)
            .count() as u32
}

/// How many of the first [`LANES`] positions start a blank line.
#[inline]
fn count_lanes(window: &[u8]) -> u8 {
    let lane = |offset: usize| -> &[u8; LANES] {
        window[offset..]
            .first_chunk()
            .expect("the window holds a lane and three bytes more")
    };
    let (a, b, c, d) = (lane(0), lane(1), lane(2), lane(3));
    let mut count = 0;
    for i in 0..LANES {
        count += u8::from(a[i] == b'\r')
            & u8::from(b[i] == b'\n')
            & u8::from(c[i] == b'\r')
            & u8::from(d[i] == b'\n');
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The count may not depend on where the input was cut.
    #[track_caller]
    fn check(input: &str, expected: u32) {
        for first in 0..=input.len() {
            for second in first..=input.len() {
                let mut terminators = Terminators::default();
                let parts = [&input[..first], &input[first..second], &input[second..]];
                let count: u32 = parts
                    .iter()
                    .map(|part| terminators.count(part.as_bytes()))
                    .sum();
                assert_eq!(count, expected, "cut at {first} and {second}");
            }
        }
    }

    #[test]
    fn blank_lines() {
        check("", 0);
        check("\r\n\r\n", 1);
        check("GET / HTTP/1.1\r\nHost: a\r\n\r", 0);
        check("GET / HTTP/1.1\r\nHost: a\r\n\r\n", 1);
        check("a\r\r\n\r\n", 1);
        check("a\r\n\r\r\n\r\n", 1);
        check(
            &"GET /plaintext HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(5),
            5,
        );
        check(&"x\r\n\r\n".repeat(15), 15);
    }
}
