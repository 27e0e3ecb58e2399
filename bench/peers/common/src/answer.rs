//! The canned answers: the bytes a framework would have produced, and how many of them are owed.
//!
//! Always true here: the bytes are whole answers, all alike, and as long after a refresh as before.
//!
//! Not here: the clock (a caller reads the cheapest it has and passes whole seconds).

use std::time::{Duration, SystemTime};

/// The body of TechEmpower's plaintext test.
pub const BODY: &str = "Hello, World!";

/// The type of [`BODY`], without a charset.
pub const CONTENT_TYPE: &str = "text/plain";

/// Several copies of one answer in a row, so that pipelined requests are answered by one slice.
#[derive(Debug)]
pub struct Answers {
    bytes: Vec<u8>,
    answer_bytes: usize,
    date_at: usize,
    second: u64,
}

impl Answers {
    /// How many answers one send can hold; whoever owes more sends again.
    const COUNT_MAX: u32 = 64;

    /// Answers under the name `server`, dated `second` (Unix time).
    ///
    /// ```
    /// let answers = bench_peers_common::Answers::new("exampled", 0);
    /// assert_eq!(answers.answer_bytes(), 133);
    /// ```
    pub fn new(server: &str, second: u64) -> Self {
        let head = format!("HTTP/1.1 200 OK\r\nServer: {server}\r\nDate: ");
        let answer = format!(
            "{head}{date}\r\nContent-Type: {CONTENT_TYPE}\r\nContent-Length: {length}\r\n\r\n{BODY}",
            date = date(second),
            length = BODY.len(),
        );
        Self {
            bytes: answer.repeat(Self::COUNT_MAX as usize).into_bytes(),
            answer_bytes: answer.len(),
            date_at: head.len(),
            second,
        }
    }

    /// Whether `second` needs another date than the one written.
    #[inline]
    pub fn is_stale(&self, second: u64) -> bool {
        second != self.second
    }

    /// Writes the date of `second` into every copy.
    pub fn refresh(&mut self, second: u64) {
        let date = date(second);
        for answer in self.bytes.chunks_exact_mut(self.answer_bytes) {
            answer[self.date_at..][..date.len()].copy_from_slice(date.as_bytes());
        }
        self.second = second;
    }

    /// How long one answer is.
    #[inline]
    pub fn answer_bytes(&self) -> usize {
        self.answer_bytes
    }
}

/// Answers that a connection has to send, the first of which may have been sent in part.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Debt {
    answers: u32,
    begun_bytes: u32,
}

impl Debt {
    /// Adds `answers` behind the others.
    #[inline]
    pub fn owe(&mut self, answers: u32) {
        self.answers += answers;
    }

    /// Whether nothing is owed.
    #[inline]
    pub fn is_empty(self) -> bool {
        self.answers == 0
    }

    /// Removes as much from the front as one send can hold.
    ///
    /// ```
    /// use bench_peers_common::{Answers, Debt};
    ///
    /// let answers = Answers::new("exampled", 0);
    /// let mut debt = Debt::default();
    /// debt.owe(2);
    /// let mut part = debt.take();
    /// assert_eq!(part.bytes(&answers).len(), 2 * answers.answer_bytes());
    /// part.pay(answers.answer_bytes() + 1, &answers); // the socket took no more
    /// debt.refund(part);
    /// assert_eq!(debt.bytes(&answers).len(), answers.answer_bytes() - 1);
    /// ```
    #[inline]
    pub fn take(&mut self) -> Self {
        let answers = self.answers.min(Answers::COUNT_MAX);
        let part = Self { answers, ..*self };
        *self = Self {
            answers: self.answers - answers,
            begun_bytes: 0,
        };
        part
    }

    /// Puts back, in front, what is left of a part.
    #[inline]
    pub fn refund(&mut self, part: Self) {
        self.answers += part.answers;
        self.begun_bytes = part.begun_bytes;
    }

    /// The bytes of a part that [`Debt::take`] returned.
    #[inline]
    pub fn bytes(self, answers: &Answers) -> &[u8] {
        let end = answers.answer_bytes * self.answers.min(Answers::COUNT_MAX) as usize;
        &answers.bytes[self.begun_bytes as usize..end]
    }

    /// Counts the first `bytes` of a part as sent.
    #[inline]
    pub fn pay(&mut self, bytes: usize, answers: &Answers) {
        if bytes == self.bytes(answers).len() {
            *self = Self::default();
            return;
        }
        let sent = self.begun_bytes as usize + bytes;
        self.answers -= (sent / answers.answer_bytes) as u32;
        self.begun_bytes = (sent % answers.answer_bytes) as u32;
    }
}

/// IMF-fixdate (RFC 9110 §5.6.7).
fn date(second: u64) -> String {
    httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + Duration::from_secs(second))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refresh_changes_only_the_date() {
        let mut answers = Answers::new("exampled", 0);
        assert!(answers.is_stale(1));
        answers.refresh(1);
        assert!(!answers.is_stale(1));
        assert_eq!(answers.bytes, Answers::new("exampled", 1).bytes);
    }

    /// However little a socket takes at a time, the client reads whole answers and no more.
    #[track_caller]
    fn check(owed: u32, step: usize) {
        let answers = Answers::new("exampled", 0);
        let mut debt = Debt::default();
        debt.owe(owed);
        let mut received = Vec::new();
        while !debt.is_empty() {
            let mut part = debt.take();
            let bytes = part.bytes(&answers);
            let bytes = &bytes[..bytes.len().min(step)];
            received.extend_from_slice(bytes);
            part.pay(bytes.len(), &answers);
            debt.refund(part);
        }
        let expected = answers.bytes[..answers.answer_bytes].repeat(owed as usize);
        assert!(
            received == expected,
            "{owed} answers, {step} bytes at a time"
        );
    }

    #[test]
    fn debts() {
        for owed in [
            0,
            1,
            2,
            Answers::COUNT_MAX,
            Answers::COUNT_MAX + 1,
            3 * Answers::COUNT_MAX,
        ] {
            for step in [1, 132, 133, 134, 1000, usize::MAX] {
                check(owed, step);
            }
        }
    }
}
