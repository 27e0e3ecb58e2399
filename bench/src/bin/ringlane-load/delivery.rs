//! The content of published messages: written by the publisher, checked by each subscriber.
//!
//! A message begins with its number and with when it was due, in nanoseconds since the run began.
//!
//! Always true here: each subscriber is to get the numbers from 0 on, each once and in order.
//!
//! Not here: frames around messages (`frame.rs`), answers around streams (`answer.rs`).

use crate::answer::Malformed;

const DIGITS: usize = 20;
/// Two numbers and a space.
pub(crate) const STAMP_BYTES: usize = 2 * DIGITS + 1;

/// The start of a message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Stamp {
    pub(crate) number: u64,
    pub(crate) due_ns: u64,
}

impl Stamp {
    /// A message of `size` bytes; shorter than the stamp none is.
    pub(crate) fn message(self, size: usize) -> String {
        let Self { number, due_ns } = self;
        let mut text = format!("{number:0DIGITS$} {due_ns:0DIGITS$}");
        text.extend(std::iter::repeat_n('x', size.saturating_sub(STAMP_BYTES)));
        text
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes.get(..STAMP_BYTES)?).ok()?;
        let (number, due_ns) = text.split_once(' ')?;
        Some(Self {
            number: number.parse().ok()?,
            due_ns: due_ns.parse().ok()?,
        })
    }
}

/// One message as it arrives: its start is kept, the rest is counted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arriving {
    start: [u8; STAMP_BYTES],
    bytes: usize,
}

impl Default for Arriving {
    fn default() -> Self {
        Self {
            start: [0; STAMP_BYTES],
            bytes: 0,
        }
    }
}

impl Arriving {
    pub(crate) fn push(&mut self, piece: &[u8]) {
        let at = self.bytes.min(STAMP_BYTES);
        let kept = piece.len().min(STAMP_BYTES - at);
        self.start[at..at + kept].copy_from_slice(&piece[..kept]);
        self.bytes += piece.len();
    }

    /// The message has ended: its stamp, if it is as long as it is to be.
    pub(crate) fn take(&mut self, size: usize) -> Result<Stamp, Malformed> {
        let arrived = std::mem::take(self);
        if arrived.bytes != size {
            return Err(Malformed);
        }
        Stamp::parse(&arrived.start).ok_or(Malformed)
    }
}

/// What became of the numbers at one subscriber.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Order {
    next: u64,
}

/// How a number came.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Arrival {
    InOrder,
    /// So many before it were left out.
    After(u64),
    /// It, or a later one, was there before.
    Again,
}

impl Order {
    pub(crate) fn arrives(&mut self, number: u64) -> Arrival {
        match number.checked_sub(self.next) {
            None => Arrival::Again,
            Some(missing) => {
                self.next = number.saturating_add(1);
                match missing {
                    0 => Arrival::InOrder,
                    missing => Arrival::After(missing),
                }
            }
        }
    }
}

/// Reads an event stream (the HTML standard, §9.2) whose events have one line of data each.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct EventReader {
    data: Arriving,
    has_data: bool,
    at: Place,
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Place {
    #[default]
    LineStart,
    /// So many bytes of `data:` are matched.
    Name(usize),
    AfterColon,
    Value,
    OtherField,
    LineEnd,
}

const FIELD: &[u8] = b"data:";

impl EventReader {
    /// Reads on; takes what it read off `bytes`. Nothing: no event is complete yet.
    pub(crate) fn next(
        &mut self,
        bytes: &mut &[u8],
        size: usize,
    ) -> Result<Option<Stamp>, Malformed> {
        while let Some((&byte, rest)) = bytes.split_first() {
            if matches!(self.at, Place::Value | Place::OtherField) {
                self.value(bytes);
                continue;
            }
            *bytes = rest;
            self.at = match (self.at, byte) {
                (_, b'\r') => self.at,
                (Place::LineStart, b'\n') => {
                    if std::mem::take(&mut self.has_data) {
                        return self.data.take(size).map(Some);
                    }
                    Place::LineStart
                }
                (_, b'\n') => Place::LineStart,
                (Place::AfterColon, b' ') => Place::Value,
                (Place::AfterColon, _) => {
                    self.data.push(&[byte]);
                    Place::Value
                }
                (place, byte) => self.name(place, byte)?,
            };
        }
        Ok(None)
    }

