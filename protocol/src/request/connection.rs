//! Reads `Connection` (RFC 9110 §7.6.1) and `Expect` (§10.1.1) of a request.

use super::ParseError;
use crate::bytes::list_members;
use http::Version;

/// The options of all `Connection` lines together.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Connection {
    close: bool,
    keep_alive: bool,
    upgrade: bool,
}

impl Connection {
    /// Adds one line's options. Those we do not know name headers for the next hop: ignored.
    pub(super) fn take(&mut self, value: &[u8]) {
        for option in list_members(value) {
            self.close |= option.eq_ignore_ascii_case(b"close");
            self.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
            self.upgrade |= option.eq_ignore_ascii_case(b"upgrade");
        }
    }

    /// RFC 9112 §9.3: `close` wins; else 1.1 persists, and 1.0 only if it asked to.
    pub(super) fn keeps_alive(self, version: Version) -> bool {
        !self.close && (version == Version::HTTP_11 || self.keep_alive)
    }

    pub(super) const fn lists_upgrade(self) -> bool {
        self.upgrade
    }
}

/// The members of all `Expect` lines together.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Expectation {
    continues: bool,
    unknown: bool,
}

impl Expectation {
    pub(super) fn take(&mut self, value: &[u8]) {
        for member in list_members(value) {
            let known = member.eq_ignore_ascii_case(b"100-continue");
            self.continues |= known;
            self.unknown |= !known;
        }
    }

    /// Whether `100 Continue` is waited for. What we cannot promise is refused (417).
    pub(super) const fn continues(self) -> Result<bool, ParseError> {
        if self.unknown {
            return Err(ParseError::UnknownExpectation);
        }
        Ok(self.continues)
    }
}
