//! The last plain head, for the next answer that needs the same: a 200 to a plain request, without
//! headers of the handler's.
//!
//! Such heads differ in nothing but the second, the length and the media type, so they come in
//! runs: a pipeline's answers, health checks, one resource that many ask for.
//!
//! Not here: how heads are written (the protocol's).

#[derive(Default)]
pub(super) struct UsualHead {
    bytes: Vec<u8>,
    kind: Option<Kind>,
}

/// What such a head depends on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kind {
    pub(super) unix_seconds: u64,
    pub(super) length: u64,
    pub(super) content_type: &'static str,
}

impl Kind {
    /// Compares where the names are, not how they read: what is one name is mostly one constant.
    fn is(self, other: Self) -> bool {
        self.unix_seconds == other.unix_seconds
            && self.length == other.length
            && std::ptr::eq(self.content_type, other.content_type)
    }
}

impl UsualHead {
    #[inline]
    pub(super) fn get(&self, kind: Kind) -> Option<&[u8]> {
        self.kind.filter(|own| own.is(kind)).map(|_| &*self.bytes)
    }

    pub(super) fn remember(&mut self, kind: Kind, head: &[u8]) {
        self.kind = Some(kind);
        self.bytes.clear();
        self.bytes.extend_from_slice(head);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_of_the_kind_counts() {
        let kind = Kind {
            unix_seconds: 1,
            length: 2,
            content_type: "a/b",
        };
        let mut head = UsualHead::default();
        assert_eq!(head.get(kind), None);
        head.remember(kind, b"head");
        assert_eq!(head.get(kind), Some(&b"head"[..]));
        let others = [
            Kind {
                unix_seconds: 2,
                ..kind
            },
            Kind { length: 3, ..kind },
            Kind {
                content_type: "a/c",
                ..kind
            },
        ];
        for other in others {
            assert_eq!(head.get(other), None, "{other:?}");
        }
    }
}