    /// One more byte of a field's name.
    fn name(&mut self, place: Place, byte: u8) -> Result<Place, Malformed> {
        let matched = match place {
            Place::Name(matched) => matched,
            _ => 0,
        };
        if FIELD.get(matched) != Some(&byte) {
            return Ok(Place::OtherField);
        }
        if matched + 1 < FIELD.len() {
            return Ok(Place::Name(matched + 1));
        }
        // A second line of data would be part of the same message: none is published.
        if std::mem::replace(&mut self.has_data, true) {
            return Err(Malformed);
        }
        Ok(Place::AfterColon)
    }

    /// What there is of a value, up to the end of its line.
    fn value(&mut self, bytes: &mut &[u8]) {
        let end = bytes.iter().position(|byte| matches!(byte, b'\r' | b'\n'));
        let (value, rest) = bytes.split_at(end.unwrap_or(bytes.len()));
        if self.at == Place::Value {
            self.data.push(value);
        }
        *bytes = rest;
        if end.is_some() {
            self.at = Place::LineEnd;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps() {
        let stamp = Stamp {
            number: 7,
            due_ns: u64::MAX,
        };
        let message = stamp.message(50);
        assert_eq!(message.len(), 50);
        assert_eq!(Stamp::parse(message.as_bytes()), Some(stamp));
        assert_eq!(Stamp::parse(&message.as_bytes()[..STAMP_BYTES - 1]), None);
        assert_eq!(stamp.message(STAMP_BYTES).len(), STAMP_BYTES);
    }

    #[test]
    fn a_message_in_parts() {
        let stamp = Stamp {
            number: 1,
            due_ns: 2,
        };
        let message = stamp.message(64);
        for at in 0..=message.len() {
            let mut arriving = Arriving::default();
            arriving.push(&message.as_bytes()[..at]);
            arriving.push(&message.as_bytes()[at..]);
            assert_eq!(arriving.take(64), Ok(stamp));
            arriving.push(message.as_bytes());
            assert_eq!(arriving.take(65), Err(Malformed));
        }
    }

    #[test]
    fn orders() {
        let mut order = Order::default();
        assert_eq!(order.arrives(0), Arrival::InOrder);
        assert_eq!(order.arrives(0), Arrival::Again);
        assert_eq!(order.arrives(3), Arrival::After(2));
        assert_eq!(order.arrives(2), Arrival::Again);
        assert_eq!(order.arrives(4), Arrival::InOrder);
    }

    fn read(parts: &[&[u8]]) -> Result<Vec<u64>, Malformed> {
        let mut reader = EventReader::default();
        let mut numbers = Vec::new();
        for part in parts {
            let mut bytes = *part;
            while let Some(stamp) = reader.next(&mut bytes, 50)? {
                numbers.push(stamp.number);
            }
        }
        Ok(numbers)
    }

    #[test]
    fn event_streams() {
        let message = |number| Stamp { number, due_ns: 5 }.message(50);
        let (one, two) = (message(1), message(2));
        for input in [
            format!("data: {one}\n\ndata:{two}\n\n"),
            format!(": hello\n\nid: 1\ndata: {one}\n\nretry: 3\n\ndata: {two}\n\ndata: 3"),
            format!("data: {one}\nid: data:\n\nevent: a\ndate: x\ndat\ndata: {two}\n\n"),
            format!("data: {one}\r\n\r\n\r\ndata: {two}\r\n\r\n"),
        ] {
            let input = input.as_bytes();
            for at in 0..=input.len() {
                let read = read(&[&input[..at], &input[at..]]);
                assert_eq!(read, Ok(vec![1, 2]), "cut at {at}");
            }
            let bytes: Vec<&[u8]> = input.chunks(1).collect();
            assert_eq!(read(&bytes), Ok(vec![1, 2]));
        }
        let twice = format!("data: {one}\ndata: {two}\n\n");
        assert_eq!(read(&[twice.as_bytes()]), Err(Malformed));
        assert_eq!(read(&[b"data: short\n\n"]), Err(Malformed));
    }
}
